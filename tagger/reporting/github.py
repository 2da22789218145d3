"""The commands of GitHub's runner: annotations, masks, outputs and the step summary.

Source: github.com/actions/toolkit, packages/core (command.ts, file-command.ts), for the escapes.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, TextIO

from tagger.errors import TaggerError
from tagger.reporting.terminal import visible
from tagger.workspace import open_to_write

__all__ = ["Runner"]


class Runner(NamedTuple):
    """GitHub's runner, if there is one. It reads commands from `stream`, and from the files that `environ` names."""

    environ: Mapping[str, str]
    stream: TextIO

    @property
    def present(self) -> bool:
        """True inside a workflow."""
        return self.environ.get("GITHUB_ACTIONS") == "true"

    @property
    def takes_outputs(self) -> bool:
        """True where the environment names a file for the outputs."""
        return bool(self.environ.get("GITHUB_OUTPUT"))

    @property
    def takes_summary(self) -> bool:
        """True where the environment names a file for the step summary."""
        return bool(self.environ.get("GITHUB_STEP_SUMMARY"))

    def mask(self, secrets: Iterable[str]) -> None:
        """Make the runner hide `secrets`, and each of their lines, in every log of the job."""
        if self.present:
            lines = {part for secret in secrets for part in (secret, *secret.splitlines()) if part.strip()}
            for line in sorted(lines, key=len, reverse=True):
                self._command("add-mask", line)

    def error(self, error: TaggerError) -> None:
        """Annotate the step with an error, with its hint on a line of its own."""
        self._annotate("error", "\n".join(filter(None, (error.message, error.hint))), error.title)

    def notice(self, message: str) -> None:
        """Annotate the step with a notice."""
        self._annotate("notice", message, "Tagger")

    def warning(self, message: str, title: str = "Tagger") -> None:
        """Annotate the step with a warning."""
        self._annotate("warning", message, title)

    def tell(self, outputs: Mapping[str, str], summary: str = "") -> None:
        """Set the outputs of the step, and add to its summary. Raise `TaggerError` for a file that cannot be written.

        Each value stands between random fences, so that no value can end its own block.
        """
        fences = ((name, value, f"end-{os.urandom(16).hex()}") for name, value in outputs.items())
        blocks = "".join(f"{name}<<{fence}\n{value}\n{fence}\n" for name, value, fence in fences)
        texts = {"GITHUB_OUTPUT": blocks, "GITHUB_STEP_SUMMARY": summary and f"{summary}\n"}
        problems = [problem for variable, text in texts.items() if text and (problem := self._append(variable, text))]
        if problems:
            raise TaggerError(
                "\n".join(problems),
                "What is reported above stands all the same. These files are the runner's: correct the variables that "
                "name them, or unset them outside of a workflow.",
                code="UNWRITABLE",
            )

    def _append(self, variable: str, text: str) -> str:
        """Append to a file of the runner. Return the problem; empty for none, and where no file is named."""
        path = self.environ.get(variable, "")
        try:
            if path:
                with open_to_write(Path(path), append=True) as file:
                    file.write(text)
        except OSError as error:
            return f"{variable}: {path} cannot be written: {error.strerror}"
        return ""

    def _annotate(self, name: str, message: str, title: str) -> None:
        """Write an annotation. What others say in it is no command to a terminal, nor one in the old spelling."""
        shown = visible(message.replace("\r\n", "\n")).replace("##[", "##\\[")
        self._command(name, shown, title=visible(title))

    def _command(self, name: str, message: str, **properties: str) -> None:
        given = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
        # One write: another thread may write a command at the same time.
        self.stream.write(f"::{name}{' ' + given if given else ''}::{_data(message)}\n")
        self.stream.flush()


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
