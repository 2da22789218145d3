"""The positional arguments of a command: which of them is a repository, a version, or another value."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tagger.settings.option import Given
from tagger.settings.problems import Problems

__all__ = ["NAMES", "Arguments", "names_repository", "values_of"]

NAMES = {"images": "REPOSITORY", "version": "VERSION", "pattern": "PATTERN"}
"""The names of these arguments in help and messages."""


class Arguments(NamedTuple):
    """The arguments of a command, and the meaning of each in order: the name of an option, or another name.

    Where a command takes two, the first is a repository. One argument alone is the second, where `images` is set. The
    other order is accepted too, where the second argument names a repository with its registry. With `guarded`, an
    argument may be the password of a login that was typed in the wrong place.
    """

    texts: Sequence[str]
    meaning: tuple[str, ...]
    guarded: bool = False


def names_repository(word: str) -> bool:
    """Say whether a word names a repository with its registry: no version, tag or digest has this form.

    `acme/app` may also be a branch that was mistaken for a tag, and `app/v2.1.4` a version with its `tag-prefix`.
    """
    host, slash, _ = word.partition("/")
    return word.startswith("oci:") or bool(slash and (re.search("[.:]", host) or host == "localhost"))


def values_of(
    command: str, arguments: Arguments, line: Mapping[str, Given], problems: Problems, *, known: str
) -> dict[str, Given]:
    """Return the values of the arguments, by name. `line` has the values of options on the command line.

    `known` is the place where repositories are set besides, or empty.
    """
    texts, meaning = arguments.texts, arguments.meaning
    usage = f"`{command} {' '.join(f'[{NAMES[name]}]' for name in meaning)}`"
    if len(texts) > len(meaning):
        problems.add(f"`{command}` got a word too many: {' '.join(texts)}", f"It takes no more than {usage}.")
        return {}
    if not all(text.strip() for text in texts):
        problems.add(f"`{command}` got an empty word", "Is a variable empty? Give it a value, or leave the word out.")
        return {}
    alone = len(texts) == 1 and len(meaning) > 1 and bool(known)
    if alone and names_repository(texts[0]) and not re.search(r"/v?[0-9][^/]*\Z", texts[0]):
        problems.add(
            f"`{command}` takes {texts[0]} for the {NAMES[meaning[1]]}, as {known} names repositories already",
            f"To work on another repository, write `images: {texts[0]}`.",
        )
        return {}
    if len(texts) == len(meaning) == 2 and "/" not in texts[0] and names_repository(texts[1]):
        texts = (texts[1], texts[0])
    found = dict(zip(meaning[1:] if alone else meaning, texts, strict=False))
    repository = found.get("images", "")
    if repository and not alone and len(texts) == 1 and _is_no_repository(repository, arguments):
        what = NAMES[meaning[1]].lower() if len(meaning) > 1 else "word"
        problems.add(
            f"`{command}` got {repository}, and nothing says which repositories to work on",
            f"Name one whole, as ghcr.io/acme/app, before a {what}, or in `images`: the words are {usage}.",
        )
        return {}
    for name in found:
        if name in line:
            problems.add(
                f"{NAMES[name]} is given twice: as the word {found[name]} and by {line[name].origin}",
                f"Leave the word out, or drop `{name}`.",
            )
    return {name: Given((text,), NAMES[name]) for name, text in found.items()}


def _is_no_repository(word: str, arguments: Arguments) -> bool:
    """Say whether a word alone is rather something else: nobody releases to a name without a registry or an owner."""
    return "/" not in word and not word.startswith("oci:") and ("pattern" not in arguments.meaning or arguments.guarded)
