"""Options, environment and `.tagger.yml` become `Settings`, every problem reported at once."""

import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import repeat
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from tagger.errors import InputError
from tagger.names import DOCKER_HUB, HOST, HUB_ALIASES, IPV6_HOST, Repository
from tagger.rules.cascade import Rules
from tagger.rules.selection import Selection, Series
from tagger.rules.templates import Template
from tagger.rules.versions import SCHEMES, Scheme
from tagger.settings.options import OPTIONS, Given, Option

__all__ = ["DEFAULT_VARIANT", "LAYOUT", "Login", "Settings", "gather"]

DEFAULT_VARIANT = "default"
LAYOUT = "oci:"
Value = TypeVar("Value")


class Login(NamedTuple):
    """A login at one registry; its password shows nowhere."""

    registry: str
    username: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.registry!r}, {self.username!r})"


class Settings(NamedTuple):
    """What one run is to do, for one image. Every value is valid; `origins` says where each came from."""

    images: tuple[Repository | Path, ...] = ()
    source: str = ""
    version: str = ""
    version_from: tuple[str, ...] = ()
    tag_prefix: str = ""
    rules: Rules = Rules()
    variant: tuple[str, ...] = ("",)
    on_conflict: str = "fail"
    golden: tuple[str, ...] = ()
    require_referrer: tuple[str, ...] = ()
    base: str = ""
    dry_run: bool = False
    logins: tuple[Login, ...] = ()
    github_token: str = ""
    insecure: frozenset[str] = frozenset()
    endpoints: Mapping[str, str] = MappingProxyType({})
    ca_file: str = ""
    published_from: str = "registry"
    jobs: int = 8
    timeout: float = 30.0
    retries: int = 4
    json: bool = False
    yes: bool = False
    force: bool = False
    purge: bool = False
    undo: bool = False
    all: bool = False
    long: bool = False
    only: tuple[str, ...] = ()
    component: str = ""
    texts: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    origins: Mapping[str, str] = MappingProxyType({})

    def __repr__(self) -> str:
        return f"Settings({', '.join(map(str, self.images))})"  # secrets are among the others

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
    gathering.misspelled(environ)
    component = ""
    path = Path(values["config"].texts[-1].strip()) if "config" in values else Path(".tagger.yml")
    if (workspace / path).is_file():
        from tagger.settings.file import read_settings_file  # PyYAML is not imported where there is no file

        file = read_settings_file(workspace / path)
        gathering.problems.extend((problem, "") for problem in file.problems)
        gathering.mentioned = file.mentioned
        if command != "push" and (file.components or "only" in values):
            component = gathering.component(values.get("only"), tuple(file.components))
        values = {**file.values, **file.components.get(component, {}), **values}
    elif "config" in values:
        raise InputError(f"there is no file {path}", "Point `config` at the settings, or leave it out.")
    elif command != "push" and "only" in values:
        gathering.component(values["only"], ())
    return gathering.settings(values, component)


def _as_input(variable: str) -> str:
    """Return how the input is spelled that the runner puts into a variable."""
    name = variable.removeprefix("INPUT_")
    return f", which is the input `{name.lower()}`" if name != variable else ""


def _flag(name: str) -> str:
    option = _option(name)
    return "--password-stdin" if name == "password" else f"--{option.flag or option.name}"


def _option(name: str) -> Option:
    return next(option for option in OPTIONS if option.name == name)


class _Gathering:
    """Turns texts into values, and gathers every problem instead of stopping at the first."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.problems: list[tuple[str, str]] = []  # what is wrong, and what to do about it
        self.mentioned: Collection[str] = ()  # settings that the file says something about, rightly or wrongly
        self.values: Mapping[str, Given] = {}

    def misspelled(self, environ: Mapping[str, str]) -> None:
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
        names = _split("words", only.texts) if only else ()
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

    def settings(self, values: Mapping[str, Given], component: str) -> Settings:
        """Return the settings. Raise `InputError` with everything that is wrong."""
        self.values = values
        for option in OPTIONS:
            if option.choices:
                self._choice(option)
        variants = self._variants("variants")
        variant = self._variants("variant") or ("",)
        declared = self._list("variants")
        for name in variant:
            if declared and name and name not in declared:
                self._problem(
                    self._at("variant", f"{name!r} is none of the `variants`: {' '.join(declared)}"),
                    "Declare it in `variants`, where all that the repository has stand.",
                )
        rules = self._rules(tuple(dict.fromkeys(("", *variants, *variant))))
        if "version" in values and self._text("scheme") in SCHEMES:
            parse = partial(rules.parse, variant=variant[0]) if rules else self._scheme.parse
            self._try("version", lambda text: parse(self._unprefixed(text)), self._text("version"))
        self._images = self._each("images", _image)
        made = Settings(
            images=self._images,
            source=self._source(),
            version=self._text("version"),
            version_from=self._version_from(),
            tag_prefix=self._text("tag-prefix"),
            rules=rules or Rules(),
            variant=variant,
            on_conflict=self._text("on-conflict"),
            golden=self._list("golden"),
            require_referrer=self._each("require-referrer", _artifact_type),
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
            json=self._is("json"),
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
            raise _all_at_once(self.problems)
        return made

    def _check_together(self, settings: Settings) -> None:
        """Note what contradicts itself: settings that are right, each alone."""
        unneeded = self.command == "config" or (self.command == "plan" and settings.published_from == "none")
        if not {*self.values, *self.mentioned} & {"images"} and not unneeded:
            self._problem(
                "no image: nothing says which repositories to release to", "Set `images`, as ghcr.io/acme/app."
            )
        if settings.published_from in ("git", "none") and self.command not in ("plan", "config"):
            self._problem(
                self._at("published-from", f"`{settings.published_from}` is for `plan` alone"),
                "A release reads what is published from the repository itself.",
            )
        if self._is("mixed-parts") and self._text("scheme") == "semver":
            self._problem(
                self._at("mixed-parts", "semantic versions have three parts, always"),
                "Set `scheme: numeric`, or drop it.",
            )
        if self._text("build-metadata") == "underscore" and self._text("scheme") == "pep440":
            self._problem(
                self._at("build-metadata", "a local version of PEP 440 belongs into no registry"),
                "Drop it, or choose another scheme.",
            )
        if settings.purge and settings.undo:
            self._problem("`purge` and `undo` contradict each other", "Choose one.")
        if settings.base and not settings.golden:
            self._problem(self._at("base", "a claimed base without `golden` is never looked at"), "Set `golden` too.")

    def _rules(self, variants: tuple[str, ...]) -> Rules | None:
        """Return the rules of the repository's tags, or None when something in them is wrong."""
        known = len(self.problems)
        scheme = self._scheme
        channels = self._each("channels", _word)
        for name in channels:
            if name in variants:
                self._problem(
                    self._at("channels", f"{name!r} is a variant too, and a tag that ends in -{name} could be either"),
                    "Call one of the two otherwise.",
                )
        self._try("stable", Selection.parse, self._text("stable"))
        if self._text("latest") not in ("auto", "false"):
            self._try("latest", _series, self._text("latest"))
        templates = self._list("tags")
        self._each("tags", Template.parse)
        if scheme.name not in SCHEMES or len(self.problems) > known:
            return None
        rules = self._try(
            "tags",
            partial(
                Rules.of,
                scheme=scheme,
                variants=variants,
                channels=channels,
                stable=self._text("stable"),
                latest=self._text("latest"),
                withdrawn=self._list("withdrawn"),
                mixed_parts=self._is("mixed-parts"),
            ),
            templates,
        )
        if rules:
            self._each("withdrawn", partial(_version_name, rules))
        return rules

    @property
    def _scheme(self) -> Scheme:
        channels = frozenset(map(str.lower, self._list("channels")))
        return Scheme(self._text("scheme"), self._text("build-metadata"), channels)

    def _unprefixed(self, text: str) -> str:
        from tagger.version_from.reading import from_text

        return from_text(text, self._text("tag-prefix"))

    def _version_from(self) -> tuple[str, ...]:
        if "version-from" in self.values:
            from tagger.version_from.reading import check_kind

            return self._each("version-from", check_kind)
        return self._list("version-from")

    def _source(self) -> str:
        if "source" in self.values:
            from tagger.images.sources import parse_source

            self._try("source", parse_source, self._text("source"))
        return self._text("source")

    def _variants(self, name: str) -> tuple[str, ...]:
        named = self._each(name, _variant)
        return tuple("" if text == DEFAULT_VARIANT else text for text in named)

    def _logins(self) -> tuple[Login, ...]:
        logins = []
        for place, line in enumerate(self._list("logins"), 1):
            parts = line.split(None, 2)
            if len(parts) == 3 and (registry := self._try("logins", _registry, parts[0])):
                logins.append(Login(registry, parts[1], parts[2]))
            elif len(parts) == 3:
                continue
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
            return self._one("registry", _registry, "")
        registries = {image.registry for image in self._images if isinstance(image, Repository)}
        if len(registries) == 1:
            return registries.pop()
        if len(registries) > 1:
            self._problem(
                self._at("username", f"the images are in several registries: {', '.join(sorted(registries))}"),
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
        option = _option(name)
        if name in self.values:
            return _split(option.kind, self.values[name].texts)
        default = option.default if isinstance(option.default, tuple) else (option.default,)
        return tuple(filter(None, default))

    def _text(self, name: str) -> str:
        """Return the one text of an option; of a repeated one the last, as everywhere on a command line."""
        texts = self._list(name)
        return texts[-1] if texts else ""

    def _each(self, name: str, parse: Callable[[str], Value]) -> tuple[Value, ...]:
        """Return what `parse` makes of each entry, each once; one that it refuses is a problem at its own place."""
        made = []
        given = self.values.get(name)
        places = zip(given.places or repeat(given.origin), given.texts, strict=False) if given else ()
        for place, text in places:
            for entry in _split(_option(name).kind, [text]):
                try:
                    made.append(parse(entry))
                except InputError as error:
                    self._problem(f"{place}: {error.message}", error.hint)
        return tuple(dict.fromkeys(made if given else map(parse, self._list(name))))

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

    def _origin(self, name: str) -> str:
        return self.values[name].origin if name in self.values else f"`{name}`"

    def _at(self, name: str, text: str) -> str:
        return f"{self._origin(name)}: {text}"

    def _problem(self, text: str, hint: str = "") -> None:
        if (text, hint) not in self.problems:
            self.problems.append((text, hint))


def _all_at_once(problems: Sequence[tuple[str, str]]) -> InputError:
    """Return one error that says everything that is wrong, each on a line of its own, with what to do about it."""
    if len(problems) == 1:
        return InputError(*problems[0])
    lines = [
        f"{text}{'' if text.endswith(('?', '.')) else '.'} {hint}".rstrip()
        for text, hint in sorted(problems, key=_place)
    ]
    return InputError("\n".join((f"{len(lines)} problems in the settings:", *lines)))


def _place(problem: tuple[str, str]) -> tuple[int, int]:
    """Sort what is wrong in a file by its line; what is wrong elsewhere comes after it."""
    match = re.match(r"[^\n`]*?:([0-9]+):([0-9]+): ", problem[0])
    return (int(match[1]), int(match[2])) if match else (sys.maxsize, 0)


def _split(kind: str, texts: Sequence[str]) -> tuple[str, ...]:
    if kind == "lines":
        return tuple(line.strip() for text in texts for line in text.splitlines() if line.strip())
    if kind == "words":
        return tuple(word for text in texts for word in text.split())
    return tuple(text.strip() for text in texts if text.strip())


def _image(text: str) -> Repository | Path:
    if text.startswith(LAYOUT):
        if not text.removeprefix(LAYOUT) or "\0" in text:
            raise InputError(f"{text!r} names no directory", "Write oci:DIR.")
        if re.search(rf"[\s,]{LAYOUT}", text):
            raise InputError(f"{text!r} names several directories", "Repeat `--image`, or write one a line.")
        return Path(text.removeprefix(LAYOUT))
    for scheme in ("docker://", "https://", "http://"):
        if text.startswith(scheme):
            plain = text.removeprefix(scheme).rpartition("@")[2]  # what stands before an @ may be a password
            raise InputError(f"{scheme}{plain} is not a repository", f"Write {plain}.")
    if login := re.match(r"[^/@]*:[^/@]*@", text):
        plain = text[login.end() :]
        raise InputError(f"***@{plain} is not a repository", f"Write {plain}, and the login in `logins`.")
    if "," in text:
        raise InputError(f"{text!r} is not a repository", "No comma separates: repeat `--image`, or write one a line.")
    tail = text.rpartition("/")[2]
    if "@" in tail or ":" in tail:
        plain = re.split(r"[:@]", tail)[0]
        if plain and "/" in text:
            hint = f"Leave the tag out, it follows from the version: {text[: len(text) - len(tail)]}{plain}."
            raise InputError(f"{text!r} names one image of a repository", hint)
    return Repository.parse(text)


def _series(text: str) -> Series:
    try:
        return Series.parse(text)
    except InputError as error:
        raise InputError(
            error.message, "Write auto, false, or the numbers that a series shares, as 2 or 2.1."
        ) from error


def _registry(text: str) -> str:
    name = re.sub(r"\Ahttps?://", "", text).split("/")[0]
    return DOCKER_HUB if name.lower() in HUB_ALIASES else _host(name)


def _artifact_type(text: str) -> str:
    if not re.fullmatch(r"[\w.+-]+/[\w.+-]+", text, re.ASCII):
        raise InputError(f"{text!r} is not a media type", "Write one as application/spdx+json.")
    return text


def _host(text: str) -> str:
    if not (HOST.fullmatch(text) or IPV6_HOST.fullmatch(text)):
        raise InputError(f"{text!r} is not a host", "Write HOST or HOST:PORT.")
    return text


def _endpoint(text: str) -> tuple[str, str]:
    name, equals, place = text.partition("=")
    port = place.rpartition(":")[2].strip()
    if not equals or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InputError(f"{text!r} is not an endpoint", "Write NAME=HOST:PORT, as localhost:5000=registry:5000.")
    return _registry(name.strip()), _host(place.strip())


def _word(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]+", text):
        raise InputError(f"{text!r} is not a channel", "A channel is a word of letters, as rc or beta.")
    return text.lower()


def _variant(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", text) or re.fullmatch(r"v?[0-9.]+|latest", text):
        raise InputError(
            f"{text!r} is not a variant",
            "A variant is what stands behind the version, as alpine or alpine3.22, and no number alone.",
        )
    return text


def _version_name(rules: Rules, text: str) -> str:
    if not (
        rules.read(text) or rules.read(f"v{text}") or rules.scheme.read(re.sub(r"\Av", "", text.replace("+", "_")))
    ):
        raise InputError(
            f"{text!r} is not a version in the scheme {rules.scheme.name}",
            "Write 2.1.4 for all its variants, or the exact tag of one, as 2.1.4-alpine.",
        )
    return text


def _readable(text: str) -> str:
    if not Path(text).is_file():
        raise InputError(f"there is no file {text}", "Name a file with certificates in PEM form.")
    return text


def _number(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise InputError(f"{text!r} is not from {least} to {most}", "Write a whole number.")
        return int(text)

    return parse


def _seconds(text: str) -> float:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(s|m)?", text)
    if not match or not 0 < float(match[1]) <= 86400:
        raise InputError(f"{text!r} is not a time", "Write seconds, as 30, or minutes, as 2m.")
    return float(match[1]) * (60 if match[2] == "m" else 1)
