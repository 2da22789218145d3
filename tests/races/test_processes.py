"""Twenty processes release, withdraw and reconcile at once, in a real registry, which answers 404 and 500 then."""

from pathlib import Path

from tests.races.processes import race
from tests.servers.registries import DockerRegistry


def test_twenty_processes(open_registry: DockerRegistry, name: str, tmp_path: Path) -> None:
    found = race(open_registry.host, name, tmp_path)
    assert found.wrong == []
    assert found.failed == []
    assert found.contested == [0, 1]
