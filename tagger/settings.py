"""Options, environment and `.tagger.yml` become `Settings`, every problem reported at once."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from tagger.errors import InputError
from tagger.images.references import DOCKER_HUB, HOST, HUB_ALIASES, IPV6_HOST, Repository
from tagger.options import OPTIONS, Given, Option
from tagger.rules.cascade import Rules
from tagger.rules.selection import Selection, Series
from tagger.rules.templates import Template
from tagger.rules.versions import Scheme

__all__ = ["DEFAULT_VARIANT", "LAYOUT", "Login", "Settings", "gather"]

DEFAULT_VARIANT = "default"
LAYOUT = "oci:"
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Login:
    """A login at one registry; its password shows nowhere."""

    registry: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run is to do, for one image. Every value is valid; `origins` says where each came from."""

    images: tuple[Repository | Path, ...] = ()
    source: str = ""
    version: str = ""
    version_from: tuple[str, ...] = ()
    tag_prefix: str = ""
    rules: Rules = field(default_factory=Rules)
    variant: tuple[str, ...] = ("",)
    on_conflict: str = "fail"
    golden: tuple[str, ...] = ()
    base: str = ""
    dry_run: bool = False
    logins: tuple[Login, ...] = ()
    github_token: str = field(default="", repr=False)
    insecure: frozenset[str] = frozenset()
    endpoints: Mapping[str, str] = field(default_factory=dict)
    ca_file: str = ""
    published_from: str = "registry"
    jobs: int = 8
    timeout: float = 30.0
    retries: int = 4
    yes: bool = False
    force: bool = False
    purge: bool = False
    undo: bool = False
    all: bool = False
    long: bool = False
    only: tuple[str, ...] = ()
    component: str = ""
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be printed."""
        return tuple(filter(None, (*(login.password for login in self.logins), self.github_token)))


def gather(
    command: str, given: Mapping[str, Sequence[str]], environ: Mapping[str, str], workspace: Path = Path()
) -> Settings:
    """Gather the settings of one run: command line, environment, file, default, in this order.

    `given` are the texts of the command line by option name. Raise `InputError` naming everything that is wrong.
    """
    values = {name: Given(tuple(texts), _flag(name)) for name, texts in given.items() if any(texts)}
    for option in OPTIONS:
        for variable in option.variables:
            if option.name not in values and environ.get(variable, "").strip():
                values[option.name] = Given((environ[variable],), variable)
    gathering = _Gathering(command)
    component = ""
    path = Path(values["config"].texts[-1].strip()) if "config" in values else Path(".tagger.yml")
    if (workspace / path).is_file():
        from tagger.settings_file import read_settings_file  # PyYAML is not imported where there is no file

        file = read_settings_file(workspace / path)
        gathering.problems.extend(file.problems)
        if file.components and command != "push":
            component = gathering.component(values.get("only"), tuple(file.components))
        values = {**file.values, **file.components.get(component, {}), **values}
    elif "config" in values:
        raise InputError(f"there is no file {path}", "Point `config` at the settings, or leave it out.")
    return gathering.settings(values, component)


def _flag(name: str) -> str:
    option = next(option for option in OPTIONS if option.name == name)
    return "--password-stdin" if name == "password" else f"--{option.flag or option.name}"


class _Gathering:
    """Turns texts into values, and gathers every problem instead of stopping at the first."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.problems: list[str] = []
        self.hints: list[str] = []
        self.values: Mapping[str, Given] = {}

    def component(self, only: Given | None, known: Sequence[str]) -> str:
        """Return the component of the file to work on: the one that `only` picks, or the single one."""
        names = _split("words", only.texts) if only else ()
        if len(names) == 1 and names[0] in known:
            return names[0]
        if not names and len(known) == 1:
            return known[0]
        wrong = f"there is no component {' '.join(names)}" if names else "the file has several components"
        self._problem(f"{wrong}: {', '.join(known)}", "Pick one with `--only NAME`.")
        return ""

    def settings(self, values: Mapping[str, Given], component: str) -> Settings:
        self.values = values
        for option in OPTIONS:
            if option.choices:
                self._choice(option)
        variants = self._variants("variants")
        variant = self._variants("variant") or ("",)
        for name in variant:
            if variants and name and name not in variants:
                self._problem(
                    self._at("variant", f"{name!r} is none of the `variants`: {' '.join(variants)}"),
                    "Declare it in `variants`, where all that the repository has stand.",
                )
        rules = self._rules(tuple(dict.fromkeys(("", *variants, *variant))))
        made = Settings(
            images=self._each("images", _image),
            source=self._text("source"),
            version=self._text("version"),
            version_from=self._list("version-from"),
            tag_prefix=self._text("tag-prefix"),
            rules=rules,
            variant=variant,
            on_conflict=self._text("on-conflict"),
            golden=self._list("golden"),
            base=self._text("base"),
            dry_run=self._is("dry-run"),
            logins=self._logins(),
            github_token=self._text("github-token"),
            insecure=frozenset(self._each("insecure", _host)),
            endpoints=dict(self._each("endpoints", _endpoint)),
            ca_file=self._one("ca-file", _readable, ""),
            published_from=self._text("published-from"),
            jobs=self._one("jobs", _number(1, 256), 8),
            timeout=self._one("timeout", _seconds, 30.0),
            retries=self._one("retries", _number(0, 100), 4),
            yes=self._is("yes"),
            force=self._is("force"),
            purge=self._is("purge"),
            undo=self._is("undo"),
            all=self._is("all"),
            long=self._is("long"),
            only=self._list("only"),
            component=component,
            texts={option.name: self._list(option.name) for option in OPTIONS},
            origins={name: value.origin for name, value in values.items()},
        )
        self._check_together(made)
        if self.problems:
            several = f"{len(self.problems)} problems in the settings:\n" if len(self.problems) > 1 else ""
            lines = sorted(self.problems, key=_place)
            raise InputError(several + "\n".join(lines), "\n".join(dict.fromkeys(filter(None, self.hints))))
        return made

    def _check_together(self, settings: Settings) -> None:
        unneeded = self.command == "config" or (self.command == "plan" and settings.published_from == "none")
        if not settings.images and not unneeded and "images" not in self.values:
            self._problem(
                "no image: nothing says which repositories to release to", "Set `images`, as ghcr.io/acme/app."
            )
        if settings.published_from != "registry" and self.command not in ("plan", "config"):
            self._problem(
                self._at("published-from", f"`{settings.published_from}` is for `plan` alone"),
                "A release reads what is published from the repository itself.",
            )
        if settings.rules.mixed_parts and settings.rules.scheme.name == "semver":
            self._problem(
                self._at("mixed-parts", "semantic versions have three parts, always"),
                "Set `scheme: numeric`, or drop it.",
            )
        if settings.purge and settings.undo:
            self._problem("`purge` and `undo` contradict each other", "Choose one.")
        if settings.base and not settings.golden:
            self._problem(self._at("base", "a claimed base without `golden` is never looked at"), "Set `golden` too.")

    def _rules(self, variants: tuple[str, ...]) -> Rules:
        channels = self._list("channels")
        scheme = Scheme(
            self._text("scheme"), self._text("build-metadata"), frozenset(name.lower() for name in channels)
        )
        parts: dict[str, Any] = {
            "channels": self._each("channels", _word), "stable": self._text("stable"), "latest": self._text("latest")
        }  # fmt: skip
        self._try("stable", Selection.parse, parts["stable"])
        if parts["latest"] not in ("auto", "false"):
            self._try("latest", Series.parse, parts["latest"])
        templates = self._list("tags")
        parsed = [self._try("tags", Template.parse, text) for text in templates]
        if all(parsed):
            self._try("tags", partial(Rules.of, scheme=scheme), templates)
        try:
            return Rules.of(
                templates,
                scheme=scheme,
                variants=variants,
                **parts,
                withdrawn=self._list("withdrawn"),
                mixed_parts=self._is("mixed-parts"),
            )
        except InputError:
            return Rules()

    def _variants(self, name: str) -> tuple[str, ...]:
        named = self._each(name, _variant)
        return tuple("" if text == DEFAULT_VARIANT else text for text in named)

    def _logins(self) -> tuple[Login, ...]:
        logins = []
        for place, line in enumerate(self._list("logins"), 1):
            parts = line.split(None, 2)
            if len(parts) == 3:
                logins.append(Login(_registry(parts[0]), parts[1], parts[2]))
            else:
                self._problem(
                    f"{self._origin('logins')}: line {place} is not `registry username password`",
                    "Write one login a line; the password is the rest of the line.",
                )
        username, password = self._text("username"), self._text("password")
        if username and password:
            logins.append(Login(self._login_registry(), username, password))
        elif username or password:
            have, lack = ("username", "password") if username else ("password", "username")
            self._problem(
                f"{self._origin(have)}: there is a {have} and no {lack}",
                "Set both; on the command line the password is read by `--password-stdin`.",
            )
        elif "registry" in self.values:
            self._problem(
                f"{self._origin('registry')}: a registry without a login", "Set `username` and `password` too."
            )
        return tuple(logins)

    def _login_registry(self) -> str:
        """Return the registry that a single login is for: the one named, else the one that every image is in."""
        if "registry" in self.values:
            return _registry(self._text("registry"))
        images = [image for text in self._list("images") if (image := self._quiet(_image, text))]
        registries = {image.registry for image in images if isinstance(image, Repository)}
        if len(registries) == 1:
            return registries.pop()
        if len(registries) > 1:
            self._problem(
                f"{self._origin('username')}: the images are in several registries: {', '.join(sorted(registries))}",
                "Say which one the login is for with `registry`, or use `logins`.",
            )
        return DOCKER_HUB

    def _choice(self, option: Option) -> None:
        text = self._text(option.name)
        if text not in option.choices:
            self._problem(
                self._at(option.name, f"`{option.name}` is {text!r}"),
                f"`{option.name}` is one of: {', '.join(option.choices)}.",
            )

    def _is(self, name: str) -> bool:
        text = self._text(name).lower()
        if text in ("true", "yes", "on", "1"):
            return True
        if text not in ("false", "no", "off", "0"):
            self._problem(self._at(name, f"`{name}` is {text!r}"), f"`{name}` is true or false.")
        return False

    def _list(self, name: str) -> tuple[str, ...]:
        option = next(option for option in OPTIONS if option.name == name)
        if name in self.values:
            return _split(option.kind, self.values[name].texts)
        default = option.default if isinstance(option.default, tuple) else (option.default,)
        return tuple(filter(None, default))

    def _text(self, name: str) -> str:
        """Return the one text of an option; of a repeated one the last, as everywhere on a command line."""
        texts = self._list(name)
        return texts[-1] if texts else ""

    def _each(self, name: str, parse: Callable[[str], Value]) -> tuple[Value, ...]:
        made = [value for text in self._list(name) if (value := self._try(name, parse, text)) is not None]
        return tuple(dict.fromkeys(made))

    def _one(self, name: str, parse: Callable[[str], Value], otherwise: Value) -> Value:
        text = self._text(name)
        made = self._try(name, parse, text) if text else None
        return otherwise if made is None else made

    def _try(self, name: str, parse: Callable[[Any], Value], text: Any) -> Value | None:
        try:
            return parse(text)
        except InputError as error:
            self._problem(self._at(name, error.message), error.hint)
            return None

    def _quiet(self, parse: Callable[[str], Value], text: str) -> Value | None:
        try:
            return parse(text)
        except InputError:
            return None

    def _origin(self, name: str) -> str:
        return self.values[name].origin if name in self.values else f"`{name}`"

    def _at(self, name: str, text: str) -> str:
        return f"{self._origin(name)}: {text}"

    def _problem(self, text: str, hint: str = "") -> None:
        self.problems.append(text)
        self.hints.append(hint)


def _place(problem: str) -> tuple[int, int]:
    """Sort what is wrong in a file by its line; what is wrong elsewhere comes after it."""
    match = re.match(r"[^\n`]*?:([0-9]+):([0-9]+): ", problem)
    return (int(match[1]), int(match[2])) if match else (sys.maxsize, 0)


def _split(kind: str, texts: Sequence[str]) -> tuple[str, ...]:
    if kind == "lines":
        return tuple(line.strip() for text in texts for line in text.splitlines() if line.strip())
    if kind == "words":
        return tuple(word for text in texts for word in text.split())
    return tuple(text.strip() for text in texts if text.strip())


def _image(text: str) -> Repository | Path:
    if text.startswith(LAYOUT):
        if not text.removeprefix(LAYOUT):
            raise InputError(f"{text!r} names no directory", "Write oci:DIR.")
        return Path(text.removeprefix(LAYOUT))
    for scheme in ("docker://", "https://", "http://"):
        if text.startswith(scheme):
            raise InputError(f"{text!r} is not a repository", f"Write {text.removeprefix(scheme)}.")
    tail = text.rpartition("/")[2]
    if "@" in tail or ":" in tail:
        plain = re.split(r"[:@]", tail)[0]
        if plain and "/" in text:
            hint = f"Leave the tag out, it follows from the version: {text[: len(text) - len(tail)]}{plain}."
            raise InputError(f"{text!r} names one image of a repository", hint)
    return Repository.parse(text)


def _registry(text: str) -> str:
    name = re.sub(r"\Ahttps?://", "", text).split("/")[0]
    return DOCKER_HUB if name.lower() in HUB_ALIASES else name


def _host(text: str) -> str:
    if not (HOST.fullmatch(text) or IPV6_HOST.fullmatch(text)):
        raise InputError(f"{text!r} is not a host", "Write HOST or HOST:PORT.")
    return text


def _endpoint(text: str) -> tuple[str, str]:
    name, equals, place = text.partition("=")
    if not equals:
        raise InputError(f"{text!r} is not an endpoint", "Write NAME=HOST:PORT, as localhost:5000=registry:5000.")
    return _registry(_host(name.strip())), _host(place.strip())


def _word(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", text):
        raise InputError(f"{text!r} is not a channel", "A channel is a word, as rc or beta.")
    return text.lower()


def _variant(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", text):
        raise InputError(
            f"{text!r} is not a variant", "A variant is what stands behind the version: alpine, alpine3.22."
        )
    return text


def _readable(text: str) -> str:
    if not Path(text).is_file():
        raise InputError(f"there is no file {text}", "Name a file with certificates in PEM form.")
    return text


def _number(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdigit() or not least <= int(text) <= most:
            raise InputError(f"{text!r} is not a number from {least} to {most}", "")
        return int(text)

    return parse


def _seconds(text: str) -> float:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(s|m)?", text)
    if not match or float(match[1]) <= 0:
        raise InputError(f"{text!r} is not a time", "Write seconds, as 30.")
    return float(match[1]) * (60 if match[2] == "m" else 1)
