"""The option `flavor`: the prefix and suffix of every tag, and whether `latest` is among the tags."""

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple, Self, cast

from tagger.errors import InputError
from tagger.rules.rows.expressions import Expression
from tagger.rules.rows.fields import fields_of
from tagger.rules.words import is_variant

__all__ = ["Affix", "Flavor"]

Latest = Literal["auto", "true", "false"]


class Affix(NamedTuple):
    """The prefix or suffix of the tags of rows that have none of their own, and whether `latest` has it too."""

    text: Expression = Expression(())
    on_latest: bool = False


class Flavor(NamedTuple):
    """The value of `flavor`."""

    latest: Latest = "auto"
    prefix: Affix = Affix()
    suffix: Affix = Affix()

    @classmethod
    def parse(cls, lines: Iterable[str]) -> Self:
        """Read the lines of `flavor`; the last of repeated entries counts. Raise `InputError` that names the line."""
        flavor = cls()
        for line in lines:
            try:
                flavor = flavor._with(line)
            except InputError as error:
                raise InputError(f"the flavor `{line}`: {error.message}", error.hint) from error
        return flavor

    @property
    def variant(self) -> str:
        """The variant that the suffix names: `alpine` for `-alpine`; else empty."""
        text = self.suffix.text.constant or ""
        if not text.startswith("-"):
            return ""
        return text[1:] if is_variant(text[1:]) else ""

    def _with(self, line: str) -> Self:
        flavor, last = self, ""
        for name, value in fields_of(line):
            if name == "latest":
                flavor = flavor._replace(latest=cast(Latest, _one_of(name, value, "auto", "true", "false")))
            elif name in ("prefix", "suffix"):
                before = flavor.prefix if name == "prefix" else flavor.suffix
                flavor = flavor._set(name, before._replace(text=Expression.parse(value)))
                last = name
            elif name == "onlatest":
                on_latest = _one_of(name, value, "true", "false") == "true"
                if not last:
                    raise InputError("`onlatest` stands alone", "Write it after a prefix or suffix, on the same line.")
                before = flavor.prefix if last == "prefix" else flavor.suffix
                flavor = flavor._set(last, before._replace(on_latest=on_latest))
            else:
                raise InputError(
                    f"`{name or value}` is no entry of a flavor",
                    "Write latest=auto|true|false, prefix=TEXT[,onlatest=true], suffix=TEXT[,onlatest=true].",
                )
        return flavor

    def _set(self, name: str, affix: Affix) -> Self:
        return self._replace(prefix=affix) if name == "prefix" else self._replace(suffix=affix)


def _one_of(name: str, value: str, *choices: str) -> str:
    if not re.fullmatch("|".join(choices), value):
        raise InputError(f"`{name}` is {value!r}", f"It is one of: {', '.join(choices)}.")
    return value
