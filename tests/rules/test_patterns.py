"""Regular expressions from a repository: those that take long are not run, those that people write are."""

import re
import time

import pytest

from tagger.errors import InputError
from tagger.rules.patterns import check_pattern, compile_pattern

USUAL = [
    r"^2\.", r"\.[0-9]*[02468]\.", r"^[0-9]+\.[0-9]+\.[0-9]+$", r"^(?!2\.2\.0)", r"^(2|3|4)\.", r"-lts$", r"[^]a]+",
    r"\(+",    r"\.0*[1-9]", r"^v?[0-9]{4}\.[0-9]{1,2}", r"(?i)LTS",
    r"1\.1|1\.2|1\.3|1\.4|1\.5|1\.6|1\.7|1\.8|1\.9|2\.0|2\.1|2\.2",
]  # fmt: skip
SLOW = [
    r"(a+)+$", r"((a*))*b", r"(a|a)*b", r"(?:a?){60}a{60}", r"(.*)*!", r"(a{0,99}){0,99}b", r"([a-z]+)*\1", r"(a)\1",
    r".*.*.*.*.*!", r"a?" * 30 + "a" * 30, r"(?P<n>a)", r"(?=a*)(?:(?i:b))", "a" * 201, r"(a[)]+)+",
    r"(\(+)+", r"(?:a+b?)*",
]  # fmt: skip


@pytest.mark.parametrize("text", USUAL)
def test_what_people_write_is_taken(text: str) -> None:
    re.compile(text)
    check_pattern(text)


@pytest.mark.parametrize("text", SLOW)
def test_what_could_take_long_is_refused(text: str) -> None:
    re.compile(text)
    with pytest.raises(InputError, match="could take long"):
        check_pattern(text)


def test_the_slowest_that_is_taken_takes_seconds_not_ages() -> None:
    for text in (r"[a-z]*[a-z]*[a-z]*[a-z]*!", r"a?a?a?a*a*a*!", r"(a|b)(a|b)a*a*a*!"):
        check_pattern(text)
        start = time.thread_time()  # that other programs take time too says nothing of the expression
        assert not re.search(text, "a" * 128)
        assert time.thread_time() - start < 5


@pytest.mark.parametrize("text", [")", "(", "[", "*", "a{4294967296}", "(?P<n>", "\\"])
def test_what_is_no_regular_expression(text: str) -> None:
    with pytest.raises(InputError, match="is not a regular expression"):
        compile_pattern(text)


@pytest.mark.parametrize("text", [*SLOW, "(" * 100_000, "a" * 1_000_000])
def test_one_that_could_take_long_is_told_of_shortly(text: str) -> None:
    with pytest.raises(InputError, match="could take long") as caught:
        compile_pattern(text)
    assert len(caught.value.message) < 400
