"""Propose the settings of a repository from the tags that stand in it: candidates, tried against the rules."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import product

from tagger.rules.assessment import Assessment, Candidate, assess
from tagger.rules.evidence import Hints, hints, lengths, prefixes, revision_forms, variants_of
from tagger.rules.variants import Variants
from tagger.rules.versions import Scheme, Version, is_prerelease_word

__all__ = ["propose", "worth_reading"]

EXACT = "{{version}}"
BASES = 5  # first guesses that are followed
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


def propose(images: Mapping[str, str | None]) -> Assessment | None:
    """Return the settings that explain most of the tags, given the image of each; None where no tag is a version."""
    return _Search(images).found()


class _Search:
    """A search for settings: first guesses of how versions are written, each refined by what the other tags tell."""

    def __init__(self, images: Mapping[str, str | None]) -> None:
        self.images = images
        self.work = 0
        self.known: dict[Candidate, Assessment | None] = {}

    def found(self) -> Assessment | None:
        guesses = [found for base in self._bases() if (found := self.tried(base)) and found.exact]
        likely = sorted(guesses, key=lambda one: -one.score)[: 2 * BASES]
        filled = sorted((self._filled(one) for one in likely), key=lambda one: -one.score)
        refined = [self._refined(one) for one in filled[:BASES]]
        return max(refined, key=lambda one: one.score, default=None)

    def tried(self, candidate: Candidate) -> Assessment | None:
        """Assess a candidate, once; None too where the time is up."""
        if candidate not in self.known:
            if self.work > MOST_WORK:
                return None
            self.work += len(self.images) * (4 + len(candidate.variants)) + 1000
            self.known[candidate] = assess(candidate, self.images)
        return self.known[candidate]

    def best(self, found: Assessment, candidates: Iterable[Candidate]) -> Assessment:
        """Return the best of what is found and the candidates."""
        for candidate in candidates:
            other = self.tried(candidate)
            if other and other.score > found.score:
                found = other
        return found

    def _bases(self) -> Iterator[Candidate]:
        """Yield first guesses: scheme, revisions and exact templates, with the variants that have exact tags."""
        counts = prefixes(self.images)
        for templates, before in _exact_templates(counts):
            forms = [form for form, _ in revision_forms(self.images, before).most_common(3)]
            bodies = [tag[len(start) :] for tag in self.images for start in before if tag.startswith(start)]
            words = _words(bodies)
            for scheme, revisions, channels in product(
                _schemes(bodies), _choices(forms), ((), words) if words else ((),)
            ):
                build = "underscore" if any("_" in body for body in bodies) and "_N" not in revisions else "refuse"
                made = Scheme.of(scheme, build if scheme != "pep440" else "refuse", revisions)
                usual = lengths(self.images, before).most_common()
                for mixed in (False, True) if scheme != "semver" else (False,):
                    length = 0 if mixed or not usual else 3 if scheme == "semver" else usual[0][0]
                    if "{{variant}}" in templates[-1]:
                        variants = [start.rstrip("vV").rstrip("-.") for start in before if start.rstrip("vV")]
                    else:
                        variants = list(variants_of(self.images, before, made, length))
                    yield Candidate(
                        scheme, mixed, made.build_metadata, revisions, templates, tuple(sorted(variants)), channels
                    )

    def _filled(self, base: Assessment) -> Assessment:
        """Return a guess with everything that the floating tags tell, each in the form that explains most."""
        told = hints(base, self.images)
        channels = [entries[0] for entries in _channel_entries(told, base)]
        full = base.candidate._replace(tags=_in_order((*base.candidate.tags, *told.templates)))
        for entry in channels:
            full = _with_channel(full, entry)
        aliased = full
        for entries in _alias_entries(told):
            aliased = _with_alias(aliased, entries[0])
        found = self.best(base, (full, aliased))
        whole = self.tried(full if not told.aliases else aliased) or found
        found = self.best(found, self._limited(whole))
        return self.best(self._renamed(found, told), _without_each(found))

    def _refined(self, found: Assessment) -> Assessment:
        """Take out what explains less than it moves, limit what may float, and look again, until nothing is better."""
        before = None
        while before is None or found.score > before.score:
            before = found
            found = self.best(found, self._limited(found))
            for candidate in _without_each(found):
                found = self.best(found, (candidate, *self._limited(self.tried(candidate))))
            told = hints(found, self.images)
            for text in _in_order(told.templates):
                grown = found.candidate._replace(tags=_in_order((*found.candidate.tags, text)))
                found = self.best(found, (grown, *self._limited(self.tried(grown))))
            found = self._renamed(found, told)
        return self.best(found, _simpler(found))

    def _renamed(self, found: Assessment, told: Hints) -> Assessment:
        """Try each alias and each channel in the forms that it could have."""
        for entries in _alias_entries(told):
            found = self.best(found, (_with_alias(found.candidate, entry) for entry in entries))
        for entries in _channel_entries(told, found):
            found = self.best(found, (_with_channel(found.candidate, entry) for entry in entries))
        return found

    def _limited(self, found: Assessment | None) -> Iterator[Candidate]:
        """Yield candidates with limits on what may float, and those without the templates that would move tags then."""
        for candidate in _with_limits(found, self.images) if found else ():
            yield candidate
            tried = self.tried(candidate)
            if tried and tried.moved:
                yield _without_moved(tried)


def _exact_templates(counts: Mapping[str, int]) -> Iterator[tuple[Texts, Texts]]:
    """Yield exact templates, and what stands before the numbers in them."""
    total = sum(counts.values())
    usual = [start for start, count in counts.items() if start in ("", "v") or count >= max(2, total / 50)]
    usual.sort(key=lambda start: -counts[start])
    for start in usual[:3]:
        yield (f"{start}{EXACT}",), (start,)
    if "" in usual and "v" in usual:
        yield tuple(f"{start}{EXACT}" for start in usual if start in ("", "v")), ("", "v")
    words = [start for start in counts if start.rstrip("vV") and start.rstrip("vV")[-1] in "-."]
    if words:
        letter = "v" if all(start.endswith("v") for start in words) else ""
        between = words[0].rstrip("v")[-1]
        starts = tuple(start for start in words if start.endswith(f"{between}{letter}"))
        template = f"{{{{variant}}}}{between}{letter}{EXACT}"
        bare = (f"{letter}{EXACT}",) if letter in counts else ()
        yield (*bare, template), (*starts, *([letter] if bare else []))


def _schemes(bodies: Collection[str]) -> Iterator[str]:
    """Yield the schemes that versions could be of, from what stands in them."""
    if any(re.match(r"(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?![0-9.])", body) for body in bodies):
        yield "semver"
    dated = any(re.match(r"(?:20\d\d|\d\d)\.0\d", body) for body in bodies)
    yield "calver" if dated else "numeric"
    if any(re.match(r"[0-9.]+(?:(?:a|b|rc)\d|\.post\d|\.dev\d)", body) for body in bodies):
        yield "pep440"


def _words(bodies: Iterable[str]) -> Texts:
    """Return the prerelease words that stand behind a version without a number, as in `3.15-rc`."""
    found = {match[1] for body in bodies if (match := re.match(r"[0-9]+(?:\.[0-9]+)*-([a-z]+)(?![a-z0-9.])", body))}
    return tuple(sorted(word for word in found if is_prerelease_word(word)))


def _choices(forms: Sequence[str]) -> Iterator[Texts]:
    yield ()
    for form in forms:
        yield (form,)
    if len(forms) > 1:
        yield tuple(forms)


def _in_order(templates: Iterable[str]) -> Texts:
    """Return templates as they are usually written: exact ones, then narrow to wide, channels last."""

    def order(text: str) -> tuple[bool, bool, int, str]:
        return EXACT not in text, "{{channel}}" in text, -text.replace("{{variant}}", "").count("{{"), text

    exact = [text for text in dict.fromkeys(templates) if EXACT in text]
    return (*exact, *sorted((text for text in dict.fromkeys(templates) if EXACT not in text), key=order))


def _alias_entries(told: Hints) -> Iterator[list[str]]:
    """Yield, for each alias that tags tell of, the entries of `variants` that could be meant."""
    for alias, members in sorted(told.aliases.items()):
        own = [member for member in members if not alias or member.startswith(alias[:3])]
        patterns = [pattern for member in own for pattern in (*_patterns(member), member)]
        if patterns:
            yield [f"{alias or 'default'}={pattern}" for pattern in dict.fromkeys(patterns)]


def _patterns(member: str) -> Iterator[str]:
    """Yield the families of a variant: `alpine3.*` of `alpine3.22`, `jdk-*` of `jdk-noble`."""
    numbers = list(re.finditer(r"[0-9]+", member))
    if numbers:
        yield f"{member[: numbers[-1].start()]}*{member[numbers[-1].end() :]}"
    if "-" in member:
        yield f"{member.rpartition('-')[0]}-*"


def _with_alias(candidate: Candidate, entry: str) -> Candidate:
    """Return a candidate with an alias; its pattern declares the members."""
    family = Variants.of([entry]).families[0]
    kept = (one for one in candidate.variants if not ("*" in entry and family.has(one)))
    return candidate._replace(variants=tuple(sorted({*kept, entry})))


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


def _without_moved(found: Assessment) -> Candidate:
    """Return the candidate without the templates that move a tag."""
    moving = {
        template.canonical
        for template in found.rules.templates
        for tag, owner in found.moved.items()
        if template.is_floating and tag in {template.fill(owner), template.fill(owner.of_variant(""))}
    }
    return found.candidate._replace(tags=tuple(text for text in found.candidate.tags if text not in moving))


def _simpler(found: Assessment) -> Iterator[Candidate]:
    """Yield the candidate without templates that the channels bring by themselves."""
    tags = tuple(text for text in found.candidate.tags if "{{channel}}" not in text)
    if tags != found.candidate.tags and found.candidate.channels:
        yield found.candidate._replace(tags=tags)


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


def _with_limits(found: Assessment, images: Mapping[str, str | None]) -> Iterator[Candidate]:
    """Yield the candidate with limits on `latest`, and on every floating tag, that would let stand what would move."""
    candidate = found.candidate
    wide = [one for text in found.rules.templates if (one := text).is_latest]
    wrong = {**found.moved, **found.created}
    latest = {tag: owner for tag, owner in wrong.items() if any(one.fill(owner) == tag for one in wide)}
    if latest:
        holders = [
            version for tag, version in found.exact.items() if images[tag] in {images.get(one) for one in latest}
        ]
        right = [owner for tag, owner in found.right.items() if any(one.fill(owner) == tag for one in wide)]
        for text in (*_ranges(latest.values(), holders, right), *_excluding(latest.values())):
            yield candidate._replace(latest=text)
    if wrong:
        for text in _ranges(wrong.values(), (), found.right.values()):
            yield candidate._replace(stable=text)


def _ranges(bad: Iterable[Version], holders: Collection[Version], good: Iterable[Version]) -> Iterator[str]:
    """Yield the texts of selections that have the holders, and the good versions as far as can be, and no bad one."""
    for holder in sorted(holders, reverse=True)[:2]:
        for length in (1, 2):
            yield ".".join(holder.numbers[:length])
    wrong = sorted({tuple(map(int, version.numbers)) for version in bad})
    right = sorted({tuple(map(int, version.numbers)) for version in good})
    for length in (1, 2, 3):
        below = [numbers for numbers in wrong if not right or numbers[:length] > right[-1][:length]]
        above = [numbers for numbers in wrong if not right or numbers[:length] < right[0][:length]]
        if below:
            yield f"<{_text(below[0][:length])}"
        if above and right:
            yield f">={_text(right[0][:length])}"
        if above and below and right:
            yield f">={_text(right[0][:length])} <{_text(below[0][:length])}"
    if wrong and all(numbers[1] % 2 for numbers in wrong if len(numbers) > 1):
        yield r"/^[0-9]+\.[0-9]*[02468]\./"


def _excluding(bad: Iterable[Version]) -> Iterator[str]:
    """Yield what leaves out a few versions."""
    wrong = sorted({tuple(map(int, version.numbers)) for version in bad})
    if len(wrong) <= 3:
        yield " ".join(f"!={_text(numbers)}" for numbers in wrong)


def _text(numbers: Iterable[int]) -> str:
    return ".".join(map(str, numbers))
