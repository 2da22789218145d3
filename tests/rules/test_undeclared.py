"""What looks like a variant of a version, and is declared nowhere."""

import pytest

from tagger.rules.cascade import Rules
from tagger.rules.templates import DEFAULT_TEMPLATES
from tagger.rules.undeclared import (
    ExactTags,
    declare_hint,
    revision_notes,
    snapshot_note,
    undeclared_notes,
    undeclared_variants,
)
from tagger.rules.versions import Scheme

TAGS = (
    "1.0.0", "1.0.0-alpine", "1.0.0-alpine3.22", "1.0.0-rc.1", "1.0.0-edge", "1.0.0-lts", "1.0.0-1", "1.0.0-20261124",
    "1.0.1-slim", "1.0", "withdrawn-1.0.0-slim", "held-1.0.0", "1.0.0_5", "nightly-1", "1.0.0-rc.1-alpine", "-",
)  # fmt: skip


def rules(**settings: object) -> Rules:
    return Rules.of(DEFAULT_TEMPLATES, **{"scheme": Scheme(), **settings})  # type: ignore[arg-type]


def test_a_suffix_that_is_no_prerelease_and_no_number() -> None:
    found = undeclared_variants({"1.0.0"}, TAGS, rules())
    assert found == {"1.0.0-alpine": "alpine", "1.0.0-alpine3.22": "alpine3.22", "1.0.0-lts": "lts"}
    assert declare_hint(found) == "Declare what is a variant, as `variants: alpine alpine3.22 lts`."


def test_a_variant_of_any_version_that_stands_is_named_not_only_of_the_newest() -> None:
    tags = ("1.0.0", "1.0.0-alpine", "1.0.1", "2.0.0", "2.0.0-slim", "3.0.0-edge")
    found = undeclared_variants(ExactTags((), tags, rules()), tags, rules())
    assert found == {"1.0.0-alpine": "alpine", "2.0.0-slim": "slim"}


def test_what_is_declared_is_none() -> None:
    declared = rules(variants=("", "alpine", "alpine3.22"), scheme=Scheme(channels=frozenset({"lts"})))
    assert not undeclared_variants({"1.0.0"}, TAGS, declared)
    assert undeclared_variants({"1.0.0-alpine"}, ["1.0.0-alpine-slim"], declared) == {"1.0.0-alpine-slim": "slim"}


@pytest.mark.parametrize("exact", [(), {"1.0.2"}, {"1.0"}])
def test_of_another_version_is_none(exact: tuple[str, ...]) -> None:
    assert not undeclared_variants(exact, TAGS, rules())


def test_of_all_versions() -> None:
    assert undeclared_variants({"1.0.0", "1.0.1"}, ["1.0.1-slim", "1.0.0-lts"], rules()) == {
        "1.0.0-lts": "lts",
        "1.0.1-slim": "slim",
    }


class TestRevisions:
    """What looks like a packaging revision is said, with the setting that declares it."""

    @pytest.mark.parametrize(
        ("settings", "tags", "notes"),
        [
            ({}, ["22.0.1-0", "22.0.1-1"], [
                "22.0.1-1 is read as a prerelease of 22.0.1, and gets no floating tag: if it is a packaging "
                "revision, set `revisions: -N`"
            ]),
            ({}, ["3.7.0-2.8.0", "1.18.4-r2"], [
                "3.7.0-2.8.0 is read as a prerelease of 3.7.0, and gets no floating tag: if it is a packaging "
                "revision, set `revisions: -N.N`",
                "1.18.4-r2 is not read as a version: if it is a packaging revision, set `revisions: -rN`",
            ]),
            ({"scheme": Scheme("numeric"), "variants": ("bookworm",)}, ["1.27.1.2-3-bookworm"], [
                "1.27.1.2-3-bookworm is not read as a version: if it is a packaging revision, set `revisions: -N`"
            ]),
            ({"variants": ("debian-10",)}, ["3.4.13-debian-10-r8", "3.4.13-debian-10"], [
                "3.4.13-debian-10-r8 is not read as a version: if it is a packaging revision, set "
                "`revisions: {{variant}}-rN`"
            ]),
            ({"scheme": Scheme.of("semver", "refuse", ["-N", "-rN"])}, ["22.0.1-1", "1.18.4-r2"], []),
            ({}, ["2.1.4", "2.1.4-rc.1", "2.1.4-rc1", "2.1.4-alpine3.22", "nightly-20261124", "sha-1", "2.1-1",
                  "v2.1.4-1", "withdrawn-2.1.4-1", "2.1.4-r8x"], []),
        ],
    )  # fmt: skip
    def test_table(self, settings: dict[str, object], tags: list[str], notes: list[str]) -> None:
        assert sorted(revision_notes(tags, rules(**settings))) == sorted(notes)

    def test_it_is_no_variant(self) -> None:
        found = undeclared_variants({"1.18.4"}, ["1.18.4-r2", "1.18.4-slim"], rules())
        assert (
            declare_hint(found) == "Declare what is a variant or a revision, as `variants: slim` and `revisions: -rN`."
        )
        notes = undeclared_notes({"1.18.4"}, ["1.18.4-r2", "1.18.4-slim"], rules())
        assert notes == ["1.18.4-slim looks like a variant of 1.18.4: declare it (`variants: slim`)"]


@pytest.mark.parametrize(("channels", "floats"), [((), False), (("snapshot",), True)])
def test_a_snapshot_without_a_number_is_written_once(channels: tuple[str, ...], floats: bool) -> None:
    using = rules(scheme=Scheme(channels=frozenset({"snapshot"})), channels=channels)
    note = snapshot_note(using.parse("2.2.0-SNAPSHOT"), using)
    assert "give each a number, as SNAPSHOT.1" in note
    assert ("no floating tag (`channels: snapshot` gives it some)" in note) is not floats


@pytest.mark.parametrize("text", ["2.2.0", "2.2.0-rc.1", "2.2.0-snapshot.7"])
def test_other_versions_are_no_such_snapshot(text: str) -> None:
    using = rules(scheme=Scheme(channels=frozenset({"snapshot"})))
    assert snapshot_note(using.parse(text), using) == ""
