"""Checks by labels that several builds belong together: one version, one commit, one base."""

from collections.abc import Callable, Sequence

from tagger.errors import Refused
from tagger.images.assembled import Image
from tagger.images.labels import BASE_DIGEST, BASE_NAME, REVISION_LABEL, VERSION_LABEL, inherited_from

__all__ = ["check_one_base", "check_one_build", "own_version"]

_HINT = "Digests of two runs or of two images may be mixed here: use those of one run and of one image only."


def own_version(image: Image) -> str:
    """Return the version in the label of an image; empty where there is none, or where it is the base image's."""
    version = image.config.labels.get(VERSION_LABEL, "").strip()
    return "" if not version or inherited_from(image.config, version) else version


def check_one_build(images: Sequence[Image]) -> None:
    """Raise `Refused` where the labels of two images name different versions or commits. A missing label is ignored."""
    _check_equal(images, "of the version", lambda image: own_version(image).removeprefix("v"))
    _check_equal(images, "of the commit", _own_revision)


def check_one_base(images: Sequence[Image]) -> None:
    """Raise `Refused` where two images name different bases.

    The digest of a base counts only in labels: in an annotation it may be that of the manifest for this platform.
    """

    def name(image: Image) -> str:
        return image.config.annotations.get(BASE_NAME) or image.config.labels.get(BASE_NAME, "")

    hint = "Build all platforms on one base; or set `force` if different bases are right."
    _check_equal(images, "built on", name, hint, "BASES_DIFFER")
    _check_equal(images, "built on", lambda image: image.config.labels.get(BASE_DIGEST, ""), hint, "BASES_DIFFER")


def _own_revision(image: Image) -> str:
    labels = image.config.labels
    version = labels.get(VERSION_LABEL, "").strip()
    # Where the version is the base image's, the other labels may be too.
    return "" if version and inherited_from(image.config, version) else labels.get(REVISION_LABEL, "").strip()


def _check_equal(
    images: Sequence[Image], what: str, read: Callable[[Image], str], hint: str = _HINT, code: str = "FOREIGN"
) -> None:
    found = {text: image for image in reversed(images) if (text := read(image))}
    if len(found) > 1:
        (one, first), (other, second) = sorted(found.items())[:2]
        sides = f"{_text_of(first)} is {what} {one}, and {_text_of(second)} {what} {other}"
        raise Refused(f"the builds do not belong together: {sides}", hint, code=code)


def _text_of(image: Image) -> str:
    return f"{image.platform} ({image.manifest.digest} from {image.origin})"
