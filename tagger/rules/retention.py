"""Decides which tags `prune` keeps: versions by `keep`, plain tags by `keep-tags`, and all by age."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from tagger.errors import InputError
from tagger.names import attached_to
from tagger.rules.cascade import Published, Rules
from tagger.rules.marks import is_reserved
from tagger.rules.plan import full_name
from tagger.rules.versions import Version

__all__ = [
    "Holdings", "Keep", "Retention", "TagRule", "Verdict", "duration", "judge", "keep_limit", "tag_rule",
]  # fmt: skip

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_KEPT = ("major", "minor", "patch", "prerelease")
_KEY = attrgetter("key")
_Value = TypeVar("_Value", int, Any)


class Keep(NamedTuple):
    """How many of the newest stay: majors, minors of each major, patches of each minor, prereleases; 0 is no limit."""

    major: int = 0
    minor: int = 0
    patch: int = 0
    prerelease: int = 0


class TagRule(NamedTuple):
    """Which plain tags that match `pattern` stay: those younger than `age` seconds, and the newest `most`.

    Without both, every tag that matches stays, exact tags too.
    """

    pattern: str
    age: float | None = None
    most: int | None = None

    @property
    def protects(self) -> bool:
        """Whether every tag that matches stays."""
        return self.age is None and self.most is None

    def fits(self, tag: str) -> bool:
        """Say whether a tag matches the pattern."""
        return fnmatchcase(tag, self.pattern)


class Retention(NamedTuple):
    """The settings that decide what stays. Whatever is younger than `grace` seconds stays too."""

    keep: Keep | None = None
    tag_rules: tuple[TagRule, ...] = ()
    grace: float = 0.0


class Holdings(NamedTuple):
    """What a repository holds: `tags` with their digests, its versions, and the owner of each floating tag.

    `ages` has the age of each image in seconds, by digest. An image that is not in it has an unknown age, which counts
    as younger than `grace`, except where that is 0.
    """

    tags: Mapping[str, str]
    published: Published
    owners: Mapping[str, Version]
    ages: Mapping[str, float] = MappingProxyType({})


class Verdict(NamedTuple):
    """The tags that stay and the tags that go, each with its reason.

    Tags of attached artifacts (`sha256-…`) are in neither: they follow their images. `versions` has the version of each
    exact tag, and that of the owner of each floating tag.
    """

    stays: Mapping[str, str]
    goes: Mapping[str, str]
    versions: Mapping[str, str] = MappingProxyType({})


def judge(holdings: Holdings, rules: Rules, retention: Retention) -> Verdict:
    """Decide for every tag whether it stays. A pure function.

    A version stays by `keep` (also a prerelease that is newer than the stable versions), by its mark, by its age, or by
    a rule that protects its tag. It stays too where a floating tag of a version that stays needs it.
    """
    exact = {tag: version for version, tags in holdings.published.exact.items() for tag in tags}
    kept = _kept_versions(holdings, rules, retention)
    stays: dict[str, str] = {}
    goes: dict[str, str] = {}
    plain = []
    for tag in sorted(holdings.tags):
        if is_reserved(tag):
            stays[tag] = "reserved for Tagger"
        elif tag in exact or tag in holdings.owners:
            owner = exact.get(tag) or holdings.owners[tag]
            if owner in kept:
                stays[tag] = kept[owner] if tag in exact else f"belongs to {full_name(owner)}, which stays"
            else:
                goes[tag] = "left out by `keep`" if tag in exact else "every version of its class goes"
        elif not attached_to(tag):
            plain.append(tag)
    _judge_plain(plain, holdings, retention, stays, goes)
    versions = {tag: version.text for tag, version in {**holdings.owners, **exact}.items() if tag in holdings.tags}
    return Verdict(stays, goes, versions)


def keep_limit(text: str) -> tuple[str, int]:
    """Read an entry of `keep`: `major=3`. Raise `InputError`."""
    name, _, number = text.partition("=")
    if name not in _KEPT or not re.fullmatch("[1-9][0-9]{0,5}", number):
        raise InputError(
            f"`keep` has {text!r}", "Write numbers of at least 1, as in major=3 minor=2 patch=1 prerelease=1."
        )
    return name, int(number)


def tag_rule(text: str) -> TagRule:
    """Read a line of `keep-tags`: `pr-* age=14d`, `sha-* count=20`, or a pattern alone. Raise `InputError`."""
    pattern, *limits = text.split()
    found: dict[str, str] = {}
    for limit in limits:
        name, equals, value = limit.partition("=")
        if name not in ("age", "count") or not equals or name in found:
            raise InputError(
                f"`keep-tags` has {text!r}", "Write a pattern and its limits: pr-* age=14d, sha-* count=20."
            )
        found[name] = value
    if "count" in found and not re.fullmatch("[0-9]{1,6}", found["count"]):
        raise InputError(f"`keep-tags` has {text!r}", "`count` is a number, as in sha-* count=20.")
    age = duration(found["age"]) if "age" in found else None
    return TagRule(pattern, age, int(found["count"]) if "count" in found else None)


def duration(text: str) -> float:
    """Read a time such as `7d`, `12h`, `90m`, `2w` or `0s`; return seconds. Raise `InputError`."""
    match = re.fullmatch(r"([0-9]{1,6})([smhdw])", text)
    if not match:
        raise InputError(f"{text!r} is not a time", "Write a number and s, m, h, d or w: 7d is seven days, 0s none.")
    return float(int(match[1]) * _UNITS[match[2]])


def _kept_versions(holdings: Holdings, rules: Rules, retention: Retention) -> dict[Version, str]:
    """Return the versions that stay, each with the reason."""
    published, keep = holdings.published, retention.keep
    kept: dict[Version, str] = {}
    if keep is None:
        return dict.fromkeys(published.versions, "no `keep` is set")
    for version in published.versions & published.withdrawn:
        kept[version] = "withdrawn: its mark needs it"
    for version in published.versions & published.held:
        kept.setdefault(version, "held: it waits for its approval")
    by_variant: dict[str, list[Version]] = defaultdict(list)
    for version in published.in_force:
        by_variant[version.variant].append(version)
    for versions in by_variant.values():
        for version in _newest(versions, keep, rules.channels):
            kept.setdefault(version, "kept by `keep`")
    for version in published.versions - kept.keys():
        tags = published.exact[version]
        if any(_is_protected(tag, retention) for tag in tags):
            kept[version] = "protected by `keep-tags`"
        elif any(_is_young(tag, holdings, retention.grace) for tag in tags):
            kept[version] = "younger than `grace`"
    return _with_owners(kept, holdings, rules)


def _with_owners(kept: dict[Version, str], holdings: Holdings, rules: Rules) -> dict[Version, str]:
    """Add, for each floating tag of a version that stays, its owner and the prerelease that a channel's tag needs."""
    owners, in_force = holdings.owners, holdings.published.in_force
    makers = _makers(owners, in_force, rules)
    todo = [version for version in kept if version in in_force]
    while todo:
        version = todo.pop()
        for one in rules.classes(version, rules.channels):
            owner = owners.get(one.tag)
            for needed in filter(None, (owner, makers.get(one.tag) if owner else None)):
                if needed not in kept:
                    kept[needed] = f"owns {one.tag}" if needed == owner else f"makes {one.tag} a channel's tag"
                    todo.append(needed)
    return kept


def _makers(owners: Mapping[str, Version], in_force: Iterable[Version], rules: Rules) -> dict[str, Version]:
    """Return the newest prerelease of each channel's tag: without a prerelease the tag would have no owner."""
    found: dict[str, Version] = {}
    for version in in_force if rules.channels else ():
        if version.prerelease and version in rules.stable:
            for one in rules.classes(version):
                if one.tag in owners and (one.tag not in found or found[one.tag] < version):
                    found[one.tag] = version
    return found


def _newest(versions: Sequence[Version], keep: Keep, channels: Collection[str]) -> Iterator[Version]:
    """Yield the versions of one variant that `keep` keeps: of the newest majors the newest minors, and so on.

    Prereleases stay while no stable version of their major is newer. Each channel is counted by itself.
    """
    stable = [version for version in versions if not version.prerelease]
    newest = max(stable, key=_KEY, default=None)
    by_major = _by_number(stable, 0)
    standing = _largest(by_major, keep.major)
    for major in standing:
        minors = _by_number(by_major[major], 1)
        for minor in _largest(minors, keep.minor):
            keys = set(_largest({version.key for version in minors[minor]}, keep.patch))
            yield from (version for version in minors[minor] if version.key in keys)
    last = {major: max(by_major[major], key=_KEY) for major in standing}
    ahead: dict[tuple[int, str], list[Version]] = defaultdict(list)
    for version in versions:
        before = last.get(_number(version, 0), newest)
        if version.prerelease and (before is None or version > before):
            channel = version.channel if version.channel in channels else ""
            ahead[_number(version, 0), channel].append(version)
    for line in ahead.values():
        yield from sorted(line, key=_KEY, reverse=True)[: keep.prerelease or None]


def _by_number(versions: Iterable[Version], index: int) -> dict[int, list[Version]]:
    groups: dict[int, list[Version]] = defaultdict(list)
    for version in versions:
        groups[_number(version, index)].append(version)
    return groups


def _number(version: Version, index: int) -> int:
    return int(version.numbers[index]) if index < len(version.numbers) else 0


def _largest(values: Iterable[_Value], most: int) -> list[_Value]:
    """Return the `most` largest values, the largest first; all of them where there is no limit."""
    return sorted(values, reverse=True)[: most or None]


def _is_young(tag: str, holdings: Holdings, grace: float) -> bool:
    age = holdings.ages.get(holdings.tags.get(tag, ""))
    return grace > 0 and (age is None or age < grace)


def _is_protected(tag: str, retention: Retention) -> bool:
    return any(rule.protects and rule.fits(tag) for rule in retention.tag_rules)


def _judge_plain(
    tags: Collection[str], holdings: Holdings, retention: Retention, stays: dict[str, str], goes: dict[str, str]
) -> None:
    """Decide for the tags that belong to no version: the first rule that matches applies."""
    groups: dict[TagRule, list[str]] = defaultdict(list)
    for tag in tags:
        rule = next((rule for rule in retention.tag_rules if rule.fits(tag)), None)
        if rule is None:
            stays[tag] = "is no version, and no rule names it"
        elif _is_protected(tag, retention):
            stays[tag] = "protected by `keep-tags`"
        else:
            groups[rule].append(tag)
    for rule, group in groups.items():
        newest = _newest_plain(group, holdings, rule)
        for tag in group:
            age = holdings.ages.get(holdings.tags[tag])
            if _is_young(tag, holdings, retention.grace):
                stays[tag] = "younger than `grace`"
            elif age is None:
                stays[tag] = f"its age is unknown, and {rule.pattern} needs it"
            elif tag in newest:
                stays[tag] = f"one of the newest {rule.most} of {rule.pattern}"
            elif rule.age is not None and age < rule.age:
                stays[tag] = f"younger than the limit of {rule.pattern}"
            else:
                goes[tag] = f"left out by {rule.pattern} of `keep-tags`"


def _newest_plain(tags: Iterable[str], holdings: Holdings, rule: TagRule) -> frozenset[str]:
    dated = sorted((age, tag) for tag in tags if (age := holdings.ages.get(holdings.tags[tag])) is not None)
    return frozenset(tag for _, tag in dated[: rule.most or 0])
