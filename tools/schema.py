"""Writes the JSON Schema of `.tagger.yml`, which editors use, from the options."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tagger.settings.schema import schema  # noqa: E402 - the project's own folder first


def main() -> None:
    """Write docs/tagger.schema.json."""
    text = json.dumps(schema(), indent=2, ensure_ascii=False)
    (ROOT / "docs" / "tagger.schema.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
