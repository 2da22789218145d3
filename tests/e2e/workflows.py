"""A workflow of the documents, run as written: its shell, its artifacts and outputs, and Tagger's own action for real.

Stand-ins: a build pushes an index as BuildKit leaves it; logging in and checking out do nothing; docker/metadata-action
and programs of the runner are what a test gives.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from tests.servers.runner import Step

__all__ = ["Job", "Workflow"]

Build = Callable[[Mapping[str, str]], str]
"""What builds: from the inputs of docker/build-push-action to the digest that it pushed."""

Metadata = Callable[[Mapping[str, str]], Mapping[str, str]]
"""What stands for docker/metadata-action: from its inputs to its outputs."""

NOTHING = ("actions/checkout@", "docker/login-action@", "docker/setup-buildx-action@")


class Workflow:
    """The artifacts of one run of a workflow, below `root`."""

    def __init__(
        self,
        root: Path,
        build: Build,
        tagger: Callable[..., Step],
        metadata: Metadata | None = None,
        programs: str = "",
    ) -> None:
        self.artifacts = root / "artifacts"
        self.root, self.build, self.tagger, self.metadata = root, build, tagger, metadata
        self.path = f"{programs}:/usr/bin:/bin" if programs else "/usr/bin:/bin"
        self.artifacts.mkdir(parents=True)

    def run(self, jobs: Mapping[str, Any], temp: Path, outputs: Mapping[str, Any]) -> Step:
        """Run the jobs, and return the step of Tagger. `outputs` are those of a `build` that is another workflow."""
        (step,) = self.run_all(jobs, temp, outputs).released
        return step

    def run_all(self, jobs: Mapping[str, Any], temp: Path, outputs: Mapping[str, Any]) -> "Job":
        """Run the job `build`, in every leg of its matrix, then `release` in the runner's own folder; return that."""
        found: dict[str, Any] = dict(outputs)
        for number, leg in enumerate(jobs["build"].get("strategy", {}).get("matrix", {}).get("include", [])):
            job = Job(self, self.root / f"leg-{number}", {"matrix": leg})
            job.run(jobs["build"]["steps"])
            named = {name: job.fill(text) for name, text in jobs["build"].get("outputs", {}).items()}
            found |= {name: text for name, text in named.items() if text}  # a leg sets what it has
        job = Job(self, temp, {"needs": {"build": {"outputs": found}}})
        job.run(jobs["release"]["steps"])
        return job


class Job:
    """A job on a runner of its own."""

    def __init__(self, workflow: Workflow, temp: Path, facts: Mapping[str, Any]) -> None:
        self.workflow, self.temp = workflow, temp
        self.facts: dict[str, Any] = {"runner": {"temp": str(temp)}, "github": {}, "steps": {}, **facts}
        self.released: list[Step] = []
        self.environ: dict[str, str] = {}
        temp.mkdir(parents=True, exist_ok=True)

    def run(self, steps: Sequence[Mapping[str, Any]]) -> None:
        """Run steps, one after another."""
        for step in steps:
            outputs = self._step(step)
            if "id" in step:
                self.facts["steps"][step["id"]] = {"outputs": outputs}

    def fill(self, text: object) -> str:
        """Fill in the expressions in a text: names, and toJSON of one."""
        return re.sub(r"\$\{\{ (?:(toJSON)\((\S+)\)|(\S+)) \}\}", self._filled, str(text))

    def _filled(self, match: re.Match[str]) -> str:
        value: Any = self.facts
        for name in (match[2] or match[3]).split("."):
            value = value.get(name, "") if isinstance(value, dict) else ""
        return json.dumps(value) if match[1] else str(value)

    def _step(self, step: Mapping[str, Any]) -> Mapping[str, str]:
        given = {name: self.fill(text) for name, text in step.get("with", {}).items()}
        uses = step.get("uses", "")
        if not uses:
            return self._shell(step)
        if uses.startswith("docker/build-push-action@"):
            return {"digest": self.workflow.build(given)}
        if uses.startswith("actions/upload-artifact@"):
            folder, _, pattern = given["path"].rpartition("/")
            into = self.workflow.artifacts / given["name"]
            into.mkdir()
            files = [file for file in Path(folder).iterdir() if fnmatch(file.name, pattern)]
            assert files, given["if-no-files-found"]
            for file in files:
                shutil.copy(file, into)
        elif uses.startswith("actions/download-artifact@"):
            for artifact in self.workflow.artifacts.iterdir():
                if fnmatch(artifact.name, given["pattern"]):
                    into = Path(given["path"]) / ("" if given.get("merge-multiple") else artifact.name)
                    shutil.copytree(artifact, into, dirs_exist_ok=True)
        elif uses.startswith("OWNER/tagger@"):
            self.released.append(self.workflow.tagger(**{name.replace("-", "_"): text for name, text in given.items()}))
            return self.released[-1].outputs
        elif uses.startswith("docker/metadata-action@"):
            assert self.workflow.metadata, uses
            outputs = self.workflow.metadata(given)
            self.environ |= {f"DOCKER_METADATA_OUTPUT_{name.upper()}": text for name, text in outputs.items()}
            return outputs
        else:
            assert uses.startswith(NOTHING), uses
        return {}

    def _shell(self, step: Mapping[str, Any]) -> Mapping[str, str]:
        file = self.temp / "output"
        file.write_text("")
        environ = {name: self.fill(text) for name, text in step.get("env", {}).items()}
        environ |= {"RUNNER_TEMP": str(self.temp), "GITHUB_OUTPUT": str(file), "PATH": self.workflow.path}
        words = ["bash", "-e", "-o", "pipefail", "-c", self.fill(step["run"])]
        where = self.fill(step.get("working-directory", self.temp))
        subprocess.run(words, env={**self.environ, **environ}, cwd=where, check=True)
        return dict(line.split("=", 1) for line in file.read_text().splitlines())
