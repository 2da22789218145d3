"""Propose the settings of a repository from the tags that stand in it: candidates, tried against the rules."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from tagger.rules.assessment import Assessment, Candidate, assess
from tagger.rules.blame import without_harm
from tagger.rules.evidence import Hints, hints, may_be_alias
from tagger.rules.guesses import EXACT, first_guesses
from tagger.rules.limits import with_limits
from tagger.rules.variants import Variants

__all__ = ["propose", "worth_reading"]

GUESSES, REFINED = 8, 3  # first guesses that are followed, and of these the ones that are followed to their end
MOST_WORK = 6_000_000  # tags times trials, so that ten thousand tags take seconds
KEPT = 2  # of the versions that differ in their last number alone
_VERSION = re.compile(r"((?:[A-Za-z_][A-Za-z0-9_]*[-.])*?[vV]?(?:[0-9]+\.)+)([0-9]+)(.*)")

Texts = tuple[str, ...]


def worth_reading(tags: Collection[str], most: int) -> Collection[str]:
    """Return those of `tags` that tell of the settings: of many, the newest that differ in one number alone."""
    if len(tags) <= most:
        return tags
    groups: dict[tuple[str, str], list[tuple[int, str]]] = {}
    kept = []
    matches = {tag: found for tag in tags if (found := _VERSION.fullmatch(tag))}
    series = {found[1][:-1] for found in matches.values()}  # 2.1 of 2.1.4: what may float is read
    for tag in tags:
        match = matches.get(tag)
        if match is None or f"{match[1]}{match[2]}" in series:
            kept.append(tag)
        else:
            groups.setdefault((match[1], match[3]), []).append((int(match[2]), tag))
    return [*kept, *(tag for group in groups.values() for _, tag in sorted(group)[-KEPT:])]


def propose(images: Mapping[str, str | None], *, most: int = MOST_WORK) -> Assessment | None:
    """Return the settings that explain most of the tags, given the image of each; None where no tag is a version.

    `most` bounds the work, in tags times trials: beyond it the best is returned that was found.
    """
    return _Search(images, most).found()


class _Search:
    """A search for settings: first guesses of how versions are written, each refined by what the other tags tell."""

    def __init__(self, images: Mapping[str, str | None], most: int) -> None:
        self.images = images
        self.work, self.most = 0, most
        self.known: dict[Candidate, Assessment | None] = {}

    def found(self) -> Assessment | None:
        guesses = [found for base in first_guesses(self.images) if (found := self.tried(base)) and found.exact]
        likely = sorted(guesses, key=lambda one: -one.score)[:GUESSES]
        filled = sorted((self._filled(one) for one in likely), key=lambda one: -one.score)
        refined = [self._refined(one) for one in filled[:REFINED]]
        return max(refined, key=lambda one: one.score, default=None)

    def tried(self, candidate: Candidate) -> Assessment | None:
        """Assess a candidate, once; None too where the work is at its bound."""
        if candidate not in self.known:
            if self.work > self.most:
                return None
            self.work += len(self.images) * (4 + len(candidate.variants)) + 1000
            self.known[candidate] = assess(candidate, self.images)
        return self.known[candidate]

    def best(self, found: Assessment, candidates: Iterable[Candidate]) -> Assessment:
        """Return the best of what is found and the candidates."""
        for candidate in candidates:
            other = self.tried(candidate)
            if other and other.score > found.score and other.is_consistent:
                found = other
        return found

    def _fitted(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yield the candidate and those with a limit, each also without what does more harm than good."""
        whole = self.tried(candidate)
        for limited in (candidate, *with_limits(whole, self.images)) if whole else ():
            yield from self._pruned(limited)

    def _pruned(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yield the candidate, and what is left of it as the templates and aliases go that do more harm than good."""
        seen = set[Candidate]()
        while candidate not in seen:
            seen.add(candidate)
            yield candidate
            found = self.tried(candidate)
            candidate = without_harm(found) if found else candidate

    def _filled(self, base: Assessment) -> Assessment:
        """Return a guess with everything that the floating tags tell, without what does more harm than good."""
        told = hints(base, self.images)
        full = base.candidate._replace(tags=_in_order((*base.candidate.tags, *told.templates)))
        channels = list(_channel_entries(told, base))
        found = base
        for form in range(max(map(len, channels), default=1)):
            candidate = full
            for entries in channels:
                candidate = _with_channel(candidate, entries[min(form, len(entries) - 1)])
            found = self.best(found, self._fitted(candidate))
        return self._renamed(found, told)

    def _refined(self, found: Assessment) -> Assessment:
        """Take out what explains less than it moves, limit what may float, and look again, until nothing is better."""
        before = None
        while before is None or found.score > before.score:
            before = found
            found = self.best(found, self._fitted(found.candidate))
            for candidate in _without_each(found):
                found = self.best(found, self._pruned(candidate))
            told = hints(found, self.images)
            grown = (_with_templates(found.candidate, texts) for texts in (told.templates, *zip(told.templates)))
            for candidate in grown:
                found = self.best(found, self._fitted(candidate))
            found = self._renamed(found, told)
        return self.best(found, _simpler(found))

    def _renamed(self, found: Assessment, told: Hints) -> Assessment:
        """Try each alias and each channel in the forms that it could have: the aliases side by side."""
        rest = list(_alias_entries(told, found.candidate.variants))
        while rest:
            candidate = _with_templates(found.candidate, told.templates)
            for entries in rest:
                candidate = _with_alias(candidate, entries[0])
            found = self.best(found, self._pruned(candidate))
            kept = set(found.candidate.variants)
            rest = [entries[1:] for entries in rest if entries[1:] and kept.isdisjoint(entries)]
        for entries in _channel_entries(told, found):
            for entry in entries:
                found = self.best(found, self._pruned(_with_channel(found.candidate, entry)))
        return found


def _with_templates(candidate: Candidate, texts: Iterable[str]) -> Candidate:
    return candidate._replace(tags=_in_order((*candidate.tags, *texts)))


def _in_order(templates: Iterable[str]) -> Texts:
    """Return templates as they are usually written: exact ones, then narrow to wide, channels last."""

    def order(text: str) -> tuple[bool, bool, int, str]:
        return EXACT not in text, "{{channel}}" in text, -text.replace("{{variant}}", "").count("{{"), text

    exact = [text for text in dict.fromkeys(templates) if EXACT in text]
    return (*exact, *sorted((text for text in dict.fromkeys(templates) if EXACT not in text), key=order))


def _alias_entries(told: Hints, variants: Collection[str]) -> Iterator[list[str]]:
    """Yield, for each alias that tags tell of, the entries of `variants` that could be meant: of what is no variant."""
    for alias, members in sorted((alias, told.aliases[alias]) for alias in told.aliases.keys() - set(variants)):
        most = max(members.values(), default=0)  # one where every tag of the alias stands may have any name
        own = [one for one, count in members.most_common() if not alias or count == most or may_be_alias(alias, one)]
        patterns = [pattern for member in own for pattern in (*_patterns(alias, member), member)]
        if patterns:
            yield [f"{alias or 'default'}={pattern}" for pattern in dict.fromkeys(patterns)]


def _patterns(alias: str, member: str) -> Iterator[str]:
    """Yield the families of a variant in what its alias does not say: `alpine3.*` of `alpine3.22`, `jdk-*`."""
    numbers = list(re.finditer(r"[0-9]+", member))
    if numbers and numbers[-1][0] not in alias:
        yield f"{member[: numbers[-1].start()]}*{member[numbers[-1].end() :]}"
    start, dash, end = member.rpartition("-")
    if dash and end not in alias:
        yield f"{start}-*"


def _with_alias(candidate: Candidate, entry: str) -> Candidate:
    return candidate._replace(variants=tuple(sorted({*candidate.variants, entry})))


def _channel_entries(told: Hints, base: Assessment) -> Iterator[list[str]]:
    """Yield, for each channel that tags tell of, the entries of `channels` that could be meant."""
    every = sorted({version.channel for version in base.published.versions if version.channel.isalpha()})
    for name, words in sorted(told.channels.items()):
        own = sorted(word for word in words if word.isalpha())
        yield list(dict.fromkeys(one for one in (name, _entry(name, own), _entry(name, every)) if one))


def _with_channel(candidate: Candidate, entry: str) -> Candidate:
    """Return a candidate with a channel in place of one of the same name."""
    name = entry.partition("=")[0]
    kept = (one for one in candidate.channels if one.partition("=")[0] != name)
    return candidate._replace(channels=tuple(sorted({*kept, entry})))


def _entry(name: str, words: Sequence[str]) -> str:
    return f"{name}={','.join(words)}" if words and list(words) != [name] else ""


def _simpler(found: Assessment) -> Iterator[Candidate]:
    """Yield the candidate without what it may not need: limits, members of families, templates that channels bring."""
    families = Variants.of(found.candidate.variants).families
    variants = (
        one for one in found.candidate.variants if "=" in one or not any(family.has(one) for family in families)
    )
    candidate = found.candidate._replace(variants=tuple(variants))
    tags = tuple(text for text in candidate.tags if "{{channel}}" not in text)
    for one in (candidate, candidate._replace(tags=tags)) if candidate.channels else (candidate,):
        yield from (one, one._replace(latest="auto"), one._replace(stable=""), one._replace(latest="auto", stable=""))


def _without_each(found: Assessment) -> Iterator[Candidate]:
    """Yield the candidate without one of its templates, channels, or of the variants that something is wrong with."""
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
