"""The variants of a repository: names, and aliases for the newest variant of a family (`alpine=alpine3.*`)."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple, Self

from tagger.errors import InputError
from tagger.rules.words import DEFAULT_VARIANT, check_variant

__all__ = ["Family", "Variants", "check_variants_entry", "natural"]

_ANY = "[A-Za-z0-9._]*"  # what a `*` stands for: alpine3.* is no alpine3.22-slim


class Family(NamedTuple):
    """The variants that match one of `patterns`, and their `alias`, which has floating tags but no exact ones."""

    alias: str
    patterns: tuple[str, ...]

    @property
    def expression(self) -> str:
        """The regular expression of its members."""
        return "|".join(_ANY.join(map(re.escape, pattern.split("*"))) for pattern in self.patterns)

    @property
    def example(self) -> str:
        """An example of a member, without a number, which could be that of a version."""
        return self.patterns[0].replace("*", "x")

    def has(self, variant: str) -> bool:
        """Say whether a variant is a member."""
        return bool(variant) and _compile(self.expression).fullmatch(variant) is not None


class Variants(NamedTuple):
    """The `names` of variants that have exact tags ("" is the variant of the bare tags), and the families."""

    names: tuple[str, ...] = ("",)
    families: tuple[Family, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """Read entries: a name, or `ALIAS=PATTERN,PATTERN`. Raise `InputError`."""
        names, patterns = dict[str, None](), dict[str, list[str]]()
        for entry in entries:
            alias, equals, rest = (check_variants_entry(entry) if "=" in entry else entry).partition("=")
            name = "" if alias == DEFAULT_VARIANT else alias
            if equals:
                patterns.setdefault(name, []).extend(rest.split(","))
            else:
                names[name] = None
        families = tuple(Family(alias, tuple(dict.fromkeys(found))) for alias, found in sorted(patterns.items()))
        plain = dict.fromkeys(p for family in families for p in family.patterns if "*" not in p)
        own = sorted((name for name in {**names, **plain} if name not in patterns), key=len, reverse=True)
        return cls(tuple(own), families)

    def has(self, variant: str) -> bool:
        """Say whether a variant is declared and has exact tags."""
        return variant in self.names or any(family.has(variant) for family in self.families)

    def check_named(self, setting: str, named: Iterable[str]) -> None:
        """Raise `InputError` where a setting names a variant that is not declared."""
        known = {DEFAULT_VARIANT, *self.names, *(family.alias for family in self.families)} - {""}
        for variant in sorted({*named} - known):
            if not self.has(variant):
                raise InputError(
                    f"`{setting}` names the variant {variant}, and that is none of `variants`",
                    f"Declare it: add `variants: {variant}`. Or name one of: {', '.join(sorted(known))}.",
                )

    def aliases(self, variant: str) -> tuple[str, ...]:
        """Return the aliases of a variant."""
        return tuple(family.alias for family in self.families if family.has(variant)) if self.families else ()


def check_variants_entry(text: str) -> str:
    """Return an entry of `variants` in canonical form. Raise `InputError`."""
    alias, equals, rest = text.partition("=")
    if not equals:
        return check_variant(text)
    if alias in rest.split(","):
        raise InputError(
            f"{alias} would be an alias of itself",
            "An alias has a name that none of its variants has: alpine=alpine3.*.",
        )
    patterns = sorted({check_variant(part.replace("*", "0")) and part for part in rest.split(",")})
    return f"{check_variant(alias)}={','.join(patterns)}"


def natural(variant: str) -> tuple[tuple[bool, int, str], ...]:
    """Return a sort key that compares numbers as numbers: alpine3.9 comes before alpine3.22."""
    parts = re.findall(r"[0-9]+|[^0-9]+", variant)
    return tuple((part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts)


@lru_cache
def _compile(expression: str) -> re.Pattern[str]:
    return re.compile(expression)
