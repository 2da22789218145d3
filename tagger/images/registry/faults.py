"""The reasons why a request got no answer, or only a part of one."""

from tagger.images.registry.tls import NO_TLS, NOT_TRUSTED

__all__ = ["Broken", "Fault", "Late", "LateToConnect", "NoHost", "NoTls", "ProxyFailed", "Unreachable", "Unusable"]


class Fault(Exception):
    """A connection that failed. `short` says it in few words, beside a retry.

    `sent`: the request may have arrived. `lasting`: another try fails the same way.
    """

    short = "the connection ended"
    sent = True
    lasting = False


class Broken(Fault):
    """The connection ended within the answer, or the data is no answer."""


class Late(Fault):
    """The answer did not come in time."""

    short = "no answer in time"


class Unreachable(Fault):
    """No connection to this address can be made."""

    short = "no connection"
    sent = False


class LateToConnect(Unreachable):
    """The connection was not made in time."""

    short = "no connection in time"


class NoHost(Unreachable):
    """A host name that has no address."""

    short = "no address of the host"


class ProxyFailed(Unreachable):
    """The proxy cannot be reached, or refuses the connection: then with the status that it answered."""

    short = "no connection by the proxy"

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class Unusable(Unreachable):
    """A request that cannot or must not be sent."""

    lasting = True


class NoTls(Unreachable):
    """A TLS connection cannot be made; the cause is the error of OpenSSL."""

    short = "no TLS connection"

    @property
    def is_trusted(self) -> bool:
        """False where it failed because the certificate is not trusted."""
        return NOT_TRUSTED not in str(self)

    @property
    def speaks_none(self) -> bool:
        """True where the server does not use TLS."""
        return any(sign in str(self) for sign in NO_TLS)

    @property
    def lasting(self) -> bool:  # type: ignore[override]
        """True where another try fails the same way."""
        return not self.is_trusted or self.speaks_none
