"""The index of a layout: its entries, and the changes of them."""

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from tagger.errors import StoreError
from tagger.images.labels import REF_NAME
from tagger.images.manifests import (
    OCI_INDEX,
    Descriptor,
)
from tagger.names import TAG

__all__ = ["EMPTY", "INDEX_FILE", "LARGEST_INDEX", "LAYOUT_FILE", "REF_NAME", "Index", "broken"]

LAYOUT_FILE = "oci-layout"
INDEX_FILE = "index.json"
LARGEST_INDEX = 256 * 1024 * 1024  # some 800,000 tags


def broken(place: str, message: str) -> StoreError:
    """Return the error of an invalid layout."""
    return StoreError(message, "Make the layout again, or repair it.", code="LAYOUT_INVALID", place=place)


class Entry(NamedTuple):
    """An entry of an index: its JSON, its descriptor, and its tag, or None where its name is no tag."""

    written: Mapping[str, Any]
    descriptor: Descriptor
    tag: str | None

    @classmethod
    def parse(cls, written: Mapping[str, Any]) -> "Entry":
        """Read an entry. Some names that `docker save` and Podman write are no tags.

        Raise `KeyError`, `TypeError`, `AttributeError` or `ValueError` for a wrong value.
        """
        descriptor = Descriptor.from_json(written)
        name = descriptor.annotations.get(REF_NAME)
        return cls(written, descriptor, name if isinstance(name, str) and TAG.fullmatch(name) else None)

    @classmethod
    def of(cls, descriptor: Descriptor, tag: str | None = None) -> "Entry":
        """Make the entry of a tag; without a tag, the entry of an image that has only its digest."""
        named = descriptor._replace(annotations={REF_NAME: tag} if tag else {})
        return cls(named.to_json(), named, tag)


class Index:
    """The content of an `index.json`: its entries, and everything else in it, unchanged."""

    def __init__(self, document: Mapping[str, Any], entries: tuple[Entry, ...] = ()) -> None:
        self.document = document
        self.entries = entries

    @classmethod
    def parse(cls, content: bytes) -> "Index":
        """Read an index. Raise `ValueError` when it is none."""
        try:
            document = json.loads(content)
            return cls(document, tuple(map(Entry.parse, document.get("manifests") or ())))
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("it is not an index") from error

    @cached_property
    def tags(self) -> Mapping[str, Descriptor]:
        """The descriptor under each tag: that of the first entry with the name, as in skopeo."""
        return {entry.tag: entry.descriptor for entry in reversed(self.entries) if entry.tag is not None}

    @cached_property
    def roots(self) -> Mapping[str, Descriptor]:
        """The descriptors of all entries, by digest."""
        return {entry.descriptor.digest: entry.descriptor for entry in self.entries}

    def with_tags(self, descriptor: Descriptor, tags: Collection[str]) -> "Index":
        """Return this index with `tags` at `descriptor`.

        Entries that are right already stay unchanged, and the order stays. An image that loses its last tag gets an
        entry without a name, as a registry too keeps an image without tags under its digest.
        """
        held = self.tags
        moving = {tag: None for tag in tags if tag not in held or held[tag].digest != descriptor.digest}
        if not moving:
            return self
        bare, entries = Entry.of(descriptor), []
        waiting = dict(moving)
        for entry in self.entries:
            if entry.tag not in moving:
                entries.append(entry)
            elif entry.tag in waiting:
                del waiting[entry.tag]
                entries.append(Entry.of(descriptor, entry.tag))
        entries += [Entry.of(descriptor, tag) for tag in waiting]
        return self._keeping_roots([entry for entry in entries if entry.written != bare.written])

    def with_entry(self, descriptor: Descriptor) -> "Index":
        """Return this index with an entry for a manifest, without a name if it is new."""
        return self if descriptor.digest in self.roots else self._with([*self.entries, Entry.of(descriptor)])

    def without_tag(self, tag: str) -> "Index":
        """Return this index without `tag`; its image stays, under its digest."""
        return self._keeping_roots([entry for entry in self.entries if entry.tag != tag])

    def without(self, digest: str) -> "Index":
        """Return this index without any entry for `digest`."""
        return self._with([entry for entry in self.entries if entry.descriptor.digest != digest])

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        document = {**self.document, "manifests": [entry.written for entry in self.entries]}
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")

    def _with(self, entries: Sequence[Entry]) -> "Index":
        return Index(self.document, tuple(entries))

    def _keeping_roots(self, entries: Sequence[Entry]) -> "Index":
        kept = {entry.descriptor.digest for entry in entries}
        return self._with([*entries, *(Entry.of(root) for digest, root in self.roots.items() if digest not in kept)])


EMPTY = Index({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []})
