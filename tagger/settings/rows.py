"""Reads `tags` and `flavor` in the form of docker/metadata-action, and the settings that they imply."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tagger.errors import InputError
from tagger.rules.rows.fields import is_row
from tagger.rules.templates import FIELDS, Template
from tagger.settings import offers
from tagger.settings.mending import suggest
from tagger.settings.option import Given
from tagger.settings.parsers import template
from tagger.settings.problems import Problems

if TYPE_CHECKING:  # most runs have templates
    from tagger.rules.rows.meaning import Rows

__all__ = ["has_rows", "check_flavor", "check_line", "read_rows", "said_by_rows"]


def check_line(text: str) -> str:
    """Check a line of `tags`: a template, or a row. Raise `InputError`."""
    if is_row(text):
        return _check_row(text)
    try:
        template(text)
    except InputError:
        if not _is_bare_row(text):
            raise
    return text


@suggest(offers.rows, also=True)
def _check_row(text: str) -> str:
    from tagger.rules.rows.row import Row

    Row.parse(text)
    return text


@suggest(offers.flavors, also=True)
def check_flavor(text: str) -> str:
    """Check a line of `flavor`. Raise `InputError`."""
    from tagger.rules.rows.flavor import Flavor

    Flavor.parse([text])
    return text


def _is_bare_row(text: str) -> bool:
    """Say whether a text without `type=` is a row all the same: `{{#if tag}}…{{/if}}`."""
    from tagger.rules.rows.row import Row

    try:
        return "{{" in text and bool(Row.parse(text))
    except InputError:
        return False


def has_rows(given: Mapping[str, Given]) -> bool:
    """Say whether `tags` has rows, right or wrong, rather than templates."""
    return any(map(is_row, _lines(given.get("tags"))))


def read_rows(given: Mapping[str, Given], tag_prefix: str, problems: Problems) -> "Rows | None":
    """Return the rows in `tags`; None where it has templates, or where `tags` or `flavor` has a mistake."""
    tags, flavor = (_lines(given.get(name)) for name in ("tags", "flavor"))
    if not (all(map(_is_right(check_line), tags)) and all(map(_is_right(check_flavor), flavor))):
        return None  # the reader of each entry reports its mistake
    if not has_rows(given):
        if flavor:
            problems.add(
                f"{given['flavor'].origin}: `flavor` goes with rows, and `tags` has none",
                "Set `tags: type=semver,pattern={{version}}`, or drop `flavor`. For templates there is `variant`.",
            )
        return None
    for line in tags:
        if not is_row(line) and _names_version(line):
            problems.add(
                f"{given['tags'].origin}: {line} is a template, and the other lines are rows",
                f"Write type=semver,pattern={line}; or templates alone.",
            )
            return None
    from tagger.rules.rows.meaning import Rows

    return problems.attempt(given["tags"].origin, lambda: Rows.parse(tags, flavor, tag_prefix))


def _is_right(check: Callable[[str], str]) -> Callable[[str], bool]:
    def right(text: str) -> bool:
        try:
            return bool(check(text))
        except InputError:
            return False

    return right


def said_by_rows(rows: "Rows", given: Mapping[str, Given]) -> dict[str, Given]:
    """Return the settings that rows imply and nobody gives: `scheme`, `variant`, `latest`."""
    said: dict[str, Given] = {}
    if rows.scheme != "semver" and "scheme" not in given:
        said["scheme"] = given["tags"]._replace(texts=(rows.scheme,), places=())
    if rows.variant and "variant" not in given:
        said["variant"] = given["flavor"]._replace(texts=(rows.variant,), places=())
    if rows.flavor.latest == "false" and rows.templates and "latest" not in given:
        said["latest"] = given["flavor"]._replace(texts=("false",), places=())
    return said


def _lines(given: Given | None) -> Sequence[str]:
    lines = (line.strip() for text in given.texts for line in text.splitlines()) if given else ()
    return [line for line in lines if line and not line.startswith("#")]


def _names_version(line: str) -> bool:
    try:
        return not Template.parse(line).fields.isdisjoint(FIELDS)
    except InputError:
        return False
