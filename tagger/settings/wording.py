"""Spells settings in messages: as options on a terminal, as inputs in a workflow."""

import re
import shlex
from collections.abc import Collection
from typing import Any

from tagger.images.registry.logins import SEEN_BY_ACTIONS
from tagger.settings.option import TRUE, Option
from tagger.settings.options import OPTIONS

__all__ = ["spell_settings"]

_QUOTED = re.compile(r"`([^`\n]+)`")
_WRITE = re.compile(r"\bWrite (?:`[^`\n]+` and )*\Z")  # behind it stands a value
_SETTING = re.compile(r"([a-z][a-z-]*): (.+)")
_FLAGS = re.compile(r"--([a-z][a-z-]*)(?:[ =](.+))?")
# What YAML would read as something else than the text, or as another text: 26.10 is 26.1 to it, 2026-07-01 a date.
_SPECIAL = re.compile(
    r"[-?:,\[\]{}#&*!|>'\"%@`=].*|.*(?:: | #|:$).*|(?!v?[0-9]+\.[0-9]+\.[0-9]+\b)[-+.0-9].*"
    r"|(?:y|n|yes|no|on|off|true|false|null|~|<<)",
    re.IGNORECASE,
)


def spell_settings(text: str, commands: Collection[str], *, in_workflow: bool, names: bool = True) -> str:
    """Return a message with its settings in the form that the reader writes.

    The message has inputs in backticks, `scheme: calver`; on a terminal that becomes `--scheme calver`. In a workflow,
    options and calls of commands, `withdraw 2.1.4 --undo`, become inputs. With `names`, a bare name is a setting too on
    a terminal, unless it is one of `commands`. There, `SEEN_BY_ACTIONS` is removed from the hint about logins.
    """
    if not in_workflow:
        text = text.replace(SEEN_BY_ACTIONS, "")
    options = {option.name: option for option in OPTIONS} | {option.flag: option for option in OPTIONS if option.flag}

    def spell(match: re.Match[str]) -> str:
        quoted = match[1]
        word, _, rest = quoted.partition(" ")
        setting, flag = _SETTING.fullmatch(quoted), _FLAGS.fullmatch(quoted)
        if in_workflow and rest and word in commands:
            return _as_inputs(word, rest, options)
        if setting and setting[1] in options:
            option, value = options[setting[1]], setting[2]
            return f"`{_as_input(option, value) if in_workflow else _as_option(option, value)}`"
        if in_workflow and flag and flag[1] in options and " --" not in quoted:
            return f"`{_as_input(options[flag[1]], flag[2] or 'true')}`"
        is_value = _WRITE.search(text, 0, match.start())
        if names and not in_workflow and quoted in options and quoted not in commands and not is_value:
            return f"`{_bare_option(options[quoted])}`"
        return match[0]

    return _QUOTED.sub(spell, text)


def _bare_option(option: Option[Any]) -> str:
    return option.variables[-1] if option.secret else option.spelling


def _as_option(option: Option[Any], value: str) -> str:
    if option.secret:
        return f"{option.variables[-1]}={shlex.quote(value)}"
    if option.kind == "flag" and value.lower() in TRUE:
        return option.spelling
    return f"{option.spelling} {shlex.quote(value)}"


def _as_input(option: Option[Any], value: str) -> str:
    if option.kind != "flag" and _SPECIAL.fullmatch(value):
        doubled = value.replace("'", "''")
        value = f"'{doubled}'"
    return f"{option.name}: {value}"


def _as_inputs(command: str, rest: str, options: dict[str, Option[Any]]) -> str:
    """Return the inputs of a call of a command: `command: delete`, `arguments: 2.1.4` and `yes: true`."""
    given = [f"`command: {command}`"]
    words = rest.split()
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            given.append(f"`arguments: {word}`")
        elif word[2:] in options:
            option = options[word[2:]]
            value = "true" if option.kind == "flag" or not words else words.pop(0)
            given.append(f"`{_as_input(option, value)}`")
    return f"{', '.join(given[:-1])} and {given[-1]}" if len(given) > 1 else given[0]
