"""The components of a settings file: which of them a run works on, and the settings of each."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from tagger.settings.option import CommandKind, Given
from tagger.settings.options import OPTIONS, find_option
from tagger.settings.problems import Problems

if TYPE_CHECKING:  # PyYAML is not imported where there is no file
    from tagger.settings.file import SettingsFile

__all__ = ["CommandRow", "Components", "Several"]

Several = Literal["none", "one", "named", "all"]
"""How many components a command works on: none, as `only` means another thing; one; several where they are named; all
where nobody picks any.
"""


class CommandRow(Protocol):
    """The part of a command's row that its settings depend on: name, kinds, arguments, and number of components."""

    @property
    def name(self) -> str: ...
    @property
    def kinds(self) -> tuple[CommandKind, ...]: ...
    @property
    def words(self) -> tuple[str, ...]: ...
    @property
    def several(self) -> Several: ...


_NAME = r"\{\{\s*component\s*\}\}"
_SECRETS = frozenset(option.name for option in OPTIONS if option.secret)


class Components:
    """The components of one file. `values`, of the command line and the environment, replace those of the file."""

    def __init__(self, file: "SettingsFile | None", values: Mapping[str, Given], problems: Problems) -> None:
        self._file, self._values, self._problems = file, values, problems
        self.names: tuple[str, ...] = tuple(file.components) if file else ()
        self._shared: frozenset[str] | None = None

    def settings(self, name: str) -> dict[str, Given]:
        """Return the settings of a component, with its name for `{{component}}`; of the file alone if it is empty."""
        own = {**self._file.values, **self._file.components.get(name, {})} if self._file else {}
        shown = name or "component" * bool(self.names)  # so that what all share can be read
        return {option: _with_name(option, given, shown) for option, given in {**own, **self._values}.items()}

    def shares_repository(self, name: str) -> bool:
        """Say whether another component of the file has a repository of this one."""
        if "images" in self._values:
            return False
        if self._shared is None:
            counts = Counter(image for each in self.names for image in self._images(each))
            self._shared = frozenset(image for image, count in counts.items() if count > 1)
        return not self._shared.isdisjoint(self._images(name))

    def chosen(self, several: Several, tags: Callable[[], Iterable[str]]) -> tuple[str, ...]:
        """Return the components to work on: those of `only`, that of the git tag, the single one, else all.

        `tags` are the git tags that the run is for. It is a problem where none can be picked, or too many are.
        """
        only = self._values.get("only")
        found = self._selected_components(only, several) if only else self._default_components(several, tags)
        images = self._values.get("images")
        if len(found) > 1 and images and not any(re.search(_NAME, text) for text in images.texts):
            wrong = f"{images.origin}: these repositories would be those of {len(found)} components"
            self._problems.add(wrong, f"Pick one: set {_ways(self.names)}; or put {{{{component}}}} in its place.")
        return found

    def _default_components(self, several: Several, tags: Callable[[], Iterable[str]]) -> tuple[str, ...]:
        """Return the components of a run that names none."""
        found, asked = self.names if len(self.names) < 2 else self._of_images(), tuple[str, ...]()
        if not found and self.names:
            asked = tuple(tags())
            found = self._of_tag(asked)
        if len(found) == 1:
            return found
        if several == "all":
            return found or self.names
        if not len(self._problems):  # the mistakes of the file are reported first
            hint = f"Pick one: set {_ways(found or self.names)}."
            self._problems.add(f"the file has several components{'' if found else self._of_none(asked)}", hint)
        return ()

    def _of_none(self, tags: Sequence[str]) -> str:
        """Return the part of a message that says why git tags pick no component; empty without tags."""
        prefixes = " or ".join(repr(self._text("tag-prefix", name)) for name in self.names)
        return f", and the git tag {tags[0]!r} is no version behind {prefixes}" if tags else ""

    def _selected_components(self, only: Given, several: Several) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(find_option("only").split(only.texts)))
        unknown = [name for name in names if name not in self.names]
        if not unknown and (len(names) == 1 or several != "one"):
            return names
        if not self.names:
            wrong, hint = f"there is no component {' '.join(names)}", "Drop `only`: the settings name no components."
        elif unknown:
            wrong, hint = (
                f"there is no component {unknown[0]}",
                f"Write {' or '.join(f'`{name}`' for name in self.names)}: these are the components.",
            )
        else:
            wrong, hint = (
                f"`only` names several components: {' '.join(names)}",
                f"Pick one: set {_ways(names)}.",
            )
        self._problems.add(f"{only.origin}: {wrong}", hint)
        return ()

    def _of_images(self) -> tuple[str, ...]:
        """Return the components that have one of the repositories that are named outside of the file."""
        given = self._values.get("images")
        images = set(find_option("images").split(given.texts)) if given else set()
        return tuple(name for name in self.names if images & self._images(name))

    def _of_tag(self, tags: Iterable[str]) -> tuple[str, ...]:
        """Return the components whose `tag-prefix` stands before a version in one of `tags`; the longest one counts."""
        prefixes = {name: self._text("tag-prefix", name) for name in self.names}
        found = set[str]()
        for tag in tags:
            fits = {
                name: len(prefix)
                for name, prefix in prefixes.items()
                if tag.startswith(prefix) and re.match("v?[0-9]", tag[len(prefix) :])
            }
            found |= {name for name, length in fits.items() if length == max(fits.values())}
        return tuple(name for name in self.names if name in found)

    def _images(self, name: str) -> set[str]:
        """Return the texts of a component's images, as the file says them."""
        given = self._file and (self._file.components[name].get("images") or self._file.values.get("images"))
        return set(find_option("images").split(_with_name("images", given, name).texts)) if given else set()

    def _text(self, option: str, name: str) -> str:
        """Return the text of an option of one component; empty where nobody gives any."""
        given = self.settings(name).get(option)
        return given.texts[-1].strip() if given else ""


def _with_name(option: str, given: Given, name: str) -> Given:
    """Return what is given with a component's name in place of `{{component}}`."""
    if not name or option in _SECRETS or not any("{{" in text for text in given.texts):
        return given
    return given._replace(texts=tuple(re.sub(_NAME, lambda _: name, text) for text in given.texts))


def _ways(names: Iterable[str]) -> str:
    """Return the settings that pick one of several components."""
    return " or ".join(f"`only: {name}`" for name in names)
