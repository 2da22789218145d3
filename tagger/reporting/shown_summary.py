"""Trees of repositories and settings as Markdown for the step summary."""

from collections.abc import Iterator

from tagger.reporting.markdown import cell, code, collapsible, cut_to_limit, error_quote, fitting
from tagger.reporting.sentences import number_of
from tagger.reporting.settings import settings_document
from tagger.reporting.text import short
from tagger.results.tree import Floating, ListedVersion, Tree, Trees
from tagger.settings.values import Settings

__all__ = ["settings_markdown", "trees_markdown"]


def trees_markdown(shown: Trees) -> str:
    """Return trees of repositories, and their errors, as Markdown for the step summary."""
    return cut_to_limit(
        "\n".join((*(line for tree in shown.trees for line in _tree(tree)), *map(error_quote, shown.errors)))
    )


def settings_markdown(settings: Settings) -> str:
    """Return the settings with their origins as Markdown. The defaults are collapsed."""
    document = settings_document(settings)["settings"]
    rows = {
        name: f"| {code(name)} | {_value(one['value'])} | {code(one['origin'])} |" for name, one in document.items()
    }
    head = "| setting | value | from |\n|---|---|---|"
    given = [row for name, row in rows.items() if document[name]["origin"] != "default"]
    others = [row for name, row in rows.items() if document[name]["origin"] == "default"]
    title = f"### Settings{': ' + cell(settings.component) if settings.component else ''}\n"
    table = (head, *fitting(given, 40_000, "settings")) if given else ("Nothing is set.",)
    return cut_to_limit("\n".join((title, *table, collapsible("Defaults", [head, *others]))))


def _value(value: object) -> str:
    if value is None or value == "" or value == []:
        return ""
    texts = value if isinstance(value, list) else [str(value).lower() if isinstance(value, bool) else str(value)]
    return "<br>".join(code(str(text)) for text in texts)


def _tree(tree: Tree) -> Iterator[str]:
    drifted = {tag: floating for tag, floating in tree.floating.items() if floating.drifted}
    yield f"### {'⚠️' if drifted else '🏷️'} {cell(tree.repository)}\n"
    marks = [name for one in tree.versions for name in ("withdrawn", "held") if getattr(one, name)]
    sums = [number_of(len(tree.versions), "version"), number_of(len(tree.floating), "floating tag")]
    sums += [f"{marks.count(name):,} {name}" for name in ("withdrawn", "held") if name in marks]
    yield ", ".join(sums)
    if drifted:
        yield "\n| tag | holds | belongs to |\n|---|---|---|"
        yield from fitting(drifted.items(), 8000, "rows", _drift)
    if tree.versions:
        yield "\n| version | digest | tags | |\n|---|---|---|---|"
        yield from fitting(tree.versions, 16_000, "versions", _row)
    if tree.other:
        names = ", ".join(map(code, tree.other[:200]))
        more = f" and {len(tree.other) - 200:,} more" if len(tree.other) > 200 else ""
        yield collapsible(f"{number_of(len(tree.other), 'tag')} of no version", [names + more])


def _drift(pair: tuple[str, Floating]) -> str:
    tag, floating = pair
    holds = code(short(floating.digest)) if floating.digest else "nothing"
    return f"| {code(tag)} | {holds} | {cell(floating.belongs_to or '–')} |"


def _row(listed: ListedVersion) -> str:
    marks = [name for name in ("withdrawn", "held") if getattr(listed, name)]
    tags = " ".join(map(code, listed.tags[1:]))
    digest = code(short(listed.digest)) if listed.digest else ""
    return f"| {code(listed.tags[0])} | {digest} | {tags} | {' '.join(marks)} |"
