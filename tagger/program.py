"""The program: connections to registries are begun before all that takes time is imported."""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tagger.images.registry.addresses import Dial

__all__ = ["begin", "main"]

COMMANDS = frozenset({"plan", "reconcile", "release"})
"""Those that look at every repository, whatever else they are told."""

ELSEWHERE = ("endpoints", "published-from")
"""Options that may say that registries are reached at other addresses, or not at all."""


def main() -> None:
    """Run the command line, and end the process with its code."""
    begun = begin(sys.argv[1:], os.environ)
    from tagger.cli import main as run

    run(begun)


def begin(arguments: Sequence[str], environ: Mapping[str, str]) -> "list[Dial]":
    """Begin a connection to each registry that a step's inputs name; nothing is sent over it.

    The settings are read meanwhile. None is begun where the inputs alone do not tell which registries are asked.
    """
    if arguments or _said("command", environ) not in COMMANDS or any(_said(name, environ) for name in ELSEWHERE):
        return []
    from tagger.errors import InputError
    from tagger.images.registry.addresses import Dial, places_ahead
    from tagger.images.registry.defaults import TIMEOUT
    from tagger.names import Repository

    names = []
    for line in _said("images", environ).splitlines():
        with suppress(InputError):  # it is said when the settings are read
            names.append(Repository.parse(line.strip().lower()).registry)
    try:
        places = places_ahead(names, _said("insecure", environ).split(), {})
    except InputError:
        return []
    return [Dial((place.host, place.port), TIMEOUT) for place in places]


def _said(name: str, environ: Mapping[str, str]) -> str:
    """Return what the environment says of an option."""
    variables = f"INPUT_{name.upper()}", f"TAGGER_{name.upper().replace('-', '_')}"
    return next((text for variable in variables if (text := environ.get(variable, "").strip())), "")
