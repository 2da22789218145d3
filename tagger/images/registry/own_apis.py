"""Opens the registry's own API, where the distribution API cannot delete or does not tell enough."""

from collections.abc import Callable

from tagger.errors import InputError, StoreError
from tagger.images.registry import docker_hub, github_packages, harbor
from tagger.images.registry.client import Registry
from tagger.images.registry.dialects import dialect_of
from tagger.images.registry.guard import split_web_url
from tagger.images.registry.logins import Login
from tagger.images.registry.web_api import OwnApi, WebApi
from tagger.names import HUB_API, Repository

__all__ = ["immutable_tags", "open_api", "open_github"]

Web = Callable[..., Registry]
"""A function that opens a client for a host, given its name, a login or None, and the scheme (`bearer`, `basic`)."""


def open_api(
    repository: Repository,
    login: Login,
    holds: Callable[[str], bool],
    web: Web,
    github: str = "",
) -> OwnApi | None:
    """Return the API of a repository's registry; None where it has none.

    `web` opens a client for a host. `github` is the URL of GitHub's API, if it is not the usual one. Raise `InputError`
    where it is no URL.
    """
    place = str(repository)
    if dialect_of(repository.registry).api == "github":
        host, prefix = _github(github)
        token = Login(registry_token=login.password, origin=login.origin)
        api = WebApi(web(host, token), place, prefix=prefix, headers=github_packages.HEADERS, pace=github_packages.PACE)
        return github_packages.GithubPackages(repository, api, holds)
    if dialect_of(repository.registry).api == "hub":

        def open_hub(token: Login | None) -> WebApi:
            return WebApi(web(HUB_API, token), place, headers=docker_hub.HEADERS)

        return docker_hub.DockerHub(repository, login, open_hub)
    return None


def open_github(web: Web, token: str, url: str = "") -> WebApi:
    """Return a client of GitHub's API. `url` is its address, if it is not the usual one."""
    host, prefix = _github(url)
    login = Login(registry_token=token, origin="`github-token`")
    return WebApi(web(host, login), "GitHub", prefix=prefix, headers=github_packages.HEADERS)


def immutable_tags(repository: Repository, login: Login, web: Web) -> tuple[str, ...] | None:
    """Return regular expressions for the immutable tags at Docker Hub or in a Harbor; None where they are unknown."""
    dialect = dialect_of(repository.registry)
    if dialect.api == "hub":
        hub = open_api(repository, login, lambda _digest: True, web)
        try:
            return hub.immutable_rules() if isinstance(hub, docker_hub.DockerHub) else None
        except StoreError:
            return None
    if dialect.registry:
        return None
    api = WebApi(web(repository.registry, login, "basic"), str(repository), headers=harbor.HEADERS)
    return harbor.immutable_tags(repository, api)


def _github(url: str) -> tuple[str, str]:
    """Return host and path of GitHub's API. Raise `InputError`."""
    if not url:
        return github_packages.GITHUB, ""
    try:
        parts = split_web_url(url)
    except ValueError as error:
        raise InputError(
            f"GITHUB_API_URL is {url!r}: {error}", "Write a URL such as https://api.github.com."
        ) from error
    return parts.netloc, parts.path.rstrip("/")
