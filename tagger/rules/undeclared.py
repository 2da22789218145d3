"""Tags that look like a variant of a version, and that no setting declares: `2.1.4-alpine` beside `2.1.4`."""

import re
from collections.abc import Container, Iterable

from tagger.rules.cascade import Rules
from tagger.rules.marks import is_reserved
from tagger.rules.versions import is_prerelease_word

__all__ = ["declare_hint", "undeclared_notes", "undeclared_variants"]

_NUMBER = re.compile(r"[0-9][0-9._-]*")


def undeclared_variants(exact: Container[str], tags: Iterable[str], rules: Rules) -> dict[str, str]:
    """Return those of `tags` that look like an undeclared variant of a version, each with the name of the variant.

    `exact` are the exact tags of the versions that are looked at. It is one of these, `-` and a name that is no number
    and does not begin with the word of a prerelease or of a channel. What the rules read as a version is none.
    """
    found = {}
    for tag in tags:
        _, dash, name = _split(tag, exact)
        if not dash or is_reserved(tag) or is_prerelease_word(name, rules.scheme.channels) or _NUMBER.fullmatch(name):
            continue
        if not rules.read(tag):
            found[tag] = name
    return dict(sorted(found.items()))


def _split(tag: str, exact: Container[str]) -> tuple[str, str, str]:
    """Split a tag behind the first of `exact` that it begins with."""
    end = tag.find("-")
    while end > 0:
        if tag[:end] in exact:
            return tag[:end], "-", tag[end + 1 :]
        end = tag.find("-", end + 1)
    return tag, "", ""


def declare_hint(found: dict[str, str]) -> str:
    """Return what to do about undeclared variants."""
    names = " ".join(dict.fromkeys(found.values()))
    return f"Declare what is a variant, as `variants: {names}`."


def undeclared_notes(exact: Container[str], tags: Iterable[str], rules: Rules) -> list[str]:
    """Return a sentence for each undeclared variant, with a tag as its example."""
    found = undeclared_variants(exact, tags, rules)
    examples = {name: tag for tag, name in found.items()}
    return [
        f"{tag} looks like a variant of {tag.removesuffix(f'-{name}')}: declare it (`variants: {name}`)"
        for name, tag in sorted(examples.items())
    ]
