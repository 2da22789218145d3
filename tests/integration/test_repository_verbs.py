"""What a repository needs over the years, from outside: withdraw, reconcile, tags, delete, by the command line."""

import subprocess
from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tests.images.making import make_image
from tests.integration.commands import Ran, images, tagger
from tests.servers.distribution import distribution
from tests.servers.registries import DockerRegistry

KEYS = {
    "command", "version", "version_from", "tags", "dry_run", "changed", "source", "digest", "error", "repositories"
}  # fmt: skip
NAMES = ("tag", "action", "before", "after", "version", "reason")


@pytest.fixture
def place(open_registry: DockerRegistry, name: str, tmp_path: Path) -> str:
    """A repository of a real registry with three releases."""
    for version in ("2.0.9", "2.1.3", "2.1.4"):
        assert released(f"{open_registry.host}/{name}", version, tmp_path).code == 0
    return f"{open_registry.host}/{name}"


def released(place: str, version: str, folder: Path) -> Ran:
    layout = Layout(folder / "builds")
    make_image(layout, version, "build")
    return tagger("release", "--json", *images(place), "--source", f"oci:{layout.path}:build", "--version", version)


def inspected(place: str) -> str:
    """Return the digest of an image as skopeo reads it."""
    command = ["skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{place}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def changes(ran: Ran) -> dict[str, str]:
    """Return what became of each tag in the first repository, each tag once."""
    found = [(change["tag"], change["action"]) for change in ran.document["repositories"][0]["changes"]]
    assert len(found) == len(dict(found))
    assert all(tuple(change) == NAMES for change in ran.document["repositories"][0]["changes"])
    assert ran.document.keys() >= KEYS
    return dict(found)


def test_a_withdrawn_version_stays_withdrawn(place: str, tmp_path: Path) -> None:
    bad, good = inspected(f"{place}:2.1.4"), inspected(f"{place}:2.1.3")
    ran = tagger("withdraw", "2.1.4", "--json", *images(place))
    assert (ran.code, ran.document["command"], ran.document["changed"]) == (0, "withdraw", True)
    assert changes(ran) == {"withdrawn-2.1.4": "create", "2.1": "move", "2": "move", "latest": "move"}
    assert inspected(f"{place}:2.1.4") == bad
    assert {inspected(f"{place}:{tag}") for tag in ("2.1", "2", "latest")} == {good}
    assert changes(released(place, "2.0.10", tmp_path)) == {
        "2.0.10": "create", "2.0": "move", "2": "hold", "latest": "hold"
    }  # fmt: skip
    again = released(place, "2.1.4", tmp_path)
    assert (again.code, again.document["error"]["code"]) == (1, "WITHDRAWN")
    listed = tagger("tags", "--json", *images(place)).document["repositories"][0]
    assert [one["version"] for one in listed["versions"] if one["withdrawn"]] == ["2.1.4"]
    assert not any(floating["drifted"] for floating in listed["floating"].values())
    twice = tagger("withdraw", "2.1.4", "--json", *images(place))
    assert (twice.code, twice.document["changed"]) == (0, False)
    assert tagger("withdraw", "2.1.4", "--undo", *images(place)).code == 0
    assert inspected(f"{place}:latest") == bad


def test_what_skopeo_moved_is_put_back_once(place: str) -> None:
    right = inspected(f"{place}:latest")
    options = ["--quiet", "--src-tls-verify=false", "--dest-tls-verify=false"]
    subprocess.run(["skopeo", "copy", *options, f"docker://{place}:2.0.9", f"docker://{place}:latest"], check=True)
    shown = tagger("reconcile", "--dry-run", "--json", *images(place))
    assert (shown.code, shown.statuses, shown.document["changed"]) == (0, ["planned"], True)
    assert inspected(f"{place}:latest") != right
    ran = tagger("reconcile", "--json", *images(place))
    assert (ran.code, changes(ran)["latest"]) == (0, "move")
    assert inspected(f"{place}:latest") == right
    again = tagger("reconcile", "--json", *images(place))
    assert (again.code, again.statuses, again.document["changed"]) == (0, ["unchanged"], False)


def test_four_tags_on_one_digest(tmp_path: Path) -> None:
    for deletes in (True, False):
        with distribution(tmp_path / f"registry-{deletes}", delete=deletes) as registry:
            place = f"{registry.host}/acme/app"
            released(place, "2.1.4", tmp_path)
            digest = inspected(f"{place}:latest")
            ran = tagger("delete", "latest", "--force", "--json", *images(place))
            left = ("2.1.4", "2.1", "2") if deletes else ("2.1.4", "2.1", "2", "latest")
            assert {inspected(f"{place}:{tag}") for tag in left} == {digest}
            assert ran.code == (0 if deletes else 1)
            assert changes(ran)["latest"] == ("remove" if deletes else "refuse")
            if not deletes:
                assert "REGISTRY_STORAGE_DELETE_ENABLED" in ran.document["error"]["hint"]


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("delete", "no-such-tag"), 2, "MANIFEST_UNKNOWN"),
        (("delete", "not a tag"), 2, "INVALID_INPUT"),
        (("delete",), 2, "INVALID_INPUT"),
        (("delete", "--all"), 2, "UNCONFIRMED"),
        (("delete", "--all", "2.0.9"), 2, "INVALID_INPUT"),
        (("delete", "latest"), 1, "IN_FORCE"),
        (("delete", "2.1.4"), 1, "IN_FORCE"),
        (("withdraw", "9.9.9"), 2, "MANIFEST_UNKNOWN"),
        (("withdraw",), 2, "INVALID_INPUT"),
    ],
)
def test_what_is_refused_changes_nothing(place: str, arguments: tuple[str, ...], code: int, word: str) -> None:
    before = tagger("tags", "--json", *images(place)).document
    ran = tagger(*arguments, "--json", *images(place))
    assert (ran.code, ran.document["error"]["code"], ran.document["changed"]) == (code, word, False)
    assert ran.document["command"] == arguments[0]
    assert tagger("tags", "--json", *images(place)).document == before


def test_arguments_of_the_action_come_one_a_line(place: str) -> None:
    environ = {"INPUT_COMMAND": "delete", "INPUT_ARGUMENTS": "2.0.9\n 2.1.3 \n", "INPUT_IMAGES": place}
    environ |= {"INPUT_FORCE": "true", "INPUT_JSON": "true"}
    ran = tagger(environ=environ)
    assert ran.code == 0, ran.err
    assert {tag for tag, action in changes(ran).items() if action == "remove"} == {"2.0.9", "2.1.3"}


def test_every_verb_says_what_it_did_to_a_person(place: str) -> None:
    assert "2.1.4" in tagger("tags", *images(place)).out
    assert "nothing here fits the pattern; 3 versions left out" in tagger("tags", "9.*", *images(place)).out
    assert "linux/amd64" in tagger("tags", "--long", *images(place)).out
    assert "unchanged" in tagger("reconcile", *images(place)).out
    assert "2.1.4 is withdrawn" in tagger("withdraw", "2.1.4", *images(place)).out
    assert "  deleted" in tagger("delete", "--all", "--yes", *images(place)).out
    assert "no tags yet" in tagger("tags", *images(place)).out
