"""The record of a removal, kept in the repository while it runs, so that a run after a crash can finish it."""

import json
import secrets
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from tagger.errors import NotFound, StoreError
from tagger.images.artifacts import PLACEHOLDER, REMOVAL, artifact, put_artifact
from tagger.images.manifests import LARGEST_MANIFEST, Manifest
from tagger.images.stores import TagStore
from tagger.names import DIGEST, TAG
from tagger.results import ReportWarning
from tagger.rules.marks import REMOVAL_TAG

__all__ = ["RemovalRecord", "Unfinished", "read_unfinished", "wants_tags_first"]

TAGS_FIRST = frozenset({403, 405, 409})
"""The statuses of registries that do not delete an image while a tag names it."""

LARGEST_RECORD = LARGEST_MANIFEST * 3 // 4


class Unfinished(NamedTuple):
    """A removal that began and did not finish: its tags with their digests, and its manifests.

    `manifest` is the artifact that records it. `plan_id` is the id of the plan that it carries out, or empty.
    """

    manifest: Manifest
    tags: Mapping[str, str]
    manifests: tuple[str, ...]
    plan_id: str = ""

    def names(self, names: Iterable[str]) -> bool:
        """Say whether any of these tags or digests belongs to the removal."""
        return any(name in self.tags or name in self.manifests for name in names)


def read_unfinished(store: TagStore, digest: str | None) -> Unfinished | None:
    """Return the unfinished removal, given the digest under its tag; None where there is none, or it is invalid.

    Raise `StoreError` where it cannot be read.
    """
    try:
        manifest = store.manifest(digest) if digest else None
    except NotFound:
        manifest = None
    if manifest is None:
        return None
    try:
        said = json.loads(manifest.document["annotations"][REMOVAL])
        tags = {tag: held for tag, held in said["tags"].items() if TAG.fullmatch(tag) and DIGEST.fullmatch(held)}
        manifests = tuple(one for one in said["manifests"].split() if DIGEST.fullmatch(one))
        return Unfinished(manifest, tags, manifests, str(said["plan"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def wants_tags_first(error: StoreError) -> bool:
    """Say whether an error means that the registry does not delete an image while a tag names it."""
    return error.code == "DENIED" or (error.status in TAGS_FIRST and error.code != "TOOMANYREQUESTS")


class RemovalRecord:
    """Records in a repository what is to be removed, under a reserved tag, until it is removed.

    `before` is an earlier removal that did not finish. With `resumed` this one continues it; else its record is kept.
    """

    def __init__(
        self,
        store: TagStore,
        tags: Mapping[str, str],
        manifests: Iterable[str],
        plan_id: str = "",
        *,
        before: Unfinished | None = None,
        resumed: bool = False,
    ) -> None:
        self._store, self._before, self._resumed = store, before, resumed
        self._tags = {**(before.tags if before else {}), **tags}
        self._manifests = dict.fromkeys((*(before.manifests if before else ()), *manifests))
        self._plan_id = plan_id
        self._kept: Manifest | None = None
        self._asked = False
        self.warnings: tuple[ReportWarning, ...] = ()
        self._lock = threading.Lock()

    def keep(self) -> None:
        """Write the record, once. Raise `StoreError` where the registry deletes nothing.

        The deletion of a manifest that does not exist is tried first: most registries that delete nothing refuse it,
        and then nothing is written. Where the record cannot be written, the removal goes on without it, with a warning.
        """
        with self._lock:
            if self._asked or self._store.lists_unnamed:
                return
            self._asked = True
            record = self._record()
            with suppress(NotFound):
                self._store.delete(artifact({PLACEHOLDER: secrets.token_hex(16)}).digest)
            try:
                put_artifact(self._store, record, (REMOVAL_TAG,))
                self._kept = record
            except StoreError as error:
                why = error.message.removeprefix(f"{self._store.place}: ")
                text = f"its list cannot be kept under {REMOVAL_TAG}, so no later run can finish this removal: {why}"
                self.warnings = (ReportWarning("UNRECORDED", text),)

    def end(self) -> None:
        """Delete the record of a finished removal, or restore that of an earlier, different one. Raise `StoreError`."""
        before = self._before
        if self._kept and before and not self._resumed:
            self._store.tag(before.manifest, (REMOVAL_TAG,))
        gone = [self._kept, before.manifest if before and self._resumed else None]
        for manifest in filter(None, gone):
            self._delete(manifest)

    def _delete(self, manifest: Manifest) -> None:
        """Delete a record with its tag, if the tag still points at it. Some registries need the tag to go first."""
        store = self._store
        try:
            with suppress(NotFound):
                store.delete(manifest.digest)
        except StoreError as error:
            if not wants_tags_first(error):
                raise
            self._untag(manifest)
            with suppress(NotFound):
                store.delete(manifest.digest)
        else:
            self._untag(manifest)

    def _untag(self, manifest: Manifest) -> None:
        """Remove only the tag, if it points at this record, or is listed although its manifest is gone."""
        store = self._store
        held = store.digests((REMOVAL_TAG,))[REMOVAL_TAG]
        if held == manifest.digest or (held is None and REMOVAL_TAG in store.tags()):
            with suppress(NotFound):
                store.untag(REMOVAL_TAG)

    def _record(self) -> Manifest:
        """Return the record, with as many manifests as fit into it."""
        manifests = list(self._manifests)
        while True:
            said = {"plan": self._plan_id, "tags": self._tags, "manifests": " ".join(manifests)}
            record = artifact({REMOVAL: json.dumps(said, separators=(",", ":"))})
            if len(record.content) <= LARGEST_RECORD or not manifests:
                return record
            manifests = manifests[: len(manifests) // 2]
