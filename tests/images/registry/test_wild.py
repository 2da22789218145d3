"""What registries answer in the wild: statuses of all kinds, and blobs that are there by their word alone."""

from pathlib import Path

import pytest

from tagger.errors import NotFound, StoreError
from tagger.images.layout import Layout
from tagger.images.manifests import OCI_MANIFEST, Manifest
from tagger.images.sources import ContentSource
from tests.images.making import make_image, make_index
from tests.servers.fixtures_registry import Opener
from tests.servers.small_registry import Fault, Reply, Request, SmallRegistry

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
        opened(small_registry, retries=0).point(ONE, [])
    assert caught.value.hint
    assert small_registry.host in caught.value.message
    assert ONE.digest in caught.value.message
