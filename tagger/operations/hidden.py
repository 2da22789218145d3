"""Finds versions that the listing omits, before a withdrawal moves tags to older versions."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from tagger.operations.look import Look
from tagger.operations.vetting import vet
from tagger.operations.view import View
from tagger.rules.cascade import Rules
from tagger.rules.plan import Change
from tagger.rules.versions import Version

__all__ = ["know_hidden"]

MOST_BEFORE = 20
"""How many versions of a series are looked for before a withdrawn one."""


def know_hidden(view: View, look: Look) -> bool:
    """Add the exact tags that a listing omits to a view whose run is about to move tags; say whether there are any.

    Read by name are the exact tags of the versions that may follow the new owners (2.1.10 after 2.1.9) or come before
    the version of the run, and the floating tags of all these. Where such a floating tag holds another image than its
    owner's, the label of that image names a version, which counts if its exact tag holds the image too. An image
    without such a version is a warning. Raise `StoreError`.
    """
    falling = [change for change in look.changes(view.claim) if change.writes]
    if not falling:
        return False
    rules = look.rules
    owners = {look.owners[change.tag] for change in falling if change.tag in look.owners}
    near = [one for owner in owners for one in _next(owner, rules)]
    near += [one for version in view.versions for one in _before(version, rules)]
    coming = dict.fromkeys(tag for version in near for tag in rules.exact_tags(version))
    near += owners
    floating = {tag for version in near for tag in rules.floating_tags(version, rules.channels)} | look.orphans()
    digests = dict(look.digests)

    def read(tags: Iterable[str]) -> Mapping[str, str | None]:
        missing = [tag for tag in dict.fromkeys(tags) if tag not in digests]
        digests.update(view.store.digests(missing))
        return digests

    wide = [tag for tag in sorted(floating) if tag not in look.scope]
    theirs = {look.owners[tag] for tag in wide if tag in look.owners}
    read((*coming, *wide, *(tag for owner in theirs for tag in look.published.exact.get(owner, ()))))
    hidden = {tag for tag in coming if digests[tag] and tag not in look.tags}
    wrong = [Change(tag, "move", digests[tag], None, "", "") for tag in wide if digests[tag]]
    vetted = vet(view.store, look._replace(digests=digests), wrong, view.claim.images, read)
    for text in vetted.unknown.values():
        view.warn("UNKNOWN_IMAGE", text)
    hidden |= vetted.hidden
    view.know(hidden)
    return bool(hidden)


def _next(version: Version, rules: Rules) -> Iterator[Version]:
    """Yield the versions that may come next: 2.1.5, 2.2.0 and 3.0.0 after 2.1.4."""
    return _step(version, rules, (1,))


def _before(version: Version, rules: Rules) -> Iterator[Version]:
    """Yield the versions that may come before one in each series: 2.1.3 to 2.1.0, 2.0.0, 1.0.0 and 0.0.0 for 2.1.4."""
    return _step(version, rules, range(-1, -MOST_BEFORE - 1, -1))


def _step(version: Version, rules: Rules, steps: Iterable[int]) -> Iterator[Version]:
    for (place, number), by in product(enumerate(version.numbers), steps):
        if number.isdecimal() and int(number) + by >= 0:
            rest = ("0",) * (len(version.numbers) - place - 1)
            numbers = (*version.numbers[:place], str(int(number) + by), *rest)
            stepped = rules.scheme.read(".".join(numbers), version.variant)
            if stepped:
                yield stepped
