"""Write what the texts say of the options anew: the inputs of `action.yml`, the tables of the README."""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tagger.commands import NAMES, commands  # noqa: E402 - the project's own folder first
from tagger.settings.options import OPTIONS  # noqa: E402

OUTPUTS = {
    "version": "The version that was released, or would be.",
    "digest": "The digest of the release; deploy this rather than a tag. Empty where nothing was released, and in a "
    "plan where only the push makes it.",
    "tags": "Full references that point at this release now, or would after a plan or a dry run, one a line.",
    "tag-names": "The names of these tags, one a line.",
    "latest": "`true` when this release holds `latest` in every repository, or would.",
    "changed": "`true` when something was written; in a plan or a dry run, when something would be.",
    "held": "`true` when the version is held: it waits for `approve`, and no floating tag moved to it.",
    "platform-digests": "JSON with the digest of each platform's manifest, which signatures, attestations and SBOMs "
    "are of. Empty where nothing was released.",
    "json": "The whole report, as `--json` prints it. Set by every command.",
}
INPUTS = {
    "command": f"What to do: {', '.join(NAMES)}.",
    "arguments": "The positional arguments of the command, one a line.",
} | {option.name: option.description for option in OPTIONS}
BOOLEANS = {"yes"}  # to YAML 1.1
DEFAULTS = {"command": "release", "github-token": "${{ github.token }}"}


def action(text: str) -> str:
    """Return `action.yml` with its inputs and outputs as the options are now."""
    lines = ["inputs:"]
    for name, description in INPUTS.items():
        key = json.dumps(name) if name in BOOLEANS else name
        lines += [f"  {key}:", f"    description: {json.dumps(description, ensure_ascii=False)}"]
        lines += [f"    default: {DEFAULTS[name]}"] if name in DEFAULTS else []
    lines.append("outputs:")
    for name, description in OUTPUTS.items():
        lines += [f"  {name}:", f"    description: {json.dumps(description, ensure_ascii=False)}"]
    return re.sub(r"^inputs:.*?(?=^runs:)", lambda _: "\n".join([*lines, ""]), text, flags=re.DOTALL | re.MULTILINE)


def readme(text: str) -> str:
    """Return the README with its tables as the options are now."""
    tables = {"commands": {command.name: command.help for command in commands()}, "inputs": INPUTS, "outputs": OUTPUTS}
    for name, rows in tables.items():
        table = "\n".join(f"| `{key}` | {value.replace('|', chr(92) + '|')} |" for key, value in rows.items())
        block = f"<!-- {name} -->\n| {name[:-1]} | |\n|---|---|\n{table}\n<!-- /{name} -->"
        before, _, rest = text.partition(f"<!-- {name} -->")
        text = before + block + rest.partition(f"<!-- /{name} -->")[2]
    return text


def main() -> None:
    """Write both files."""
    for path, write in ((ROOT / "action.yml", action), (ROOT / "README.md", readme)):
        path.write_text(write(path.read_text()))


if __name__ == "__main__":
    main()
