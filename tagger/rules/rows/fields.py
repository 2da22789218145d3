"""The fields of one line of CSV: `type=semver,"pattern=a,b"`, as docker/metadata-action reads them."""

import re
from typing import NamedTuple

from tagger.errors import InputError

__all__ = ["Field", "fields_of", "is_row"]

LONGEST = 4096  # characters of a line
_QUOTED = r'"((?:[^"]|"")*)"'
_EXPRESSION = r"\{\{.*?\}\}"


class Field(NamedTuple):
    """A field: its name in lower case (empty where the field is a value alone), and its value."""

    name: str
    value: str


def fields_of(line: str) -> tuple[Field, ...]:
    """Return the fields of a line. Raise `InputError` where it is not CSV.

    A field in quotes may hold commas. Quotes within quotes are removed too: metadata-action needs `\"\"\"`, as it reads
    the whole list as CSV first, and then each line.
    """
    if len(line) > LONGEST:
        raise InputError(f"a line has {len(line)} characters", f"At most {LONGEST} are read.")
    return tuple(map(_field, _split(line)))


def is_row(line: str) -> bool:
    """Say whether a line is a row and not a template: it has a `=` outside of expressions."""
    return "=" in line and "=" in re.sub(_EXPRESSION, "", line[:LONGEST])


def _split(line: str) -> list[str]:
    """Return the texts between commas, without their quotes."""
    texts, quoted_field = list[str](), re.compile(_QUOTED)
    start = 0
    while start <= len(line):
        begin = start + len(line[start:]) - len(line[start:].lstrip())
        quoted = quoted_field.match(line, begin)
        if quoted:
            end = quoted.end() + len(line[quoted.end() :]) - len(line[quoted.end() :].lstrip())
            if end < len(line) and line[end] != ",":
                raise InputError(f"a quote is closed before {line[end:][:40]!r}", "Put the whole field into quotes.")
            texts.append(_without_quotes(quoted[1].replace('""', '"')))
        elif line[begin : begin + 1] == '"':
            raise InputError("a quote is not closed", 'Put the whole field into quotes, as "pattern=a,b".')
        else:
            end = line.find(",", start)
            end = len(line) if end < 0 else end
            texts.append(line[start:end])
        start = end + 1
    return texts


def _without_quotes(text: str) -> str:
    match = re.fullmatch(_QUOTED, text)
    return match[1].replace('""', '"') if match else text


def _field(text: str) -> Field:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        return Field("", text.strip())
    return Field(name.strip().lower(), value.strip())
