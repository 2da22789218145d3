"""Dates in the format of moment.js, in English (momentjs.com/docs, "Display", "Format")."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from tagger.errors import InputError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = ["moment", "zone"]

LONGEST = 200  # characters of a format
_TOKEN = re.compile(
    r"\[([^\[\]]*)\]|\\(.)|[Hh]mm(?:ss)?|Mo|MM?M?M?|Do|DDDo|DD?D?D?|ddd?d?|do?|w[ow]?|W[oW]?|Qo?|N{1,5}|YYYYYY|YYYYY|YYYY"
    r"|YY|y{2,4}|yo?|gg(?:ggg?)?|GG(?:GGG?)?|e|E|a|A|hh?|HH?|kk?|mm?|ss?|S{1,9}|x|X|zz?|ZZ?|LTS|LT|LL?L?L?|l{1,4}|."
)
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_LONG = {
    "LTS": "h:mm:ss A", "LT": "h:mm A", "L": "MM/DD/YYYY", "LL": "MMMM D, YYYY", "LLL": "MMMM D, YYYY h:mm A",
    "LLLL": "dddd, MMMM D, YYYY h:mm A", "l": "M/D/YYYY", "ll": "MMM D, YYYY", "lll": "MMM D, YYYY h:mm A",
    "llll": "ddd, MMM D, YYYY h:mm A",
}  # fmt: skip


def zone(name: str) -> "ZoneInfo":
    """Return a time zone by its name in the tz database. Raise `InputError` where there is none."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InputError(
            f"there is no time zone {name!r}", "Write one of the tz database, as UTC or Europe/Paris."
        ) from error


def moment(when: datetime, form: str, tz: str = "UTC") -> str:
    """Write a time with a time zone in a format and another time zone; text that is no token stays as it is.

    Without a format it is written as in ISO 8601. Raise `InputError` for an unknown time zone, and for a format that is
    too long.
    """
    if len(form) > LONGEST:
        raise InputError(f"the format of a date has {len(form)} characters", f"At most {LONGEST} are read.")
    local = when.astimezone(zone(tz))
    return _format(local, form or f"YYYY-MM-DDTHH:mm:ss{'Z' if local.utcoffset() else '[Z]'}")


def _format(when: datetime, form: str) -> str:
    def token(match: re.Match[str]) -> str:
        if match[1] is not None or match[2]:
            return match[1] or match[2] or ""
        text = match[0]
        if text in _LONG:
            return _format(when, _LONG[text])
        if set(text) == {"S"}:
            return f"{when.microsecond // 1000:03}{'0' * 6}"[: len(text)]
        write = _WRITERS.get(text)
        return write(when) if write else text

    return _TOKEN.sub(token, form)


def _ordinal(number: int) -> str:
    end = "th" if 10 < number % 100 < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{end}"


def _day(when: datetime) -> int:
    """Return the day of the week, 0 on Sunday."""
    return when.isoweekday() % 7


def _week(when: datetime) -> tuple[int, int]:
    """Return the year and the week of moment's English locale: weeks begin on Sunday, the first one has 1 January."""
    saturday = when.date() + timedelta(days=6 - _day(when))
    first = date(saturday.year, 1, 1)
    sunday = first - timedelta(days=first.isoweekday() % 7)
    return saturday.year, (saturday - sunday).days // 7 + 1


def _offset(when: datetime, colon: str) -> str:
    minutes = round((when.utcoffset() or timedelta()).total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}{colon}{abs(minutes) % 60:02}"


def _twelve(when: datetime) -> int:
    return when.hour % 12 or 12


def _yday(when: datetime) -> int:
    return when.timetuple().tm_yday


def _seconds(when: datetime) -> int:
    return int((when.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() // 1)


_WRITERS: dict[str, Callable[[datetime], str]] = {
    "M": lambda when: str(when.month),
    "Mo": lambda when: _ordinal(when.month),
    "MM": lambda when: f"{when.month:02}",
    "MMM": lambda when: _MONTHS[when.month - 1][:3],
    "MMMM": lambda when: _MONTHS[when.month - 1],
    "Q": lambda when: str((when.month + 2) // 3),
    "Qo": lambda when: _ordinal((when.month + 2) // 3),
    "D": lambda when: str(when.day),
    "Do": lambda when: _ordinal(when.day),
    "DD": lambda when: f"{when.day:02}",
    "DDD": lambda when: str(_yday(when)),
    "DDDo": lambda when: _ordinal(_yday(when)),
    "DDDD": lambda when: f"{_yday(when):03}",
    "d": lambda when: str(_day(when)),
    "do": lambda when: _ordinal(_day(when)),
    "dd": lambda when: _DAYS[_day(when)][:2],
    "ddd": lambda when: _DAYS[_day(when)][:3],
    "dddd": lambda when: _DAYS[_day(when)],
    "e": lambda when: str(_day(when)),
    "E": lambda when: str(when.isoweekday()),
    "w": lambda when: str(_week(when)[1]),
    "wo": lambda when: _ordinal(_week(when)[1]),
    "ww": lambda when: f"{_week(when)[1]:02}",
    "W": lambda when: str(when.isocalendar().week),
    "Wo": lambda when: _ordinal(when.isocalendar().week),
    "WW": lambda when: f"{when.isocalendar().week:02}",
    "Y": lambda when: str(when.year),
    "YY": lambda when: f"{when.year % 100:02}",
    "YYYY": lambda when: f"{when.year:04}",
    "YYYYY": lambda when: f"{when.year:05}",
    "YYYYYY": lambda when: f"+{when.year:06}",
    "y": lambda when: str(when.year),
    "yo": lambda when: _ordinal(when.year),
    "yy": lambda when: f"{when.year:02}",
    "yyy": lambda when: f"{when.year:03}",
    "yyyy": lambda when: f"{when.year:04}",
    "N": lambda _: "AD",
    "NN": lambda _: "AD",
    "NNN": lambda _: "AD",
    "NNNN": lambda _: "Anno Domini",
    "NNNNN": lambda _: "AD",
    "gg": lambda when: f"{_week(when)[0] % 100:02}",
    "gggg": lambda when: f"{_week(when)[0]:04}",
    "GG": lambda when: f"{when.isocalendar().year % 100:02}",
    "GGGG": lambda when: f"{when.isocalendar().year:04}",
    "A": lambda when: "AM" if when.hour < 12 else "PM",
    "a": lambda when: "am" if when.hour < 12 else "pm",
    "H": lambda when: str(when.hour),
    "HH": lambda when: f"{when.hour:02}",
    "Hmm": lambda when: f"{when.hour}{when.minute:02}",
    "Hmmss": lambda when: f"{when.hour}{when.minute:02}{when.second:02}",
    "h": lambda when: str(_twelve(when)),
    "hh": lambda when: f"{_twelve(when):02}",
    "hmm": lambda when: f"{_twelve(when)}{when.minute:02}",
    "hmmss": lambda when: f"{_twelve(when)}{when.minute:02}{when.second:02}",
    "k": lambda when: str(when.hour or 24),
    "kk": lambda when: f"{when.hour or 24:02}",
    "m": lambda when: str(when.minute),
    "mm": lambda when: f"{when.minute:02}",
    "s": lambda when: str(when.second),
    "ss": lambda when: f"{when.second:02}",
    "x": lambda when: str(_seconds(when) * 1000 + when.microsecond // 1000),
    "X": lambda when: str(_seconds(when)),
    "z": lambda when: when.tzname() or "",
    "zz": lambda when: when.tzname() or "",
    "Z": lambda when: _offset(when, ":"),
    "ZZ": lambda when: _offset(when, ""),
}
