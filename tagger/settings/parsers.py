"""The parsers of the options: each reads one entry, and raises `InputError` with a hint."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from tagger.errors import InputError
from tagger.rules.revisions import Revision
from tagger.rules.selection import Selection
from tagger.rules.templates import Template
from tagger.rules.variants import check_variants_entry
from tagger.rules.words import DEFAULT_VARIANT, check_channel, check_variant
from tagger.settings import mending, offers
from tagger.settings.mending import suggest

if TYPE_CHECKING:
    from tagger.rules.retention import TagRule

__all__ = [
    "channel",
    "choice",
    "duration",
    "keep",
    "key_value",
    "latest",
    "number",
    "platform",
    "revision",
    "seconds",
    "selection",
    "share",
    "tag_rule",
    "template",
    "variant",
    "variants",
    "version_from",
]

_MEANINGS = {
    "scheme": {"python": "pep440", "pep-440": "pep440", "calendar": "calver", "date": "calver"},
    "hold": {"yes": "true", "no": "false"},
    "published-from": {"tags": "git", "git-tags": "git", "git-tag": "git", "nothing": "none"},
}


def choice(name: str, choices: tuple[str, ...]) -> Callable[[str], str]:
    """Return a parser of one of `choices`."""

    @suggest(mending.choices_like(choices, _MEANINGS.get(name)), also=True)
    def parse(text: str) -> str:
        if text not in choices:
            raise InputError(f"`{name}` is {text!r}", f"`{name}` is one of: {', '.join(choices)}.")
        return text

    return parse


def key_value(text: str) -> tuple[str, str]:
    """Read an annotation or a label, `key=value`."""
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not re.fullmatch(r"[^\s=]+", key):
        raise InputError(f"{text!r} is no key=value", "Write org.opencontainers.image.title=My app, one a line.")
    try:
        text.encode()
    except UnicodeError as error:
        raise InputError(f"{text!r} is no UTF-8", "Write it in UTF-8.") from error
    return key, value.strip()


def version_from(text: str) -> str:
    """Check an entry of `version-from`, as `git-tag` or `file:PATH`."""
    from tagger.version_from.reading import check_kind

    return check_kind(text)


@suggest(mending.templates)
def template(text: str) -> str:
    """Check a template."""
    Template.parse(text)
    return text


@suggest(mending.ranges)
def selection(text: str) -> str:
    """Check a range or a regular expression of versions."""
    Selection.parse(text)
    return text


@suggest(mending.latest_like)
def latest(text: str) -> str:
    """Check `latest`: auto, false, a range or a regular expression."""
    if text not in ("auto", "false"):
        try:
            Selection.parse(text)
        except InputError as error:
            hint = "Write auto, false, a series as 2.1, variant=default, or a range or an expression as in `stable`."
            raise InputError(error.message, hint) from error
    return text


@suggest(offers.revisions, also=True)
def revision(text: str) -> str:
    """Check the form of a revision, and return it in its standard spelling."""
    return str(Revision.parse(text))


@suggest(mending.words_like)
def channel(text: str) -> str:
    """Check the name of a channel."""
    return check_channel(text)


@suggest(mending.words_like)
def variant(text: str) -> str:
    """Read a variant; `default`, the variant of the bare tags, becomes an empty text."""
    check_variant(text)
    return "" if text == DEFAULT_VARIANT else text


def variants(text: str) -> str:
    """Read a variant, or an alias of a family: `alpine=alpine3.*`."""
    return check_variants_entry(text) if "=" in text else variant(text)


@suggest(mending.platforms)
def platform(text: str) -> str:
    """Check a platform, as images name it; `any` turns the check off."""
    known = re.fullmatch(r"[a-z0-9]+/[a-z0-9_]+(?:/v[0-9]+)?", text) and not mending.is_platform_alias(text)
    if text != "any" and not known:
        raise InputError(f"{text!r} is not a platform", "Write os/arch or os/arch/variant, as linux/arm/v7, or any.")
    return text


def number(least: int, most: int) -> Callable[[str], int]:
    """Return a parser of a whole number from `least` to `most`."""

    @suggest(mending.numbers(least, most))
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise InputError(f"{text!r} is not from {least} to {most}", f"It is a whole number, as {least}.")
        return int(text)

    return parse


@suggest(mending.times)
def seconds(text: str) -> float:
    """Read a time in seconds or minutes, `30` or `2m`, and return the seconds."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(s|m)?", text)
    if not match or not 0 < float(match[1]) <= 86400:
        raise InputError(f"{text!r} is not a time", "Write seconds, as 30, or minutes, as 2m.")
    return float(match[1]) * (60 if match[2] == "m" else 1)


@suggest(offers.kept, also=True)
def keep(text: str) -> tuple[str, int]:
    """Read how many of something `prune` keeps: `major=3`."""
    from tagger.rules.retention import keep_limit  # no other command needs these rules

    return keep_limit(text)


@suggest(offers.tag_rules, also=True)
def tag_rule(text: str) -> "TagRule":
    """Read which tags that are no versions `prune` keeps: `pr-* age=14d`."""
    from tagger.rules.retention import tag_rule as read

    return read(text)


@suggest(offers.durations, also=True)
def duration(text: str) -> str:
    """Check a time: `7d`."""
    if text != "7d":  # its default is read in every run
        from tagger.rules.retention import duration as read

        read(text)
    return text


@suggest(offers.shares, also=True)
def share(text: str) -> str:
    """Check a share: `20%`."""
    match = re.fullmatch(r"([0-9]{1,3})%", text)
    if not match or int(match[1]) > 100:
        raise InputError(f"{text!r} is no share", "Write a percentage from 0% to 100%, as 20%.")
    return text
