"""The options of `prune`: what stays, a row each, with what reads them."""

import re
from typing import Any, NamedTuple

from tagger.errors import InputError
from tagger.settings.option import Option, lines, text, words

__all__ = ["LEVELS", "PruneOptions", "TagRule"]

LEVELS = ("major", "minor", "patch", "prerelease")
"""What `keep` counts: series of versions, and prereleases."""

_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_stays: dict[str, Any] = {"group": "what prune keeps", "commands": ("prune", "config")}


class TagRule(NamedTuple):
    """Which tags of a pattern stay: those younger than `age` seconds, or the `newest` ones."""

    pattern: str
    age: float | None = None
    newest: int | None = None

    def matches(self, tag: str) -> bool:
        """Say whether the rule is about a tag."""
        from fnmatch import translate  # few runs have such rules

        return re.match(translate(self.pattern), tag) is not None


def _level(entry: str) -> tuple[str, int]:
    name, _, number = entry.partition("=")
    if name not in LEVELS or not re.fullmatch(r"[0-9]{1,6}", number):
        raise InputError(f"{entry!r} is not what `keep` counts", "Write major=3 minor=2 patch=1 prerelease=1.")
    return name, int(number)


def _age(entry: str) -> float:
    match = re.fullmatch(r"([0-9]{1,6})([mhdw])", entry)
    if not match:
        raise InputError(f"{entry!r} is not an age", "Write a number of days, as 7d, or of hours, as 12h.")
    return float(int(match[1]) * _UNITS[match[2]])


def _share(entry: str) -> float:
    match = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%", entry)
    if not match or float(match[1]) > 100:
        raise InputError(f"{entry!r} is not a share", "Write a share of the versions, as 20%.")
    return float(match[1]) / 100


def _plan_id(entry: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{8,64}", entry):
        raise InputError(f"{entry!r} is not the id of a plan", "Copy the id from the report of `prune`.")
    return entry


def _tag_rule(entry: str) -> TagRule:
    pattern, *words = entry.split()
    limits: dict[str, Any] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name == "age":
            limits["age"] = _age(value)
        elif name == "count" and re.fullmatch(r"[0-9]{1,6}", value):
            limits["newest"] = int(value)
        else:
            raise InputError(f"{word!r} is no limit of {pattern}", "Write age=14d or count=20 behind the pattern.")
    if not re.fullmatch(r"[A-Za-z0-9_.*?-]{1,128}", pattern) or not limits:
        raise InputError(
            f"{entry!r} is not a rule for tags", "Write a pattern and its limit, as pr-* age=14d or sha-* count=20."
        )
    return TagRule(pattern, **limits)


def _first(entries: tuple[Any, ...]) -> Any:
    return entries[-1]


class PruneOptions:
    """What `prune` keeps, and what it may do."""

    keep = words(
        "keep",
        "Versions that stay: major=3 minor=2 patch=1 prerelease=1 keeps of the newest three majors the newest two "
        "minors each, of each the newest patch.",
        _level, metavar="LEVEL=N", **_stays,
    )  # fmt: skip
    grace: Option[float] = Option(
        "grace", "text", "What is younger stays, tagged or not.", read=_first, parse=_age, default="7d", metavar="AGE",
        **_stays,
    )  # fmt: skip
    limit: Option[float] = Option(
        "limit", "text", "The largest share of the versions that goes without `--force`.", read=_first, parse=_share,
        default="20%", metavar="SHARE", **_stays,
    )  # fmt: skip
    keep_tags = lines(
        "keep-tags", "Rules for tags that are no versions, one a line: pr-* age=14d, sha-* count=20.", _tag_rule,
        metavar="RULE", **_stays,
    )  # fmt: skip
    plan_id = text(
        "plan-id", "Delete just the plan with this id.", _plan_id, metavar="ID", in_file=False, **_stays,
    )  # fmt: skip
    restore = text(
        "restore", "Undo what a report says was deleted, where that can be.", metavar="FILE", in_file=False, **_stays,
    )  # fmt: skip
