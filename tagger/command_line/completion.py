"""Scripts for shells that complete commands, their options and the choices of those."""

from collections.abc import Callable, Iterator

from tagger.commands import commands
from tagger.commands.command import Command
from tagger.errors import InputError
from tagger.settings.option import Option

__all__ = ["SHELLS", "completion"]

_FILES = frozenset({"FILE", "SOURCE"})
"""The `metavar`s of options whose value may be a file."""
PROGRAM = ("help", "version", "completion")
"""The words in place of a command that start no run."""


def completion(shell: str) -> str:
    """Return the script for a shell. Raise `InputError` for an unknown shell."""
    if shell not in SHELLS:
        wrong = f"there is no completion for {shell}" if shell else "nothing says which shell to complete in"
        raise InputError(wrong, f"There are those for {', '.join(SHELLS)}.")
    return "\n".join(SHELLS[shell]())


def _spellings(command: Command) -> list[str]:
    """Return every spelling of every option that a command takes."""
    own = [spelling for option in command.options for spelling in option.spellings]
    return [*own, "--password-stdin", "--help"]


def _choices(command: Command) -> list[str]:
    """Return the words that the first argument of a command is one of, as `set` and `unset` of `policy`."""
    return command.arguments.partition("]")[0].removeprefix("[").split("|") if "|" in command.arguments else []


def _options_with_value() -> dict[str, Option[object]]:
    """Return the options of all commands that take a value, by each spelling."""
    found = {}
    for command in commands():
        for option in command.options:
            if option.kind != "flag":
                found.update(dict.fromkeys(option.spellings, option))
    return found


def _bash() -> Iterator[str]:
    names = " ".join((*(command.name for command in commands()), *PROGRAM))
    valued = _options_with_value()
    yield '# bash completion for tagger: eval "$(tagger completion bash)"'
    yield "_tagger() {"
    yield "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command='' value='' i"
    yield "  for ((i = 1; i < COMP_CWORD; i++)); do"
    yield "    if [[ $value ]]; then value=''; continue; fi"
    yield "    case ${COMP_WORDS[i]} in"
    yield f"      {'|'.join(sorted(valued))}) value=1 ;;"
    yield "      -*) ;;"
    yield "      *) [[ $command ]] || command=${COMP_WORDS[i]} ;;"
    yield "    esac"
    yield "  done"
    yield "  case $before in"
    for spelling, option in sorted(valued.items()):
        kind = f"-W '{' '.join(option.choices)}'" if option.choices else "-f" if option.metavar in _FILES else ""
        if kind:
            yield f'    {spelling}) mapfile -t COMPREPLY < <(compgen {kind} -- "$word"); return ;;'
    yield "  esac"
    yield "  if [[ $value ]]; then return; fi"
    yield "  local words=''"
    yield "  case $command in"
    for command in commands():
        yield f"    {command.name}) words='{' '.join((*_choices(command), *_spellings(command)))}' ;;"
    yield f"    help) words='{names}' ;;"
    yield f"    completion) words='{' '.join(SHELLS)}' ;;"
    yield f"    '') words='{names} --help --version' ;;"
    yield "  esac"
    yield '  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")'
    yield "}"
    yield "complete -F _tagger tagger"


def _zsh() -> Iterator[str]:
    yield "#compdef tagger"
    yield '# zsh completion for tagger: eval "$(tagger completion zsh)"'
    yield "_tagger() {"
    yield "  local command='' i"
    yield "  for ((i = 2; i < CURRENT; i++)); do"
    yield "    case ${words[i]} in"
    yield f"      {'|'.join(sorted(_options_with_value()))}) ((i++)) ;;"
    yield "      -*) ;;"
    yield "      *) command=${words[i]}; break ;;"
    yield "    esac"
    yield "  done"
    yield "  local -a commands"
    yield "  commands=("
    for command in commands():
        yield f"    {_quote(f'{command.name}:{command.help}')}"
    yield from (f"    {_quote(word)}" for word in PROGRAM)
    yield "  )"
    yield "  case $command in"
    for command in commands():
        yield f"    {command.name}) _arguments \\"
        for option in command.options:
            yield from (f"      {_quote(line)} \\" for line in _zsh_option(option))
        words = f"'2: :({' '.join(_choices(command))})' " if _choices(command) else ""
        yield f"      '--password-stdin[Read the password from standard input.]' '--help[Show help.]' {words}'*: : ' ;;"
    yield "    help) _describe command commands ;;"
    yield f"    completion) compadd {' '.join(SHELLS)} ;;"
    yield "    '') [[ ${words[CURRENT]} == -* ]] && compadd -- --help --version || _describe command commands ;;"
    yield "  esac"
    yield "}"
    yield "compdef _tagger tagger"


def _zsh_option(option: Option[object]) -> Iterator[str]:
    """Yield the specification for `_arguments` of each spelling: the spelling, the help, and the kind of value."""
    text = "".join(f"\\{letter}" if letter in "[]:\\" else letter for letter in option.usage)
    value = ""
    if option.kind != "flag":
        kind = f"({' '.join(option.choices)})" if option.choices else "_files" if option.metavar in _FILES else " "
        value = f":{option.metavar.lower()}:{kind}"
    star = "*" if option.repeats else ""
    for spelling in option.spellings:
        yield f"{star}{spelling}[{text}]{value}"


def _fish() -> Iterator[str]:
    names = " ".join((*(command.name for command in commands()), *PROGRAM))
    yield "# fish completion for tagger: tagger completion fish | source"
    yield "complete -c tagger -f"
    none = _quote(f"not __fish_seen_subcommand_from {names}")
    for command in commands():
        yield f"complete -c tagger -n {none} -a {command.name} -d {_fish_quote(command.help)}"
    for word in PROGRAM:
        yield f"complete -c tagger -n {none} -a {word}"
    yield f"complete -c tagger -n '__fish_seen_subcommand_from completion' -a '{' '.join(SHELLS)}'"
    yield f"complete -c tagger -n '__fish_seen_subcommand_from help' -a {_quote(names)}"
    for command in commands():
        if _choices(command):
            words = _quote(" ".join(_choices(command)))
            yield f"complete -c tagger -n '__fish_seen_subcommand_from {command.name}' -a {words}"
    yield "complete -c tagger -l help -s h -d 'Show help.'"
    rows: dict[str, list[str]] = {}
    for command in commands():
        for option in command.options:
            rows.setdefault(_fish_option(option), []).append(command.name)
    for row, takers in rows.items():
        yield f"complete -c tagger -n '__fish_seen_subcommand_from {' '.join(takers)}' {row}"
    yield "complete -c tagger -l password-stdin -d 'Read the password from standard input.'"


def _fish_option(option: Option[object]) -> str:
    parts = [
        f"-l {spelling[2:]}" if spelling.startswith("--") else f"-s {spelling[1:]}" for spelling in option.spellings
    ]
    if option.kind != "flag":
        parts.append(
            "-x -a " + _quote(" ".join(option.choices)) if option.choices else "-r" + " -F" * (option.metavar in _FILES)
        )
    return " ".join((*parts, f"-d {_fish_quote(option.usage)}"))


def _quote(text: str) -> str:
    """Return a text between single quotes, for zsh and bash."""
    return "'" + text.replace("'", "'\\''") + "'"


def _fish_quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SHELLS: dict[str, Callable[[], Iterator[str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
"""The shells with a completion, each with the function that yields the lines of its script."""
