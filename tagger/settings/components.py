"""The components of a file of settings: which one a run works on, and whether it shares a repository."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tagger.settings.option import Given
from tagger.settings.options import named
from tagger.settings.problems import Problems

if TYPE_CHECKING:  # PyYAML is not imported where there is no file
    from tagger.settings.file import SettingsFile

__all__ = ["choose_component", "shares_repository"]


def choose_component(only: Given | None, known: Sequence[str], problems: Problems) -> str:
    """Return the component of the file to work on: the one that `only` picks, or the single one; empty for none."""
    names = named("only").split(only.texts) if only else ()
    if len(names) == 1 and names[0] in known:
        return names[0]
    if not names and len(known) == 1:
        return known[0]
    if len(names) > 1:
        wrong, hint = f"`only` names several components: {' '.join(names)}", "Pick one with `--only NAME`."
    elif not known:
        wrong, hint = f"there is no component {' '.join(names)}", "`only` picks one of `components` in `.tagger.yml`."
    elif names:
        wrong, hint = f"there is no component {names[0]}", f"The components are: {', '.join(known)}."
    else:
        wrong, hint = "the file has several components", f"Pick one with `--only`: {', '.join(known)}."
    if names or not len(problems):  # a file with mistakes in it is mended first
        problems.add(f"{only.origin}: {wrong}" if only else wrong, hint)
    return ""


def shares_repository(file: "SettingsFile", component: str) -> bool:
    """Say whether another component of the file has a repository of this one."""

    def images(name: str) -> set[str]:
        given = file.components.get(name, {}).get("images") or file.values.get("images")
        return set(given.texts) if given else set()

    own = images(component)
    return any(not own.isdisjoint(images(name)) for name in file.components if name != component)
