"""The TLS context with its certificate authorities, and the test whether a server uses TLS."""

import os
import socket
import ssl
from pathlib import Path
from typing import Any

from tagger.errors import InputError
from tagger.images.registry.sockets import open_socket
from tagger.workspace import read_regular

__all__ = ["NOT_TRUSTED", "NO_TLS", "PEM", "speaks_tls", "tls_context"]

NOT_TRUSTED = "CERTIFICATE_VERIFY_FAILED"
NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
"""OpenSSL's names for an answer that is not TLS."""

PEM = "-----BEGIN CERTIFICATE-----"
"""The start of PEM text, by which it differs from a file name."""

PROBE_TIMEOUT = 3.0  # seconds; a loopback server that says nothing to a TLS greeting speaks no TLS
LARGEST_AUTHORITIES = 64 * 1024 * 1024  # bytes of a file of certificates
RECORD = 16 * 1024  # bytes of a TLS record at most (RFC 8446, section 5.1)


def tls_context(ca_file: str) -> ssl.SSLContext:
    """Return a context that trusts the system's authorities, and those of `ca_file`: a path, or PEM text.

    Raise `InputError`.
    """
    _check_authorities()
    context = ssl.create_default_context(capath=_hashed_authorities())
    context.set_alpn_protocols(["http/1.1"])
    # Python 3.13 refuses authorities without `keyUsage`, which `openssl req -x509` makes; curl accepts them, from
    # whichever file: `ca_file`, SSL_CERT_FILE, or one of the system's.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if ca_file:
        text = PEM in ca_file
        try:
            if not text:
                read_regular(Path(ca_file), LARGEST_AUTHORITIES)  # OpenSSL would wait for a FIFO
            context.load_verify_locations(None if text else ca_file, cadata=ca_file if text else None)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise InputError(
                f"`ca-file` {'is PEM text that' if text else ca_file} holds no certificate that can be read",
                "Give a file with certificates in PEM form (-----BEGIN CERTIFICATE-----).",
            ) from error
    return context


def speaks_tls(host: str, port: int, unheard: bool, timeout: float) -> bool:
    """Begin a TLS handshake and return whether the server answers it; `unheard` where no server listens."""
    try:
        with open_socket((host, port), timeout) as connection:
            connection.settimeout(min(PROBE_TIMEOUT, timeout))
            return _answers_tls(connection, host)
    except OSError:
        return unheard


def _check_authorities() -> None:
    """Raise `InputError` where SSL_CERT_FILE names a FIFO or a device, which OpenSSL would wait for."""
    name = os.environ.get("SSL_CERT_FILE", "")
    path = Path(name)
    try:
        if name and path.exists() and not path.is_dir():
            read_regular(path, LARGEST_AUTHORITIES)
    except PermissionError:
        pass  # OpenSSL ignores it
    except (OSError, ValueError) as error:
        raise InputError(
            f"SSL_CERT_FILE: {path} cannot be read: {getattr(error, 'strerror', None) or error}",
            "Name a file with certificates in PEM form, or unset it.",
        ) from error


def _hashed_authorities() -> str | None:
    """Return the system's folder of authorities if its files are named by hashes, else None.

    OpenSSL reads only the needed files of such a folder. Reading the file with all authorities takes 20 ms.
    """
    folder = ssl.get_default_verify_paths().capath
    if not folder or "SSL_CERT_FILE" in os.environ or not any(Path(folder).glob("[0-9a-f]" * 8 + ".0")):
        return None
    return folder


def _answers_tls(connection: socket.socket, host: str) -> bool:
    """Say whether the server uses TLS: it presents a certificate, which need not be trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # without authorities, as reading them takes 20 ms
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()  # Python's `wrap_socket` leaks the socket of a reset connection
    name: Any = host.encode()
    greeting = context.wrap_bio(received, sent, server_hostname=name)
    try:
        while True:
            try:
                greeting.do_handshake()
                return True
            except ssl.SSLWantReadError:
                connection.sendall(sent.read())
                if answer := connection.recv(RECORD):
                    received.write(answer)
                else:
                    received.write_eof()
    except ssl.SSLError as error:
        return isinstance(error, ssl.SSLCertVerificationError) or "ALERT" in (error.reason or "")
    except OSError:
        return False
