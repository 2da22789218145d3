"""No input gives a traceback: whatever is read from outside is understood, or is an error of ours.

`make fuzz` gives each parser ten minutes under a fuzzer that goes where the code was not yet. What it finds is one of
the examples afterwards.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.parser import Parser
from tests.fuzz.parsers import PARSERS

CASES = [
    pytest.param(parser, example, id=f"{parser.name}-{number}")
    for parser in PARSERS.values()
    for number, example in enumerate(parser.examples)
]


@pytest.mark.parametrize(("parser", "example"), CASES)
def test_examples_are_read_or_refused(parser: Parser, example: bytes) -> None:
    parser.attempt(example)


@pytest.mark.parametrize("parser", [pytest.param(parser, id=parser.name) for parser in PARSERS.values()])
@given(data=st.data())
@settings(max_examples=25)
def test_what_is_like_an_example_is_read_or_refused(parser: Parser, data: st.DataObject) -> None:
    """A piece of one example, bytes, and a piece of another."""
    one, other = (data.draw(st.sampled_from(parser.examples)) for _ in range(2))
    begin, end = data.draw(st.integers(0, len(one))), data.draw(st.integers(0, len(other)))
    parser.attempt(one[:begin] + data.draw(st.binary(max_size=8)) + other[end:])
