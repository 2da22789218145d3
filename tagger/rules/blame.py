"""Finds the settings whose floating tags would change more tags than they explain."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from tagger.rules.assessment import CREATED, Assessment, Candidate
from tagger.rules.versions import Version
from tagger.rules.words import DEFAULT_VARIANT, channel_words

__all__ = ["without_harm"]

MOVED = 20.0
"""The harm of a tag that would move. It is less than in a score, as another setting may be the cause."""


def without_harm(found: Assessment) -> Candidate:
    """Return the candidate without the templates, aliases and channels whose share of harm is the largest."""
    candidate = found.candidate
    good, harm = _effects(found)
    own = (
        *(text for text in candidate.tags if "{{version}}" not in text),
        *(entry for entry in candidate.variants if "=" in entry),
        *candidate.channels,
    )
    shares = {one: harm[one] / (good[one] + harm[one] or 1) for one in own if good[one] <= harm[one]}
    worst = max(shares.values(), default=0)
    bad = {one for one, share in shares.items() if share == worst}
    return candidate._replace(
        tags=tuple(one for one in candidate.tags if one not in bad),
        variants=tuple(one for one in candidate.variants if one not in bad),
        channels=tuple(one for one in candidate.channels if one not in bad),
    )


def _effects(found: Assessment) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Return what each template, alias and channel explains, and what it would move and create."""
    good, harm = defaultdict[str, float](float), defaultdict[str, float](float)
    aliases = {entry.partition("=")[0]: entry for entry in found.candidate.variants if "=" in entry}
    channels = {name: entry for entry in found.candidate.channels for name in channel_words([entry])}
    for tags, effect, weight in ((found.right, good, 1.0), (found.moved, harm, MOVED), (found.created, harm, CREATED)):
        for tag, owner in tags.items():
            for template, alias, channel in _sources(found, tag, owner):
                effect[template] += weight
                if alias is not None:
                    effect[aliases[alias or DEFAULT_VARIANT]] += weight
                if channel:
                    effect[channels[channel]] += weight
    return good, harm


def _sources(found: Assessment, tag: str, owner: Version) -> Iterator[tuple[str, str | None, str]]:
    """Yield each template that makes the tag of its owner, with the alias (or None) and the channel (or empty)."""
    rules = found.rules
    for variant in (owner.variant, *rules.aliases(owner.variant)):
        named = owner.of_variant(variant)
        for template in rules.templates_of(variant):
            for channel in (rules.channels if template.is_channel else ("",)) if template.is_floating else ():
                if template.fill(named, channel) == tag:
                    yield template.canonical, variant if variant != owner.variant else None, channel
