"""The errors of the program, with their exit codes.

    TaggerError                  exit 1   the base: the command line shows its message and hint
    ├── InputError               exit 2   the settings or the workflow must change
    │   └── Unconfirmed          exit 2   the command needs `--yes`
    ├── Refused                  exit 1   a rule of the release forbids it: conflict, golden image, withdrawn version
    ├── StoreError               exit 1   a repository refused, or did not answer
    │   └── NotFound             exit 1   there is no such tag, manifest, blob or repository
    ├── EngineError              exit 1   the Docker Engine refused, or did not answer
    ├── IncompleteRelease        exit 1   some tags stand where they should and some do not
    └── Interrupted              exit 1   a signal ended the run

Errors hold data; only the command line prints them and exits.
"""

__all__ = [
    "AGAIN",
    "REMEDIES",
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

AGAIN = "Run the same command again: it continues from here."

REMEDIES = {
    "NAME_UNKNOWN": "Is the name of the repository spelled right? Some registries need it created before a push.",
    "MANIFEST_UNKNOWN": "Is it spelled right, and was it pushed? A deleted image must be pushed again.",
    "MANIFEST_INVALID": "It is not an image that Tagger can read. Build the image again, and push it.",
    "MANIFEST_AMBIGUOUS": "Programs read such a document in different ways. Build the image again, and push it.",
    "MANIFEST_BLOB_UNKNOWN": "A part of the image is missing there. Push the image again from where it was built.",
    "BLOB_UNKNOWN": "A part of the image is missing there. Push the image again from where it was built.",
    "DIGEST_INVALID": "The stored content is damaged, or was changed on its way. Push the image again.",
    "SIZE_INVALID": "The registry, or a proxy in front of it, accepts no request of this size: raise its limit.",
    "UNSUPPORTED": "The registry does not support this, or a proxy in front of it blocks it: ask who runs them.",
    "STOPPED": AGAIN,
}
"""What to do about an error of a repository, by its code, where nothing better is known."""


class TaggerError(Exception):
    """An error for people; `hint` says what to do about it.

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
    """The command needs `--yes`; nothing was written."""

    title = "Not confirmed"


class Refused(TaggerError):
    """A rule of the release forbids it; nothing was written."""

    title = "Refused"


class StoreError(TaggerError):
    """A repository refused, or did not answer.

    `place` is the side that failed, as a person wrote it (`ghcr.io/acme/app`, `oci:build/demo`), `status` the HTTP
    status or 0 where there was none. `code` is a code of the distribution specification, or one of Tagger's own, as
    `UNREACHABLE`.
    """

    def __init__(self, message: str, hint: str = "", *, code: str = "FAILED", place: str = "", status: int = 0) -> None:
        super().__init__(f"{place}: {message}" if place else message, hint or REMEDIES.get(code, ""), code=code)
        self.place = place
        self.status = status


class NotFound(StoreError):
    """There is no such tag, manifest, blob or repository."""


class EngineError(TaggerError):
    """The Docker Engine refused, or did not answer."""

    title = "Docker Engine failed"


class IncompleteRelease(TaggerError):
    """Some tags stand where they should and some do not; the same command run again finishes it."""

    title = "Incomplete"

    def __init__(self, message: str, hint: str = "", *, code: str = "INCOMPLETE") -> None:
        super().__init__(message, hint, code=code)


class Interrupted(TaggerError):
    """A signal ended the run; the same command run again continues from there."""

    title = "Interrupted"

    def __init__(self, message: str, hint: str = AGAIN) -> None:
        super().__init__(message, hint, code="INTERRUPTED")
