"""Proposes settings for an existing repository, under which its floating tags stay where they are."""

import json
import re
from collections.abc import Iterator, Mapping

from tagger.errors import Refused
from tagger.images.stores import TagStore
from tagger.names import TAG
from tagger.operations.everywhere import no_repository
from tagger.operations.look import every_tag
from tagger.operations.stored import stored_policy
from tagger.results.proposal import Proposal, Value
from tagger.rules.assessment import Assessment, is_aside
from tagger.rules.cascade import cascade
from tagger.rules.marks import POLICY_TAG
from tagger.rules.plan import Change, Claim, Standing, floating_changes
from tagger.rules.policy import Policy
from tagger.rules.search import propose, worth_reading

__all__ = ["init"]

MOST_READ = 2000  # tags whose digests are read at first; of more, `worth_reading` chooses
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9./_-]*")
_KEYWORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})  # YAML 1.1, "Resolution"


def init(store: TagStore) -> Proposal:
    """Return the settings proposed for a repository; nothing is written. Raise `TaggerError`.

    In a repository of thousands of tags, only digests that decide are read. A stored policy is compared with the
    proposal, but has no influence on it.
    """
    tags = frozenset(filter(TAG.fullmatch, store.tags()))
    if not tags and not store.exists():
        raise no_repository(store)
    images = dict(store.digests(worth_reading(tags, MOST_READ)))
    found = propose({tag: image for tag, image in images.items() if image})
    if found is None:
        raise Refused(
            f"{store.place}: none of its {len(tags)} tags is a version",
            "A version has two numbers at least, as 2.1 or 2.1.4. Release one first, or write the settings by hand.",
            code="NO_VERSIONS",
        )
    stored = stored_policy(store, images.get(POLICY_TAG))
    policy = None if stored is None else _differences(Policy.parse(stored, store.place), found)
    return _proposal(store, tags, images, found)._replace(policy=policy)


def _differences(stored: Policy, found: Assessment) -> Mapping[str, str]:
    """Return the settings in which a policy differs from the proposal, each with its value in the policy."""
    proposed = Policy.of({name: _texts(value) for name, value in found.candidate.settings()})
    return {name: stored.show(name) for name in stored.differs(proposed)}


def _texts(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (str(value).lower() if isinstance(value, bool) else value,)


def _proposal(store: TagStore, tags: frozenset[str], images: dict[str, str | None], found: Assessment) -> Proposal:
    rules, published = found.rules, found.rules.published(tags)
    owners = cascade(published.in_force, rules)
    exact = {tag for group in published.exact.values() for tag in group}
    decisive = {*(owners.keys() & tags), *(published.exact[owner][0] for owner in owners.values())}
    images |= store.digests(decisive - images.keys())
    held = {owner: images[published.exact[owner][0]] for owner in owners.values()}
    standing = Standing(tuple(every_tag(rules, owners)), owners, held, {tag: images.get(tag) for tag in owners})
    changes = floating_changes(standing, rules, Claim(everything=True))
    rest = sorted(tag for tag in tags - exact - owners.keys() if not is_aside(tag))
    at_versions = {images[tag] for tag in exact & images.keys()}
    unexplained = tuple(tag for tag in rest if images.get(tag) in at_versions)
    settings = {"tags": found.candidate.tags, **dict(found.candidate.settings())}
    return Proposal(
        store.place,
        settings,
        _file(store.place, len(tags), settings, changes, unexplained),
        len(tags),
        len(published.versions),
        sum(change.action == "keep" for change in changes),
        tuple(change for change in changes if change.writes),
        unexplained,
        tuple(tag for tag in rest if tag not in unexplained),
    )


def _file(
    place: str, tags: int, settings: Mapping[str, Value], changes: list[Change], unexplained: tuple[str, ...]
) -> str:
    """Return the text of a settings file, with the tags that would move or are not explained in comments."""
    return "\n".join(_lines(place, tags, settings, changes, unexplained)) + "\n"


def _lines(
    place: str, tags: int, settings: Mapping[str, Value], changes: list[Change], unexplained: tuple[str, ...]
) -> Iterator[str]:
    yield f"# Proposed by `init` from the {tags} tags of {place}."
    for change in changes:
        if change.writes:
            yield f"# `reconcile` would {change.action} {change.tag}: {change.reason}."
    if unexplained:
        yield f"# Not explained, and left alone: {' '.join(unexplained)}"
    yield f"images: [{_scalar(place)}]"
    for name, value in settings.items():
        if isinstance(value, tuple):
            yield f"{name}:"
            yield from (f"  - {_scalar(entry)}" for entry in value)
        else:
            yield f"{name}: {_scalar(value)}"


def _scalar(value: str | bool) -> str:
    """Return a value in YAML: a text that is not a plain word stands in quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if _PLAIN.fullmatch(value) and value.lower() not in _KEYWORDS else json.dumps(value)
