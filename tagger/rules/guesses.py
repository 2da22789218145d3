"""Guesses from the tags of a repository how its versions are written."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import product

from tagger.rules.assessment import Candidate
from tagger.rules.evidence import lengths, odd_forms, prefixes, revision_forms, variants_of
from tagger.rules.versions import Scheme, is_prerelease_word

__all__ = ["EXACT", "first_guesses"]

EXACT = "{{version}}"
MOST_FORMS = 3
FEWEST = 2  # so many tags have to begin with a variant before a template says so

Texts = tuple[str, ...]


def first_guesses(images: Collection[str]) -> Iterator[Candidate]:
    """Yield first guesses: scheme, revisions and exact templates, with the variants that have exact tags."""
    counts = prefixes(images)
    for templates, before in _exact_templates(counts):
        forms = [form for form, _ in revision_forms(images, before).most_common(MOST_FORMS)]
        bodies = [tag[len(start) :] for tag in images for start in before if tag.startswith(start)]
        words = _words(bodies)
        choices = (*_choices(forms), *odd_forms(images, before))
        for scheme, revisions, channels in product(_schemes(bodies), choices, ((), words) if words else ((),)):
            build = "underscore" if any("_" in body for body in bodies) and "_N" not in revisions else "refuse"
            made = Scheme.of(scheme, build if scheme != "pep440" else "refuse", revisions)
            usual = lengths(images, before).most_common()
            for mixed in (False, True) if scheme != "semver" else (False,):
                length = 0 if mixed or not usual else 3 if scheme == "semver" else usual[0][0]
                if "{{variant}}" in templates[-1]:
                    variants = [start.rstrip("vV").rstrip("-.") for start in before if start.rstrip("vV")]
                else:
                    variants = list(variants_of(images, before, made, length))
                yield Candidate(
                    scheme, mixed, made.build_metadata, revisions, templates, tuple(sorted(variants)), channels
                )


def _exact_templates(counts: Mapping[str, int]) -> Iterator[tuple[Texts, Texts]]:
    """Yield exact templates, and what stands before the numbers in them."""
    total = sum(counts.values())
    usual = [start for start, count in counts.items() if start in ("", "v") or count >= total / 50]
    usual.sort(key=lambda start: -counts[start])
    for start in usual[:3]:
        yield (f"{start}{EXACT}",), (start,)
    if "" in usual and "v" in usual:
        yield tuple(f"{start}{EXACT}" for start in usual if start in ("", "v")), ("", "v")
    words = [start for start in counts if start.rstrip("vV") and start.rstrip("vV")[-1] in "-."]
    if sum(counts[start] for start in words) >= FEWEST:
        letter = "v" if all(start.endswith("v") for start in words) else ""
        between = words[0].rstrip("v")[-1]
        starts = tuple(start for start in words if start.endswith(f"{between}{letter}"))
        template = f"{{{{variant}}}}{between}{letter}{EXACT}"
        bare = (f"{letter}{EXACT}",) if letter in counts else ()
        yield (*bare, template), (*starts, *([letter] if bare else []))


def _schemes(bodies: Collection[str]) -> Iterator[str]:
    """Yield the schemes that the versions could follow."""
    if any(re.match(r"(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?![0-9.])", body) for body in bodies):
        yield "semver"
    dated = any(re.match(r"(?:20\d\d|\d\d)\.0\d", body) for body in bodies)
    yield "calver" if dated else "numeric"
    if any(re.match(r"[0-9.]+(?:(?:a|b|rc)\d|\.post\d|\.dev\d)", body) for body in bodies):
        yield "pep440"


def _words(bodies: Iterable[str]) -> Texts:
    """Return the prerelease words that stand behind a version without a number, as in `3.15-rc`."""
    found = {match[1] for body in bodies if (match := re.match(r"[0-9]+(?:\.[0-9]+)*-([a-z]+)(?![a-z0-9.])", body))}
    return tuple(sorted(word for word in found if is_prerelease_word(word)))


def _choices(forms: Sequence[str]) -> Iterator[Texts]:
    yield ()
    for form in forms:
        yield (form,)
    if len(forms) > 1:
        yield tuple(forms)
