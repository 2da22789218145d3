"""Draws docs/pictures: commands in terminals of 80 and 120 columns, a summary and a page, each light and dark."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tagger.images.layout import Layout  # noqa: E402 - the project's own folder first
from tagger.version_from.labels import VERSION_LABEL  # noqa: E402
from tests.images.making import make_image, make_index  # noqa: E402
from tests.servers.browser import Browser  # noqa: E402
from tests.servers.distribution import distribution  # noqa: E402
from tools.terminal_picture import DARK, LIGHT, run, svg  # noqa: E402

TARGET = ROOT / "docs/pictures"
NOW = "2026-11-26T12:00:00Z"
READY = "document.documentElement?.dataset.ready === 'true'"
IMAGES = ("--image", "ghcr.io/acme/app", "--image", "acme/app")
RELEASE = (*IMAGES, "--source", "oci:build", "--version", "2.1.4")
SCENES: Mapping[str, Sequence[str]] = {
    "plan": ("plan", *RELEASE),
    "release": ("release", *RELEASE),
    "failure": ("release", *IMAGES, "--source", "oci:other", "--version", "2.1.4"),
    "progress": ("release", *IMAGES, "--source", "oci:large", "--version", "3.1.0", "--platforms", "any"),
    "tags": ("tags", "ghcr.io/acme/app"),
    "check": ("check", "ghcr.io/acme/app"),
    "help": ("--help",),
}
SHOWN = {"progress": r"copying.*MB/s\n.*copying.*MB/s"}
"""Patterns of the text on the screen when a scene is drawn; other scenes are drawn at their end."""

LARGE = 90_000_000  # bytes of each of two layers
WIDTHS = (80, 120)
THEMES = {"light": LIGHT, "dark": DARK}
SCHEME = "prefers-color-scheme"
SUMMARY = """<!DOCTYPE html><meta charset="utf-8"><style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; margin: 1rem; max-width: 58rem }}
table {{ border-collapse: collapse }} td, th {{ border: 1px solid #8886; padding: .3rem .7rem }}
code {{ background: #8882; padding: 0 .3rem; border-radius: 4px }}
pre {{ background: #8881; padding: .6rem; overflow: auto; font-size: 85% }}
pre code {{ background: none; padding: 0 }}
.mermaid {{ background: none }}
</style>{summary}<script src="{mermaid}"></script><script>
const dark = matchMedia("(prefers-color-scheme: dark)").matches
mermaid.initialize({{ startOnLoad: false, theme: dark ? "dark" : "default" }})
mermaid.run().then(() => (document.documentElement.dataset.ready = "true"))
</script>"""
MERMAID = ROOT / "build/mermaid.min.js"


def main() -> None:
    """Draw all pictures."""
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for width in WIDTHS:
            draw_terminals(work / str(width), width)
        draw_in_browser(work)


def environment(work: Path, hosts: Sequence[str]) -> dict[str, str]:
    """Return the environment of a run that reaches `hosts` in place of ghcr.io and docker.io."""
    endpoints = "\n".join(f"{name}={host}" for name, host in zip(("ghcr.io", "docker.io"), hosts, strict=True))
    return {"PATH": os.environ["PATH"], "HOME": str(work), "TAGGER_ENDPOINTS": endpoints, "TAGGER_NOW": NOW,
            "LANG": "C.UTF-8", "GIT_CEILING_DIRECTORIES": str(work.parent)}  # fmt: skip


def tagger(words: Sequence[str]) -> list[str]:
    """Return the words of a process that runs the program."""
    return [sys.executable, "-Es", str(ROOT / "entrypoint.py"), *words]


def prepare(work: Path, environ: Mapping[str, str]) -> None:
    """Make two repositories with five releases, one of them withdrawn, and the images that the scenes use."""
    for version in ("1.9.0", "2.0.9", "2.1.3", "3.0.0", "3.0.1"):
        make_index(Layout(work / f"build-{version}"), version, "build", labels={VERSION_LABEL: version})
        words = ("release", *IMAGES, "--source", f"oci:build-{version}", "--version", version)
        subprocess.run(tagger(words), cwd=work, env=dict(environ), check=True, capture_output=True)  # noqa: S603
    withdraw = ("withdraw", "3.0.1", *IMAGES)
    subprocess.run(tagger(withdraw), cwd=work, env=dict(environ), check=True, capture_output=True)  # noqa: S603
    make_index(Layout(work / "build"), "2.1.4", "build", labels={VERSION_LABEL: "2.1.4"})
    make_image(Layout(work / "other"), "other", "build")
    make_image(Layout(work / "large"), "large", "build", below=[os.urandom(LARGE) for _ in range(2)])


def grow(work: Path, environ: Mapping[str, str], host: str) -> None:
    """Add to the first repository a policy, a variant, a version that is held, and a tag that is moved by hand."""
    variants = ("--variants", "default alpine")
    steps: list[tuple[str, ...]] = [("policy", "set", "ghcr.io/acme/app", *variants)]
    for version, more in (
        ("2.1.4", ("--variant", "alpine")),
        ("3.0.0", ("--variant", "alpine")),
        ("3.2.0", ("--hold", "true")),
    ):
        name = f"build-{version}-{more[-1]}"
        make_index(Layout(work / name), name, "build", labels={VERSION_LABEL: version})
        steps.append(("release", "ghcr.io/acme/app", version, "--source", f"oci:{name}", *more))
    for words in steps:
        subprocess.run(tagger(words), cwd=work, env=dict(environ), check=True, capture_output=True)  # noqa: S603
    address = f"http://{host}/v2/acme/app/manifests/"
    read = Request(f"{address}2.1.3", headers={"Accept": "application/vnd.oci.image.index.v1+json"})  # noqa: S310
    with urlopen(read, timeout=10) as answer:  # noqa: S310 - a registry of ours
        content, kind = answer.read(), answer.headers["Content-Type"]
    write = Request(f"{address}2.1", content, {"Content-Type": kind}, method="PUT")  # noqa: S310
    urlopen(write, timeout=10).close()  # noqa: S310


def draw_terminals(work: Path, width: int) -> None:
    """Run each scene in a terminal of this width, one after the other, and draw it in each theme."""
    work.mkdir()
    with distribution(work / "one") as one, distribution(work / "two") as two:
        environ = environment(work, (one.host, two.host))
        prepare(work, environ)
        os.chdir(work)
        for name, words in SCENES.items():
            if name == "tags":
                grow(work, environ, one.host)
            screen = run(tagger(words), width, environ, until=SHOWN.get(name, ""))
            for theme, colors in THEMES.items():
                shown = f"tagger {' '.join(words)}"
                (TARGET / f"{name}-{width}-{theme}.svg").write_text(svg(screen, width, colors, shown))
        os.chdir(ROOT)


def draw_in_browser(work: Path) -> None:
    """Draw the page of a repository and the summary of a step, in each theme."""
    with distribution(work / "one") as one, distribution(work / "two") as two, Browser(work) as browser:
        environ = environment(work, (one.host, two.host))
        prepare(work, environ)
        summary = work / "summary.md"
        page = ("tags", "ghcr.io/acme/app", "--html", "page.html", "--long")
        inside = {**environ, "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
        for words, settings in ((("release", *RELEASE), inside), (page, environ)):
            if words is page:
                grow(work, environ, one.host)
            subprocess.run(tagger(words), cwd=work, env=settings, check=True, capture_output=True)  # noqa: S603
        text = SUMMARY.format(summary=render(summary.read_text()), mermaid=MERMAID.as_uri())
        (work / "summary.html").write_text(text)
        for theme in THEMES:
            with browser.tab(1000, 760, dark=theme == "dark") as tab:
                tab.open(work / "page.html", READY)
                (TARGET / f"page-{theme}.png").write_bytes(tab.picture())
            with browser.tab(900, 500, dark=theme == "dark") as tab:
                tab.open(work / "summary.html", READY)
                tab.size(900, int(tab.run("document.documentElement.scrollHeight")) or 500)
                (TARGET / f"summary-{theme}.png").write_bytes(tab.picture())


def render(markdown: str) -> str:
    """Return the Markdown of a summary as HTML, as GitHub shows it, with diagrams for Mermaid to draw."""
    from markdown_it import MarkdownIt

    drawn = re.sub(
        r"```mermaid\n(.*?)\n```",
        lambda found: f"<pre class=mermaid>{escape(found[1])}</pre>\n",
        markdown,
        flags=re.DOTALL,
    )
    return MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(drawn) or escape(markdown)


if __name__ == "__main__":
    main()
