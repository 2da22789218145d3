"""Lists the tags of a repository, page by page."""

import json
import re
from collections.abc import Collection, Set
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tagger.images.registry.answers import Answer
from tagger.images.registry.dialects import PAGE_SIZES
from tagger.images.registry.endpoint import WRONG_ADDRESS, Endpoint
from tagger.images.registry.statuses import status_of
from tagger.names import TAG

__all__ = ["list_tags", "next_query"]

LARGEST_PAGE = 16 * 1024 * 1024  # 100,000 tags are 2 MiB
LARGEST_LISTING = 128 * 1024 * 1024  # of all pages
MOST_VALUES = 1_500_000  # in one page; each takes about 70 bytes of memory
MOST_PAGES = 10_000
MOST_TAGS = 250_000
MOST_WALKS = 5
WHAT = "listing the tags"
_ENDLESS = "No known registry has as many. Check the address, and any proxy between here and there."

LONGEST_LINK = 16 * 1024
_TAGS = re.compile(rf"{TAG.pattern}(?:\n{TAG.pattern})*+")


class _PageLost(Exception):
    """The tag that a page begins after was deleted: the listing has to begin again."""


def list_tags(endpoint: Endpoint) -> Set[str] | None:
    """List every tag; None where the repository does not exist yet. Raise `StoreError`.

    They keep their order, in which they lie in memory: a set of 100,000 takes twice as long to go through.
    """
    for _ in range(MOST_WALKS):
        with suppress(_PageLost):
            return _walk(endpoint)
    raise endpoint.error("the listing kept changing while it was read", "Run again when no tags are deleted.")


def next_query(answer: Answer) -> str | None:
    """Return the query of the next page, as `?last=…`, or None at the end (RFC 8288)."""
    for header in answer.headers.getlist("Link"):
        for link in header[:LONGEST_LINK].split("<")[1:]:
            url, _, parameters = link.partition(">")
            if any(_is_next(parameter) for parameter in parameters.split(";")):
                query = url.partition("#")[0].partition("?")[2]
                return f"?{query}" if query else ""
    return None


def _is_next(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip().lower() == "rel" and "next" in value.strip(' ",').lower().split()


def _walk(endpoint: Endpoint) -> Set[str] | None:
    """List every tag, page by page; None where the repository does not exist. Raise `_PageLost`, `StoreError`.

    Without `n` most registries answer with all tags. Only the query of a `Link` counts: a registry behind a proxy may
    name another host or path.
    """
    query = ""
    found: list[str] = []
    seen = {query}
    sizes = iter(PAGE_SIZES)
    received = 0
    while len(seen) < MOST_PAGES:
        answer = endpoint.call("GET", endpoint.path(f"tags/list{query}"), WHAT, most=LARGEST_PAGE)
        if status_of(answer.status).absent and found:
            raise _PageLost
        if status_of(answer.status).absent and (answer.errors or not answer.body.strip()):
            return None
        if answer.status in (400, 405) and (size := next(sizes, None)):
            query = _with_page_size(query, size)
            continue
        if answer.status != 200:
            raise endpoint.refusal(WHAT, answer)
        found += _tags_in(endpoint, answer)
        received += len(answer.body)
        if received > LARGEST_LISTING:
            raise endpoint.error(f"{WHAT}: the pages have more than {LARGEST_LISTING} bytes", _ENDLESS)
        if len(found) > MOST_TAGS:
            raise endpoint.error(f"{WHAT}: there are more than {MOST_TAGS} tags", _ENDLESS)
        following = next_query(answer)
        if following is None:
            return dict.fromkeys(found).keys()
        if following in seen:
            raise endpoint.error(f"{WHAT}: the pages lead in a circle", _ENDLESS)
        seen.add(following)
        query = following
    raise endpoint.error(f"{WHAT}: there are more than {MOST_PAGES} pages", _ENDLESS)


def _tags_in(endpoint: Endpoint, answer: Answer) -> Collection[str]:
    try:
        # Google's listings have an object for each manifest besides the tags.
        if sum(map(answer.body.count, (b",", b"[", b"{"))) > MOST_VALUES:
            raise endpoint.error(
                f"{WHAT}: the answer holds more than {MOST_VALUES} values", _ENDLESS, code="SIZE_INVALID"
            )
        return _valid(json.loads(answer.body)["tags"] or ())
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise endpoint.error(f"{WHAT}: the answer is no list of tags", WRONG_ADDRESS) from error


def _valid(listed: Collection[Any]) -> Collection[str]:
    """Return those that are tags. Where all are, as usual, one match says so, in a fifth of the time."""
    with suppress(TypeError):  # one is no text
        text = "\n".join(listed)
        if _TAGS.fullmatch(text) and text.count("\n") == len(listed) - 1:
            return listed
    return [tag for tag in listed if isinstance(tag, str) and TAG.fullmatch(tag)]


def _with_page_size(query: str, size: int) -> str:
    pairs = [(name, value) for name, value in parse_qsl(query.removeprefix("?")) if name != "n"]
    return "?" + urlencode([*pairs, ("n", str(size))])
