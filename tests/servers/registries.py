"""Real registries of four kinds: open, with a login, over TLS with an authority of the tests, and with tokens."""

import base64
import json
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tagger.images.registry.credentials import Keychain
from tagger.images.registry.registries import Registries
from tests.servers.distribution import PASSWORD, USER, Distribution, distribution
from tests.servers.token_server import Signer, TokenServer

__all__ = ["NEW_CERTIFICATE", "Authority", "DockerRegistry"]

NAMES = "DNS:localhost,DNS:registry.local,IP:127.0.0.1,IP:0.0.0.0,IP:::1"

NEW_CERTIFICATE = [
    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"
]  # fmt: skip
"""The words that make a key and a certificate, before the names of both."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority that only the tests trust, and its certificate for their servers."""

    ca_file: Path
    certificate: Path
    key: Path

    @classmethod
    def make(cls, folder: Path) -> "Authority":
        """Make a new one in a folder with `openssl req -x509`, which writes no extension keyUsage."""
        made = cls(folder / "ca.pem", folder / "server.pem", folder / "server.key")
        authority_key = folder / "ca.key"
        root = ["-subj", "/CN=Tagger tests"]
        root += ["-keyout", str(authority_key), "-out", str(made.ca_file)]
        subprocess.run([*NEW_CERTIFICATE, *root], check=True, capture_output=True)
        server = ["-subj", "/CN=localhost", "-CA", str(made.ca_file), "-CAkey", str(authority_key)]
        server += ["-addext", f"subjectAltName={NAMES}", "-addext", "basicConstraints=critical,CA:FALSE"]
        server += ["-keyout", str(made.key), "-out", str(made.certificate)]
        subprocess.run([*NEW_CERTIFICATE, *server], check=True, capture_output=True)
        return made

    def server_context(self) -> ssl.SSLContext:
        """Return the TLS context of a server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass
class DockerRegistry:
    """A registry that can be stopped, and started again on the same port with the same content."""

    folder: Path
    authority: Authority | None = None
    with_login: bool = False
    tokens: TokenServer | None = None
    running: Distribution | None = None
    _stack: ExitStack = field(default_factory=ExitStack)
    _host: str = ""

    @classmethod
    @contextmanager
    def open(cls, kind: str, folder: Path, authority: Authority) -> "Iterator[DockerRegistry]":
        """Run a registry of a kind, in a folder: `open`, `login`, `tls`, or `token` (over TLS too)."""
        with ExitStack() as stack:
            registry = cls(folder, authority if kind in ("tls", "token") else None, kind == "login")
            if kind == "token":
                folder.mkdir(parents=True, exist_ok=True)
                signer = Signer.make(folder)
                registry.tokens = stack.enter_context(TokenServer(users={USER: PASSWORD}, signer=signer))
            registry.start()
            stack.callback(registry.stop)
            yield registry

    @property
    def host(self) -> str:
        """Its host and port, as in the name of an image."""
        return self._host

    @property
    def login(self) -> tuple[str, str] | None:
        """A name and a password with all rights; None where no login is needed."""
        return (USER, PASSWORD) if self.with_login or self.tokens else None

    @property
    def ca_file(self) -> str:
        """The file of the authority of its certificate; empty for plain HTTP."""
        return str(self.authority.ca_file) if self.authority else ""

    def client(self, **options: Any) -> Registries:
        """Return a client that knows the login and the authority."""
        logins = [(self.host, *self.login)] if self.login else []
        return Registries(**{"keychain": Keychain(logins=logins), "ca_file": self.ca_file, "retries": 2, **options})

    def docker_config(self, folder: Path) -> Path:
        """Write a docker configuration with the login into a folder, for other programs; return the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        auths = {self.host: {"auth": base64.b64encode(":".join(self.login).encode()).decode()}} if self.login else {}
        (folder / "config.json").write_text(json.dumps({"auths": auths}))
        return folder

    def start(self) -> None:
        """Start it, and return when it answers."""
        tls = (self.authority.certificate, self.authority.key) if self.authority else None
        settings: dict[str, Any] = {}
        if self.tokens and self.tokens.signer:
            token = {"realm": f"{self.tokens.url}/token", "service": self.tokens.service, "issuer": "tests"}
            settings["auth"] = {"token": {**token, "rootcertbundle": str(self.tokens.signer.certificate)}}
        port = int(self._host.rpartition(":")[2] or 0)
        self.running = self._stack.enter_context(
            distribution(self.folder, login=self.with_login, tls=tls, port=port, settings=settings)
        )
        self._host = self.running.host

    def stop(self) -> None:
        """Stop it; its content stays."""
        self._stack.close()
        self.running = None
