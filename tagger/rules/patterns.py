"""Refuses regular expressions of settings and policies whose search could take long."""

import re
import warnings

from tagger.errors import InputError

__all__ = ["check_pattern", "compile_pattern"]

LONGEST = 200  # characters
MOST_WEIGHT = 9  # a repeat weighs 2, as it multiplies the time; a choice 1, as it doubles it
_PIECE = (
    r"(?P<class>\[\^?\]?(?:\\.|[^\]\\])*\])"
    r"|(?P<reference>\\[1-9])"
    r"|(?P<escape>\\.)"
    r"|(?P<open>\((?:\?(?:[:=!]|[aimsu]+\)))?)"
    r"|(?P<close>\))"
    r"|(?P<repeat>(?:[*+]|\{[0-9]*,?[0-9]*\})[?+]?)"
    r"|(?P<choice>\?[?+]?|\|)"
)


def check_pattern(text: str) -> None:
    """Raise `InputError` for a regular expression whose search could take long (a repeat in a repeat, many choices).

    Python's `re` backtracks and has no time limit: `(a+)+` takes exponential time. `text` has to be one that compiles.
    """
    if len(text) > LONGEST:
        raise _refusal(text, f"it has more than {LONGEST} characters")
    varies = [False]  # of each open group: does it hold a repeat or a choice?
    group, end = False, 0  # was the last thing read a group that varies?
    weight = 0
    token = re.compile(_PIECE, re.DOTALL)
    while end < len(text):
        match = token.match(text, end)
        kind = match.lastgroup if match else None
        end = match.end() if match else end + 1
        if kind == "reference" or (kind == "open" and match and match[0] == "(" and text[end : end + 1] == "?"):
            raise _refusal(text, "it holds a backreference, or a group that is not plain")
        if kind == "open" and match and not match[0].endswith(")"):
            varies.append(False)
        elif kind == "repeat":
            if group:
                raise _refusal(text, "it repeats what holds a repeat or a choice")
            weight += 2
        elif kind == "choice":
            weight += len(varies) > 1 or match is None or match[0] != "|"  # at the top, `|` only adds
        if kind in ("repeat", "choice"):
            varies[-1] = True
        group = kind == "close" and varies.pop()
        if group:
            varies[-1] = True
    if weight > MOST_WEIGHT:
        raise _refusal(text, "it has many repeats and choices")


def compile_pattern(text: str) -> re.Pattern[str]:
    """Compile a regular expression. Raise `InputError` for an invalid one, and for one whose search could take long."""
    if len(text) > LONGEST:
        check_pattern(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `[[` may be a set within a set in a later Python
            pattern = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise InputError(
            f"/{text}/ is not a regular expression: {error}", "See Python's `re` for its syntax."
        ) from error
    check_pattern(text)
    return pattern


def _refusal(text: str, why: str) -> InputError:
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return InputError(
        f"the regular expression {shown!r} could take long: {why}",
        "Write a simpler one. A range says most of it, as `>=2.1 <3 || 5.x` or `!=2.2.0`.",
    )
