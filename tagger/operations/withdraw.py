"""Withdraw a version: mark it in the repository, then point its floating tags at the newest version left."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from typing import BinaryIO

from tagger.errors import InputError, StoreError, TaggerError
from tagger.images.manifests import OCI_MANIFEST, Descriptor, Manifest
from tagger.images.stores import TagStore
from tagger.operations.converge import Converged, converge
from tagger.operations.side_by_side import side_by_side
from tagger.operations.state import Scope, State, read_state
from tagger.reporting.outcomes import Event, Outcome, Report, Running
from tagger.rules.cascade import Published, Rules, cascade
from tagger.rules.plan import Change, floating_changes
from tagger.rules.versions import Version

__all__ = ["Withdrawal", "withdraw"]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What to withdraw: a version with all its variants (`2.1.4`), or one of them by its exact tag (`2.1.4-alpine`).

    `undo` takes it back; `purge` deletes the exact tag too, and the image where nothing else names it.
    """

    name: str
    rules: Rules
    stores: tuple[TagStore, ...]
    undo: bool = False
    purge: bool = False

    def versions(self, published: Published) -> list[Version]:
        """Return the versions of a repository that are meant, newest first."""
        known = published.versions | published.withdrawn
        return sorted((v for v in known if self.name in self.rules.withdrawn_names(v)), reverse=True)

    def scope(self, versions: Iterable[Version]) -> Scope:
        """The floating tags of the versions."""
        floating = [tag for version in versions for tag in self.rules.floating_tags(version, self.rules.channels)]

        def tags(owners: Mapping[str, Version]) -> Iterable[str]:
            return (tag for tag in floating if tag in owners)

        return tags


@dataclass(frozen=True, slots=True)
class _Target:
    """One repository before the withdrawal: the versions meant, their marks, and what their exact tags hold."""

    store: TagStore
    state: State
    versions: tuple[Version, ...]
    digests: Mapping[str, str | None]

    def marks(self, job: Withdrawal) -> list[Change]:
        """Return the marks that are to be set, or with `undo` removed."""
        changes = []
        for version in self.versions:
            mark = job.rules.withdrawn_mark(version)
            before = self.digests.get(mark)
            image = next(
                (d for tag in self.state.published.exact.get(version, ()) if (d := self.digests.get(tag))), None
            )
            if job.undo:
                action = "remove" if before else "keep"
                changes.append(Change(mark, action, before, None, version.text, "the withdrawal is taken back"))
            elif before:
                changes.append(Change(mark, "keep", before, before, version.text, "withdrawn already"))
            else:
                changes.append(Change(mark, "create", None, image, version.text, f"{version} is withdrawn"))
        return changes


def withdraw(job: Withdrawal, *, dry_run: bool = False) -> Running:
    """Withdraw in every repository: the mark first, then the floating tags; the exact tag stays, so that pins work."""
    results = dict(side_by_side(lambda store: _look(job, store), job.stores))
    outcomes: list[Outcome] = []
    targets = [result for store in job.stores if isinstance(result := results[store], _Target)]
    failures = {store: result for store, result in results.items() if isinstance(result, TaggerError)}
    if not failures and not any(target.versions for target in targets):
        raise InputError(
            f"no repository holds a version {job.name}",
            "See `tags` for what is there; a variant is named by its exact tag, as 2.1.4-alpine.",
            code="MANIFEST_UNKNOWN",
        )
    if failures or dry_run:
        for store in job.stores:
            if store in failures:
                outcomes.append(Outcome.failed(store.place, failures[store]))
            elif dry_run:
                target = next(target for target in targets if target.store is store)
                outcomes.append(Outcome.of(store.place, _planned(job, target), dry_run=True))
            else:
                outcomes.append(Outcome(store.place, "unchanged"))
    else:
        ended: dict[TagStore, Outcome] = {}
        for target, end in side_by_side(lambda target: _withdraw(job, target), targets):
            ended[target.store] = Outcome.failed(target.store.place, end) if isinstance(end, TaggerError) else end
            yield Event("verified", target.store.place, job.name)
        outcomes = [ended[store] for store in job.stores]
    return Report(
        command="withdraw",
        repositories=tuple(outcomes),
        version=job.name,
        dry_run=dry_run,
        error=next((outcome.error for outcome in outcomes if outcome.error), None),
    )


def _look(job: Withdrawal, store: TagStore) -> _Target:
    """Read one repository: which versions are meant there, and what stands under their tags."""
    state = read_state(store, job.rules, job.scope(()))
    versions = tuple(job.versions(state.published))
    if job.undo:
        own = [v for v in versions if job.rules.withdrawn_mark(v) not in state.tags and v in state.published.withdrawn]
        if own:
            raise InputError(
                f"{store.place}: {own[0]} is withdrawn by the setting `withdrawn`, and by no mark in the repository",
                "Take it out of `withdrawn`.",
            )
    tags = [tag for version in versions for tag in (*job.rules.exact_tags(version), job.rules.withdrawn_mark(version))]
    floating = [tag for version in versions for tag in job.rules.floating_tags(version, job.rules.channels)]
    owners = cascade(_after(job, state, versions).in_force, job.rules)
    exact = [tag for name in floating if name in owners for tag in job.rules.exact_tags(owners[name])]
    return _Target(store, state, versions, store.digests(tuple(dict.fromkeys((*tags, *floating, *exact)))))


def _after(job: Withdrawal, state: State, versions: Iterable[Version]) -> Published:
    """Return what will be published and withdrawn once the marks stand, or are gone."""
    changed = frozenset(versions)
    withdrawn = state.published.withdrawn - changed if job.undo else state.published.withdrawn | changed
    return replace(state.published, withdrawn=withdrawn)


def _planned(job: Withdrawal, target: _Target) -> list[Change]:
    """Return what a withdrawal would change."""
    owners = cascade(_after(job, target.state, target.versions).in_force, job.rules)
    tags = [tag for v in target.versions for tag in job.rules.floating_tags(v, job.rules.channels)]
    held = {owner: target.digests.get(job.rules.exact_tags(owner)[0]) for owner in owners.values()}
    floating = floating_changes(tuple(dict.fromkeys(tags)), owners, held, target.digests, job.rules, gone=tags)
    return [*target.marks(job), *floating, *(_purged(job, target) if job.purge else ())]


def _withdraw(job: Withdrawal, target: _Target) -> Outcome:
    """Withdraw in one repository."""
    store, rules = target.store, job.rules
    marks, done = target.marks(job), list[Change]()
    try:
        for change in marks:
            if change.action == "remove":
                store.untag(change.tag)
            elif change.action == "create" and change.after:
                store.point(store.manifest(change.after), [change.tag])
            done.append(change)
        seen = [change.tag for change in marks if change.action != "remove"]
        scope = job.scope(target.versions)
        result = converge(store, rules, scope, seen=seen)
        result = _drop_orphans(job, target, result)
        changes = [*done, *result.changes]
        if result.error or not job.purge:
            return Outcome.of(store.place, changes, result.error)
        for change in _purged(job, target):
            _purge(job, target, change)
            changes.append(change)
        return Outcome.of(store.place, changes)
    except TaggerError as error:
        left = [replace(c, action="refuse", reason=f"not written: {error.message}") for c in marks if c not in done]
        if not any(change.writes for change in done):
            return Outcome.failed(store.place, error, left)
        return Outcome.of(store.place, [*done, *left], error)


def _drop_orphans(job: Withdrawal, target: _Target, result: Converged) -> Converged:
    """Remove the floating tags that nobody is left for, where the registry can; say so where it cannot."""
    if result.error:
        return result
    floating = {tag for v in target.versions for tag in job.rules.floating_tags(v, job.rules.channels)}
    changes = list(result.changes)
    for tag in sorted(result.state.orphans(job.rules) & floating):
        before = target.store.digests([tag])[tag]
        if before is None:
            continue
        why = "no version of its class is left"
        try:
            target.store.untag(tag)
            changes.append(Change(tag, "remove", before, None, "", why))
        except StoreError as error:
            if error.code != "UNSUPPORTED":
                raise
            changes.append(Change(tag, "hold", before, before, "", f"{why}, and this registry cannot remove a tag"))
    return replace(result, changes=tuple(changes))


def _purged(job: Withdrawal, target: _Target) -> list[Change]:
    """Return the exact tags that a purge deletes."""
    return [
        Change(tag, "remove", digest, None, version.text, f"{version} is purged")
        for version in target.versions
        for tag in job.rules.exact_tags(version)
        if (digest := target.digests.get(tag))
    ]


def _purge(job: Withdrawal, target: _Target, change: Change) -> None:
    """Delete an exact tag, and its image where nothing else names it; the mark moves to an empty artifact first."""
    store, digest = target.store, change.before
    version = next(v for v in target.versions if change.tag in job.rules.exact_tags(v))
    store.point(_tombstone(store, version), [job.rules.withdrawn_mark(version)])
    store.untag(change.tag)
    if digest and digest not in store.digests(tuple(store.tags())).values():
        store.delete(digest)


def _tombstone(store: TagStore, version: Version) -> Manifest:
    """Put an artifact that holds nothing (image-spec, "Guidance for an Empty Descriptor"), for a mark to stand at."""
    empty = Descriptor("application/vnd.oci.empty.v1+json", _EMPTY_DIGEST, 2)

    @contextmanager
    def opener() -> Iterator[BinaryIO]:
        yield BytesIO(b"{}")

    if not store.has_blob(empty):
        store.put_blob(empty, opener)
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.tagger.withdrawn",
        "config": {"mediaType": empty.media_type, "digest": empty.digest, "size": empty.size},
        "layers": [{"mediaType": empty.media_type, "digest": empty.digest, "size": empty.size}],
        "annotations": {"org.opencontainers.image.version": version.text},
    }
    return Manifest(OCI_MANIFEST, json.dumps(document, separators=(",", ":")).encode())


_EMPTY_DIGEST = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
