"""The command `push`, which pushes the local tags of an engine's image."""

from tagger.commands.command import Command
from tagger.commands.run import Run
from tagger.errors import InputError
from tagger.results import Verb

__all__ = ["COMMAND"]


def _run(run: Run) -> int:
    from tagger.images.engine.source import EngineSource

    settings, engine = run.settings, run.connections.engine
    name = run.one_argument()
    stores = run.connections.stores(write=not settings.dry_run)
    from tagger.operations.push import Push, push

    if ":" in name.rpartition("/")[2]:
        name, _, tag = name.rpartition(":")
        raise InputError(f"`push` takes a name without a tag: {name}", f"Write `{name}`, and set `only: {tag}`.")
    found = engine.local_tags(name)
    if not found:
        raise InputError(f"the engine has no image {name}", "See `docker image ls` for what is there.")
    unknown = [tag for tag in settings.only if tag not in found]
    if unknown:
        raise InputError(f"the engine has no image {name}:{unknown[0]}", f"The tags of {name} are: {', '.join(found)}.")
    chosen = {tag: image for tag, image in found.items() if not settings.only or tag in settings.only}
    sources = {image: EngineSource.find(engine, f"{name}:{tag}") for tag, image in chosen.items()}
    job = Push(name, {tag: sources[image] for tag, image in chosen.items()}, settings.rules, stores, run.terms)
    return run.finish(push(job, dry_run=settings.dry_run))


COMMAND = Command(
    "push",
    "Push every local tag of the engine image NAME.",
    _run,
    kinds=("writes",),
    several="none",
    arguments="NAME [REPOSITORY]",
    repositories_from=1,
    examples=(
        "push app ghcr.io/acme/app",
        "push app ghcr.io/acme/app --only nightly",
        "push ghcr.io/acme/app ghcr.io/acme/app --dry-run",
    ),
    verb=Verb("Pushed", "to"),
)
