"""Secrets in texts: raw, encoded, cut off; and logins before a host."""

import base64
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.confidential import HIDDEN, hide, hide_logins, logins_in

SECRETS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="*"), min_size=8, max_size=40)


@given(SECRETS, st.binary(max_size=9), st.binary(max_size=9))
def test_no_encoding_of_a_secret_stays(secret: str, before: bytes, after: bytes) -> None:
    data = before + secret.encode() + after
    written = {
        secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret), json.dumps(secret, ensure_ascii=False),
        base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode(),
    }  # fmt: skip
    for text in written:
        assert "***" in hide(f"the token {text} was refused", [secret])
    assert secret not in hide(f"{secret}{secret} {secret}", [secret])


@given(SECRETS, st.integers(4, 7))
def test_the_beginning_of_a_secret_at_a_cut(secret: str, length: int) -> None:
    assert hide(f"it was {secret[:length]}", [secret]).endswith("***")


@pytest.mark.parametrize(
    "written",
    [
        "p&amp;ss&lt;w&#34;o&#39;rd", "p&amp;ss&lt;w&quot;o&#x27;rd", "p&amp;ss&lt;w&quot;o&#39;rd",
        'p&amp;ss&lt;w"o\'rd',
        "p\\u0026ss\\u003cw\\\"o'rd", "p%26ss%3cw%22o%27rd", "p%2526ss%253Cw%2522o%2527rd", "70",
    ],
)  # fmt: skip
def test_escapes_of_html_of_go_and_of_others(written: str) -> None:
    secret = "p&ss<w\"o'rd"
    text = hide(f"it says {secret.encode().hex() if written.startswith('70') else written}, no", {secret})
    assert text == f"it says {HIDDEN}, no"


def test_what_is_no_secret_stays() -> None:
    assert hide("the tag latest was not found", ["hunter2hunter2", ""]) == "the tag latest was not found"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:hunter2@ghcr.io/a/b", "https://***@ghcr.io/a/b"),
        ("me:hunter2@ghcr.io/a/b", "***@ghcr.io/a/b"),
        ("docker://me:hunter2@ghcr.io/a/b:1", "docker://***@ghcr.io/a/b:1"),
        ("ghcr.io=me:hunter2@x:1", "ghcr.io=***@x:1"),
        ("http://me:hunter2/@127.0.0.1:1", "http://***@127.0.0.1:1"),
        ("http://me:hunter[2@127.0.0.1:1", "http://***@127.0.0.1:1"),
        ("https://hunter2@ghcr.io", "https://***@ghcr.io"),
        ("docker-daemon:me:hunter2@ghcr.io/x", "docker-daemon:***@ghcr.io/x"),
        ("'me:hunter2@ghcr.io/x' is not", "'***@ghcr.io/x' is not"),
    ],
)
def test_a_login_in_an_address(text: str, shown: str) -> None:
    assert hide_logins(text) == shown
    assert all("hunter" in password for password in logins_in(text))
    assert len(logins_in(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "ghcr.io/acme/app@sha256:8b76", "docker://localhost:5000/app@sha256:8b76", "localhost:5000/app:1@sha256:8b76",
        "oci:folder@here:1", "a: b@c", "https://ghcr.io/acme/app", "octocat@example.org", "user@host:path",
    ],
)  # fmt: skip
def test_what_is_no_login(text: str) -> None:
    assert hide_logins(text) == text
    assert not logins_in(text)


@pytest.mark.parametrize("piece", ["a:", "http://", "a,", "x@", "a", "oci:", "'a:", "a:b@"])
def test_a_long_text_takes_no_time(piece: str) -> None:
    """A registry and a file may hold megabytes of it."""
    began = time.process_time()
    hide_logins(piece * 40_000)
    logins_in(f"{piece * 40_000}@host")
    assert time.process_time() - began < 2


@pytest.mark.parametrize(("secret", "text"), [("a" * 65_000, "a" * 64_000 + "b"), ("ab" * 30_000 + "c", "ab" * 30_000)])
def test_a_long_secret_takes_no_time(secret: str, text: str) -> None:
    began = time.process_time()
    assert hide(text, [secret]) in (text, HIDDEN)
    assert time.process_time() - began < 2


@given(st.text("ab", min_size=5, max_size=9), st.text("ab", max_size=30))
def test_the_longest_beginning_at_a_cut(secret: str, text: str) -> None:
    bare = text.replace(secret, HIDDEN)
    lengths = [length for length in range(4, len(secret)) if bare.endswith(secret[:length])]
    assert hide(text, [secret]) == (bare[: -max(lengths)] + HIDDEN if lengths else bare)
