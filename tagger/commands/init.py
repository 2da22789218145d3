"""The command `init`, which proposes settings for an existing repository."""

from pathlib import Path
from typing import TYPE_CHECKING

from tagger.commands.command import Command
from tagger.commands.run import Run
from tagger.errors import InputError

if TYPE_CHECKING:
    from tagger.results.proposal import Proposal

__all__ = ["COMMAND"]


def _run(run: Run) -> int:
    settings = run.settings
    if len(settings.images) != 1:
        raise InputError(
            f"`init` reads one repository, and there are {len(settings.images)}", "Name one, as ghcr.io/acme/app."
        )
    if settings.write:
        _check_absent(run)
    (store,) = run.connections.stores()
    from tagger.operations.init import init

    proposal = init(store)
    return run.console.show_proposal(_write(run, proposal) if settings.write else proposal)


def _check_absent(run: Run) -> None:
    """Raise `InputError` where there is a settings file, which is never overwritten."""
    from tagger.settings.search import find_settings_file

    standing = find_settings_file(run.workspace, run.environ.get("GITHUB_WORKSPACE", ""))
    if standing is not None:
        raise InputError(
            f"there is a settings file already: {standing}",
            "Move it away to have one written, or drop `write` to see the proposal.",
        )


def _write(run: Run, proposal: "Proposal") -> "Proposal":
    from tagger.settings.run_options import CONFIG

    path = run.workspace / CONFIG
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            file.write(proposal.file)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}",
            "Run it in a folder that you can write, or leave out `write`.",
        ) from error
    return proposal._replace(written=str(path))


COMMAND = Command(
    "init",
    "Propose the `.tagger.yml` of an existing repository.",
    _run,
    arguments="[REPOSITORY]",
    words=("images",),
    examples=("init ghcr.io/acme/app", "init ghcr.io/acme/app --write", "init oci:build/demo --json"),
)
