"""The settings of a run that works on one component, or on none."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tagger.commands import find_command
from tagger.settings.gather import gather_each
from tagger.settings.values import Settings

__all__ = ["gather"]


def gather(
    command: str, given: Mapping[str, Sequence[str]], environ: Mapping[str, str], workspace: Path = Path()
) -> Settings:
    """Gather the settings of a run, as `gather_each` does."""
    row = find_command(command)
    row = row if row.several == "none" else row._replace(several="one")
    return gather_each(row, given, environ, workspace)[0]
