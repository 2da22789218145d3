"""List a repository as a tree: its versions with the tags at them, what drifted, and what is no version."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from tagger.images.stores import TagStore
from tagger.operations.state import read_state
from tagger.reporting.trees import Floating, ListedVersion, Tree
from tagger.rules.cascade import WITHDRAWN, Rules
from tagger.rules.versions import Version

__all__ = ["list_tags"]


def list_tags(store: TagStore, rules: Rules) -> Tree:
    """Return what stands in a repository. Nothing is written; only digests are read."""

    def every(owners: Mapping[str, Version]) -> Iterable[str]:
        return owners

    state = read_state(store, rules, every)
    published = state.published
    exact = {tag: version for version, tags in published.exact.items() for tag in tags}
    lost = state.orphans(rules)
    rest = {tag for tag in state.tags if tag not in exact and tag not in state.owners and not tag.startswith(WITHDRAWN)}
    digests = {**store.digests((exact.keys() | lost) - state.digests.keys()), **state.digests}
    at: dict[str, list[str]] = defaultdict(list)
    for tag in state.owners:
        if digest := digests.get(tag):
            at[digest].append(tag)
    versions = []
    for version in sorted(published.versions, reverse=True):
        own = published.exact[version]
        digest = digests.get(own[0])
        pointing = at.get(digest or "", [])
        usual = [tag for tag in rules.floating_tags(version, rules.channels) if tag in pointing]
        tags = dict.fromkeys((*own, *usual, *pointing))
        versions.append(
            ListedVersion(version.text, version.variant, digest, tuple(tags), version in published.withdrawn)
        )
    floating = {}
    for tag in sorted(state.owners, key=lambda tag: (_owner_order(state.owners[tag]), -len(tag)), reverse=True):
        owner, digest = state.owners[tag], digests.get(tag)
        floating[tag] = Floating(digest, owner.text, digest is None or digest != state.held.get(owner))
    for tag in sorted(lost):
        floating[tag] = Floating(digests.get(tag), None, True)
    return Tree(store.place, tuple(versions), floating, tuple(sorted(rest - lost)))


def _owner_order(version: Version) -> tuple[str, Version]:
    return version.variant, version
