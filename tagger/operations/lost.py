"""Listed tags whose manifests are gone: which of them still count, and the messages about them."""

from collections.abc import Collection, Iterator

from tagger.errors import Refused, StoreError
from tagger.rules.cascade import Rules
from tagger.rules.marks import POLICY_TAG, is_reserved

__all__ = ["check_none_lost", "check_policy_stands", "counted_as_existing", "lost_notes"]

NAMED = 20


def counted_as_existing(lost: Collection[str], rules: Rules) -> frozenset[str]:
    """Return the lost tags that still count as existing: exact tags and marks.

    A floating tag decides nothing, so it may be written again as if it were absent.
    """
    return frozenset(tag for tag in lost if is_reserved(tag) or rules.read(tag) is not None)


def lost_notes(lost: Collection[str]) -> Iterator[str]:
    """Yield the messages about listed tags whose manifests are gone: one for each, and one for all beyond `NAMED`."""
    for tag in sorted(lost)[:NAMED]:
        yield f"the tag {tag} is listed, but its manifest is gone: nobody can pull it"
    if len(lost) > NAMED:
        yield f"{len(lost) - NAMED:,} more tags are listed, but their manifests are gone"


def check_none_lost(lost: Collection[str], place: str) -> None:
    """Raise `StoreError` where a tag that decides is listed, but has no manifest."""
    if lost:
        raise StoreError(
            f"the tag {min(lost)} is listed, but the registry has no manifest for it",
            "If somebody deletes it at this moment, run again. Else its manifest is lost: push that tag again with "
            "another tool, or let the operator of the registry remove it.",
            code="MANIFEST_UNKNOWN",
            place=place,
        )


def check_policy_stands(lost: Collection[str], place: str) -> None:
    """Raise `Refused` where the tag of the policy is listed, but has no manifest: the rules are unknown then."""
    if POLICY_TAG in lost:
        raise Refused(
            f"{place}: {POLICY_TAG} is listed, but its manifest is gone: the policy is unknown",
            "`policy set` writes it again.",
            code="POLICY",
        )
