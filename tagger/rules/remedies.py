"""Reads a version; for other texts, the error names a setting or a spelling that makes it one."""

import re
from collections.abc import Iterator

from tagger.errors import InputError
from tagger.rules.cascade import Rules
from tagger.rules.revisions import guess_form
from tagger.rules.versions import SCHEMES, Scheme, Version
from tagger.rules.words import is_variant

__all__ = ["parse_version"]

LONGEST = 200  # characters of a text that a version may stand in
_PREFIX = r"[A-Za-z0-9@][A-Za-z0-9@/_.-]*(?<!\.)"  # what stands before a version in a git tag
_START = r"(?<![0-9.])[vV]?[0-9]+\.[0-9]"
_VERSION = r"([vV]?[0-9]+(?:\.[0-9]+)+)-(.+)"
_CALENDAR = r"[vV]?(?:20[0-9]{2}\.[01]?[0-9]|[1-9][0-9]\.(?:0[1-9]|1[0-2]))\b(?!.*\.[A-Za-z])"  # 26.1.2.Final is none
_PYTHON = r"[0-9](?:a|b|rc|\.post|\.dev)[0-9]+\b"


def parse_version(rules: Rules, text: str, variant: str = "", prefix: str = "") -> Version:
    """Read a version as `Rules.parse` does. `prefix` is the `tag-prefix` that was taken off the text.

    Raise `InputError` where it is none. Its hint names a setting or a spelling that makes it one, if there is any.
    """
    try:
        return rules.parse(text, variant)
    except InputError as error:
        if len(text) > LONGEST:
            raise
        plain = text.strip().removeprefix("refs/tags/")
        hint = _suffix_hint(rules, plain) or _hint(rules.scheme, plain)
        raise InputError(
            error.message, hint or _prefix_hint(rules, plain, prefix) or error.hint, code=error.code
        ) from error


def _reads(scheme: Scheme, text: str) -> bool:
    """Say whether a text is a version that reads back from its own tag."""
    try:
        version = scheme.parse(text)
    except InputError:
        return False
    return scheme.read(version.text) == version


def _hint(own: Scheme, text: str) -> str:
    """Return a hint with the setting or the spelling that makes a text a version; empty where there is none."""
    if _reads(own, text) or ("+" in text and _reads(own, text.partition("+")[0])):
        return ""  # the error of the scheme itself says more
    if re.search("[+_]", text) and _reads(own._replace(build_metadata="underscore"), text):
        return "Set `build-metadata: underscore`."
    for name in _likely(text):
        scheme = own._replace(name=name)
        setting = "" if name == own.name else f"`scheme: {name}`"
        underscore = scheme._replace(build_metadata="underscore")
        if setting and _reads(scheme, text):
            bare = re.sub(r"(?<![0-9])0+(?=[0-9])", "", text)
            if name == "numeric" and bare != text and _reads(own, bare):
                return f"Write `{bare}`: no number begins with a zero. Or set {setting}, where zeros are allowed."
            whole = f"{text.lstrip('vV')}.0"
            if name == "numeric" and _reads(own, whole):
                return f"Write all three numbers, as {whole}. Or set {setting}."
            return f"Set {setting}."
        if name != "pep440" and own.build_metadata == "refuse" and re.search("[+_]", text) and _reads(underscore, text):
            return f"Set {setting}{' and ' * bool(setting)}`build-metadata: underscore`."
    plain, plus, _ = text.partition("+")
    if plus and (hint := _hint(own, plain)):
        return f"{hint.removesuffix('.')} and write `{plain}`: a tag cannot hold the + and what follows it."
    meant = next((one for one in _meant(text) if one != text and _reads(own, one)), "")
    return f"Write `{meant}`." if meant else ""


def _meant(text: str) -> Iterator[str]:
    """Yield versions that a text may mean: without quotes and extra signs, and with `-` in place of `~`."""
    yield re.sub(r"[^0-9A-Za-z]+\Z", "", text)
    plain = re.sub(r"\A[vV]\.", "", text.strip("'\"` "))
    yield plain
    yield plain.replace("~", "-")
    yield re.split(r"[^0-9A-Za-z.+-]", plain)[0]
    yield re.sub(r"(?<=[.-])0+(?=[0-9])", "", re.sub(r"\.{2,}", ".", plain))


def _likely(text: str) -> Iterator[str]:
    """Yield the names of the schemes, first the one that a text looks like."""
    first = "calver" if re.match(_CALENDAR, text) else "pep440" if re.search(_PYTHON, text) else "numeric"
    yield from dict.fromkeys((first, *SCHEMES))


def _suffix_hint(rules: Rules, text: str) -> str:
    """Return a hint about an unknown suffix, which may be a variant, a channel or a revision; else empty."""
    match = re.fullmatch(_VERSION, text)
    if not match or not _reads(rules.scheme, match[1]) or _reads(rules.scheme, text):
        return ""
    suffix = match[2]
    if rules.scheme.name == "pep440" and guess_form(f"-{suffix}"):
        return ""
    if suffix in rules.variants:
        return f"Set `variant: {suffix}`: this is a version of that variant."
    head, dash, end = suffix.rpartition("-")
    ways = []
    if form := guess_form(f"-{suffix}"):
        ways.append(f"If {suffix} is a packaging revision, set `revisions: {form}`")
    elif dash and (form := guess_form(f"-{end}")):
        ways.append(
            f"If {end} is a revision behind a variant, set `revisions: {{{{variant}}}}{form}` and `variant: {head}`"
        )
    if is_variant(suffix):
        ways.append(f"If {suffix} is a variant, set `variant: {suffix}`")
    word = re.match("[A-Za-z]+", suffix)
    if word and _reads(rules.scheme._replace(channels=rules.scheme.channels | {word[0].lower()}), text):
        ways.append(f"If it is a prerelease, add `channels: {word[0].lower()}`")
    return "".join(f"{way}. " for way in ways).rstrip()


def _prefix_hint(rules: Rules, text: str, prefix: str) -> str:
    """Return a hint with the prefix before a version, as `app-` in `app-2.1.4`; empty where there is none."""
    for match in re.finditer(_START, text):
        rest, before = text[match.start() :], f"{prefix}{text[: match.start()]}".strip()
        if (
            match.start()
            and re.fullmatch(_PREFIX, before)
            and (_reads(rules.scheme, rest.partition("+")[0]) or _suffix_hint(rules, rest) or _hint(rules.scheme, rest))
        ):
            return f"Set `tag-prefix: {before}`."
    return ""
