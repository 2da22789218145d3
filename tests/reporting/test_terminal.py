"""The output of text: which characters are shown as they are."""

import re
import sys

from tagger.reporting.terminal import plain, visible

HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def test_each_character_is_shown_or_escaped() -> None:
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        shown = f"\\u{number:04x}" if HIDDEN.match(character) else character
        assert (visible(character), visible(f"a\n{character}")) == (shown, f"a\n{shown}")


def test_no_line_is_a_command_to_the_runner() -> None:
    assert plain("a\n ::error::b\n##[error]c::d ##[e") == "a\n \\::error::b\n##\\[error]c::d ##\\[e"
