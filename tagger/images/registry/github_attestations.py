"""GitHub's API of attestations: what builds sign that is kept at GitHub, and not in a registry."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from tagger.images.registry.answers import Answer
from tagger.images.registry.web_api import WebApi

__all__ = ["GithubAttestations"]

MOST_PAGES = 10
PAGE = 100  # docs.github.com, "REST API endpoints for artifact attestations": the most on a page


class GithubAttestations:
    """The attestations of repositories, by the digest that they are about (docs.github.com, "List attestations")."""

    def __init__(self, api: WebApi) -> None:
        self._api = api

    def bundles(self, repository: str, digest: str) -> Iterator[bytes | None]:
        """Yield the bundles about a digest, newest first; None for one that is kept elsewhere. Raise `StoreError`.

        `repository` is `OWNER/NAME`. None are known of a repository that is not there, or not to be seen.
        """
        path = f"/repos/{quote(repository)}/attestations/{quote(digest)}?per_page={PAGE}"
        what = f"listing the attestations of {repository}"
        after = ""
        for _ in range(MOST_PAGES):
            answer = self._api.call("GET", path + (f"&after={quote(after)}" if after else ""), what)
            if answer.status == 404:
                return
            if answer.status != 200:
                raise self._api.refused(what, answer)
            yield from self._read(answer, what)
            after = _next(answer)
            if not after:
                return

    def _read(self, answer: Answer, what: str) -> Iterator[bytes | None]:
        try:
            document: Any = json.loads(answer.body)
            listed = list(document["attestations"])
            found = [one["bundle"] for one in listed]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._api.error(f"{what}: the answer is no list of attestations") from error
        for bundle in found:
            yield json.dumps(bundle).encode() if isinstance(bundle, dict) else None


def _next(answer: Answer) -> str:
    """Return where the next page begins (RFC 8288); empty where there is none."""
    for link in str(answer.headers.get("Link") or "").split(","):
        url, _, rest = link.strip().partition(">")
        if 'rel="next"' in rest:
            return parse_qs(urlsplit(url.lstrip("<")).query).get("after", [""])[0]
    return ""
