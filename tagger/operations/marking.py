"""Changes the marks of versions, then points their floating tags: what `withdraw` and `approve` share."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from tagger.errors import TaggerError
from tagger.images.artifacts import LIFTED_DIGEST, artifact, put_artifact
from tagger.images.manifests import Manifest
from tagger.images.stores import TagStore
from tagger.meters import meter_of
from tagger.operations.afterwards import changes_after
from tagger.operations.converge import Converged, converge
from tagger.operations.hidden import know_hidden
from tagger.operations.lifting import lift, planned_lift
from tagger.operations.look import Look, every_tag, own_tags, with_tags
from tagger.operations.naming import Named
from tagger.operations.terms import Terms
from tagger.operations.view import View
from tagger.rules.cascade import Published
from tagger.rules.plan import Change, Claim
from tagger.rules.versions import Version

__all__ = [
    "Marked",
    "Marking",
    "lifted_change",
    "look_as_marked",
    "mark_and_converge",
    "set_marks",
    "tombstone",
    "view_of",
]


class Marking(NamedTuple):
    """A repository before its marks are changed: the changes of the marks, and the look as it will be after them."""

    named: Named
    marks: tuple[Change, ...]
    view: View
    look: Look

    @property
    def store(self) -> TagStore:
        """The repository."""
        return self.view.store

    def planned(self) -> list[Change]:
        """Return the planned changes of the marks and the floating tags."""
        return [*self.marks, *self.look.changes(self.view.claim)]


def view_of(marking: Marking) -> View:
    """Return the view of a repository whose marks are changed."""
    return marking.view


class Marked(NamedTuple):
    """A repository after its marks were changed, with every change."""

    changes: tuple[Change, ...]
    look: Look
    error: TaggerError | None = None


def look_as_marked(
    named: Named, terms: Terms, marks: Sequence[Change], claim: Claim, amended: Callable[[Published], Published]
) -> Marking:
    """Look at a repository as it will be after its marks are changed. Raise `TaggerError` where the look fails."""
    view = View(named.store, terms, own_tags(named.versions), claim, versions=named.versions, amended=amended)
    view.know(tag for tag in named.tags if named.digests.get(tag))
    # A withdrawal reads its version's floating tags by name: the listing may omit the one that serves the image.
    floating = (named.rules.floating_tags(version, named.rules.channels) for version in named.versions)
    look = view.look([tag for group in floating for tag in group] if claim.images else ())
    if look.dispute:
        raise look.dispute
    if claim.images and (_widen(view, look) | know_hidden(view, look)):
        look = view.look()
    return Marking(named, tuple(marks), view, look)


def _widen(view: View, look: Look) -> bool:
    """Add floating tags of other versions that hold an image of the claim to the scope; say whether there are any.

    Somebody set them by hand: they serve the image as the version's own tags do.
    """
    others = {*every_tag(look.rules, look.owners), *look.orphans()}.difference(look.scope) & look.tags
    read = {tag: digest for tag in others if (digest := look.digests.get(tag))}
    digests = {**read, **view.store.digests(others - read.keys())}
    astray = sorted(tag for tag, digest in digests.items() if digest in view.claim.images)
    view.scope = with_tags(view.scope, astray)
    return bool(astray)


def mark_and_converge(marking: Marking, artifacts: Sequence[Manifest] = ()) -> Marked:
    """Change the marks, look, and write the floating tags that the run answers for.

    `artifacts` are the manifests of marks that are not in the repository yet.
    """
    view = marking.view
    named = marking.named
    exact = (tag for version in named.versions for tag in named.rules.exact_tags(version))
    beside = {tag: digest for tag in exact if (digest := named.digests.get(tag))}
    marks, error = set_marks(view.store, marking.marks, artifacts, beside)
    if error:
        return Marked(tuple(marks), marking.look, error)
    view.amended = None
    view.know(change.tag for change in marks if change.after)
    try:
        result = converge(view)
    except TaggerError as failure:
        result = Converged((), marking.look, failure)
    return Marked((*marks, *result.changes), result.look, result.error)


def lifted_change(named: Named, version: Version, mark: str, reason: str) -> Change | None:
    """Return the change that takes a mark out of force; None where it is not in force."""
    before = named.digests.get(mark)
    if before is None or before == LIFTED_DIGEST:
        return None
    return planned_lift(named.store, mark, before, version.text, reason)


def set_marks(
    store: TagStore,
    marks: Sequence[Change],
    artifacts: Sequence[Manifest] = (),
    beside: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Sequence[Change], TaggerError | None]:
    """Set marks, or lift them and prove that the tags `beside` still stand; return the changes and the error."""
    if any(change.action == "remove" or change.after == LIFTED_DIGEST for change in marks):
        return lift(store, marks, beside)
    meter_of(store).phase("setting marks")
    made: dict[str, Manifest] = {one.digest: one for one in artifacts}
    written: set[str] = set()
    for change in marks:
        try:
            if change.writes and change.after in made:
                put_artifact(store, made[change.after], [change.tag])
            elif change.writes and change.after:
                store.tag(store.manifest(change.after), [change.tag])
        except TaggerError as error:
            return changes_after(store, marks, error, written=written, begun={change.tag}), error
        written.add(change.tag)
    return marks, None


def tombstone(annotation: str, tag: str) -> Manifest:
    """Return the artifact for a mark that cannot point at the image of its version: each version has its own."""
    return artifact({annotation: tag})
