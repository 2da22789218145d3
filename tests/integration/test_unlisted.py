"""A repository that does not exist yet, in registries that hide that behind 403."""

import pytest

from tagger.images.layout import Layout
from tests.images.making import make_index
from tests.integration.commands import images, tagger
from tests.servers.http_server import Reply
from tests.servers.small_registry import Fault, SmallRegistry


@pytest.fixture
def source(builds: Layout) -> tuple[str, ...]:
    make_index(builds, "app", "build")
    return ("--source", f"oci:{builds.path}:build", "--version", "2.1.4")


@pytest.fixture
def builds(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return Layout(tmp_path_factory.mktemp("builds") / "layout")


@pytest.mark.parametrize("absent", [403, 404])
def test_the_first_release_makes_it(source: tuple[str, ...], absent: int) -> None:
    with SmallRegistry(absent=absent) as registry:
        place = f"{registry.host}/acme/new"
        planned = tagger("plan", "--json", *images(place), *source)
        assert planned.code == 0, planned.err
        assert registry.tags("acme/new") == {}
        ran = tagger("release", "--json", *images(place), *source)
        assert (ran.code, ran.statuses) == (0, ["released"]), ran.err
        assert planned.document["repositories"][0]["changes"] == ran.document["repositories"][0]["changes"]


def test_where_writing_is_forbidden_too_nothing_counts_as_empty(source: tuple[str, ...]) -> None:
    with SmallRegistry(absent=403) as registry:
        registry.fail(Fault("answer", Reply(403)), method="POST", times=9)
        for command in ("plan", "release"):
            ran = tagger(command, "--json", *images(f"{registry.host}/acme/new"), *source)
            assert (ran.code, ran.document["repositories"][0]["error"]["code"]) == (1, "DENIED")
