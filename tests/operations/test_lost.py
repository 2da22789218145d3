"""Tags that are listed though their manifests are gone: they close no repository, and decide nothing."""

from collections.abc import Callable

import pytest

from tagger.errors import InputError, StoreError
from tagger.images.registry.repository import RegistryRepository
from tagger.operations.delete import Deletion, delete
from tagger.operations.lost import NAMED, lost_notes
from tagger.operations.reconcile import Reconciliation, reconcile
from tagger.operations.tags import list_tags
from tagger.results import Event
from tagger.rules.terms import PolicyTerms
from tests.operations.running import RULES, Builds, actions, finished, released
from tests.servers.fixtures_registry import Opener
from tests.servers.small_registry import SmallRegistry

NAME = "acme/app"
Lose = Callable[[str], RegistryRepository]


@pytest.fixture
def lose(builds: Builds, small_registry: SmallRegistry, opened: Opener) -> Lose:
    """Release 1.0.0 and 1.1.0, then lose the manifest of a tag; return the repository."""
    store = opened(small_registry)
    for version in ("1.0.0", "1.1.0"):
        released(builds, version, store)

    def lose_one(tag: str) -> RegistryRepository:
        small_registry.store.repositories[NAME].tag(tag, f"sha256:{'0' * 64}")
        return opened(small_registry)

    return lose_one


def test_the_rest_is_listed_and_the_lost_one_named(lose: Lose) -> None:
    for tag in ("latest", "1.1.0"):
        tree = list_tags(lose(tag), RULES)
        assert [version.version for version in tree.versions] == ["1.1.0", "1.0.0"]
        assert f"the tag {tag} is listed, but its manifest is gone" in " ".join(tree.notes)
    assert tree.versions[0].digest is None
    assert tree.floating["latest"].drifted


def test_many_lost_ones_are_counted() -> None:
    """A listing of megabytes may name tags that nobody ever pushed."""
    notes = list(lost_notes([f"1.{number}.0" for number in range(NAMED + 2)]))
    assert len(notes) == NAMED + 1
    assert notes[-1] == "2 more tags are listed, but their manifests are gone"


def test_a_floating_tag_is_written_anew(lose: Lose, builds: Builds, small_registry: SmallRegistry) -> None:
    store = lose("latest")
    report = finished(reconcile(Reconciliation(RULES, (store,))))
    assert ("latest", "create") in actions(report)
    assert small_registry.tags(NAME)["latest"] == small_registry.tags(NAME)["1.1.0"]
    assert released(builds, "1.2.0", lose("latest")).exit_code == 0
    assert small_registry.tags(NAME)["latest"] == small_registry.tags(NAME)["1.2.0"]


def test_a_version_that_is_lost_is_not_taken_as_gone(lose: Lose, small_registry: SmallRegistry) -> None:
    store = lose("1.1.0")
    before = small_registry.tags(NAME)
    outcome = finished(reconcile(Reconciliation(RULES, (store,)))).repositories[0]
    assert isinstance(outcome.error, StoreError)
    assert outcome.error.code == "MANIFEST_UNKNOWN"
    assert "the tag 1.1.0 is listed, but the registry has no manifest for it" in outcome.error.message
    assert small_registry.tags(NAME) == before


def test_a_lost_policy_is_not_taken_as_none(lose: Lose, small_registry: SmallRegistry) -> None:
    store = lose("tagger-policy")
    before = small_registry.tags(NAME)
    job = Reconciliation(RULES, (store,), terms=PolicyTerms({}), force=True)
    outcome = finished(reconcile(job)).repositories[0]
    assert outcome.error is not None
    assert outcome.error.code == "POLICY"
    assert "tagger-policy is listed, but its manifest is gone" in outcome.error.message
    assert small_registry.tags(NAME) == before


@pytest.mark.parametrize("everything", [True, False])
def test_a_deletion_names_what_is_lost(lose: Lose, small_registry: SmallRegistry, everything: bool) -> None:
    store = lose("nightly")
    events: list[Event] = []
    names = () if everything else ("1.0.0",)
    job = Deletion(names, RULES, (store,), everything=everything, confirmed=True, force=True)
    assert finished(delete(job), events).exit_code == 0
    texts = [event.text for event in events if event.code == "MANIFEST_UNKNOWN"]
    assert texts == ["the tag nightly is listed, but its manifest is gone: nobody can pull it"]
    assert "1.0.0" not in small_registry.tags(NAME)


def test_deleting_says_that_there_is_nothing_to_delete(lose: Lose) -> None:
    with pytest.raises(InputError, match="latest is listed, but its manifest is gone"):
        finished(delete(Deletion(("latest",), RULES, (lose("latest"),))))
