"""Completion, in the shells themselves: each is given the script and asked what it would write."""

import subprocess
from pathlib import Path

import pytest

from tagger.command_line.completion import completion
from tagger.commands import NAMES, find_command

BASH = """
source ./script
COMP_WORDS=({words} '') ; COMP_WORDS[${{#COMP_WORDS[@]}}-1]={last!r}
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_tagger
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
# zsh completes in its line editor alone: it is given a terminal of its own, and what it offers is written to a file.
ZSH = """
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'autoload -Uz compinit && compinit -u -D && source ./script'
zpty -w shell 'compadd() {{ builtin compadd -O offered "$@"; print -rl -- $offered >>offered; builtin compadd "$@" }}'
zpty -w shell 'zstyle ":completion:*" list-prompt ""; LISTMAX=0; PS1=ready; print loa''ded >>offered'
until [[ -s offered ]]; do sleep 0.1; done
zpty -w -n shell {line!r}$'\\t'
zpty -w -n shell $'\\t'
for ((i = 0; i < 40; i++)); do sleep 0.1; [[ $(wc -l <offered) -gt 1 ]] && break; done
sleep 0.3
zpty -d shell
cat offered
"""


def offered(shell: str, line: str, folder: Path) -> set[str]:
    """Return what a shell offers behind a line; the last word of the line may be begun."""
    (folder / "script").write_text(completion(shell))
    *words, last = line.split(" ")
    if shell == "fish":
        command = ["fish", "--no-config", "-c", f"source script; complete -C '{line}'"]
    elif shell == "bash":
        command = ["bash", "--norc", "-c", BASH.format(words=" ".join(words), last=last)]
    else:
        command = ["zsh", "-f", "-c", ZSH.format(line=line)]
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "TERM": "xterm"}
    ended = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True, timeout=60)
    return {one.partition("\t")[0] for one in ended.stdout.split("\n")} - {"", "loaded"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
class TestShells:
    def test_commands(self, shell: str, tmp_path: Path) -> None:
        assert set(NAMES) <= offered(shell, "tagger ", tmp_path)

    def test_options_of_a_command(self, shell: str, tmp_path: Path) -> None:
        found = offered(shell, "tagger withdraw --", tmp_path)
        assert {option.spelling for option in find_command("withdraw").options} <= found
        assert "--on-conflict" not in found

    def test_choices(self, shell: str, tmp_path: Path) -> None:
        assert offered(shell, "tagger release --scheme ", tmp_path) == {"semver", "numeric", "calver", "pep440"}

    def test_options_before_the_command(self, shell: str, tmp_path: Path) -> None:
        assert "--long" in offered(shell, "tagger --scheme calver tags --l", tmp_path)

    def test_words_of_a_command(self, shell: str, tmp_path: Path) -> None:
        assert offered(shell, "tagger policy ", tmp_path) >= {"set", "unset"}

    def test_shells(self, shell: str, tmp_path: Path) -> None:
        assert offered(shell, "tagger completion ", tmp_path) >= {"bash", "zsh", "fish"}
