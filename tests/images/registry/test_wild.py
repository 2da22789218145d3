"""What registries answer in the wild: statuses of all kinds, and blobs that are there by their word alone."""

import socket
from pathlib import Path

import pytest

from tagger.errors import NotFound, StoreError
from tagger.images.layout import Layout
from tagger.images.manifests import OCI_MANIFEST, Manifest
from tagger.images.sources import ContentSource
from tagger.names import Repository
from tests.images.making import attach, make_image, make_index
from tests.servers.fixtures_registry import Opener
from tests.servers.small_registry import Fault, Reply, Request, SmallRegistry
from tests.servers.token_server import TokenServer

NAME = "acme/app"
ONE = Manifest(OCI_MANIFEST, b'{"one": 1}')


@pytest.mark.parametrize("several", [True, False])
def test_a_blob_that_is_there_by_the_registry_word_alone_is_uploaded(
    small_registry: SmallRegistry, opened: Opener, tmp_path: Path, several: bool
) -> None:
    """HEAD says that every blob is there, and a manifest that names one is refused: once, and not for ever."""
    layout = Layout(tmp_path / "layout")
    root = make_index(layout) if several else make_image(layout)

    def watch(request: Request) -> Fault | None:
        return Fault("answer", Reply(200)) if (request.method, request.kind) == ("HEAD", "blobs") else None

    small_registry.watch = watch
    store = opened(small_registry)
    assert ContentSource(layout, root.digest, "it").stage(store, "2.1.4") == root
    assert small_registry.tags(NAME) == {"2.1.4": root.digest}


@pytest.mark.parametrize("status", [400, 405, 406, 501])
def test_a_tag_is_read_by_get_where_head_is_not_offered(
    small_registry: SmallRegistry, opened: Opener, status: int
) -> None:
    small_registry.put(NAME, "1.0", ONE)

    def watch(request: Request) -> Fault | None:
        return Fault("answer", Reply(status)) if request.method == "HEAD" else None

    small_registry.watch = watch
    assert opened(small_registry).digests(["1.0", "1"]) == {"1.0": ONE.digest, "1": None}


def test_what_is_gone_for_ever_is_absent(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.watch = lambda _request: Fault("answer", Reply(410))
    store = opened(small_registry)
    assert store.digests(["1.0"]) == {"1.0": None}
    with pytest.raises(NotFound):
        store.manifest("1.0")


@pytest.mark.parametrize("status", [400, 404, 405, 406, 409, 410, 412, 413, 414, 416, 418, 422, 431, 451, 501, 507])
def test_every_refusal_ends_in_a_hint_and_names_who_refused(
    small_registry: SmallRegistry, opened: Opener, status: int
) -> None:
    small_registry.watch = lambda request: Fault("answer", Reply(status)) if request.method == "PUT" else None
    with pytest.raises(StoreError) as caught:
        opened(small_registry, retries=0).tag(ONE, [])
    assert caught.value.hint
    assert small_registry.host in caught.value.message
    assert ONE.digest in caught.value.message


@pytest.mark.parametrize("status", [404, 410])
def test_a_deletion_that_is_not_found_though_the_thing_stands_is_not_offered(
    small_registry: SmallRegistry, opened: Opener, status: int
) -> None:
    """A registry, or a proxy before it, may know no DELETE."""
    small_registry.put(NAME, "1.0", ONE)
    small_registry.watch = lambda request: Fault("answer", Reply(status)) if request.method == "DELETE" else None
    store = opened(small_registry)
    for delete, standing, absent in ((store.untag, "1.0", "2.0"), (store.delete, ONE.digest, "sha256:" + "0" * 64)):
        with pytest.raises(StoreError) as caught:
            delete(standing)
        assert (caught.value.code, type(caught.value)) == ("UNSUPPORTED", StoreError)
        with pytest.raises(NotFound):
            delete(absent)


@pytest.mark.parametrize("status", [201, 203, 204, 206, 300, 302])
def test_what_is_no_answer_of_the_referrers_api_means_that_there_is_none(
    small_registry: SmallRegistry, opened: Opener, status: int
) -> None:
    small_registry.watch = lambda request: Fault("answer", Reply(status)) if request.kind == "referrers" else None
    assert not opened(small_registry).referrers(ONE.digest)


def test_referrers_that_lead_in_a_circle_mean_that_there_is_no_api(
    small_registry: SmallRegistry, opened: Opener
) -> None:
    """A login page that wants a cookie."""
    circle = Reply(302, [("Location", f"/v2/{NAME}/referrers/{ONE.digest}")])
    small_registry.watch = lambda request: Fault("answer", circle) if request.kind == "referrers" else None
    store = opened(small_registry)
    store.tags()  # the registry is met
    assert not store.referrers(ONE.digest)


@pytest.mark.parametrize("headers", [[], [("Location", "")]])
def test_a_mount_that_leads_nowhere_is_an_upload(
    small_registry: SmallRegistry, opened: Opener, tmp_path: Path, headers: list[tuple[str, str]]
) -> None:
    layout = Layout(tmp_path / "layout")
    blob = make_image(layout).layers()[0]

    def watch(request: Request) -> Fault | None:
        return Fault("answer", Reply(202, headers)) if request.value("mount") else None

    small_registry.watch = watch
    store = opened(small_registry)
    store.put_blob(blob, lambda: layout.blob(blob), Repository(small_registry.host, "acme/other"))
    assert store.has_blob(blob)


def test_an_upload_that_leads_nowhere_is_said(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.watch = lambda request: Fault("answer", Reply(202)) if request.method == "POST" else None
    with pytest.raises(StoreError, match="does not say where") as caught:
        opened(small_registry).check_writable()
    assert "Something else answers there" in caught.value.hint


@pytest.mark.parametrize("status", [401, 403, 404, 405, 500])
def test_a_storage_that_refuses_to_say_whether_a_blob_exists_leaves_that_unknown(
    small_registry: SmallRegistry, opened: Opener, tmp_path: Path, status: int
) -> None:
    blob = make_image(Layout(tmp_path / "layout")).layers()[0]
    with SmallRegistry(watch=lambda _request: Fault("answer", Reply(status))) as storage:
        small_registry.watch = lambda _request: Fault("answer", Reply(307, [("Location", f"{storage.url}/blob")]))
        assert not opened(small_registry, retries=0).has_blob(blob)
        assert storage.requests


def test_an_error_says_that_the_host_of_a_redirect_cannot_be_reached(
    small_registry: SmallRegistry, opened: Opener
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{closed.getsockname()[1]}"
        small_registry.watch = lambda _request: Fault("answer", Reply(307, [("Location", f"http://{host}/there")]))
        with pytest.raises(StoreError, match=f"{host} cannot be reached") as caught:
            opened(small_registry, retries=0).manifest("1.0")
    assert f"{small_registry.host} leads to {host}" in caught.value.hint


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize(("method", "kind"), [("POST", "uploads"), ("PUT", "uploads"), ("PUT", "manifests")])
def test_a_write_is_redirected_with_its_body(
    small_registry: SmallRegistry, opened: Opener, tmp_path: Path, status: int, method: str, kind: str
) -> None:
    """argsh #135, distribution-spec #299."""
    layout = Layout(tmp_path / "layout")
    root = make_image(layout)

    def watch(request: Request) -> Fault | None:
        if (request.method, request.kind) != (method, kind) or request.value("moved"):
            return None
        target = f"{request.path}?{request.query}&moved=1"
        return Fault("answer", Reply(status, [("Location", target)]))

    small_registry.watch = watch
    assert ContentSource(layout, root.digest, "it").stage(opened(small_registry), "2.1.4") == root
    assert small_registry.tags(NAME) == {"2.1.4": root.digest}


@pytest.mark.parametrize("status", [400, 404, 409, 500])
def test_the_subject_is_put_before_what_is_attached_to_it(
    small_registry: SmallRegistry, opened: Opener, tmp_path: Path, status: int
) -> None:
    """zot #1424, distribution-spec #459."""
    layout = Layout(tmp_path / "layout")
    root = make_index(layout)
    artifact = attach(layout, root)

    def watch(request: Request) -> Fault | None:
        stored = small_registry.store.repositories.get(NAME)
        early = request.reference == artifact.digest and not (stored and root.digest in stored.manifests)
        return Fault("answer", Reply(status)) if request.method == "PUT" and early else None

    small_registry.watch = watch
    assert ContentSource(layout, root.digest, "it").stage(opened(small_registry, retries=0), "2.1.4") == root
    assert artifact.digest in small_registry.store.repositories[NAME].manifests


def test_a_head_that_contradicts_what_was_put_is_read_by_get(small_registry: SmallRegistry, opened: Opener) -> None:
    """A cache answers HEAD with the digest from before."""
    two = Manifest(OCI_MANIFEST, b'{"two": 2}')
    small_registry.put(NAME, "1.0", ONE)
    store = opened(small_registry)
    store.tag(two, ["1.0"])
    stale = Reply(200, [("Docker-Content-Digest", ONE.digest)])
    small_registry.watch = lambda request: Fault("answer", stale) if request.method == "HEAD" else None
    assert store.digests(["1.0"]) == {"1.0": two.digest}


@pytest.mark.parametrize(
    "fault", [*(Fault("answer", Reply(status)) for status in (401, 404, 405, 500)), Fault("reset")]
)
def test_an_upload_that_cannot_be_cancelled_proves_the_right_all_the_same(
    small_registry: SmallRegistry, opened: Opener, fault: Fault
) -> None:
    small_registry.watch = lambda request: fault if request.method == "DELETE" else None
    opened(small_registry).check_writable()
    assert len(small_registry.asked("DELETE")) == 1


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_token_server_that_knows_no_action_to_delete(
    small_registry: SmallRegistry, opened: Opener, status: int
) -> None:
    """quay/quay, endpoints/v2/v2auth.py: its DELETE needs the right to push."""
    small_registry.put(NAME, "1.0", ONE)
    with TokenServer(users={"tester": "secret"}) as tokens:
        tokens.watch = lambda path: Reply(status) if "delete" in path else None
        small_registry.tokens, small_registry.delete_action = tokens, "push"
        opened(small_registry).untag("1.0")
    assert small_registry.tags(NAME) == {}
