"""Dates in the tokens of moment.js."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.rules.rows.dates import LONGEST, moment

WHEN = datetime(2026, 3, 9, 5, 7, 3, 45_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("YYYYMMDD", "20260309"),
        ("YYYY-MM-DD[T]HH:mm:ss.SSS", "2026-03-09T05:07:03.045"),
        ("YY.M.D", "26.3.9"),
        ("MMM MMMM Do dddd ddd dd d E", "Mar March 9th Monday Mon Mo 1 1"),
        ("DDD DDDD DDDo", "68 068 68th"),
        ("w ww W WW gggg GGGG", "11 11 11 11 2026 2026"),
        ("Q Qo", "1 1st"),
        ("h hh A a H k", "5 05 AM am 5 5"),
        ("Hmm hmmss", "507 50703"),
        ("X x", "1773032823 1773032823045"),
        ("Z ZZ z", "+00:00 +0000 UTC"),
        (r"[day] D \D", "day 9 D"),
        ("LT", "5:07 AM"),
        ("", "2026-03-09T05:07:03Z"),
        ("S SS SSSSSS", "0 04 045000"),
    ],
)
def test_table(form: str, written: str) -> None:
    assert moment(WHEN, form) == written


@pytest.mark.parametrize(
    ("tz", "written"),
    [
        ("America/New_York", "2026-03-09 01:07 -04:00 EDT"),
        ("Asia/Kathmandu", "2026-03-09 10:52 +05:45 +0545"),
        ("Europe/Paris", "2026-03-09 06:07 +01:00 CET"),
    ],
)
def test_time_zones(tz: str, written: str) -> None:
    assert moment(WHEN, "YYYY-MM-DD HH:mm Z z", tz) == written


@pytest.mark.parametrize(
    ("day", "week", "iso"), [((2027, 1, 1), "1 2027", "53 2026"), ((2026, 12, 27), "1 2027", "52 2026")]
)
def test_the_turn_of_the_year(day: tuple[int, int, int], week: str, iso: str) -> None:
    """English weeks begin on Sunday, and the first has 1 January; ISO weeks on Monday, and the first has 4 January."""
    when = datetime(*day, tzinfo=UTC)
    assert (moment(when, "w gggg"), moment(when, "W GGGG")) == (week, iso)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), st.sampled_from(["UTC", "Asia/Tokyo", "America/Lima"]))
def test_what_is_written_is_that_time(when: datetime, tz: str) -> None:
    known = when.replace(tzinfo=UTC, microsecond=0)
    assert datetime.fromisoformat(moment(known, "YYYY-MM-DDTHH:mm:ssZ", "UTC")) == known
    assert int(moment(known, "X", tz)) == known.timestamp()


def test_a_format_has_its_bound() -> None:
    assert moment(WHEN, "", "Asia/Tokyo") == moment(WHEN, "YYYY-MM-DDTHH:mm:ssZ", "Asia/Tokyo")
    assert moment(WHEN, "Y" * LONGEST)
    with pytest.raises(InputError, match="201 characters"):
        moment(WHEN, "Y" * (LONGEST + 1))
