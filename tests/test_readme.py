"""What the README says is so: its messages are printed, its file is read, its workflows name this version."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import tagger
from tagger.settings.gather import gather

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
CURES = README.partition("## Messages and cures")[2].partition("\n## ")[0]
MESSAGES = re.findall(r"(`+)(.+?)\1", "\n".join(re.findall(r"^\| (.*?) \| .*\|$", CURES, re.MULTILINE)))


def printed() -> Iterator[str]:
    """Yield every text in the code, with … for what is filled in."""
    for path in (ROOT / "tagger").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_every_message_with_a_cure_is_one_that_is_printed() -> None:
    texts = list(printed())
    assert len(MESSAGES) > 8
    assert [message for _, message in MESSAGES if not any(message in text for text in texts)] == []


@pytest.mark.parametrize("component", ["api", "worker"])
def test_the_file_with_settings_is_one(tmp_path: Path, component: str) -> None:
    (block,) = (block for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "components:" in block)
    (tmp_path / ".tagger.yml").write_text(block)
    settings = gather("plan", {"only": [component]}, {}, tmp_path)
    assert (settings.component, settings.tag_prefix) == (component, f"{component}/")


@pytest.mark.parametrize("page", [ROOT / "README.md", *(ROOT / "docs").glob("*.md")], ids=lambda page: page.name)
def test_a_page_names_this_version(page: Path) -> None:
    text = page.read_text()
    assert set(re.findall(r"OWNER/tagger@(\S+)", text)) <= {f"v{tagger.__version__}"}
    for block in re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yaml.safe_load(block)
