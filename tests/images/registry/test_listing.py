"""Listings and digests, with every habit of registries that is known (each is a case of the small registry)."""

import json
from functools import partial
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import StoreError
from tagger.images.manifests import OCI_MANIFEST, Manifest
from tagger.images.registry import client
from tagger.images.registry.answers import Answer
from tagger.images.registry.headers import Headers
from tagger.images.registry.listing import _valid, next_query
from tagger.names import TAG
from tests.images.making import make_image
from tests.servers.fixtures_registry import Opener
from tests.servers.registries import DockerRegistry
from tests.servers.small_registry import Fault, Reply, Request, SmallRegistry

NAME = "acme/app"
TAGS = [f"1.{number}" for number in range(25)]
IMAGE = Manifest(OCI_MANIFEST, b'{"schemaVersion": 2}')


def fill(registry: SmallRegistry, tags: list[str] | None = None) -> None:
    """Put the same image under many tags."""
    for tag in TAGS if tags is None else tags:
        registry.put(NAME, tag, IMAGE)


def test_all_tags_are_asked_for_at_once(small_registry: SmallRegistry, opened: Opener) -> None:
    fill(small_registry)
    assert sorted(opened(small_registry).tags()) == sorted(TAGS)
    assert [request.query for request in small_registry.asked(kind="tags")] == [""]


@pytest.mark.parametrize("order", ["sorted", "oldest", "newest"])
@pytest.mark.parametrize("link", ["path", "url", "query", "foreign", "prefix"])
def test_pages_are_followed_however_they_are_named(
    small_registry: SmallRegistry, opened: Opener, link: str, order: str
) -> None:
    fill(small_registry)
    small_registry.page_size, small_registry.link, small_registry.order = 4, link, order
    assert sorted(opened(small_registry).tags()) == sorted(TAGS)
    asked = small_registry.asked(kind="tags")
    assert len(asked) == 7
    assert {request.path for request in asked} == {f"/v2/{NAME}/tags/list"}


def test_a_circle_of_pages_is_an_error(small_registry: SmallRegistry, opened: Opener) -> None:
    fill(small_registry)
    small_registry.page_size, small_registry.link = 4, "circular"
    with pytest.raises(StoreError, match="circle"):
        opened(small_registry).tags()
    assert len(small_registry.asked(kind="tags")) == 2


@pytest.mark.parametrize(("needs_n", "most", "sizes"), [(True, 1000, ["1000"]), (True, 100, ["1000", "100"])])
def test_a_registry_that_wants_a_page_size_gets_one(
    small_registry: SmallRegistry, opened: Opener, needs_n: bool, most: int, sizes: list[str]
) -> None:
    fill(small_registry)
    small_registry.needs_n, small_registry.most_n = needs_n, most
    assert sorted(opened(small_registry).tags()) == sorted(TAGS)
    assert [request.value("n") for request in small_registry.asked(kind="tags")] == [None, *sizes]


def test_a_walk_begins_again_when_its_last_tag_is_deleted(small_registry: SmallRegistry, opened: Opener) -> None:
    fill(small_registry)
    small_registry.page_size, small_registry.strict_last = 10, True
    deleted: list[str] = []

    def delete_the_last(request: Request) -> None:
        last = request.value("last")
        if last and not deleted:
            small_registry.remove(NAME, last)
            deleted.append(last)

    small_registry.watch = delete_the_last
    assert sorted(opened(small_registry).tags()) == sorted(set(TAGS) - set(deleted))


def test_a_listing_that_never_ends_the_same_is_an_error(small_registry: SmallRegistry, opened: Opener) -> None:
    fill(small_registry)
    small_registry.page_size, small_registry.strict_last = 10, True

    def delete_the_last(request: Request) -> None:
        small_registry.remove(NAME, request.value("last") or "")

    small_registry.watch = delete_the_last
    small_registry.order = "newest"
    for number in count(100):
        if number > 200:
            break
        small_registry.put(NAME, f"1.{number}", IMAGE)
    with pytest.raises(StoreError, match="kept changing"):
        opened(small_registry).tags()


def test_no_tags_may_be_null(small_registry: SmallRegistry, opened: Opener) -> None:
    fill(small_registry, ["1.0"])
    small_registry.remove(NAME, "1.0")
    small_registry.null_tags = True
    assert list(opened(small_registry).tags()) == []


def test_what_is_no_tag_is_not_listed(small_registry: SmallRegistry, opened: Opener) -> None:
    listing = {"name": NAME, "tags": ["1.0", "::warning::x", "a\nb", "", None, 7, "x" * 129, "../..", "2.0"]}
    small_registry.fail(Fault("answer", Reply(200, body=json.dumps(listing).encode())))
    assert set(opened(small_registry).tags()) == {"1.0", "2.0"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"<html>", b'{"tags": 7}', b"\xff", b"[" * 100_000])
def test_what_is_no_listing_is_an_error(small_registry: SmallRegistry, opened: Opener, body: bytes) -> None:
    small_registry.fail(Fault("answer", Reply(200, body=body)))
    with pytest.raises(StoreError, match="no list of tags"):
        opened(small_registry).tags()


def test_a_repository_that_may_not_be_seen_is_an_error(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.absent = 403
    with pytest.raises(StoreError) as caught:
        opened(small_registry).snapshot(["1.0"])
    assert (caught.value.status, caught.value.code) == (403, "DENIED")


def test_a_page_that_is_not_found_is_no_empty_repository(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.fail(Fault("answer", Reply(404, [("Content-Type", "text/plain")], b"404 page not found\n")))
    with pytest.raises(StoreError) as caught:
        opened(small_registry).tags()
    assert caught.value.status == 404


@pytest.mark.parametrize("statuses", [[404], [500], [404, 404, 404], [503, 404, 500]])
def test_a_listed_tag_that_answers_nothing_is_read_again(
    small_registry: SmallRegistry, opened: Opener, statuses: list[int]
) -> None:
    fill(small_registry, ["1.0", "2.0"])
    small_registry.flaky["1.0"] = list(statuses)
    assert opened(small_registry, retries=4).snapshot(["1.0"]).digests == {"1.0": IMAGE.digest}


def test_a_listed_tag_that_answers_nothing_for_ever_is_lost(small_registry: SmallRegistry, opened: Opener) -> None:
    fill(small_registry, ["1.0", "2.0"])
    small_registry.flaky["1.0"] = [404] * 100
    store = opened(small_registry)
    snapshot = store.snapshot(["1.0", "2.0", "3.0"])
    assert snapshot.digests["1.0"] is None
    assert snapshot.lost == {"1.0"}
    assert snapshot.tags == {"1.0", "2.0"}
    asked = len(small_registry.requests)
    assert store.snapshot(["1.0"]).lost == {"1.0"}
    assert len(small_registry.requests) - asked == 3  # it is read, listed and read once more


def test_a_tag_that_is_deleted_meanwhile_is_absent(small_registry: SmallRegistry, opened: Opener) -> None:
    fill(small_registry, ["1.0", "2.0"])
    small_registry.flaky["1.0"] = [404] * 2
    small_registry.watch = lambda request: (
        small_registry.remove(NAME, "1.0") if request.method == "GET" and request.kind == "manifests" else None
    )
    snapshot = opened(small_registry).snapshot(["1.0"])
    assert (set(snapshot.tags), dict(snapshot.digests)) == ({"2.0"}, {"1.0": None})


def test_a_tag_that_a_lagging_listing_lacks_counts(small_registry: SmallRegistry, opened: Opener) -> None:
    fill(small_registry, ["1.0", "2.0"])
    small_registry.fail(Fault("answer", Reply(200, body=b'{"tags": ["1.0"]}')), kind="tags")
    snapshot = opened(small_registry).snapshot(["2.0"])
    assert (set(snapshot.tags), dict(snapshot.digests)) == ({"1.0", "2.0"}, {"2.0": IMAGE.digest})


@pytest.mark.parametrize("head", ["bare", 405, 501])
def test_a_digest_is_read_by_get_where_head_does_not_tell(
    small_registry: SmallRegistry, opened: Opener, head: str | int
) -> None:
    fill(small_registry, ["1.0"])
    small_registry.head = head
    store = opened(small_registry)
    assert store.digests(["1.0"]) == {"1.0": IMAGE.digest}
    assert store.digests(["2.0"]) == {"2.0": None}


def test_a_listed_tag_is_found_where_head_answers_404(small_registry: SmallRegistry, opened: Opener) -> None:
    fill(small_registry, ["1.0"])
    small_registry.head = 404
    assert opened(small_registry).snapshot(["1.0", "2.0"]).digests == {"1.0": IMAGE.digest, "2.0": None}


@pytest.mark.parametrize("most", [1, 3, 12, 13])
def test_many_digests_are_read_in_parts(
    small_registry: SmallRegistry, opened: Opener, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    store = opened(small_registry)
    tags = [f"1.{number}" for number in range(12)]
    made = {tag: make_image(store, tag, tag).digest for tag in tags}
    monkeypatch.setattr(client, "MOST_SUBMITTED", most)
    assert opened(small_registry).digests([*tags, "2.0"]) == {**made, "2.0": None}


def test_listing_and_digests_are_read_side_by_side(small_registry: SmallRegistry, opened: Opener) -> None:
    fill(small_registry)
    store = opened(small_registry, jobs=8)
    store.digests(["1.0"])  # the registry is met
    small_registry.most_at_once, small_registry.delay = 0, 0.15
    store.snapshot(TAGS[:7])
    assert small_registry.most_at_once == 8
    small_registry.most_at_once = 0
    store.snapshot(TAGS)
    assert small_registry.most_at_once == 8


def test_nothing_is_asked_twice_or_for_nothing(small_registry: SmallRegistry, opened: Opener) -> None:
    fill(small_registry)
    opened(small_registry).snapshot(["1.0", "1.1", "9"])
    asked = sorted((request.method, request.kind, request.reference) for request in small_registry.requests)
    assert asked == [("GET", "tags", ""), *(("HEAD", "manifests", tag) for tag in ("1.0", "1.1", "9"))]


def test_a_large_listing_of_a_real_registry_comes_whole(
    open_registry: DockerRegistry, opened: Opener, name: str
) -> None:
    folder = open_registry.folder / "data" / "docker" / "registry" / "v2" / "repositories" / name
    for number in range(2500):
        (folder / "_manifests" / "tags" / f"1.{number}").mkdir(parents=True)
    assert set(opened(open_registry, name).tags()) == {f"1.{number}" for number in range(2500)}


@given(st.text(alphabet='<>;,="? &nexrlatsi/:.%\\', max_size=80))
def test_no_link_header_breaks_the_walk(header: str) -> None:
    found = next_query(Answer(200, Headers({"Link": header})))
    assert found is None or found == "" or found.startswith("?")


@pytest.mark.parametrize(
    ("header", "query"),
    [
        ('</v2/a/tags/list?last=b&n=4>; rel="next"', "?last=b&n=4"),
        ("<https://elsewhere/v2/a/tags/list?n=4&last=b>; rel=next", "?n=4&last=b"),
        ('<?next_page=gAAAA%3D%3D>; title="a, b"; rel="next"', "?next_page=gAAAA%3D%3D"),
        ('</first>; rel="first", </v2/a/tags/list?last=c>; REL="last next"', "?last=c"),
        ('</v2/a/tags/list?last=c>; rel="prev"', None),
        ('</v2/a/tags/list>; rel="next"', ""),
        ("nonsense", None),
    ],
)
def test_the_query_of_the_next_page_is_read(header: str, query: str | None) -> None:
    assert next_query(Answer(200, Headers({"Link": header}))) == query


def test_a_listing_that_was_begun_serves_once(small_registry: SmallRegistry, opened: Opener) -> None:
    fill(small_registry)
    store = opened(small_registry)
    store.begin_listing()
    for _ in range(2):
        assert sorted(store.snapshot(["1.0"]).tags) == sorted(TAGS)
    assert len(small_registry.asked(kind="tags")) == 2


def test_a_listing_that_was_begun_before_a_change_serves_nobody(small_registry: SmallRegistry, opened: Opener) -> None:
    fill(small_registry, ["1.0"])
    store = opened(small_registry)
    for change, left in (
        (partial(store.tag, IMAGE, ["2.0"]), ["1.0", "2.0"]),
        (partial(store.untag, "2.0"), ["1.0"]),
        (partial(store.delete, IMAGE.digest), []),
    ):
        store.begin_listing()
        change()
        assert sorted(store.tags()) == left


def test_the_error_of_a_listing_that_was_begun_comes_to_whoever_needs_it(
    small_registry: SmallRegistry, opened: Opener
) -> None:
    small_registry.absent = 403
    store = opened(small_registry)
    store.begin_listing()
    with pytest.raises(StoreError) as caught:
        store.snapshot(["1.0"])
    assert (caught.value.status, caught.value.code) == (403, "DENIED")


@given(
    st.lists(st.one_of(st.text(), st.sampled_from(("1.0", "a" * 128, "a" * 129, "-a", "\u0661.0", "1\n2", "\ud800"))))
)
def test_tags_are_told_from_other_texts_together_as_one_by_one(texts: list[str]) -> None:
    assert _valid(texts) == [text for text in texts if TAG.fullmatch(text)]
    assert _valid([*texts, None, 7]) == _valid(texts)


@pytest.mark.parametrize("listed", [[], ["1.0"], ["1.0", "2.0"], {"1.0": 1}, "10", ["1.0", ["2.0"]]])
def test_whatever_a_listing_has_for_tags_is_gone_through(listed: object) -> None:
    expected = [tag for tag in listed if isinstance(tag, str) and TAG.fullmatch(tag)]  # type: ignore[attr-defined]
    assert list(_valid(listed)) == expected  # type: ignore[arg-type]
