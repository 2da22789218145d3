"""Finds out whether a version is released in every repository, by its exact tags alone."""

from collections.abc import Collection, Sequence

from tagger.concurrency import side_by_side
from tagger.errors import StoreError, TaggerError
from tagger.images.stores import TagStore

__all__ = ["is_released"]


def is_released(stores: Sequence[TagStore], tags: Collection[str]) -> bool:
    """Say whether all `tags` exist in every repository. Raise `TaggerError` where that cannot be known."""
    answers = [answer for _, answer in side_by_side(lambda store: _all_exist(store, tags), stores)]
    if False in answers:
        return False
    failures = [answer for answer in answers if isinstance(answer, TaggerError)]
    if failures:
        raise failures[0]
    return True


def _all_exist(store: TagStore, tags: Collection[str]) -> bool:
    """Say whether all tags exist in one repository.

    Some registries refuse to read a repository that does not exist yet: where a push is allowed, it has no tags.
    """
    try:
        return all(store.digests(tags).values())
    except StoreError as error:
        if error.status not in (401, 403):
            raise
        try:
            store.check_writable()
        except TaggerError:
            raise error from None
        return False
