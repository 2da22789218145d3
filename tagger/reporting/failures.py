"""What went wrong in a run, each failure once: one of several repositories names them all."""

from collections.abc import Sequence
from copy import copy

from tagger.errors import TaggerError
from tagger.results import Report

__all__ = ["failures"]

NAMED = 3
"""As many repositories are named of one failure; of the others, how many they are."""


def failures(report: Report) -> Sequence[TaggerError]:
    """Return the errors of a report, those that say the same of several repositories as one."""
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
    shown = [_of_all(errors[key], key[0], list(dict.fromkeys(filter(None, places)))) for key, places in found.items()]
    return [*([report.error] if report.error and report.error.message not in said else []), *shown]


def _of_all(error: TaggerError, message: str, places: Sequence[str]) -> TaggerError:
    if len(places) < 2:
        return error
    more = f" and {len(places) - NAMED:,} more" if len(places) > NAMED else ""
    told = copy(error)
    told.message = f"{', '.join(places[:NAMED])}{more}: {message}"
    return told
