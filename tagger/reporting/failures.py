"""The errors of a report, each once, with the repositories that share it."""

from collections.abc import Sequence
from copy import copy

from tagger.errors import TaggerError
from tagger.results import Report

__all__ = ["failures"]

NAMED = 3
"""The most repositories that are named when they share an error; the others are counted."""


def failures(report: Report) -> Sequence[TaggerError]:
    """Return the errors of a report. One that several repositories have is given once, and names the first of them."""
    found: dict[tuple[str, str, str], list[str]] = {}
    errors: dict[tuple[str, str, str], TaggerError] = {}
    for outcome in report.repositories:
        if outcome.error:
            place = outcome.repository if outcome.error.message.startswith(f"{outcome.repository}: ") else ""
            message = outcome.error.message.removeprefix(f"{place}: ")
            key = (message, outcome.error.hint, outcome.error.code)
            found.setdefault(key, []).append(place)
            errors.setdefault(key, outcome.error)
    said = {one.error.message for one in report.repositories if one.error}
    shown = [
        _with_repositories(errors[key], key[0], list(dict.fromkeys(filter(None, places))))
        for key, places in found.items()
    ]
    return [*([report.error] if report.error and report.error.message not in said else []), *shown]


def _with_repositories(error: TaggerError, message: str, places: Sequence[str]) -> TaggerError:
    if len(places) < 2:
        return error
    more = f" and {len(places) - NAMED:,} more" if len(places) > NAMED else ""
    named = copy(error)
    named.message = f"{', '.join(places[:NAMED])}{more}: {message}"
    return named
