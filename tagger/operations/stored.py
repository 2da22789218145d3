"""Reads the policy that a repository stores, and plans the change of a mark."""

from tagger.images.artifacts import LIFTED_DIGEST, POLICY
from tagger.images.documents import object_in
from tagger.images.stores import TagStore
from tagger.rules.marks import POLICY_TAG
from tagger.rules.plan import Action, Change
from tagger.rules.policy import no_policy
from tagger.rules.versions import Version

__all__ = ["set_change", "stored_policy"]


def stored_policy(store: TagStore, digest: str | None) -> str | None:
    """Return the JSON of the policy, given the digest under its tag; None where none is in force.

    Raise `TaggerError` where the tag holds anything else.
    """
    if digest is None or digest == LIFTED_DIGEST:
        return None
    text = object_in(store.manifest(digest).document, "annotations").get(POLICY)
    if not isinstance(text, str):
        raise no_policy(f"{store.place}: {POLICY_TAG} does not hold a policy")
    return text


def set_change(before: str | None, version: Version, mark: str, after: str, reason: str) -> Change:
    """Return the change that puts a mark in force. One that is in force already keeps its digest, `before`."""
    in_force = before is not None and before != LIFTED_DIGEST
    action: Action = "keep" if in_force else "create" if before is None else "move"
    return Change(mark, action, before, before if in_force else after, version.text, reason)
