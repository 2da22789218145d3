"""Reads attestations from GitHub's API: GitHub can keep them apart from the registry."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlsplit

from tagger.errors import StoreError
from tagger.images.documents import read_json
from tagger.images.registry.answers import Answer
from tagger.images.registry.failures import NO_API
from tagger.images.registry.snappy import decompress
from tagger.images.registry.web_api import WebApi, link_value

__all__ = ["GithubAttestations"]

MOST_PAGES = 10
PAGE = 100  # the most on a page (docs.github.com, "REST API endpoints for artifact attestations")
LARGEST = 32 * 1024 * 1024  # bytes of a bundle: it has a predicate of at most 16 MB, as Base64


class GithubAttestations:
    """The attestations of a repository or an owner, by the digest of their subject.

    docs.github.com, REST API: "List attestations", of repositories, organizations and users.
    """

    def __init__(self, api: WebApi) -> None:
        self._api = api

    def bundles(self, whose: str, digest: str) -> Iterator[bytes | StoreError]:
        """Yield the bundles for a digest, newest first; an error in place of one that cannot be read.

        `whose` is `OWNER/NAME`, or `OWNER` for all its repositories. Where GitHub answers 404, there is none. Raise
        `StoreError`.
        """
        roots = ("repos",) if "/" in whose else ("orgs", "users")
        what = f"listing the attestations of {whose}"
        for root in roots:
            path = f"/{root}/{quote(whose)}/attestations/{quote(digest)}?per_page={PAGE}"
            first = self._api.call("GET", path, what)
            if first.status != 404:
                yield from self._pages(first, path, what)
                return

    def _pages(self, answer: Answer, path: str, what: str) -> Iterator[bytes | StoreError]:
        for _ in range(MOST_PAGES):
            if answer.status != 200:
                raise self._api.refusal(what, answer)
            yield from self._read(answer, what)
            after = link_value(answer, "next", "after")
            if not after:
                return
            answer = self._api.call("GET", f"{path}&after={quote(after)}", what)

    def _read(self, answer: Answer, what: str) -> Iterator[bytes | StoreError]:
        try:
            document: Any = read_json(answer.body)
            listed = [dict(one) for one in document["attestations"]]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._api.error(f"{what}: the answer is not a list of attestations", NO_API) from error
        for one in listed:
            if isinstance(one.get("bundle"), dict):
                yield json.dumps(one["bundle"]).encode()
            else:
                yield self._fetch_bundle(one)

    def _fetch_bundle(self, entry: Mapping[str, Any]) -> bytes | StoreError:
        """Return a bundle that GitHub keeps compressed at another URL; the error where it cannot be read."""
        url = entry.get("bundle_url")
        if not isinstance(url, str) or not url:
            return self._api.error("the attestation has no bundle and no URL of one", "Attest the build again.")
        what = "reading a bundle"
        with suppress(ValueError):  # the request below reports a wrong URL
            what = f"reading the bundle at {urlsplit(url).hostname}"
        try:
            answer = self._api.elsewhere(url, what, LARGEST)
            if answer.status != 200:
                return self._api.refusal(what, answer)
            return decompress(answer.body, LARGEST)
        except StoreError as error:
            return error
        except ValueError as error:
            return self._api.error(f"{what}: it cannot be decompressed: {error}", "Attest the build again.")
