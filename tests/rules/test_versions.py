"""What each scheme makes of a spelling, and in which order: against the packages that define them."""

from contextlib import suppress
from itertools import pairwise

import packaging.version
import pytest
import semver
from hypothesis import assume, given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.rules.versions import PRERELEASE_WORDS, Scheme, channel_of

SEMVER, NUMERIC, CALVER, PEP440 = map(Scheme, ("semver", "numeric", "calver", "pep440"))
UNDERSCORE = {name: Scheme(name, "underscore") for name in ("semver", "numeric", "calver")}

NUMBER = st.integers(0, 10**6).map(str) | st.integers(0, 10**40).map(str)
WORD = st.from_regex(r"[0-9A-Za-z-]{1,4}", fullmatch=True).filter(
    lambda s: not (s.isdecimal() and s[0] == "0" and s != "0")
)
DOTTED = st.lists(WORD, min_size=1, max_size=3).map(".".join)
SEMVERS = st.builds("{}.{}.{}{}".format, NUMBER, NUMBER, NUMBER, st.just("") | DOTTED.map("-{}".format))
SMALL = st.integers(0, 2).map(str)
CLOSE = st.builds(
    "{}.{}.{}{}".format,
    SMALL,
    SMALL,
    SMALL,
    st.sampled_from(["", "-rc", "-rc.1", "-rc.2", "-rc.10", "-1", "-a.b", "-a"]),
)


class TestSemver:
    """Semantic versions are MAJOR.MINOR.PATCH with a prerelease, ordered as semver.org item 11 says."""

    @pytest.mark.parametrize(
        ("given", "text", "prerelease"),
        [
            ("2.1.4", "2.1.4", ""),
            ("v2.1.4", "2.1.4", ""),
            ("V2.1.4", "2.1.4", ""),
            ("refs/tags/v2.1.4", "2.1.4", ""),
            (" 2.1.4\n", "2.1.4", ""),
            ("0.0.0", "0.0.0", ""),
            ("2.1.4-rc.1", "2.1.4-rc.1", "rc.1"),
            ("2.1.4-rc1", "2.1.4-rc1", "rc1"),
            ("2.1.4--1", "2.1.4--1", "-1"),
            ("2026.11.24", "2026.11.24", ""),
            (f"{'9' * 40}.0.0", f"{'9' * 40}.0.0", ""),
        ],
    )
    def test_parsed(self, given: str, text: str, prerelease: str) -> None:
        version = SEMVER.parse(given)
        assert (version.text, str(version), version.prerelease, version.raw) == (
            text, text, prerelease, given.strip().removeprefix("refs/tags/"),
        )  # fmt: skip

    @pytest.mark.parametrize(
        "given",
        ["", "v", "2", "2.1", "2.1.4.5", "02.1.4", "2.01.4", "2.1.4-01", "2.1.4rc1", "2.1.4-", "2.1.x", "latest",
         "1a2b3c4", "vv2.1.4", "2.1.4 rc1", "20261124", "2.1.4-ä", "１.2.3", "2.1.٤", "-2.1.4", "2,1,4", "2.1.4\n5"],
    )  # fmt: skip
    def test_refused(self, given: str) -> None:
        with pytest.raises(InputError, match="is not a version in the scheme semver") as caught:
            SEMVER.parse(given)
        assert "MAJOR.MINOR.PATCH" in caught.value.hint

    @given(SEMVERS)
    def test_every_semantic_version_is_one(self, text: str) -> None:
        assume(len(text) <= 128)
        assert SEMVER.parse(text).text == text

    @given(st.text("0123456789.-+rcv", max_size=12))
    def test_nothing_else_is(self, text: str) -> None:
        assert (SEMVER.read(text) is None) >= (not semver.Version.is_valid(text))

    @given(SEMVERS | CLOSE, SEMVERS | CLOSE)
    def test_order_is_that_of_the_package(self, one: str, other: str) -> None:
        assume(max(len(one), len(other)) <= 128)
        expected = semver.Version.parse(one).compare(other)
        versions = SEMVER.parse(one), SEMVER.parse(other)
        assert (versions[0].key > versions[1].key) - (versions[0].key < versions[1].key) == expected

    @given(
        st.lists(SEMVERS | CLOSE, min_size=1, max_size=3), st.lists(st.sampled_from(["", "v"]), min_size=2, max_size=2)
    )
    def test_of_two_versions_one_is_older_or_they_are_equal(self, texts: list[str], begins: list[str]) -> None:
        assume(max(map(len, texts)) < 128)
        one, other = (SEMVER.parse(f"{begin}{text}") for begin, text in zip(begins, (texts * 2)[:2], strict=True))
        assert [one < other, one == other, one > other].count(True) == 1
        assert (one <= other, one >= other) == (not one > other, not one < other)

    def test_order_as_the_specification_spells_it(self) -> None:
        """1.0.0-alpha < 1.0.0-alpha.1 < ... < 1.0.0 (semver.org, item 11)."""
        spelled = ["alpha", "alpha.1", "alpha.beta", "beta", "beta.2", "beta.11", "rc.1"]
        versions = [SEMVER.parse(f"1.0.0-{end}") for end in spelled] + [SEMVER.parse("1.0.0")]
        assert all(one < other for one, other in pairwise(versions))


class TestNumeric:
    """Numeric versions have two to four numbers; calendar versions are no others, with their leading zeros."""

    @pytest.mark.parametrize("scheme", [NUMERIC, CALVER], ids=["numeric", "calver"])
    @pytest.mark.parametrize(
        ("text", "numbers"),
        [
            ("3.24", ("3", "24")),
            ("25.8.1.4", ("25", "8", "1", "4")),
            ("2026.07.1", ("2026", "07", "1")),
            ("26.04", ("26", "04")),
            ("25.8-rc.1", ("25", "8")),
            ("3.15.0rc1", ("3", "15", "0")),
            ("9007199254740993.0", ("9007199254740993", "0")),
        ],
    )
    def test_parsed(self, scheme: Scheme, text: str, numbers: tuple[str, ...]) -> None:
        version = scheme.parse(text)
        assert (version.text, version.numbers) == (text, numbers)

    @pytest.mark.parametrize("text", ["3", "20261124", "1.2.3.4.5", "1..2", "1.2.", "1.2-", "1.2_3", "1.2.3w", "a.b"])
    def test_refused(self, text: str) -> None:
        for scheme in (NUMERIC, CALVER):
            with pytest.raises(InputError, match="is not a version"):
                scheme.parse(text)

    @pytest.mark.parametrize(
        "ascending",
        [
            "1.2 1.2.0 1.2.1 1.2.1.1 1.10",
            "25.8-alpha.1 25.8-beta.1 25.8-rc.1 25.8-rc.2 25.8-rc.10 25.8",
            "3.15.0a1 3.15.0rc9 3.15.0rc10 3.15.0",
            "2025.12 2026.01 2026.2 2026.11",
            "9.7.2 26.7.0",
        ],
    )
    def test_order(self, ascending: str) -> None:
        versions = [NUMERIC.parse(text) for text in ascending.split()]
        assert all(one < other for one, other in pairwise(versions))

    @pytest.mark.parametrize(("one", "other"), [("1.02", "1.2"), ("2026.07.1", "2026.7.1"), ("1.2-rc1", "1.2-rc.1")])
    def test_two_spellings_of_one_version(self, one: str, other: str) -> None:
        versions = CALVER.parse(one), CALVER.parse(other)
        assert versions[0].key == versions[1].key
        assert versions[0] != versions[1]
        assert min(versions) == min(versions[::-1])


class TestPep440:
    """PEP 440: post releases are newer, dev and pre are prereleases, epoch and local are refused."""

    @pytest.mark.parametrize(
        ("given", "text", "prerelease", "channel"),
        [
            ("3.15.0", "3.15.0", "", ""),
            ("3.15.0rc1", "3.15.0rc1", "rc1", "rc"),
            ("3.15.0-RC.1", "3.15.0rc1", "rc1", "rc"),
            ("3.15.0c1", "3.15.0rc1", "rc1", "rc"),
            ("3.15.0a1", "3.15.0a1", "a1", "alpha"),
            ("3.15.0beta2", "3.15.0b2", "b2", "beta"),
            ("2.0.post1", "2.0.post1", "", ""),
            ("2.0-1", "2.0.post1", "", ""),
            ("2.0.dev3", "2.0.dev3", "dev3", "dev"),
            ("2.0.post1.dev3", "2.0.post1.dev3", "dev3", "dev"),
            ("v2.0rc1.dev2", "2.0rc1.dev2", "rc1dev2", "rc"),
        ],
    )
    def test_parsed(self, given: str, text: str, prerelease: str, channel: str) -> None:
        version = PEP440.parse(given)
        assert (version.text, version.prerelease, version.channel) == (text, prerelease, channel)

    @pytest.mark.parametrize("text", ["3", "1!2.0", "2.0+ubuntu1", "1.2.3.4.5", "2.0-alpine", "2.0.final", "20261124"])
    def test_refused(self, text: str) -> None:
        with pytest.raises(InputError, match="is not a version in the scheme pep440") as caught:
            PEP440.parse(text)
        assert "epoch" in caught.value.hint

    PARTS = st.builds(
        "{}.{}{}{}{}".format, SMALL, SMALL, st.sampled_from(["", "a1", "b1", "rc1", "rc2"]),
        st.sampled_from(["", ".post1"]), st.sampled_from(["", ".dev1", ".dev2"]),
    )  # fmt: skip

    @given(PARTS, PARTS)
    def test_order_and_stability_are_those_of_packaging(self, one: str, other: str) -> None:
        expected = packaging.version.parse(one) < packaging.version.parse(other)
        assert (PEP440.parse(one).key < PEP440.parse(other).key) == expected
        assert bool(PEP440.parse(one).prerelease) == packaging.version.parse(one).is_prerelease

    def test_a_tag_keeps_its_spelling(self) -> None:
        version = PEP440.read("3.15.0-rc1")
        assert version is not None
        assert (version.text, version.key) == ("3.15.0-rc1", PEP440.parse("3.15.0rc1").key)
        assert version != PEP440.parse("3.15.0rc1")


class TestQualifiers:
    """A qualifier behind a dot: releases by their words, candidates before them."""

    ORDER = (
        "11.0.0.Alpha1", "11.0.0.Beta1", "11.0.0.Beta2", "11.0.0.Beta10", "11.0.0.CR1", "11.0.0.Final", "11.0.0.SP1",
        "11.0.1.rc1", "11.0.1.RC2", "11.0.1", "11.0.1.GA",
    )  # fmt: skip

    @pytest.mark.parametrize("scheme", [NUMERIC, CALVER])
    def test_order(self, scheme: Scheme) -> None:
        versions = [scheme.parse(text) for text in self.ORDER]
        assert all(one < other for one, other in pairwise(versions))
        assert [version.text for version in versions] == list(self.ORDER)
        for version in versions:
            assert scheme.read(version.text) == version
        finals = ["11.0.0.Final", "11.0.0.SP1", "11.0.1", "11.0.1.GA"]
        assert [version.text for version in versions if not version.prerelease] == finals

    @pytest.mark.parametrize("scheme", [NUMERIC, CALVER])
    @pytest.mark.parametrize(
        ("text", "numbers", "channel"),
        [
            ("26.1.2.Final", "26.1.2", ""), ("2.1.0.RELEASE", "2.1.0", ""), ("3.0.GA", "3.0", ""),
            ("1.3.5.rc1", "1.3.5", "rc"), ("11.0.0.Beta1", "11.0.0", "beta"), ("10.0.0.CR5", "10.0.0", "cr"),
            ("1.2.3.4.M2", "1.2.3.4", "m"),
        ],
    )  # fmt: skip
    def test_table(self, scheme: Scheme, text: str, numbers: str, channel: str) -> None:
        version = scheme.parse(text)
        assert (".".join(version.numbers), version.channel, version.text) == (numbers, channel, text)

    @pytest.mark.parametrize("text", ["2.1.x", "2.1.alpine", "2.0.post1", "2.1.4.a", "2.1..Final", "Final", "2.Final"])
    def test_what_is_none(self, text: str) -> None:
        assert NUMERIC.read(text) is None
        with pytest.raises(InputError):
            NUMERIC.parse(text)


class TestBuildMetadata:
    """A tag cannot hold a +; where it is written as _ it breaks ties and does nothing else."""

    @pytest.mark.parametrize("scheme", [SEMVER, NUMERIC, CALVER])
    def test_refused_with_a_way_out(self, scheme: Scheme) -> None:
        with pytest.raises(InputError, match=r"2\.1\.4\+5 has build metadata") as caught:
            scheme.parse("2.1.4+5")
        assert caught.value.hint == (
            "Release it as 2.1.4, or set `build-metadata: underscore` to write 2.1.4_5, or `revisions: -N` to write "
            "2.1.4-5."
        )
        assert scheme.read("2.1.4_5") is None

    @pytest.mark.parametrize("scheme", [SEMVER])
    def test_the_way_out_is_one(self, scheme: Scheme) -> None:
        with pytest.raises(InputError, match="has build metadata") as caught:
            scheme.parse("0.0.11.dev4+ge10ec06")
        assert "`scheme: pep440`" in caught.value.hint
        assert "Release it as" not in caught.value.hint

    @pytest.mark.parametrize("name", UNDERSCORE)
    @pytest.mark.parametrize("given", ["2.1.4+5", "2.1.4_5", "v2.1.4+5"])
    def test_written_with_an_underscore(self, name: str, given: str) -> None:
        version = UNDERSCORE[name].parse(given)
        assert (version.text, version.numbers, version.build) == ("2.1.4_5", ("2", "1", "4"), "5")
        assert UNDERSCORE[name].read("2.1.4_5") == version

    def test_order(self) -> None:
        ascending = ["21.0.7_99", "21.0.8-ea_50", "21.0.8", "21.0.8_2", "21.0.8_9", "21.0.8_10", "21.0.9_1"]
        versions = [UNDERSCORE["numeric"].parse(text) for text in ascending]
        assert all(one < other for one, other in pairwise(versions))


class TestReading:
    """A listed tag is a version only when its suffix is a prerelease known by its word."""

    @pytest.mark.parametrize("word", sorted(PRERELEASE_WORDS))
    def test_known_words(self, word: str) -> None:
        for scheme in (SEMVER, NUMERIC):
            assert scheme.read(f"2.1.4-{word}.1") is not None
            assert scheme.read(f"2.1.4-{word.upper()}1") is not None

    @pytest.mark.parametrize(
        "tag",
        ["2.1.4-alpine", "2.1.4-alpine3.22", "2.1.4-slim-bookworm", "2.1.4-jdk21", "2.1.4-x.7", "2.1.4-ubuntu.24.04",
         "2.1.4+5", "2.1.4_5", "2.1", "2", "latest", "nightly", "sha-1a2b3c4", "1a2b3c4", "v2.1.4", "20260805"],
    )  # fmt: skip
    def test_what_is_not_a_version(self, tag: str) -> None:
        assert SEMVER.read(tag) is None

    def test_a_declared_channel_is_a_known_word(self) -> None:
        assert Scheme("semver", channels=frozenset({"canaries"})).read("2.1.4-canaries.1") is not None

    def test_a_number_behind_is_a_prerelease_to_semver_alone(self) -> None:
        assert SEMVER.read("9.0.3-4") is not None
        assert [scheme.read("9.0.3-4") for scheme in (NUMERIC, CALVER, PEP440)] == [None, None, None]
        assert PEP440.read("9.0.3.post4") is not None

    @given(SEMVERS, st.sampled_from(["", "alpine"]))
    def test_what_is_parsed_reads_back(self, text: str, variant: str) -> None:
        assume(len(text) <= 128)
        version = SEMVER.parse(text)
        read = SEMVER.read(version.text, variant)
        word = version.prerelease[:1].isalpha()
        assert (read == version.of_variant(variant)) or (read is None and word)


class TestVersion:
    """A version is equal to another when they are spelled alike, and hashes so."""

    def test_equality(self) -> None:
        one, other = SEMVER.parse("2.1.4"), SEMVER.parse("v2.1.4")
        assert (one == other, hash(one) == hash(other), one.raw == other.raw) == (True, True, False)
        assert one != one.of_variant("alpine")
        assert one != "2.1.4"
        assert len({one, other, one.of_variant("alpine")}) == 2

    def test_a_later_release_is_newer(self) -> None:
        assert max([SEMVER.parse(text) for text in ("2.1.4", "2.1.10", "2.0.99")]).text == "2.1.10"

    @pytest.mark.parametrize(
        ("prerelease", "channel"),
        [("rc.1", "rc"), ("RC1", "rc"), ("beta-2", "beta"), ("a1", "alpha"), ("b1", "beta"), ("c1", "rc"),
         ("pre", "pre"), ("1", ""), ("", ""), ("-rc", ""), ("95.2.beta", "beta"), ("1b2", ""), ("0.3.7", "")],
    )  # fmt: skip
    def test_channel(self, prerelease: str, channel: str) -> None:
        assert channel_of(prerelease) == channel

    @pytest.mark.parametrize("scheme", [SEMVER, NUMERIC, CALVER, PEP440, UNDERSCORE["semver"]])
    @pytest.mark.parametrize("end", ["9" * 200, "9" * 5000])
    def test_longer_than_a_tag(self, scheme: Scheme, end: str) -> None:
        with pytest.raises(InputError, match="longer than the 128 characters of a tag"):
            scheme.parse(f"1.2.{end}")

    @given(st.text(max_size=20))
    def test_any_text_is_a_version_or_is_refused(self, text: str) -> None:
        for scheme in (SEMVER, NUMERIC, CALVER, PEP440, *UNDERSCORE.values()):
            with suppress(InputError):
                assert len(str(scheme.parse(text))) <= 128
