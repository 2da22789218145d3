"""A registry that answers anything; `make fuzz` runs ten thousand of these releases."""

from tests.faults.hostile import hostile_runs


def test_no_answer_breaks_a_release() -> None:
    assert list(hostile_runs(range(30))) == []
