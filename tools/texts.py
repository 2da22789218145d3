"""Updates inputs and outputs in `action.yml` and `with-logins/action.yml`, and the tables of docs/reference.md."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tagger.command_line.help import GROUPS  # noqa: E402
from tagger.commands import NAMES, commands  # noqa: E402 - the project's own folder first
from tagger.reporting.outputs import TEXTS as OUTPUTS  # noqa: E402
from tagger.settings.options import OPTIONS  # noqa: E402

INPUTS = {
    "command": f"What to do: {', '.join(NAMES)}.",
    "arguments": "The positional arguments of the command, one a line.",
} | {option.name: option.description for option in OPTIONS}
EXAMPLES = {"command": "reconcile", "arguments": "2.1.4"} | {option.name: option.example for option in OPTIONS}
BOOLEANS = {"yes"}  # which YAML 1.1 reads as a boolean
DEFAULTS = {"command": "release", "github-token": "${{ github.token }}"}


def wrapper(text: str) -> str:
    """Return the text of `with-logins/action.yml` with the inputs and outputs of `action.yml`."""
    outputs = "".join(
        f"  {name}:\n    description: {json.dumps(description, ensure_ascii=False)}\n"
        f"    value: ${{{{ steps.tagger.outputs.{name} }}}}\n"
        for name, description in OUTPUTS.items()
    )
    return re.sub(r"(?<=^outputs:\n).*?(?=^runs:)", lambda _: outputs, action(text), flags=re.DOTALL | re.MULTILINE)


def action(text: str) -> str:
    """Return the text of `action.yml` with inputs from the options, and the outputs."""
    lines = ["inputs:"]
    for name, description in INPUTS.items():
        key = json.dumps(name) if name in BOOLEANS else name
        lines += [f"  {key}:", f"    description: {json.dumps(description, ensure_ascii=False)}"]
        lines += [f"    default: {DEFAULTS[name]}"] if name in DEFAULTS else []
    lines.append("outputs:")
    for name, description in OUTPUTS.items():
        lines += [f"  {name}:", f"    description: {json.dumps(description, ensure_ascii=False)}"]
    return re.sub(r"^inputs:.*?(?=^runs:)", lambda _: "\n".join([*lines, ""]), text, flags=re.DOTALL | re.MULTILINE)


def reference(text: str) -> str:
    """Return the text of the reference with new tables of commands, inputs and outputs."""
    tables = {
        "commands": _table("command", {command.name: command.help for command in commands()}),
        "inputs": "\n\n".join(_inputs()),
        "outputs": _table("output", OUTPUTS),
    }
    for name, table in tables.items():
        before, _, rest = text.partition(f"<!-- {name} -->")
        text = f"{before}<!-- {name} -->\n{table}\n<!-- /{name} -->" + rest.partition(f"<!-- /{name} -->")[2]
    return text


def _inputs() -> Iterator[str]:
    """Yield the tables of inputs by group, with an example for each input."""
    words = {name: text for name, text in INPUTS.items() if name in ("command", "arguments")}
    yield _table("input", words, EXAMPLES)
    for group, (title, _) in GROUPS.items():
        rows = {option.name: option.description for option in OPTIONS if option.group == group}
        yield f"### {title}\n\n{_table('input', rows, EXAMPLES)}"


def _table(title: str, rows: Mapping[str, str], examples: Mapping[str, str] | None = None) -> str:
    head = f"| {title} | |{' for example |' if examples else ''}\n|---|---|{'---|' if examples else ''}"
    lines = [
        f"| `{name}` | {_escape(text)} |" + (f" `{_escape(examples[name])}` |" if examples else "")
        for name, text in rows.items()
    ]
    return "\n".join((head, *lines))


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


WRITTEN = {"action.yml": action, "with-logins/action.yml": wrapper, "docs/reference.md": reference}


def main() -> None:
    """Write every file in `WRITTEN`."""
    for name, write in WRITTEN.items():
        path = ROOT / name
        path.write_text(write(path.read_text()))


if __name__ == "__main__":
    main()
