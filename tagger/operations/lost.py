"""Tags that are listed, and whose manifests are gone: which of them may be written, and which decide."""

from collections.abc import Collection

from tagger.errors import StoreError
from tagger.rules.cascade import Rules
from tagger.rules.marks import is_reserved

__all__ = ["check_none_lost", "kept", "lost_note"]


def kept(lost: Collection[str], rules: Rules) -> frozenset[str]:
    """Return the lost tags that count as standing all the same: those of versions, and marks.

    A floating tag is not read for its value, so it may be written anew as if it were absent.
    """
    return frozenset(tag for tag in lost if is_reserved(tag) or rules.read(tag) is not None)


def lost_note(tag: str) -> str:
    """Return what is said of a tag that is listed, and whose manifest is gone."""
    return f"the tag {tag} is listed, and its manifest is gone: nobody can pull it"


def check_none_lost(lost: Collection[str], place: str) -> None:
    """Raise `StoreError` where a tag that decides is listed, and answers nothing."""
    if lost:
        raise StoreError(
            f"the tag {min(lost)} is listed, and answers nothing",
            "If somebody deletes it at this moment, run again. Else its manifest is lost: push that tag again by other "
            "means, or remove it where the registry is run.",
            code="MANIFEST_UNKNOWN",
            place=place,
        )
