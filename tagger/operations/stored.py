"""The policy that a repository keeps, as far as it is in force."""

from tagger.images.artifacts import LIFTED_DIGEST, POLICY
from tagger.images.documents import object_in
from tagger.images.stores import TagStore
from tagger.rules.marks import POLICY_TAG
from tagger.rules.policy import no_policy

__all__ = ["stored_policy"]


def stored_policy(store: TagStore, digest: str | None) -> str | None:
    """Return the JSON of the policy, given the digest under its tag; None where none is in force.

    Raise `TaggerError` where something else than a policy stands there.
    """
    if digest is None or digest == LIFTED_DIGEST:
        return None
    text = object_in(store.manifest(digest).document, "annotations").get(POLICY)
    if not isinstance(text, str):
        raise no_policy(f"{store.place}: {POLICY_TAG} holds something else than a policy")
    return text
