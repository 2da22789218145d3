"""Runs workflows with act. Other actions have stand-ins, so that nothing is downloaded."""

import json
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tagger import __version__
from tests.servers.engine import Engine

__all__ = ["STAND_INS", "Act", "composite"]

ACTION = Path(__file__).parents[2]
FILES = ("action.yml", "Dockerfile", "entrypoint.py")

# Builds with the engine's classic builder and skopeo, as docker/build-push-action does with BuildKit: by digest alone
# only with a builder of one's own, which docker/setup-buildx-action makes.
BUILD = """
import hashlib, json, os, subprocess, sys
def run(*words): return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
given = json.loads(os.environ["GIVEN"])
outputs = dict(part.partition("=")[::2] for part in given["outputs"].split(",") if part)
if outputs.get("push-by-digest") == "true" and not os.environ.get("BUILDX_BUILDER"):
    sys.exit("ERROR: push-by-digest is currently not implemented for docker driver")
labels = [word for line in given["labels"].splitlines() if line for word in ("--label", line)]
image = f"stand-in:build-{os.getpid()}"  # the legs of a matrix build beside each other
file = [word for name in ("file", "target") if given[name] for word in (f"--{name}", given[name])]
run("docker", "build", "--tag", image, *file, *labels, given["context"] or ".")
names = [name for name in given["tags"].split() if name]
for name in names:
    run("docker", "tag", image, name)
digest = ""
if given["push"] == "true" or outputs.get("push") == "true":
    folder = os.path.join(os.environ["RUNNER_TEMP"], f"layout-{os.getpid()}")
    run("skopeo", "copy", "--quiet", f"docker-daemon:{image}", f"oci:{folder}:build",
        *(("--src-daemon-host", os.environ["DOCKER_HOST"]) if "DOCKER_HOST" in os.environ else ()))
    manifest = run("skopeo", "inspect", "--raw", f"oci:{folder}:build").encode()
    digest = json.load(open(os.path.join(folder, "index.json")))["manifests"][0]["digest"]
    for name in names or [f'{outputs["name"]}@{digest}']:
        run("skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"oci:{folder}:build", f"docker://{name}")
with open(os.environ["GITHUB_OUTPUT"], "a") as file:
    print(f"digest={digest}", file=file)
"""
UPLOAD = 'mkdir -p "$RUNNER_TOOL_CACHE-artifacts/$NAME" && cp -r $PATHS "$RUNNER_TOOL_CACHE-artifacts/$NAME/"'
DOWNLOAD = 'mkdir -p "$PLACE" && cp -r "$RUNNER_TOOL_CACHE-artifacts"/${PATTERN:-$NAME}/* "$PLACE/"'


def composite(script: str, *inputs: str, language: str = "bash", outputs: Sequence[str] = (), **env: str) -> str:
    """Return the `action.yml` of a composite action of one step."""
    return json.dumps(
        {
            "name": "stand-in",
            "inputs": {name: {"default": ""} for name in inputs},
            "outputs": {name: {"value": f"${{{{ steps.it.outputs.{name} }}}}"} for name in outputs},
            "runs": {"using": "composite", "steps": [{"id": "it", "shell": language, "run": script, "env": env}]},
        }
    )


STAND_INS: Mapping[str, str] = {
    "docker/setup-qemu-action": composite("true"),
    "docker/setup-buildx-action": composite('echo "BUILDX_BUILDER=builder" >>"$GITHUB_ENV"'),
    "docker/login-action": composite(
        'test -n "$REGISTRY$USERNAME"', "registry", "username", "password",
        REGISTRY="${{ inputs.registry }}", USERNAME="${{ inputs.username }}",
    ),
    "docker/build-push-action": composite(
        BUILD, "outputs", "labels", "context", "tags", "push", "platforms", "load", "provenance", "sbom", "file",
        "target", language="python", outputs=("digest",), GIVEN="${{ toJSON(inputs) }}",
    ),
    "actions/attest": composite(
        'test -n "$NAME" && [[ $DIGEST == sha256:* ]]', "subject-name", "subject-digest", "push-to-registry",
        NAME="${{ inputs.subject-name }}", DIGEST="${{ inputs.subject-digest }}",
    ),
    "actions/upload-artifact": composite(
        UPLOAD, "name", "path", "if-no-files-found", "retention-days", NAME="${{ inputs.name }}",
        PATHS="${{ inputs.path }}",
    ),
    "actions/download-artifact": composite(
        DOWNLOAD, "name", "pattern", "path", "merge-multiple", NAME="${{ inputs.name }}",
        PATTERN="${{ inputs.pattern }}", PLACE="${{ inputs.path }}",
    ),
}  # fmt: skip
"""Actions of others, by their names: an `action.yml` each that does here what a workflow counts on."""


class Act(NamedTuple):
    """act with a git repository of its own: it runs the workflows there, with the built action."""

    folder: Path
    engine: Engine
    image: str

    @property
    def repository(self) -> Path:
        """The repository that the workflows stand in, with the files of the action."""
        return self.folder / "repository"

    @property
    def action(self) -> Path:
        """The files of the action as another repository uses it; its image is built already."""
        return self.folder / "action"

    def prepare(self) -> None:
        """Make the repository, and give the image of the action the name that act expects."""
        self.repository.mkdir(parents=True)
        (self.folder / "home/.config/act").mkdir(parents=True)
        (self.folder / "home/.config/act/actrc").touch()
        self.action.mkdir()
        for name in FILES:
            shutil.copy(ACTION / name, self.repository)
            shutil.copy(ACTION / name, self.action)
        self.git("init", "--quiet", "--initial-branch=main")
        for name in ("act-dockeraction", f"act-owner-tagger-v{__version__.replace('.', '-')}-dockeraction"):
            self.engine.docker("tag", self.image, f"{name}:latest")

    def git(self, *words: str) -> None:
        """Run git in the repository."""
        identity = ["-c", "user.name=Tests", "-c", "user.email=tests@example.invalid"]
        subprocess.run(["git", *identity, *words], cwd=self.repository, check=True, capture_output=True)

    def commit(self, tag: str = "") -> None:
        """Commit everything, and give the commit a tag."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "Commit")
        if tag:
            self.git("tag", tag)

    def run(
        self,
        event: str = "push",
        payload: Mapping[str, Any] | None = None,
        *,
        secrets: Sequence[str] = (),
        actions: Mapping[str, Path | str] | None = None,
        programs: Path | None = None,
        names: Mapping[str, str] | None = None,
        more: Sequence[str] = (),
    ) -> "subprocess.CompletedProcess[str]":
        """Run the workflows of an event. `actions` has the folder or the action.yml of each `OWNER/NAME@REF`.

        `programs` is a folder of stand-ins for what a runner has, `names` are hosts that containers of actions know,
        with their addresses; `more` are other options of act.
        """
        home = self.folder / "home"
        cache = home / ".cache"
        (self.folder / "event.json").write_text(json.dumps(payload or {}))
        mounts = f"--network host -v {cache}/act:{cache}/act -v {self.engine.socket}:{self.engine.socket}"
        mounts += "".join(f" --add-host {name}:{address}" for name, address in (names or {}).items())
        options = [
            *(
                "--platform",
                "ubuntu-latest=-self-hosted",
                "--platform",
                "docker=-self-hosted",
                "--pull=false",
                "--rebuild=false",
            ),
            *("--action-offline-mode", "--no-cache-server", "--eventpath", str(self.folder / "event.json")),
            *("--container-daemon-socket", self.engine.host, "--container-options", mounts),
            *(word for secret in secrets for word in ("--secret", secret)),
            *more,
        ]
        for number, (name, where) in enumerate((actions or {}).items()):
            place = self.folder / f"action-{number}"
            if isinstance(where, str):
                place.mkdir(exist_ok=True)
                (place / "action.yml").write_text(where)
            options += ["--local-repository", f"{name}={place if isinstance(where, str) else where}"]
        environ = {"HOME": str(home), "XDG_CONFIG_HOME": f"{home}/.config", "XDG_CACHE_HOME": str(cache)}
        if programs:
            environ["PATH"] = f"{programs}:{self.engine.environ['PATH']}"
        return subprocess.run(
            [Path(sysconfig.get_path("scripts"), "act"), event, *options],
            cwd=self.repository, env={**self.engine.environ, **environ}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
