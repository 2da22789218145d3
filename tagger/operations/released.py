"""Whether a version is released in every repository: its exact tags stand there, and nothing else is asked."""

from collections.abc import Collection, Sequence

from tagger.concurrency import side_by_side
from tagger.errors import StoreError, TaggerError
from tagger.images.stores import TagStore

__all__ = ["is_released"]


def is_released(stores: Sequence[TagStore], tags: Collection[str]) -> bool:
    """Say whether every one of `tags` stands in every repository. Raise `TaggerError` where that cannot be known."""
    answers = [answer for _, answer in side_by_side(lambda store: _stand(store, tags), stores)]
    if False in answers:
        return False
    failures = [answer for answer in answers if isinstance(answer, TaggerError)]
    if failures:
        raise failures[0]
    return True


def _stand(store: TagStore, tags: Collection[str]) -> bool:
    """Say whether all tags stand in one repository.

    Some registries refuse to read a repository that does not exist yet: it has no tags where one may be pushed there.
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
