"""Real registries (distribution 2.8.2), each started for one test."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["PASSWORD", "USER", "Distribution", "distribution"]

USER, PASSWORD = "ali", "open sesame"
HTPASSWD = f"{USER}:$2b$04$hgFLGIHtuzLsVyt61ZFz2OsBQiOrz3pG.NVIEOkEA.qwgCqGq/cU.\n"


@dataclass(frozen=True, slots=True)
class Distribution:
    """A running registry at `host`, `127.0.0.1:PORT`; `log` has a line of JSON for each request, and others."""

    host: str
    log: Path

    def requests(self) -> list[str]:
        """Return the requests so far, as `GET /v2/`."""
        entries = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        answered = [entry for entry in entries if "http.response.status" in entry]
        return [f"{entry['http.request.method']} {entry['http.request.uri']}" for entry in answered]


@contextmanager
def distribution(
    folder: Path,
    *,
    login: bool = False,
    tls: tuple[Path, Path] | None = None,
    delete: bool = True,
    port: int = 0,
    settings: Mapping[str, Any] | None = None,
) -> Iterator[Distribution]:
    """Run a registry that keeps everything in `folder`: for USER alone, over TLS with a certificate and its key."""
    folder.mkdir(parents=True, exist_ok=True)
    host, log = f"127.0.0.1:{port or _free_port()}", folder / "log"
    config: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "info", "formatter": "json"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": delete}},
        "http": {"addr": host},
    }
    if login:
        (folder / "htpasswd").write_text(HTPASSWD)
        config["auth"] = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    if tls:
        config["http"]["tls"] = {"certificate": str(tls[0]), "key": str(tls[1])}
    (folder / "config.yml").write_text(json.dumps(config | dict(settings or {})))  # JSON is YAML
    environ = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    command = ["docker-registry", "serve", str(folder / "config.yml")]
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, stdin=subprocess.DEVNULL, env=environ)
    try:
        _wait(host, process, log)
        yield Distribution(host, log)
    finally:
        process.terminate()
        process.wait(10)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait(host: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + 30
    address, port = host.rsplit(":", 1)
    while True:
        try:
            socket.create_connection((address, int(port)), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the registry did not start:\n{log.read_text()[-2000:]}") from None
            time.sleep(0.01)
