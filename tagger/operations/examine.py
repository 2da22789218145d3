"""Examines one repository: what a login may do there, its tags and its platforms."""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import InputError, StoreError, TaggerError
from tagger.gates.platforms import ANY, normal_platform, platforms_of
from tagger.images.stores import Abilities, Content, ExaminedStore
from tagger.meters import meter_of
from tagger.operations.look import Look, every_tag
from tagger.operations.lost import lost_notes
from tagger.operations.reconcile import incomplete_listing
from tagger.operations.removal import check_deletable
from tagger.operations.tags import published_versions
from tagger.operations.terms import Terms
from tagger.operations.view import View, look_before_write, marks_of
from tagger.results.checkup import Finding
from tagger.rules.cascade import Published
from tagger.rules.marks import POLICY_TAG
from tagger.rules.plan import Claim, full_name
from tagger.rules.undeclared import undeclared_notes
from tagger.rules.versions import Version

__all__ = ["RECONCILE", "Examined", "examine_abilities", "examine_tags", "look_at", "public_finding"]

REFUSALS = (401, 403, 404, 410)
"""The statuses with which a registry hides what strangers may not read."""

COMPARED = 8
"""So many of the newest owners of floating tags have their platforms compared with those of the version before."""

_SEVERAL_TAGS: dict[bool | None, str] = {
    True: "one request sets several tags",
    False: "each tag is set by a request of its own",
    None: "the first release finds out whether one request sets several tags",
}
RECONCILE = "`reconcile` puts it right; with `--dry-run` it shows what would move."


class Examined(NamedTuple):
    """A repository that was looked at: its view, the look, all its versions, and its abilities."""

    view: View
    look: Look
    published: Published
    abilities: Abilities

    @property
    def store(self) -> "ExaminedStore":
        """The repository."""
        store: ExaminedStore = self.view.store  # type: ignore[assignment] # a view is made of one, in `look_at`
        return store


def look_at(store: ExaminedStore, terms: Terms) -> Examined:
    """Read a repository as a release does, and prove that pushing is allowed. Raise `TaggerError`."""
    view = View(store, terms, every_tag, Claim(), tolerant=True)
    look = look_before_write(view, ())
    meter_of(store).phase("checking what is allowed")
    store.check_writable()
    return Examined(view, look, published_versions(store, look), store.abilities())


def examine_abilities(found: Examined) -> Iterator[Finding]:
    """Yield the login and its abilities: push, delete, set several tags with one request, immutable tags."""
    store, abilities = found.store, found.abilities
    if store.repository:
        login = f"with {abilities.login}" if abilities.login else "without a login"
        yield _note(store, "LOGIN", f"{store.repository.registry} answers, {login}")
    yield _note(store, "PUSH", "pushing is allowed: an upload was opened, and cancelled")
    for error in abilities.errors:  # a release does not need that API
        yield _warning(store, "API", error.message.removeprefix(f"{store.place}: "), error.hint)
    if not store.exists():
        yield _note(store, "NAME_UNKNOWN", "the repository does not exist yet: the first push creates it")
        return
    if abilities.deletes != "unknown" or not abilities.errors:
        yield _deleting(store, abilities)
    yield _note(store, "SEVERAL_TAGS", _SEVERAL_TAGS[abilities.several_tags])
    if store.repository:
        yield from _immutability(found)


def _deleting(store: ExaminedStore, abilities: Abilities) -> Finding:
    try:
        check_deletable(store)
    except StoreError as error:
        return _note(store, "DELETE", error.message.removeprefix(f"{store.place}: "), error.hint)
    match abilities.deletes:
        case "tags":
            return _note(store, "DELETE", "tags can be deleted")
        case "manifests":
            return _note(store, "DELETE", "manifests can be deleted, and with them their tags")
        case "unknown":
            return _note(store, "DELETE", "it is unknown whether tags can be deleted")
        case "refused":
            return _warning(store, "DELETE", "this login may not delete: `delete`, `prune` and `--purge` need that")
        case "nothing":
            hint = "Allow it in the registry: distribution has REGISTRY_STORAGE_DELETE_ENABLED=true."
            return _warning(store, "DELETE", "the registry deletes nothing: `delete` and `--purge` fail there", hint)


def _immutability(found: Examined) -> Iterator[Finding]:
    """Yield whether exact tags can be overwritten, and which tags are immutable though they have to move."""
    from tagger.rules.immutability import immutability, protection

    store, rules = found.store, found.look.rules
    rule = immutability(rules)
    fitting = f"This rule fits: {rule.expression}" + (f" (Harbor: {rule.harbor})" if rule.harbor else "")
    newest = sorted(found.published.in_force, key=lambda version: version.key)[-COMPARED:]
    exact = [tag for version in newest for tag in found.published.exact[version]]
    moving = dict.fromkeys((*found.look.owners, POLICY_TAG, *(mark for one in newest for mark in marks_of(one, rules))))
    try:
        known = found.abilities.immutable
        state = protection(known, exact, moving) if known is not None else None
    except InputError:
        state = None  # a rule of the registry is no regular expression for Python
    if state is None:
        text = "the registry does not say which tags are immutable: floating tags must not be"
        yield _note(store, "IMMUTABILITY", text, "`config` prints the rule of immutable tags that fits.")
        return
    for tag in state.locked:
        yield Finding("error", "IMMUTABILITY", f"{tag} is immutable, and has to move", fitting, store.place)
    if state.open:
        text = f"exact tags can be overwritten, as {state.open[-1]}: no rule makes them immutable"
        yield _note(store, "IMMUTABILITY", text, fitting)
    elif exact:
        yield _note(store, "IMMUTABILITY", "exact tags are immutable")


def examine_tags(found: Examined, platforms: Collection[str]) -> Iterator[Finding]:
    """Yield what is wrong with the tags of a repository, by its rules. Raise `TaggerError`."""
    store, look = found.store, found.look
    yield from _lost_findings(store, look)
    yield from _contradictions(store, found)
    for change in look.changes(Claim()) if not look.dispute else ():
        if change.drifted and change.tag not in look.lost:
            what = "is missing" if change.before is None else f"holds {change.before}"
            yield Finding("error", "DRIFTED", f"{change.tag} {what}, and {change.reason}", RECONCILE, store.place)
    orphans = sorted(look.orphans())
    for tag, digest in store.digests(orphans).items() if orphans else ():
        if digest:
            hint = "`reconcile --purge --yes` removes it."
            yield _warning(store, "ORPHANED", f"{tag} exists, and no version of its class is left", hint)
    exact = {tag for tags in found.published.exact.values() for tag in tags}
    for text in undeclared_notes(exact, look.tags, look.rules):
        yield _warning(store, "UNDECLARED", text)
    for code, text in found.view.warnings:
        if code != "INCOMPLETE_LISTING":
            yield _warning(store, code, text)
    yield from _platforms(found, platforms)


def _lost_findings(store: ExaminedStore, look: Look) -> Iterator[Finding]:
    for note in lost_notes(look.lost):
        hint = "Push that tag again with another tool, or let the operator of the registry remove it."
        yield Finding("error", "MANIFEST_UNKNOWN", note, hint, store.place)


def _contradictions(store: ExaminedStore, found: Examined) -> Iterator[Finding]:
    """Yield the errors that make it impossible to say where tags belong."""
    look = found.look
    if look.unlisted:
        yield Finding.of(incomplete_listing(store, look), store.place)
    if look.dispute:
        yield Finding.of(look.dispute, store.place)
    try:
        look.rules.check_lengths(found.published.versions)
    except InputError as error:
        yield Finding.of(error, store.place)


def _platforms(found: Examined, wanted: Collection[str]) -> Iterator[Finding]:
    """Yield the newest versions that lack platforms: the `wanted` ones, else those of the version before."""
    look, exact = found.look, found.published.exact
    if ANY in wanted:
        return
    in_force = sorted(found.published.in_force, reverse=True)
    owners = sorted({look.owners[tag] for tag in look.scope if tag in look.owners}.intersection(exact), reverse=True)
    pairs = {}
    for owner in islice(owners, COMPARED):
        older = (v for v in in_force if v.variant == owner.variant and v < owner and not v.prerelease)
        if before := next(older, None):
            pairs[owner] = before
        elif wanted:
            pairs[owner] = owner
    read = dict(side_by_side(lambda version: _platforms_of(found, version), {*pairs, *pairs.values()}))
    for owner, before in pairs.items():
        here, there = read[owner], read[before]
        if isinstance(here, TaggerError) or isinstance(there, TaggerError):
            continue  # an image that cannot be read is a finding of its tag
        needed = {normal_platform(text) for text in wanted} or there
        if lacks := sorted(needed - here):
            than = "`platforms` names them" if wanted else f"{full_name(before)} has them"
            text = f"{full_name(owner)} lacks {' '.join(lacks)}: {than}"
            hint = "Release a version with all of them, or say in `platforms` which are meant (`any`: no check)."
            yield Finding("error", "PLATFORMS", text, hint, found.store.place)


def _platforms_of(found: Examined, version: Version) -> set[str]:
    root = found.store.manifest(found.published.exact[version][0])
    return platforms_of(found.store, root)


def public_finding(found: Examined, stranger: Content, hint: str) -> Finding:
    """Return the finding whether the newest version, with the blob of its config, can be pulled without a login."""
    newest = max(found.published.in_force or found.published.versions, default=None)
    tags = found.published.exact[newest] if newest else sorted(found.look.tags)
    if not tags:
        return _note(found.store, "PUBLIC", "there is no tag yet that strangers could pull")
    try:
        manifest = stranger.manifest(tags[0])
        while manifest.is_index and (children := manifest.children()):
            manifest = stranger.manifest(children[0].digest)
        if config := manifest.config():
            with stranger.blob(config) as file:
                file.read()
    except StoreError as error:
        if error.status not in REFUSALS:
            return Finding.of(error, found.store.place)
        text = f"strangers cannot pull {tags[0]}: {error.message.removeprefix(f'{found.store.place}: ')}"
        return Finding("error", "NOT_PUBLIC", text, hint, found.store.place)
    return _note(found.store, "PUBLIC", f"strangers can pull {tags[0]}")


def _note(store: ExaminedStore, code: str, text: str, hint: str = "") -> Finding:
    return Finding("note", code, text, hint, store.place)


def _warning(store: ExaminedStore, code: str, text: str, hint: str = "") -> Finding:
    return Finding("warning", code, text, hint, store.place)


def names(versions: Iterable[Version]) -> str:
    """Return the newest five versions for people, and how many more there are."""
    ordered = sorted(versions, reverse=True)
    more = f" and {len(ordered) - 5} more" if len(ordered) > 5 else ""
    return ", ".join(map(full_name, ordered[:5])) + more
