"""Run operations over stores, as the command line does, and read what stands there afterwards."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tagger.images.layout import Layout
from tagger.images.sources import ContentSource
from tagger.images.stores import TagStore
from tagger.operations.prepare import Release
from tagger.operations.release import release
from tagger.results import Event, Report, Running, finish
from tagger.rules.cascade import Rules
from tagger.rules.versions import Scheme
from tagger.settings.options import DEFAULT_TEMPLATES
from tests.images.making import make_image

RULES = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme())


class Builds:
    """Images that are built already: one for each text, in a layout of its own."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder)

    def source(self, text: str) -> ContentSource:
        """Return the image that was built from `text`."""
        manifest = make_image(self.layout, text, "built")
        return ContentSource(self.layout, manifest.digest, f"{self.layout.place}:{text}")


def finished(running: Running, events: list[Event] | None = None) -> Report:
    """Run an operation to its end."""
    return finish(running, (events if events is not None else []).append)


def job(builds: Builds, version: str, *stores: TagStore, text: str = "", rules: Rules = RULES) -> Release:
    """Return the release of a version, built from `text` or from its own name."""
    parsed = rules.scheme.parse(version)
    return Release((parsed,), rules, stores, builds.source(text or version))


def released(builds: Builds, version: str, *stores: TagStore, text: str = "", rules: Rules = RULES) -> Report:
    """Release a version into `stores`."""
    return finished(release(job(builds, version, *stores, text=text, rules=rules)))


def standing(store: TagStore) -> Mapping[str, str | None]:
    """Return every tag of a store with its digest."""
    return store.digests(tuple(store.tags()))


def actions(report: Report, place: int = 0) -> Sequence[tuple[str, str]]:
    """Return what was done with each tag in one repository."""
    return [(change.tag, change.action) for change in report.repositories[place].changes]
