"""Lists a repository as a tree: its versions with their tags, drifted tags, and tags of no version."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import StoreError
from tagger.images.artifacts import LIFTED_DIGEST
from tagger.images.configs import platform_manifests
from tagger.images.stores import TagStore
from tagger.meters import meter_of
from tagger.names import Digest, attached_to
from tagger.operations.everywhere import no_repository
from tagger.operations.look import Look, every_tag
from tagger.operations.lost import lost_notes
from tagger.operations.terms import OwnTerms, Terms
from tagger.operations.view import View
from tagger.results.tree import Artifact, Facts, Floating, ListedVersion, Tree
from tagger.rules.cascade import Published, Rules
from tagger.rules.marks import HELD_MARK, POLICY_TAG, WITHDRAWN_MARK
from tagger.rules.plan import Claim
from tagger.rules.undeclared import undeclared_notes
from tagger.rules.versions import Version

__all__ = ["list_tags", "published_versions"]

KINDS = {".sig": "signature", ".att": "attestation", ".sbom": "sbom", "": "referrers"}
"""The kinds of artifacts that are attached by a tag, by the end of the tag: cosign's, and the referrers tag schema."""


def list_tags(store: TagStore, rules: Rules, *, long: bool = False, terms: Terms | None = None) -> Tree:
    """Return the tags of a repository as a tree; nothing is written. Only digests are read, unless with `long`.

    A long list has facts from manifests, configs and the referrers API, and all other tags at each version. Without
    `terms` the tags are read by `rules`. Raise `TaggerError`.
    """
    view = View(store, terms or OwnTerms(rules), every_tag, Claim(everything=True), tolerant=True)
    look = view.look()
    if error := view.objection():
        raise error
    if not store.exists():
        raise no_repository(store)
    listing = _listing(store, look, long=long)
    images = listing.images
    contents = dict(_contents(store, {digest for digest in images.values() if digest})) if long else {}
    artifacts: dict[str, list[Artifact]] = defaultdict(list)
    read = (artifact for content in contents.values() for artifact in content.artifacts)
    for artifact in sorted((*listing.hanging, *read)):
        artifacts[artifact.image].append(artifact)
    versions, shown = [], set[str]()
    for version, digest in images.items():
        content = contents.get(digest or "", _Content())
        parts = dict.fromkeys((digest or "", *content.parts))
        shown.update(parts)
        attached = tuple(artifact for part in parts if part in artifacts for artifact in artifacts[part])
        versions.append(listing.list_version(version, digest, attached, content.facts))
    published, exact = listing.published, listing.exact
    return Tree(
        store.place,
        tuple(versions),
        dict(_floating(look, listing.orphans, listing.digests)),
        tuple(sorted(listing.other)),
        tuple(artifact for image, group in artifacts.items() if image not in shown for artifact in group),
        tuple(sorted(look.rules.exact_tags(version)[0] for version in published.withdrawn - published.versions)),
        look.dispute.message if look.dispute else "",
        tuple(
            f"{store.place}: {text}"
            for text in (*undeclared_notes(exact, look.tags, look.rules), *lost_notes(look.lost))
        ),
    )


class _Listing(NamedTuple):
    """What the tags of a repository are, with the digests under them.

    `at` has the tags of no version by digest, and by the version at which they are shown: of several versions that are
    one image, the one that a tag belongs to; None where they are shown at each.
    """

    look: Look
    published: Published
    exact: frozenset[str]
    orphans: frozenset[str]
    other: frozenset[str]
    hanging: tuple[Artifact, ...]
    digests: Mapping[str, str | None]
    at: Mapping[tuple[str | None, Version | None], Sequence[str]]

    @property
    def images(self) -> dict[Version, str | None]:
        """The image of each version, newest first."""
        exact = self.published.exact
        return {version: self.digests[exact[version][0]] for version in sorted(self.published.versions, reverse=True)}

    def list_version(
        self, version: Version, digest: str | None, attached: tuple[Artifact, ...], facts: Facts | None
    ) -> ListedVersion:
        """Return a version with the tags at its image."""
        published, rules = self.published, self.look.rules
        at = [tag for home in (version, None) for tag in self.at.get((digest, home), ())] if digest else []
        pointing = [tag for tag in at if tag not in self.other]
        usual = [tag for tag in rules.floating_tags(version, rules.channels) if tag in pointing] if pointing else []
        return ListedVersion(
            version.text,
            version.variant,
            digest,
            tuple(dict.fromkeys((*published.exact[version], *usual, *pointing))),
            version in published.withdrawn,
            attached,
            tuple(tag for tag in at if tag in self.other),
            facts,
            version in published.held,
        )


def _listing(store: TagStore, look: Look, *, long: bool) -> _Listing:
    """Read the marks and the digests that a list shows; with `long`, also those of tags of no version."""
    rules = look.rules
    marks = _marks(look)
    published = published_versions(store, look)
    exact = frozenset(tag for tags in published.exact.values() for tag in tags)
    orphans = frozenset(look.orphans())
    hanging = [
        Artifact(KINDS.get(t[len(Digest(image).tag) :], "artifact"), t, image)
        for t in look.tags
        if (image := attached_to(t, filter(None, look.digests.values())))
    ]
    reserved = {tag for tag in look.tags if tag == POLICY_TAG or (tag in marks and rules.read(tag.partition("-")[2]))}
    named = exact | look.owners.keys() | orphans | reserved | {artifact.name for artifact in hanging}
    other = frozenset(look.tags - named)
    wanted = exact | orphans | (other if long else set())
    digests = {**store.digests(wanted - look.digests.keys()), **look.digests}
    at: dict[tuple[str | None, Version | None], list[str]] = defaultdict(list)
    for tag in (*look.owners, *sorted(orphans), *sorted(other)):
        digest, home = digests.get(tag), look.owners.get(tag)
        own = published.exact.get(home) if home else None
        at[digest, home if own and digests[own[0]] == digest else None].append(tag)
    return _Listing(look, published, exact, orphans, other, tuple(hanging), digests, at)


def published_versions(store: TagStore, look: Look) -> Published:
    """Return all versions, and which of them are marked. Reads the marks that the look did not read."""
    marks = _marks(look)
    read = {**store.digests(marks - look.digests.keys()), **look.digests} if marks else look.digests
    return look.rules.published(look.tags, {tag for tag in marks if read[tag] == LIFTED_DIGEST})


def _marks(look: Look) -> set[str]:
    return {tag for tag in look.tags if tag.startswith((WITHDRAWN_MARK, HELD_MARK))}


def _floating(look: Look, orphans: Iterable[str], digests: Mapping[str, str | None]) -> Iterable[tuple[str, Floating]]:
    """Yield the floating tags: those of the newest versions first, at the end those without an owner."""

    for tag in reversed(look.scope):
        owner, digest = look.owners[tag], digests.get(tag)
        yield tag, Floating(digest, owner.text, digest is None or digest != look.held.get(owner))
    for tag in sorted(orphans):
        yield tag, Floating(digests.get(tag), None, True)


class _Content(NamedTuple):
    """The content of an image: facts for people, the digests of its manifests, and what is attached to them."""

    facts: Facts | None = None
    parts: tuple[str, ...] = ()
    artifacts: tuple[Artifact, ...] = ()


def _contents(store: TagStore, digests: Collection[str]) -> Iterable[tuple[str, _Content]]:
    """Read images side by side. What is no image, or is damaged, has no content, but is listed too."""

    def read(digest: str) -> _Content:
        root = store.manifest(digest)
        platforms = platform_manifests(store, root)
        parts = tuple(dict.fromkeys((digest, *(child.digest for child in root.children()))))
        blobs = {blob.digest: blob.size for manifest, _ in platforms for blob in manifest.blobs()}
        facts = Facts(
            max((config.created for _, config in platforms), default=""),
            sum(blobs.values()),
            tuple(config.platform for _, config in platforms if config.platform),
        )
        attached = [Artifact(one.artifact_type, one.digest, part) for part in parts for one in store.referrers(part)]
        return _Content(facts, parts, tuple(attached))

    meter = meter_of(store)
    meter.phase(f"reading images, 0 of {len(digests):,}")
    for number, (digest, content) in enumerate(side_by_side(read, digests, store.jobs), 1):
        meter.phase(f"reading images, {number:,} of {len(digests):,}")
        if isinstance(content, _Content):
            yield digest, content
        elif not isinstance(content, StoreError):
            raise content
