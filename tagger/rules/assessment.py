"""How well settings explain the tags of a repository: which stand where they should, and which would change."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tagger.errors import InputError
from tagger.names import attached_to
from tagger.rules.cascade import Published, Rules, cascade
from tagger.rules.marks import is_reserved
from tagger.rules.revisions import guess_form
from tagger.rules.templates import DEFAULT_TEMPLATES, LATEST
from tagger.rules.versions import Scheme, Version

__all__ = ["CREATED", "Assessment", "Candidate", "assess", "is_aside"]

Texts = tuple[str, ...]
MOVED, CREATED, SETTING, NAME = 1000.0, 1.5, 0.1, 0.5
"""What lowers a score, where an explained tag adds 1: a tag that would move, a tag that would be new, one more setting,
and a template that is a word (`stable` may be the newest version by chance) or revisions that could be variants."""
PREFERRED, MISTAKEN = 1.01, 1.2
"""An exact tag adds a little more than a floating one. An exact tag that is most likely floating takes away more."""


class Candidate(NamedTuple):
    """The settings that decide the tags of a repository, as somebody might have meant them."""

    scheme: str = "semver"
    mixed: bool = False
    build_metadata: str = "refuse"
    revisions: Texts = ()
    tags: Texts = ("{{version}}",)
    variants: Texts = ()
    channels: Texts = ()
    stable: str = ""
    latest: str = "auto"

    def rules(self) -> Rules:
        """Return the rules that follow, whose templates nobody has checked. Raise `InputError` where one is wrong."""
        return Rules.of(
            self.tags,
            scheme=Scheme.of(self.scheme, self.build_metadata, self.revisions),
            variants=("", *self.variants),
            channels=self.channels,
            stable=self.stable,
            latest=self.latest,
            mixed_parts=self.mixed,
            check=False,
        )

    def settings(self) -> Iterator[tuple[str, str | bool | Texts]]:
        """Yield the name and the value of each setting that differs from its default."""
        default = Candidate(tags=DEFAULT_TEMPLATES)
        for name in self._fields:
            value: str | bool | Texts = getattr(self, name)
            if value != getattr(default, name):
                yield {"mixed": "mixed-parts"}.get(name, name.replace("_", "-")), value

    @property
    def weight(self) -> float:
        """What the settings that differ from the defaults take from a score: of two equal ones the simpler wins."""
        entries = sum(len(value) if isinstance(value, tuple) else 1 for _, value in self.settings())
        names = sum("{{" not in text and text != LATEST for text in self.tags)
        odd = sum(not guess_form(form.replace("{{variant}}", "").replace("N", "1")) for form in self.revisions)
        return SETTING * entries + NAME * (names + bool(odd))


class Assessment(NamedTuple):
    """What settings make of the tags that stand, with their images.

    `exact` has the versions by their exact tags, `right` the floating tags that stand at their owner's image, `moved`
    and `created` those that `reconcile` would write, each with its owner. `score` is more where more is explained.
    """

    candidate: Candidate
    rules: Rules
    published: Published
    exact: Mapping[str, Version]
    right: Mapping[str, Version]
    moved: Mapping[str, Version]
    created: Mapping[str, Version]
    score: float

    @property
    def is_consistent(self) -> bool:
        """Say whether no template contradicts another. The check is slow, so only the best candidates are asked."""
        try:
            self.rules.check_templates()
        except InputError:
            return False
        return True

    def unexplained(self, images: Mapping[str, str | None]) -> list[str]:
        """Return the tags that stand at the image of a version, and that nothing explains."""
        held = {images[tag] for tag in self.exact}
        known = self.exact.keys() | self.right.keys() | self.moved.keys()
        return sorted(tag for tag, image in images.items() if image in held and tag not in known and not is_aside(tag))

    def other(self, images: Mapping[str, str | None]) -> list[str]:
        """Return the tags at images of no version."""
        held = {images[tag] for tag in self.exact}
        return sorted(tag for tag, image in images.items() if image not in held and not is_aside(tag))


def assess(candidate: Candidate, images: Mapping[str, str | None]) -> Assessment | None:
    """Return what settings make of tags, given the image of each; None where they contradict themselves or the tags."""
    try:
        rules = candidate.rules()
        published = rules.published(images)
        rules.check_lengths(published.versions)
    except InputError:
        return None
    # In the order of their texts, as sets have another order in every run, and of equal candidates the first is taken.
    exact = dict(sorted((tag, version) for version, tags in published.exact.items() for tag in tags))
    right, moved, created = dict[str, Version](), dict[str, Version](), dict[str, Version]()
    for tag, owner in sorted(cascade(published.in_force, rules).items()):
        kind = created if tag not in images else moved
        kind = right if tag in images and images[tag] == images[published.exact[owner][0]] else kind
        kind[tag] = owner
    if any(len({images[tag] for tag in tags}) > 1 for tags in published.exact.values()):
        return None
    score = len(exact) * PREFERRED + len(right) - _mistaken(exact, images) * MISTAKEN
    score -= MOVED * len(moved) + CREATED * len(created) + candidate.weight
    return Assessment(candidate, rules, published, exact, right, moved, created, score)


def _mistaken(exact: Mapping[str, Version], images: Mapping[str, str | None]) -> int:
    """Return how many versions are most likely floating tags: a longer version stands at the same image."""
    at: dict[str | None, set[Version]] = defaultdict(set)
    for tag, version in exact.items():
        at[images[tag]].add(version)
    count = 0
    for versions in at.values():
        count += len(versions) - len({version.variant for version in versions})
        longest = max(len(version.numbers) for version in versions)
        count += sum(len(version.numbers) < longest for version in versions) if len(versions) > 1 else 0
    return count


def is_aside(tag: str) -> bool:
    """Say whether a tag is reserved, or is that of an artifact attached to an image: no setting explains it."""
    return is_reserved(tag) or bool(attached_to(tag))
