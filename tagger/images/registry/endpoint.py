"""The API of one repository: its paths, its scopes, its errors."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from tagger.errors import StoreError
from tagger.images.manifests import MANIFEST_TYPES
from tagger.images.registry.answers import Answer
from tagger.images.registry.auth import Access
from tagger.images.registry.client import SMALL, Registry, Request
from tagger.names import CANONICAL, Digest, Repository, check_digest

__all__ = ["ACCEPT", "WRONG_ADDRESS", "Endpoint", "access_to"]

ACCEPT = ", ".join(sorted(MANIFEST_TYPES))
OTHER_DIGEST = (
    "This registry may not support digests of {algorithm}. Build the image with digests of sha256, which every "
    "registry supports; `regctl image mod --digest-algo sha256` makes such a copy."
)
WRONG_ADDRESS = "Is this the address of a registry?"
"""The hint for an answer that is not one of a registry."""


class Endpoint:
    """The API of one repository (distribution-spec, "API"): requests with the scopes that they need.

    With `write`, the first request already asks for the right to push, so that one token serves a whole run.
    """

    def __init__(
        self, registry: Registry, repository: Repository, write: bool, mount_from: Iterable[Repository]
    ) -> None:
        self.registry = registry
        self.repository = repository
        self.place = str(repository)
        others = {one.name for one in mount_from if one.registry == repository.registry} - {repository.name}
        mounting = tuple(_scope(name, "pull") for name in sorted(others))
        name = repository.name
        self.writing = access_to(repository, write=True, more=mounting)
        self.access = self.writing if write else access_to(repository, write=False, more=mounting)
        self.deleting = Access(self.place, (_scope(name, "pull,push,delete"),), name)

    def path(self, rest: str) -> str:
        """Return a path below the repository's root: `tags/list`."""
        return f"/v2/{self.repository.name}/{rest}"

    def manifest_path(self, reference: str) -> str:
        """Return the path of a manifest, by its tag or its digest."""
        return self.path(f"manifests/{reference}")

    def blob_path(self, digest: str) -> str:
        """Return the path of a blob."""
        return self.path(f"blobs/{check_digest(digest)}")

    def mounting(self, name: str) -> Access:
        """Return the access for requests that read the repository `name` too."""
        scope = _scope(name, "pull")
        scopes = self.access.scopes
        return self.access if scope in scopes else Access(self.place, (*scopes, scope), self.repository.name)

    def call(
        self,
        method: str,
        target: str,
        what: str,
        *,
        access: Access | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        body: bytes | None = None,
        most: int = SMALL,
        retries: int | None = None,
        carried_out: Callable[[], bool] | None = None,
    ) -> Answer:
        """Return the answer to a request, as `Registry.call` does.

        Where the right to pull is not enough, the request is sent again with the right to push: Docker Hub needs that
        for a repository that does not exist yet (distribution #2376).
        """
        request = Request(method, target, access or self.access, what, headers, body, most=most, retries=retries)
        answer = self.registry.call(request, carried_out=carried_out)
        if answer.lacks_scope and access is None and request.access != self.writing:
            self.access = self.writing
            return self.registry.call(request._replace(access=self.writing), carried_out=carried_out)
        return answer

    def refusal(self, what: str, answer: Answer, absent: str = "") -> StoreError:
        """Return the error for an answer; `NotFound` where something that has the code `absent` does not exist."""
        return self.registry.refusal(self.access, what, answer, absent)

    def not_accepted(self, what: str, answer: Answer, digest: str) -> StoreError:
        """Return the error for content that was not accepted; a digest of another algorithm is the likely cause."""
        error = self.refusal(what, answer)
        if answer.status == 400 and Digest(digest).algorithm != CANONICAL:
            error.hint = OTHER_DIGEST.format(algorithm=Digest(digest).algorithm)
        return error

    def error(self, message: str, hint: str = "", *, code: str = "FAILED", status: int = 0) -> StoreError:
        """Return an error that names the repository."""
        return StoreError(message, hint, code=code, place=self.place, status=status)


def access_to(repository: Repository, *, write: bool, more: tuple[str, ...] = ()) -> Access:
    """Return the access to read or write a repository; `more` are scopes of other repositories."""
    own = _scope(repository.name, "pull,push" if write else "pull")
    return Access(str(repository), (own, *more), repository.name)


def _scope(name: str, actions: str) -> str:
    return f"repository:{name}:{actions}"
