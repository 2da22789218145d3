"""The testbed of the measurements: the line, the registries, an engine, and the compared programs."""

import base64
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.line import Line, open_line
from benchmarks.measuring import Bench
from benchmarks.servers import LOGIN, Authority, Service, docker_login, registry, token_server
from tests.servers.engine import Engine, classic_engine

__all__ = ["ROOT", "Testbed", "open_testbed"]

ROOT = Path(__file__).parents[1]
RIVALS = ROOT / "build" / "rivals"
ACTION = "action"
PROGRAMS: Mapping[str, Sequence[str]] = {"delay": (), "measure": (), "limit": ("-lssl", "-lcrypto", "-lpthread")}


@dataclass
class Testbed:
    """The testbed; `guarded` is a registry over TLS that wants tokens, `open` one over plain HTTP."""

    bench: Bench
    line: Line
    folder: Path
    authority: Authority
    tokens: Service
    guarded: Service
    open: Service
    cleanup: ExitStack

    def tagger(self, *words: str) -> list[str]:
        """Return a command line of ours, as the action's image starts it."""
        return [sys.executable, "-EsS", str(self.bench.programs / ACTION / "entrypoint.py"), *words]

    @staticmethod
    def step_environment(command: str, **inputs: str) -> Mapping[str, str]:
        """Return the environment of a step of a workflow, with its inputs as the runner gives them."""
        return {f"INPUT_{name.upper()}": text for name, text in {"command": command, **inputs}.items() if text}

    @property
    def trust(self) -> Mapping[str, str]:
        """The option `ca-file` with which Tagger trusts the servers, besides the system's authorities."""
        return {"TAGGER_CA_FILE": str(self.authority.ca_file), "SSL_CERT_DIR": "/etc/ssl/certs"}

    def program(self, name: str) -> str | None:
        """Return a program to compare with, from the PATH or from `benchmarks/rivals`; None where it is absent."""
        brought = RIVALS / "bin" / name
        return str(brought) if brought.exists() else shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")

    @property
    def oras_py(self) -> str | None:
        """The interpreter that has oras-py, if it is installed."""
        found = RIVALS / "oras-py" / "bin" / "python"
        return str(found) if found.exists() else None

    def limit(self, service: Service, name: str, tags: Sequence[str]) -> list[str]:
        """Return the command line of the client with the fewest round trips."""
        host, _, port = service.host.rpartition(":")
        return [str(self.bench.programs / "limit"), service.scheme, host, port, name, *tags[:1], *tags]

    @cached_property
    def engine(self) -> Engine:
        """A Docker Engine beside the clients, started when it is first asked for."""
        options = [f"--insecure-registry={service.host}" for service in (self.open,)]
        with self.line.near():
            return self.cleanup.enter_context(classic_engine(options))


@contextmanager
def open_testbed(runs: int) -> Iterator[Testbed]:
    """Compile the programs and start everything; stop and remove it all afterwards."""
    programs = ROOT / "build" / "benchmarks"
    programs.mkdir(parents=True, exist_ok=True)
    for name, libraries in PROGRAMS.items():
        source = ROOT / "benchmarks" / f"{name}.c"
        subprocess.run(["gcc", "-O2", "-Wall", "-o", programs / name, source, *libraries], check=True)
    _make_action(programs / ACTION)
    with ExitStack() as cleanup:
        folder = Path(tempfile.mkdtemp(prefix="benchmarks-", dir="/tmp"))
        cleanup.callback(shutil.rmtree, folder)
        line = cleanup.enter_context(open_line(programs))
        authority = Authority.make(folder)
        tokens = cleanup.enter_context(token_server(folder / "tokens", authority))
        guarded = cleanup.enter_context(registry(folder / "guarded", authority=authority, tokens=tokens))
        open_ = cleanup.enter_context(registry(folder / "open"))
        (folder / "config.json").write_text(docker_login(guarded.host))
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DOCKER_CONFIG": str(folder),  # crane, buildx, oras, docker, tagger
            "REGISTRY_AUTH_FILE": str(folder / "config.json"),  # skopeo
            "SSL_CERT_FILE": str(authority.ca_file),  # Go reads it, and the system's folder besides
            "REQUESTS_CA_BUNDLE": str(authority.ca_file),  # oras-py
            "LOGIN": base64.b64encode(":".join(LOGIN).encode()).decode(),
            "CA_FILE": str(authority.ca_file),
        }
        os.environ["SSL_CERT_FILE"] = environ["SSL_CERT_FILE"]  # for the engine
        bench = Bench(line, programs, folder, environ, runs)
        yield Testbed(bench, line, folder, authority, tokens, guarded, open_, cleanup)


def _make_action(target: Path) -> None:
    """Make a folder with the program, its packages and their bytecode, as the `Dockerfile` makes `/action`."""
    shutil.rmtree(target, ignore_errors=True)
    install = ["pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--require-hashes"]
    install += ["--requirement", str(ROOT / "requirements.txt"), "--target", str(target)]
    subprocess.run([sys.executable, "-m", *install], check=True)
    shutil.copy(ROOT / "entrypoint.py", target)
    shutil.copytree(ROOT / "tagger", target / "tagger", ignore=shutil.ignore_patterns("__pycache__"))
    compiling = ["compileall", "-q", "--invalidation-mode", "unchecked-hash", str(target)]
    subprocess.run([sys.executable, "-m", *compiling], check=True)
