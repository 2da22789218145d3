"""The graph of a repository's manifests, and which of them nothing needs any more."""

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
    """The manifests of a repository by their digests, and every tag with its digest.

    `attached` has the artifacts of each image that the referrers API lists. Subjects and tags `sha256-…` say of more.
    """

    nodes: Mapping[str, Node]
    attached: Mapping[str, Collection[str]]
    tags: Mapping[str, str]


class Leftover(NamedTuple):
    """What is to be deleted.

    `tags` has the image that each tag is attached to, or "". `groups` has the manifests, those that refer to each other
    together, in the order of their deletion. `owners` has the image that each artifact is attached to. `freed` is the
    size in bytes of what nothing else needs.
    """

    tags: Mapping[str, str]
    groups: tuple[tuple[str, ...], ...]
    owners: Mapping[str, str]
    freed: int

    @property
    def manifests(self) -> tuple[str, ...]:
        """Every manifest that is to be deleted, in order."""
        return tuple(digest for group in self.groups for digest in group)


def leftover(
    graph: Graph, going: Collection[str], *, unnamed: Collection[str] = (), young: Iterable[str] = ()
) -> Leftover:
    """Return what is deleted with the tags `going`: what cannot be reached from anything that stays.

    An index reaches what it names. A manifest reaches what is attached to it, by subject, by the referrers API or by
    tags `sha256-…`. `unnamed` are manifests without a tag, which are deleted too where nothing reaches them. `young`
    are manifests that stay in any case.
    """
    artifacts = _artifacts(graph)
    hanging = {tag: image for tag in graph.tags if (image := attached_to(tag, graph.nodes)) and tag not in going}
    roots = {digest for tag, digest in graph.tags.items() if tag not in going and tag not in hanging}
    roots.update(young)
    candidates = _reachable({graph.tags[tag] for tag in going}.union(unnamed), graph, artifacts)
    while True:
        gone = candidates - _reachable(roots, graph, artifacts)
        staying = {graph.tags[tag] for tag, image in hanging.items() if image not in gone}
        if staying <= roots:
            break
        roots |= staying
    tags = dict.fromkeys(sorted(going), "") | {tag: image for tag, image in sorted(hanging.items()) if image in gone}
    owners = {one: image for image in sorted(gone) for one in artifacts.get(image, ()) if one in gone}
    needed = [graph.nodes[digest] for digest in graph.nodes.keys() - gone]
    kept = {blob for node in needed for blob in node.blobs}
    gone &= graph.nodes.keys()
    blobs = {blob: size for digest in gone for blob, size in graph.nodes[digest].blobs.items()}
    freed = sum(size for blob, size in blobs.items() if blob not in kept)
    freed += sum(graph.nodes[digest].size for digest in gone)
    return Leftover(tags, tuple(_groups(gone, graph, artifacts)), owners, freed)


def _artifacts(graph: Graph) -> Mapping[str, set[str]]:
    """Return the artifacts that are attached to each manifest."""
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


def _reachable(roots: Iterable[str], graph: Graph, artifacts: Mapping[str, Collection[str]]) -> set[str]:
    """Return the roots, everything that they name, and everything that is attached to any of these."""
    seen: set[str] = set()
    todo = list(roots)
    while todo:
        digest = todo.pop()
        if digest not in seen:
            seen.add(digest)
            todo += graph.nodes[digest].children if digest in graph.nodes else ()
            todo += artifacts.get(digest, ())
    return seen


def _groups(gone: Collection[str], graph: Graph, artifacts: Mapping[str, Collection[str]]) -> Iterator[tuple[str, ...]]:
    """Yield groups of the manifests to delete: those that refer to each other are in one group.

    In each group an artifact comes before its image, and an index before what it names.
    """
    below: dict[str, list[str]] = {}
    for digest in gone:
        node = graph.nodes.get(digest, Node())
        below.setdefault(digest, []).extend(child for child in node.children if child in gone)
        for artifact in artifacts.get(digest, ()):
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
        yield tuple(_in_order(sorted(group), below))


def _in_order(group: Iterable[str], below: Mapping[str, Iterable[str]]) -> list[str]:
    """Return manifests in an order where each comes before those below it, without recursion."""
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
