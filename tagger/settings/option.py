"""The class of an option, `Option`, and the functions that make one of each kind."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Generic, Literal, NamedTuple, Protocol, Self, TypeVar, overload

from tagger.errors import InputError

__all__ = [
    "FALSE", "TRUE", "CommandKind", "Given", "Group", "Holder", "Option", "block", "flag", "lines", "number", "seconds",
    "text", "words",
]  # fmt: skip

Value = TypeVar("Value")
Entry = TypeVar("Entry")
Kind = Literal["text", "block", "flag", "number", "seconds", "lines", "words"]
Group = Literal["what", "version", "tags", "gates", "login", "network", "output"]
CommandKind = Literal[
    "releases", "makes a release", "reads a version", "applies rules", "writes", "deletes", "may be forced", "purges",
    "prunes", "needs no image",
]  # fmt: skip
"""The kinds of a command, as its row states them. They decide which options it takes, and what these must say."""

TRUE, FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})


class Given(NamedTuple):
    """A value as it was given: its texts, and their origin: `--image`, `INPUT_IMAGES`, `.tagger.yml:3:9`.

    `places` has the origin of each text, where these differ. `in_file` is true for a value of a settings file, which
    may come from a checkout that is not trusted.
    """

    texts: tuple[str, ...]
    origin: str
    places: tuple[str, ...] = ()
    in_file: bool = False


class Holder(Protocol):
    """An object with the values of a run, by the names of their options."""

    values: Mapping[str, Any]


class Option(Generic[Value]):
    """An option `--name`, the input `name`, the key `name` of the file, and the attribute `name` of the settings.

    `kind` decides how texts are split: `lines` into lines, `words` on white space. Several texts of a `block` are
    joined to one of several lines; the other kinds have one text, the last of several. `parse` reads one entry and
    raises `InputError`; `read` makes the value of all entries. `flag` is the spelling on the command line where it
    differs. `secret` options are not on the command line and in no file. `commands` are the commands that take the
    option, by name or by kind; empty means all. `in_file` is false for what a checkout must not decide, and
    `workflow_only` has the choices that it must not make. `booleans` are the texts that YAML may have as true or false.
    `in_workflow` is the default in a workflow where it differs. With `never_empty`, an empty text on the command line
    is a mistake. `group` is its place in help, and `letter` its short spelling. With `comments`, lines that begin with
    # are ignored. `example` is a value for the reference.
    """

    def __init__(
        self,
        name: str,
        kind: Kind,
        summary: str,
        *,
        read: Callable[[tuple[Any, ...]], Value],
        parse: Callable[[str], Any] = str,
        default: str | tuple[str, ...] = "",
        choices: tuple[str, ...] = (),
        metavar: str = "TEXT",
        flag: str = "",
        secret: bool = False,
        in_file: bool = True,
        workflow_only: tuple[str, ...] = (),
        booleans: tuple[str, ...] = (),
        in_workflow: str = "",
        never_empty: bool = False,
        commands: tuple[str, ...] = (),
        group: Group = "what",
        letter: str = "",
        comments: bool = False,
        example: str = "",
    ) -> None:
        self.name, self.kind, self.summary, self.read, self.parse = name, kind, summary, read, parse
        self.default, self.choices, self.metavar, self.flag = default, choices, metavar, flag
        self.secret, self.in_file, self.workflow_only, self.booleans = secret, in_file, workflow_only, booleans
        self.in_workflow, self.never_empty, self.commands = in_workflow, never_empty, commands
        self.group, self.letter, self.comments, self.example = group, letter, comments, example

    @overload
    def __get__(self, settings: None, owner: type) -> Self: ...
    @overload
    def __get__(self, settings: Holder, owner: type) -> Value: ...
    def __get__(self, settings: Holder | None, owner: type) -> "Self | Value":
        if settings is None:
            return self
        if self.name in settings.values:
            value: Value = settings.values[self.name]
            return value
        return self.unset

    def __repr__(self) -> str:
        return f"Option({self.name!r})"

    @property
    def unset(self) -> Value:
        """Its value where nobody sets it."""
        return self.read(tuple(map(self.parse, self.defaults)))

    @property
    def defaults(self) -> tuple[str, ...]:
        """Its default, as entries."""
        return self.default if isinstance(self.default, tuple) else self.split([self.default])

    def split(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Return the entries of texts."""
        if self.kind == "lines":
            lines = (line.strip() for text in texts for line in text.splitlines())
            return tuple(line for line in lines if line and (not self.comments or not line.startswith("#")))
        if self.kind == "words":
            return tuple(word for text in texts for word in text.split())
        stripped = [text.strip() for text in texts if text.strip()]
        return ("\n".join(stripped),) if stripped and self.kind == "block" else tuple(stripped)

    def entries(self, given: Given) -> Iterator[tuple[str, str]]:
        """Yield the place and the text of each entry; for an option of one value, of the last entry only."""
        if self.kind == "block":
            yield from ((given.origin, text) for text in self.split(given.texts))
            return
        places = given.places or (given.origin,) * len(given.texts)
        found = [
            (place, entry) for place, text in zip(places, given.texts, strict=True) for entry in self.split([text])
        ]
        yield from found if self.is_list else found[-1:]

    @property
    def is_list(self) -> bool:
        """True when it holds several entries."""
        return self.kind in ("lines", "words")

    @property
    def repeats(self) -> bool:
        """True when it may stand on the command line several times."""
        return self.is_list or self.kind == "block"

    @property
    def attribute(self) -> str:
        """Its name in the settings."""
        return self.name.replace("-", "_")

    @property
    def spelling(self) -> str:
        """How it is written on the command line."""
        return f"--{self.flag or self.name}"

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every way to write it on the command line."""
        short = (f"-{self.letter}",) if self.letter else ()
        return (*short, *dict.fromkeys((self.spelling, f"--{self.name}")))

    @property
    def variables(self) -> tuple[str, str]:
        """The environment variables that it is read from: the runner's, and a person's."""
        return f"INPUT_{self.name.upper()}", f"TAGGER_{self.name.upper().replace('-', '_')}"

    @property
    def description(self) -> str:
        """Its help with its choices and its default, as every list of options shows it."""
        choices = f" One of: {', '.join(self.choices)}." if self.choices else ""
        return f"{self.summary}{choices}{self._default_text}"

    @property
    def usage(self) -> str:
        """Its help on the command line, where the choices stand beside its name."""
        return f"{self.summary}{' May be repeated.' if self.repeats else ''}{self._default_text}"

    @property
    def _default_text(self) -> str:
        default = " ".join(self.default) if isinstance(self.default, tuple) else self.default
        if self.in_workflow:
            return f" Default: {self.in_workflow} in a workflow, else {default}."
        return f" Default: {default}." if default and self.kind != "flag" else ""


def text(name: str, summary: str, parse: Callable[[str], str] = str, **more: Any) -> Option[str]:
    """Return a row of one text; empty where nobody sets it."""
    return Option(name, "text", summary, read=_last_text, parse=parse, **more)


def block(name: str, summary: str, parse: Callable[[str], str] = str, **more: Any) -> Option[str]:
    """Return a row of one text of several lines; empty where nobody sets it."""
    return Option(name, "block", summary, read=_last_text, parse=parse, **more)


def flag(name: str, summary: str, **more: Any) -> Option[bool]:
    """Return a row that is true or false."""
    more = {"example": "true"} | more
    return Option(name, "flag", summary, read=_last_flag, parse=partial(_flag, name), default="false", **more)


def number(name: str, summary: str, parse: Callable[[str], int], **more: Any) -> Option[int]:
    """Return a row of one whole number."""
    return Option(name, "number", summary, read=_last_number, parse=parse, metavar="N", **more)


def seconds(name: str, summary: str, parse: Callable[[str], float], **more: Any) -> Option[float]:
    """Return a row of a time in seconds."""
    return Option(name, "seconds", summary, read=_last_number, parse=parse, metavar="SECONDS", **more)


def lines(name: str, summary: str, parse: Callable[[str], Entry], **more: Any) -> Option[tuple[Entry, ...]]:
    """Return a row of several entries, one a line, each once."""
    return Option(name, "lines", summary, read=_distinct, parse=parse, **more)


def words(name: str, summary: str, parse: Callable[[str], Entry], **more: Any) -> Option[tuple[Entry, ...]]:
    """Return a row of several entries, split on white space, each once."""
    return Option(name, "words", summary, read=_distinct, parse=parse, **more)


def _last_text(entries: tuple[str, ...]) -> str:
    return entries[-1] if entries else ""


def _last_flag(entries: tuple[bool, ...]) -> bool:
    return bool(entries) and entries[-1]


def _last_number(entries: tuple[Any, ...]) -> Any:
    return entries[-1]


def _distinct(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    return tuple(dict.fromkeys(entries))


def _flag(name: str, entry: str) -> bool:
    if entry.lower() not in TRUE | FALSE:
        raise InputError(f"`{name}` is {entry!r}", "Write `true` or `false`.")
    return entry.lower() in TRUE
