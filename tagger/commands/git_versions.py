"""Reads the versions of git tags."""

from contextlib import suppress
from typing import TYPE_CHECKING

from tagger.commands.run import Run
from tagger.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tagger.rules.cascade import Rules
    from tagger.rules.versions import Version

__all__ = ["versions_of"]


def versions_of(run: Run, tags: "Iterable[str]", rules: "Rules") -> "list[Version]":
    """Return the versions of git tags by the given rules, without tags that are no version."""
    settings = run.settings
    found = []
    for tag in tags:
        with suppress(InputError):
            if tag.startswith(settings.tag_prefix):
                found.append(rules.parse(tag.removeprefix(settings.tag_prefix), settings.build_variants[0]))
    return found
