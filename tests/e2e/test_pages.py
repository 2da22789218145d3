"""Every block of every page, run as a reader would paste it: consoles in an empty folder, workflows by act."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import tagger
from tagger.images.layout import Layout
from tagger.images.registry.registries import Registries
from tagger.names import Repository
from tagger.settings.file import read_settings_file
from tests.images.making import make_image
from tests.integration.commands import tagger as run
from tests.pages.blocks import PAGES, ROOT, Block, blocks, steps
from tests.servers.act import STAND_INS, Act
from tests.servers.base_image import on_stand_in
from tests.servers.distribution import PASSWORD, USER, Distribution, distribution
from tests.servers.engine import Engine, classic_engine
from tests.version_from.repositories import ENVIRON

ALL = [block for page in PAGES for block in blocks(page)]
USES = re.compile(r"uses: ([\w.-]+/[\w./-]+)@(\S+)")
HUB = re.compile(r"^( *)(acme/[\w-]+)$|(?<=images: )(acme/[\w-]+)$", re.MULTILINE)
REGISTRY = re.compile(r"^docker run .*registry:[23]\b")
"""The command that starts a registry, which the fixture does here: no public image can be pulled."""


IMAGE = f"ghcr.io/OWNER/tagger:{tagger.__version__}"
LOCAL_IMAGE = f"tagger:{tagger.__version__}"


def give_image(engine: Engine, image: str, other: Engine) -> None:
    """Let another engine have the image of the action, under the name that pages give it."""
    saved = subprocess.run(["docker", "save", image], env=dict(engine.environ), check=True, capture_output=True).stdout
    other.docker("load", content=saved)
    other.docker("tag", image, LOCAL_IMAGE)


def reachable(command: str, engine: Engine) -> str:
    """Return a command with this engine's socket and the host's network: the engines of the tests have no bridge."""
    command = re.sub(r"\S+/OWNER/tagger:[\d.]+", LOCAL_IMAGE, command)
    command = command.replace("docker run --rm", "docker run --rm --network host")
    return command.replace("/var/run/docker.sock:", f"{engine.socket}:")


def of(kind: str) -> pytest.MarkDecorator:
    found = [block for block in ALL if block.kind == kind and not block.runner]
    return pytest.mark.parametrize("block", found, ids=[block.name for block in found])


@pytest.fixture
def own_engine() -> Iterator[Engine]:
    """An engine that no other test left images in: a page lists and pushes all that it has of a name."""
    with classic_engine() as found:
        yield found


def localized(text: str, registry: Distribution) -> str:
    """Return a text with the registry of this test in place of those of others."""
    text = HUB.sub(lambda match: f"{match[1] or ''}{registry.host}/hub/{match[2] or match[3]}", text)
    return re.sub(r"\b(ghcr\.io|docker\.io|localhost:5000|registry:5000|registry\.example\.com)\b", registry.host, text)


def masked(text: str, registry: Distribution) -> str:
    """Return what was printed without what differs each time."""
    text = text.replace("\r", "").replace(registry.host, "localhost:5000")
    text = re.sub(r"\b\d+(\.\d+)? (ms|s)\b", "… s", text)
    return re.sub(r"(sha256:)?\b[0-9a-f]{7,64}\b", "…", text).rstrip()


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(block.kind == "console" and not block.runner for block in blocks(page))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_a_console(
    page: Path, own_engine: Engine, registry: Distribution, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The commands of a page, one after the other in one shell, print what the page says, if it says so."""
    found = [step for block in blocks(page) if block.kind == "console" and not block.runner for step in steps(block)]
    commands = [step for step in found if not REGISTRY.match(step.command)]
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "tagger").write_text(f'#!/bin/sh\nexec {sys.executable} -Es {ROOT}/entrypoint.py "$@"\n')
    (programs / "tagger").chmod(0o755)
    (tmp_path / "work").mkdir()
    if IMAGE in page.read_text(encoding="utf-8"):
        give_image(request.getfixturevalue("engine"), request.getfixturevalue("action_image"), own_engine)
    environ = {
        **own_engine.environ, **ENVIRON, "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": f"url.{ROOT}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/OWNER/tagger", "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "*", "LANG": "C.UTF-8", "NO_COLOR": "1",
    }  # fmt: skip
    script = "".join(
        f"{reachable(localized(step.command, registry), own_engine)}\necho \x01$?\x02\n" for step in commands
    )  # between these two characters stands how a command ended
    ended = subprocess.run(
        ["bash"], input=f"exec 2>&1\n{script}", cwd=tmp_path / "work", env=environ, stdout=subprocess.PIPE, text=True,
        check=False,
    )  # fmt: skip
    answers = re.findall("(.*?)\x01(\\d+)\x02\n", ended.stdout, re.DOTALL)
    assert len(answers) == len(commands), ended.stdout
    for step, (printed, code) in zip(commands, answers, strict=True):
        assert (code != "0") == step.fails, f"{step.command}\n{printed}"
        if step.printed:
            assert masked(printed, registry) == masked(step.printed, registry), step.command


@pytest.fixture
def act(tmp_path: Path, engine: Engine, action_image: str) -> Act:
    """A repository with a Dockerfile, in which workflows run."""
    made = Act(tmp_path / "act", engine, action_image)
    made.prepare()
    (made.repository / "Dockerfile").write_text("FROM scratch\nARG NUMBER=1\nCOPY LICENSE /\n")
    (made.repository / "LICENSE").write_text("as you like\n")
    (made.repository / ".tagger.yml").write_text("{}\n")
    return made


EVENTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "push": ("v2.1.4", {"ref": "refs/tags/v2.1.4"}),
    "pull_request": (
        "",
        {"ref": "refs/pull/7/merge", "number": 7, "pull_request": {"number": 7, "head": {"ref": "x"}}},
    ),
    "schedule": ("", {}),
    "workflow_dispatch": ("", {"inputs": {"version": "2.1.4"}}),
    "release": ("v2.1.4", {"action": "published", "release": {"tag_name": "v2.1.4", "prerelease": False}}),
}


def run_workflow(act: Act, text: str, registry: Distribution) -> None:
    """Run a workflow with the first event that starts it, and see that it ends well."""
    workflows = act.repository / ".github/workflows"
    workflows.mkdir(parents=True)
    text = text.replace("https://github.com/", "")  # Forgejo's runner takes whole addresses, act itself does not
    (workflows / "page.yml").write_text(localized(text, registry))
    content = Block(Path(), 0, "yaml", text).content
    given = content[True] if True in content else content["on"]  # YAML 1.1 reads `on` as true
    event = next(name for name in EVENTS if name in given)
    tag, payload = EVENTS[event]
    branches = isinstance(given, dict) and "branches" in (given.get(event) or {})
    act.commit("" if branches else tag)
    actions: dict[str, Path | str] = {}
    for name, version in USES.findall(text):
        if name == "OWNER/tagger":
            actions[f"{name}@{version}"] = act.action
        elif name != "actions/checkout":
            actions[f"{name}@{version}"] = STAND_INS[name]
    secrets = [f"{name}=secret" for name in re.findall(r"secrets\.(\w+)", text)]
    payload = {"ref": "refs/heads/main"} if branches else payload
    ended = act.run(event, payload, secrets=secrets, actions=actions)
    assert ended.returncode == 0, ended.stdout


@of("workflow")
def test_a_workflow(block: Block, act: Act, registry: Distribution) -> None:
    prepare(block.text, act, registry)
    run_workflow(act, block.text, registry)


@of("steps")
def test_steps(block: Block, act: Act, registry: Distribution) -> None:
    """Steps of a job, behind a checkout."""
    prepare(block.text, act, registry)
    lines = "\n".join(f"      {line}".rstrip() for line in block.text.splitlines())
    head = "on: {push: {tags: ['v*']}}\njobs:\n  release:\n    runs-on: ubuntu-latest\n    steps:\n"
    before = "".join(LEFT.format(name=name) for name in re.findall(r"runner\.temp }}/digests/(\w+)", block.text))
    before = f"      - uses: docker/setup-buildx-action@v4\n{before}" if before else ""
    run_workflow(act, f"{head}      - uses: actions/checkout@v7\n{before}{lines}\n", registry)


LEFT = """\
      - id: build-{name}
        uses: docker/build-push-action@v7
        with:
          labels: variant={name}
          outputs: type=image,name=ghcr.io/acme/app,push-by-digest=true,name-canonical=true,push=true
      - env:
          DIGEST: ${{{{ steps.build-{name}.outputs.digest }}}}
        run: mkdir -p "$RUNNER_TEMP/digests/{name}" && touch "$RUNNER_TEMP/digests/{name}/${{DIGEST#sha256:}}"
"""
"""What a job before has left where a block takes its digests from."""


def prepare(text: str, act: Act, registry: Distribution) -> None:
    """Let the registry have what a block counts on: base images, or a released version where it looks after one."""
    if "golden:" in text:
        with Registries() as registries:
            for name, tag in (("python", "3.13.1"), ("node", "22")):
                store = registries.repository(Repository(registry.host, f"acme/golden/{name}"), write=True)
                make_image(store, name, tag)
        (act.repository / "Dockerfile").write_text(f"FROM {registry.host}/acme/golden/python:3.13.1\nCOPY LICENSE /\n")
    if re.search(r"command: (reconcile|check|tags|prune)", text):
        make_image(Layout(act.folder / "builds"), "old", "old")
        for image in set(re.findall(r"images: ([\w.:/-]+)", localized(text, registry))):
            source = f"oci:{act.folder}/builds:old"
            ran = run("release", "--image", image, "--source", source, "--version", "2.1.4")
            assert ran.code == 0, ran.err


def test_a_registry_that_is_a_service_of_the_job(act: Act, tmp_path: Path) -> None:
    """The action reaches it under its name, at an address that is no loopback; the engine at a port of the runner."""
    (text,) = (block.text for block in ALL if block.runner == "service-registry")
    address, port = own_address(), free_port()
    with distribution(tmp_path / "service", port=port, settings={"http": {"addr": f"0.0.0.0:{port}"}}):
        (act.repository / ".github/workflows").mkdir(parents=True)
        (act.repository / ".github/workflows/page.yml").write_text(text.replace(":5000", f":{port}"))
        act.commit()
        event, actions = EVENTS["pull_request"][1], {f"OWNER/tagger@v{tagger.__version__}": act.action}
        ended = act.run("pull_request", event, actions=actions, names={"registry": address})
        assert ended.returncode == 0, ended.stdout
        listed = run("tags", f"{address}:{port}/app", "--json", "--insecure", f"{address}:{port}")
    (version,) = listed.document["repositories"][0]["versions"]
    assert version["tags"] == ["2.1.4", "2.1", "2", "latest"]


def test_logins_that_need_no_secret() -> None:
    """The inputs of the page are understood; tests of identities run them against an issuer."""
    (content,) = (block.content for block in ALL if block.runner == "logins-without-secret")
    assert content["permissions"]["id-token"] == "write"
    given = {f"INPUT_{name.upper()}": text for name, text in content["steps"][0]["with"].items()}
    ran = run("config", "--json", environ=given)
    assert ran.code == 0, ran.err
    assert ran.document["settings"]["images"]["value"] == ["acme/app", "cgr.dev/acme/app"]


def own_address() -> str:
    """Return an address of this machine that is no loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.connect(("192.0.2.1", 9))  # nothing is sent
        return str(found.getsockname()[0])


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("0.0.0.0", 0))  # noqa: S104 - a registry that is reached from outside the loopback
        return int(found.getsockname()[1])


@of("settings")
def test_settings(block: Block, tmp_path: Path) -> None:
    """A file of settings is understood, each of its components."""
    (tmp_path / ".tagger.yml").write_text(block.text)
    read = read_settings_file(tmp_path / ".tagger.yml")
    assert not read.problems
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        for name in read.components or [""]:
            ran = run("config", *(("--only", name) if name else ()))
            assert ran.code == 0, ran.err
    finally:
        os.chdir(before)


def test_every_block_is_of_a_kind_that_is_run() -> None:
    known = {"", "json", "dockerfile", "mermaid", "markdown"}
    assert [block.name for block in ALL if block.kind == "other" and block.language not in known] == []
    of_their_own = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert [block.name for block in ALL if block.runner and f'"{block.runner}"' not in of_their_own] == []
    assert len([block for block in ALL if block.kind != "other"]) > 15


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_this_version_and_its_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"OWNER/tagger@([^\s`]+)", text)) <= {f"v{tagger.__version__}"}
    plain = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)|src(?:set)?=\"([^\"]+)\"", plain):
        target, _, anchor = (link[0] or link[1]).partition("#")
        if ":" in target:
            continue
        file = page.parent / target if target else page
        assert file.exists(), link
        if anchor and file.suffix == ".md":
            titles = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
            assert anchor in slugs, link


@of("groovy")
def test_jenkins(
    block: Block, own_engine: Engine, engine: Engine, action_image: str, locked_registry: Distribution, tmp_path: Path
) -> None:
    """The steps of a pipeline, in the environment that Jenkins sets for a tag of a multibranch pipeline."""
    give_image(engine, action_image, own_engine)
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    jenkins = {"JENKINS_URL": "https://jenkins.invalid/", "TAG_NAME": "v2.1.4", "BRANCH_NAME": "v2.1.4"}
    login = {"TAGGER_USERNAME": USER, "TAGGER_PASSWORD": PASSWORD}
    commands = [one or other for one, other in re.findall(r"sh '''(.*?)'''|sh '([^'].*?)'", block.text, re.DOTALL)]
    assert len(commands) == 2
    for command in commands:
        ended = subprocess.run(
            ["sh", "-xe", "-c", reachable(localized(command, locked_registry), own_engine)], cwd=tmp_path,
            env={**own_engine.environ, **jenkins, **login}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
    ran = run("tags", "--image", f"{locked_registry.host}/acme/app", "--json", environ=login)
    assert [one["version"] for one in ran.document["repositories"][0]["versions"]] == ["2.1.4"]


@pytest.fixture(scope="session")
def debug_image(engine: Engine, action_image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The variant of the image with a shell, of which `action_image` brought the base."""
    dockerfile = str(on_stand_in(ROOT / "Dockerfile", tmp_path_factory.mktemp("debug")))
    build = ("build", "--network=host", "--target=debug", "--tag", "tagger:debug", "--file", dockerfile)
    engine.docker(*build, str(ROOT))
    return "tagger:debug"


def gitlab_job(
    job: Mapping[str, Any], engine: Engine, image: str, registry: Distribution, folder: Path
) -> "subprocess.CompletedProcess[str]":
    """Run a job as GitLab's docker executor does: its script goes to a shell in the image, on standard input."""
    environ = {
        "CI": "true", "GITLAB_CI": "true", "CI_COMMIT_TAG": "v2.1.4", "CI_COMMIT_REF_NAME": "v2.1.4",
        "CI_PIPELINE_ID": "42", "CI_PROJECT_DIR": "/builds/acme/app", "CI_REGISTRY": registry.host,
        "CI_REGISTRY_IMAGE": f"{registry.host}/acme/app", "CI_REGISTRY_USER": USER, "CI_REGISTRY_PASSWORD": PASSWORD,
    }  # fmt: skip
    command = ["docker", "run", "--rm", "--interactive", "--network=host", "--workdir=/builds/acme/app"]
    command += ["--volume", f"{folder}:/builds/acme/app", *(f"--env={name}={value}" for name, value in environ.items())]
    command += [f"--entrypoint={job['image']['entrypoint'][0]}", image, "sh"]
    script = "\n".join(("set -e", *job["script"]))
    return subprocess.run(command, input=script, env=dict(engine.environ), capture_output=True, text=True, check=False)


def pushed_build(engine: Engine, registry: Distribution) -> None:
    """Push what the job before has built."""
    name = f"{registry.host}/acme/app:build-42"
    engine.build(name)
    engine.docker("login", "--username", USER, "--password-stdin", registry.host, content=PASSWORD.encode())
    engine.docker("push", "--quiet", name)


@of("gitlab")
def test_gitlab(block: Block, engine: Engine, debug_image: str, locked_registry: Distribution, tmp_path: Path) -> None:
    """The job that releases, and the component with the inputs of the page."""
    pushed_build(engine, locked_registry)
    content = block.content
    included = [entry for entry in content.get("include", ()) if "component" in entry]
    if included:
        name, _, version = included[0]["component"].rpartition("@")
        assert (name.rpartition("/")[2], version) == ("release", tagger.__version__)
        jobs = component(included[0]["inputs"])
    else:
        jobs = {name: job for name, job in content.items() if "image" in job}
    (job,) = jobs.values()
    assert job["rules"] == [{"if": "$CI_COMMIT_TAG"}]
    ended = gitlab_job(job, engine, debug_image, locked_registry, tmp_path)
    assert ended.returncode == 0, ended.stderr
    place = f"{locked_registry.host}/acme/app"
    listed = run("tags", "--image", place, "--json", environ={"TAGGER_USERNAME": USER, "TAGGER_PASSWORD": PASSWORD})
    (version,) = listed.document["repositories"][0]["versions"]
    assert (version["version"], version["tags"]) == ("2.1.4", ["2.1.4", "2.1", "2", "latest"])
    if included:
        assert job["artifacts"]["reports"] == {"dotenv": "tagger.env"}
        report = (tmp_path / "tagger.env").read_text()
        assert report == f"TAGGER_VERSION=2.1.4\nTAGGER_DIGEST={version['digest']}\n"


def component(inputs: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the jobs of the component as GitLab makes them: each input in place of `$[[ inputs.NAME ]]`."""
    spec, _, template = (ROOT / "templates/release.yml").read_text().partition("\n---\n")
    declared = yaml.safe_load(spec)["spec"]["inputs"]
    assert not inputs.keys() - declared.keys()
    values = {name: inputs.get(name, row.get("default") if row else None) for name, row in declared.items()}
    assert None not in values.values()
    jobs: Mapping[str, Any] = yaml.safe_load(
        re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda match: str(values[match[1]]), template)
    )
    return jobs
