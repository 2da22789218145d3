"""Markdown for the step summary: escapes for texts of others, and bounds on its length."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from tagger.errors import TaggerError
from tagger.reporting.terminal import ESCAPED, visible

__all__ = ["MOST", "cut_to_limit", "cell", "code", "collapsible", "fitting", "error_quote"]

Item = TypeVar("Item")

MOST = 64 * 1024 - 1
"""The most bytes of a summary. GitHub takes 1 MiB for each step (docs.github.com, "Adding a job summary")."""
LONGEST = 2000  # characters that are shown of one text of others

# Characters with a meaning in GitHub's Markdown (GFM, sections 2.4, 6.9 and 6.11). A hyphen and a dot have one only at
# the beginning of a line, where no free text of others stands.
_SPECIAL = r"[\\`*_{}\[\]<>()#+!|~@&$]"
_SAFE_CODE = r"(?a)[\w./:@+=-]+"
_MORE = "_The rest is left out: the summary would be too long. The log has all of it._"


def cell(text: str) -> str:
    """Return a text of others on one line, escaped: it makes no link, image, heading, table or diagram."""
    line = visible(" ".join(text[:LONGEST].split())) + "…" * (len(text) > LONGEST)
    return re.sub(_SPECIAL, lambda match: f"&#{ord(match[0])};", line).replace("://", ":&#47;&#47;")


def code(text: str) -> str:
    """Return a text as inline code."""
    return f"`{text}`" if re.fullmatch(_SAFE_CODE, text) and len(text) <= LONGEST else f"<code>{cell(text)}</code>"


def error_quote(error: TaggerError) -> str:
    """Return an error and its hint as a quote."""
    hint = f"\n> {cell(error.hint)}" if error.hint else ""
    return f"\n> **{error.title}**: {cell(error.message)}{hint}"


def fitting(items: Iterable[Item], most: int, what: str, shown: Callable[[Item], str] = str) -> Iterator[str]:
    """Yield the line that `shown` makes of each item, up to `most` bytes in all, but at least one line.

    Where items are left out, a last line counts them: `… and 950 more rows`.
    """
    used = left_out = 0
    for item in items:
        if left_out:
            left_out += 1
            continue
        line = shown(item)
        size = len(line.encode(errors=ESCAPED))
        fits = not used or used + size < most
        used += size + 1
        if fits:
            yield line
        else:
            left_out = 1
    if left_out:
        yield f"\n… and {left_out:,} more {what}"


def collapsible(title: str, lines: Sequence[str]) -> str:
    """Return lines that are hidden until the reader clicks on the title."""
    return "\n".join((f"\n<details><summary>{title}</summary>\n", *lines, "\n</details>"))


def cut_to_limit(text: str) -> str:
    """Return a text of at most `MOST` bytes: a longer one ends after a line, with open blocks closed, and says so."""
    if len(text.encode(errors=ESCAPED)) <= MOST:
        return text
    kept = list(fitting(text.split("\n"), MOST - 400, "lines"))[:-1]
    opened = sum(line.startswith("<details>") for line in kept) - sum(line == "</details>" for line in kept)
    fence = ["```"] * (sum(line.startswith("```") for line in kept) % 2)
    return "\n".join((*kept, *fence, *["\n</details>"] * opened, "", _MORE))
