"""Reads from the tags of a repository which variants, revisions, templates, aliases and channels it may have."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from tagger.rules.assessment import Assessment
from tagger.rules.revisions import SUFFIX, guess_form
from tagger.rules.versions import Scheme, Version, is_prerelease_word
from tagger.rules.words import is_variant

__all__ = ["Hints", "hints", "lengths", "may_be_alias", "odd_forms", "prefixes", "revision_forms", "variants_of"]

Texts = tuple[str, ...]
_HEAD = re.compile(r"((?:[A-Za-z_][A-Za-z0-9_]*[-.])*?[vV]?)(?=[0-9]+\.[0-9])")
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_RESIDUAL = re.compile(r"([A-Za-z_.-]*?)([0-9]+(?:\.[0-9]+)*)(?:-([A-Za-z]+))?")
# A number alone is a revision behind a variant where it is as long as a date: the variant debian-12 ends in one too.
_BEHIND = re.compile(r"-[A-Za-z]\w*(?:-[0-9]+)?([-_](?:(?:r|rev|build)[0-9]+|[0-9]{6,}))\Z")
# Words for the newest version of all. Other words may be codenames, which never move: no template makes them.
NEWEST_WORDS = frozenset(
    {"current", "devel", "development", "edge", "fresh", "innovation", "live", "main", "mainline", "newest", "prod"}
    | {"production", "release", "rolling", "stable", "unstable"}
)
# A word of at most two letters, or one with a dot, stands before the number: `-v1`, `-ce.0`, `-debian-12-r2`.
_ODD = re.compile(r"([-_](?:[A-Za-z][A-Za-z0-9_-]*[-_])?(?:[A-Za-z]{1,2}|[A-Za-z]+\.))[0-9]+")
MOST_SHAPES, MOST_ODD = 2, 6
_LEVELS = (
    "{{major}}",
    "{{major}}.{{minor}}",
    "{{major}}.{{minor}}.{{patch}}",
    "{{major}}.{{minor}}.{{patch}}.{{revision}}",
)


def prefixes(tags: Iterable[str]) -> Counter[str]:
    """Return what stands before the numbers of tags that look like versions, and how often."""
    return Counter(match[1] for tag in tags if (match := _HEAD.match(tag)))


def revision_forms(tags: Iterable[str], before: Iterable[str]) -> Counter[str]:
    """Return the forms of revisions that tags may have, and how often."""
    forms = Counter[str]()
    for rest in _rests(tags, before):
        match = SUFFIX.match(rest)
        if match and rest[match.end() :][:1] in ("", "-"):
            forms[guess_form(match[0])] += 1
        elif (match := _BEHIND.search(rest)) is not None:
            forms["{{variant}}" + guess_form(match[1])] += 1
    return forms


def odd_forms(tags: Iterable[str], before: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield groups of forms of revisions with unusual words; the forms of one group differ only in a number.

    `17.5.1-ce.0` gives `-ce.N`. `-debian-11-rN` and `-debian-12-rN` are one group, and could be variants as well.
    """
    shapes = defaultdict[str, Counter[str]](Counter)
    for rest in _rests(tags, before):
        match = _ODD.fullmatch(rest)
        if match and not SUFFIX.fullmatch(rest) and not is_prerelease_word(match[1][1:]):
            shapes[re.sub("[0-9]+", "0", match[1])][f"{match[1]}N"] += 1
    for forms in sorted(shapes.values(), key=lambda forms: -forms.total())[:MOST_SHAPES]:
        if len(forms) <= MOST_ODD:
            yield tuple(sorted(forms))


def _rests(tags: Iterable[str], before: Iterable[str]) -> Iterator[str]:
    """Yield what stands behind the numbers of each tag."""
    for _, body in _bodies(tags, before):
        yield _NUMBERS.sub("", body, count=1)


def variants_of(tags: Iterable[str], before: Iterable[str], scheme: Scheme, length: int) -> Counter[str]:
    """Return what stands behind versions of `length` numbers (any, if 0) and may be a variant, and how often."""
    found = Counter[str]()
    bodies = dict.fromkeys(body for _, body in _bodies(tags, before))
    for body in bodies:
        for form in scheme.behind:
            split = form.split(body)
            body = split[0] if split else body
        for end in (len(body), *(match.start() for match in reversed(list(re.finditer("-", body))))):
            version, suffix = scheme.read(body[:end], "x"), body[end + 1 :]
            # A prerelease with a hyphen may have a variant in it: 2.1.4-rc.1-alpine.
            if version is None or "-" in version.prerelease or is_prerelease_word(suffix):
                continue
            last = suffix.rpartition("-")[2]  # 2.1.4-ubi-rc is a prerelease where 2.1.4-rc stands beside it
            if last != suffix and is_prerelease_word(last) and f"{version.text}-{last}" in bodies:
                break
            if suffix and is_variant(suffix) and length in (0, len(version.numbers)):
                found[suffix] += 1
            break
    return found


def lengths(tags: Iterable[str], before: Iterable[str]) -> Counter[int]:
    """Count tags by how many numbers they have, without those that are a shorter form of another tag."""
    numbers = {(match[0], body[match.end() :]) for _, body in _bodies(tags, before) if (match := _NUMBERS.match(body))}
    shorter = {(text.rpartition(".")[0], end) for text, end in numbers}
    for text, end in list(shorter):
        while "." in text:
            text = text.rpartition(".")[0]
            shorter.add((text, end))
    return Counter(text.count(".") + 1 for text, end in numbers if (text, end) not in shorter and "." in text)


class Hints(NamedTuple):
    """What floating tags suggest: templates, aliases with the variants of their images, channels with their words."""

    templates: Counter[str]
    aliases: Mapping[str, Counter[str]]
    channels: Mapping[str, Counter[str]]


def hints(found: Assessment, images: Mapping[str, str | None]) -> Hints:
    """Return what the tags suggest that stand at images of versions and that the settings of `found` do not explain."""
    versions: dict[str | None, list[Version]] = defaultdict(list)
    for tag, version in found.exact.items():
        versions[images[tag]].append(version)
    templates = Counter[str]()
    aliases: dict[str, Counter[str]] = defaultdict(Counter)
    channels: dict[str, Counter[str]] = defaultdict(Counter)
    own_latest = any(re.fullmatch(r".+-latest|latest-.+", tag) for tag in images)
    first = any(text.startswith("{{variant}}") for text in found.candidate.tags)
    heads = {
        text.removesuffix("{{version}}")
        for text in found.candidate.tags
        if text.endswith(("-{{version}}", ".{{version}}"))
    }
    declared = [variant for variant in found.rules.variants if variant]
    for tag in (*found.unexplained(images), *_shadows(found, versions, images)):
        own = next((one for one in declared if _has(tag, one, first=first)), "")
        exact = {version.variant for version in versions[images[tag]]}
        for version in versions[images[tag]]:
            if own in exact and own and version.variant != own:
                continue
            for variant, residual in _residuals(tag, version, own, first=first):
                named = [(residual, "")] if residual.endswith("latest") and residual[:-6] in heads else ()
                for template, channel in (*named, *_templates(residual, version, variant, first=first)):
                    if template == "{{variant}}" and not own_latest:  # it means the same as `latest`
                        continue
                    templates[template] += 1
                    if channel:
                        channels[channel][version.channel] += 1
                    if variant != version.variant:
                        aliases[variant][version.variant] += 1
    return Hints(templates, aliases, channels)


def _shadows(
    found: Assessment, versions: Mapping[str | None, list[Version]], images: Mapping[str, str | None]
) -> Iterator[str]:
    """Yield tags that are read as versions but are floating: a version of the same image says more."""
    for tag, version in found.exact.items():
        others = (one for one in versions[images[tag]] if one.variant == version.variant and one != version)
        for one in others:
            revised = bool(one.build) and not version.build and one.numbers == version.numbers
            named = version.prerelease.isalpha() and len(one.prerelease) > len(version.prerelease)
            if revised or (named and one.numbers[: len(version.numbers)] == version.numbers):
                yield tag
                break


def _bodies(tags: Iterable[str], before: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield what stands before the numbers of each tag, if it is one of `before`, and what follows."""
    ordered = sorted(before, key=len, reverse=True)
    for tag in tags:
        for prefix in ordered:
            if tag.startswith(prefix) and tag[len(prefix) : len(prefix) + 1].isdecimal():
                yield prefix, tag[len(prefix) :]
                break


def may_be_alias(alias: str, member: str) -> bool:
    """Say whether a name may be an alias of a variant: one is a part of the other, as `alpine` of `jdk-alpine-3.21`."""
    return alias[:3] == member[:3] or _is_within(alias, member) or _is_within(member, alias)


def _is_within(short: str, long: str) -> bool:
    return re.search("(?:\\A|-)" + ".*-".join(map(re.escape, short.split("-"))), long) is not None


def _has(tag: str, variant: str, *, first: bool) -> bool:
    return tag == variant or (tag.startswith(f"{variant}-") if first else tag.endswith(f"-{variant}"))


def _residuals(tag: str, version: Version, own: str, *, first: bool) -> Iterator[tuple[str, str]]:
    """Yield each variant that the tag may belong to, and the tag without it."""
    if own:
        rest = "" if tag == own else tag.removeprefix(f"{own}-") if first else tag.removesuffix(f"-{own}")
        yield own, rest
        return
    yield "", tag
    if version.variant:  # an alias, whose name nobody declared
        match = re.fullmatch(r"(latest|[A-Za-z_.]*?[0-9]+(?:\.[0-9]+)*)-([A-Za-z].*)", tag)
        if match and is_variant(match[2]) and not is_prerelease_word(match[2]):
            yield match[2], match[1]
        elif is_variant(tag) and may_be_alias(tag, version.variant):
            yield tag, ""


def _templates(residual: str, version: Version, variant: str, *, first: bool) -> Iterator[tuple[str, str]]:
    """Yield the templates that make a tag, given without its variant, each with the channel that the tag names."""
    if residual == "":
        yield from (("latest", ""), ("{{variant}}", ""))
        return
    if residual == "latest":
        yield "latest" if not variant else "{{variant}}-latest" if first else "latest-{{variant}}", ""
        return
    suffix, prefix = ("", "{{variant}}-") if first and variant else ("", "")
    match = _RESIDUAL.fullmatch(residual)
    if match is None:
        if re.fullmatch(r"[A-Za-z]+", residual) and (version.prerelease or is_prerelease_word(residual)):
            yield f"{prefix}{{{{channel}}}}{suffix}", residual
        if not version.prerelease and residual in NEWEST_WORDS:
            yield f"{prefix}{residual}{suffix}", ""
        return
    numbers, length = match[2].split("."), match[2].count(".") + 1
    if tuple(numbers) != version.numbers[:length]:
        return
    level = f"{prefix}{match[1]}{_LEVELS[length - 1]}" if length <= len(_LEVELS) else ""
    if level and (not match[3] or match[3] in ("latest", *NEWEST_WORDS)):
        if not version.prerelease:
            yield f"{level}-{match[3]}" if match[3] else level, ""
    elif level and (version.prerelease or is_prerelease_word(match[3])):
        yield f"{level}-{{{{channel}}}}", match[3].lower()
