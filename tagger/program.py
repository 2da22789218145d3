"""The start of the program. It begins connections to registries before it imports the slow modules."""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tagger.images.registry.dial import Dial

__all__ = ["begin", "main"]

COMMANDS = frozenset({"plan", "reconcile", "release"})
"""The commands that read every repository, whatever their other options."""

ELSEWHERE = ("endpoints", "published-from")
"""Options by which a run may reach registries at other addresses, or not at all."""


def main() -> None:
    """Run the command line, and end the process with its exit code."""
    begun = begin(sys.argv[1:], os.environ)
    from tagger.cli import main as run

    run(begun)


def begin(arguments: Sequence[str], environ: Mapping[str, str]) -> "list[Dial]":
    """Begin connections to the registries that the environment names in `images`, with TLS. No request is sent.

    `places_ahead` gives the addresses, with those of known token servers. The program reads its settings meanwhile.
    There are no connections with words on the command line, for a command that is not in `COMMANDS`, or where other
    options may change the addresses: those in `ELSEWHERE`, or an invalid `insecure`.
    """
    if arguments or _input("command", environ) not in COMMANDS or any(_input(name, environ) for name in ELSEWHERE):
        return []
    from tagger.errors import InputError
    from tagger.images.registry.addresses import places_ahead
    from tagger.images.registry.defaults import TIMEOUT
    from tagger.images.registry.dial import Dial, Tls
    from tagger.names import Repository

    names = []
    for line in _input("images", environ).splitlines():
        with suppress(InputError):  # reading the settings raises it again
            names.append(Repository.parse(line.strip().lower()).registry)
    try:
        places = places_ahead(names, _input("insecure", environ).split(), {})
    except InputError:
        return []
    tls = Tls(_input("ca-file", environ))
    return [Dial((place.host, place.port), TIMEOUT, tls if place.scheme == "https" else None) for place in places]


def _input(name: str, environ: Mapping[str, str]) -> str:
    """Return the value of an option in the environment; empty for none."""
    variables = f"INPUT_{name.upper()}", f"TAGGER_{name.upper().replace('-', '_')}"
    return next((text for variable in variables if (text := environ.get(variable, "").strip())), "")
