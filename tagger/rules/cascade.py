"""The one rule: a tag belongs to the newest version of its class."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from tagger.errors import InputError
from tagger.rules.selection import Selection, Series
from tagger.rules.templates import LATEST, Template
from tagger.rules.versions import Scheme, Version, channel_of

__all__ = ["WITHDRAWN", "Class", "Published", "Rules", "cascade", "spellings"]

WITHDRAWN = "withdrawn-"
"""A tag `withdrawn-2.1.4` says that 2.1.4 is withdrawn: the repository is the database."""


@dataclass(frozen=True, slots=True)
class Published:
    """What the tags of a repository say: the versions that stand in it, and which of them are withdrawn.

    A version may be withdrawn and gone (purged): it is in `withdrawn` and not in `versions`. `exact` are the exact
    tags that each version has.
    """

    versions: frozenset[Version]
    withdrawn: frozenset[Version]
    exact: Mapping[Version, tuple[str, ...]]

    @property
    def in_force(self) -> frozenset[Version]:
        """The versions that count: published and not withdrawn."""
        return self.versions - self.withdrawn


class Class(NamedTuple):
    """A class of versions by its tag; `channel` is the channel whose tag it is, if it is one's."""

    tag: str
    channel: str
    is_latest: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """How a repository's tags follow from its versions.

    `variants` are all that the repository has, the bare tags being the variant "" (written `default`); `latest` is
    `auto`, `false` or a series; `stable` limits the versions that floating tags may belong to.
    """

    scheme: Scheme = field(default_factory=Scheme)
    templates: tuple[Template, ...] = ()
    variants: tuple[str, ...] = ("",)
    channels: tuple[str, ...] = ()
    stable: Selection = field(default_factory=lambda: Selection(""))
    latest: str = "auto"
    withdrawn: Collection[str] = ()
    mixed_parts: bool = False

    @classmethod
    def of(
        cls,
        templates: Iterable[str],
        *,
        scheme: Scheme,
        variants: Iterable[str] = ("",),
        channels: Iterable[str] = (),
        stable: str = "",
        latest: str = "auto",
        withdrawn: Collection[str] = (),
        mixed_parts: bool = False,
    ) -> Self:
        """Read the rules from what settings say. Raise `InputError` when no template is exact, or one is wrong.

        Where channels are on and no template names one, every floating template gets a channel's beside it.
        """
        read = [Template.parse(text) for text in templates]
        names = tuple(dict.fromkeys(channel_of(name) or name for name in channels))
        if not any(template.is_exact for template in read):
            raise InputError(
                "no template gives every version a tag of its own",
                "Add {{version}} to `tags`: it is the tag that is staged, written once and kept.",
            )
        if names and not any(template.is_channel for template in read):
            read += [template.with_channel() for template in read if template.is_floating]
        if latest not in ("auto", "false"):
            Series.parse(latest)
        return cls(
            scheme=scheme,
            templates=tuple(read),
            variants=tuple(dict.fromkeys(sorted(variants, key=len, reverse=True))),
            channels=names,
            stable=Selection.parse(stable),
            latest=latest,
            withdrawn=frozenset(withdrawn),
            mixed_parts=mixed_parts,
        )

    @property
    def exact(self) -> tuple[Template, ...]:
        """The exact templates; the first is the one that is staged."""
        return tuple(template for template in self.templates if template.is_exact)

    @property
    def plain(self) -> tuple[Template, ...]:
        """The templates of tags that belong to no version."""
        return tuple(template for template in self.templates if template.is_plain)

    def exact_tags(self, version: Version) -> tuple[str, ...]:
        """Return the exact tags of a version, the staged one first."""
        return _distinct(tag for template in self.exact if (tag := template.fill(version)))

    def floating_tags(self, version: Version, channels: Collection[str] = ()) -> tuple[str, ...]:
        """Return the floating tags whose class `version` is in, narrow to wide as the templates stand.

        A prerelease is in its channel's classes only; a stable version also in those of `channels`.
        """
        return tuple(place.tag for place in self.classes(version, channels))

    def classes(self, version: Version, channels: Collection[str] = ()) -> Iterator[Class]:
        """Yield the classes of `version`, each tag once; its exact tags are none."""
        seen = set(self.exact_tags(version))
        own = version.channel if version.channel in self.channels else ""
        for template in self.templates:
            if not template.is_floating:
                continue
            if template.is_channel:
                fills = [(template.fill(version, name), name) for name in ((own,) if own else channels)]
            elif version.prerelease or (template.text == LATEST and self.latest == "false"):
                continue
            else:
                fills = [(template.fill(version), "")]
            for tag, channel in fills:
                if tag and tag not in seen:
                    seen.add(tag)
                    yield Class(tag, channel, template.text == LATEST)

    def read(self, tag: str) -> Version | None:
        """Return the version whose exact tag this is, if it is one's."""
        for template in self.exact:
            version = template.read(tag, self.scheme, self.variants)
            if version is not None:
                return version
        return None

    def published(self, tags: Iterable[str]) -> Published:
        """Return what the tags of a repository say. The order of `tags` does not matter."""
        exact: dict[Version, list[str]] = {}
        withdrawn = set()
        for tag in tags:
            mark = tag.startswith(WITHDRAWN)
            version = self.read(tag.removeprefix(WITHDRAWN))
            if version is not None and mark:
                withdrawn.add(version)
            elif version is not None:
                exact.setdefault(version, []).append(tag)
        floating = self._prefixes(exact)
        versions = frozenset(version for version in exact if version not in floating)
        withdrawn |= {version for version in versions if self._withdrawn_by_settings(version)}
        return Published(
            versions, frozenset(withdrawn), {version: tuple(sorted(exact[version])) for version in versions}
        )

    def withdrawn_mark(self, version: Version) -> str:
        """Return the tag that says that `version` is withdrawn."""
        return f"{WITHDRAWN}{self.exact_tags(version)[0]}"

    def why_not_stable(self, version: Version) -> str:
        """Return why floating tags pass `version` by, for a person; empty when they do not."""
        if version.prerelease and version.channel not in self.channels:
            return f"{version} is a prerelease"
        if version not in self.stable:
            return f"{version} is not in `stable` ({self.stable.text})"
        return ""

    def check_lengths(self, versions: Iterable[Version]) -> None:
        """Raise `InputError` where versions of several lengths stand side by side unasked."""
        if self.mixed_parts:
            return
        by_variant: dict[str, dict[int, Version]] = defaultdict(dict)
        for version in versions:
            by_variant[version.variant].setdefault(len(version.numbers), version)
        for lengths in by_variant.values():
            if len(lengths) > 1:
                one, other = (lengths[length] for length in sorted(lengths)[:2])
                raise InputError(
                    f"the repository has versions of several lengths: {one} and {other}",
                    "If both are versions set `mixed-parts: true`; a tag such as 2.1 beside 2.1.4 is floating anyway.",
                    code="MIXED_PARTS",
                )

    def _withdrawn_by_settings(self, version: Version) -> bool:
        return version.text in self.withdrawn or bool(
            self.withdrawn and not self.withdrawn_names(version).isdisjoint(self.withdrawn)
        )

    def withdrawn_names(self, version: Version) -> set[str]:
        """Return what a person may call a version when withdrawing it: its text (all variants), or an exact tag."""
        spelled = {version.text, version.text.replace("_", "+", 1), *self.exact_tags(version)}
        return spelled | {f"v{text}" for text in spelled}

    def _prefixes(self, versions: Collection[Version]) -> set[Version]:
        """Return those that are a proper prefix of a longer version of their variant: their tags float."""
        longer: set[tuple[str, tuple[str, ...]]] = set()
        for version in versions:
            for length in range(2, len(version.numbers)):
                longer.add((version.variant, version.numbers[:length]))
        found = {v for v in versions if not v.prerelease and not v.build and (v.variant, v.numbers) in longer}
        if self.scheme.build_metadata == "underscore":
            filled = {tag for v in versions if v.build for tag in self.floating_tags(v)}
            found |= {v for v in versions if not v.build and not filled.isdisjoint(self.exact_tags(v))}
        return found


def cascade(versions: Iterable[Version], rules: Rules) -> dict[str, Version]:
    """Return the version that each floating tag belongs to: the newest of its class.

    A pure function of the set of versions. A channel's tag exists where a prerelease of the channel does, and moves
    on to the final release when that is newer. A tag that is some version's exact tag never floats.
    """
    candidates = [version for version in versions if not rules.why_not_stable(version)]
    channel_tags = {tag for version in candidates if version.prerelease for tag in rules.floating_tags(version)}
    channels = rules.channels if channel_tags else ()
    pinned = None if rules.latest in ("auto", "false") else Series.parse(rules.latest)
    owners: dict[str, Version] = {}
    for version in candidates:
        for place in rules.classes(version, channels):
            if place.channel and place.tag not in channel_tags:
                continue
            if place.is_latest and pinned and version not in pinned:
                continue
            holder = owners.get(place.tag)
            if holder is None or holder < version:
                owners[place.tag] = version
    standing = set(candidates)
    return {tag: owner for tag, owner in owners.items() if (exact := rules.read(tag)) is None or exact not in standing}


def spellings(owner: Version, published: Published) -> list[Version]:
    """Return the versions that are equal to `owner` and spelled otherwise (`1.02` beside `1.2`)."""
    return [v for v in published.in_force if v.variant == owner.variant and v.key == owner.key and v != owner]


def _distinct(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tags))
