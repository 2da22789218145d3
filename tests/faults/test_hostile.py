"""A registry that answers anything; `make fuzz` runs ten thousand of these releases."""

import pytest

from tests.faults.hostile import hostile_runs

FOUND = (
    5961,  # half a character in an error's text
)
"""Seeds that found something once."""


def test_no_answer_breaks_a_release() -> None:
    assert list(hostile_runs(range(30))) == []


@pytest.mark.parametrize("seed", FOUND)
def test_what_broke_one_once_breaks_none(seed: int) -> None:
    assert list(hostile_runs(range(seed, seed + 1))) == []
