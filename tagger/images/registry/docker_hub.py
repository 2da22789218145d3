"""Docker Hub's own API, which deletes tags and lists them with the times of their pushes."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Literal
from urllib.parse import quote

from tagger.errors import NotFound, StoreError
from tagger.images.documents import read_json
from tagger.images.moments import moment
from tagger.images.registry.answers import Answer, is_immutable
from tagger.images.registry.failures import NO_API
from tagger.images.registry.logins import Login
from tagger.images.registry.web_api import MOST_PAGES, WebApi
from tagger.images.stores import Catalogued
from tagger.names import DIGEST, TAG, Repository

__all__ = ["DockerHub"]

HEADERS = {"Accept": "application/json"}

RIGHTS = (
    "Deleting at Docker Hub needs a user name with its password or with an access token of the scope Read, Write, "
    "Delete, in `username` and `password` or in `logins`. A token from a login by OIDC is only for the registry."
)


class DockerHub:
    """The tags of one repository (docs.docker.com, "Docker Hub API").

    `open_api` opens the API with a token, or without one to get a token. Manifests without tags are deleted through the
    registry.
    """

    deletes_manifests = False

    def __init__(self, repository: Repository, login: Login, open_api: Callable[[Login | None], WebApi]) -> None:
        self.repository = repository
        self._login, self._open = login, open_api
        namespace, _, name = repository.name.partition("/")
        self._names = quote(namespace, safe=""), quote(name, safe="")

    def deletes(self) -> Literal["tags", "refused"]:
        """Find out whether the login is accepted. No request tells whether it may delete."""
        try:
            namespace, name = self._names
            what = "looking at the repository"
            self._api.get(f"/v2/namespaces/{namespace}/repositories/{name}", what, self._refusal)
        except StoreError as error:
            if error.status in (401, 403, 404) or error.code == "UNAUTHORIZED":
                return "refused"
            raise
        return "tags"

    def catalogue(self) -> Mapping[str, Catalogued]:
        """List the images that have tags, with their tags and the time of the last push. Raise `StoreError`."""
        what = "listing the tags at hub.docker.com"
        namespace, name = self._names
        path = f"/v2/namespaces/{namespace}/repositories/{name}/tags?page_size=100&page="
        tags: dict[str, list[str]] = {}
        pushed: dict[str, float] = {}
        for number in range(1, MOST_PAGES + 1):
            found, _ = self._api.get(f"{path}{number}", what, self._refusal)
            try:
                for one in found["results"]:
                    digest, tag = str(one.get("digest") or ""), str(one["name"])
                    if not (DIGEST.fullmatch(digest) and TAG.fullmatch(tag)):
                        continue
                    tags.setdefault(digest, []).append(tag)
                    if (last := moment(one.get("tag_last_pushed"))) is not None:
                        pushed[digest] = max(last, pushed.get(digest, last))
                following = found.get("next")
            except (KeyError, TypeError, AttributeError) as error:
                raise self._api.error(f"{what}: the answer is no list of tags", NO_API) from error
            if not following:
                break
        return {digest: Catalogued(tuple(names), pushed.get(digest)) for digest, names in tags.items()}

    def untag(self, tag: str) -> None:
        """Remove one tag and nothing else. Raise `NotFound`, `StoreError`."""
        what = f"deleting the tag {tag} at hub.docker.com"
        namespace, name = self._names
        answer = self._api.call("DELETE", f"/v2/repositories/{namespace}/{name}/tags/{quote(tag, safe='')}/", what)
        if answer.status == 404:
            if not answer.repeated:
                raise NotFound(f"there is no tag {tag}", code="MANIFEST_UNKNOWN", place=str(self.repository))
        elif is_immutable(answer):
            hint = "Exclude the tag from the rule of immutable tags in the repository's settings first."
            raise self._api.error(f"{what}: {answer.text}", hint, "TAG_IMMUTABLE", answer.status)
        elif answer.status not in (200, 202, 204):
            raise self._refusal(what, answer)

    def delete(self, digest: str) -> None:
        """Raise `StoreError`: this API deletes no manifests, the registry does."""
        raise self._api.error(f"deleting {digest}: hub.docker.com deletes only tags", code="UNSUPPORTED")

    def empty(self) -> bool:
        """Return False: to delete everything at once would delete the repository, with its description and rights."""
        return False

    def restore(self, digest: str) -> bool:  # noqa: ARG002
        """Return False: this API cannot bring back what was deleted."""
        return False

    def immutable_rules(self) -> tuple[str, ...] | None:
        """Return the expressions for immutable tags; None where that is unknown. Raise `StoreError`."""
        namespace, name = self._names
        what = "reading the rule of immutable tags at hub.docker.com"
        found, _ = self._api.get(f"/v2/namespaces/{namespace}/repositories/{name}", what, self._refusal)
        settings = found.get("immutable_tags_settings") if isinstance(found, dict) else None
        if not isinstance(settings, dict):
            return None
        rules = settings.get("rules")
        if not settings.get("enabled"):
            return ()
        return tuple(map(str, rules)) if isinstance(rules, list) and rules else (".*",)

    @cached_property
    def _api(self) -> WebApi:
        """The API with a token for the login. Raise `StoreError`."""
        what = "logging in at hub.docker.com"
        stranger = self._open(None)
        if not self._login.password:
            raise stranger.error(f"{what}: there is no login", RIGHTS, "UNAUTHORIZED")
        body = {"identifier": self._login.username, "secret": self._login.password}
        answer = stranger.call("POST", "/v2/auth/token", what, body)
        if answer.status != 200:
            raise stranger.refusal(what, answer, RIGHTS)
        try:
            token = str(read_json(answer.body)["access_token"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise stranger.error(f"{what}: the answer has no token", RIGHTS, "UNAUTHORIZED") from error
        return self._open(Login(registry_token=token, origin=self._login.origin))

    def _refusal(self, what: str, answer: Answer) -> StoreError:
        return self._api.refusal(what, answer, RIGHTS if answer.status in (401, 403, 404) else "")
