"""Why a request got no answer, or not all of it."""

from tagger.images.registry.tls import NO_TLS, NOT_TRUSTED

__all__ = ["Broken", "Fault", "Late", "LateToConnect", "NoHost", "NoTls", "ProxyFailed", "Unreachable", "Unusable"]


class Fault(Exception):
    """A connection that failed. `sent`: the request may have arrived. `lasting`: another try ends in the same."""

    sent = True
    lasting = False


class Broken(Fault):
    """The connection ended before the answer did, or what came is no answer."""


class Late(Fault):
    """The answer did not come in time."""


class Unreachable(Fault):
    """Nobody takes connections at this address."""

    sent = False


class LateToConnect(Unreachable):
    """The connection was not made in time."""


class NoHost(Unreachable):
    """A name that leads to no address."""


class ProxyFailed(Unreachable):
    """The proxy is not there, or does not let this through."""


class Unusable(Unreachable):
    """A request that cannot be sent, or that must not be."""

    lasting = True


class NoTls(Unreachable):
    """There is no connection over TLS; the cause is the error of OpenSSL."""

    @property
    def is_trusted(self) -> bool:
        """Say whether it failed for another reason than that the certificate is not trusted."""
        return NOT_TRUSTED not in str(self)

    @property
    def speaks_none(self) -> bool:
        """Say whether the other end speaks no TLS."""
        return any(sign in str(self) for sign in NO_TLS)

    @property
    def lasting(self) -> bool:  # type: ignore[override]
        """Another try ends in the same."""
        return not self.is_trusted or self.speaks_none
