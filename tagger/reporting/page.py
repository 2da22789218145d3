"""Repositories as one page of HTML that loads nothing else: `tags --html`."""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape as escape_markup

from tagger.reporting.page_parts import SCRIPT, STYLE
from tagger.reporting.sentences import size_text
from tagger.reporting.terminal import visible
from tagger.reporting.text import short
from tagger.reporting.trees import sums
from tagger.results.tree import ListedVersion, Tree

__all__ = ["page"]

ROW = 35
"""The height of a row in pixels, about. A browser reserves it for rows that it has not drawn yet."""

MOST_SHOWN = 60
"""With more floating tags than this, their list is closed until the reader opens it."""

_SERIES = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def page(trees: Sequence[Tree], when: str) -> str:
    """Return the page of repositories as they were at the time `when`. Texts of others are escaped."""
    names = ", ".join(tree.repository for tree in trees)
    # The policy allows only this style and this script, by their hashes, and no request (CSP Level 3).
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(STYLE)}'; script-src '{_hash(SCRIPT)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    head = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        '<link rel="icon" href="data:,">',
        f"<title>Tags of {escape(names)}</title>",
        f"<style>{STYLE}</style>",
        _bar(trees),
    ]
    body = [line for tree in trees for line in _repository(tree)]
    end = [f'<p class="soft">As of {escape(when)}.</p>', '<div id="said" role="status" aria-live="polite"></div>']
    return "\n".join((*head, *body, *end, f"<script>{SCRIPT}</script>", "</html>", ""))


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _bar(trees: Sequence[Tree]) -> str:
    """Return the bar with the search, the filters and the choice of a variant."""
    versions = [listed for tree in trees for listed in tree.versions]
    variants = sorted({listed.variant for listed in versions})
    states = {state for tree in trees for listed in tree.versions for state in _states(tree, listed)}
    buttons = [
        f'<button type="button" data-filter="{state}" aria-pressed="false">{state}</button>' for state in sorted(states)
    ]
    options = [f'<option value="{escape(one)}">{escape(one or "default")}</option>' for one in variants]
    choice = f'<select id="variant" aria-label="Variant"><option value="*">all variants</option>{"".join(options)}'
    return (
        '<div class="bar"><input id="search" type="search" autocomplete="off" placeholder="Search: version, tag, '
        'digest, platform   ( / )" aria-label="Search">'
        f"{''.join(buttons)}{choice + '</select>' if len(variants) > 1 else ''}"
        '<button type="button" id="theme" title="Light or dark">◐</button>'
        f'<span id="count" class="soft" aria-live="polite">{len(versions)} versions</span>'
        '<span class="soft" title="/ search · ↑ ↓ or k j move · c copies · Esc clears">keys: / ↑ ↓ c Esc</span></div>'
    )


def _repository(tree: Tree) -> Iterator[str]:
    yield f"<h1>{escape(tree.repository)}</h1>"
    if text := sums(tree):
        yield f'<p class="soft sums">{escape(text)}</p>'
    drifted = [tag for tag, floating in tree.floating.items() if floating.drifted]
    for text in tree.warnings:
        yield f'<p class="problem">{escape(text)}</p>'
    if drifted:
        tags = ", ".join(drifted)
        yield f'<p class="problem">Not where they belong: {escape(tags)}. <code>reconcile</code> puts them right.</p>'
    yield from _floating(tree)
    groups: dict[tuple[str, str], list[ListedVersion]] = {}
    for listed in tree.versions:
        groups.setdefault((listed.variant, _series(listed)), []).append(listed)
    for variant in sorted({variant for variant, _ in groups}):
        yield f"<h2>{escape(variant)} versions</h2>" if variant else "<h2>Versions</h2>"
        for (own, series), versions in groups.items():
            if own == variant:
                yield from _one_series(tree, series, versions)
    if not tree.versions:
        yield '<p class="soft">There is no version.</p>'
    yield from _rest(tree)


def _floating(tree: Tree) -> Iterator[str]:
    """Yield the table of floating tags: the version that each holds, and the version that it belongs to."""
    if not tree.floating:
        return
    at = {listed.digest: listed.tags[0] for listed in reversed(tree.versions) if listed.digest}
    shown = " open" if len(tree.floating) <= MOST_SHOWN else ""
    yield f"<h2>Floating tags</h2><details{shown}><summary>{len(tree.floating)} tags</summary>"
    yield '<table class="floating"><tr><th>tag<th>holds<th>belongs to<th>digest'
    variants = sorted({listed.variant for listed in tree.versions} - {""}, key=len, reverse=True)
    for tag, floating in tree.floating.items():
        variant = next((one for one in variants if tag == one or tag.endswith(f"-{one}")), "")
        owner = "-".join(filter(None, (floating.belongs_to, variant))) if floating.belongs_to else "nobody"
        holds = at.get(floating.digest, "another image") if floating.digest else "nothing"
        state = ' <span class="state drifted">drifted</span>' if floating.drifted else ""
        text = escape(f"{tag} {holds} {floating.digest or ''}".lower())
        yield (
            f'<tr data-text="{text}"><td><b>{escape(tag)}</b>{state}<td>{escape(holds)}'
            f"<td>{escape(owner)}<td>{_button(tree, floating.digest)}"
        )
    yield "</table></details>"


def _one_series(tree: Tree, series: str, versions: Sequence[ListedVersion]) -> Iterator[str]:
    tall = ROW * (len(versions) + 1)
    yield f'<section class="series" data-tall="{tall}"><h3>{escape(series)}</h3><ul>'
    for listed in versions:
        yield _row(tree, listed)
    yield "</ul></section>"


def _row(tree: Tree, listed: ListedVersion) -> str:
    drifted = {tag for tag in listed.tags if (found := tree.floating.get(tag)) and found.drifted}
    tags = "".join(
        f'<span class="{"tag drifted" if tag in drifted else "tag"}">{escape(tag)}</span>' for tag in listed.tags[1:]
    )
    also = "".join(f'<span class="tag also">{escape(tag)}</span>' for tag in listed.also)
    states = _states(tree, listed)
    shown = "".join(f'<span class="state {one}">{one}</span>' for one in states if one != "floating")
    more = " · ".join(_details(listed))
    words = (*listed.tags, *listed.also, listed.digest or "", *states, more)
    gone = " gone" if listed.withdrawn else ""
    return (
        f'<li class="version{gone}" tabindex="0" data-variant="{escape(listed.variant)}" '
        f'data-states="{" ".join(states)}" data-text="{escape(" ".join(words).lower())}">'
        f'<b>{escape(listed.tags[0])}</b><span class="tags">{tags}{also}{shown}</span>{_button(tree, listed.digest)}'
        + (f'<span class="more">{escape(more)}</span></li>' if more else "</li>")
    )


def _details(listed: ListedVersion) -> Iterator[str]:
    """Yield the facts of a long list (date, size, platforms) and the kinds of attached artifacts."""
    if facts := listed.facts:
        yield facts.created[:10] or "no date"
        yield size_text(facts.size)
        yield " ".join(facts.platforms)
    if listed.attached:
        yield "attached: " + ", ".join(dict.fromkeys(artifact.kind for artifact in listed.attached))


def _rest(tree: Tree) -> Iterator[str]:
    """Yield the tags of no version, the deleted versions, and the artifacts of images that are not listed."""
    lists: Iterable[tuple[str, Sequence[str]]] = (
        ("Tags of no version", tree.other),
        ("Withdrawn and deleted", tree.purged),
        ("Attached to images that are not listed", [f"{one.kind} {one.name}" for one in tree.attached]),
    )
    for title, names in lists:
        if names:
            tags = " ".join(f'<span class="tag also">{escape(name)}</span>' for name in names)
            yield f"<h2>{title}</h2><p>{tags}</p>"


def _states(tree: Tree, listed: ListedVersion) -> list[str]:
    found = {
        "floating": not tree.floating.keys().isdisjoint(listed.tags),
        "withdrawn": listed.withdrawn,
        "held": listed.held,
    }
    return [state for state, is_so in found.items() if is_so]


def _button(tree: Tree, digest: str | None) -> str:
    """Return the button that shows a short digest and copies the name to pull, or a layout's whole digest."""
    if not digest:
        return '<span class="soft">–</span>'
    whole = digest if tree.repository.startswith("oci:") else f"{tree.repository}@{digest}"
    return (
        f'<button type="button" class="copy digest" tabindex="-1" data-copy="{escape(whole)}" '
        f'title="Copy {escape(whole)}">{escape(short(digest))}</button>'
    )


def _series(listed: ListedVersion) -> str:
    """Return the series of a version: its first two numbers, or the version itself where it has none."""
    found = _SERIES.match(listed.version.lstrip("vV"))
    return found[0] if found else listed.version


def escape(text: str) -> str:
    """Return a text of others as text of the page, with each control or invisible character as its escape."""
    return escape_markup(visible(text))
