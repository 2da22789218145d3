"""Finds tags that look like an undeclared variant or revision of a version: `2.1.4-alpine`."""

import re
from collections.abc import Collection, Container, Iterable, Iterator

from tagger.rules.cascade import Rules
from tagger.rules.marks import is_reserved
from tagger.rules.revisions import SUFFIX, guess_form
from tagger.rules.versions import Version, is_prerelease_word

__all__ = ["ExactTags", "declare_hint", "revision_notes", "snapshot_note", "undeclared_notes", "undeclared_variants"]

_NUMBER = re.compile(r"[0-9][0-9._-]*")


class ExactTags:
    """The exact tags of versions: those that are `given`, and of `tags` each that the rules read."""

    def __init__(self, given: Collection[str], tags: Container[str], rules: Rules) -> None:
        self._given, self._tags, self._read = given, tags, rules.reader

    def __contains__(self, tag: object) -> bool:
        return tag in self._given or (isinstance(tag, str) and tag in self._tags and self._read(tag) is not None)


def undeclared_variants(exact: Container[str], tags: Iterable[str], rules: Rules) -> dict[str, str]:
    """Return those of `tags` that look like an undeclared variant of a version, each with the name of the variant.

    Such a tag is one of the tags `exact`, then `-`, then a name that is no number and does not begin with the word of a
    prerelease or of a channel. Tags that the rules read as versions are left out.
    """
    found = {}
    for tag in [tag for tag in tags if "-" in tag]:
        _, dash, name = _split(tag, exact)
        if (
            not dash
            or name in rules.variants
            or is_reserved(tag)
            or is_prerelease_word(name, rules.scheme.channels)
            or _NUMBER.fullmatch(name)
        ):
            continue
        if not rules.read(tag):
            found[tag] = name
    return dict(sorted(found.items()))


def _split(tag: str, exact: Container[str]) -> tuple[str, str, str]:
    """Split a tag behind the shortest of `exact` that it begins with; the other parts are empty where there is none."""
    end = tag.find("-")
    while end > 0:
        if tag[:end] in exact:
            return tag[:end], "-", tag[end + 1 :]
        end = tag.find("-", end + 1)
    return tag, "", ""


def declare_hint(found: dict[str, str]) -> str:
    """Return the hint that says how to declare undeclared variants."""
    forms = {name: guess_form(f"-{name}") for name in found.values()}
    variants = " ".join(name for name, form in forms.items() if not form)
    revisions = " ".join(sorted({form for form in forms.values() if form}))
    settings = (f"`variants: {variants}`" if variants else "", f"`revisions: {revisions}`" if revisions else "")
    what = "a variant or a revision" if revisions else "a variant"
    return f"Declare what is {what}, as {' and '.join(filter(None, settings))}."


def undeclared_notes(exact: Container[str], tags: Iterable[str], rules: Rules) -> list[str]:
    """Return a sentence for each undeclared variant, with a tag as its example."""
    found = undeclared_variants(exact, tags, rules)
    examples = {name: tag for tag, name in found.items() if not guess_form(f"-{name}")}
    return [
        f"{tag} looks like a variant of {tag.removesuffix(f'-{name}')}: declare it (`variants: {name}`)"
        for name, tag in sorted(examples.items())
    ]


def revision_notes(tags: Iterable[str], rules: Rules) -> list[str]:
    """Return a sentence for each form of tags that look like undeclared packaging revisions.

    Where the scheme reads such a tag as a prerelease, as semver does with `22.0.1-1`, the sentence says so.
    """
    examples: dict[str, str] = {}
    for tag in sorted(tags):
        version = None if is_reserved(tag) else rules.read(tag)
        if version is not None and version.prerelease and not is_prerelease_word(version.prerelease):
            form = guess_form(f"-{version.prerelease}")
            taken = f"is read as a prerelease of {'.'.join(version.numbers)}, and gets no floating tag"
        else:
            form = "" if version or is_reserved(tag) else next(_forms(tag, rules), "")
            taken = "is not read as a version"
        if form:
            examples[form] = f"{tag} {taken}: if it is a packaging revision, set `revisions: {form}`"
    return [text for _, text in sorted(examples.items())]


def snapshot_note(version: Version, rules: Rules) -> str:
    """Return a warning about a snapshot without a number; empty for any other version."""
    if version.prerelease.lower() != "snapshot":
        return ""
    numbers = ".".join(version.numbers)
    channel = "" if rules.channels_of(version) else ", and no floating tag (`channels: snapshot` gives it some)"
    return (
        f"{version} is a prerelease of {numbers}: it gets its exact tag{channel}. The tag is written once, so another "
        "build of it is refused: give each a number, as SNAPSHOT.1, or set `on-conflict: overwrite`"
    )


def _forms(tag: str, rules: Rules) -> Iterator[str]:
    """Yield the forms of revisions without which a tag is that of a stable version."""
    for match in SUFFIX.finditer(tag):
        if tag[match.end() :][:1] not in ("", "-"):
            continue
        version = rules.read(tag[: match.start()] + tag[match.end() :])
        if version and not (version.prerelease or version.build) and guess_form(match[0]):
            behind = bool(version.variant) and tag.endswith(match[0])
            yield ("{{variant}}" if behind else "") + guess_form(match[0])
