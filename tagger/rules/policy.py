"""The policy of a repository: the settings that decide its tags, their JSON, and which of two policies applies."""

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from tagger.errors import InputError, Refused
from tagger.rules.cascade import Rules
from tagger.rules.patterns import check_pattern
from tagger.rules.policy_settings import SETTINGS, PolicySetting, Texts, meaning_of
from tagger.rules.templates import LATEST, Template
from tagger.rules.variants import Variants
from tagger.rules.versions import Scheme
from tagger.rules.words import DEFAULT_VARIANT

__all__ = [
    "SETTINGS", "Policy", "Ruling", "Said", "agreed_policy", "no_policy", "ruling",
]  # fmt: skip

FORMAT = 1
LARGEST = 65536  # bytes of JSON
MOST_ENTRIES = 200  # of one list: official images have up to 60 variants


class Policy:
    """The settings that decide the tags of a repository, each in canonical form."""

    def __init__(self, values: Mapping[str, Texts]) -> None:
        self.values = values

    @classmethod
    def of(cls, texts: Mapping[str, Sequence[str]]) -> "Policy":
        """Return the policy of the given settings, with defaults for the others. Raise `InputError` for a wrong one."""
        given = {row: tuple(texts.get(row.name, ())) or row.default for row in SETTINGS}
        return cls({row.name: row.canonical(value) for row, value in given.items()})

    @classmethod
    def parse(cls, text: str | bytes, place: str) -> "Policy":
        """Read the JSON of the policy of the repository `place`. Raise `Refused` where it is not legible."""
        try:
            document = _document(text)
            form = document.pop("format", None)
            unknown = sorted(document.keys() - {row.name for row in SETTINGS})
            if type(form) is int and form >= FORMAT and (form > FORMAT or unknown):
                what = f"it is of format {form}" if form > FORMAT else f"it has the setting {unknown[0][:80]!r}"
                raise Refused(
                    f"{place}: the policy was written by a newer Tagger: {what}",
                    "Run a Tagger that is as new as the one that wrote it.",
                    code="POLICY",
                )
            if form != FORMAT or type(form) is not int:
                raise ValueError(f"its `format` is not {FORMAT}")
            policy = cls({row.name: row.canonical(_texts(row, document)) for row in SETTINGS})
            policy.check_patterns()
            policy.rules()
            return policy
        except InputError as error:
            raise _illegible(place, error.message) from error
        except (ValueError, RecursionError) as error:
            raise _illegible(place, str(error)[:200] or "it is not JSON") from error

    def check_patterns(self) -> None:
        """Raise `InputError` for a regular expression that could take long: a stored policy may be anybody's."""
        for name in ("stable", "latest"):
            for text in self.values[name]:
                if text.startswith("/"):
                    check_pattern(text[1:-1])

    def to_json(self) -> str:
        """Return the canonical JSON: all settings in a fixed order, no white space. Raise `InputError` if too large."""
        self.check_patterns()
        shown: dict[str, Any] = {"format": FORMAT}
        for row in SETTINGS:
            texts = self.values[row.name]
            one: str | bool = texts[0] if texts else ""
            shown[row.name] = list(texts) if row.kind == "list" else one == "true" if row.kind == "flag" else one
        text = json.dumps(shown, separators=(",", ":"))
        if len(text) > LARGEST or any(len(texts) > MOST_ENTRIES for texts in self.values.values()):
            raise InputError(
                "the policy is too large",
                f"It has at most {MOST_ENTRIES} entries in a list, and {LARGEST} bytes.",
                code="POLICY",
            )
        return text

    def rules(self, *, plain: Iterable[str] = (), withdrawn: Iterable[str] = ()) -> Rules:
        """Return the rules of the policy. `plain` are the templates of tags that belong to no version."""
        values = self.values
        return Rules.of(
            (*values["tags"], *plain),
            scheme=Scheme.of(values["scheme"][0], values["build-metadata"][0], values["revisions"]),
            variants=("", *values["variants"]),
            channels=values["channels"],
            stable="".join(values["stable"]),
            latest=values["latest"][0],
            withdrawn=withdrawn,
            mixed_parts=values["mixed-parts"] == ("true",),
        )

    def show(self, name: str) -> str:
        """Return a setting for people: its entries on one line, escaped."""
        text = " ".join(self.values[name]) or "nothing"
        return text if text.isprintable() and len(text) <= 300 else ascii(text[:300])[1:-1]

    def differs(self, other: "Policy") -> tuple[str, ...]:
        """Return the names of the settings in which two policies differ."""
        return tuple(row.name for row in SETTINGS if self._meaning(row.name) != other._meaning(row.name))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and not self.differs(other)

    def __hash__(self) -> int:
        return hash(tuple(map(self._meaning, self.values)))

    def _meaning(self, name: str) -> Hashable:
        return meaning_of(name, self.values[name])


class Said(NamedTuple):
    """What a run says of one setting.

    `origin` names where it says so: a file, if `in_file`, else the command line or the environment. `of_variants` are
    the only variants that it applies to, if there are any: the rows of one build say nothing of other builds.
    """

    texts: Texts
    origin: str
    in_file: bool = False
    of_variants: Texts = ()


class Ruling(NamedTuple):
    """The policy that applies in a repository, its source, the settings of the run that differ, and warnings."""

    policy: Policy
    source: Literal["repository", "settings", "default"]
    differs: Texts = ()
    warnings: Texts = ()


def ruling(said: Mapping[str, Said], stored: Policy | None, place: str) -> Ruling:
    """Return which policy applies in the repository `place`: the one `stored` there, else that of the run's settings.

    `said` has an entry for each setting that the run gives: those of the policy, and `variant`, the variants of this
    build. Raise `InputError` (POLICY) where the command line or the environment contradicts the stored policy, and for
    a variant that the stored policy does not have.
    """
    if stored is None:
        return Ruling(own_policy(said), "settings" if said.keys() & {row.name for row in SETTINGS} else "default")
    refusals: list[str] = []
    warnings: list[str] = []
    differs: list[str] = []
    for row in SETTINGS:
        one = said.get(row.name)
        own = row.canonical(one.texts) if one else ()
        if (
            one is None
            or (not own and row.kind == "list" and one.texts)
            or _same(row.name, own, stored.values[row.name])
            or _same_for(one.of_variants, own, stored.values[row.name])
        ):
            continue
        differs.append(row.name)
        shown = Policy({row.name: own}).show(row.name)
        text = f"{one.origin} says {row.name}: {shown}, and the policy of {place} says {stored.show(row.name)}"
        (warnings if one.in_file else refusals).append(text)
    refused = [f"`{name}`" for name in differs if not said[name].in_file]
    if _is_by_flavor(said, stored) and "`latest`" in refused:
        refused = [name for name in refused if name not in ("`tags`", "`latest`")] + ["`latest=false` of `flavor`"]
    if foreign := list(_foreign_variants(said.get("variant"), stored, place)):
        refusals += foreign
        refused.append("`variant`")
    if refusals:
        raise InputError(
            "; ".join(refusals),
            f"The repository's policy applies: drop {' and '.join(refused)} to follow it; `policy set` changes it.",
            code="POLICY",
        )
    return Ruling(stored, "repository", tuple(differs), tuple(f"{text}: the policy applies" for text in warnings))


def _is_by_flavor(said: Mapping[str, Said], stored: Policy) -> bool:
    """Say whether `flavor: latest=false` is all that a run says against what the policy has of `latest`."""
    latest, tags = said.get("latest"), said.get("tags")
    if latest is None or tags is None or not latest.origin.upper().endswith("FLAVOR"):
        return False
    row = next(row for row in SETTINGS if row.name == "tags")
    return _same("tags", row.canonical((*tags.texts, LATEST)), stored.values["tags"])


def own_policy(said: Mapping[str, Said]) -> Policy:
    """Return the policy of a run's own settings. Its variants include those of this build."""
    texts = {name: one.texts for name, one in said.items()}
    return Policy.of({**texts, "variants": (*texts.get("variants", ()), *texts.get("variant", ()))})


def agreed_policy(stored: Mapping[str, Policy | None]) -> tuple[Policy | None, Texts]:
    """Return the policy that several repositories share, and a warning for each repository that has none.

    `stored` has the policy of each repository by its name. Raise `Refused` where two policies differ.
    """
    policies = {place: policy for place, policy in stored.items() if policy is not None}
    if not policies:
        return None, ()
    (first, policy), *others = policies.items()
    for place, other in others:
        if names := policy.differs(other):
            shown = "; ".join(f"{name}: {policy.show(name)} and {other.show(name)}" for name in names)
            raise Refused(
                f"the policies of {first} and {place} differ: {shown}",
                "Give both the same with `policy set`, or release to them in runs of their own.",
                code="POLICY",
            )
    without = [place for place, policy in stored.items() if policy is None]
    return policy, tuple(f"{place} has no policy: that of {first} applies there too" for place in without)


def _same_for(variants: Texts, one: Texts, other: Texts) -> bool:
    """Say whether two lists of templates give each of `variants` the same tags. False without `variants`."""

    def used(texts: Texts, variant: str) -> Texts:
        read = [Template.parse(text) for text in texts]
        replaced = {template.bare for template in read if "variant" in template.fields}
        of_bare = [template for template in read if "variant" not in template.fields]
        if not variant:
            return tuple(template.canonical for template in of_bare)
        return tuple(one.canonical for one in read if one not in of_bare or one.canonical not in replaced)

    return bool(variants) and all(_same("tags", used(one, variant), used(other, variant)) for variant in variants)


def _same(name: str, one: Texts, other: Texts) -> bool:
    """Say whether two canonical values of a setting have the same meaning."""
    return meaning_of(name, one) == meaning_of(name, other)


def _foreign_variants(variant: Said | None, stored: Policy, place: str) -> Iterator[str]:
    known = Variants.of(stored.values["variants"])
    for name in variant.texts if variant else ():
        if name != DEFAULT_VARIANT and not known.has(name):
            listed = " ".join(sorted({DEFAULT_VARIANT, *stored.values["variants"]}))
            yield f"{variant.origin if variant else ''} says variant: {name}, and the variants of {place} are {listed}"


def _document(text: str | bytes) -> dict[str, Any]:
    """Read JSON of at most 64 KiB that is one object without duplicate keys. Raise `ValueError` otherwise."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            raise ValueError("it says a setting twice")
        return made

    if len(text) > LARGEST:
        raise ValueError(f"it has more than {LARGEST} bytes")
    document = json.loads(text, object_pairs_hook=once)
    if not isinstance(document, dict):
        raise ValueError("it is no JSON object")
    return document


def _texts(row: PolicySetting, document: Mapping[str, Any]) -> Texts:
    """Return the texts of a setting in JSON. Raise `ValueError` where it is missing or has another type."""
    value = document.get(row.name)
    if row.kind == "flag" and isinstance(value, bool):
        return ("true" if value else "false",)
    if row.kind == "text" and isinstance(value, str):
        return (value,) if value else ()
    if row.kind == "list" and isinstance(value, list) and all(isinstance(one, str) for one in value):
        if len(value) > MOST_ENTRIES:
            raise ValueError(f"`{row.name}` has more than {MOST_ENTRIES} entries")
        return tuple(value)
    raise ValueError(f"`{row.name}` is missing, or of another type")


def _illegible(place: str, why: str) -> Refused:
    return no_policy(f"{place}: the policy is not legible: {ascii(why)[1:-1]}")


def no_policy(message: str) -> Refused:
    """Return the error for an artifact under the tag of the policy that cannot be read as a policy."""
    hint = "Look at it with `policy`. `policy set` writes a new one; `policy unset` removes it."
    return Refused(message, hint, code="POLICY")
