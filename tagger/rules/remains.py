"""The graph of a repository's manifests: what is reached from what stays, and what is left over."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tagger.names import attached_to

__all__ = ["Graph", "Leftover", "Node", "leftover"]


class Node(NamedTuple):
    """A manifest: the digests of its `children` and of its `subject`, and its `blobs` with their sizes in bytes.

    `size` is that of the manifest itself.
    """

    children: tuple[str, ...] = ()
    subject: str = ""
    blobs: Mapping[str, int] = MappingProxyType({})
    size: int = 0


class Graph(NamedTuple):
    """The manifests of a repository by their digests, `attached` what hangs on each, and every tag with its digest.

    `attached` is what the referrers API and the tags `sha256-…` say; subjects are known from the manifests.
    """

    nodes: Mapping[str, Node]
    attached: Mapping[str, Collection[str]]
    tags: Mapping[str, str]


class Leftover(NamedTuple):
    """What goes: tags with the image that each is attached to or "", manifests in the order of their deletion.

    `groups` are the manifests that hang together, each in that order, `owners` the image that an artifact is attached
    to; `freed` are the bytes that nothing else needs.
    """

    tags: Mapping[str, str]
    groups: tuple[tuple[str, ...], ...]
    owners: Mapping[str, str]
    freed: int

    @property
    def manifests(self) -> tuple[str, ...]:
        """Every manifest that goes."""
        return tuple(digest for group in self.groups for digest in group)


def leftover(
    graph: Graph, going: Collection[str], *, unnamed: Collection[str] = (), young: Iterable[str] = ()
) -> Leftover:
    """Return what goes with the tags that are `going`: what nothing that stays reaches.

    Reached is what an index names, and what is attached to something reached, by subject, by the referrers API and by
    tags `sha256-…`. `unnamed` are manifests that no tag names and that go too where nothing reaches them; `young` are
    some that stay whatever names them.
    """
    hangs = _hangs(graph)
    hanging = {tag: image for tag in graph.tags if (image := attached_to(tag, graph.nodes)) and tag not in going}
    roots = {digest for tag, digest in graph.tags.items() if tag not in going and tag not in hanging}
    roots.update(young)
    candidates = _reached({graph.tags[tag] for tag in going}.union(unnamed), graph, hangs)
    while True:
        gone = candidates - _reached(roots, graph, hangs)
        staying = {graph.tags[tag] for tag, image in hanging.items() if image not in gone}
        if staying <= roots:
            break
        roots |= staying
    tags = dict.fromkeys(sorted(going), "") | {tag: image for tag, image in sorted(hanging.items()) if image in gone}
    owners = {one: image for image in sorted(gone) for one in hangs.get(image, ()) if one in gone}
    needed = [graph.nodes[digest] for digest in graph.nodes.keys() - gone]
    kept = {blob for node in needed for blob in node.blobs}
    gone &= graph.nodes.keys()
    blobs = {blob: size for digest in gone for blob, size in graph.nodes[digest].blobs.items()}
    freed = sum(size for blob, size in blobs.items() if blob not in kept)
    freed += sum(graph.nodes[digest].size for digest in gone)
    return Leftover(tags, tuple(_groups(gone, graph, hangs)), owners, freed)


def _hangs(graph: Graph) -> Mapping[str, set[str]]:
    """Return what is attached to each manifest."""
    found: dict[str, set[str]] = defaultdict(set)
    for image, artifacts in graph.attached.items():
        found[image].update(artifacts)
    for digest, node in graph.nodes.items():
        if node.subject:
            found[node.subject].add(digest)
    for tag, digest in graph.tags.items():
        if image := attached_to(tag, graph.nodes):
            found[image].add(digest)
    return found


def _reached(roots: Iterable[str], graph: Graph, hangs: Mapping[str, Collection[str]]) -> set[str]:
    """Return the roots, all that they name and all that is attached to any of these."""
    seen: set[str] = set()
    todo = list(roots)
    while todo:
        digest = todo.pop()
        if digest not in seen:
            seen.add(digest)
            todo += graph.nodes[digest].children if digest in graph.nodes else ()
            todo += hangs.get(digest, ())
    return seen


def _groups(gone: Collection[str], graph: Graph, hangs: Mapping[str, Collection[str]]) -> Iterator[tuple[str, ...]]:
    """Yield the manifests that go, those that hang together in one group.

    In each, what is attached comes before its image, and an index before what it names.
    """
    below: dict[str, list[str]] = {}
    for digest in gone:
        node = graph.nodes.get(digest, Node())
        below.setdefault(digest, []).extend(child for child in node.children if child in gone)
        for artifact in hangs.get(digest, ()):
            if artifact in gone:
                below.setdefault(artifact, []).append(digest)
    beside: dict[str, set[str]] = {digest: set() for digest in gone}
    for digest, others in below.items():
        for other in others:
            beside[digest].add(other)
            beside[other].add(digest)
    seen: set[str] = set()
    for start in sorted(gone):
        if start in seen:
            continue
        group, todo = {start}, [start]
        while todo:
            new = beside[todo.pop()] - group
            group |= new
            todo += new
        seen |= group
        yield tuple(_ordered(sorted(group), below))


def _ordered(group: Iterable[str], below: Mapping[str, Iterable[str]]) -> list[str]:
    """Return manifests so that each comes before those below it; a chain of any length costs no stack."""
    order: dict[str, None] = {}
    for start in group:
        todo, open_ones = [(start, False)], set[str]()
        while todo:
            digest, done = todo.pop()
            if done:
                order.setdefault(digest)
            elif digest not in order and digest not in open_ones:  # artifacts may name each other in a circle
                open_ones.add(digest)
                todo.append((digest, True))
                todo += [(child, False) for child in below.get(digest, ())]
    return list(reversed(order))
