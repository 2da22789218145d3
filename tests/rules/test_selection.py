"""Ranges, series and regular expressions of versions."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.rules.selection import Selection, Series
from tagger.rules.versions import Scheme

NUMERIC = Scheme("numeric")
EVERY = [Scheme().parse(f"{major}.{minor}.{patch}") for major in range(6) for minor in range(6) for patch in range(6)]


@pytest.mark.parametrize(
    ("selection", "inside", "outside"),
    [
        ("", "0.0.1 2.1.4 99.0.0", ""),
        ("<3.0", "2.9.9 0.1.0", "3.0.0 3.0.1 4.0.0"),
        ("<3", "2.9.9", "3.0.0 3.1.0"),
        ("<=3", "2.9.9 3.0.0 3.9.9", "4.0.0"),
        (">2.1", "2.2.0 3.0.0", "2.1.0 2.1.9 2.0.0"),
        (">=2.1", "2.1.0 2.1.9 3.0.0", "2.0.9"),
        (">=2.1 <3", "2.1.0 2.9.9", "2.0.9 3.0.0"),
        (">=2.1, <3", "2.1.0 2.9.9", "2.0.9 3.0.0"),
        (">= 2.1 < 3", "2.1.0", "2.0.9 3.0.0"),
        ("2.1", "2.1.0 2.1.9", "2.2.0 2.0.9"),
        ("=2.1.4", "2.1.4 2.1.4-rc.1", "2.1.5"),
        ("==2.1.4", "2.1.4", "2.1.5"),
        ("v2.1", "2.1.0", "2.2.0"),
        ("2.x", "2.0.0 2.9.9", "1.9.9 3.0.0"),
        ("2.1.*", "2.1.0", "2.2.0"),
        ("!=2.1.4", "2.1.3 2.1.5", "2.1.4"),
        ("!=2.1", "2.2.0", "2.1.0 2.1.9"),
        ("~2.1", "2.1.0 2.1.9", "2.0.9 2.2.0"),
        ("~2.1.4", "2.1.4 2.1.9", "2.1.3 2.2.0"),
        ("^2.1", "2.1.0 2.9.9", "2.0.9 3.0.0"),
        ("^0.2.1", "0.2.1 0.2.9", "0.2.0 0.3.0"),
        ("^0.0.3", "0.0.3", "0.0.2 0.0.4"),
        ("<2 || >=5", "1.9.9 5.0.0", "2.0.0 4.9.9"),
        ("!=5.43 !=5.45", "5.42.1 5.44.0", "5.43.1 5.45.2"),
        ("/^5\\.\\d*[02468]\\./", "5.44.0 5.42.3", "5.45.2 4.44.0"),
        ("/rc/", "2.1.4-rc.1", "2.1.4"),
        ("<25.8", "25.7.1.4", "25.8.1.4 25.8 25.9"),
        ("<26.10", "26.04", "26.10"),
        ("variant=default", "2.1.4", ""),
        ("variant=alpine,slim", "", "2.1.4"),
        ("variant=default <3", "2.1.4", "3.0.0"),
        ("<3 variant=default || variant=alpine", "2.1.4", "3.0.0"),
    ],
)
def test_what_a_selection_means(selection: str, inside: str, outside: str) -> None:
    chosen = Selection.parse(selection)
    assert [text for text in inside.split() if NUMERIC.parse(text) not in chosen] == []
    assert [text for text in outside.split() if NUMERIC.parse(text) in chosen] == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("<<3", "'<<3'"), ("latest", "'latest'"), ("<3 and >2", "'and >2'"), ("2.1.4-rc.1", "'2.1.4-rc.1'"),
        ("<", "'<'"),
        ("||", "''"), (">=2 ||", "''"), ("3.0beta", "'3.0beta'"), ("/[/", "regular expression"), ("1" * 5000, "is not"),
        ("<٣", "'<٣'"), ("variant=", "'variant='"), ("variant=2", "'2'"),
        ("variant=a,,b", "''"), ("alpine", "'alpine'"),
    ],
)  # fmt: skip
def test_what_is_no_selection(text: str, wrong: str) -> None:
    with pytest.raises(InputError, match=re.escape(wrong)) as caught:
        Selection.parse(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("series", "inside", "outside"),
    [("2", "2.0.0 2.9.9", "3.0.0 1.9.9 20.0.0"), ("2.1", "2.1.4", "2.10.0 2.2.0"), ("v2.1", "2.1.4", "2.2.0"),
     ("2.x", "2.1.4", "3.0.0"), ("26.04", "26.04 26.4", "26.10"), ("2.10", "2.10.1", "2.1.0")],
)  # fmt: skip
def test_what_a_series_means(series: str, inside: str, outside: str) -> None:
    chosen = Series.parse(series)
    assert [text for text in inside.split() if NUMERIC.parse(text) not in chosen] == []
    assert [text for text in outside.split() if NUMERIC.parse(text) in chosen] == []


@pytest.mark.parametrize("text", ["", "newest", "<3", "2.1.4-rc.1", "2.", "1" * 5000, "٣"])
def test_what_is_no_series(text: str) -> None:
    with pytest.raises(InputError, match="is not a series"):
        Series.parse(text)


def test_variants_are_compared_by_name_in_any_order() -> None:
    chosen = Selection.parse("variant=slim,default,slim <3")
    assert chosen.canonical == "variant=default,slim <3"
    assert chosen.variants == {"default", "slim"}
    version = NUMERIC.parse("2.1.4")
    assert [name for name in ("", "slim", "slim-fips") if version.of_variant(name) in chosen] == ["", "slim"]


numbers = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(lambda some: ".".join(map(str, some)))
comparators = st.tuples(st.sampled_from(["", "<", "<=", ">", ">=", "!=", "~", "^"]), numbers).map("".join)
ranges = st.lists(st.lists(comparators, min_size=1, max_size=3).map(" ".join), min_size=1, max_size=2).map(" || ".join)


@given(ranges, ranges)
def test_ranges_mean_the_same_where_they_hold_the_same_versions(one: str, other: str) -> None:
    first, second = Selection.parse(one), Selection.parse(other)
    held = [[version in selection for version in EVERY] for selection in (first, second)]
    assert (first.meaning == second.meaning) == (held[0] == held[1])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("variant=slim <3", "<3.0 variant=slim", True),
        ("variant=slim,default", "variant=slim || variant=default", True),
        ("<3 || variant=slim <2", "<3", True),
        ("variant=slim", "variant=default", False),
        ("variant=slim", "", False),
        ("variant=slim <3 || <2", "<2", False),
    ],
)
def test_ranges_of_variants_mean_the_same_where_each_variant_has_the_same(one: str, other: str, same: bool) -> None:
    assert (Selection.parse(one).meaning == Selection.parse(other).meaning) is same
