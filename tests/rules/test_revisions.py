"""Packaging revisions: their forms, what is read in them, and which tags the newest of a version owns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.rules.cascade import Rules, cascade
from tagger.rules.revisions import Revision, guess_form
from tagger.rules.versions import Scheme
from tagger.settings.options import DEFAULT_TEMPLATES

X_Y_Z = "{{major}}.{{minor}}.{{patch}}"
FORMS = ("-N", "-rN", "_N", "-N.N", "-k3sN", "-debian-10-rN", "{{variant}}-rN")


def rules(*forms: str, scheme: str = "semver", **settings: object) -> Rules:
    templates = settings.pop("templates", DEFAULT_TEMPLATES)
    return Rules.of(templates, scheme=Scheme.of(scheme, "refuse", forms), **settings)  # type: ignore[arg-type]


def owners(tags: list[str], using: Rules) -> dict[str, str]:
    found = cascade(using.published(tags).in_force, using)
    return {tag: using.exact_tags(owner)[0] for tag, owner in found.items()}


class TestForms:
    """A form says what stands before the number of a revision, and where."""

    @pytest.mark.parametrize("form", FORMS)
    def test_it_is_written_as_it_is_read(self, form: str) -> None:
        assert str(Revision.parse(form)) == form

    @pytest.mark.parametrize(
        "text", ["", "N", "-", "r2", "-n", ".N", "-1N", "{{variant}}", "{{version}}-N", "-N-", "-é N"]
    )
    def test_what_is_none(self, text: str) -> None:
        with pytest.raises(InputError, match="is not the form of a revision") as caught:
            Revision.parse(text)
        assert "-N, -rN, _N, -N.N, -k3sN" in caught.value.hint

    @pytest.mark.parametrize(
        ("form", "text", "split"),
        [
            ("-N", "22.0.1-1", ("22.0.1", "-1")),
            ("-N", "4.12.1-20230920", ("4.12.1", "-20230920")),
            ("-N", "22.0.1-rc1", None),
            ("-N", "22.0.1", None),
            ("-N", "-1", None),
            ("-rN", "1.18.4-r2", ("1.18.4", "-r2")),
            ("-rN", "1.18.4-2", None),
            ("-N.N", "3.7.0-2.8.0", ("3.7.0", "-2.8.0")),
            ("-N.N", "3.7.0-2", ("3.7.0", "-2")),
            ("-k3sN", "1.28.4-k3s2", ("1.28.4", "-k3s2")),
            ("_N", "21.0.8_9", ("21.0.8", "_9")),
            ("-debian-10-rN", "3.4.13-debian-10-r8", ("3.4.13", "-debian-10-r8")),
        ],
    )
    def test_splitting(self, form: str, text: str, split: tuple[str, str] | None) -> None:
        assert Revision.parse(form).split(text) == split

    @pytest.mark.parametrize(
        ("suffix", "form"),
        [
            ("-1", "-N"), ("-20230920", "-N"), ("-2.8.0", "-N.N"), ("-r2", "-rN"), ("-k3s2", "-k3sN"), ("_9", "_N"),
            ("-rke2r1", "-rke2rN"), ("-alpine3.22", ""), ("-alpine", ""), ("-rc1", ""), ("-beta-2", ""), ("-jdk17", ""),
        ],
    )  # fmt: skip
    def test_the_form_of_what_looks_like_one(self, suffix: str, form: str) -> None:
        assert guess_form(suffix) == form
        assert not form or Revision.parse(form).split(f"1.2.3{suffix}") == ("1.2.3", suffix)


class TestOwners:
    """The newest revision of the newest version owns the version without it, its series and `latest`."""

    @pytest.mark.parametrize(
        ("form", "scheme", "old", "new"),
        [
            ("-N", "semver", "22.0.1-0", "22.0.1-1"),
            ("-N", "semver", "3.26.0-2", "3.26.0-10"),
            ("-N", "semver", "1.6.0-20260129", "1.6.0-20260204"),
            ("-N", "semver", "1.6.0", "1.6.0-1"),
            ("-rN", "semver", "1.18.4-r1", "1.18.4-r2"),
            ("-N.N", "semver", "3.7.0-2.7.9", "3.7.0-2.8.0"),
            ("-k3sN", "semver", "1.28.4-k3s9", "1.28.4-k3s10"),
            ("-debian-10-rN", "semver", "3.4.13-debian-10-r7", "3.4.13-debian-10-r8"),
            ("-N", "numeric", "1.27.1-2", "1.27.1-3"),
            ("-N", "pep440", "2.0.1-1", "2.0.1-2"),
            ("_N", "calver", "26.04.1_9", "26.04.1_10"),
        ],
    )
    def test_table(self, form: str, scheme: str, old: str, new: str) -> None:
        using = rules(form, scheme=scheme)
        plain = ".".join(using.scheme.parse(new).numbers)
        major, minor, _ = plain.split(".")
        expected = dict.fromkeys((plain, f"{major}.{minor}", major, "latest"), new)
        assert owners([old, new], using) == owners([new, old], using) == expected

    def test_four_numbers_before_the_variant(self) -> None:
        using = rules("-N", scheme="numeric", variants=("bookworm",))
        tags = ["1.27.1.2-2-bookworm", "1.27.1.2-3-bookworm", "1.27.1.1-9-bookworm"]
        found = owners(tags, using)
        assert found["1.27.1.2-bookworm"] == found["1.27-bookworm"] == found["bookworm"] == "1.27.1.2-3-bookworm"
        assert found["1.27.1.1-bookworm"] == "1.27.1.1-9-bookworm"

    def test_behind_the_variant(self) -> None:
        using = rules("{{variant}}-rN", variants=("", "debian-10"), templates=("{{version}}", X_Y_Z, "latest"))
        tags = ["3.4.13-debian-10-r8", "3.4.13-debian-10-r10", "3.4.12-debian-10-r11", "3.4.13-r9"]
        assert owners(tags, using) == {
            "3.4.13-debian-10": "3.4.13-debian-10-r10", "3.4.12-debian-10": "3.4.12-debian-10-r11",
            "debian-10": "3.4.13-debian-10-r10", "3.4.13": "3.4.13-r9", "latest": "3.4.13-r9",
        }  # fmt: skip

    def test_templates_of_ones_own_say_every_tag(self) -> None:
        using = rules("-k3sN", templates=("v{{version}}", "v{{major}}.{{minor}}", "latest"))
        assert owners(["v1.28.4-k3s1", "v1.28.4-k3s2"], using) == {"v1.28": "v1.28.4-k3s2", "latest": "v1.28.4-k3s2"}

    def test_what_a_candidate_is_without_its_revision_is_no_channel_of_its_own(self) -> None:
        assert set(owners(["2.3.0-beta.1", "2.2.0-1"], rules("-N", channels=("edge=beta,rc",)))) == {
            "2.2.0", "2.2", "2", "latest", "2.3-edge", "2-edge", "edge",
        }  # fmt: skip

    def test_a_candidate_stays_one(self) -> None:
        using = rules("-N", channels=("rc",))
        tags = ["2.1.4-rc-1", "2.1.4-rc-2", "2.2.0-rc.2-3", "2.2.0-rc.2-10", "2.1.3-1"]
        found = {version.text: version for version in using.published(tags).versions}
        assert {text for text, version in found.items() if version.prerelease} == set(tags) - {"2.1.3-1"}
        found_owners = owners(tags, using)
        assert (found_owners["latest"], found_owners["2.1"], found_owners["2.1-rc"]) == (
            "2.1.3-1",
            "2.1.3-1",
            "2.1.4-rc-2",
        )
        assert found_owners["rc"] == "2.2.0-rc.2-10"

    NUMBERS = st.builds("{}.{}.{}".format, *[st.integers(0, 2)] * 3)
    REVISED = st.tuples(NUMBERS, st.integers(0, 12))

    @given(st.sets(REVISED, min_size=1, max_size=12), st.sampled_from(FORMS[:-1]), st.randoms())
    def test_the_highest_number_of_the_newest_version(
        self, revised: set[tuple[str, int]], form: str, random: object
    ) -> None:
        using = rules(form)
        before = Revision.parse(form).before
        tags = [f"{numbers}{before}{number}" for numbers, number in revised]
        random.shuffle(tags)  # type: ignore[attr-defined]
        found = owners(tags, using)
        newest = max(revised, key=lambda one: ([int(n) for n in one[0].split(".")], one[1]))
        assert found["latest"] == f"{newest[0]}{before}{newest[1]}"
        for numbers, _ in revised:
            assert found[numbers] == f"{numbers}{before}{max(n for other, n in revised if other == numbers)}"
        assert owners([*tags, *found], using) == found

    @given(st.sets(REVISED, min_size=1, max_size=8), st.sampled_from(["debian-10", "alpine"]), st.booleans())
    def test_behind_the_variant_is_as_before_it(
        self, revised: set[tuple[str, int]], variant: str, tagged: bool
    ) -> None:
        templates = ("{{variant}}-v{{version}}", X_Y_Z, "{{major}}") if tagged else DEFAULT_TEMPLATES
        before = rules("-rN", variants=(variant,), templates=templates)
        behind = rules("{{variant}}-rN", variants=(variant,), templates=templates)
        made = [behind.scheme.parse(f"{numbers}-r{number}").of_variant(variant) for numbers, number in revised]
        tags = {behind.exact_tags(version)[0] for version in made}
        assert {tag.rpartition("-r")[0] + "|" + tag.rpartition("-r")[2] for tag in tags} == {
            f"{variant}-v{n}|{r}" if tagged else f"{n}-{variant}|{r}" for n, r in revised
        }
        assert set(behind.published(tags).versions) == set(made)
        one, other = cascade(made, before), cascade(made, behind)
        assert one == other


class TestGitTags:
    """A `+` is written as the form says."""

    @pytest.mark.parametrize(
        ("form", "given", "tag"),
        [
            ("-k3sN", "v1.28.4+k3s2", "1.28.4-k3s2"), ("-N", "2.1.4+5", "2.1.4-5"), ("-rN", "2.1.4+5", "2.1.4-r5"),
            ("-rN", "2.1.4+r5", "2.1.4-r5"), ("_N", "21.0.8+9", "21.0.8_9"), ("-N.N", "3.7.0+2.8.0", "3.7.0-2.8.0"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("scheme", ["semver", "numeric", "pep440"])
    def test_table(self, form: str, given: str, tag: str, scheme: str) -> None:
        using = rules(form, scheme=scheme)
        version = using.parse(given)
        assert (using.exact_tags(version), version.prerelease) == ((tag,), "")
        raw = rules(form, scheme=scheme, templates=("{{raw}}", "latest"))
        assert raw.exact_tags(raw.parse(given))[0] == ("v" if given[0] == "v" else "") + tag

    def test_behind_the_variant(self) -> None:
        using = rules("{{variant}}-rN", variants=("", "debian-10"))
        for given_ in ("3.4.13-debian-10-r8", "v3.4.13+r8", "3.4.13-r8"):
            assert using.exact_tags(using.parse(given_, "debian-10")) == ("3.4.13-debian-10-r8",)

    def test_what_fits_no_form_is_refused(self) -> None:
        with pytest.raises(InputError, match="has build metadata"):
            rules("-rN").parse("2.1.4+linux")


class TestUndeclared:
    """A version whose suffix nobody declared is refused with the setting that would do."""

    @pytest.mark.parametrize(
        ("scheme", "text", "hint"),
        [
            ("semver", "1.18.4-r2", "set `revisions: -rN`"),
            ("semver", "1.28.4-k3s2", "set `revisions: -k3sN`"),
            ("semver", "3.4.13-debian-10-r8", "set `revisions: {{variant}}-rN`, `variant: debian-10`"),
            ("numeric", "22.0.1-1", "set `revisions: -N`"),
            ("numeric", "3.7.0-2.8.0", "set `revisions: -N.N`"),
            ("semver", "1.28.4+k3s2", "`revisions: -k3sN` to write 1.28.4-k3s2"),
        ],
    )
    def test_table(self, scheme: str, text: str, hint: str) -> None:
        with pytest.raises(InputError) as caught:
            rules(scheme=scheme).parse(text)
        assert hint in caught.value.hint
