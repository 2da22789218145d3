"""The parsers of `source` and `digests`, the built images."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from tagger.errors import InputError
from tagger.rules.words import VARIANT
from tagger.settings import mending
from tagger.settings.addresses import without_login
from tagger.settings.mending import suggest
from tagger.settings.parsers import variant

__all__ = ["Build", "digests", "digests_of_variants", "source"]


class Build(NamedTuple):
    """A source, and the variant that it is a build of; None where nothing names the variant."""

    source: str
    variant: str | None = None


@without_login
@suggest(mending.sources)
def source(text: str) -> Build:
    """Read a source, `SOURCE` or `VARIANT=SOURCE`."""
    from tagger.images.source_spec import parse_source

    variant_, equals, rest = text.partition("=")
    if equals and re.fullmatch(VARIANT, variant_):
        parse_source(rest)
        return Build(rest, variant(variant_))
    parse_source(text)
    return Build(text)


def digests_of_variants(text: str) -> Mapping[str | None, str]:
    """Return the text of `digests` for each variant that its lines name; all of it for None where they name none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [re.fullmatch(rf"({VARIANT})=(.+)", line) for line in lines]
    found: dict[str | None, str] = {variant(match[1]): match[2] for match in named if match}
    if not found or text.lstrip().startswith(("{", "[", '"')):
        return {None: text} if lines else {}
    if len(found) < len(lines):
        raise InputError(
            f"`digests` names the variants of some of its {len(lines)} lines, or one of them twice",
            "Write VARIANT=FOLDER on every line, each variant once; the bare tags are the variant `default`.",
        )
    return found


def digests(text: str) -> str:
    """Check `digests`: all its lines name a variant, or none does."""
    digests_of_variants(text)
    return text
