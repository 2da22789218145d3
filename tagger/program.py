"""The start of the program. It begins connections to registries before it imports the slow modules."""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

TYPE_CHECKING = False  # `typing` takes 2 ms, and connections begin before it is imported
if TYPE_CHECKING:
    from collections.abc import Iterator

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
    from tagger.images.registry.defaults import TIMEOUT
    from tagger.images.registry.dial import Dial
    from tagger.images.registry.lazy_tls import Tls

    images = [line.strip().lower() for line in _input("images", environ).splitlines()]
    insecure, tls = _input("insecure", environ).split(), Tls(_input("ca-file", environ))
    guessed = [] if insecure or _has_proxy(environ) else dict.fromkeys(filter(None, map(_likely_place, images)))
    dials = [Dial(place, TIMEOUT, tls) for place in guessed]

    found = []
    for place, scheme in _places(images, insecure):
        own = tls if scheme == "https" else None
        known = next((dial for dial in dials if dial.place == place and dial.tls == own), None)
        if known:
            dials.remove(known)
        found.append(known or Dial(place, TIMEOUT, own))
    for wrong in dials:
        wrong.close()
    if any(dial.tls for dial in found):
        from tagger.errors import InputError

        with suppress(InputError):  # reading the settings raises it again
            tls()  # `ssl` and the authorities are loaded while the registries answer to TCP
    return found


def _has_proxy(environ: Mapping[str, str]) -> bool:
    """Say whether the environment names a proxy: then no connection is begun."""
    return any(name.lower().endswith("_proxy") for name in environ)


def _likely_place(image: str) -> tuple[str, int] | None:
    """Return the host and port that the name of an image seems to begin with; None for Docker Hub, loopback and others.

    It needs no module that takes time to import, so that connections begin some milliseconds earlier.
    """
    host, slash, _ = image.partition("/")
    name, _, port = host.partition(":")
    plain = name.replace(".", "").replace("-", "")
    if not slash or plain == name or not (plain.isascii() and plain.isalnum()) or name.startswith("127."):
        return None
    if name.endswith(("docker.io", "docker.com", ".localhost")) or not (port or "443").isdecimal():
        return None
    return (name, int(port or 443)) if len(port) < 5 or port <= "65535" else None


def _places(images: Sequence[str], insecure: Sequence[str]) -> "Iterator[tuple[tuple[str, int], str]]":
    """Yield host, port and scheme of the connections to begin; none where `insecure` is invalid."""
    from tagger.errors import InputError
    from tagger.images.registry.addresses import places_ahead
    from tagger.names import Repository

    names = []
    for image in images:
        with suppress(InputError):  # reading the settings raises it again
            names.append(Repository.parse(image).registry)
    with suppress(InputError):
        yield from (((one.host, one.port), one.scheme) for one in places_ahead(names, insecure, {}))


def _input(name: str, environ: Mapping[str, str]) -> str:
    """Return the value of an option in the environment; empty for none."""
    variables = f"INPUT_{name.upper()}", f"TAGGER_{name.upper().replace('-', '_')}"
    return next((text for variable in variables if (text := environ.get(variable, "").strip())), "")
