"""The labels for version, commit and base, and whether a version label is inherited from the base image."""

import re

from tagger.images.stores import ImageConfig

__all__ = ["BASE_DIGEST", "BASE_NAME", "REF_NAME", "REVISION_LABEL", "VERSION_LABEL", "inherited_from"]

# image-spec, annotations.md: the names of annotations, which labels have too.
VERSION_LABEL = "org.opencontainers.image.version"
REVISION_LABEL = "org.opencontainers.image.revision"
BASE_NAME = "org.opencontainers.image.base.name"
BASE_DIGEST = "org.opencontainers.image.base.digest"
# The tag of an entry in a layout's index. Ubuntu's image and some others have it as a label too: every build on them
# inherits it, with the version of the base.
REF_NAME = "org.opencontainers.image.ref.name"
# Labels that build tools set beside a version: docker/metadata-action, build-push-action, buildpacks.
OWN = tuple(f"org.opencontainers.image.{name}" for name in ("revision", "source", "created", "title", "url"))


def inherited_from(config: ImageConfig, version: str) -> str:
    """Return the reason why the version label is that of the base image; empty where it may be the build's own."""
    name = config.labels.get(REF_NAME, "")
    if name and not any(label in config.labels for label in OWN):
        return f"it has the label {REF_NAME}={name}"
    base = config.annotations.get(BASE_NAME) or config.labels.get(BASE_NAME, "")
    tag = re.split(r"[@]", base)[0].rpartition(":")[2]
    return f"the base is {base}" if base and tag == version else ""
