"""The page of a repository, looked at with Debian's Chromium: clicked, typed into, at ten thousand versions."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tagger.reporting.page import page
from tagger.results.tree import Artifact, Facts, Floating, ListedVersion, Tree
from tests.servers.browser import Browser, Tab

READY = "document.documentElement?.dataset.ready === 'true'"
SHOWN = "Array.from(document.querySelectorAll('.version:not([hidden]) b')).map((one) => one.textContent)"
PLACE = "ghcr.io/acme/app"


def digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def listed(version: str, *tags: str, variant: str = "", **more: object) -> ListedVersion:
    name = f"{version}-{variant}" if variant else version
    made = ListedVersion(version, variant, digest(name), (name, *tags), withdrawn=False)
    return made._replace(**more)  # type: ignore[arg-type] # fields of the tuple


TREE = Tree(
    PLACE,
    (
        listed("2.1.4", "2.1", "2", facts=Facts("2026-01-02T03:04:05Z", 12_300_000, ("linux/amd64", "linux/arm64"))),
        listed("2.1.4", "alpine", variant="alpine", attached=(Artifact("signature", "x", digest("2.1.4-alpine")),)),
        listed("2.1.3", withdrawn=True),
        listed("2.0.0", held=True, also=("nightly",)),
        listed("1.0.0", "1.0", "1", "latest"),
    ),
    {
        "2.1": Floating(digest("2.1.4"), "2.1.4", False),
        "2": Floating(digest("2.1.4"), "2.1.4", False),
        "alpine": Floating(digest("2.1.4-alpine"), "2.1.4", False),
        "1.0": Floating(digest("1.0.0"), "1.0.0", False),
        "1": Floating(digest("1.0.0"), "1.0.0", False),
        "latest": Floating(digest("1.0.0"), "2.1.4", True),
    },
    ("nightly", "<b>other</b>"),
    purged=("0.9.0",),
    notes=("a note with <script>alert(1)</script>",),
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Tab]:
    """The page of a small repository."""
    (tmp_path / "page.html").write_text(page([TREE], "2026-01-02"))
    with browser.tab() as tab:
        tab.open(tmp_path / "page.html", READY)
        yield tab
        assert [url.partition(":")[0] for url in tab.requests if not url.startswith("data:")] == ["file"]
        assert tab.complaints == []


def test_what_it_shows(opened: Tab) -> None:
    text = opened.run("document.body.innerText")
    for part in (PLACE, "2.1.4-alpine", "drifted", "12.3 MB", "linux/amd64 linux/arm64", "2026-01-02", "nightly",
                 "0.9.0", "a note with <script>alert(1)</script>", "<b>other</b>", "attached: signature"):  # fmt: skip
        assert part in text, part
    assert opened.run("document.querySelector('.version.gone b').textContent") == "2.1.3"
    rows = opened.run("Array.from(document.querySelectorAll('.floating tr')).map((one) => one.innerText)")
    assert [row.split() for row in rows if "drifted" in row] == [
        ["latest", "drifted", "1.0.0", "2.1.4", digest("1.0.0")[7:14]]
    ]
    assert opened.run("document.scripts.length") == 1


def test_search_and_filters(opened: Tab) -> None:
    assert opened.run(SHOWN) == ["2.1.4", "2.1.3", "2.0.0", "1.0.0", "2.1.4-alpine"]
    opened.type("/")
    opened.type("2.1 arm")
    opened.wait(f"{SHOWN}.length === 1")
    assert opened.run(SHOWN) == ["2.1.4"]
    assert opened.run("document.getElementById('count').textContent") == "1 of 5 versions"
    assert opened.run("document.querySelectorAll('.series:not([hidden])').length") == 1
    opened.press("Escape")
    opened.wait(f"{SHOWN}.length === 5")
    opened.click("[data-filter=withdrawn]")
    assert opened.run(SHOWN) == ["2.1.3"]
    opened.click("[data-filter=withdrawn]")
    opened.click("[data-filter=floating]")
    assert opened.run(SHOWN) == ["2.1.4", "1.0.0", "2.1.4-alpine"]
    opened.run("variant.value = 'alpine'; variant.dispatchEvent(new Event('change'))")
    assert opened.run(SHOWN) == ["2.1.4-alpine"]


def test_digests_are_copied(opened: Tab) -> None:
    opened.send("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    opened.click(".version .copy")
    opened.wait("said.textContent !== ''")
    assert opened.run("said.textContent") == f"Copied {PLACE}@{digest('2.1.4')}"
    assert opened.run("navigator.clipboard.readText()") == f"{PLACE}@{digest('2.1.4')}"


def test_the_keyboard_alone(opened: Tab) -> None:
    opened.press("ArrowDown")
    opened.press("ArrowDown")
    assert opened.run("document.activeElement.querySelector('b').textContent") == "2.1.3"
    opened.type("k")
    opened.type("c")
    opened.wait("said.textContent !== ''")
    assert opened.run("said.textContent") == f"Copied {PLACE}@{digest('2.1.4')}"


def test_dark_and_light(opened: Tab, browser: Browser, tmp_path: Path) -> None:
    back = "getComputedStyle(document.body).backgroundColor"
    assert opened.run(back) == "rgb(255, 255, 255)"
    opened.click("#theme")
    assert opened.run(back) == "rgb(20, 23, 26)"
    with browser.tab(dark=True) as tab:
        tab.open(tmp_path / "page.html", READY)
        assert tab.run(back) == "rgb(20, 23, 26)"
        tab.click("#theme")
        assert tab.run(back) == "rgb(255, 255, 255)"


def test_text_of_others_is_text(browser: Browser, tmp_path: Path) -> None:
    """Names of repositories and tags have a grammar; what labels and registries say has none."""
    evil = "\"'><img src=x onerror=alert(1)></script><script>document.title='x'</script>&amp;"
    facts = Facts(evil, 1, (evil,))
    one = ListedVersion(evil, evil, digest("x"), (evil, evil), False, (Artifact(evil, evil, evil),), (evil,), facts)
    tree = Tree(evil, (one,), {evil: Floating(digest("y"), evil, True)}, (evil,), one.attached, (evil,), evil, (evil,))
    (tmp_path / "page.html").write_text(page([tree], evil))
    with browser.tab() as tab:
        tab.open(tmp_path / "page.html", READY)
        assert tab.run("document.querySelectorAll('img, script:not(:last-of-type)').length") == 0
        assert tab.run("document.title").startswith("Tags of \"'><img")
        assert tab.complaints == []


def test_ten_thousand_versions_open_in_two_seconds(browser: Browser, tmp_path: Path) -> None:
    numbers = [(major, minor, patch) for major in range(20) for minor in range(50) for patch in range(10)]
    versions, floating = [], {}
    for major, minor, patch in reversed(numbers):
        tags = [f"{major}.{minor}"] if patch == 9 else []
        versions.append(listed(f"{major}.{minor}.{patch}", *tags))
        floating.update({tag: Floating(versions[-1].digest, versions[-1].version, False) for tag in tags})
    text = page([Tree(PLACE, tuple(versions), floating, ())], "2026-01-02")
    assert len(text) < 10_000_000
    (tmp_path / "page.html").write_text(text)
    with browser.tab() as first:
        spent = first.open(tmp_path / "page.html", READY)
    with browser.tab() as tab:
        assert min(spent, tab.open(tmp_path / "page.html", READY)) < 2
        assert tab.run(f"{SHOWN}.length") == 10_000
        tab.type("/")
        tab.type("7.7.7")
        tab.wait(f"{SHOWN}.length < 10000")
        assert "7.7.7" in tab.run(SHOWN)


def test_a_variant_and_what_drifted_are_told_apart(opened: Tab) -> None:
    cell = "document.querySelector('.floating tr[data-text^=\"{}\"] td:nth-child({})').textContent"
    assert [opened.run(cell.format("alpine", column)) for column in (2, 3)] == ["2.1.4-alpine", "2.1.4-alpine"]
    assert [opened.run(cell.format("latest", column)) for column in (2, 3)] == ["1.0.0", "2.1.4"]
    drifted = "Array.from(document.querySelectorAll('.tag.drifted')).map((one) => one.textContent)"
    assert opened.run(drifted) == ["latest"]
    assert opened.run("document.querySelector('.sums').textContent") == (
        "5 versions, 2 series, 1 withdrawn, 1 held, 1 drifted"
    )


def test_what_cannot_be_seen_is_shown_as_its_escape() -> None:
    evil = "\x1b]0;x\x07\u202e\x9b\ud800"
    facts = Facts(evil, 1, (evil,))
    text = page([TREE._replace(versions=(listed("1.0.0", facts=facts),), other=(evil,), notes=(evil,))], "2026-01-02")
    assert not set(evil) - set("]0;x") & set(text)
    assert "\\u001b]0;x\\u0007\\u202e" in text
