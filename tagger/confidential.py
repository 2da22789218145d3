"""Hides secrets in texts, also encoded or cut off, and logins in URLs."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus

from tagger.names import SOURCE_KINDS

__all__ = ["HIDDEN", "forms", "hide", "hide_logins", "logins_in"]

HIDDEN = "***"
_LEAST = 4
"""The fewest characters of a secret's beginning that are hidden at the end of a text."""

_PLACES = ("file", "env", *(kind for kind, form in SOURCE_KINDS.items() if "://" not in form))
"""The words before a colon that are no user's name: they say where something is."""

_BEFORE_HOST = re.compile(r"(?<![^\s@])(?P<before>[^\s@]++)@(?!sha[0-9]+:)(?=(?P<host>\S?))")
"""All that stands before an `@` that no digest follows. It begins in one place only, which takes linear time."""

_SCHEME = r"\b[a-z][a-z0-9+.-]{0,30}://(?=.)"
_USER = rf"(?<![^/:'\"=])(?!(?:{'|'.join(_PLACES)}):)[^/:'\"=]++:"
"""A name and a colon before a password (RFC 3986, section 3.2.1)."""


_JSON_OF_GO = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_HTML = (_MARKUP, *({**_MARKUP, '"': double, "'": single} for double, single in (
    ("&quot;", "'"), ("&quot;", "&#x27;"), ("&quot;", "&#39;"), ("&#34;", "&#39;")
)))  # fmt: skip
"""How characters are escaped: by Go in JSON, and in HTML by Python, Go, Ruby and others."""


@lru_cache(1024)
def forms(secret: str) -> frozenset[str]:
    """Return a secret as it may stand in a text: as it is, in a URL, in JSON, in HTML, in hex, and within Base64."""
    data = secret.encode(errors="surrogateescape")
    found = {secret, quote(data, safe=""), quote(data), quote_plus(data)}
    found |= {quote(quote(data, safe=""), safe=""), re.sub("%..", lambda part: part[0].lower(), quote(data, safe=""))}
    for text in (json.dumps(secret), json.dumps(secret, ensure_ascii=False)):
        found |= {text[1:-1], _replace(text[1:-1], _JSON_OF_GO), json.dumps(text)[3:-3]}
    found |= {_replace(secret, escapes) for escapes in _HTML} | {data.hex(), data.hex().upper()}
    for offset in range(3):
        first, last = -(-offset * 8 // 6), (offset + len(data)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            part = encode(bytes(offset) + data).decode()[first:last]
            found |= {part} if len(part) >= 2 * _LEAST else set()
    return frozenset(filter(None, found))


def _replace(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return a text with `***` in place of secrets; call this before the text is shortened.

    The beginning of a secret at the end of the text is hidden too: the text may have been cut there.
    """
    known = sorted({form for secret in secrets if secret for form in forms(secret)}, key=len, reverse=True)
    for form in known:
        text = text.replace(form, HIDDEN)
    for form in known:
        if length := _beginning_length(form, text):
            return text[:-length] + HIDDEN
    return text


def _beginning_length(form: str, text: str) -> int:
    """Return how many characters of the beginning of `form`, but not all, end a text; 0 for fewer than `_LEAST`.

    It takes linear time (Knuth, Morris, Pratt, 1977): a registry chooses its tokens and its messages.
    """
    end = text[-(len(form) - 1) :] if len(form) > _LEAST else ""
    if form[:_LEAST] not in end:
        return 0
    borders, matched = [0], 0
    for character in form[1:]:
        while matched and form[matched] != character:
            matched = borders[matched - 1]
        matched += form[matched] == character
        borders.append(matched)
    matched = 0
    for character in end:
        while matched and form[matched] != character:
            matched = borders[matched - 1]
        matched += form[matched] == character
    return matched if matched >= _LEAST else 0


def hide_logins(text: str) -> str:
    """Return a text with `***` in place of each login before a host: `name:password@`, after a scheme also `name@`."""

    def hidden(match: re.Match[str]) -> str:
        login = _login(match)
        return f"{match['before'][: login[0]]}{HIDDEN}@" if login else match[0]

    return _BEFORE_HOST.sub(hidden, text)


def logins_in(text: str) -> frozenset[str]:
    """Return the passwords before hosts in a text; a name alone, as in a URL, may be a token and counts."""
    return frozenset(login[1] for match in _BEFORE_HOST.finditer(text) if (login := _login(match)) and login[1])


def _login(match: re.Match[str]) -> tuple[int, str] | None:
    """Return where a login begins in what stands before a host, and its password; None where there is no login."""
    before = match["before"]
    scheme = re.search(_SCHEME, before)
    user = re.search(_USER, before) if match["host"] else None
    if user and not (scheme and scheme.start() <= user.start()):
        return user.start(), before[user.end() :]
    if not scheme:
        return None
    name, _, password = before[scheme.end() :].partition(":")
    return scheme.end(), password or f"{name}{_}"
