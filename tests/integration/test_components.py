"""Several components in one run, from outside: over layouts, and over registries of which one fails."""

import io
import json
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tagger.cli import run
from tagger.images.layout import Layout
from tagger.interruption import Interruption
from tests.images.making import make_image
from tests.integration.commands import Ran, tagger
from tests.servers.fixtures_registry import Opener
from tests.servers.small_registry import Fault, Request, SmallRegistry

FLOATING = ("2.1", "2", "latest")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def components(*names: str, images: str = "oci:out/{{component}}", **more: str) -> None:
    """Write a file of components, and build an image of each."""
    own = {name: json.dumps({"images": [more[name]]} if name in more else {}) for name in names}
    lines = [
        f"images: ['{images}']",
        "source: oci:builds:{{component}}",
        'tag-prefix: "{{component}}/"',
        "components:",
        *(f"  {name}: {text}" for name, text in own.items()),
    ]
    Path(".tagger.yml").write_text("\n".join(lines))
    for name in names:
        make_image(Layout(Path("builds")), name, name)


def release(names: str, version: str = "2.1.4", *more: str, command: str = "release") -> Ran:
    """Release components at one version."""
    return tagger(command, "--only", names, "--version", version, "--json", *more)


def standing(name: str) -> Mapping[str, str | None]:
    layout = Layout(Path("out") / name)
    return layout.digests(tuple(layout.tags()))


def statuses(ran: Ran) -> Mapping[str, Sequence[str]]:
    """Return how the repositories of each component ended."""
    found = ran.document["components"]
    return {name: [one["status"] for one in report["repositories"]] for name, report in found.items()}


def test_each_verb_over_all(folder: Path) -> None:
    components("api", "web")
    assert release("api web", command="plan").document["components"]["web"]["changed"]
    assert not Path("out").exists()
    ran = release("api web")
    assert (ran.code, list(ran.document), ran.document["error"]) == (0, ["command", "components", "error"], None)
    assert statuses(ran) == {"api": ["released"], "web": ["released"]}
    assert set(standing("api")) == set(standing("web")) == {"2.1.4", *FLOATING}
    assert len({*standing("api").values(), *standing("web").values()}) == 2
    for command in ("reconcile", "policy"):
        ran = tagger(command, "--json")
        assert (ran.code, statuses(ran)) == (0, {"api": ["unchanged"], "web": ["unchanged"]})
    ran = tagger("prune", "--only", "api web", "--keep", "major=1", "--json")
    assert (ran.code, list(statuses(ran))) == (0, ["api", "web"])
    assert tagger("prune", "--keep", "major=1").code == 2
    trees = tagger("tags", "--json").document["components"]
    assert [trees[name]["repositories"][0]["versions"][0]["version"] for name in trees] == ["2.1.4", "2.1.4"]
    checked = tagger("check", "--json")
    assert (checked.code, list(checked.document["components"])) == (0, ["api", "web"])
    assert statuses(tagger("policy", "set", "--json")) == {"api": ["pushed"], "web": ["pushed"]}


def test_one_component_has_the_report_of_one(folder: Path) -> None:
    components("api", "web")
    told = {"GITHUB_REF": "refs/tags/web/v1.0.0"}
    ran = tagger("release", "--json", environ=told)
    assert (ran.code, ran.document["version"], ran.statuses) == (0, "1.0.0", ["released"])
    assert not Path("out/api").exists()


def test_a_release_of_several_is_asked_for_by_name(folder: Path) -> None:
    components("api", "web")
    ran = tagger("release", "--version", "2.1.4", "--json")
    assert (ran.code, ran.document["error"]["hint"]) == (2, "Pick one: set `--only api` or `--only web`.")
    assert tagger("withdraw", "2.1.4", "--only", "api web").code == 2
    assert not Path("out").exists()


def test_one_that_fails_does_not_stop_the_others(folder: Path) -> None:
    components("api", "bad", "web", bad="oci:.tagger.yml")
    ran = release("api bad web")
    assert (ran.code, statuses(ran)["api"], statuses(ran)["web"]) == (2, ["released"], ["released"])
    error = ran.document["components"]["bad"]["error"]
    assert error == ran.document["error"]
    assert f"Invalid input: bad: {error['message']}" in ran.err
    assert tagger("plan", "--only", "api bad", "--version", "2.1.4").code == 2


def test_the_table_of_a_person(folder: Path) -> None:
    components("api", "bad", "web", bad="oci:.tagger.yml")
    summary, output = folder / "summary", folder / "output"
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(output)}
    ran = tagger("release", "--only", "api bad web", "--version", "2.1.4", environ=environ)
    table = ran.out.split("component  version  status\n")[1].splitlines()
    assert [line.split() for line in table[:3]] == [
        ["api", "2.1.4", "released", "4", "tags"],
        ["bad", "2.1.4", "failed"],
        ["web", "2.1.4", "released", "4", "tags"],
    ]
    assert "| `api` | 2.1.4 | released | `2.1.4` `2.1` `2` `latest` |" in summary.read_text()
    assert "> **Invalid input**: bad: oci:.tagger.yml" in summary.read_text()
    said = output.read_text()
    summary.write_text("")
    tagger("release", "--only", "api web", "--version", "2.1.4", environ=environ)
    again = summary.read_text()
    assert again.startswith("### Release: 2 components\n")
    assert "| component |" not in again
    assert "<summary>Nothing to write for 2 components</summary>\n\n`api`\n`web`\n" in again
    assert all(f"oci:out/{name}:latest" in said for name in ("api", "web"))
    assert "2.1.4\n2.1\n2\nlatest\n" in said


def test_components_that_share_a_repository(folder: Path) -> None:
    components("api", "web", images="oci:out/shared")
    file = Path(".tagger.yml")
    file.write_text(file.read_text() + '\ntags: ["{{component}}-{{version}}", "{{component}}-{{major}}"]\n')
    ran = release("api web")
    assert ran.code == 0, ran.err
    assert ran.err.count("share a repository") == 1
    for report in ran.document["components"].values():
        assert any("share a repository" in one["message"] for one in report["warnings"])
    assert set(standing("shared")) == {"api-2.1.4", "api-2", "web-2.1.4", "web-2"}


def test_what_all_warn_of_is_said_once(folder: Path) -> None:
    components("api", "web")
    assert release("api web").code == 0
    ran = tagger("reconcile", "--json")
    assert ran.err.count("the default rules decide") == 1
    assert all(report["warnings"] for report in ran.document["components"].values())


@pytest.mark.parametrize("before", [True, False])
def test_a_signal_ends_all_with_a_report(folder: Path, before: bool, small_registry: SmallRegistry) -> None:
    """It comes before anything is written, or after the first tag of each was."""
    names = [f"app-{number}" for number in range(6)]
    components(*names, images=f"{small_registry.host}/acme/{{{{component}}}}")
    interruption = Interruption()
    arrived = threading.Event()

    def watch(request: Request) -> Fault | None:
        if (before or request.method == "PUT") and not arrived.is_set():
            arrived.set()
            interruption.received(signal.SIGTERM)
            time.sleep(0.2)
        return None

    small_registry.watch = watch
    out, err = io.StringIO(), io.StringIO()
    words = ["release", "--only", " ".join(names), "--version", "2.1.4", "--json"]
    code = run(words, {}, out, err, io.StringIO(), interruption)
    document = json.loads(out.getvalue())
    assert (code, document["error"]["code"], list(document["components"])) == (1, "INTERRUPTED", names)
    assert all(report["error"] for report in document["components"].values())
    small_registry.watch = lambda _request: None
    assert release(" ".join(names)).code == 0


def test_forty_in_two_registries_of_which_one_fails_half_way(
    folder: Path, small_registry: SmallRegistry, opened: Opener
) -> None:
    """The second run finishes it, and a plan before each says exactly what it will do."""
    names = [f"app-{number:02}" for number in range(40)]
    with SmallRegistry() as other:
        places = {name: (small_registry if number % 2 else other).host for number, name in enumerate(names)}
        components(*names, **{name: f"{host}/acme/{name}" for name, host in places.items()})
        everything = " ".join(names)
        count = threading.Semaphore(20)

        def breaks(request: Request) -> Fault | None:
            """Refuse every write after the first twenty tags."""
            tag = request.method == "PUT" and request.kind == "manifests" and not request.reference.startswith("sha")
            return Fault("answer") if tag and not count.acquire(blocking=False) else None

        planned = release(everything, command="plan")
        assert planned.code == 0, planned.err
        other.watch = breaks
        first = release(everything, "2.1.4", "--retries", "0")
        assert first.code == 1
        other.watch = lambda _request: None
        ended = statuses(first)
        assert all(ended[name] == ["released"] for name in names if places[name] == small_registry.host)
        broken = [name for name in names if ended[name] != ["released"]]
        assert broken
        assert all(places[name] == other.host for name in broken)

        again = release(everything, command="plan")
        second = release(everything)
        assert second.code == 0, second.err
        assert written(again) == written(second)
        assert {name for name, tags in written(again).items() if tags} == set(broken)
        both = {name: {*written(first)[name], *written(second)[name]} for name in names}
        assert both == {name: set(tags) for name, tags in written(planned).items()}
        for name, host in places.items():
            store = opened(small_registry if host == small_registry.host else other, f"acme/{name}")
            assert set(store.digests(("2.1.4", *FLOATING)).values()) == {standing_build(name)}
        assert not any(written(release(everything, command="plan")).values())


def written(ran: Ran) -> Mapping[str, Mapping[str, str]]:
    """Return what was written of each component, or would be: the image by the tag."""
    return {
        name: {
            change["tag"]: change["after"]
            for one in report["repositories"]
            for change in one["changes"]
            if change["action"] in ("create", "move") and not change["reason"].startswith("not written")
        }
        for name, report in ran.document["components"].items()
    }


def standing_build(name: str) -> str | None:
    return Layout(Path("builds")).digests([name])[name]
