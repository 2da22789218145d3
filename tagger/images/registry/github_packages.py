"""GitHub's Packages API, which lists and deletes the manifests of ghcr.io."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from tagger.errors import NotFound, StoreError
from tagger.images.moments import moment
from tagger.images.registry.answers import Answer
from tagger.images.registry.failures import NO_API
from tagger.images.registry.web_api import MOST_PAGES, WebApi, page_count
from tagger.images.stores import Catalogued
from tagger.names import DIGEST, TAG, Repository

__all__ = ["GITHUB", "GithubPackages"]

GITHUB = "api.github.com"
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
PACE = 60 / 180
"""Seconds between deletions: each costs 5 of 900 points a minute (docs.github.com, "Rate limits for the REST API")."""

SETTLING = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds to wait before a listing that lacks a new manifest is read again."""

RIGHTS = (
    "GITHUB_TOKEN needs `permissions: packages: write`, and the repository the role Admin in the package's settings, "
    '"Manage Actions access". The token of a person has to be a classic one with read:packages and delete:packages. '
    "Where rights are missing, GitHub answers as if the package did not exist."
)
REFUSALS = (
    (
        "last",
        "A package must keep one tagged version. Keep a tag; or delete the whole package, with its settings, with "
        "`delete --all --yes`.",
    ),
    (
        "5000 downloads",
        "Make the package private while it is deleted, in the package's settings, or ask GitHub's support.",
    ),
)
"""Words in an answer 400, with the hint for them."""


class _Version(NamedTuple):
    id: int
    digest: str
    tags: tuple[str, ...]
    pushed: float | None


class GithubPackages:
    """The versions of one package (docs.github.com, REST API, "Packages").

    A package version is a manifest with all its tags. ghcr.io itself answers 405 to every deletion. `holds` asks the
    registry whether it has a manifest.
    """

    deletes_manifests = True

    def __init__(self, repository: Repository, api: WebApi, holds: Callable[[str], bool]) -> None:
        self.repository = repository
        self.settling: Sequence[float] = SETTLING
        self._api, self._holds = api, holds
        self._active: dict[str, _Version] | None = None
        self._deleted: dict[str, _Version] | None = None

    def deletes(self) -> Literal["manifests", "refused"]:
        """Find out whether the login may list the versions. No request tells whether it may delete them."""
        try:
            self._api.get(f"{self._base}/versions?per_page=1", "looking at the package", self._refusal)
        except StoreError as error:
            if error.status in (401, 403, 404):
                return "refused"
            raise
        return "manifests"

    def catalogue(self) -> Mapping[str, Catalogued]:
        """List every manifest with its tags and the time when it was last pushed or tagged. Raise `StoreError`."""
        self._active = self._list("active")
        return {digest: Catalogued(one.tags, one.pushed) for digest, one in self._active.items()}

    def untag(self, tag: str) -> None:
        """Raise `StoreError`: GitHub deletes a tag only with its version. The caller moves the tag to another."""
        raise self._api.error(
            f"deleting the tag {tag}: GitHub deletes versions with all their tags", code="UNSUPPORTED"
        )

    def delete(self, digest: str) -> None:
        """Delete a version, a manifest with every tag at it. Raise `NotFound`, `StoreError`."""
        version = self._version(digest)
        what = f"deleting {digest}"
        answer = self._api.call("DELETE", f"{self._base}/versions/{version.id}", what)
        if answer.status == 404:
            if self._holds(digest):
                raise self._refusal(what, answer)
        elif answer.status != 204:
            raise self._refusal(what, answer)
        (self._active or {}).pop(digest, None)
        if answer.status == 404 and not answer.repeated:
            raise self._absence(digest)

    def empty(self) -> bool:
        """Delete the whole package, as its last tagged version cannot be deleted. GitHub keeps it for 30 days.

        docs.github.com, REST API: "Delete a package for an organization". Raise `StoreError`.
        """
        what = "deleting the package"
        answer = self._api.call("DELETE", self._base, what)
        if answer.status != 204 and not (answer.status == 404 and answer.repeated):
            raise self._refusal(what, answer)
        self._active = None
        return True

    def restore(self, digest: str) -> bool:
        """Undo a deletion within 30 days; return False where GitHub does not know of it. Raise `StoreError`."""
        if self._deleted is None:
            self._deleted = self._list("deleted")
        version = self._deleted.get(digest)
        if version is None:
            return False
        what = f"restoring {digest}"
        answer = self._api.call("POST", f"{self._base}/versions/{version.id}/restore", what)
        if answer.status == 404:
            return False
        if answer.status != 204:
            raise self._refusal(what, answer)
        return True

    @cached_property
    def _base(self) -> str:
        """The path of the package: below its organisation, or its user."""
        owner, _, name = self.repository.name.partition("/")
        what = f"asking GitHub who {owner} is"
        found, _ = self._api.get(f"/users/{quote(owner, safe='')}", what, self._refusal)
        kind = found.get("type") if isinstance(found, dict) else None
        root = "orgs" if kind == "Organization" else "users"
        return f"/{root}/{quote(owner, safe='')}/packages/container/{quote(name, safe='')}"

    def _version(self, digest: str) -> _Version:
        """Return the version with a digest, also where the listing does not have it yet. Raise `NotFound`."""
        for pause in (None, *self.settling):
            if pause is not None:
                self._api.registry.pause(pause)
            if self._active is None or pause is not None or digest not in self._active:
                self._active = self._list("active")
            if found := self._active.get(digest):
                return found
            if not self._holds(digest):
                raise self._absence(digest)
        raise self._api.error(
            f"GitHub does not list {digest}, which the registry has",
            "The listing is not up to date yet: run again later.",
        )

    def _list(self, state: str) -> dict[str, _Version]:
        """List versions, page by page side by side. Raise `StoreError`."""
        what = f"listing the {state} versions of the package"

        def page(number: int) -> tuple[Any, Answer]:
            path = f"{self._base}/versions?per_page=100&page={number}&state={state}"
            return self._api.get(path, what, self._refusal)

        first, answer = page(1)
        last = min(page_count(answer), MOST_PAGES)
        pages = [first, *(found for found, _ in self._api.registry.side_by_side(page, list(range(2, last + 1))))]
        try:
            return {one.digest: one for found in pages for one in map(_version, found) if DIGEST.fullmatch(one.digest)}
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise self._api.error(f"{what}: the answer is no list of versions", NO_API) from error

    def _absence(self, digest: str) -> NotFound:
        return NotFound(f"there is no manifest {digest}", code="MANIFEST_UNKNOWN", place=str(self.repository))

    def _refusal(self, what: str, answer: Answer) -> StoreError:
        taken = "" if answer.status != 401 else "GitHub did not accept the token: is it complete, and not expired? "
        hint = f"{taken}{RIGHTS}" if answer.status in (401, 403, 404) else ""
        for words, remedy in REFUSALS if answer.status == 400 else ():
            if words in answer.text:
                hint = remedy
                break
        return self._api.refusal(what, answer, hint)


def _version(found: Mapping[str, Any]) -> _Version:
    tags = ((found.get("metadata") or {}).get("container") or {}).get("tags") or ()
    moments = [one for key in ("created_at", "updated_at") if (one := moment(found.get(key))) is not None]
    names = tuple(tag for tag in tags if isinstance(tag, str) and TAG.fullmatch(tag))
    return _Version(int(found["id"]), str(found["name"]), names, max(moments, default=None))
