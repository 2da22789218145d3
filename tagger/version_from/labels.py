"""The version in an image's label, where the build itself sets it."""

from collections.abc import Callable, Iterable, Sequence

from tagger.errors import InputError
from tagger.images.labels import VERSION_LABEL, inherited_from
from tagger.images.stores import ImageConfig
from tagger.rules.versions import Version
from tagger.version_from.found import Absent, Found, Given, V, find_version

__all__ = ["VERSION_LABEL", "is_other_version", "label_version"]


def label_version(
    configs: Callable[[], Sequence[ImageConfig]] | None, variants: Iterable[str], parse: Callable[[str], V]
) -> Found[V]:
    """Return the version in the image's label; platforms without the label do not count.

    A label is often no version: docker/metadata-action writes the first tag there, as `main` or `2.1`, with the suffix
    of a variant. Raise `Absent` with the reason for such a label, for the base image's own, for a placeholder, and
    where there is none. Raise `InputError` where the labels of the platforms differ.
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
        if whose := inherited_from(config, text):
            raise Absent(f"the label {VERSION_LABEL} is {text}, which is the base image's: {whose}")
    if _is_placeholder(text):
        raise Absent(f"the label {VERSION_LABEL} is {text}, a placeholder")
    plain = text
    for variant in sorted(filter(None, variants), key=len, reverse=True):
        plain = plain.removesuffix(f"-{variant}")
    try:
        return find_version(Given(plain, "label", f"the image's label {VERSION_LABEL}"), parse)._replace(text=text)
    except InputError as error:
        raise Absent(f"the label {VERSION_LABEL} is {text}, and that is no version here: {error.message}") from error


def is_other_version(text: str, version: Version, parse: Callable[[str], Version]) -> bool:
    """Say whether a label is a version other than `version`; False where the label is no version."""
    if not text or _is_placeholder(text):
        return False
    try:
        named = parse(text)
    except InputError:
        return False
    return (named.numbers, named.prerelease) != (version.numbers, version.prerelease)


def _is_placeholder(text: str) -> bool:
    return text.startswith(("0.0.0", "v0.0.0")) and not text.lstrip("v")[5:6].isdecimal()
