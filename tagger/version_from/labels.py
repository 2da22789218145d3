"""The version in an image's label, if the label is the build's own and a version at all."""

import re
from collections.abc import Callable, Iterable, Sequence

from tagger.errors import InputError
from tagger.images.stores import ImageConfig
from tagger.version_from.found import Absent, Found, Given, V, found

__all__ = ["VERSION_LABEL", "label_version"]

VERSION_LABEL = "org.opencontainers.image.version"
# Set as a label by Ubuntu's image and its like, which every build on it inherits with the version of the base.
REF_NAME = "org.opencontainers.image.ref.name"
BASE_NAME = "org.opencontainers.image.base.name"
# What builds of one's own set beside a version: docker/metadata-action, build-push-action, buildpacks.
OWN = tuple(f"org.opencontainers.image.{name}" for name in ("revision", "source", "created", "title", "url"))


def label_version(
    configs: Callable[[], Sequence[ImageConfig]] | None, variants: Iterable[str], parse: Callable[[str], V]
) -> Found[V]:
    """Return the version in the label of every platform.

    A label is often no version: docker/metadata-action writes the first tag there, as `main` or `2.1`, with the suffix
    of a variant. Then, and where it is the base image's, raise `Absent` with the reason. Raise `InputError` where
    platforms differ.
    """
    if configs is None:
        raise Absent("there is no image to read a label from")
    labelled = [config for config in configs() if config.labels.get(VERSION_LABEL, "").strip()]
    texts = {config.labels[VERSION_LABEL].strip(): config.platform for config in labelled}
    if not texts:
        raise Absent(f"the image has no label {VERSION_LABEL}")
    if len(texts) > 1:
        several = ", ".join(f"{text} ({platform})" for text, platform in texts.items())
        raise InputError(
            f"the image's platforms differ in their label {VERSION_LABEL}: {several}",
            "Build all platforms of one version, or leave label out of `version-from`.",
        )
    (text,) = texts
    for config in labelled:
        if whose := _inherited(config, text):
            raise Absent(f"the label {VERSION_LABEL} is {text}, which is the base image's: {whose}")
    if text.startswith(("0.0.0", "v0.0.0")) and not text.lstrip("v")[5:6].isdecimal():
        raise Absent(f"the label {VERSION_LABEL} is {text}, a placeholder")
    plain = text
    for variant in sorted(filter(None, variants), key=len, reverse=True):
        plain = plain.removesuffix(f"-{variant}")
    try:
        return found(Given(plain, "label", f"the image's label {VERSION_LABEL}"), parse)._replace(text=text)
    except InputError as error:
        raise Absent(f"the label {VERSION_LABEL} is {text}, and that is no version here: {error.message}") from error


def _inherited(config: ImageConfig, text: str) -> str:
    """Return whose a label is where it is known to be the base image's; empty where it may be the build's own."""
    name = config.labels.get(REF_NAME, "")
    if name and not any(label in config.labels for label in OWN):
        return f"it says {REF_NAME}={name}"
    base = config.annotations.get(BASE_NAME) or config.labels.get(BASE_NAME, "")
    tag = re.split(r"[@]", base)[0].rpartition(":")[2]
    return f"the base is {base}" if base and tag == text else ""
