"""Run the command line in this process, as `entrypoint.py` does, and keep what it says."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tagger.cli import run


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended: its exit code, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)

    @property
    def statuses(self) -> list[str]:
        """How each repository ended."""
        return [outcome["status"] for outcome in self.document["repositories"]]


def tagger(*arguments: str, environ: Mapping[str, str] | None = None, stdin: str = "") -> Ran:
    """Run a command; nothing of this process's environment reaches it."""
    out, err = io.StringIO(), io.StringIO()
    code = run(list(arguments), environ or {}, out, err, io.StringIO(stdin))
    return Ran(code, out.getvalue(), err.getvalue())


def images(*repositories: object) -> Sequence[str]:
    """Return the options that name repositories."""
    return [word for repository in repositories for word in ("--image", str(repository))]
