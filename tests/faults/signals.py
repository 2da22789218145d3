"""`python -m tests.faults.signals [--step N] [CASE…]`: end every command at its requests, and compare what it reports.

A command runs as a process against a registry that carries out a request, or does not, and then keeps silent. There the
process gets SIGINT, or two of them; or the connection breaks, and every later one. Whatever the report says is compared
with what the registry holds. `--step` says at which requests: at each (1), at every third (3); at every second of them
the request is carried out.
"""

import argparse
import copy
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tagger.images.layout import Layout
from tagger.names import Repository
from tagger.rules.marks import REMOVAL_TAG
from tests.images.making import make_config, make_image, make_layer
from tests.integration.commands import tagger
from tests.races.processes import ENTRYPOINT
from tests.servers.engine import Engine, classic_engine
from tests.servers.small_registry import Fault, Request, SmallRegistry, Store

__all__ = ["CASES", "ENDINGS", "OF_AN_ENGINE", "Case", "Workbench"]

NAME = "acme/app"
ENDINGS = ("SIGINT", "second SIGINT", "cut")
LONGEST = 5.0
"""Seconds from the signal to the end of the process."""

UNKNOWN = "unknown whether it was written"


@dataclass(frozen=True, slots=True)
class Case:
    """A command, and the commands before it; `drift` tags hold the image of 2.1.3 then."""

    words: str
    before: Sequence[str] = ("release 2.1.3 --source {oci}:2.1.3", "release 2.1.4 --source {oci}:2.1.4")
    drift: Sequence[str] = ()


_BASE = Case("").before
_HELD = (*_BASE, "release 2.2.0 --hold true --source {oci}:2.2.0")
CASES: Mapping[str, Case] = {
    "release, registry": Case("release 2.1.5 --source docker://{host}/acme/builds:2.1.5"),
    "release, retag": Case("release 2.1.5", (*_BASE, "release --version none --tag 2.1.5 --source {oci}:2.1.5")),
    "release, layout": Case("release 2.1.5 --source {oci}:2.1.5"),
    "release, oci-archive": Case("release 2.1.5 --source oci-archive:{folder}/oci.tar:2.1.5"),
    "release, docker-archive": Case("release 2.1.5 --source docker-archive:{folder}/docker.tar"),
    "release, held": Case("release 2.2.0 --hold true --source {oci}:2.2.0"),
    "release, overwrite": Case("release 2.1.4 --on-conflict overwrite --source {oci}:2.1.5"),
    "release, plain": Case("release --version none --tag nightly --tag edge --source {oci}:2.1.5"),
    "approve": Case("approve 2.2.0", _HELD),
    "reconcile": Case("reconcile --force", drift=("2", "latest", "1.0", "3.1")),
    "reconcile --purge": Case("reconcile --purge --yes --force", drift=("2", "latest", "1.0", "3.1")),
    "withdraw": Case("withdraw 2.1.4"),
    "withdraw, the last": Case("withdraw 2.1.3", _BASE[:1]),
    "withdraw --undo": Case("withdraw 2.1.4 --undo", (*_BASE, "withdraw 2.1.4")),
    "withdraw --purge": Case("withdraw 2.1.4 --purge --yes"),
    "policy set": Case("policy set --stable <2.1.4 --withdrawn 2.1.3"),
    "policy unset": Case("policy unset", (*_BASE, "policy set --stable <3")),
    "delete": Case("delete 2.1.3 --yes"),
    "delete --all": Case("delete --all --yes"),
    "prune": Case("prune --keep patch=1 --grace 0d --limit 100% --yes"),
}
OF_AN_ENGINE: Mapping[str, Case] = {
    "release, engine": Case("release 2.1.5 --source docker-daemon:{host}/acme/app:build"),
    "push, engine": Case("push {host}/acme/app"),
}


@dataclass(slots=True)
class Ended:
    """How a process ended: its exit code, what it wrote, and the seconds from the signal to its end."""

    code: int
    out: str
    err: str
    seconds: float


class Struck(NamedTuple):
    """Whether a run came as far as the request that ends it, and what should not be."""

    met: bool
    problems: Sequence[str]


@dataclass(slots=True)
class Workbench:
    """A folder with builds, and what a registry holds before each case."""

    folder: Path
    engine: Engine | None = None
    _held: dict[str, Store] = field(default_factory=dict)

    def __post_init__(self) -> None:
        layout = Layout(self.folder / "builds")
        for version in ("2.1.3", "2.1.4", "2.1.5", "2.2.0"):
            make_image(layout, version, version)
        with tarfile.open(self.folder / "oci.tar", "w") as archive:
            archive.add(layout.path, ".")
        _save(self.folder / "docker.tar")

    def words(self, line: str, host: str) -> list[str]:
        """Return the words of a command that works on the repository of a registry."""
        places = {"host": host, "folder": self.folder, "oci": f"oci:{self.folder}/builds"}
        return [*line.format(**places).split(), "--json", "--image", f"{host}/{NAME}", "--retries", "0"]

    def held(self, name: str, case: Case) -> Store:
        """Return what the registry holds before a case."""
        if name not in self._held:
            with SmallRegistry() as registry, registry.client() as client:
                builds = client.repository(Repository(registry.host, "acme/builds"), write=True)
                make_image(builds, "2.1.5", "2.1.5")
                for line in case.before:
                    ran = tagger(*self.words(line, registry.host))
                    assert ran.code == 0, ran.out
                store = client.repository(Repository(registry.host, NAME), write=True)
                if case.drift:
                    store.tag(store.manifest("2.1.3"), case.drift)
                self._held[name] = registry.store
        return copy.deepcopy(self._held[name])

    def strike(self, name: str, case: Case, ending: str, number: int, *, done: bool, longest: float) -> Struck:
        """Run a command that is ended at one of its requests, which is carried out if `done`."""
        with SmallRegistry(store=self.held(name, case)) as registry:
            if self.engine:
                for tag in ("build", "2.1.5", "edge", "nightly"):
                    self.engine.docker("tag", "built:image", f"{registry.host}/{NAME}:{tag}")
            before = registry.tags(NAME)
            struck = _Strike(number, ending, done)
            registry.watch = struck
            ended = struck.run(self.words(case.words, registry.host), self._environ(), self.folder)
            _settle(registry)
            registry.watch = lambda _request: None
            problems = list(problems_of(ended, before, registry.tags(NAME), ending))
        if ending != "cut" and ended.seconds > longest:
            problems.append(f"it ended {ended.seconds:.1f} s after the {ending}")
        return Struck(bool(struck.begun), problems)

    def _environ(self) -> dict[str, str]:
        own = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONUTF8": "1"}
        return {**own, **self.engine.environ} if self.engine else own


class _Strike:
    """Ends a process at a request, by signals to it or by breaking its connections from there on."""

    def __init__(self, number: int, ending: str, done: bool) -> None:
        self.begun = 0.0
        self._done = done
        self._number = number
        self._ending = ending
        self._seen = 0
        self._over = threading.Event()
        self._started = threading.Event()
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, _request: Request) -> Fault | None:
        self._seen += 1
        if self._seen < self._number:
            return None
        if self._ending == "cut":
            self.begun = self.begun or time.monotonic()
            return Fault("lost" if self._done and self._seen == self._number else "reset")
        if self._seen > self._number:
            return None
        self._started.wait(10)
        self.begun = time.monotonic()
        self._signal()
        if self._ending == "second SIGINT":
            threading.Timer(0.3, self._signal).start()
        if self._done:
            return Fault("silent")
        self._over.wait(60)
        return Fault("reset")

    def run(self, words: Sequence[str], environ: Mapping[str, str], folder: Path) -> Ended:
        """Run the command to its end."""
        command = [sys.executable, str(ENTRYPOINT), *words]
        with subprocess.Popen(
            command, env=environ, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            self._process = process
            self._started.set()
            out, err = process.communicate(timeout=60)
            seconds = time.monotonic() - self.begun if self.begun else 0.0
            self._over.set()
        return Ended(process.returncode, out, err, seconds)

    def _signal(self) -> None:
        if self._process:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)


def problems_of(ended: Ended, before: Mapping[str, str], after: Mapping[str, str], ending: str) -> Iterator[str]:
    """Yield what is not true of a report, and what else should not be of a run that was ended."""
    if "Traceback" in ended.err:
        yield ended.err
        return
    if not ended.out:
        if ending != "second SIGINT" or "nothing was written" in ended.err:
            yield f"exit {ended.code} without a report: {ended.err}"
        return
    document = json.loads(ended.out)
    if ended.code not in (0, 1) or bool(ended.code) != bool(document["error"]):
        yield f"exit {ended.code} with the error {document['error']}"
    outcomes = document.get("repositories", [])
    if not outcomes and ending == "second SIGINT" and before != after:
        if "nothing was written" in ended.out + ended.err:
            yield "it says that nothing was written, and something was"
        return
    said = {change["tag"]: change for outcome in outcomes for change in outcome["changes"]}
    # The record of a removal that did not end is for the next run, and no change that anybody asked for.
    before, after = ({tag: one for tag, one in tags.items() if tag != REMOVAL_TAG} for tags in (before, after))
    for tag in sorted(before.keys() | after.keys() | said.keys()):
        if not tag.startswith("sha256:"):
            yield from _untrue(tag, said.get(tag), before.get(tag), after.get(tag))
    wrote = [tag for tag in before.keys() | after.keys() if before.get(tag) != after.get(tag)]
    for outcome in outcomes:
        certain = [tag for tag in wrote if not _is_unknown(said.get(tag, {}))]
        if certain and outcome["status"] in ("failed", "refused", "unchanged"):
            yield f"the report says {outcome['status']}, and {' '.join(certain)} was written"


def _is_unknown(change: Mapping[str, Any]) -> bool:
    return UNKNOWN in str(change.get("reason"))


def _untrue(tag: str, change: Mapping[str, Any] | None, before: str | None, after: str | None) -> Iterator[str]:
    """Yield what a report says of one tag that the registry does not hold, and what it does not say."""
    if change is None:
        if before != after:
            yield f"{tag} was written, and is not in the report"
    elif not _is_unknown(change) and change["after"] != after:
        yield f"{change['action']} {tag}: {change['reason']}: it says {change['after']}, not {after}"
    elif not _is_unknown(change) and before != after and change["action"] in ("keep", "hold", "refuse"):
        yield f"{tag} was written, and the report says {change['action']}"


def _settle(registry: SmallRegistry) -> None:
    """Wait until nobody asks any more: an engine may go on for a moment."""
    seen = -1
    while seen != len(registry.requests):
        seen = len(registry.requests)
        time.sleep(0.1)


def _save(path: Path) -> None:
    """Write an archive as `docker save` does."""
    data = make_layer({"app": "2.1.5"})
    parts = {
        "config.json": make_config([data], "linux/amd64", {}),
        "layer.tar": data,
        "manifest.json": json.dumps(
            [{"Config": "config.json", "RepoTags": ["app:build"], "Layers": ["layer.tar"]}]
        ).encode(),
    }
    with tarfile.open(path, "w") as archive:
        for name, content in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def main() -> int:
    """Strike every case in every way, print what each came to, and return 1 where anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.signals", description=__doc__)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("cases", nargs="*", metavar="CASE")
    given = parser.parse_args()
    wrong = runs = 0
    print("| command | ended by | at requests | wrong |\n|---|---|---|---|")
    with TemporaryDirectory() as folder, classic_engine() as engine:
        engine.build("built:image")
        plain, with_engine = Workbench(_folder(folder, "plain")), Workbench(_folder(folder, "engine"), engine)
        for name in given.cases or (*CASES, *OF_AN_ENGINE):
            for ending in ENDINGS:
                count, found = _strike_everywhere(
                    with_engine if name in OF_AN_ENGINE else plain, name, ending, given.step
                )
                runs, wrong = runs + count, wrong + len(found)
                print(f"| {name} | {ending} | {count} | {len(found)} |", flush=True)
                for text in found:
                    print(f"{name}, {ending}, {text}", file=sys.stderr, flush=True)
    print(f"\n{runs} runs, {wrong} wrong")
    return 1 if wrong else 0


def _strike_everywhere(bench: Workbench, name: str, ending: str, step: int) -> tuple[int, list[str]]:
    """Strike at each request of a command, or at every few; return how many they were, and what was wrong."""
    case = CASES[name] if name in CASES else OF_AN_ENGINE[name]
    found: list[str] = []
    number, count = 1, 0
    while True:
        struck = bench.strike(name, case, ending, number, done=count % 2 == 1, longest=LONGEST)
        if not struck.met:
            return count, found
        found += [f"request {number}: {problem}" for problem in struck.problems]
        number, count = number + step, count + 1


def _folder(parent: str, name: str) -> Path:
    path = Path(parent) / name
    path.mkdir()
    return path


if __name__ == "__main__":
    sys.exit(main())
