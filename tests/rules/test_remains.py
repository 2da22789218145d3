"""What is left over of a graph of manifests: nothing that is reached from what stays."""

from hypothesis import given
from hypothesis import strategies as st

from tagger.rules.remains import Graph, Leftover, Node, leftover


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, frozenset[str], frozenset[str]]:
    """Draw a repository: shared children, nested indexes, referrers of referrers, and tags that go."""
    count = draw(st.integers(1, 12))
    nodes, attached = {}, {}
    for number in range(count):
        lower = st.sampled_from([digest(other) for other in range(number)]) if number else st.nothing()
        children = draw(st.lists(lower, max_size=3)) if number else []
        subject = draw(st.sampled_from(["", "", *(digest(other) for other in range(count))]))
        blobs = {digest(1000 + blob): blob for blob in draw(st.sets(st.integers(1, 6), max_size=3))}
        nodes[digest(number)] = Node(tuple(children), "" if children else subject, blobs, 10)
        if draw(st.integers(0, 4)) == 0:
            attached[digest(number)] = (digest(draw(st.integers(0, count - 1))),)
    any_digest = st.sampled_from(sorted(nodes))
    tags = draw(st.dictionaries(st.sampled_from([f"t{number}" for number in range(8)]), any_digest))
    for image in draw(st.sets(any_digest, max_size=3)):
        tags[image.replace(":", "-") + draw(st.sampled_from(("", ".sig", ".att")))] = draw(any_digest)
    going = frozenset(tag for tag in tags if not tag.startswith("sha256-") and draw(st.booleans()))
    unnamed = frozenset(nodes) - set(tags.values()) if draw(st.booleans()) else frozenset()
    return Graph(nodes, attached, tags), going, unnamed


def reached(graph: Graph, roots: set[str]) -> set[str]:
    """Return what a client may come to from `roots`: by the letter, and slowly."""
    found = set(roots)
    while True:
        new = {child for one in found if one in graph.nodes for child in graph.nodes[one].children}
        new |= {one for one, node in graph.nodes.items() if node.subject in found}
        new |= {artifact for image, artifacts in graph.attached.items() if image in found for artifact in artifacts}
        new |= {
            at for tag, at in graph.tags.items() if tag.startswith("sha256-") and tag[7:71] in {f[7:] for f in found}
        }
        if new <= found:
            return found
        found |= new


def after(graph: Graph, gone: Leftover) -> Graph:
    nodes = {one: node for one, node in graph.nodes.items() if one not in gone.manifests}
    attached = {image: artifacts for image, artifacts in graph.attached.items() if image in nodes}
    return Graph(nodes, attached, {tag: at for tag, at in graph.tags.items() if tag not in gone.tags and at in nodes})


@given(graphs())
def test_nothing_that_is_reached_from_a_kept_tag_goes(drawn: tuple[Graph, frozenset[str], frozenset[str]]) -> None:
    graph, going, unnamed = drawn
    gone = leftover(graph, going, unnamed=unnamed)
    kept = {at for tag, at in graph.tags.items() if tag not in gone.tags}
    assert not reached(graph, kept).intersection(gone.manifests)
    assert going <= gone.tags.keys()


@given(graphs())
def test_all_that_only_a_tag_that_goes_reaches_goes(drawn: tuple[Graph, frozenset[str], frozenset[str]]) -> None:
    graph, going, _ = drawn
    gone = leftover(graph, going)
    kept = {at for tag, at in graph.tags.items() if tag not in gone.tags}
    only = reached(graph, {graph.tags[tag] for tag in going}) - reached(graph, kept)
    assert only & graph.nodes.keys() == set(gone.manifests)


@given(graphs())
def test_twice_is_once(drawn: tuple[Graph, frozenset[str], frozenset[str]]) -> None:
    graph, going, unnamed = drawn
    gone = leftover(graph, going, unnamed=unnamed)
    rest = after(graph, gone)
    assert not leftover(rest, frozenset(going & rest.tags.keys()), unnamed=unnamed & rest.nodes.keys()).tags


@given(graphs())
def test_an_index_goes_before_what_it_names_unless_artifacts_go_round(
    drawn: tuple[Graph, frozenset[str], frozenset[str]],
) -> None:
    graph, going, unnamed = drawn
    gone = leftover(graph, going, unnamed=unnamed)
    assert len(set(gone.manifests)) == len(gone.manifests)
    for group in gone.groups:
        for one in group:  # what hangs together is in one group
            assert set(graph.nodes[one].children) & set(gone.manifests) <= set(group)


def test_order_and_bytes() -> None:
    index, child, shared, signature = map(digest, range(1, 5))
    layer, common = digest(100), digest(101)
    nodes = {
        index: Node((child,), size=5), child: Node(blobs={layer: 1000, common: 70}, size=7),
        shared: Node(blobs={common: 70}, size=9), signature: Node(subject=index, blobs={digest(102): 3}, size=2),
    }  # fmt: skip
    tags = {"1.0.0": index, "1.0.1": shared, f"sha256-{index[7:]}.sig": signature}
    gone = leftover(Graph(nodes, {}, tags), {"1.0.0"})
    assert gone.groups == ((signature, index, child),)
    assert gone.freed == 1000 + 3 + 5 + 7 + 2
    assert gone.tags == {"1.0.0": "", f"sha256-{index[7:]}.sig": index}


def test_a_child_shared_with_an_index_that_stays_stays() -> None:
    old, new, child = map(digest, range(1, 4))
    graph = Graph({old: Node((child,)), new: Node((child,)), child: Node()}, {}, {"1.0.0": old, "1.0.1": new})
    assert leftover(graph, {"1.0.0"}).manifests == (old,)
