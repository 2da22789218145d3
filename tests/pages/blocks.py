"""The blocks of the pages: what a reader would paste, and what it is."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

__all__ = ["PAGES", "ROOT", "Block", "Kind", "Step", "blocks", "steps"]

ROOT = Path(__file__).parents[2]
PAGES = tuple(sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md"))))

Kind = Literal["console", "workflow", "steps", "settings", "gitlab", "groovy", "other"]


class Block(NamedTuple):
    """A block of a page: where it stands, its language, its text without the indentation of a list.

    `runner` names what runs it in a test of its own, where the page says so: `<!-- runs: NAME -->`.
    """

    page: Path
    line: int
    language: str
    text: str
    runner: str = ""

    @property
    def name(self) -> str:
        """What a test calls it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def kind(self) -> Kind:
        """What it is, by its language and by what stands in it."""
        if self.language in ("console", "groovy"):
            return "console" if self.language == "console" else "groovy"
        if self.language != "yaml":
            return "other"
        if ".gitlab-ci.yml" in self.text.partition("\n")[0]:
            return "gitlab"
        content = self.content
        if isinstance(content, list):
            return "steps"
        return "workflow" if isinstance(content, dict) and "jobs" in content else "settings"

    @property
    def content(self) -> Any:
        """Its YAML."""
        return yaml.safe_load(self.text)


class Step(NamedTuple):
    """A command of a console block, and what it prints; empty where the page does not say."""

    command: str
    printed: str

    @property
    def fails(self) -> bool:
        """True where the page says that it is refused."""
        said = re.search(r"^(Refused|Not confirmed|Failed|Incomplete|Invalid input):", self.printed, re.MULTILINE)
        return bool(said or re.search(r"#.*\brefused\b", self.command))


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(
        r"(?:<!-- runs: ([\w-]+) -->\n)?^( *)```(\w*)\n(.*?)^\2```$", text, re.DOTALL | re.MULTILINE
    ):
        runner, indent, language, body = match.groups()
        lines = "\n".join(line.removeprefix(indent) for line in body.splitlines())
        yield Block(page, text[: match.start()].count("\n") + 1, language, textwrap.dedent(lines) + "\n", runner or "")


def steps(block: Block) -> Iterator[Step]:
    """Yield the commands of a console block; one goes on in the next line behind a backslash."""
    for step in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        lines = step.splitlines()
        length = next(number for number, line in enumerate(lines, 1) if not line.endswith("\\"))
        while lines[length : length + 1] and lines[length].startswith("> "):  # what bash asks for more with
            length += 1
        command = "\n".join(line.removeprefix("> ") for line in lines[:length])
        yield Step(command, "\n".join(lines[length:]))
