"""Finds out which version a floating tag holds before it moves, also where the listing omits that version."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import StoreError, TaggerError
from tagger.images.configs import UNREADABLE, first_labels
from tagger.images.stores import TagStore
from tagger.operations.look import Look
from tagger.rules.cascade import Rules
from tagger.rules.plan import Change
from tagger.rules.versions import ORDER, Version
from tagger.version_from.labels import VERSION_LABEL

__all__ = ["Vetted", "previous_tag", "vet"]

Read = Callable[[Iterable[str]], Mapping[str, str | None]]
"""A function that reads those tags that were not read yet, and returns the digests of all tags that were read."""


class Vetted(NamedTuple):
    """The images under the tags that are to be written.

    `named` has the version of each image, by its digest. `hidden` are exact tags that the listing omits, of versions
    that are newer than the owners of their floating tags. `unknown` has a sentence for each image without a version.
    """

    named: Mapping[str, Version]
    hidden: frozenset[str] = frozenset()
    unknown: Mapping[str, str] = {}


def vet(store: TagStore, look: Look, changes: Iterable[Change], done: Collection[str], read: Read) -> Vetted:
    """Find out which versions the tags hold that `changes` write; the images in `done` are known already.

    The exact tags that were read name most images. For others, the newest other listed version of the class is read.
    If that does not help, the label of the image says which exact tag to read by name. Raise `StoreError`.
    """
    rules = look.rules
    named = _versions_by_digest(look.digests, rules)
    doubtful = _doubtful(changes, {*done, *named})
    if doubtful:
        others = [tag for change in doubtful if (tag := _newest_other(change, look))]
        named = _versions_by_digest(read(others), rules)
        doubtful = _doubtful(doubtful, {*done, *named})
    if not doubtful:
        return Vetted(named)
    return _by_label(store, look, doubtful, named, read)


def previous_tag(version: Version, rules: Rules) -> str | None:
    """Return the exact tag one patch before a version: 2.1.3 for 2.1.4; None for 2.1.0, 2.1 and prereleases."""
    *numbers, last = version.numbers
    if len(numbers) < 2 or version.prerelease or version.build or not last.isdecimal() or last.startswith("0"):
        return None
    before = rules.scheme.read(".".join((*numbers, str(int(last) - 1))), version.variant)
    return rules.exact_tags(before)[0] if before else None


def _versions_by_digest(digests: Mapping[str, str | None], rules: Rules) -> dict[str, Version]:
    """Return the version of each image, by the exact tags that were read: the newest where there are several."""
    read = rules.reader
    named: dict[str, Version] = {}
    for tag, digest in digests.items():
        version = read(tag) if digest else None
        if digest and version and (digest not in named or named[digest] < version):
            named[digest] = version
    return named


def _doubtful(changes: Iterable[Change], known: Collection[str]) -> list[Change]:
    return [change for change in changes if change.writes and change.before and change.before not in known]


def _newest_other(change: Change, look: Look) -> str | None:
    """Return the exact tag of the newest listed version of a tag's class that is not its owner."""
    owner = look.owners.get(change.tag)
    versions = (v for v in look.published.versions if v != owner and (owner is None or v.variant == owner.variant))
    for version in sorted(versions, key=ORDER, reverse=True):
        exact = look.published.exact[version][0]
        if exact in look.tags and change.tag in look.rules.floating_tags(version, look.rules.channels):
            return exact
    return None


def _by_label(
    store: TagStore, look: Look, doubtful: Sequence[Change], named: Mapping[str, Version], read: Read
) -> Vetted:
    """Read the version labels of the images, and the exact tags of these versions by name."""
    rules = look.rules
    said = dict(side_by_side(lambda change: _label_version(store, change, look), doubtful, store.jobs))
    for answer in said.values():
        if isinstance(answer, TaggerError):
            raise answer
    versions = {c: answer[1] for c, answer in said.items() if not isinstance(answer, TaggerError) and answer[1]}
    exact = {change: rules.exact_tags(version)[0] for change, version in versions.items()}
    marks = [
        mark for version in versions.values() for mark in (rules.withdrawn_mark(version), rules.held_mark(version))
    ]
    digests = read((*exact.values(), *marks))
    found = dict(named)
    hidden = set()
    unknown = {}
    for change, answer in said.items():
        digest = change.before or ""
        if change in exact and digests.get(exact[change]) == digest:
            found[digest] = versions[change]
            owner = look.owners.get(change.tag)
            if exact[change] not in look.tags and (owner is None or owner < versions[change]):
                hidden.add(exact[change])
        elif not isinstance(answer, TaggerError):
            tag = exact.get(change)
            unknown[digest] = f"{change.tag} holds an image that {_describe(answer[0], tag, digests.get(tag or ''))}"
    return Vetted(found, frozenset(hidden), unknown)


def _describe(label: str, tag: str | None, standing: str | None) -> str:
    if not label:
        return "has no version label"
    if tag is None:
        return f"says it is {label[:80]}, which is no version"
    return f"says it is {tag}, and {'that tag holds another image' if standing else f'there is no tag {tag}'}"


def _label_version(store: TagStore, change: Change, look: Look) -> tuple[str, Version | None]:
    """Return the version of the image under a tag: the text of its label, and the version as the rules read it."""
    owner = look.owners.get(change.tag)
    variant = owner.variant if owner else ""
    try:
        label = first_labels(store, store.manifest(change.before or "")).get(VERSION_LABEL, "").strip()
    except StoreError as error:
        if error.code in UNREADABLE:
            return "", None
        raise
    text = label[1:] if label[:1] in ("v", "V") else label
    version = look.rules.scheme.read(text.removesuffix(f"-{variant}") if variant else text, variant)
    return label, version if version and look.rules.exact_tags(version) else None
