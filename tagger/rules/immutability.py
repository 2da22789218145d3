"""The rule for immutable tags that a registry needs: it matches exact tags, and no floating ones."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from tagger.rules.cascade import Rules
from tagger.rules.marks import HELD_MARK, POLICY_TAG, WITHDRAWN_MARK
from tagger.rules.patterns import compile_pattern
from tagger.rules.templates import PARTS, Template

__all__ = ["Immutability", "Protection", "immutability", "protection"]

_SUFFIX = r"(-[0-9A-Za-z.-]+)?"
_SAMPLES = ("1.2.3", "10.20.30", "2.1.4.7", "3.24", "2026.07.1", "2.1.4-rc.1", "3.15.0rc1", "2.1.4_5", "4.0.0-beta-2")
_DIGIT = "{0,1,2,3,4,5,6,7,8,9}"
"""A digit in a pattern of Harbor, which has alternatives but no character classes."""

_MOVING = (
    "latest",
    "nightly",
    "main",
    "sha-1a2b3c4",
    f"{WITHDRAWN_MARK}2.1.4",
    f"{HELD_MARK}2.1.4",
    POLICY_TAG,
    f"sha256-{'0' * 64}.sig",
)
"""Tags that must stay mutable under all settings: a withdrawal can be undone, a second signature can be added."""


class Immutability(NamedTuple):
    """Which tags may be immutable: `expression` in RE2 (Docker Hub, Quay, GitLab), and wildcards for others.

    `ecr` is an exclusion filter for ECR's MUTABLE_WITH_EXCLUSION, with at most two wildcards. `harbor` is a pattern for
    Harbor. Both are empty where wildcards cannot tell exact tags from tags that move.
    """

    expression: str
    ecr: str
    harbor: str


class Protection(NamedTuple):
    """How far a registry's rules protect a repository: exact tags that may still move, and moving tags that may not."""

    open: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()


def protection(expressions: Iterable[str], exact: Iterable[str], moving: Iterable[str]) -> Protection:
    """Compare the expressions of a registry's immutable tags with exact tags, and with tags that have to move.

    Raise `InputError` for an expression that Python's `re` cannot read, or whose search could take long.
    """
    patterns = [compile_pattern(one) for one in expressions]

    def matches(tag: str) -> bool:
        return any(pattern.fullmatch(tag) for pattern in patterns)

    return Protection(tuple(tag for tag in exact if not matches(tag)), tuple(tag for tag in moving if matches(tag)))


def immutability(rules: Rules) -> Immutability:
    """Return the rule that fits. It matches no floating tag; it may leave out exact tags of few numbers."""
    expression = "^(" + "|".join(dict.fromkeys(_expression(template, rules) for template in rules.exact)) + ")$"
    exact, floating = _tags(rules)
    exact = {tag for tag in exact if re.fullmatch(expression, tag)}

    def fitting(most: int, digit: str) -> str:
        """Return the shortest pattern of up to `most` wildcards that matches the exact tags and no floating one."""
        for pattern in _patterns(rules, most, digit):
            fits = exact and all(fnmatchcase(tag, pattern) for tag in exact)
            if fits and not any(fnmatchcase(tag, pattern) for tag in floating):
                return pattern
        return ""

    return Immutability(expression, fitting(2, ""), fitting(4, "[0-9]").replace("[0-9]", _DIGIT))


def _expression(template: Template, rules: Rules) -> str:
    """Return the expression for one exact template."""
    members = [family.expression for family in rules.families]
    names = "|".join((*(re.escape(variant) for variant in rules.variants if variant), *members))
    written = []
    for literal, field in template.pieces:
        written.append(re.escape(literal))
        if field:
            written.append(
                {"version": _version(rules), "raw": f"[vV]?{_version(rules)}", "variant": f"({names})"}.get(
                    field, r"[0-9]+" if field in PARTS else r"[0-9A-Za-z.-]+"
                )
            )
    if names and "variant" not in template.fields:
        written.append(f"(-({names})){'?' if '' in rules.variants else ''}")
    if behind := [form.pattern for form in rules.scheme.behind]:
        written.append(f"({'|'.join(behind)}){'' if _most(rules) >= 3 else '?'}")
    return "".join(written)


def _most(rules: Rules) -> int:
    """Return how many numbers floating tags have, at most."""
    floating = (template for template in rules.templates if template.is_floating)
    named = (PARTS[field] + 1 for template in floating for field in template.fields if field in PARTS)
    return max(named, default=0)


def _version(rules: Rules) -> str:
    """Return the expression for a version with more numbers than any floating tag has."""
    most = _most(rules)
    several = most >= 3 and (rules.families or any(one.is_channel for one in rules.templates))
    suffix = "" if several else _SUFFIX
    builds = ["_[0-9A-Za-z.-]+"] if rules.scheme.build_metadata == "underscore" else []
    builds += [form.pattern for form in rules.scheme.revisions if not form.behind]
    build = f"({'|'.join(builds)}){'' if most >= 3 else '?'}" if builds else ""
    if rules.scheme.name == "semver":
        return rf"[0-9]+\.[0-9]+\.[0-9]+{suffix}{build}"
    numbers = rf"[0-9]+(\.[0-9]+){{{min(max(most, 1), 3)},3}}"
    if rules.scheme.name == "pep440":
        return rf"{numbers}((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?"
    return rf"{numbers}([A-Za-z]+\.?[0-9]+)?{suffix}{build}"


def _patterns(rules: Rules, most: int, digit: str) -> Iterator[str]:
    """Yield patterns: the common start of all exact tags, else `digit`, then up to `most` wildcards between dots."""
    begins = {template.pieces[0][0] for template in rules.exact}
    begin = begins.pop() if len(begins) == 1 else ""
    for wildcards in range(1, most + 1):
        yield (begin or digit) + ".".join("*" * wildcards)


def _tags(rules: Rules) -> tuple[set[str], set[str]]:
    """Return the exact tags of sample versions, and their floating tags with the other tags that have to move."""
    exact, floating = set[str](), set(_MOVING)
    behind = [f"{form.before}7" for form in rules.scheme.revisions]
    examples = (*rules.variants, *(family.example for family in rules.families))
    for text in (*_SAMPLES, *(f"{sample}{end}" for sample in _SAMPLES for end in behind)):
        version = rules.scheme.read(text)
        if version is None:
            continue
        for made in map(version.of_variant, examples):
            exact.update(rules.exact_tags(made))
            floating.update(rules.floating_tags(made, rules.channels))
    return exact, floating - exact
