"""The tags that Tagger keeps for itself: the marks of versions, and the tags of the policy and of a removal."""

from tagger.errors import InputError

__all__ = ["HELD_MARK", "POLICY_TAG", "REMOVAL_TAG", "WITHDRAWN_MARK", "check_not_reserved", "is_reserved"]

WITHDRAWN_MARK = "withdrawn-"
"""A tag `withdrawn-2.1.4` says that 2.1.4 is withdrawn: the repository is the database."""

HELD_MARK = "held-"
"""A tag `held-2.1.4` says that 2.1.4 is held: it owns no floating tag until it is approved."""

POLICY_TAG = "tagger-policy"
"""The tag of the artifact that says by which rules the tags of a repository are decided."""

REMOVAL_TAG = "tagger-removal"
"""The tag of the artifact that says what a removal under way has to remove; it is there as long as that runs."""


def is_reserved(tag: str) -> bool:
    """Say whether a tag is one of Tagger's own, or has the form of a mark: it is no image's own tag."""
    return tag in (POLICY_TAG, REMOVAL_TAG) or tag.startswith((WITHDRAWN_MARK, HELD_MARK))


def check_not_reserved(tag: str, hint: str) -> str:
    """Return `tag`, which is to be an image's. Raise `InputError` with `hint` where it is reserved."""
    if is_reserved(tag):
        raise InputError(f"the tag {tag} is reserved: Tagger marks versions and keeps its policy with such tags", hint)
    return tag
