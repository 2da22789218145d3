"""The options of `prune`, a row each: what stays, and the limits of a run, its confirmation and its undo."""

from typing import Any

from tagger.settings import parsers
from tagger.settings.option import lines, text, words

__all__ = ["PruneOptions"]

_prune: dict[str, Any] = {"group": "tags"}


class PruneOptions:
    """What `prune` keeps, how much it may delete, and what it puts back."""

    keep = words(
        "keep",
        "The newest that `prune` keeps, as major=3 minor=2 patch=1 prerelease=1: of the newest three majors the newest "
        "two minors each, of each the newest patch. Without it every version stays.",
        parsers.keep, metavar="NAME=N", commands=("prunes",), example="major=3 minor=2 patch=1", **_prune,
    )  # fmt: skip
    keep_tags = lines(
        "keep-tags",
        "Rules for tags that are no versions, one a line: pr-* age=14d, sha-* count=20. A pattern alone keeps every "
        "tag that fits it.",
        parsers.tag_rule, metavar="RULE", commands=("prunes",), example="pr-* age=14d", **_prune,
    )  # fmt: skip
    grace = text(
        "grace", "Images younger than this stay, with tags or without; 0s: age does not count.", parsers.duration,
        default="7d",
        metavar="TIME", commands=("prunes",), example="30d", **_prune,
    )  # fmt: skip
    limit = text(
        "limit", "The largest share of a repository's tags that `prune` deletes without `force`.",
        parsers.share, default="20%",
        metavar="SHARE", commands=("prunes",), example="50%", **_prune,
    )  # fmt: skip
    plan_id = text(
        "plan-id", "Delete exactly what the plan with this id lists, or nothing.", metavar="ID",
        in_file=False, commands=("prune",),
        example="1a2b3c4d", **_prune,
    )  # fmt: skip
    restore = text(
        "restore", "Put back what a run of `prune` deleted, from its JSON report, as far as the registry can.",
        metavar="FILE", in_file=False, commands=("prune",), example="prune.json", **_prune,
    )  # fmt: skip
