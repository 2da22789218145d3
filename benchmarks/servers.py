"""Real registries for the measurements (distribution 2.8.2), their certificate and their token server."""

import base64
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.line import FAR
from benchmarks.token_server import SERVICE, sign
from tests.servers.registries import NEW_CERTIFICATE
from tests.servers.token_server import Signer

__all__ = ["LOGIN", "Authority", "Service", "docker_login", "registry", "token_server"]

LOGIN = ("ali", "open sesame")


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority, the certificate of the servers from it, and the key that tokens are signed with."""

    ca_file: Path
    certificate: Path
    key: Path
    signer: Signer

    @classmethod
    def make(cls, folder: Path) -> "Authority":
        """Make a new one in a folder."""
        made = cls(folder / "ca.pem", folder / "server.pem", folder / "server.key", Signer.make(folder))
        root = ["-subj", "/CN=benchmarks", "-keyout", f"{folder}/ca.key", "-out", str(made.ca_file)]
        leaf = ["-subj", f"/CN={FAR}", "-CA", str(made.ca_file), "-CAkey", f"{folder}/ca.key", "-keyout", str(made.key)]
        leaf += ["-addext", f"subjectAltName=IP:{FAR}", "-addext", "basicConstraints=critical,CA:FALSE"]
        for options in ([*root, "-addext", "keyUsage=critical,keyCertSign"], [*leaf, "-out", str(made.certificate)]):
            subprocess.run([*NEW_CERTIFICATE, *options], check=True, capture_output=True)
        return made


@dataclass
class Service:
    """A server in the far namespace at `host`; `log` has a line of JSON for each request, among others."""

    host: str
    log: Path
    folder: Path
    authority: Authority | None = None
    tokens: "Service | None" = None
    process: "subprocess.Popen[bytes] | None" = None
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def scheme(self) -> str:
        """The scheme of its URLs."""
        return "https" if self.authority else "http"

    def requests(self) -> list[str]:
        """Return the requests so far, as `GET /v2/`, to this server and its token server."""
        return self.own_requests() + (self.tokens.requests() if self.tokens else [])

    def own_requests(self) -> list[str]:
        """Return the requests to this server so far."""
        entries = [json.loads(line) for line in self.log.read_bytes().splitlines() if b'"http.response.status"' in line]
        return [f"{entry['http.request.method']} {entry['http.request.uri']}" for entry in entries]

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send a request from this side of the line; return status, headers and body."""
        name = path.removeprefix("/v2/").partition("/blobs/")[0].partition("/manifests/")[0].partition("/tags/")[0]
        sent = dict(headers or {})
        if self.tokens and self.authority:
            if name not in self._tokens:
                self._tokens[name] = sign(self.authority.signer, [f"repository:{name}:pull,push,delete"])
            sent["Authorization"] = f"Bearer {self._tokens[name]}"
        for attempt in (1, 2):
            try:
                self._connection.request(method, path, body, sent)
                reply = self._connection.getresponse()
                return reply.status, dict(reply.headers), reply.read()
            except (OSError, http.client.HTTPException):
                self._connection.close()
                if attempt == 2:
                    raise
        raise AssertionError

    @cached_property
    def _connection(self) -> http.client.HTTPConnection:
        if self.authority:
            context = ssl.create_default_context(cafile=str(self.authority.ca_file))
            return http.client.HTTPSConnection(self.host, context=context)
        return http.client.HTTPConnection(self.host)


@contextmanager
def token_server(folder: Path, authority: Authority) -> Iterator[Service]:
    """Run a token server for LOGIN over HTTPS."""
    port = _free_port()
    files = [
        str(path) for path in (authority.certificate, authority.key, authority.signer.key, authority.signer.certificate)
    ]
    command = [sys.executable, "-m", "benchmarks.token_server", f"{FAR}:{port}", ":".join(LOGIN), *files]
    with _running(folder, f"{FAR}:{port}", command) as (process, log):
        yield Service(f"{FAR}:{port}", log, folder, process=process)


@contextmanager
def registry(
    folder: Path, *, authority: Authority | None = None, tokens: Service | None = None, deletes: bool = True
) -> Iterator[Service]:
    """Run a registry: open over plain HTTP; with an authority over HTTPS; with `tokens` for a token server."""
    host = f"{FAR}:{_free_port()}"
    config: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "info", "formatter": "json", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": deletes}},
        "http": {"addr": host},
    }
    if authority:
        config["http"]["tls"] = {"certificate": str(authority.certificate), "key": str(authority.key)}
    if authority and tokens:
        realm = {"realm": f"https://{tokens.host}/token", "service": SERVICE, "issuer": SERVICE}
        config["auth"] = {"token": {**realm, "rootcertbundle": str(authority.signer.certificate)}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    with _running(folder, host, ["docker-registry", "serve", str(folder / "config.yml")]) as (process, log):
        yield Service(host, log, folder, authority, tokens, process)


@contextmanager
def _running(folder: Path, host: str, command: Sequence[str]) -> "Iterator[tuple[subprocess.Popen[bytes], Path]]":
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environ)
    try:
        address, _, port = host.rpartition(":")
        end = time.monotonic() + 30
        while True:
            with suppress(OSError):
                socket.create_connection((address, int(port)), 1).close()
                break
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{command[0]} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.01)
        yield process, log
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((FAR, 0))
        return int(probe.getsockname()[1])


def docker_login(*hosts: str) -> str:
    """Return docker's configuration with the logins of registries."""
    login = {"auth": base64.b64encode(":".join(LOGIN).encode()).decode()}
    return json.dumps({"auths": dict.fromkeys(hosts, login)})
