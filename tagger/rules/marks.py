"""The tags that are reserved for Tagger: the marks of versions, the policy, and the record of a removal."""

from tagger.errors import InputError

__all__ = ["HELD_MARK", "POLICY_TAG", "REMOVAL_TAG", "WITHDRAWN_MARK", "check_not_reserved", "is_reserved"]

WITHDRAWN_MARK = "withdrawn-"
"""The tag `withdrawn-2.1.4` marks 2.1.4 as withdrawn, so that every run sees it in the listing."""

HELD_MARK = "held-"
"""The tag `held-2.1.4` marks 2.1.4 as held: it owns no floating tag until it is approved."""

POLICY_TAG = "tagger-policy"
"""The tag of the artifact that says by which rules the tags of a repository are decided."""

REMOVAL_TAG = "tagger-removal"
"""The tag of the artifact that records what a removal has to remove; it exists only while the removal runs."""


def is_reserved(tag: str) -> bool:
    """Say whether a tag is reserved for Tagger: that of the policy or of a removal, or one in the form of a mark."""
    return tag in (POLICY_TAG, REMOVAL_TAG) or tag.startswith((WITHDRAWN_MARK, HELD_MARK))


def check_not_reserved(tag: str, hint: str) -> str:
    """Return `tag`, the tag for an image. Raise `InputError` with `hint` where it is reserved."""
    if is_reserved(tag):
        raise InputError(f"the tag {tag} is reserved: Tagger marks versions and keeps its policy with such tags", hint)
    return tag
