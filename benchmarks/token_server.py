"""A token server (distribution, "Token Authentication Specification"): one login, and a signed token for any scope.

    python -m benchmarks.token_server HOST:PORT USER:PASSWORD CERTIFICATE KEY SIGNING_KEY SIGNING_CERTIFICATE

A token is signed once for the same scopes, so that round trips are measured, and not openssl.
"""

import base64
import json
import ssl
import sys
import threading
import time
from collections.abc import Sequence
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers.token_server import Signer

__all__ = ["SERVICE", "main", "sign"]

SERVICE = "benchmarks"
LIFETIME = 24 * 3600


def sign(signer: Signer, scopes: Sequence[str]) -> str:
    """Return a token that allows `scopes`, `repository:NAME:ACTIONS`."""
    access = []
    for scope in scopes:
        kind, name, actions = scope.split(":")
        access.append({"type": kind, "name": name, "actions": actions.split(",")})
    now = int(time.time())
    times = {"iat": now, "nbf": now - 60, "exp": now + LIFETIME}
    return signer.sign({"iss": SERVICE, "sub": "ali", "aud": SERVICE, "jti": str(now), "access": access, **times})


def main(words: Sequence[str]) -> None:
    """Serve until the process is ended."""
    where, login, certificate, key, *signing = words
    signer = Signer(*map(Path, signing))
    wanted = f"Basic {base64.b64encode(login.encode()).decode()}"
    lock = threading.Lock()

    @cache
    def token(scopes: tuple[str, ...]) -> str:
        return sign(signer, scopes)

    class Exchange(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
            self._answer(self.headers.get("Authorization") == wanted, scopes)

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            given = f"{form.get('username', [''])[0]}:{form.get('password', [''])[0]}"
            self._answer(given == login, form.get("scope", []))

        def _answer(self, known: bool, scopes: Sequence[str]) -> None:
            found = tuple(scope for text in scopes for scope in text.split())
            with lock:
                value = token(found) if known else ""
                print(
                    json.dumps(
                        {"http.request.method": "TOKEN", "http.request.uri": self.path, "http.response.status": 200}
                    )
                )
            body = json.dumps({"token": value, "access_token": value, "expires_in": LIFETIME}).encode()
            self.send_response(200 if known else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *values: Any) -> None:  # noqa: A002
            """Print nothing."""

    host, _, port = where.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def finish_request(self, request: Any, client_address: Any) -> None:
            try:
                connection = context.wrap_socket(request, server_side=True)
            except OSError:
                return
            super().finish_request(connection, client_address)

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Do not report clients that disconnect."""

    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # it is a file
    Server((host, int(port)), Exchange).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
