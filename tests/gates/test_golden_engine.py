"""The golden-image gate on images that a real engine built, with the bases in a real registry."""

import io
import tarfile
from collections.abc import Callable, Iterator

import pytest

from tagger.errors import Refused
from tagger.gates.bases import Place, examine
from tagger.gates.golden import Verdict
from tagger.images.engine import Engine, EngineSource
from tagger.images.registry.credentials import Keychain
from tagger.images.registry.registries import Registries
from tagger.images.stores import TagStore
from tagger.names import Repository
from tests.servers.distribution import Distribution
from tests.servers.engine import Engine as Running

Gate = Callable[..., Verdict]


def build(engine: Running, name: str, base: str, content: str) -> None:
    """Build an image with a layer of its own on `base`."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for file, text in (("Dockerfile", f"FROM {base}\nCOPY file /{content}\n"), ("file", content)):
            member = tarfile.TarInfo(file)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    engine.docker("build", "--quiet", "--tag", name, "-", content=context.getvalue())


@pytest.fixture
def golden(engine: Running, registry: Distribution) -> str:
    """A repository of golden images on an official one: two versions, and the first of them is the base of `app`."""
    repository = f"{registry.host}/golden/app-base"
    build(engine, "official:1", "scratch", "official")
    for version in ("1.0.0", "1.1.0"):
        build(engine, f"{repository}:{version}", "official:1", f"golden-{version}")
        engine.docker("push", "--quiet", f"{repository}:{version}")
    build(engine, "app:build", f"{repository}:1.0.0", "app")
    return repository


@pytest.fixture
def gate(engine: Running) -> Iterator[Gate]:
    """Examine an image of the engine."""
    client = Engine.find(engine.environ, Keychain())
    with Registries(keychain=Keychain(environ={}), retries=0) as registries:

        def open_place(place: Place) -> TagStore:
            assert isinstance(place, Repository)
            return registries.repository(place)

        yield lambda name, line: examine(EngineSource.find(client, name).configs(), [line], open_place=open_place)
    client.close()


def test_a_build_on_a_golden_image(gate: Gate, golden: str) -> None:
    finding = gate("app:build", golden).check().findings[0]
    assert (finding.base, finding.newest, finding.current) == (f"{golden}:1.0.0", "1.1.0", False)


def test_the_same_build_on_what_the_golden_image_stands_on(engine: Running, gate: Gate, golden: str) -> None:
    build(engine, "app:other", "official:1", "app")
    with pytest.raises(Refused, match="it has 1 of the 2 layers of"):
        gate("app:other", golden).check()


def test_a_build_squashed_to_one_layer(engine: Running, gate: Gate, golden: str) -> None:
    container = engine.docker("create", "app:build", "/none")
    flat = engine.socket.parent / "flat.tar"
    engine.docker("export", "--output", str(flat), container)
    engine.docker("import", str(flat), "app:flat")
    engine.docker("rm", container)
    with pytest.raises(Refused, match="stands on no approved base"):
        gate("app:flat", golden).check()


def test_a_golden_image_that_was_withdrawn(engine: Running, gate: Gate, golden: str) -> None:
    engine.docker("tag", f"{golden}:1.0.0", f"{golden}:withdrawn-1.0.0")
    engine.docker("push", "--quiet", f"{golden}:withdrawn-1.0.0")
    with pytest.raises(Refused, match=r"stands on .*:1\.0\.0, which was withdrawn"):
        gate("app:build", golden).check()
