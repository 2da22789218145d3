"""Registries that always have one more: pages, artifacts, bytes of a blob, heavy documents. Each of them has an end."""

import json
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

import pytest

from tagger.errors import Refused, StoreError
from tagger.images.configs import platform_configs
from tagger.images.copying import copy_image, copy_referrers
from tagger.images.documents import MOST_VALUES
from tagger.images.layout import Layout
from tagger.images.manifests import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest
from tagger.images.registry.listing import LARGEST_LISTING, LARGEST_PAGE
from tagger.images.registry.reading import MOST_REFERRER_PAGES
from tagger.images.stores import PrunableStore
from tagger.images.walk import HEAVIEST
from tagger.operations.removal import plan_removal
from tagger.operations.stocktaking import Manifests, read_stock
from tests.images.making import digest_of
from tests.servers.fixtures_registry import Opener
from tests.servers.small_registry import Fault, Reply, Request, SmallRegistry

NAME = "acme/app"
ONE = Manifest(OCI_MANIFEST, b'{"one": 1}')
CONFIG = Descriptor(OCI_CONFIG, digest_of(b"{}"), 2).to_json()

Attacked = Callable[[PrunableStore, Layout], object]


def page(artifacts: Iterable[Manifest], following: str = "") -> Fault:
    """Return a page of the referrers API."""
    listed = [{**one.descriptor().to_json(), "artifactType": "a/b"} for one in artifacts]
    body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}).encode()
    headers = [("Content-Type", OCI_INDEX)] + [("Link", f'<{following}>; rel="next"')] * bool(following)
    return Fault("answer", Reply(200, headers, body))


def artifact(subject: str, number: int, more: str = "") -> Manifest:
    """Make an artifact that is attached to a subject."""
    annotations = {"number": str(number), "more": more}
    about = Descriptor(OCI_MANIFEST, subject, 1).to_json()
    document = {"config": CONFIG, "layers": [], "subject": about, "annotations": annotations}
    return Manifest(OCI_MANIFEST, json.dumps(document).encode())


@pytest.mark.parametrize("each", [1, 10])
@pytest.mark.parametrize(
    "attacked",
    [
        lambda store, layout: copy_referrers(store, layout, [ONE.digest]),
        lambda store, _: plan_removal(store, ["1.0"]),
        lambda store, _: read_stock(Manifests(store), [ONE.digest]),
    ],
    ids=["copy", "delete", "prune"],
)
def test_artifacts_that_are_made_up_for_each_question(
    small_registry: SmallRegistry, opened: Opener, tmp_path: Path, attacked: Attacked, each: int
) -> None:
    small_registry.put(NAME, "1.0", ONE)
    repository = small_registry.store.repositories[NAME]
    repository.blobs[CONFIG["digest"]] = b"{}"

    def watch(request: Request) -> Fault | None:
        if request.kind != "referrers":
            return None
        made = [artifact(request.reference, number) for number in range(each)]
        for one in made:
            small_registry.put(NAME, one.digest, one)
            repository.tags.pop(one.digest, None)
        return page(made)

    small_registry.watch = watch
    with pytest.raises(StoreError, match="artifacts are attached") as caught:
        attacked(opened(small_registry), Layout(tmp_path / "layout"))
    assert caught.value.hint
    assert len(small_registry.requests) < 5000


@pytest.mark.parametrize("empty", [True, False])
def test_pages_of_referrers_without_end(small_registry: SmallRegistry, opened: Opener, empty: bool) -> None:
    numbers = count()

    def watch(request: Request) -> Fault | None:
        number = next(numbers)
        made = [] if empty else [artifact(ONE.digest, number)]
        path = f"/v2/{NAME}/referrers/{ONE.digest}"
        return page(made, f"{path}?last={number}") if request.kind == "referrers" else None

    small_registry.watch = watch
    with pytest.raises(StoreError, match=f"more than {MOST_REFERRER_PAGES} pages"):
        opened(small_registry).referrers(ONE.digest)


def test_pages_of_referrers_in_a_circle_are_read_once(small_registry: SmallRegistry, opened: Opener) -> None:
    one = artifact(ONE.digest, 1)
    numbers = count()
    path = f"/v2/{NAME}/referrers/{ONE.digest}"
    small_registry.watch = lambda request: (
        page([one], f"{path}?last={next(numbers) % 3}") if request.kind == "referrers" else None
    )
    assert [found.digest for found in opened(small_registry).referrers(ONE.digest)] == [one.digest]
    assert len(small_registry.asked(kind="referrers")) == 4


def test_pages_of_tags_that_are_all_blanks(small_registry: SmallRegistry, opened: Opener) -> None:
    numbers = count()
    body = b'{"tags": ["1.0"]}' + b" " * (LARGEST_PAGE - 100)

    def watch(request: Request) -> Fault | None:
        link = ("Link", f'</v2/{NAME}/tags/list?last={next(numbers)}>; rel="next"')
        return Fault("answer", Reply(200, [link], body)) if request.kind == "tags" else None

    small_registry.watch = watch
    with pytest.raises(StoreError, match=f"more than {LARGEST_LISTING} bytes"):
        opened(small_registry).tags()


def test_a_blob_in_drips(small_registry: SmallRegistry, opened: Opener) -> None:
    content = bytes(3000)
    blob = Descriptor("application/octet-stream", digest_of(content), len(content))

    def watch(request: Request) -> Fault | None:
        if request.kind != "blobs":
            return None
        begin = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        rest = content[begin : begin + 1]  # fewer bytes than the length says: the connection ends
        headers = [("Content-Length", str(len(content) - begin)), ("Connection", "close")]
        return Fault("answer", Reply(206 if begin else 200, headers, rest))

    small_registry.watch = watch
    with pytest.raises(StoreError), opened(small_registry, retries=2).blob(blob) as stream:
        stream.read()
    assert len(small_registry.requests) < 10


@pytest.mark.parametrize("copied", [True, False])
def test_an_index_of_heavy_manifests(
    small_registry: SmallRegistry, opened: Opener, tmp_path: Path, copied: bool
) -> None:
    """A few hundred bytes of an index name manifests of megabytes."""
    made = [artifact(ONE.digest, number, "x" * (1 << 20)) for number in range(30)]
    for number, one in enumerate(made):
        small_registry.put(NAME, f"t{number}", one)
    named = [{**one.descriptor().to_json(), "size": 10} for one in made]
    index = Manifest(OCI_INDEX, json.dumps({"manifests": named}).encode())
    store, layout = opened(small_registry), Layout(tmp_path / "layout")
    with pytest.raises(StoreError, match=f"have more than {HEAVIEST} bytes"):
        _ = copy_image(store, layout, index) if copied else platform_configs(store, index)
    assert len(small_registry.requests) < len(made)


def test_heavy_artifacts(small_registry: SmallRegistry, opened: Opener, tmp_path: Path) -> None:
    made = [artifact(ONE.digest, number, "x" * (1 << 20)) for number in range(60)]
    for number, one in enumerate(made):
        small_registry.put(NAME, f"t{number}", one)
    small_registry.store.repositories[NAME].blobs[CONFIG["digest"]] = b"{}"
    small_registry.watch = lambda request: (
        page(made if request.reference == ONE.digest else []) if request.kind == "referrers" else None
    )
    with pytest.raises(StoreError, match=f"have more than {HEAVIEST} bytes"):
        copy_referrers(opened(small_registry), Layout(tmp_path / "layout"), [ONE.digest])
    assert len(small_registry.asked(kind="manifests")) < len(made)


def test_an_image_of_heavy_configs(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.put(NAME, "1.0", ONE)
    repository = small_registry.store.repositories[NAME]
    children = []
    for number in range(5):
        config = b'{"number": %d, "x": "%s"}' % (number, b"x" * (2 << 20))
        repository.blobs[digest_of(config)] = config
        named = Descriptor(OCI_CONFIG, digest_of(config), len(config)).to_json()
        image = Manifest(OCI_MANIFEST, json.dumps({"config": named, "layers": []}).encode())
        small_registry.put(NAME, f"t{number}", image)
        children.append(image.descriptor().to_json())
    with pytest.raises(StoreError, match=f"the configs of sha256:[0-9a-f]+ have more than {HEAVIEST} bytes"):
        platform_configs(opened(small_registry), Manifest(OCI_INDEX, json.dumps({"manifests": children}).encode()))


def test_a_manifest_of_a_million_values(small_registry: SmallRegistry, opened: Opener) -> None:
    """Three bytes of it take seventy in memory."""
    small_registry.put(NAME, "1.0", Manifest(OCI_MANIFEST, b'{"x": [' + b"[]," * 1_000_000 + b"[]]}"))
    with pytest.raises(StoreError, match=f"more than {MOST_VALUES} values"):
        opened(small_registry).manifest("1.0")


def test_prune_reads_no_index_of_thousands(small_registry: SmallRegistry, opened: Opener) -> None:
    named = [Descriptor(OCI_MANIFEST, f"sha256:{number:064x}", 1).to_json() for number in range(5000)]
    index = Manifest(OCI_INDEX, json.dumps({"manifests": named}).encode())
    small_registry.put(NAME, "1.0", index)
    with pytest.raises(Refused, match="names more than 1000 manifests"):
        read_stock(Manifests(opened(small_registry)), [index.digest])
    assert len(small_registry.requests) < 10
