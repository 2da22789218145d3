"""What docker/metadata-action gives for the workflows of docs/metadata-action.md, and how that was recorded.

`python -m tests.e2e.metadata_action CHECKOUT` records anew: it runs `dist/index.cjs` of a checkout of the action by
Node, as a runner does, with each "before" of the page on each event. Two things are not as on a runner: the clock
stands at NOW, and GitHub's API is a server of this module that says what the payload says of the repository.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.pages.blocks import ROOT, blocks
from tests.servers.act import composite
from tests.servers.http_server import Exchange, HttpServer, Reply

__all__ = ["NOW", "PAGE", "Recorded", "event_of", "read_outputs", "recorded", "settings", "stand_in", "version"]

RECORDING = Path(__file__).parent / "metadata_action.json"
PAGE = {block.runner: block.text for block in blocks(ROOT / "docs/metadata-action.md") if block.runner}
NOW = "2020-01-10T00:30:00.000Z"
SHA = "860c1904a1ce19322e91ac35af1ab07466440c37"
REPOSITORY = {
    "name": "app", "full_name": "acme/app", "default_branch": "main", "html_url": "https://github.com/acme/app",
    "description": "An app", "license": {"spdx_id": "MIT"}, "owner": {"login": "acme"},
}  # fmt: skip
PULL = {"number": 7, "pull_request": {"number": 7, "base": {"ref": "main"}, "head": {"ref": "x", "sha": "1" * 40}}}
MAIN, TAG, PRE = "refs/heads/main", "refs/tags/v2.1.4", "refs/tags/v2.2.0-rc.1"
QUEUE = f"refs/heads/gh-readonly-queue/main/pr-7-{SHA}"
EVENTS = {
    "events": (
        ("pull_request", "refs/pull/7/merge"), ("push", MAIN), ("schedule", MAIN), ("push", TAG), ("push", PRE),
        # Not in the `on` of the page; one workflow with the same rows may have them.
        ("workflow_dispatch", MAIN), ("merge_group", QUEUE), ("release", TAG), ("pull_request_target", MAIN),
    ),
    "suffix": (("push", TAG), ("push", PRE)),
    "platforms": (("push", MAIN), ("push", TAG), ("push", PRE)),
}  # fmt: skip
GIVE = """
import json, os
given, environ = json.loads(os.environ["GIVEN"]), os.environ
run, = (
    run for run in json.load(open(environ["RECORDING"]))["runs"]
    if (run["event"], run["ref"]) == (environ["GITHUB_EVENT_NAME"], environ["GITHUB_REF"])
    and all(run["inputs"].get(name, "").split() == given[name].split() for name in ("tags", "flavor"))
)
with open(environ["GITHUB_OUTPUT"], "a") as file:
    for name, text in run["outputs"].items():
        for recorded, here in ((environ["SHA"], environ["GITHUB_SHA"]), (environ["SHA"][:7], environ["GITHUB_SHA"][:7]),
                               (run["inputs"]["images"], given["images"])):
            text = text.replace(recorded, here)
        print(f"{name}<<end-of-{name}", text, f"end-of-{name}", sep="\\n", file=file)
"""
OUTPUTS = ("version", "tags", "labels", "annotations", "json")


class Recorded(NamedTuple):
    """One run of docker/metadata-action: which workflow and event, what its step said, and what it gave."""

    workflow: str
    event: str
    ref: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    @property
    def name(self) -> str:
        """What a test calls it."""
        return f"{self.workflow}{'-' if self.inputs.get('flavor') else ''} {self.event} {self.ref.rpartition('/')[2]}"


def version() -> str:
    """Return the version of the action that was recorded."""
    return str(json.loads(RECORDING.read_text())["version"])


def recorded() -> tuple[Recorded, ...]:
    """Return all that was recorded."""
    return tuple(Recorded(**run) for run in json.loads(RECORDING.read_text())["runs"])


def settings(name: str, action: str) -> tuple[Mapping[str, str], ...]:
    """Return what a workflow says in the last step of an action and the environment of its job, once for each leg."""
    job = list(yaml.safe_load(PAGE[name])["jobs"].values())[-1]
    given = [step.get("with", {}) for step in job["steps"] if step.get("uses", "").startswith(action)][-1]
    env = {key.removeprefix("TAGGER_").lower(): text for key, text in job.get("env", {}).items()}
    said = {key: text for key, text in {**env, **given}.items() if key in ("images", "tags", "flavor")}
    legs = job.get("strategy", {}).get("matrix", {}).get("include", [{}])
    return tuple({key: _filled(text, leg) for key, text in said.items()} for leg in legs)


def stand_in() -> str:
    """Return the `action.yml` of an action that gives what was recorded, for the commit and the images of its run."""
    return composite(
        GIVE, "images", "tags", "flavor", language="python", outputs=OUTPUTS, GIVEN="${{ toJSON(inputs) }}",
        RECORDING=str(RECORDING), SHA=SHA,
    )  # fmt: skip


def event_of(event: str, ref: str, folder: Path) -> dict[str, str]:
    """Return the environment of a run on an event, whose payload is written into a folder."""
    payload: dict[str, Any] = {"repository": REPOSITORY, **(PULL if event.startswith("pull_request") else {})}
    if event == "release":
        payload |= {"action": "published", "release": {"tag_name": ref.rpartition("/")[2], "prerelease": False}}
    (folder / "event.json").write_text(json.dumps(payload))
    (folder / "output").write_text("")
    return {
        "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": event, "GITHUB_REF": ref, "GITHUB_SHA": SHA,
        "GITHUB_REPOSITORY": "acme/app", "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_OUTPUT": str(folder / "output"),
    }  # fmt: skip


def read_outputs(folder: Path) -> Mapping[str, str]:
    """Return the outputs that a run on an event left, by their names."""
    text = (folder / "output").read_text()
    return {match[1]: match[3] for match in re.finditer(r"(?ms)^(\S+?)<<(\S+)\n(.*?)\n?^\2$", text)}


def _filled(text: str, leg: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ matrix\.(\w+) \}\}", lambda match: leg[match[1]], text)


class _Api(HttpServer):
    """GitHub's API: the repository, and the date of every commit."""

    def answer(self, exchange: Exchange) -> None:
        commit = {"commit": {"committer": {"date": NOW}}}
        body = json.dumps(commit if "/commits/" in exchange.path else REPOSITORY).encode()
        exchange.reply(Reply(200, [("Content-Type", "application/json")], body))


def _record(checkout: Path, folder: Path, api: str) -> Iterator[Recorded]:
    """Run the action with each "before" on each of its events."""
    clock = folder / "clock.cjs"
    clock.write_text(
        f"const Real = Date, now = Real.parse('{NOW}');\n"
        "globalThis.Date = class extends Real {\n"
        "  constructor(...given) { given.length ? super(...given) : super(now); }\n"
        "  static now() { return now; }\n};\n"
    )
    for name, events in EVENTS.items():
        for inputs in settings(f"metadata-before-{name}", "docker/metadata-action@"):
            for event, ref in events:
                environ = event_of(event, ref, folder) | {
                    "PATH": os.environ["PATH"], "RUNNER_TEMP": str(folder), "GITHUB_API_URL": api,
                    "INPUT_CONTEXT": "workflow", "INPUT_GITHUB-TOKEN": "token",
                    "DOCKER_METADATA_SET_OUTPUT_ENV": "false",
                }  # fmt: skip
                environ |= {f"INPUT_{key.upper()}": text for key, text in inputs.items()}
                words = ["node", "--require", str(clock), str(checkout / "dist/index.cjs")]
                subprocess.run(words, env=environ, cwd=folder, check=True, capture_output=True)
                outputs = {key: text for key, text in read_outputs(folder).items() if key in OUTPUTS}
                yield Recorded(name, event, ref, inputs, outputs)


def main(checkout: Path) -> None:
    """Record what the action of a checkout gives."""
    words = ["git", "-C", str(checkout), "describe", "--tags", "--match=v*.*.*", "--long", "--abbrev=40", "--dirty"]
    described = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    with _Api() as api, tempfile.TemporaryDirectory() as folder:
        runs = [run._asdict() for run in _record(checkout, Path(folder), api.url)]
    found = {"action": "docker/metadata-action", "version": described, "runs": runs}
    RECORDING.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
