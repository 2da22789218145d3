"""The text that one row gives for one build, before it becomes a tag."""

from collections.abc import Iterable, Iterator

from tagger.errors import InputError
from tagger.rules.rows.expressions import Expression
from tagger.rules.rows.facts import COMMIT_DATE, NO_COMMIT_TIME, BuildFacts
from tagger.rules.rows.row import Row

__all__ = ["date_warnings", "row_text"]


def row_text(
    row: Row, affixes: Iterable[Expression], facts: BuildFacts, given: str = "", tag_prefix: str = ""
) -> str | None:
    """Return the text of a row, without prefix and suffix; None where it gives none. Raise `InputError`.

    `given` is the text of the version that the option `version` gives, or empty.
    """
    if not _is_enabled(row, facts):
        return None
    match row.type:
        case "schedule":
            return row.expression.render(facts) or None if "schedule" in facts.event else None
        case "semver" | "pep440" | "match":
            return _read_from(row, facts, given, tag_prefix)
        case "edge":
            return "edge" if _is_on_branch(row, facts) else None
        case "ref":
            event = row.attributes["event"]
            text = {"branch": facts.branch, "tag": facts.tag, "pr": facts.pull_request}[event]
            return text or None
        case "sha":
            return (facts.value("sha") if row.attributes["format"] == "short" else facts.sha) or None
    text = row.expression.render(facts)  # of a raw row
    return text if text or any(affix.nodes for affix in affixes) else None


def date_warnings(row: Row, affixes: Iterable[Expression], facts: BuildFacts) -> Iterator[str]:
    """Yield warnings about the dates in a row that work as in docker/metadata-action, and may be mistakes.

    Raise `InputError` where the version depends on an unknown date: it would be another version tomorrow.
    """
    parts = (row.enable, row.expression, *affixes)
    for text in (text for part in parts for text in part.unquoted):
        name, _, form = text.strip("{}").partition(" ")
        cure = f"{{{{{name} '{form}'}}}}"
        yield f"the row `{row.text}`: {text} is a date in ISO 8601; write {cure} for that format"
    if not any(COMMIT_DATE in part.names for part in parts) or facts.commit_time():
        return
    if row.of_version and COMMIT_DATE in row.expression.names:
        raise InputError(
            NO_COMMIT_TIME,
            "Check the code out before this step; or let `github-token` read the repository, as `permissions: "
            "contents: read` does.",
        )
    yield f"the row `{row.text}` uses the date of now: {NO_COMMIT_TIME}"


def _is_enabled(row: Row, facts: BuildFacts) -> bool:
    text = row.enable.render(facts)
    if text not in ("true", "false"):
        raise InputError(
            f"`enable` is {text!r}", "It has to be true or false, or an expression that gives one of them."
        )
    return text == "true"


def _is_on_branch(row: Row, facts: BuildFacts) -> bool:
    """Say whether the build is one of the branch of an `edge` row."""
    if not facts.branch:
        return False
    name = row.attributes["branch"] or facts.default_branch
    if not name and facts.on_default_branch:
        return True
    return facts.branch == (name or facts.ask_default_branch())


def _read_from(row: Row, facts: BuildFacts, given: str, tag_prefix: str) -> str | None:
    """Return the text that a row reads a version from; None where there is none."""
    text = row.expression.render(facts) if row.attributes["value"] else given or facts.tag
    if not text:
        return None
    if row.type == "match":
        return row.search(text) or None
    if row.regex:
        found = row.search(text)
        if found is None:
            raise InputError(
                f"`match` does not find a version in {text!r}",
                "Change it; or enable the row for its own tags only, as "
                "enable=${{ startsWith(github.ref, 'refs/tags/v') }}.",
            )
        return found.replace("/", "-")
    return text.removeprefix(tag_prefix).replace("/", "-")
