"""Looks at every repository, then acts in all of them, or in none where one has an error."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from tagger.concurrency import side_by_side
from tagger.errors import NotFound, Refused, StoreError, TaggerError
from tagger.images.stores import TagStore
from tagger.operations.look import Look
from tagger.operations.terms import Terms
from tagger.operations.view import View
from tagger.results import Event, Outcome, PolicyInForce, Report, ReportWarning
from tagger.rules.cascade import Rules
from tagger.rules.plan import Change
from tagger.rules.undeclared import ExactTags, revision_notes, undeclared_notes
from tagger.rules.versions import Version

__all__ = [
    "Acting", "agree_on_policy", "all_in_place", "different_builds", "each", "everywhere", "first_error",
    "no_repository", "revision_warnings", "variant_warnings", "view_warnings", "with_policy",
]  # fmt: skip

Found = TypeVar("Found")
Store = TypeVar("Store", bound=TagStore)
Acting = Generator[Event, None, Mapping[TagStore, Outcome]]
"""Yields events while it acts in every repository; returns the outcome of each."""


def everywhere(
    stores: Sequence[TagStore],
    look: Callable[[TagStore], Found],
    act: Callable[[Mapping[TagStore, Found]], Acting],
    *,
    terms: Terms | None = None,
    objection: Callable[[Found], Outcome | None] = lambda _found: None,
    consent: Callable[[Mapping[TagStore, Found]], Mapping[TagStore, Outcome]] = lambda _found: {},
    independent: bool = False,
) -> Generator[Event, None, tuple[Outcome, ...]]:
    """Look at every repository side by side, then act; return the outcomes in the order of `stores`.

    A look that raises `TaggerError`, or an `objection` to what it found, ends the run before anything is written: the
    other repositories are `unchanged`. Without such errors `consent` is asked last: it returns the outcomes of the
    repositories that it refuses, or raises `TaggerError`.

    One policy applies to all of them: a repository without one is looked at again by the policy of the others. Where
    they are `independent`, an error in one does not stop the others.
    """
    looked = dict(side_by_side(look, stores))
    if terms:
        yield from agree_on_policy(terms, look, looked)
    found: dict[TagStore, Found] = {}
    ended: dict[TagStore, Outcome] = {}
    for store in stores:
        result = looked[store]
        if isinstance(result, TaggerError):
            ended[store] = Outcome.failed(store.place, result)
        else:
            found[store] = result
    ended |= {store: outcome for store, one in found.items() if (outcome := objection(one))}
    if not ended:
        ended |= consent(found)
    if ended and not independent:
        return tuple(ended.get(store) or Outcome(store.place, "unchanged") for store in stores)
    outcomes = yield from act({store: one for store, one in found.items() if store not in ended})
    return tuple({**ended, **outcomes}[store] for store in stores)


def agree_on_policy(
    terms: Terms, look: Callable[[Store], Found], looked: dict[Store, Found | TaggerError]
) -> Iterator[Event]:
    """Apply one policy to all repositories: look again at those that have none. Yield warnings.

    In `looked`, an error replaces what was found where two policies differ, or where the run contradicts the policy.
    """
    before = {store: terms.rules_now(store.place) for store, one in looked.items() if not isinstance(one, TaggerError)}
    try:
        warnings = terms.agree()
    except TaggerError as error:
        looked.update(dict.fromkeys(before, error))
        return
    for text in warnings:
        yield Event("warning", "", text, "POLICY")
    again = [store for store, rules in before.items() if terms.rules_now(store.place) != rules]
    looked.update(side_by_side(look, again))
    for store, found in looked.items():
        if not isinstance(found, TaggerError) and (objection := terms.objection_now(store.place)):
            looked[store] = objection


def with_policy(report: Report, terms: Terms | None) -> Report:
    """Return a report with the source of the rules, and the settings of the run that differ from them."""
    if terms is None:
        return report
    found = terms.summary()
    warnings = tuple(ReportWarning("POLICY", text) for text in found.warnings)
    in_force = PolicyInForce(found.source, found.differs)
    return report._replace(policy=in_force, warnings=(*report.warnings, *warnings))


def each(
    act: Callable[[Found], Outcome],
    events: Callable[[TagStore, Outcome], Iterable[Event]] = lambda _store, _end: (),
    view: Callable[[Found], View] | None = None,
) -> Callable[[Mapping[TagStore, Found]], Acting]:
    """Return a function that acts in each repository, side by side, and yields the `events` of each at its end.

    With `view`, it also yields the warnings of the view of each repository (see `view_warnings`).
    """

    def acting(found: Mapping[TagStore, Found]) -> Acting:
        ended: dict[TagStore, Outcome] = {}
        for store, result in side_by_side(lambda store: act(found[store]), found):
            outcome = Outcome.failed(store.place, result) if isinstance(result, TaggerError) else result
            ended[store] = outcome
            if view:
                yield from view_warnings(view(found[store]), outcome.changes)
            yield from events(store, outcome)
            for code, text in outcome.warnings:
                yield Event("warning", store.place, text, code)
        return ended

    return acting


def view_warnings(view: View, changes: Iterable[Change]) -> Iterator[Event]:
    """Yield the warnings of the looks at a repository, and one for each tag that is wrong and left alone."""
    for code, text in view.warnings:
        yield Event("warning", view.store.place, text, code)
    for change in changes:
        if change.drifted:
            found = "is missing" if change.before is None else "holds another image"
            text = f"{change.tag} {change.reason}, and {found}: it was so before, or another run is active"
            yield Event("warning", view.store.place, f"{text}; `reconcile` puts it right", "DRIFTED")


def variant_warnings(store: TagStore, look: Look, versions: Iterable[Version]) -> Iterator[Event]:
    """Yield a warning for each tag that looks like an undeclared variant of one of `versions` or of one that stands."""
    exact = {tag for version in versions for tag in look.rules.exact_tags(version)}
    # Of the tags that are no contenders, the rules read all as versions.
    for text in undeclared_notes(ExactTags(exact, look.tags, look.rules), look.contenders, look.rules):
        yield Event("warning", store.place, text, "UNDECLARED_VARIANT")


def revision_warnings(place: str, tags: Iterable[str], rules: Rules) -> Iterator[Event]:
    """Yield a warning for each form of tags that look like undeclared packaging revisions."""
    for text in revision_notes(tags, rules):
        yield Event("warning", place, text, "UNDECLARED_REVISION")


def no_repository(store: TagStore) -> StoreError:
    """Return the error of an operation that reads a repository which does not exist."""
    hint = "Check its name, and that the login may read it; the first release creates it."
    return NotFound("the repository does not exist", hint, code="NAME_UNKNOWN", place=store.place)


def different_builds(tag: str, builds: Mapping[str, str], hint: str) -> Refused | None:
    """Return the error where repositories hold different builds under an exact tag. `builds` are digests by place."""
    if len(set(builds.values())) < 2:
        return None
    shown = ", ".join(f"{place} holds {digest}" for place, digest in builds.items())
    return Refused(f"the repositories hold different builds of {tag}: {shown}", hint, code="CONFLICT")


def all_in_place(place: str) -> Event:
    """Return the event of a repository in which every tag is right."""
    return Event("verified", place, "every tag stands where it belongs")


def first_error(outcomes: Iterable[Outcome]) -> TaggerError | None:
    """Return the error of the first repository that has one."""
    return next((outcome.error for outcome in outcomes if outcome.error), None)
