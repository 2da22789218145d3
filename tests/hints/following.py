"""Follow hints by machine: read what a hint proposes, do it, and run again."""

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tagger.settings.options import OPTIONS, find_option
from tests.integration.commands import Ran, tagger

_TOKEN = re.compile(r"`([^`\n]+)`")
_VERB = re.compile(r"\b(set|add|drop|write|run|mean|give|name|use|see|say)\b", re.IGNORECASE)
_DONE = {"set", "add", "drop", "write", "run", "mean"}  # what a machine can do
_SENTENCE = re.compile(r"[.;?](?:\s|$)|\n")
_QUOTES = re.compile(r"[Pp]ut quotes around (?:the text|it|the name): ('(?:[^'\n]|'')*')")
_SAYINGS = {"blank": "a blank where the tab is", "hyphens": "a hyphen before each entry of the list"}
_LONG = {option.spelling: option for option in OPTIONS} | {f"--{option.name}": option for option in OPTIONS}


class Input(NamedTuple):
    """What one run is given. `slot` is where the refused text stands: an option, `arguments`, `command`, or a file."""

    command: str
    settings: Mapping[str, tuple[str, ...]]
    slot: str = ""
    arguments: tuple[str, ...] = ()
    environ: Mapping[str, str] = {}
    files: Mapping[str, str | bytes] = {}
    before: tuple["Input", ...] = ()

    def run(self, folder: Path, *, in_workflow: bool) -> Ran:
        """Run it in a folder, as words or as the inputs of a workflow."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        for one in self.before:
            one._replace(files={}).run(folder, in_workflow=in_workflow)
        if in_workflow:
            inputs = {f"INPUT_{name.upper()}": "\n".join(texts) for name, texts in self.settings.items()}
            inputs |= {"INPUT_COMMAND": self.command, "INPUT_ARGUMENTS": "\n".join(self.arguments)}
            return tagger(
                environ={
                    "TAGGER_RETRIES": "0",
                    **self.environ,
                    **inputs,
                    "INPUT_JSON": "true",
                    "GITHUB_ACTIONS": "true",
                }
            )
        words = [self.command, *self.arguments, "--json"]
        environ = {"TAGGER_RETRIES": "0", **self.environ}
        for name, texts in self.settings.items():
            option = _option(name)
            if option is None:
                words += [f"--{name}", *texts]
            elif option.secret:
                environ[option.variables[-1]] = "\n".join(texts)
            elif option.kind == "flag" and texts == ("true",):
                words.append(option.spelling)
            else:
                words += [word for text in texts for word in (option.spelling, text)]
        return tagger(*words, environ=environ)


class Step(NamedTuple):
    """One thing that a hint says to do: a verb, and what stands in backticks behind it."""

    verb: str
    text: str


def proposals(hint: str) -> list[tuple[Step, ...]]:
    """Return the alternatives of a hint, each with the steps that are taken together.

    In a sentence a verb holds for all that stands in backticks behind it: `and` joins two, all else parts them.
    """
    found: list[list[Step]] = [[Step("quote", match[1])] for match in _QUOTES.finditer(hint)]
    found += [[Step(name, "")] for name, words in _SAYINGS.items() if words in hint]
    for start, end in _sentences(hint):
        verb, last = "", start
        for token in _TOKEN.finditer(hint, start, end):
            between = hint[last : token.start()]
            verbs = _VERB.findall(between)
            verb = verbs[-1].lower() if verbs else verb
            joined = last != start and re.search(r"\band\b", between) and found
            last = token.end()
            if verb not in _DONE:
                continue
            if joined:
                found[-1].append(Step(verb, token[1]))
            else:
                found.append([Step(verb, token[1])])
    return [tuple(steps) for steps in found]


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield where sentences begin and end; a sign inside of backticks ends none."""
    plain = _TOKEN.sub(lambda match: "_" * len(match[0]), text)
    start = 0
    for match in _SENTENCE.finditer(plain):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def followed(given: Input, steps: tuple[Step, ...]) -> Input:
    """Return the input of the next run, after all steps were taken."""
    if steps[0].verb == "run":
        return given._replace(before=(*given.before, _call(given, steps)))
    for number, step in enumerate(steps):
        given = _appended(given, step.text) if number and step.verb == "write" else _taken(given, step)
    return given


def _call(given: Input, steps: tuple[Step, ...]) -> Input:
    """Return the run of another command, `policy set`, in words or in inputs."""
    if settings := [setting for step in steps if (setting := _setting(step.text))]:
        inputs = dict(settings)
        command, words = inputs.pop("command"), inputs.pop("arguments", "").split()
        options = {name: (value,) for name, value in inputs.items()}
    else:
        command, *words = shlex.split(steps[0].text)
        options = {word[2:]: ("true",) for word in words if word.startswith("--")}
    images = {"images": given.settings["images"]}
    plain = tuple(word for word in words if not word.startswith("--"))
    return Input(command, {**images, **options}, arguments=plain)


def _appended(given: Input, text: str) -> Input:
    settings = dict(given.settings)
    return given._replace(settings={**settings, given.slot: (*settings[given.slot], text)})


def _taken(given: Input, step: Step) -> Input:
    match step.verb:
        case "hyphens":
            return _with_hyphens(given)
        case "blank":
            name, content = given.slot, str(given.files[given.slot])
            return given._replace(files={**given.files, name: re.sub(r"(?m)^\t+", "", content).replace("\t", " ")})
        case "mean" if given.slot in given.files:
            key = _wrong_line(given).partition(":")[0]
            return _replaced(given, f"{key}:", f"{step.text}:")
        case "quote":
            return _replaced(given, yaml.safe_load(step.text), step.text)
        case "mean":
            return _written(given, step.text)
        case "write" if not _setting(step.text):
            return _written(given, step.text)
        case "drop":
            return _without(given, step.text.removeprefix("--"))
        case _:
            return _with(given, step)


def _with(given: Input, step: Step) -> Input:
    setting = _setting(step.text)
    assert setting, f"`{step.text}` is no setting, and says nothing that could be done"
    name, value = setting
    if name in ("command", "arguments"):
        return given._replace(command=value) if name == "command" else given._replace(arguments=tuple(value.split()))
    settings = dict(given.settings)
    settings[name] = (*settings.get(name, ()), value) if step.verb == "add" else (value,)
    return given._replace(settings=settings)


def _setting(text: str) -> tuple[str, str] | None:
    """Return the name and the value of a setting, as a terminal or a workflow spells it."""
    if text.startswith("--"):
        name, *values = shlex.split(text)
        return (_LONG[name].name, " ".join(values) or "true") if name in _LONG else None
    if variable := re.fullmatch(r"TAGGER_([A-Z_]+)=(.*)", text):
        return variable[1].lower().replace("_", "-"), shlex.split(variable[2])[0]
    try:
        entry = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    if not isinstance(entry, dict) or len(entry) != 1:
        return None
    ((name, value),) = entry.items()
    name = "yes" if name is True else name  # to YAML 1.1
    known = _option(str(name)) or name in ("command", "arguments")
    return (str(name), str(value).lower() if isinstance(value, bool) else str(value)) if known else None


def _written(given: Input, text: str) -> Input:
    """Put a text where the refused one stands."""
    if given.slot == "command":
        return given._replace(command=text)
    if given.slot == "arguments":
        return given._replace(arguments=(*given.arguments[:-1], text))
    if given.slot in given.files:
        key, _, old = _wrong_line(given).partition(": ")
        return _replaced(given, f"{key}: {old}", f"{key}: {_quoted(text)}")
    if re.fullmatch(r"(?:INPUT|TAGGER)_[A-Z_-]+", text):
        ((_, value),) = given.environ.items()
        return given._replace(environ={text: value})
    if given.slot in given.environ:
        return given._replace(environ={**given.environ, given.slot: text})
    if text.startswith("--") and given.slot not in given.settings:
        raise AssertionError(f"{text} stands nowhere")
    settings = dict(given.settings)
    if text.startswith("--"):  # the option itself was spelled wrong
        return given._replace(settings={text[2:]: settings.pop(given.slot), **settings})
    return given._replace(settings={**settings, given.slot: (*settings[given.slot][:-1], text)})


def _with_hyphens(given: Input) -> Input:
    content = re.sub(r"(?m)^( +)(\{\{.*)$", r"\1- '\2'", str(given.files[given.slot]))
    return given._replace(files={**given.files, given.slot: content})


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _wrong_line(given: Input) -> str:
    return str(given.files[given.slot]).splitlines()[-1]


def _replaced(given: Input, old: str, new: str) -> Input:
    name = given.slot
    content = given.files[name]
    assert isinstance(content, str)
    assert old in content, f"{old!r} does not stand in {name}"
    return given._replace(files={**given.files, name: new.join(content.rsplit(old, 1))})


def _without(given: Input, name: str) -> Input:
    option = _option(name) or _LONG[f"--{name}"]
    settings = {key: texts for key, texts in given.settings.items() if key != option.name}
    files = {
        path: re.sub(rf"(?m)^{option.name}:.*\n?", "", content) if isinstance(content, str) else content
        for path, content in given.files.items()
    }
    return given._replace(settings=settings, files=files)


def _option(name: str) -> Any:
    try:
        return find_option(name)
    except (KeyError, StopIteration):
        return None
