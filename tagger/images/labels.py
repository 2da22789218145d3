"""Labels of images that say of which version and commit they are, and whose label it is: the build's or the base's."""

import re

from tagger.images.stores import ImageConfig

__all__ = ["BASE_DIGEST", "BASE_NAME", "REF_NAME", "REVISION_LABEL", "VERSION_LABEL", "inherited_from"]

# image-spec, annotations.md: the names of annotations, which labels have too.
VERSION_LABEL = "org.opencontainers.image.version"
REVISION_LABEL = "org.opencontainers.image.revision"
BASE_NAME = "org.opencontainers.image.base.name"
BASE_DIGEST = "org.opencontainers.image.base.digest"
# The tag of an entry in a layout's index. As a label it is set by Ubuntu's image and its like: every build on it
# inherits that, with the version of the base.
REF_NAME = "org.opencontainers.image.ref.name"
# What builds of one's own set beside a version: docker/metadata-action, build-push-action, buildpacks.
OWN = tuple(f"org.opencontainers.image.{name}" for name in ("revision", "source", "created", "title", "url"))


def inherited_from(config: ImageConfig, version: str) -> str:
    """Return why the label `version` is known to be the base image's; empty where it may be the build's own."""
    name = config.labels.get(REF_NAME, "")
    if name and not any(label in config.labels for label in OWN):
        return f"it says {REF_NAME}={name}"
    base = config.annotations.get(BASE_NAME) or config.labels.get(BASE_NAME, "")
    tag = re.split(r"[@]", base)[0].rpartition(":")[2]
    return f"the base is {base}" if base and tag == version else ""
