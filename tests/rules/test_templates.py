"""Templates: what they fill in, what they read back, and what is no template."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.rules.cascade import Rules
from tagger.rules.templates import FIELDS, Template, date_field
from tagger.rules.versions import Scheme, Version

SEMVER, NUMERIC = Scheme(), Scheme("numeric", "underscore")


def version(text: str, variant: str = "") -> Version:
    return NUMERIC.parse(text).of_variant(variant)


class TestFilling:
    """A template is filled in from a version; None where the version lacks what it names."""

    @pytest.mark.parametrize(
        ("template", "spelled", "variant", "tag"),
        [
            ("{{version}}", "2.1.4", "", "2.1.4"),
            ("{{version}}", "2.1.4-rc.1", "", "2.1.4-rc.1"),
            ("{{version}}", "2.1.4", "alpine3.22", "2.1.4-alpine3.22"),
            ("{{version}}", "21.0.8+9", "jdk-noble", "21.0.8_9-jdk-noble"),
            ("{{ version }}", "2.1.4", "", "2.1.4"),
            ("v{{major}}.{{minor}}", "2.1.4", "", "v2.1"),
            ("{{major}}", "2026.07.1", "", "2026"),
            ("{{major}}.{{minor}}", "2026.07.1", "", "2026.07"),
            ("{{major}}.{{minor}}.{{patch}}", "25.8", "", None),
            ("{{major}}.{{minor}}.{{patch}}", "25.8.1.4", "", "25.8.1"),
            ("{{revision}}", "25.8.1.4", "", "4"),
            ("{{revision}}", "25.8.1", "", None),
            ("latest", "2.1.4", "", "latest"),
            ("latest", "2.1.4", "alpine", "alpine"),
            ("stable", "2.1.4", "alpine", "stable-alpine"),
            ("{{variant}}", "2.1.4", "alpine", "alpine"),
            ("{{variant}}", "2.1.4", "", None),
            ("{{variant}}-{{version}}", "2.1.4", "alpine", "alpine-2.1.4"),
            ("{{prerelease}}", "2.1.4-rc.1", "", "rc.1"),
            ("{{prerelease}}", "2.1.4", "", None),
            ("{{major}}-{{channel}}", "2.1.4-rc.1", "", "2-rc"),
            ("{{major}}-{{channel}}", "2.1.4", "", None),
            ("{{raw}}", "v2.1.4", "", "v2.1.4"),
            ("{{raw}}", "refs/tags/v2.1.4+5", "alpine", "v2.1.4_5-alpine"),
        ],
    )
    def test_table(self, template: str, spelled: str, variant: str, tag: str | None) -> None:
        assert Template.parse(template).fill(version(spelled, variant)) == tag

    def test_a_final_release_fills_in_the_tag_of_a_channel(self) -> None:
        assert (
            Template.parse("{{major}}.{{minor}}-{{channel}}").fill(version("2.2.0", "alpine"), "rc") == "2.2-rc-alpine"
        )

    @pytest.mark.parametrize(
        ("floating", "channel"),
        [
            ("latest", "{{channel}}"),
            ("v{{major}}", "v{{major}}-{{channel}}"),
            ("x", "x-{{channel}}"),
            ("latest-{{variant}}", "{{channel}}-{{variant}}"),
            ("{{variant}}", "{{channel}}-{{variant}}"),
            ("{{variant}}-{{major}}", "{{variant}}-{{major}}-{{channel}}"),
            ("{{major}}-{{variant}}", "{{major}}-{{channel}}-{{variant}}"),
        ],
    )
    def test_the_template_of_a_channel(self, floating: str, channel: str) -> None:
        assert Template.parse(floating).with_channel().text == channel

    @pytest.mark.parametrize(
        ("template", "bare"),
        [
            ("latest", "latest"), ("latest-{{variant}}", "latest"), ("{{variant}}-latest", "latest"),
            ("{{variant}}", "latest"), ("{{ version }}-{{variant}}", "{{version}}"),
            ("v{{major}}_{{ variant }}.x", "v{{major}}.x"), ("{{major}}", "{{major}}"),
            ("{{variant}}{{major}}", "{{major}}"),
        ],
    )  # fmt: skip
    def test_the_template_that_a_variants_own_one_stands_for(self, template: str, bare: str) -> None:
        assert Template.parse(template).bare == bare
        assert Template.parse(template).is_latest == (bare == "latest")

    @pytest.mark.parametrize(
        ("template", "variant", "tag"),
        [
            ("sha-{{sha}}", "", "sha-1a2b3c4"),
            ("sha-{{sha}}", "alpine", "sha-1a2b3c4-alpine"),
            ("{{branch}}", "", "main"),
            ("{{variant}}-{{branch}}", "alpine", "alpine-main"),
            ("nightly-{{date 'YYYYMMDD' tz='UTC'}}", "", "nightly-20261124"),
            ('{{date "YYYYMMDD" tz="UTC"}}-{{sha}}', "", "20261124-1a2b3c4"),
            ("{{date}}", "", "20261124"),
        ],
    )
    def test_plain(self, template: str, variant: str, tag: str) -> None:
        def fact(name: str) -> str:
            return "20261124" if name.startswith("date") else {"sha": "1a2b3c4", "branch": "main"}[name]

        parsed = Template.parse(template)
        assert (parsed.is_plain, parsed.is_exact, parsed.is_floating) == (True, False, False)
        assert parsed.fill_plain(fact, variant) == tag

    def test_a_fact_that_nobody_knows(self) -> None:
        assert Template.parse("branch-{{branch}}").fill_plain(lambda _: "") is None

    @pytest.mark.parametrize(
        ("field", "said"),
        [
            ("date", ("YYYYMMDD", "UTC")),
            ("date 'YYYY-MM'", ("YYYY-MM", "UTC")),
            ("date 'YYYYMMDD' tz='Europe/Paris'", ("YYYYMMDD", "Europe/Paris")),
            ("date tz='Asia/Tokyo'", ("YYYYMMDD", "Asia/Tokyo")),
        ],
    )
    def test_what_a_date_asks_for(self, field: str, said: tuple[str, str]) -> None:
        assert date_field(field) == said

    def test_what_is_no_date(self) -> None:
        with pytest.raises(InputError, match="is not a date"):
            date_field("date YYYY")


class TestReading:
    """An exact template reads back what it fills in, and nothing else."""

    @pytest.mark.parametrize(
        ("template", "variant", "tag", "expected"),
        [
            ("{{version}}", "", "2.1.4", "2.1.4"),
            ("{{version}}", "", "v2.1.4", None),
            ("{{version}}", "", "2.1.4-alpine", None),
            ("{{version}}", "alpine", "2.1.4-alpine", "2.1.4"),
            ("{{version}}", "alpine", "2.1.4", None),
            ("{{version}}", "alpine", "-alpine", None),
            ("{{version}}", "alpine", "2.1.4-rc.1-alpine", "2.1.4-rc.1"),
            ("v{{version}}", "", "v2.1.4", "2.1.4"),
            ("v{{version}}", "", "2.1.4", None),
            ("v{{version}}-end", "slim", "v2.1.4-end-slim", "2.1.4"),
            ("{{variant}}-{{version}}", "slim", "slim-2.1.4", "2.1.4"),
            ("{{raw}}", "", "v2.1.4", "2.1.4"),
            ("{{raw}}", "", "2.1.4", "2.1.4"),
            ("{{raw}}", "slim", "V2.1.4-slim", "2.1.4"),
            ("{{raw}}", "", "latest", None),
            ("{{major}}-{{version}}", "", "2-2.1.4", "2.1.4"),
            ("{{major}}-{{version}}", "", "3-2.1.4", None),
            ("{{version}}-{{version}}", "", "2.1.4-2.1.4", "2.1.4"),
        ],
    )
    def test_table(self, template: str, variant: str, tag: str, expected: str | None) -> None:
        found = Template.parse(template).reader(SEMVER, variant)(tag)
        assert (found and (found.text, found.variant)) == (expected and (expected, variant))

    PIECE = st.sampled_from(["v", "-", ".", "_", "x1", "9", "{{major}}", "{{variant}}", "rc", "{{minor}}."])
    AROUND = st.lists(PIECE, max_size=3).map("".join)
    TEXTS = st.sampled_from(["2.1.4", "12.34.56", "2.1.4-rc.1", "2.1.4_7", "25.8", "25.8.1.4", "2026.07.1"])

    @given(AROUND, AROUND, TEXTS, st.sampled_from(["alpine", "alpine3.22", "9.x"]), st.sampled_from(["version", "raw"]))
    def test_what_is_filled_in_is_read_back(self, before: str, after: str, text: str, variant: str, field: str) -> None:
        template = Template.parse(f"r{before}{{{{{field}}}}}{after}")
        filled = version(text, variant)
        tag = template.fill(filled)
        assert tag is not None
        assert template.fill(template.reader(NUMERIC, variant)(tag) or filled) == tag

    @pytest.mark.parametrize(
        ("template", "variant", "tag", "matches"),
        [
            ("{{major}}.{{minor}}", "", "2.1", True),
            ("{{major}}.{{minor}}", "", "2x1", False),
            ("{{major}}.{{minor}}", "alpine3.22", "2.1-alpine3.22", True),
            ("{{major}}.{{minor}}", "alpine3.22", "2.1-alpine3x22", False),
            ("latest", "alpine", "alpine", True),
            ("{{major}}-{{channel}}", "", "2-beta", True),
            ("{{major}}-{{channel}}", "", "2-alpha", False),
            ("{{variant}}-{{prerelease}}", "slim", "slim-rc.1", True),
        ],
    )
    def test_the_tags_that_it_can_make(self, template: str, variant: str, tag: str, matches: bool) -> None:
        pattern = Template.parse(template).pattern(variant, ["rc", "beta"])
        assert bool(re.fullmatch(pattern, tag)) == matches


class TestKinds:
    """A template with the whole version is exact, one about the build is plain, every other one floats."""

    @pytest.mark.parametrize(
        ("template", "kind", "length"),
        [
            ("{{version}}", "exact", 0), ("v{{raw}}", "exact", 0), ("{{major}}-{{version}}", "exact", 1),
            ("latest", "floating", 0), ("{{major}}", "floating", 1), ("{{major}}.{{minor}}", "floating", 2),
            ("{{revision}}", "floating", 4), ("{{channel}}", "channel", 0), ("{{patch}}-{{prerelease}}", "channel", 3),
            ("{{sha}}", "plain", 0), ("{{date 'YYYY'}}", "plain", 0),
        ],
    )  # fmt: skip
    def test_table(self, template: str, kind: str, length: int) -> None:
        parsed = Template.parse(template)
        kinds = {
            "exact": parsed.is_exact,
            "plain": parsed.is_plain,
            "floating": parsed.is_floating and not parsed.is_channel,
        }
        assert [name for name, holds in (kinds | {"channel": parsed.is_channel}).items() if holds] == [kind]
        assert parsed.length == length


class TestErrors:
    """What is no template is refused with what to write instead."""

    @pytest.mark.parametrize(
        ("text", "message", "hint"),
        [
            ("", "is not a tag", "begins with"),
            ("-{{major}}", "is not a tag", "begins with"),
            (".x", "is not a tag", "begins with"),
            ("x" * 129, "is not a tag", "begins with"),
            ("{{majr}}", "unknown field {{majr}}", "The fields are: version, major"),
            ("{{}}", "unknown field {{}}", "The fields are"),
            ("{{Version}}", "unknown field", "The fields are"),
            ("{{date YYYY}}", "unknown field", "date"),
            ("{{sha 'x'}}", "unknown field", "The fields are"),
            ("{{version", "has characters that a tag cannot hold: '{{version'", "A template is the text of a tag"),
            ("{version}", "has characters that a tag cannot hold", "A template is the text of a tag"),
            ("app:{{version}}", "has characters that a tag cannot hold: 'app:'", "A template is the text of a tag"),
            ("a b", "has characters that a tag cannot hold", "A template is the text of a tag"),
            ("vé{{major}}", "has characters that a tag cannot hold", "A template is the text of a tag"),
            (
                "type=semver,pattern={{major}}",
                "has characters that a tag cannot hold",
                "A template is the text of a tag",
            ),
            ("{{sha}}-{{version}}", "mixes fields", "A tag belongs to a version"),
            ("{{branch}}-{{major}}", "mixes fields", "A tag belongs to a version"),
        ],
    )
    def test_table(self, text: str, message: str, hint: str) -> None:
        with pytest.raises(InputError, match=re.escape(message)) as caught:
            Template.parse(text)
        assert hint in caught.value.hint

    @given(st.text(alphabet="{}vmajor.versi-n '", max_size=20))
    def test_any_text_is_a_template_or_is_refused(self, text: str) -> None:
        try:
            assert Template.parse(text).text == text
        except InputError as error:
            hint = error.hint
            assert hint

    @pytest.mark.parametrize("field", FIELDS)
    def test_every_field_is_one(self, field: str) -> None:
        assert Template.parse(f"x{{{{{field}}}}}").fields == {field}


def test_a_template_has_its_bound() -> None:
    assert Template.parse("{{version}}" * 90)
    with pytest.raises(InputError, match="1035 characters"):
        Template.parse("{{version}}" * 94 + "x")


def test_a_template_that_says_more_of_a_version_reads_no_member_of_a_family() -> None:
    rules = Rules.of(["{{version}}-{{major}}"], scheme=Scheme(), variants=("", "alpine=alpine3.*"))
    assert rules.read("2.1.4-2-alpine3.22") is None
    plain = Rules.of(["{{version}}"], scheme=Scheme(), variants=("", "alpine=alpine3.*"))
    assert plain.read("2.1.4-alpine3.22") == plain.parse("2.1.4", "alpine3.22")
