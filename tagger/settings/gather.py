"""Options, environment and `.tagger.yml` become `Settings`, every problem reported at once."""

import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tagger.errors import InputError
from tagger.names import DOCKER_HUB, Repository
from tagger.rules.cascade import Rules
from tagger.rules.versions import SCHEMES, Scheme
from tagger.settings.option import Given, Option
from tagger.settings.options import OPTIONS, named
from tagger.settings.parsers import Login
from tagger.settings.search import find_settings_file
from tagger.settings.values import Settings

if TYPE_CHECKING:
    from tagger.settings.file import SettingsFile

__all__ = ["Login", "Settings", "gather"]

Value = TypeVar("Value")

POLICY = ("scheme", "mixed-parts", "build-metadata", "tags", "variants", "variant", "channels", "stable", "latest")
"""The settings that decide the tags of a repository, and the variant of this build."""


def gather(
    command: str, given: Mapping[str, Sequence[str]], environ: Mapping[str, str], workspace: Path = Path()
) -> Settings:
    """Gather the settings of one run: command line, environment, file, default, in this order.

    `given` are the texts of the command line by option name. Raise `InputError` naming everything that is wrong.
    """
    values = {name: Given(tuple(texts), _origin_on_the_line(name)) for name, texts in given.items() if any(texts)}
    defaults: dict[str, Given] = {}
    for option in OPTIONS:
        for variable in option.variables:
            if option.name not in values and environ.get(variable, "").strip():
                values[option.name] = Given((environ[variable],), variable)
        if option.in_workflow and option.name not in values and environ.get("GITHUB_ACTIONS") == "true":
            defaults[option.name] = Given((option.in_workflow,), "default in a workflow")
    gathering = _Gathering(command)
    gathering.report_misspelled(environ)
    component = ""
    named_file = values["config"].texts[-1].strip() if "config" in values else ""
    path = workspace / named_file if named_file else find_settings_file(workspace, environ.get("GITHUB_WORKSPACE", ""))
    if path and path.is_file():
        from tagger.settings.file import read_settings_file  # PyYAML is not imported where there is no file

        file = read_settings_file(path)
        gathering.problems.extend((problem, "") for problem in file.problems)
        gathering.mentioned = file.mentioned
        if command != "push" and (file.components or "only" in values):
            component = gathering.component(values.get("only"), tuple(file.components))
            gathering.shared = "images" not in values and _shares(file, component)
        values = {**file.values, **file.components.get(component, {}), **values}
    elif "config" in values:
        raise InputError(f"there is no file {named_file}", "Point `config` at the settings, or leave it out.")
    elif command != "push" and "only" in values:
        gathering.component(values["only"], ())
    return gathering.settings({**defaults, **values}, component)


def _shares(file: "SettingsFile", component: str) -> bool:
    """Say whether another component of the file has a repository of this one."""

    def images(name: str) -> set[str]:
        given = file.components.get(name, {}).get("images") or file.values.get("images")
        return set(given.texts) if given else set()

    own = images(component)
    return any(not own.isdisjoint(images(name)) for name in file.components if name != component)


def _origin_on_the_line(name: str) -> str:
    return "--password-stdin" if name == "password" else named(name).spelling


def _as_input(variable: str) -> str:
    """Return how the input is spelled that the runner puts into a variable."""
    name = variable.removeprefix("INPUT_")
    return f", which is the input `{name.lower()}`" if name != variable else ""


class _Gathering:
    """Turns texts into values, and gathers every problem instead of stopping at the first."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.problems: list[tuple[str, str]] = []  # what is wrong, and what to do about it
        self.mentioned: Collection[str] = ()  # settings that the file says something about, rightly or wrongly
        self.given: Mapping[str, Given] = {}
        self.values: dict[str, Any] = {}
        self.shared = False  # another component has a repository of this one
        self.wrong: set[str] = set()  # options of which an entry cannot be read

    def report_misspelled(self, environ: Mapping[str, str]) -> None:
        """Report variables that look like an option's and are not read: a dry run must not become a release."""
        names = {variable for option in OPTIONS for variable in option.variables}
        names |= {f"{prefix}_{name}" for prefix in ("INPUT", "TAGGER") for name in ("COMMAND", "ARGUMENTS")}
        meant = {name.replace("-", "_"): name for name in sorted(names)}
        for name, value in environ.items():
            if name in names or not value.strip() or not name.startswith(("INPUT_", "TAGGER_")):
                continue
            plain = name.upper().replace("-", "_")
            close = [meant[plain]] if plain in meant else []
            if not close and name.startswith("TAGGER_"):
                import difflib

                close = difflib.get_close_matches(
                    name, [known for known in names if known.startswith("TAGGER_")], 1, 0.85
                )
            if close:
                self._problem(f"the variable {name} is not read", f"Write {close[0]}{_as_input(close[0])}.")

    def component(self, only: Given | None, known: Sequence[str]) -> str:
        """Return the component of the file to work on: the one that `only` picks, or the single one."""
        names = named("only").split(only.texts) if only else ()
        if len(names) == 1 and names[0] in known:
            return names[0]
        if not names and len(known) == 1:
            return known[0]
        if len(names) > 1:
            wrong, hint = f"`only` names several components: {' '.join(names)}", "Pick one with `--only NAME`."
        elif not known:
            wrong, hint = (
                f"there is no component {' '.join(names)}",
                "`only` picks one of `components` in `.tagger.yml`.",
            )
        elif names:
            wrong, hint = f"there is no component {names[0]}", f"The components are: {', '.join(known)}."
        else:
            wrong, hint = "the file has several components", f"Pick one with `--only`: {', '.join(known)}."
        if names or not self.problems:  # a file with mistakes in it is mended first
            self._problem(f"{only.origin}: {wrong}" if only else wrong, hint)
        self.mentioned = {*self.mentioned, "images"}  # they may stand in the component
        return ""

    def settings(self, given: Mapping[str, Given], component: str) -> Settings:
        """Return the settings. Raise `InputError` with everything that is wrong."""
        self.given = given
        for option in OPTIONS:
            if option.name in given:
                self.values[option.name] = self._read(option)
        made = Settings(
            self.values,
            rules=Rules(),
            component=component,
            shared=self.shared,
            texts={option.name: self._texts(option) for option in OPTIONS},
            given=given,
        )
        made.all_logins = self._logins(made)
        made.rules = self._rules(made) or made.rules
        self._check_together(made)
        if self.problems:
            raise _all_at_once(self.problems)
        return made

    def _read(self, option: Option[Value]) -> Value:
        """Return the value of an option; each entry that is none is a problem at its own place."""
        made = []
        for number, (place, entry) in enumerate(option.entries(self.given[option.name]), 1):
            try:
                made.append(option.parse(entry))
            except InputError as error:
                where = f"{place}: line {number}" if option.secret else place
                self._problem(f"{where}: {error.message}", error.hint)
                self.wrong.add(option.name)
        return option.read(tuple(made)) if made or option.is_list else option.unset

    def _texts(self, option: Option[object]) -> tuple[str, ...]:
        if option.name not in self.given:
            return tuple(filter(None, option.defaults))
        return option.split(self.given[option.name].texts)

    def _check_together(self, settings: Settings) -> None:
        """Note what contradicts itself: settings that are right, each alone."""
        unneeded = self.command == "config" or (self.command == "plan" and settings.published_from == "none")
        if not {*self.given, *self.mentioned} & {"images"} and not unneeded:
            self._problem(
                "no image: nothing says which repositories to release to", "Set `images`, as ghcr.io/acme/app."
            )
        if settings.published_from in ("git", "none") and self.command not in ("plan", "config"):
            self._problem(
                self._at("published-from", f"`{settings.published_from}` is for `plan` alone"),
                "A release reads what is published from the repository itself.",
            )
        if settings.mixed_parts and settings.scheme == "semver":
            self._problem(
                self._at("mixed-parts", "semantic versions have three parts, always"),
                "Set `scheme: numeric`, or drop it.",
            )
        if settings.build_metadata == "underscore" and settings.scheme == "pep440":
            self._problem(
                self._at("build-metadata", "a local version of PEP 440 belongs into no registry"),
                "Drop it, or choose another scheme.",
            )
        if settings.purge and settings.undo:
            self._problem("`purge` and `undo` contradict each other", "Choose one.")
        if settings.base and not settings.golden:
            self._problem(self._at("base", "a claimed base without `golden` is never looked at"), "Set `golden` too.")

    def _rules(self, settings: Settings) -> Rules | None:
        """Return the rules of the repository's tags, or None when something in them is wrong."""
        known_problems = len(self.problems)
        declared = settings.variants
        for name in settings.build_variants:
            if declared and name and name not in declared:
                self._problem(
                    self._at(
                        "variant", f"{name!r} is none of the `variants`: {' '.join(self._texts(named('variants')))}"
                    ),
                    "Declare it in `variants`, where all that the repository has stand.",
                )
        variants = tuple(dict.fromkeys(("", *declared, *settings.build_variants)))
        for name in settings.channels:
            if name in variants:
                self._problem(
                    self._at("channels", f"{name!r} is a variant too, and a tag that ends in -{name} could be either"),
                    "Call one of the two otherwise.",
                )
        if self.wrong.intersection(POLICY):
            return None
        sound = len(self.problems) == known_problems
        rules = self._try("tags", partial(_rules_of, settings, variants)) if sound else None
        if rules:
            for place, entry in (
                named("withdrawn").entries(self.given["withdrawn"]) if "withdrawn" in self.given else ()
            ):
                self._try_at(place, partial(_check_version_name, rules, entry))
        # By which rules a release reads its version, the repository may say: alone, a wrong one is told of later.
        told = self.command not in ("plan", "release") or settings.published_from != "registry" or self.problems
        if told and "version" in self.given and settings.scheme in SCHEMES:
            self._try("version", partial(_check_version, settings, rules))
        return rules

    def _logins(self, settings: Settings) -> tuple[Login, ...]:
        logins = list(settings.logins)
        username, password = settings.username, settings.password
        if username and password:
            logins.append(Login(self._login_registry(settings), username, password))
        elif username or password:
            have, lack = ("username", "password") if username else ("password", "username")
            self._problem(
                f"{self._origin(have)}: there is a {have} and no {lack}",
                "Set both; on the command line the password is read by `--password-stdin`.",
            )
        elif "registry" in self.given:
            self._problem(
                f"{self._origin('registry')}: a registry without a login", "Set `username` and `password` too."
            )
        return tuple(logins)

    def _login_registry(self, settings: Settings) -> str:
        """Return the registry that a single login is for: the one named, else the one that every image is in."""
        if "registry" in self.given:
            return settings.registry
        registries = {image.registry for image in settings.images if isinstance(image, Repository)}
        if len(registries) == 1:
            return registries.pop()
        if len(registries) > 1:
            self._problem(
                self._at("username", f"the images are in several registries: {', '.join(sorted(registries))}"),
                "Say which one the login is for with `registry`, or use `logins`.",
            )
        return DOCKER_HUB

    def _try(self, name: str, make: Callable[[], Value]) -> Value | None:
        return self._try_at(self._origin(name), make)

    def _try_at(self, place: str, make: Callable[[], Value]) -> Value | None:
        try:
            return make()
        except InputError as error:
            self._problem(f"{place}: {error.message}", error.hint)
            return None

    def _origin(self, name: str) -> str:
        return self.given[name].origin if name in self.given else f"`{name}`"

    def _at(self, name: str, text: str) -> str:
        return f"{self._origin(name)}: {text}"

    def _problem(self, text: str, hint: str = "") -> None:
        if (text, hint) not in self.problems:
            self.problems.append((text, hint))


def _rules_of(settings: Settings, variants: tuple[str, ...]) -> Rules:
    return Rules.of(
        settings.tags,
        scheme=_scheme_of(settings),
        variants=variants,
        channels=settings.channels,
        stable=settings.stable,
        latest=settings.latest,
        withdrawn=settings.withdrawn,
        mixed_parts=settings.mixed_parts,
    )


def _scheme_of(settings: Settings) -> Scheme:
    return Scheme(settings.scheme, settings.build_metadata, frozenset(settings.channels))


def _check_version(settings: Settings, rules: Rules | None) -> None:
    from tagger.version_from.reading import from_text

    plain = from_text(settings.version, settings.tag_prefix)
    if rules:
        rules.parse(plain, variant=settings.build_variants[0])
    else:
        _scheme_of(settings).parse(plain)


def _check_version_name(rules: Rules, text: str) -> None:
    if not (
        rules.read(text) or rules.read(f"v{text}") or rules.scheme.read(re.sub(r"\Av", "", text.replace("+", "_")))
    ):
        raise InputError(
            f"{text!r} is not a version in the scheme {rules.scheme.name}",
            "Write 2.1.4 for all its variants, or the exact tag of one, as 2.1.4-alpine.",
        )


def _all_at_once(problems: Sequence[tuple[str, str]]) -> InputError:
    """Return one error that says everything that is wrong, each on a line of its own, with what to do about it."""
    if len(problems) == 1:
        return InputError(*problems[0])
    lines = [
        f"{text}{'' if text.endswith(('?', '.')) else '.'} {hint}".rstrip()
        for text, hint in sorted(problems, key=_line_and_column)
    ]
    return InputError("\n".join((f"{len(lines)} problems in the settings:", *lines)))


def _line_and_column(problem: tuple[str, str]) -> tuple[int, int]:
    """Sort what is wrong in a file by its line; what is wrong elsewhere comes after it."""
    match = re.match(r"[^\n`]*?:([0-9]+):([0-9]+): ", problem[0])
    return (int(match[1]), int(match[2])) if match else (sys.maxsize, 0)
