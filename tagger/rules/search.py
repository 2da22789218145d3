"""Finds the settings that explain the tags of a repository best, by trying candidates."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from tagger.rules.assessment import Assessment, Candidate, assess
from tagger.rules.blame import without_harm
from tagger.rules.evidence import Hints, hints, may_be_alias
from tagger.rules.guesses import EXACT, first_guesses
from tagger.rules.limits import with_exact_alone, with_latest_alone, with_limits
from tagger.rules.variants import Variants

__all__ = ["propose", "worth_reading"]

GUESSES, REFINED = 8, 3  # the best first guesses that get hints, and the best of these that are refined
MOST_WORK = 6_000_000  # tags times trials, so that ten thousand tags take only seconds
KEPT = 2  # of the tags that differ only in their last number
_VERSION = re.compile(r"((?:[A-Za-z_][A-Za-z0-9_]*[-.])*?[vV]?(?:[0-9]+\.)+)([0-9]+)(.*)")

Texts = tuple[str, ...]


def worth_reading(tags: Collection[str], most: int) -> Collection[str]:
    """Return all tags; of more than `most`, only the newest two of those that differ only in their last number."""
    if len(tags) <= most:
        return tags
    groups: dict[tuple[str, str], list[tuple[int, str]]] = {}
    kept = []
    matches = {tag: found for tag in tags if (found := _VERSION.fullmatch(tag))}
    series = {found[1][:-1] for found in matches.values()}  # 2.1 of 2.1.4: such tags may float, so all are read
    for tag in tags:
        match = matches.get(tag)
        if match is None or f"{match[1]}{match[2]}" in series:
            kept.append(tag)
        else:
            groups.setdefault((match[1], match[3]), []).append((int(match[2]), tag))
    return [*kept, *(tag for group in groups.values() for _, tag in sorted(group)[-KEPT:])]


def propose(images: Mapping[str, str | None], *, most: int = MOST_WORK) -> Assessment | None:
    """Return the settings that explain most of the tags, given the digest of each; None where no tag is a version.

    `most` is the limit of the work, in tags times trials. At the limit, the best settings so far are returned.
    """
    return _Search(images, most).run()


class _Search:
    """A search for settings: first guesses of how versions are written, refined by hints from the other tags."""

    def __init__(self, images: Mapping[str, str | None], most: int) -> None:
        self.images = dict(sorted(images.items()))  # a listing has no order
        self.work, self.most = 0, most
        self.known: dict[Candidate, Assessment | None] = {}

    def run(self) -> Assessment | None:
        """Return the best assessment; None where no tag is a version."""
        guesses = [found for base in first_guesses(self.images) if (found := self.assess(base)) and found.exact]
        likely = sorted(guesses, key=lambda one: -one.score)[:GUESSES]
        filled = sorted((self._with_hints(one) for one in likely), key=lambda one: -one.score)
        refined = [self._refine(one) for one in filled[:REFINED]]
        best = max(refined, key=lambda one: one.score, default=None)
        return best and self._with_rest(best)

    def assess(self, candidate: Candidate) -> Assessment | None:
        """Assess a candidate, once. None where it contradicts the tags, or the work is at its limit."""
        if candidate not in self.known:
            if self.work > self.most:
                return None
            self.work += len(self.images) * (4 + len(candidate.variants)) + 1000
            self.known[candidate] = assess(candidate, self.images)
        return self.known[candidate]

    def best(self, found: Assessment, candidates: Iterable[Candidate]) -> Assessment:
        """Return the best of `found` and of the candidates that are consistent."""
        for candidate in candidates:
            other = self.assess(candidate)
            if other and other.score > found.score and other.is_consistent:
                found = other
        return found

    def _with_limits(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yield the candidate without and with limits, each also without the settings that do harm."""
        whole = self.assess(candidate)
        for limited in (candidate, *with_limits(whole, self.images)) if whole else ():
            yield from self._without_harm(limited)

    def _without_harm(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yield the candidate, then the candidate without its most harmful settings, and so on."""
        seen = set[Candidate]()
        while candidate not in seen:
            seen.add(candidate)
            yield candidate
            found = self.assess(candidate)
            candidate = without_harm(found) if found else candidate

    def _with_hints(self, base: Assessment) -> Assessment:
        """Return the best of a guess and of what it becomes with all hints of the floating tags."""
        suggested = hints(base, self.images)
        full = base.candidate._replace(tags=_in_order((*base.candidate.tags, *suggested.templates)))
        channels = list(_channel_entries(suggested, base))
        found = base
        for form in range(max(map(len, channels), default=1)):
            candidate = full
            for entries in channels:
                candidate = _with_channel(candidate, entries[min(form, len(entries) - 1)])
            found = self.best(found, self._with_limits(candidate))
        return self._try_names(found, suggested)

    def _refine(self, found: Assessment) -> Assessment:
        """Try limits, fewer settings and more hints, until nothing is better."""
        before = None
        while before is None or found.score > before.score:
            before = found
            found = self.best(found, self._with_limits(found.candidate))
            for candidate in _without_each(found):
                found = self.best(found, self._without_harm(candidate))
            suggested = hints(found, self.images)
            texts = (suggested.templates, *zip(suggested.templates))
            grown = [_with_templates(found.candidate, some) for some in texts]
            for candidate in (*grown, _with_templates(_of_floating(found), suggested.templates)):
                found = self.best(found, self._with_limits(candidate))
            found = self._try_names(found, suggested)
        return self.best(found, _simpler(found))

    def _with_rest(self, found: Assessment) -> Assessment:
        """Try what is rare: `latest` alone at a variant, and variants that have exact tags alone."""
        found = self.best(found, with_latest_alone(found, self.images))
        limited = self.best(found, with_exact_alone(found, self.images))
        return found if limited is found else self._refine(limited)

    def _try_names(self, found: Assessment, suggested: Hints) -> Assessment:
        """Try each alias and each channel in its possible forms, all aliases at once."""
        rest = list(_alias_entries(suggested, found.candidate.variants))
        while rest:
            candidate = _with_templates(found.candidate, suggested.templates)
            for entries in rest:
                candidate = _with_alias(candidate, entries[0])
            found = self.best(found, self._without_harm(candidate))
            kept = set(found.candidate.variants)
            rest = [entries[1:] for entries in rest if entries[1:] and kept.isdisjoint(entries)]
        for entries in _channel_entries(suggested, found):
            for entry in entries:
                found = self.best(found, self._without_harm(_with_channel(found.candidate, entry)))
        return found


def _with_templates(candidate: Candidate, texts: Iterable[str]) -> Candidate:
    return candidate._replace(tags=_in_order((*candidate.tags, *texts)))


def _of_floating(found: Assessment) -> Candidate:
    """Return the candidate without the variants of which no floating tag is right."""
    floating = {version.variant for version in found.right.values()}
    kept = tuple(entry for entry in found.candidate.variants if "=" in entry or entry in floating)
    return found.candidate._replace(variants=kept)


def _in_order(templates: Iterable[str]) -> Texts:
    """Return templates in the usual order: exact ones, then narrow to wide, channels last."""

    def order(text: str) -> tuple[bool, bool, int, str]:
        return EXACT not in text, "{{channel}}" in text, -text.replace("{{variant}}", "").count("{{"), text

    exact = [text for text in dict.fromkeys(templates) if EXACT in text]
    return (*exact, *sorted((text for text in dict.fromkeys(templates) if EXACT not in text), key=order))


def _alias_entries(suggested: Hints, variants: Collection[str]) -> Iterator[list[str]]:
    """Yield, for each suggested alias that is no variant, the entries of `variants` that it could be."""
    aliases = suggested.aliases
    for alias, members in sorted((alias, aliases[alias]) for alias in aliases.keys() - set(variants)):
        most = max(members.values(), default=0)  # a member at which every tag of the alias stands may have any name
        own = [one for one, count in members.items() if not alias or count == most or may_be_alias(alias, one)]
        own.sort(key=lambda one: (-members[one], alias not in one, one))  # `noble` is jdk-noble rather than jdk
        patterns = [pattern for member in own for pattern in (*_patterns(alias, member), member)]
        yield [f"{alias or 'default'}={pattern}" for pattern in dict.fromkeys(patterns)]


def _patterns(alias: str, member: str) -> Iterator[str]:
    """Yield patterns for a variant, with `*` where the alias says nothing: `alpine3.*` for `alpine3.22`, `jdk-*`."""
    numbers = list(re.finditer(r"[0-9]+", member))
    if numbers and numbers[-1][0] not in alias:
        yield f"{member[: numbers[-1].start()]}*{member[numbers[-1].end() :]}"
    start, dash, end = member.rpartition("-")
    if dash and end not in alias:
        yield f"{start}-*"


def _with_alias(candidate: Candidate, entry: str) -> Candidate:
    return candidate._replace(variants=tuple(sorted({*candidate.variants, entry})))


def _channel_entries(suggested: Hints, base: Assessment) -> Iterator[list[str]]:
    """Yield, for each suggested channel, the entries of `channels` that it could be."""
    every = sorted({version.channel for version in base.published.versions if version.channel.isalpha()})
    for name, words in sorted(suggested.channels.items()):
        own = sorted(word for word in words if word.isalpha())
        entries = (name, _entry(name, every), _entry(name, own))  # `edge` is more likely the newest of every word
        yield list(dict.fromkeys(one for one in entries if one))


def _with_channel(candidate: Candidate, entry: str) -> Candidate:
    """Return a candidate with a channel that replaces one of the same name."""
    name = entry.partition("=")[0]
    kept = (one for one in candidate.channels if one.partition("=")[0] != name)
    return candidate._replace(channels=tuple(sorted({*kept, entry})))


def _entry(name: str, words: Sequence[str]) -> str:
    return f"{name}={','.join(words)}" if words and list(words) != [name] else ""


def _simpler(found: Assessment) -> Iterator[Candidate]:
    """Yield the candidate without settings that it may not need: limits, members of families, templates of channels."""
    families = Variants.of(found.candidate.variants).families
    variants = (
        one for one in found.candidate.variants if "=" in one or not any(family.has(one) for family in families)
    )
    candidate = found.candidate._replace(variants=tuple(variants))
    tags = tuple(text for text in candidate.tags if "{{channel}}" not in text)
    for one in (candidate, candidate._replace(tags=tags)) if candidate.channels else (candidate,):
        yield from (one, one._replace(latest="auto"), one._replace(stable=""), one._replace(latest="auto", stable=""))


def _without_each(found: Assessment) -> Iterator[Candidate]:
    """Yield the candidate without one of its templates or channels, or of the variants of wrong tags."""
    candidate = found.candidate
    for text in candidate.tags:
        if EXACT not in text:
            yield candidate._replace(tags=tuple(one for one in candidate.tags if one != text))
    for entry in candidate.channels:
        yield candidate._replace(channels=tuple(one for one in candidate.channels if one != entry))
    wrong = {version.variant for version in (*found.moved.values(), *found.created.values())}
    for entry in candidate.variants:
        if entry in wrong or "=" in entry:
            yield candidate._replace(variants=tuple(one for one in candidate.variants if one != entry))
