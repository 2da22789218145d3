"""Text of others on its way out: to a terminal, the runner, Markdown, a page; and secrets in it."""

import io
import json
import re
import tempfile
from pathlib import Path

from tagger.confidential import hide, hide_logins, logins_in
from tagger.errors import Refused
from tagger.images.registry.answers import one_line
from tagger.reporting.github import Runner
from tagger.reporting.markdown import cell, code, cut_to_limit, error_quote
from tagger.reporting.page import page
from tagger.reporting.terminal import Outlet, plain
from tagger.reporting.text import error_text
from tagger.results.tree import ListedVersion, Tree
from tests.fuzz.parser import Parser, halves, text

__all__ = ["PARSERS"]

SECRET = "hunter2-very/secret"
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")
LIVE = re.compile(r"(?<!\\)[\\`*_{}\[\]<>()+!|~@$]|^\s*#|##\[|://")
HOSTILE = "\x1b[2J\x9b31m\r\n::error::x\n##[group]\u202e"
MARKDOWN = "<!-- a --> [x](http://y) ![](z) `a` | b\n# c\n```mermaid\n</details><img src=x onerror=y> @team #7 <!--"


def _terminal(content: bytes) -> None:
    found = plain(text(content))
    assert not UNSEEN.search(found)
    assert not any(re.match(r"\s*::|.*##\[", line) for line in found.splitlines())
    stream = io.StringIO()
    Outlet(stream, {}).echo(error_text(Refused(text(content), text(content)), 60))
    assert not UNSEEN.search(stream.getvalue())


def _markdown(content: bytes) -> None:
    found = text(content)
    assert not LIVE.search(cell(found).replace("&#47;&#47;", " "))
    shown = code(found)
    assert shown == f"`{found}`" or not LIVE.search(shown.removeprefix("<code>").removesuffix("</code>"))
    assert "\n\n" not in error_quote(Refused(found, found))
    assert len(cut_to_limit(found * 3).encode("utf-8", "surrogatepass")) <= 64 * 1024


def _runner(content: bytes) -> None:
    """Whatever an output holds, it closes no block and writes no other."""
    found = text(content)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "output")
        stream = io.StringIO()
        runner = Runner({"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(path)}, stream)
        runner.error(Refused(found, found))
        runner.mask([found])
        runner.tell({"a": found})
        assert all(line.startswith(("::error ", "::add-mask::")) for line in stream.getvalue().split("\n") if line)
        lines = path.read_bytes().split(b"\n")
        fence = lines[0].partition(b"<<")[2]
        assert lines.count(fence) == 1
        assert lines.index(fence) == len(lines) - 2


def _page(content: bytes) -> None:
    name, rest = halves(content)
    listed = ListedVersion(text(rest), text(name), None, (text(name), text(rest)), withdrawn=False)
    found = page([Tree(text(name), (listed,), {}, (text(rest),))], "2026")
    assert found.count("<script") == 1
    assert found.count("<!--") == 0


def _secret(content: bytes) -> None:
    begin, end = halves(content)
    said = hide(text(begin) + SECRET + text(end), [SECRET])
    assert SECRET not in said
    shortened = hide(one_line(hide(json.dumps(text(begin) + SECRET + text(end)), [SECRET])), [SECRET])
    assert SECRET not in shortened
    hide_logins(text(content))
    logins_in(text(content))
    if b"hidden-w0rd" not in content:
        assert "hidden-w0rd" not in hide_logins(f"https://a:hidden-w0rd@{text(end)}x")


PARSERS = (
    Parser("text to a terminal", _terminal, [HOSTILE.encode(), b"a\t::b", b" ::x", b"###[x"], ()),
    Parser("text to Markdown", _markdown, [MARKDOWN.encode(), HOSTILE.encode(), b"a_b", b"1. x", b"- x"], ()),
    Parser("text to the runner", _runner, [HOSTILE.encode(), b"a%0Ab", b"\xed\xa0\x80", b"a\r\rb"], ()),
    Parser("text to the page", _page, [MARKDOWN.encode(), b'"><script>\n</script>', b"\xff\n'"], ()),
    Parser("secrets", _secret, [b"a\nb", b"hunter2\n" + b"x" * 300, b"http://a:b@c\nx", b"%\n\\u"], ()),
)
