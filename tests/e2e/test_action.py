"""The built action as workflows meet it: run by a runner in the engine, against real registries."""

import base64
import json
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tagger.images.registry.credentials import Keychain
from tagger.images.registry.registries import Registries
from tagger.names import Repository
from tests.e2e.conftest import ACTION, Run
from tests.images.making import make_image
from tests.servers.distribution import PASSWORD, USER, Distribution
from tests.servers.engine import Engine
from tests.servers.issuer import Issuer
from tests.servers.runner import Runner, Step
from tests.servers.small_registry import SmallRegistry

FOUR = ["2.1.4", "2.1", "2", "latest"]
WORKFLOW = """
on: push
jobs:
  release:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v7 # act copies the folder
      - id: release
        uses: ./
        with:
          images: {images}
          source: docker-daemon:{source}
          version: 2.1.4
      - env:
          TAGS: ${{{{ steps.release.outputs.tag-names }}}}
        run: |
          echo "version=${{{{ steps.release.outputs.version }}}} latest=${{{{ steps.release.outputs.latest }}}}"
          echo "digest=${{{{ steps.release.outputs.digest }}}}"
          echo "tags=" $TAGS
"""
Act = Callable[[str], "subprocess.CompletedProcess[str]"]


def held(registry: Distribution, name: str = "acme/app") -> dict[str, str | None]:
    """Return the digest under every tag."""
    with Registries(keychain=Keychain(logins=[(registry.host, USER, PASSWORD)], environ={})) as registries:
        store = registries.repository(Repository(registry.host, name))
        return dict(store.digests(tuple(store.tags())))


@pytest.fixture
def act(tmp_path: Path, engine: Engine, action_image: str) -> Act:
    """Run a workflow in a copy of the action's repository, with the image that was built."""
    repository, home = tmp_path / "repository", tmp_path / "home"
    repository.mkdir()
    for name in ("action.yml", "Dockerfile", "entrypoint.py"):
        shutil.copy(ACTION / name, repository)
    shutil.copytree(ACTION / "with-logins", repository / "with-logins")
    (home / ".config/act").mkdir(parents=True)
    (home / ".config/act/actrc").touch()
    engine.docker("tag", action_image, "act-dockeraction:latest")

    def run(workflow: str) -> "subprocess.CompletedProcess[str]":
        folder = repository / ".github/workflows"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "release.yml").write_text(workflow)
        for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "First"]):
            identity = ["-c", "user.name=Tests", "-c", "user.email=tests@example.invalid"]
            subprocess.run(["git", *identity, *command], cwd=repository, check=True, capture_output=True)
        cache = home / ".cache"
        mounts = f"--network host -v {cache}/act:{cache}/act -v {engine.socket}:{engine.socket}"
        options = [
            *("--platform", "ubuntu-latest=-self-hosted", "--pull=false", "--rebuild=false"),
            *("--action-offline-mode", "--no-cache-server"),
            *("--container-daemon-socket", engine.host, "--container-options", mounts),
        ]
        return subprocess.run(
            [Path(sysconfig.get_path("scripts"), "act"), "push", *options],
            cwd=repository,
            env={
                **engine.environ,
                "HOME": str(home),
                "XDG_CONFIG_HOME": f"{home}/.config",
                "XDG_CACHE_HOME": str(cache),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


class TestImageOfTheEngine:
    """An image that exists only in the engine."""

    def test_goes_to_two_registries(
        self, engine: Engine, registry: Distribution, locked_registry: Distribution, run: Run, runner: Runner
    ) -> None:
        engine.build("two/app:build", labels={"org.opencontainers.image.version": "2.1.4"})
        inputs = {
            "images": f"{registry.host}/acme/app\n{locked_registry.host}/acme/app",
            "source": "docker-daemon:two/app:build",
            "version_from": "label",
            "registry": locked_registry.host,
            "username": USER,
            "password": PASSWORD,
        }
        step = run(**inputs)
        assert step.code == 0, step.log
        assert [(note.level, note.title) for note in step.annotations] == [("notice", "Tagger")], step.log
        assert step.annotations[0].message.startswith("Released 2.1.4 to ")
        assert held(registry) == held(locked_registry) == dict.fromkeys(FOUR, step.outputs["digest"])
        references = [f"{host}/acme/app:{tag}" for host in (registry.host, locked_registry.host) for tag in FOUR]
        assert step.outputs["tags"].splitlines() == references
        assert step.outputs["tag-names"].splitlines() == FOUR
        assert (step.outputs["version"], step.outputs["latest"], step.outputs["changed"]) == ("2.1.4", "true", "true")
        assert json.loads(step.outputs["json"])["digest"] == step.outputs["digest"]
        assert "2.1.4" in step.summary
        assert PASSWORD not in step.log + step.summary
        assert engine.tags() >= {*references, *(f"two/app:{tag}" for tag in FOUR)}

        again = run(on=replace(runner, root=runner.root / "again"), **inputs)
        assert (again.code, again.outputs["changed"]) == (0, "false")
        assert held(registry) == held(locked_registry) == dict.fromkeys(FOUR, step.outputs["digest"])
        assert again.outputs["tags"] == step.outputs["tags"]

    def test_a_checkout_does_not_give_images_of_the_engine_away(
        self, engine: Engine, registry: Distribution, run: Run, runner: Runner
    ) -> None:
        engine.build("given/away:build")
        image = f"{registry.host}/acme/app"
        file = runner.workspace / ".tagger.yml"
        file.parent.mkdir(parents=True)
        file.write_text(f"images: {image}\nsource: docker-daemon:given/away:build\nversion: 2.1.4\n")
        step = run()
        assert step.code == 2
        assert "only the file names the image of the engine, and where to push it" in step.annotations[0].message
        assert held(registry) == {}
        assert run(images=image).code == 0
        assert set(held(registry)) == set(FOUR)

    def test_push_that_the_registry_refuses(self, engine: Engine, registry: Distribution, run: Run) -> None:
        """The engine knows the registry by a name that it cannot reach."""
        engine.build("refused/app:build")
        step = run(
            images=f"registry.invalid:5000/acme/app\n{registry.host}/acme/app",
            endpoints=f"registry.invalid:5000={registry.host}",
            insecure="registry.invalid:5000",
            source="docker-daemon:refused/app:build",
            version="2.1.4",
        )
        assert step.code == 1
        (annotation,) = step.annotations
        assert (annotation.level, annotation.title) == ("error", "Failed")
        assert "registry.invalid:5000/acme/app: the engine could not push" in annotation.message
        assert "registry.invalid:5000=HOST:PORT" in annotation.message
        assert held(registry) == {}
        assert "refused/app:2.1" not in engine.tags()
        assert step.outputs["tags"] == ""

    def test_service_of_the_job(self, engine: Engine, registry: Distribution, run: Run) -> None:
        """The engine, on the host, reaches at localhost what the action reaches by the service's name."""
        engine.build("service/app:build")
        name = registry.host.replace("127.0.0.1", "localhost")
        step = run(
            images=f"{name}/acme/app",
            endpoints=f"{name}={registry.host}",
            source="docker-daemon:service/app:build",
            version="2.1.4",
        )
        assert step.code == 0, step.log
        assert held(registry) == dict.fromkeys(FOUR, step.outputs["digest"])
        assert f"{name}/acme/app:latest" in engine.tags()

    def test_two_jobs_at_once(self, engine: Engine, registry: Distribution, run: Run, runner: Runner) -> None:
        """Of one self-hosted machine with one engine."""

        def release(version: str) -> int:
            engine.build(f"jobs/app:build-{version}", version.encode())
            source = f"docker-daemon:jobs/app:build-{version}"
            on = replace(runner, root=runner.root / version)
            return run(on=on, images=f"{registry.host}/acme/app", source=source, version=version).code

        with ThreadPoolExecutor() as threads:
            assert list(threads.map(release, ("2.1.4", "2.2.0"))) == [0, 0]
        tags = held(registry)
        assert tags["2.2"] == tags["2"] == tags["latest"] == tags["2.2.0"]
        assert tags["2.1"] == tags["2.1.4"] != tags["2.2.0"]

    def test_two_jobs_with_one_version(self, engine: Engine, registry: Distribution, run: Run, runner: Runner) -> None:
        """Each gives its own image the same name; never a mixture, and not both say that they released theirs."""

        def release(text: str) -> Step:
            engine.build(f"same/app:{text}", text.encode())
            on = replace(runner, root=runner.root / text)
            source = f"docker-daemon:same/app:{text}"
            return run(on=on, images=f"{registry.host}/acme/app", source=source, version="2.1.4")

        with ThreadPoolExecutor() as threads:
            steps = list(threads.map(release, ("one", "two")))
        (digest,) = set(held(registry).values())
        assert 0 in [step.code for step in steps], steps
        assert digest in [step.outputs["digest"] for step in steps if step.code == 0]
        assert all(note.title != "Docker Engine failed" for step in steps for note in step.annotations)

    def test_another_image_under_a_released_version(self, engine: Engine, registry: Distribution, run: Run) -> None:
        for text in ("one", "two"):
            engine.build(f"conflict/app:{text}", text.encode())
        inputs = {"images": f"{registry.host}/acme/app", "version": "2.1.4"}
        assert run(source="docker-daemon:conflict/app:one", **inputs).code == 0
        before = held(registry)
        step = run(source="docker-daemon:conflict/app:two", **inputs)
        assert step.code == 1
        assert [(note.level, note.title) for note in step.annotations] == [("error", "Refused")]
        assert held(registry) == before

    def test_dry_run(self, engine: Engine, registry: Distribution, run: Run) -> None:
        """`INPUT_DRY-RUN` arrives, though a shell would have dropped it."""
        engine.build("dry/app:build")
        step = run(
            images=f"{registry.host}/acme/app", source="docker-daemon:dry/app:build", version="2.1.4", dry_run="true"
        )
        assert (step.code, step.outputs["changed"]) == (0, "true"), step.log
        assert held(registry) == {}
        assert f"{registry.host}/acme/app:2.1.4" not in engine.tags()

    def test_without_a_socket(self, engine: Engine, registry: Distribution, run: Run, runner: Runner) -> None:
        """As on runners with container hooks: a registry source works, and the engine's says what to do."""
        without = replace(runner, has_socket=False)
        digest = _pushed(engine, f"{registry.host}/acme/app:build")
        step = run(
            on=without,
            images=f"{registry.host}/acme/app",
            source=f"docker://{registry.host}/acme/app@{digest}",
            version="2.1.4",
        )
        assert (step.code, step.outputs["digest"]) == (0, digest), step.log
        assert held(registry) == dict.fromkeys((*FOUR, "build"), digest)
        step = run(
            on=without, images=f"{registry.host}/acme/other", source="docker-daemon:any/app:build", version="2.1.4"
        )
        (annotation,) = step.annotations
        assert (step.code, annotation.title) == (1, "Docker Engine failed")
        assert "docker://" in annotation.message


class TestLogins:
    """What an action sees of the logins on its host."""

    def test_login_on_the_host_is_not_seen(
        self, engine: Engine, locked_registry: Distribution, run: Run, tmp_path: Path
    ) -> None:
        engine.build("unseen/app:build")
        _docker_config(tmp_path / "runner/home/.docker", locked_registry)
        step = run(images=f"{locked_registry.host}/acme/app", source="docker-daemon:unseen/app:build", version="2.1.4")
        assert step.code == 1
        (annotation,) = step.annotations
        assert locked_registry.host in annotation.message
        for way in ("`username` and `password`", "`logins`", "DOCKER_CONFIG", "$RUNNER_TEMP/docker"):
            assert way in annotation.message
        assert held(locked_registry) == {}

    @pytest.mark.parametrize("folder", ["temp", "workspace", "home"])
    def test_docker_config_where_the_action_sees_it(
        self, engine: Engine, locked_registry: Distribution, run: Run, runner: Runner, folder: str
    ) -> None:
        """`DOCKER_CONFIG=$RUNNER_TEMP/docker` before the login, or `$GITHUB_WORKSPACE/.docker`, or copied home."""
        engine.build("config/app:build")
        place = {"temp": runner.temp / "docker", "workspace": runner.workspace, "home": runner.home / ".docker"}[folder]
        _docker_config(place, locked_registry)
        step = run(
            {} if folder == "home" else {"DOCKER_CONFIG": str(place)},
            images=f"{locked_registry.host}/acme/app",
            source="docker-daemon:config/app:build",
            version="2.1.4",
        )
        assert step.code == 0, step.log
        assert held(locked_registry) == dict.fromkeys(FOUR, step.outputs["digest"])
        assert PASSWORD not in step.log

    def test_identity_of_the_workflow(self, run: Run) -> None:
        """The runner hands ACTIONS_ID_TOKEN_REQUEST_URL and _TOKEN to container actions."""
        with Issuer({"somebody": "else"}) as issuer, SmallRegistry() as registry:
            with Registries(keychain=Keychain(environ={})) as registries:
                make_image(registries.repository(Repository(registry.host, "acme/app")), "app", "2.1.4")
            registry.users = issuer.users
            inputs = {"images": "acme/app", "version": "2.1.4", "logins": "docker.io oidc org=acme connection=0a1b2c3d"}
            endpoints = f"{issuer.endpoints}\ndocker.io={registry.host}"
            refused = run(**inputs, endpoints=endpoints)
            assert refused.code == 2
            assert "`id-token: write`" in refused.log
            step = run(dict(issuer.environ), **inputs, endpoints=endpoints)
            assert step.code == 0, step.log
            assert len(issuer.tokens) == 2
            assert not any(token in step.log for token in issuer.tokens)
            assert registry.tags("acme/app").keys() == set(FOUR)

    def test_helper_program_that_the_image_lacks(
        self, engine: Engine, locked_registry: Distribution, run: Run, runner: Runner
    ) -> None:
        engine.build("helper/app:build")
        (runner.temp / "docker").mkdir(parents=True)
        (runner.temp / "docker/config.json").write_text('{"credsStore": "pass"}')
        step = run(
            {"DOCKER_CONFIG": str(runner.temp / "docker")},
            images=f"{locked_registry.host}/acme/app",
            source="docker-daemon:helper/app:build",
            version="2.1.4",
        )
        (annotation,) = step.annotations
        assert step.code in (1, 2)
        assert "docker-credential-pass" in annotation.message
        assert "`logins`" in annotation.message

    def test_pull_request_from_a_fork(self, locked_registry: Distribution, run: Run, runner: Runner) -> None:
        """Which gets no secrets: a release says what is missing, and a plan without a registry works."""
        fork = {"pull_request": {"head": {"repo": {"fork": True}}}}
        on = replace(runner, ref="refs/pull/7/merge", event_name="pull_request", event=fork)
        images = f"{locked_registry.host}/acme/app"
        step = run(on=on, images=images, version="2.1.4", username="", password="", github_token="")
        assert (step.code, len(step.annotations)) == (1, 1)
        assert "`logins`" in step.annotations[0].message
        step = run(on=on, command="plan", published_from="none", version="2.1.4")
        assert (step.code, step.outputs["tag-names"].splitlines()) == (0, FOUR), step.log


class TestVersion:
    """Where the action reads the version, when no input says it."""

    def test_tag_that_started_the_workflow(self, run: Run, runner: Runner) -> None:
        step = run(on=replace(runner, ref="refs/tags/v2.1.4"), command="plan", published_from="none")
        assert (step.code, step.outputs["version"]) == (0, "2.1.4"), step.log

    @pytest.mark.parametrize("annotated", [True, False])
    def test_tag_at_head_of_a_workspace_of_another_user(self, run: Run, runner: Runner, annotated: bool) -> None:
        """Which git itself, that the image lacks, would refuse as dubious."""
        runner.workspace.mkdir(parents=True)
        (runner.workspace / "file").write_text("content")
        message = ["--message", "Release"] if annotated else []
        for command in (["init", "--quiet"], ["add", "file"], ["commit", "--quiet", "--message", "First"]):
            _git(runner.workspace, *command)
        _git(runner.workspace, "tag", *message, "v2.1.4")
        subprocess.run(["chown", "--recursive", "1001:1001", str(runner.workspace)], check=True)
        step = run(command="plan", published_from="none")
        assert (step.code, step.outputs["version"]) == (0, "2.1.4"), step.log


class TestHostileStep:
    """What a workflow's environment and checkout may hold."""

    def test_environment_and_files_do_not_matter(
        self, engine: Engine, registry: Distribution, run: Run, runner: Runner
    ) -> None:
        digest = _pushed(engine, f"{registry.host}/acme/app:build")
        runner.workspace.mkdir(parents=True)
        for module in ("tagger", "click", "docker", "json", "sitecustomize", "usercustomize", "entrypoint"):
            (runner.workspace / f"{module}.py").write_text("raise SystemExit('imported from the workspace')")
        step = run(
            {
                "PATH": "utter-nonsense",
                "PYTHONPATH": str(runner.workspace),
                "PYTHONSTARTUP": str(runner.workspace / "tagger.py"),
                "PYTHONHOME": "/utter-nonsense",
                "PYTHONWARNINGS": "error",
                "PYTHONUSERBASE": str(runner.workspace),
                "IFS": "/",
                "LANG": "utter.nonsense",
                "TERM": "dumb",
            },
            images=f"{registry.host}/acme/app",
            source=f"docker://{registry.host}/acme/app@{digest}",
            version="2.1.4",
        )
        assert (step.code, step.outputs["digest"]) == (0, digest), step.log

    def test_nothing_breaks_out_of_outputs_and_annotations(self, run: Run, registry: Distribution) -> None:
        version = "2.1.4\n::error::injected\n"
        step = run(images=f"{registry.host}/acme/app", version=version, command="plan")
        assert step.code == 2
        assert [note.title for note in step.annotations] == ["Invalid input"]

    def test_bad_input(self, run: Run) -> None:
        step = run(images="Not An Image", version="2.1.4")
        (annotation,) = step.annotations
        assert (step.code, annotation.level, annotation.title) == (2, "error", "Invalid input")
        assert "Traceback" not in step.log


class TestWorkflow:
    """Whole workflows with `uses: ./`, run by act: what a step leaves, the next one reads."""

    def test_next_step_reads_the_outputs(self, engine: Engine, registry: Distribution, act: Act) -> None:
        engine.build("workflow/app:build")
        ended = act(WORKFLOW.format(images=f"{registry.host}/acme/app", source="workflow/app:build"))
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "version=2.1.4 latest=true" in ended.stdout
        assert "| tags= 2.1.4 2.1 2 latest" in ended.stdout
        digest = engine.docker("image", "inspect", "--format", "{{index .RepoDigests 0}}", "workflow/app:2.1")
        assert f"digest={digest.rpartition('@')[2]}" in ended.stdout

    def test_the_logins_of_the_runner(
        self, engine: Engine, locked_registry: Distribution, act: Act, tmp_path: Path
    ) -> None:
        """`with-logins` hands on what docker/login-action leaves; nothing else of the workflow changes."""
        engine.build("logged-in/app:build")
        action = tmp_path / "repository/action.yml"  # as that of a release, which names its image
        action.write_text(action.read_text().replace("image: Dockerfile", "image: docker://act-dockeraction:latest"))
        workflow = WORKFLOW.format(images=f"{locked_registry.host}/acme/app", source="logged-in/app:build")
        command = f"docker login --username {USER} --password-stdin {locked_registry.host}"
        login = f"      - run: echo {PASSWORD} | {command}\n"
        workflow = workflow.replace("uses: ./", "uses: ./with-logins").replace("      - id:", f"{login}      - id:")
        ended = act(workflow)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "version=2.1.4 latest=true" in ended.stdout
        (digest,) = set(held(locked_registry).values())
        assert f"digest={digest}" in ended.stdout
        assert sorted(held(locked_registry)) == sorted(FOUR)

    def test_failed_step_shows_its_annotation(self, registry: Distribution, act: Act) -> None:
        ended = act(WORKFLOW.format(images=f"{registry.host}/acme/app", source="nothing/here:build"))
        assert ended.returncode == 1
        (annotation,) = [line for line in ended.stdout.splitlines() if "::error" in line]
        assert "::error title=Invalid input::" in annotation
        assert "the engine has no image nothing/here:build" in annotation
        assert "load: true" in annotation
        assert "| tags=" not in ended.stdout  # what the next step prints


def _pushed(engine: Engine, name: str) -> str:
    """Build an image and push it as `docker push` does; return its digest."""
    engine.build(name)
    return engine.docker("push", name).rpartition("digest: ")[2].partition(" ")[0]


def _docker_config(folder: Path, registry: Distribution) -> None:
    """Write what `docker login` leaves."""
    folder.mkdir(parents=True)
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": login}}}))


def _git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Tests", "-c", "user.email=tests@example.invalid", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)
