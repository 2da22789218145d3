"""Every option of the program, in the order of its lists."""

from tagger.settings.gates import GateOptions
from tagger.settings.option import Option
from tagger.settings.prune_options import PruneOptions
from tagger.settings.release_options import DEFAULT_TEMPLATES, ReleaseOptions
from tagger.settings.run_options import RunOptions

__all__ = ["DEFAULT_TEMPLATES", "OPTIONS", "find_option"]

OPTIONS: tuple[Option[object], ...] = tuple(
    row
    for rows in (ReleaseOptions, GateOptions, PruneOptions, RunOptions)
    for row in vars(rows).values()
    if isinstance(row, Option)
)


def find_option(name: str) -> Option[object]:
    """Return the option of a name."""
    return next(option for option in OPTIONS if option.name == name)
