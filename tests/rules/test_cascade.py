"""The laws of the one rule, over sets of versions that hypothesis makes."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.rules.cascade import Rules, cascade
from tagger.rules.selection import Selection
from tagger.rules.variants import check_variants_entry
from tagger.rules.versions import Scheme
from tagger.settings.options import DEFAULT_TEMPLATES

PRERELEASES = ("", "", "", "-rc.1", "-rc.2", "-rc.10", "-beta.1", "-alpha")
SMALL = st.integers(0, 3)
SPELLINGS = st.builds("{}.{}.{}{}".format, SMALL, SMALL, SMALL, st.sampled_from(PRERELEASES))
SETS = st.sets(SPELLINGS, max_size=12)


def rules(**settings: object) -> Rules:
    return Rules.of(settings.pop("templates", DEFAULT_TEMPLATES), **{"scheme": Scheme(), **settings})  # type: ignore[arg-type]


def owners(tags: Iterable[str], using: Rules | None = None) -> dict[str, str]:
    using = using or rules()
    found = cascade(using.published(tags).in_force, using)
    return {tag: using.exact_tags(owner)[0] for tag, owner in found.items()}


class TestBelongsToTheNewestOfItsClass:
    """A tag belongs to the newest version of its class."""

    def test_table(self) -> None:
        assert owners(["2.1.3", "2.1.4", "3.0.1", "2.0.9", "3.1.0-rc.1"]) == {
            "2.0": "2.0.9", "2.1": "2.1.4", "2": "2.1.4", "3.0": "3.0.1", "3": "3.0.1", "latest": "3.0.1",
        }  # fmt: skip

    @given(SETS)
    def test_every_stable_version_is_at_most_as_new_as_the_owner_of_its_tags(self, tags: set[str]) -> None:
        using = rules()
        published = using.published(tags)
        found = cascade(published.in_force, using)
        for version in published.versions:
            for tag in using.floating_tags(version):
                assert found[tag] >= version
        for tag, owner in found.items():
            assert tag in using.floating_tags(owner)
            assert not owner.prerelease

    @given(SETS, st.randoms())
    def test_order_does_not_matter(self, tags: set[str], random: object) -> None:
        shuffled = sorted(tags)
        random.shuffle(shuffled)  # type: ignore[attr-defined]
        assert owners(shuffled) == owners(tags)

    @given(SETS)
    def test_twice_is_once(self, tags: set[str]) -> None:
        found = owners(tags)
        assert owners([*tags, *found]) == found

    @given(SETS)
    def test_newer_is_wider(self, tags: set[str]) -> None:
        found = owners(tags)
        if "latest" in found:
            major, minor, _ = found["latest"].split(".")
            assert found[major] == found[f"{major}.{minor}"] == found["latest"]

    @given(SETS, SPELLINGS)
    def test_withdraw_undoes_release(self, tags: set[str], version: str) -> None:
        assert owners([*tags, version, f"withdrawn-{version}"]) == owners(tags - {version})

    @given(SETS, SPELLINGS)
    def test_a_held_version_owns_nothing_until_it_is_approved(self, tags: set[str], version: str) -> None:
        for held in ([f"held-{version}"], [f"held-{version}", f"withdrawn-{version}"]):
            assert owners([*tags, version, *held]) == owners(tags - {version})
            using = rules()
            lifted = using.published([*tags, version, *held], lifted=held)
            assert using.published([*tags, version]) == lifted

    @given(SETS, SPELLINGS)
    def test_a_release_moves_tags_of_its_own_classes_alone(self, tags: set[str], version: str) -> None:
        using = rules()
        before, after = owners(tags), owners({*tags, version})
        changed = {tag for tag in after if before.get(tag) != after[tag]}
        assert changed <= set(using.floating_tags(using.scheme.parse(version)))
        assert all(after[tag] == version for tag in changed)

    @given(SETS)
    def test_what_is_no_version_never_counts(self, tags: set[str]) -> None:
        others = ["nightly", "sha-1a2b3c4", "1234567", "20261124", "2.1.4-alpine", "v2.1.4", "2.1.4_5", "withdrawn-x"]
        assert owners([*tags, *others]) == owners(tags)


class TestPrereleases:
    """A prerelease gets its exact tag, and the floating tags of its channel when channels are on."""

    def test_owns_nothing_without_channels(self) -> None:
        assert owners(["2.2.0-rc.1"]) == {}

    def test_owns_the_tags_of_its_channel(self) -> None:
        assert owners(["2.2.0-rc.1", "2.1.4", "2.2.0-beta.9"], rules(channels=("rc",))) == {
            "2.1": "2.1.4", "2": "2.1.4", "latest": "2.1.4",
            "2.2-rc": "2.2.0-rc.1", "2-rc": "2.2.0-rc.1", "rc": "2.2.0-rc.1",
        }  # fmt: skip

    def test_a_channel_moves_on_to_the_final_release(self) -> None:
        found = owners(["2.2.0-rc.1", "2.2.0", "2.3.0-beta.1"], rules(channels=("rc", "beta")))
        assert {tag: found[tag] for tag in ("2.2-rc", "rc", "2.3-beta", "beta", "2.2", "latest")} == {
            "2.2-rc": "2.2.0", "rc": "2.2.0", "2.3-beta": "2.3.0-beta.1", "beta": "2.3.0-beta.1", "2.2": "2.2.0",
            "latest": "2.2.0",
        }  # fmt: skip

    @given(SETS)
    def test_channels_leave_stable_tags_alone(self, tags: set[str]) -> None:
        found = owners(tags, rules(channels=("rc", "beta")))
        plain = owners(tags)
        assert {tag: found[tag] for tag in plain} == plain
        assert all(tag.endswith(("rc", "beta")) for tag in found.keys() - plain.keys())


class TestVariants:
    """A variant has a cascade of its own, and the bare tags belong to `default` only."""

    USING = rules(variants=("", "alpine", "alpine3.22"))

    def test_cascade_of_its_own(self) -> None:
        tags = ["2.1.4", "2.0.9-alpine", "3.0.0-alpine", "2.1.4-alpine3.22"]
        assert owners(tags, self.USING) == {
            "2.1": "2.1.4", "2": "2.1.4", "latest": "2.1.4",
            "2.0-alpine": "2.0.9-alpine", "2-alpine": "2.0.9-alpine",
            "3.0-alpine": "3.0.0-alpine", "3-alpine": "3.0.0-alpine", "alpine": "3.0.0-alpine",
            "2.1-alpine3.22": "2.1.4-alpine3.22", "2-alpine3.22": "2.1.4-alpine3.22", "alpine3.22": "2.1.4-alpine3.22",
        }  # fmt: skip

    def test_a_prerelease_of_a_variant(self) -> None:
        assert owners(["2.1.4-rc.1-alpine"], self.USING) == {}

    @given(SETS, SETS)
    def test_variants_do_not_touch_each_other(self, bare: set[str], alpine: set[str]) -> None:
        both = owners([*bare, *(f"{tag}-alpine" for tag in alpine)], self.USING)
        assert {tag: owner for tag, owner in both.items() if "alpine" not in tag} == owners(bare)


class TestChannelsOfSeveralWords:
    """`edge=alpha,beta,rc` is one channel over several words, and goes on to the final release."""

    EDGE = ("edge=alpha,beta,rc",)

    def test_the_newest_of_any_word(self) -> None:
        using = rules(channels=self.EDGE)
        assert owners(["2.2.0-alpha.3", "2.2.0-beta.1", "2.1.4"], using) == {
            "2.1": "2.1.4", "2": "2.1.4", "latest": "2.1.4",
            "2.2-edge": "2.2.0-beta.1", "2-edge": "2.2.0-beta.1", "edge": "2.2.0-beta.1",
        }  # fmt: skip
        assert owners(["2.2.0-alpha.3", "2.2.0-beta.1", "2.2.0-rc.1"], using)["edge"] == "2.2.0-rc.1"

    def test_it_goes_on_to_the_final_release(self) -> None:
        using = rules(channels=self.EDGE)
        assert owners(["2.2.0-rc.1", "2.2.0"], using)["edge"] == "2.2.0"
        assert owners(["2.2.0-rc.1", "2.2.0", "2.3.0-alpha.1"], using)["edge"] == "2.3.0-alpha.1"
        assert "edge" not in owners(["2.2.0", "2.3.0-dev.1"], using)

    def test_a_word_in_several_channels(self) -> None:
        found = owners(["2.2.0-rc.1", "2.2.0-beta.9"], rules(channels=("edge=beta,rc", "rc", "next=beta")))
        assert {tag: found[tag] for tag in ("edge", "rc", "next")} == {
            "edge": "2.2.0-rc.1", "rc": "2.2.0-rc.1", "next": "2.2.0-beta.9",
        }  # fmt: skip

    def test_templates_of_ones_own(self) -> None:
        using = rules(templates=("{{version}}", "latest", "{{channel}}"), channels=self.EDGE)
        assert owners(["2.2.0-rc.1", "2.1.0"], using) == {"latest": "2.1.0", "edge": "2.2.0-rc.1"}

    def test_words_that_no_scheme_knows(self) -> None:
        using = rules(channels=("edge=canary,tip",))
        assert owners(["2.2.0-tip.1", "2.2.0-canary.5"], using)["edge"] == "2.2.0-tip.1"
        assert using.parse("2.2.0-tip.2").channel == "tip"

    @given(SETS, st.sampled_from(["alpha,beta,rc", "beta,rc", "rc"]))
    def test_it_is_the_newest_of_all_that_it_is_over(self, tags: set[str], words: str) -> None:
        using = rules(channels=(f"edge={words}",))
        found = owners(tags, using)
        versions = [using.scheme.parse(tag) for tag in tags]
        within = [v for v in versions if not v.prerelease or v.channel in words.split(",")]
        if any(version.prerelease for version in within):
            assert found["edge"] == max(within).text
        else:
            assert "edge" not in found
        plain = owners(tags)
        assert {tag: found[tag] for tag in plain} == plain


class TestFamilies:
    """`alpine=alpine3.*` is an alias of the newest version of a family, and has no exact tags."""

    USING = rules(variants=("alpine=alpine3.*",))

    def test_the_alias_is_that_of_the_newest_version_in_its_newest_variant(self) -> None:
        tags = ["8.0.4-alpine3.9", "8.0.4-alpine3.22", "8.0.5-alpine3.21", "8.1.0-alpine3.22", "8.1.0-alpine3.9"]
        found = owners(tags, self.USING)
        assert {tag: owner for tag, owner in found.items() if tag.endswith("alpine")} == {
            "8.0-alpine": "8.0.5-alpine3.21", "8-alpine": "8.1.0-alpine3.22", "8.1-alpine": "8.1.0-alpine3.22",
            "alpine": "8.1.0-alpine3.22",
        }  # fmt: skip
        assert (found["8.0-alpine3.22"], found["alpine3.21"]) == ("8.0.4-alpine3.22", "8.0.5-alpine3.21")

    def test_members_may_be_declared_too(self) -> None:
        using = rules(variants=("alpine3.21", "alpine=alpine3.*", "slim"))
        tags = ["8.0.4-alpine3.21", "8.0.4-alpine3.22", "8.0.5-slim", "8.0.5-alpine3.22-slim"]
        assert owners(tags, using)["alpine"] == "8.0.4-alpine3.22"
        assert owners(tags, using)["slim"] == "8.0.5-slim"
        assert using.read("8.0.5-alpine3.22-slim") is None

    def test_an_alias_of_the_bare_tags(self) -> None:
        using = rules(
            templates=("{{version}}", "{{major}}.{{minor}}.{{patch}}", "{{major}}.{{minor}}", "latest"),
            variants=("default=debian-*",),
            scheme=Scheme.of("semver", "refuse", ["{{variant}}-rN"]),
        )
        tags = ["3.4.13-debian-10-r8", "3.4.13-debian-11-r0", "3.4.12-debian-10-r9", "3.4.13"]
        found = owners(tags, using)
        assert found["3.4.13"] == found["3.4"] == found["latest"] == "3.4.13-debian-11-r0"
        assert found["3.4.12"] == "3.4.12-debian-10-r9"
        assert found["3.4-debian-10"] == "3.4.13-debian-10-r8"

    def test_an_alias_of_one_variant(self) -> None:
        using = rules(variants=("default=bookworm", "alpine"))
        assert owners(["2.1.4-bookworm", "2.1.5-alpine", "2.1.6"], using) == {
            "2.1-bookworm": "2.1.4-bookworm", "2-bookworm": "2.1.4-bookworm", "bookworm": "2.1.4-bookworm",
            "2.1": "2.1.4-bookworm", "2": "2.1.4-bookworm", "latest": "2.1.4-bookworm",
            "2.1-alpine": "2.1.5-alpine", "2-alpine": "2.1.5-alpine", "alpine": "2.1.5-alpine",
        }  # fmt: skip

    @pytest.mark.parametrize(
        "templates", [DEFAULT_TEMPLATES, ("{{variant}}-{{version}}", "{{variant}}-{{major}}", "latest")]
    )
    def test_what_reads_a_member(self, templates: tuple[str, ...]) -> None:
        using = rules(templates=templates, variants=("alpine=alpine3.*,alpine-3.*",))
        for variant in ("alpine3.22", "alpine-3.9"):
            version = using.scheme.parse("8.0.4").of_variant(variant)
            (tag,) = using.exact_tags(version)
            assert using.read(tag) == version
            assert all(using.claims(tag) for tag in using.floating_tags(version))

    def test_a_candidate_of_an_alias_is_none(self) -> None:
        using = rules(variants=("alpine=alpine3.*",), channels=("rc",))
        assert using.read("8.0.0-rc.1-alpine") is None
        assert owners(["8.0.0-rc.1-alpine3.22"], using)["8.0-rc-alpine"] == "8.0.0-rc.1-alpine3.22"

    VARIED = st.sets(
        st.tuples(SPELLINGS, st.sampled_from(["alpine3.9", "alpine3.21", "alpine3.22", "slim", ""])), max_size=12
    )

    @given(VARIED)
    def test_an_alias_takes_nothing_from_anybody(self, varied: set[tuple[str, str]]) -> None:
        tags = [f"{text}-{variant}" if variant else text for text, variant in varied]
        plain = owners(tags, rules(variants=("", "alpine3.9", "alpine3.21", "alpine3.22", "slim")))
        found = owners(tags, rules(variants=("", "slim", "alpine=alpine3.*")))
        assert {tag: owner for tag, owner in found.items() if not tag.endswith("alpine")} == plain
        for tag in found.keys() - plain.keys():
            members = {plain.get(tag.replace("alpine", f"alpine{number}")) for number in ("3.9", "3.21", "3.22")}
            assert found[tag] in members
            versions = [self.USING.read(member) for member in members if member]
            assert max(v.key for v in versions if v) == (self.USING.read(found[tag]) or self.USING.parse("0.0.0")).key


def test_a_limit_may_name_a_member_of_a_family_and_nobody_else() -> None:
    tags = ["2.1.4-alpine3.21", "2.2.0-alpine3.22"]
    using = rules(variants=("", "alpine=alpine3.*"), latest="variant=alpine3.21")
    assert owners(tags, using)["alpine3.21"] == "2.1.4-alpine3.21"
    assert "alpine3.22" not in owners(tags, using)
    with pytest.raises(InputError, match="names the variant slim"):
        rules(variants=("", "alpine=alpine3.*"), latest="variant=slim")


class TestTemplatesOfVariants:
    """A template that names the variant is that of the variants, in place of the bare one."""

    ROOTLESS = ("{{version}}", "{{major}}.{{minor}}", "{{major}}", "latest", "latest-{{variant}}")

    def test_latest_of_a_variant_beside_latest(self) -> None:
        using = rules(templates=self.ROOTLESS, variants=("", "rootless"))
        assert owners(["1.22.1", "1.22.1-rootless"], using) == {
            "1.22": "1.22.1", "1": "1.22.1", "latest": "1.22.1",
            "1.22-rootless": "1.22.1-rootless", "1-rootless": "1.22.1-rootless", "latest-rootless": "1.22.1-rootless",
        }  # fmt: skip

    def test_latest_of_some_variants_alone(self) -> None:
        tags = ["1.22.1", "1.21.9", "1.22.1-rootless", "1.22.1-fips"]
        using = rules(variants=("", "rootless", "fips"), latest="variant=default,fips")
        found = owners(tags, using)
        assert {tag for tag in found if "." not in tag} == {"1", "1-rootless", "1-fips", "latest", "fips"}
        within = owners(tags, rules(variants=("", "rootless", "fips"), latest="variant=default 1.21"))
        assert {tag: within[tag] for tag in within if tag[:1].isalpha()} == {"latest": "1.21.9"}

    def test_a_family_may_begin_with_anything(self) -> None:
        found = owners(["2.1.4-bookworm-slim", "2.1.4-trixie-slim"], rules(variants=("", "slim=*-slim")))
        assert {tag: found[tag] for tag in ("slim", "2-slim", "bookworm-slim")} == {
            "slim": "2.1.4-trixie-slim", "2-slim": "2.1.4-trixie-slim", "bookworm-slim": "2.1.4-bookworm-slim",
        }  # fmt: skip

    def test_latest_of_an_alias_alone(self) -> None:
        using = rules(variants=("default=jdk", "jdk", "jre"), latest="variant=default <2")
        found = owners(["1.4.0-jdk", "2.0.0-jdk", "2.0.0-jre"], using)
        assert {tag: found[tag] for tag in found if tag[:1].isalpha()} == {"latest": "1.4.0-jdk"}

    @pytest.mark.parametrize("setting", ["latest", "stable"])
    def test_a_limit_that_names_a_variant_that_nobody_declared(self, setting: str) -> None:
        with pytest.raises(InputError, match="`variants`") as refused:
            rules(variants=("", "rootless"), **{setting: "variant=default,rotless"})
        assert "default, rootless" in refused.value.hint

    def test_without_latest(self) -> None:
        using = rules(templates=self.ROOTLESS, variants=("", "rootless"), latest="false")
        assert owners(["1.22.1-rootless"], using) == {
            "1.22-rootless": "1.22.1-rootless",
            "1-rootless": "1.22.1-rootless",
        }

    def test_an_exact_template_of_the_variants(self) -> None:
        using = rules(templates=("v{{version}}", "{{variant}}-v{{version}}", "latest"), variants=("", "slim"))
        tags = ["v2.1.4", "slim-v2.1.5", "v2.1.6-slim"]
        assert owners(tags, using) == {"latest": "v2.1.4", "slim": "slim-v2.1.5"}
        assert using.claims("slim-v2.1.5")
        assert not using.claims("v2.1.6-slim")

    def test_channels(self) -> None:
        using = rules(templates=self.ROOTLESS, variants=("", "rootless"), channels=("rc",))
        assert set(owners(["2.2.0-rc.1-rootless", "2.2.0-rc.1"], using)) == {
            "2.2-rc", "2-rc", "rc", "2.2-rc-rootless", "2-rc-rootless", "rc-rootless",
        }  # fmt: skip

    @given(
        SETS, SETS, st.sampled_from(["latest-{{variant}}", "{{variant}}-{{major}}", "{{variant}}.{{major}}.{{minor}}"])
    )
    def test_each_replaces_one_tag_and_moves_no_other(self, bare: set[str], slim: set[str], template: str) -> None:
        plain = rules(variants=("", "slim"))
        using = rules(templates=(*DEFAULT_TEMPLATES, template), variants=("", "slim"))
        tags = [*bare, *(f"{tag}-slim" for tag in slim)]
        before, after = owners(tags, plain), owners(tags, using)
        replaced = using.templates[-1].bare
        expected = {}
        for tag, owner in before.items():
            version = using.read(owner)
            assert version is not None
            fills = {one.canonical: one.fill(version) for one in plain.templates}
            own = using.templates[-1].fill(version) if version.variant and fills[replaced] == tag else None
            expected[own or tag] = owner
        assert after == expected


class TestLimits:
    """`stable`, `latest` and `withdrawn` say where a repository differs from the plain rule."""

    TAGS = ("1.9.0", "2.1.4", "3.0.1", "5.43.1", "5.42.0")

    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ({"stable": "<3.0"}, {"1.9": "1.9.0", "1": "1.9.0", "2.1": "2.1.4", "2": "2.1.4", "latest": "2.1.4"}),
            ({"stable": r"/^5\.\d*[02468]\./"}, {"5.42": "5.42.0", "5": "5.42.0", "latest": "5.42.0"}),
            ({"latest": "2", "stable": "2.x"}, {"2.1": "2.1.4", "2": "2.1.4", "latest": "2.1.4"}),
            ({"latest": "false", "stable": "~2.1"}, {"2.1": "2.1.4", "2": "2.1.4"}),
            (
                {"latest": "!=5.43.1", "stable": ">=5"},
                {"5.43": "5.43.1", "5.42": "5.42.0", "5": "5.43.1", "latest": "5.42.0"},
            ),
            (
                {"latest": "<2 || 2.1.x", "stable": ">=2"},
                {
                    "2.1": "2.1.4",
                    "2": "2.1.4",
                    "3.0": "3.0.1",
                    "3": "3.0.1",
                    "5.43": "5.43.1",
                    "5.42": "5.42.0",
                    "5": "5.43.1",
                    "latest": "2.1.4",
                },
            ),
            ({"withdrawn": ["5.43.1"], "stable": ">=5"}, {"5.42": "5.42.0", "5": "5.42.0", "latest": "5.42.0"}),
        ],
    )
    def test_table(self, settings: dict[str, object], expected: dict[str, str]) -> None:
        assert owners(self.TAGS, rules(**settings)) == expected

    @given(SETS, st.sampled_from(["!=2.0.0", "/[.]0*[1-9][0-9]*$/", "<2 || >2.1", "2.1", "~2.1.1", "/^2/"]))
    def test_latest_is_the_newest_that_it_may_be(self, tags: set[str], latest: str) -> None:
        using = rules(latest=latest)
        stable = [using.scheme.parse(tag) for tag in tags if "-" not in tag]
        found = owners(tags, using)
        allowed = [version for version in stable if version in Selection.parse(latest)]
        assert found.get("latest") == (max(allowed).text if allowed else None)
        plain = owners(tags)
        assert {tag: owner for tag, owner in found.items() if tag != "latest"} == {
            tag: owner for tag, owner in plain.items() if tag != "latest"
        }

    def test_latest_waits_for_the_first_patch(self) -> None:
        found = owners(["22.5.1", "23.0.0"], rules(latest=r"/\.0*[1-9]/"))
        assert found == {"22.5": "22.5.1", "22": "22.5.1", "23.0": "23.0.0", "23": "23.0.0", "latest": "22.5.1"}

    def test_latest_stays_in_its_series(self) -> None:
        found = owners(self.TAGS, rules(latest="2"))
        assert (found["latest"], found["5"]) == ("2.1.4", "5.43.1")


class TestWithdrawnBySettings:
    """A version withdrawn in the settings is one that the repository marks, by its text or by an exact tag."""

    TAGS = ("2.1.3", "2.1.4", "2.1.3-alpine", "2.1.4-alpine")

    @pytest.mark.parametrize(
        ("name", "gone"),
        [
            ("2.1.4", {"2.1.4", "2.1.4-alpine"}),
            ("v2.1.4", {"2.1.4", "2.1.4-alpine"}),
            ("2.1.4-alpine", {"2.1.4-alpine"}),
            ("v2.1.4-alpine", {"2.1.4-alpine"}),
            ("9.9.9", set()),
        ],
    )
    @pytest.mark.parametrize("template", ["{{version}}", "v{{version}}"])
    def test_names(self, template: str, name: str, gone: set[str]) -> None:
        using = rules(templates=(template, "latest"), variants=("", "alpine"), withdrawn=[name])
        v = template.removesuffix("{{version}}")
        published = using.published(v + tag for tag in self.TAGS)
        assert {using.exact_tags(version)[0] for version in published.withdrawn} == {v + tag for tag in gone}
        for version in published.withdrawn:
            assert name in using.withdrawn_names(version)
            assert using.withdrawn_mark(version) == f"withdrawn-{v}{version}" + ("-alpine" if version.variant else "")

    def test_a_build(self) -> None:
        using = rules(scheme=Scheme("semver", "underscore"), withdrawn=["2.1.4+5"])
        published = using.published(["2.1.4_5", "2.1.4_4"])
        assert {version.text for version in published.withdrawn} == {"2.1.4_5"}
        assert {"2.1.4+5", "2.1.4_5", "v2.1.4_5"} <= using.withdrawn_names(using.scheme.parse("2.1.4+5"))

    def test_a_purged_version_stays_withdrawn(self) -> None:
        published = rules().published(["2.1.3", "withdrawn-2.1.4", "withdrawn-latest", "held-2.1.5", "held-x"])
        assert {version.text for version in published.withdrawn} == {"2.1.4"}
        assert {version.text for version in published.held} == {"2.1.5"}
        assert {version.text for version in published.versions} == {"2.1.3"}
        assert {version.text for version in published.in_force} == {"2.1.3"}


class TestSeveralLengths:
    """A tag that is a proper prefix of a longer version of its variant is floating."""

    USING = rules(
        scheme=Scheme("numeric"),
        templates=("{{version}}", "{{major}}.{{minor}}.{{patch}}", "{{major}}.{{minor}}", "latest"),
    )

    def test_prefix_floats(self) -> None:
        assert owners(["25.8", "25.8.1.4", "25.8.1", "25.7.9.9"], self.USING) == {
            "25.8.1": "25.8.1.4", "25.8": "25.8.1.4", "25.7.9": "25.7.9.9", "25.7": "25.7.9.9", "latest": "25.8.1.4",
        }  # fmt: skip

    def test_a_withdrawn_version_is_as_long_as_ever(self) -> None:
        assert owners(["25.8", "withdrawn-25.8.1.4"], self.USING) == {}

    def test_the_tag_of_a_channel_is_no_version(self) -> None:
        using = rules(scheme=Scheme("numeric"), channels=["rc"])
        found = owners(["2.2.0-rc.1", "2.1.0"], using)
        assert found["2.2-rc"] == found["2-rc"] == found["rc"] == "2.2.0-rc.1"
        assert {v.text for v in using.published(["2.2.0-rc.1", "2.1.0", *found]).versions} == {"2.2.0-rc.1", "2.1.0"}
        two = rules(scheme=Scheme("calver"), channels=["rc"])
        assert owners(["26.04-rc.1", "26.04-rc"], two) == owners(["26.04-rc.1"], two)

    def test_post_releases_never_take_the_tag_of_their_release(self) -> None:
        using = rules(scheme=Scheme("pep440"))
        assert owners(["2.0.post1"], using) == {"2": "2.0.post1", "latest": "2.0.post1"}
        assert owners(["2.0", "2.0.post1"], using) == {"2": "2.0.post1", "latest": "2.0.post1"}

    def test_what_a_version_is_without_its_qualifier_floats(self) -> None:
        using = rules(
            scheme=Scheme("numeric"), templates=("{{version}}", "{{major}}.{{minor}}.{{patch}}", "{{major}}", "latest")
        )
        tags = ["26.1.2.Final", "26.1.1.Final", "27.0.0.Beta1", "26.1.2"]
        assert owners(tags, using) == {
            "26.1.2": "26.1.2.Final", "26.1.1": "26.1.1.Final", "26": "26.1.2.Final", "latest": "26.1.2.Final",
        }  # fmt: skip
        assert owners(["27.0.0.Beta1", "27.0.0.CR1"], rules(scheme=Scheme("numeric"), channels=("cr", "beta"))) == {
            "27.0-beta": "27.0.0.Beta1", "27-beta": "27.0.0.Beta1", "beta": "27.0.0.Beta1",
            "27.0-cr": "27.0.0.CR1", "27-cr": "27.0.0.CR1", "cr": "27.0.0.CR1",
        }  # fmt: skip

    def test_two_parts(self) -> None:
        assert owners(["26.04", "25.10"], rules(scheme=Scheme("calver"))) == {
            "26": "26.04",
            "25": "25.10",
            "latest": "26.04",
        }

    def test_mixed_lengths_are_refused_unasked(self) -> None:
        using = rules(scheme=Scheme("numeric"))
        versions = using.published(["2.1", "3.0.1"]).versions
        with pytest.raises(InputError, match=r"2\.1 and 3\.0\.1"):
            using.check_lengths(versions)
        rules(scheme=Scheme("numeric"), mixed_parts=True).check_lengths(versions)

    def test_a_build_only_breaks_ties(self) -> None:
        using = rules(
            scheme=Scheme("numeric", "underscore"),
            templates=("{{version}}", "{{major}}.{{minor}}.{{patch}}", "{{major}}"),
        )
        assert owners(["21.0.8_9", "21.0.8_10", "21.0.7_99", "21.0.8"], using) == {
            "21.0.8": "21.0.8_10", "21.0.7": "21.0.7_99", "21": "21.0.8_10",
        }  # fmt: skip


class TestTemplates:
    """The class rule holds for every template."""

    def test_several_exact_ones(self) -> None:
        using = rules(templates=("v{{version}}", "{{version}}", "v{{major}}"))
        published = using.published(["v3.1.2", "3.1.2", "v3.1.1", "v3"])
        assert {version.text: tags for version, tags in published.exact.items()} == {
            "3.1.2": ("3.1.2", "v3.1.2"), "3.1.1": ("v3.1.1",),
        }  # fmt: skip
        assert owners(["v3.1.2", "3.1.2", "v3.1.1", "v3"], using) == {"v3": "v3.1.2"}

    def test_none_exact_is_refused(self) -> None:
        with pytest.raises(InputError, match="no template"):
            rules(templates=("{{major}}", "latest"))

    PIECES = st.lists(
        st.sampled_from(["{{major}}", "{{minor}}", "{{patch}}", "v", "-", ".", "x", "9"]), min_size=1, max_size=6
    ).map("".join)

    @given(PIECES.filter(lambda text: text[0] not in ".-"), SETS)
    def test_a_tag_is_its_newest_filler(self, template: str, tags: set[str]) -> None:
        using = rules(templates=("release-{{version}}", template))
        published = using.published(f"release-{tag}" for tag in tags)
        found = cascade(published.in_force, using)
        stable = [version for version in published.versions if not version.prerelease]
        for tag in {using.templates[1].fill(version) for version in stable}:
            assert tag is not None
            assert found[tag] == max(version for version in stable if using.templates[1].fill(version) == tag)

    @given(PIECES, PIECES, SPELLINGS, st.sampled_from(["", "alpine", "alpine3.22"]))
    def test_exact_templates_read_back(self, before: str, after: str, text: str, variant: str) -> None:
        using = rules(templates=(f"r{before}{{{{version}}}}{after}",), variants=("", "alpine", "alpine3.22"))
        version = using.scheme.parse(text).of_variant(variant)
        (tag,) = using.exact_tags(version)
        assert using.read(tag) == version

    @pytest.mark.parametrize(
        ("templates", "settings", "message"),
        [
            (["{{version}}", "{{minor}}.{{major}}.{{patch}}"], {}, "2.1.3 of 1.2.3, and that is the tag of another"),
            (["{{version}}", "{{major}}.{{patch}}"], {"scheme": Scheme("numeric")}, "1.3 of 1.2.3"),
            (["{{version}}", "9.{{major}}"], {"scheme": Scheme("calver")}, "9.1 of 1.2"),
            (["{{version}}", "{{major}}", "{{major}}-alpine"], {"variants": ("", "alpine")}, "share the tag 1-alpine"),
            (["{{version}}", "{{version}}-alpine"], {"variants": ("", "alpine")}, "alpine"),
        ],
    )
    def test_tags_of_other_versions_are_refused(
        self, templates: list[str], settings: dict[str, object], message: str
    ) -> None:
        with pytest.raises(InputError, match=message):
            rules(templates=templates, **settings)

    def test_a_shortened_version_is_no_other(self) -> None:
        rules(
            templates=["{{version}}", "{{major}}.{{minor}}.{{patch}}", "{{major}}.{{minor}}"], scheme=Scheme("numeric")
        )


class TestCheck:
    """A version is taken when its exact tags read back as it."""

    USING = rules(variants=("", "alpine", "dev"), channels=["next"])

    @pytest.mark.parametrize("text", ["2.1.4", "v2.1.4", "2.1.4-rc.1", "2.1.4-next.3", "2.1.4-0.3.7"])
    def test_taken(self, text: str) -> None:
        assert self.USING.parse(text) == self.USING.scheme.parse(text)
        assert self.USING.parse(text, "alpine").variant == "alpine"

    @pytest.mark.parametrize(
        ("text", "message", "hint"),
        [
            ("2.1.4-bookworm", "'bookworm' is not a known prerelease", "If bookworm is a variant, say so in `variant`"),
            ("2.1.4-alpine", "is the exact tag of 2.1.4 in the variant alpine", "version 2.1.4 with `variant: alpine`"),
            ("2.1.4-dev", "is the exact tag of 2.1.4 in the variant dev", "version 2.1.4 with `variant: dev`"),
        ],
    )
    def test_refused(self, text: str, message: str, hint: str) -> None:
        with pytest.raises(InputError, match=message) as caught:
            self.USING.parse(text)
        assert hint in caught.value.hint

    def test_no_hint_asks_for_a_variant_that_is_a_number(self) -> None:
        with pytest.raises(InputError, match="'1' is not a known prerelease") as caught:
            rules(scheme=Scheme("numeric")).parse("22.0.1-1")
        assert "set `revisions: -N`. Else release it as 22.0.1." in caught.value.hint

    def test_the_variant_may_stand_behind_the_version_too(self) -> None:
        assert self.USING.parse("v2.1.4-alpine", "alpine") == self.USING.parse("2.1.4", "alpine")
        assert self.USING.parse("2.1.4-rc.1-alpine", "alpine") == self.USING.parse("2.1.4-rc.1", "alpine")

    def test_a_tag_too_long(self) -> None:
        with pytest.raises(InputError, match="is not a tag"):
            self.USING.parse(f"{'9' * 120}.0.0", "alpine")

    def test_without_an_exact_tag(self) -> None:
        using = rules(templates=["{{version}}-{{variant}}"], variants=("", "alpine"))
        assert using.exact_tags(using.parse("2.1.4", "alpine")) == ("2.1.4-alpine",)
        with pytest.raises(InputError, match="has no exact tag"):
            using.parse("2.1.4")

    @pytest.mark.parametrize(
        ("tag", "claimed"),
        [("2.1.4", True), ("2.1", True), ("2", True), ("latest", True), ("alpine", True), ("3-alpine", True),
         ("next", True), ("3-next", True), ("withdrawn-x", True), ("main", False), ("2.x", False), ("3-rc", False),
         ("sha-12", False)],
    )  # fmt: skip
    def test_tags_that_versions_claim(self, tag: str, claimed: bool) -> None:
        assert self.USING.claims(tag) == claimed


class TestEveryRule:
    """The laws hold for every scheme, every length, every variant, channels, builds and several exact templates."""

    NUMBERS = st.lists(SMALL.map(str), min_size=2, max_size=4).map(".".join)
    ENDS = st.sampled_from(
        ["", "", "-rc.1", "-rc.2", "-rc", "rc1", "-beta.1", ".post1", "_5", "_10", "-alpine", "-rc.1-alpine"]
    )
    TAGS = st.sets(st.builds("{}{}{}".format, st.sampled_from(["", "", "v"]), NUMBERS, ENDS), max_size=10)
    LEVELS = st.sets(
        st.sampled_from(
            ["{{major}}", "v{{major}}", "{{major}}.{{minor}}", "{{major}}.{{minor}}.{{patch}}", "latest", "{{channel}}",
             "series-{{minor}}", "{{variant}}-{{major}}", "{{major}}.{{minor}}-{{channel}}", "{{major}}-{{prerelease}}"]
        )
    )  # fmt: skip
    RULES = st.builds(
        lambda exact, levels, scheme, build, **settings: rules(
            templates=(*exact, *sorted(levels)), scheme=Scheme(scheme, build), **settings
        ),
        st.sampled_from([("{{version}}",), ("v{{version}}", "{{version}}"), ("{{raw}}",)]),
        LEVELS,
        st.sampled_from(["semver", "numeric", "calver", "pep440"]),
        st.sampled_from(["refuse", "underscore"]),
        variants=st.sampled_from([("",), ("", "alpine")]),
        channels=st.sampled_from([(), ("rc",), ("rc", "beta")]),
        stable=st.sampled_from(["", "<2"]),
        latest=st.sampled_from(["auto", "false", "1", "1.1"]),
    )

    @given(RULES, TAGS)
    def test_a_second_run_writes_nothing(self, using: Rules, tags: set[str]) -> None:
        published = using.published(tags)
        found = cascade(published.in_force, using)
        again = using.published([*tags, *found])
        assert again.versions == published.versions
        assert cascade(again.in_force, using) == found

    @given(RULES, TAGS)
    def test_an_owner_is_the_newest_stable_version_of_its_class(self, using: Rules, tags: set[str]) -> None:
        versions = using.published(tags).in_force
        for tag, owner in cascade(versions, using).items():
            assert not using.why_not_stable(owner)
            assert using.claims(tag)
            for version in versions:
                own = tag in using.floating_tags(version, using.channels) and not using.why_not_stable(version)
                pinned = tag in ("latest", "alpine") and using.pinned is not None and version not in using.pinned
                assert not own or pinned or version <= owner

    @given(RULES, TAGS)
    def test_no_exact_tag_floats(self, using: Rules, tags: set[str]) -> None:
        published = using.published(tags)
        exact = {tag for version in published.versions for tag in published.exact[version]}
        assert exact.isdisjoint(cascade(published.in_force, using))


def test_the_marks_of_a_version_are_named_after_its_exact_tag() -> None:
    using = rules(templates=("v{{version}}", "latest"))
    version = using.parse("2.1.4")
    assert (using.held_mark(version), using.withdrawn_mark(version)) == ("held-v2.1.4", "withdrawn-v2.1.4")


def test_the_members_of_families_that_a_tag_ends_in() -> None:
    using = rules(variants=("", "alpine=alpine3.*"))
    assert list(using.members_in("2.1-alpine3.22")) == ["alpine", "alpine3.22"]
    assert list(using.members_in("alpine3.22")) == ["alpine", "alpine3.22"]
    assert list(using.members_in("2.1")) == ["alpine"]


def test_a_channel_that_a_scheme_has_no_version_of() -> None:
    assert rules(scheme=Scheme("pep440"), channels=("nightly", "rc")).channels


def test_an_alias_is_none_of_its_variants() -> None:
    with pytest.raises(InputError, match="alpine would be an alias of itself"):
        check_variants_entry("alpine=alpine3.*,alpine")
    assert check_variants_entry("alpine=alpine3.*") == "alpine=alpine3.*"
