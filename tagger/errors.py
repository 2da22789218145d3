"""What can go wrong, named after who can fix it.

    TaggerError                  exit 1   the base: nothing else is caught at the top
    ├── InputError               exit 2   the settings or the workflow must change
    │   └── Unconfirmed          exit 2   what is asked for wants a `--yes`
    ├── Refused                  exit 1   a law of the release forbids it: conflict, golden image, withdrawn version
    ├── StoreError               exit 1   a repository refused, or did not answer
    │   └── NotFound             exit 1   what was asked for is not there
    ├── EngineError              exit 1   the Docker Engine refused, or did not answer
    ├── IncompleteRelease        exit 1   some tags stand where they should and some do not
    └── Interrupted              exit 1   a signal ended the run

Errors hold data; only the command line prints them and exits.
"""

__all__ = [
    "EngineError",
    "IncompleteRelease",
    "InputError",
    "Interrupted",
    "NotFound",
    "Refused",
    "StoreError",
    "TaggerError",
    "Unconfirmed",
]


class TaggerError(Exception):
    """Something a person has to know; `hint` says what to do about it.

    `code` is one upper-case word for programs: a code of the distribution specification where there is one.
    """

    title = "Failed"
    exit_code = 1

    def __init__(self, message: str, hint: str = "", *, code: str = "FAILED") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


class InputError(TaggerError):
    """The settings or the workflow must change; nothing was written."""

    title = "Invalid input"
    exit_code = 2

    def __init__(self, message: str, hint: str = "", *, code: str = "INVALID_INPUT") -> None:
        super().__init__(message, hint, code=code)


class Unconfirmed(InputError):
    """What is asked for wants a `--yes`; nothing was written."""

    title = "Not confirmed"


class Refused(TaggerError):
    """A law of the release forbids it; nothing was written."""

    title = "Refused"


class StoreError(TaggerError):
    """A repository refused, or did not answer.

    `place` is the side that failed, as a person wrote it (`ghcr.io/acme/app`, `oci:build/demo`), `status` the HTTP
    status or 0 where there was none, and `code` the error code of the distribution specification, or
    `UNREACHABLE`.
    """

    def __init__(self, message: str, hint: str = "", *, code: str = "FAILED", place: str = "", status: int = 0) -> None:
        super().__init__(f"{place}: {message}" if place else message, hint, code=code)
        self.place = place
        self.status = status


class NotFound(StoreError):
    """What was asked for is not there: a tag, a manifest, a blob, a repository."""


class EngineError(TaggerError):
    """The Docker Engine refused, or did not answer."""

    title = "Docker Engine failed"


class IncompleteRelease(TaggerError):
    """Some tags stand where they should and some do not; the same command run again finishes it."""

    title = "Incomplete"

    def __init__(self, message: str, hint: str = "", *, code: str = "INCOMPLETE") -> None:
        super().__init__(message, hint, code=code)


class Interrupted(TaggerError):
    """A signal ended the run; the same command run again goes on from there."""

    title = "Interrupted"

    def __init__(self, message: str, hint: str = "Run the same command again: it goes on from here.") -> None:
        super().__init__(message, hint, code="INTERRUPTED")
