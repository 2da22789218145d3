"""One sentence on what a run did, and the counts, sizes and times in it."""

from collections import Counter

from tagger.results import Pruned, Report
from tagger.rules.plan import Action

__all__ = ["number_of", "counts", "pruned_text", "sentence", "size_text", "duration"]

_WRITTEN: dict[Action, tuple[str, str]] = {
    "create": ("created", "create"), "move": ("moved", "move"), "remove": ("removed", "remove"),
}  # fmt: skip


def sentence(report: Report, seconds: float | None = None) -> str:
    """Return what a command did, the counts of its changes, and the time that it took in `seconds`."""
    time = f" in {duration(seconds)}" if seconds is not None else ""
    if report.exit_code:
        return f"Stopped{time.replace(' in ', ' after ')}: {counts(report)}"
    places = number_of(len(report.repositories), "repository", "repositories")
    done, before = report.verb.done or report.title.capitalize(), report.verb.before
    if report.is_rehearsal:
        done, before = f"Dry run of {report.title}", "for"
    what = " ".join(filter(None, (done, report.build, before, places)))
    return f"{what}{time}: {counts(report)}"


def counts(report: Report) -> str:
    """Return how many tags were created, moved and removed, or would be, and for how many that is unknown."""
    found = Counter(change.action for outcome in report.repositories for change in outcome.changes)
    index = 1 if report.dry_run else 0
    texts = [f"{found[action]} {'to ' * index}{words[index]}" for action, words in _WRITTEN.items() if found[action]]
    unknown = sum(not change.known for outcome in report.repositories for change in outcome.changes)
    texts = texts * report.changed + [f"{unknown} unknown"] * bool(unknown)
    return ", ".join(texts) or ("nothing to write" if report.dry_run else "nothing was written")


def number_of(count: int, one: str, more: str = "") -> str:
    """Return a number with its noun: `1 tag`, `1,204 tags`."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def pruned_text(pruned: Pruned) -> str:
    """Return the counts of tags and manifests that a pruning deletes and keeps, and the bytes that it frees."""
    going = f"{number_of(pruned.tags, 'tag')} and {number_of(len(pruned.manifests), 'manifest')} go"
    return f"{going}, {number_of(pruned.kept, 'tag')} stay, {size_text(pruned.freed)} freed"


def size_text(count: float) -> str:
    """Return a number of bytes with a unit, in powers of 1000, as docker does: `3.2 MB`."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def duration(seconds: float) -> str:
    """Return a time with its unit: `0.04 s`, `3.2 s`, `1 min 12 s`."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 0.95 else f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"
