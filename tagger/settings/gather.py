"""Makes `Settings` from options, environment and `.tagger.yml`, and reports every mistake at once."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tagger.errors import InputError
from tagger.rules.cascade import Rules
from tagger.settings.addresses import Login
from tagger.settings.arguments import Arguments, values_of
from tagger.settings.checks import check_together, logins_of, rules_of
from tagger.settings.components import CommandRow, Components
from tagger.settings.option import Given, Option
from tagger.settings.options import OPTIONS, find_option
from tagger.settings.problems import Problems
from tagger.settings.rows import has_rows, read_rows, said_by_rows
from tagger.settings.search import find_settings_file
from tagger.settings.values import Settings
from tagger.workspace import is_regular

if TYPE_CHECKING:
    from tagger.settings.file import SettingsFile

__all__ = ["Login", "Settings", "gather_each"]

Value = TypeVar("Value")


def gather_each(
    command: CommandRow,
    given: Mapping[str, Sequence[str]],
    environ: Mapping[str, str],
    workspace: Path = Path(),
    *,
    arguments: Arguments | None = None,
    spelled: Collection[str] = (),
) -> tuple[Settings, ...]:
    """Gather the settings of one run: command line, environment, file, default, in this order; for each component.

    `given` are the texts of the command line by option name, `spelled` the options as they were written there,
    `arguments` the words that stand for options. Raise `InputError` naming everything that is wrong.
    """
    problems = Problems()
    line = _on_the_line(given, spelled, problems)
    values = _in_environment(environ) | line
    _report_misspelled(environ, problems)
    file = _read_file(values, environ, workspace)
    mentioned = set[str]()  # settings that the file means, rightly or wrongly
    if file:
        for problem in file.problems:
            problems.add(problem)
        mentioned |= file.mentioned
    if arguments and arguments.texts:
        known = values["images"].origin if "images" in values else file.origin("images") if file else ""
        values |= values_of(command.name, arguments, line, problems, known=known)
        mentioned.add("images")
    components = Components(file, values, problems)
    names: tuple[str, ...] = ("",)
    if command.several != "none" and ("only" in values or components.names):
        names = components.chosen(command.several, partial(_git_tags, command, values, environ, workspace)) or ("",)
        mentioned |= set() if names[0] else {"images"}  # they may stand in the component
        mentioned -= {"images"} if names[0] and not len(problems) else set()  # they are another component's
    defaults = _defaults(environ)
    gathered = tuple(_gather_one(command, defaults, components, name, mentioned, problems) for name in names)
    problems.check()
    return gathered


def _gather_one(
    command: CommandRow,
    defaults: Mapping[str, Given],
    components: Components,
    name: str,
    mentioned: Collection[str],
    problems: Problems,
) -> Settings:
    """Gather the settings of one component, or of a run without any."""
    values = {**defaults, **components.settings(name)}
    rows = read_rows(values, "".join(values["tag-prefix"].texts[-1:]) if "tag-prefix" in values else "", problems)
    values |= said_by_rows(rows, values) if rows else {}
    made = _Reader(values, problems).read(name, shared=bool(name) and components.shares_repository(name))
    made.pattern = "".join(values["pattern"].texts) if "pattern" in values else ""
    made.rows = rows
    if rows is None and has_rows(values):
        made.wrong |= {"tags"}
    made.all_logins = logins_of(made, problems)
    made.rules = rules_of(made, command, problems) or made.rules
    check_together(made, command, mentioned, problems)
    return made


def _git_tags(
    command: CommandRow, values: Mapping[str, Given], environ: Mapping[str, str], workspace: Path
) -> tuple[str, ...]:
    """Return the git tags of a run: `version`, else the workflow's tag, else the tags at HEAD.

    The tags at HEAD count only for commands that make a release.
    """
    from tagger.version_from.refs import TAGS, workflow_ref

    if "version" in values:
        return tuple(text.strip().removeprefix(TAGS) for text in values["version"].texts[-1:])
    ref = workflow_ref(environ)
    if ref and ref.tag:
        return (ref.tag,)
    if "makes a release" not in command.kinds:
        return ()
    from tagger.version_from.git import read_checkout

    checkout = read_checkout(workspace, environ.get("GITHUB_WORKSPACE", ""))
    return checkout.at_head if checkout else ()


def _on_the_line(given: Mapping[str, Sequence[str]], spelled: Collection[str], problems: Problems) -> dict[str, Given]:
    """Return the options of the command line; an empty one does not count, and is a problem if `never_empty`."""
    found = {}
    for name, texts in given.items():
        option = find_option(name)
        origin = next((one for one in option.spellings if one in spelled and one.startswith("--")), option.spelling)
        if "".join(texts).strip():
            found[name] = Given(tuple(texts), "--password-stdin" if name == "password" else origin)
        elif option.never_empty:
            problems.add(f"{origin}: it is empty", "Give it a value, or leave it out.")
    return found


def _in_environment(environ: Mapping[str, str]) -> dict[str, Given]:
    """Return the options of the environment; the runner's variable counts first, an empty one not at all."""
    found = {}
    for option in OPTIONS:
        for variable in reversed(option.variables):
            if environ.get(variable, "").strip():
                found[option.name] = Given((environ[variable],), variable)
    return found


def _defaults(environ: Mapping[str, str]) -> dict[str, Given]:
    """Return the defaults that differ in a workflow; nothing elsewhere."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return {}
    return {
        option.name: Given((option.in_workflow,), "default in a workflow") for option in OPTIONS if option.in_workflow
    }


def _read_file(values: Mapping[str, Given], environ: Mapping[str, str], workspace: Path) -> "SettingsFile | None":
    """Return what the settings file says: the one that `config` names, else the one that is found."""
    name = values["config"].texts[-1].strip() if "config" in values else ""
    path = workspace / name if name else find_settings_file(workspace, environ.get("GITHUB_WORKSPACE", ""))
    if name and path and not is_regular(path):
        raise InputError(f"there is no file {name}", "Point `config` at the settings, or leave it out.")
    if path is None:
        return None
    from tagger.settings.file import read_settings_file  # PyYAML is not imported where there is no file

    return read_settings_file(path)


def _report_misspelled(environ: Mapping[str, str], problems: Problems) -> None:
    """Report variables that look like an option's and are not read: a dry run must not become a release."""
    names = {variable for option in OPTIONS for variable in option.variables}
    names |= {f"{prefix}_{name}" for prefix in ("INPUT", "TAGGER") for name in ("COMMAND", "ARGUMENTS", "NOW")}
    meant = {name.replace("-", "_"): name for name in sorted(names)}
    for name, value in environ.items():
        if name in names or not value.strip() or not name.startswith(("INPUT_", "TAGGER_")):
            continue
        plain = name.upper().replace("-", "_")
        close = [meant[plain]] if plain in meant else []
        if not close and name.startswith("TAGGER_"):
            import difflib

            known = [known for known in names if known.startswith("TAGGER_")]
            close = difflib.get_close_matches(name, known, 1, 0.85)
        if close:
            problems.add(f"the variable {name} is not read", f"Write `{close[0]}`{_as_input(close[0])}.")


def _as_input(variable: str) -> str:
    """Return how the input is spelled that the runner puts into a variable."""
    name = variable.removeprefix("INPUT_")
    return f", which is the input {name.lower()}" if name != variable else ""


class _Reader:
    """Reads the values of the options from their texts."""

    def __init__(self, given: Mapping[str, Given], problems: Problems) -> None:
        self.given = given
        self.problems = problems
        self.wrong: set[str] = set()  # options of which an entry cannot be read

    def read(self, component: str, *, shared: bool) -> Settings:
        """Return the settings without checks between them; an entry that cannot be read is a problem."""
        values: dict[str, Any] = {option.name: self._value(option) for option in OPTIONS if option.name in self.given}
        return Settings(
            values,
            rules=Rules(),
            component=component,
            shared=shared,
            texts={option.name: self._texts(option) for option in OPTIONS},
            given=self.given,
            wrong=frozenset(self.wrong),
        )

    def _value(self, option: Option[Value]) -> Value:
        """Return the value of an option; each entry that is none is a problem at its own place."""
        made = []
        for number, (place, entry) in enumerate(option.entries(self.given[option.name]), 1):
            try:
                made.append(option.parse(entry))
            except InputError as error:
                where = f"{place}: line {number}" if option.secret else place
                self.problems.add(f"{where}: {error.message}", error.hint)
                self.wrong.add(option.name)
        return option.read(tuple(made)) if made or option.is_list else option.unset

    def _texts(self, option: Option[object]) -> tuple[str, ...]:
        if option.name not in self.given:
            return tuple(filter(None, option.defaults))
        return option.split(self.given[option.name].texts)
