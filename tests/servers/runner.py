"""The GitHub runner as a container action sees it: `docker build`, `docker run`, mounts, paths and files.

Written after actions/runner 2.336, ContainerActionHandler.cs and DockerCommandManager.cs. Two things differ:
engines of the tests have no bridge, and the base of the image is a stand-in.
"""

import json
import re
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.servers.base_image import on_stand_in
from tests.servers.engine import Engine

__all__ = ["Annotation", "Invocation", "Runner", "Step"]

FILES = {
    "GITHUB_PATH": "add_path_", "GITHUB_ENV": "set_env_", "GITHUB_STEP_SUMMARY": "step_summary_",
    "GITHUB_STATE": "save_state_", "GITHUB_OUTPUT": "set_output_",
}  # fmt: skip
COMMAND = re.compile(r"^::(error|warning|notice|add-mask)((?: [^:]*)?)::(.*)$", re.MULTILINE)
ESCAPES = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}


@dataclass(frozen=True, slots=True)
class Annotation:
    """An annotation that a step writes."""

    level: str
    title: str
    message: str


@dataclass(frozen=True, slots=True)
class Step:
    """What a step left: its exit code, its log with secrets masked, and what it wrote into the runner's files."""

    code: int
    log: str
    outputs: Mapping[str, str]
    environ: Mapping[str, str]
    summary: str
    annotations: tuple[Annotation, ...]


@dataclass(frozen=True, slots=True)
class Invocation:
    """One `docker run` of a step: its words, of which the image is the last, its environment, and the step's files."""

    command: Sequence[str]
    environ: Mapping[str, str]
    files: Mapping[str, Path]

    def step(self, code: int, log: str) -> Step:
        """Return what the step left, once the command has ended."""
        return _step(code, log, {name: file.read_text() for name, file in self.files.items()})


@dataclass(frozen=True, slots=True)
class Runner:
    """A self-hosted runner with one job, below `root`."""

    root: Path
    engine: Engine
    ref: str = "refs/heads/main"
    event_name: str = "push"
    event: Mapping[str, Any] = field(default_factory=dict)
    repository: str = "octo/demo"
    has_socket: bool = True

    @property
    def workspace(self) -> Path:
        """The folder into which actions/checkout puts the repository."""
        name = self.repository.partition("/")[2]
        return self.root / "_work" / name / name

    @property
    def temp(self) -> Path:
        """`RUNNER_TEMP`."""
        return self.root / "_work/_temp"

    @property
    def home(self) -> Path:
        """The home folder of container actions."""
        return self.temp / "_github_home"

    @property
    def mounts(self) -> Mapping[Path, str]:
        """The folders of the host that a container action sees, and where."""
        return {
            self.workspace: "/github/workspace",
            self.temp / "_runner_file_commands": "/github/file_commands",
            self.temp / "_github_workflow": "/github/workflow",
            self.home: "/github/home",
            self.temp: "/github/runner_temp",
        }

    def build(self, action: Path) -> str:
        """Build the action's image as the runner does, without build arguments; return its name."""
        image = f"{uuid.uuid4().hex[:6]}:{uuid.uuid4().hex}"
        dockerfile = action / yaml.safe_load((action / "action.yml").read_text())["runs"]["image"]
        self.root.mkdir(parents=True, exist_ok=True)
        written = on_stand_in(dockerfile, self.root)
        self.engine.docker("build", "--network=host", "--tag", image, "--file", str(written), str(dockerfile.parent))
        return image

    def run(
        self, action: Path, image: str, inputs: Mapping[str, str], environ: Mapping[str, str] | None = None
    ) -> Step:
        """Run the action as a step with these inputs (`with`) and this environment (`env` of the job and the step)."""
        invocation = self.invocation(action, image, inputs, environ)
        ended = subprocess.run(
            invocation.command,
            env=dict(invocation.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return invocation.step(ended.returncode, ended.stdout)

    def invocation(
        self, action: Path, image: str, inputs: Mapping[str, str], environ: Mapping[str, str] | None = None
    ) -> Invocation:
        """Make the files of a step, and return its `docker run`."""
        for folder in self.mounts:
            folder.mkdir(parents=True, exist_ok=True)
        (self.temp / "_github_workflow/event.json").write_text(json.dumps(self.event))
        definition = yaml.safe_load((action / "action.yml").read_text())
        values = {name: str(declared.get("default") or "") for name, declared in definition["inputs"].items()}
        values = {name: "" if "${{" in value else value for name, value in values.items()} | dict(inputs)
        variables = dict(environ or {})
        variables |= {f"INPUT_{name.replace(' ', '_').upper()}": value for name, value in values.items()}
        files = {name: self.temp / "_runner_file_commands" / f"{start}{uuid.uuid4()}" for name, start in FILES.items()}
        for file in files.values():
            file.touch()
        variables |= {"HOME": str(self.home), **self._github(), **{name: str(file) for name, file in files.items()}}
        variables = {name: self._translated(value) for name, value in variables.items()}
        command = [shutil.which("docker") or "docker", "run", "--name", f"step_{uuid.uuid4().hex[:6]}"]
        command += ["--label", "runner", "--workdir", "/github/workspace", "--rm"]
        for name in variables:
            command += ["-e", name]
        command += ["-e", "GITHUB_ACTIONS=true", "-e", "CI=true", "--network", "host"]
        sockets = {self.engine.socket: "/var/run/docker.sock"} if self.has_socket else {}
        for source, target in (*sockets.items(), *self.mounts.items()):
            command += ["-v", f"{source}:{target}"]
        variables = {**self.engine.environ, **variables, "DOCKER_HOST": self.engine.host}
        return Invocation((*command, image), variables, files)

    def _translated(self, value: str) -> str:
        """Rewrite a path of the host, or what begins with one, to the container's."""
        for folder, seen in self.mounts.items():
            if value == str(folder) or value.startswith(f"{folder}/"):
                return seen + value.removeprefix(str(folder))
        return value

    def _github(self) -> Mapping[str, str]:
        kind, _, name = self.ref.removeprefix("refs/").partition("/")
        return {
            "GITHUB_ACTION": "self",
            "GITHUB_ACTOR": "octocat",
            "GITHUB_API_URL": "https://api.github.invalid",
            "GITHUB_BASE_REF": "",
            "GITHUB_EVENT_NAME": self.event_name,
            "GITHUB_EVENT_PATH": str(self.temp / "_github_workflow/event.json"),
            "GITHUB_HEAD_REF": "",
            "GITHUB_JOB": "job",
            "GITHUB_REF": self.ref,
            "GITHUB_REF_NAME": name,
            "GITHUB_REF_TYPE": "tag" if kind == "tags" else "branch",
            "GITHUB_REPOSITORY": self.repository,
            "GITHUB_REPOSITORY_OWNER": self.repository.partition("/")[0],
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": "1658821493",
            "GITHUB_RUN_NUMBER": "3",
            "GITHUB_SERVER_URL": "https://github.invalid",
            "GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567",
            "GITHUB_WORKFLOW": "release",
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_ENVIRONMENT": "self-hosted",
            "RUNNER_NAME": "runner",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(self.temp),
            "RUNNER_WORKSPACE": str(self.workspace.parent),
        }


def _step(code: int, log: str, files: Mapping[str, str]) -> Step:
    annotations, masks = [], []
    for level, properties, message in COMMAND.findall(log):
        if level == "add-mask":
            masks.append(_unescaped(message))
            continue
        found = dict(part.partition("=")[::2] for part in properties.strip().split(",") if part)
        annotations.append(Annotation(level, _unescaped(found.get("title", "")), _unescaped(message)))
    log = re.sub(r"^::add-mask::.*\n", "", log, flags=re.MULTILINE)
    for mask in masks:
        log = log.replace(mask, "***")
    return Step(
        code,
        log,
        _values(files["GITHUB_OUTPUT"]),
        _values(files["GITHUB_ENV"]),
        files["GITHUB_STEP_SUMMARY"],
        tuple(annotations),
    )


def _unescaped(text: str) -> str:
    for escape, character in ESCAPES.items():
        text = text.replace(escape, character)
    return text


def _values(text: str) -> dict[str, str]:
    """Read a file of `NAME=VALUE` and `NAME<<DELIMITER` blocks. Raise `ValueError` where the runner fails a step."""
    values: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in filter(None, lines):
        name, mark, rest = min((line.partition(mark) for mark in ("=", "<<")), key=lambda parts: len(parts[0]))
        if not mark or not name:
            raise ValueError(f"invalid format: {line!r}")
        if mark == "=":
            values[name] = rest
            continue
        block = []
        while (part := next(lines, None)) != rest:
            if part is None:
                raise ValueError(f"the delimiter {rest!r} was not found")
            block.append(part)
        values[name] = "\n".join(block)
    return values
