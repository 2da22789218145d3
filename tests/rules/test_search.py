"""Settings proposed from tags alone: under them every tag stands where it stands, or it is named."""

from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.rules.assessment import Candidate
from tagger.rules.cascade import cascade
from tagger.rules.search import propose, worth_reading
from tagger.rules.templates import DEFAULT_TEMPLATES
from tests.operations.test_official_images import SAMPLES, Sample

X_Y, X_Y_Z = "{{major}}.{{minor}}", "{{major}}.{{minor}}.{{patch}}"


def standing(meant: Candidate, texts: set[str], variants: tuple[str, ...] = ("",)) -> Mapping[str, str]:
    """Return the tags that a repository with these versions, in these variants, has under settings; with images."""
    rules = meant.rules()
    made = [
        version.of_variant(variant)
        for text in sorted(texts)
        for variant in variants
        if (version := rules.scheme.read(text))
    ]
    exact = {tag: f"{version.text} {version.variant}" for version in made for tag in rules.exact_tags(version)}
    published = rules.published(exact)
    owners = cascade(published.in_force, rules)
    return {**exact, **{tag: exact[published.exact[owner][0]] for tag, owner in owners.items()}}


NUMBER = st.integers(0, 3)
TEXTS = st.sets(st.builds("{}.{}.{}".format, NUMBER, NUMBER, NUMBER), min_size=1, max_size=12)
FLOATING = st.sets(st.sampled_from([X_Y, "{{major}}", "latest"])).map(lambda some: tuple(sorted(some)))


WORDS = st.sets(st.sampled_from(["rc", "beta"]), min_size=1)
ANY = st.from_regex(r"[0-9a-c][0-9a-c._-]{0,8}", fullmatch=True)


def check(images: Mapping[str, str], *, explained: bool = True) -> None:
    found = propose(images)
    assert found is not None
    assert (found.moved, found.created) == ({}, {})
    if explained:
        assert found.unexplained(images) == []


class TestLaws:
    """Where settings made the tags, settings are found under which `reconcile` changes nothing."""

    @settings(max_examples=25, deadline=None)
    @given(TEXTS, FLOATING, st.sampled_from(["", "v", "release-"]))
    def test_templates(self, texts: set[str], floating: tuple[str, ...], before: str) -> None:
        tags = tuple(text if text == "latest" else f"{before}{text}" for text in ("{{version}}", *floating))
        check(standing(Candidate(tags=tags), texts))

    @settings(max_examples=25, deadline=None)
    @given(
        TEXTS,
        FLOATING,
        st.sets(st.sampled_from(["alpine", "slim", "alpine3.22", "bookworm"]), min_size=1),
        st.booleans(),
    )
    def test_variants(self, texts: set[str], floating: tuple[str, ...], variants: set[str], named: bool) -> None:
        tags = ("{{version}}", *floating, *(["latest-{{variant}}"] if named and "latest" in floating else []))
        meant = Candidate(tags=tags, variants=tuple(sorted(variants)))
        check(standing(meant, texts, ("", *sorted(variants))))

    @settings(max_examples=25, deadline=None)
    @given(TEXTS, st.sampled_from(["-N", "-rN", "-k3sN", "_N"]), st.integers(1, 3))
    def test_revisions(self, texts: set[str], form: str, most: int) -> None:
        meant = Candidate(revisions=(form,), tags=("{{version}}", X_Y_Z, X_Y, "latest"))
        revised = {f"{text}{form.removesuffix('N')}{number}" for text in texts for number in range(1, most + 1)}
        check(standing(meant, revised))

    @settings(max_examples=25, deadline=None)
    @given(
        TEXTS,
        st.sets(st.sampled_from(["rc", "beta"]), min_size=1),
        st.sampled_from([("rc",), ("beta", "rc"), ("edge=beta,rc",)]),
    )
    def test_channels(self, texts: set[str], words: set[str], channels: tuple[str, ...]) -> None:
        meant = Candidate(tags=("{{version}}", X_Y, "latest", "{{channel}}"), channels=channels)
        candidates = {f"{text}-{word}.1" for text in list(texts)[::2] for word in words}
        check(standing(meant, texts | candidates), explained=False)

    @settings(max_examples=25, deadline=None)
    @given(TEXTS, st.sets(st.sampled_from(["alpine3.21", "alpine3.22", "alpine3.9"]), min_size=1))
    def test_aliases(self, texts: set[str], variants: set[str]) -> None:
        meant = Candidate(tags=("{{version}}", X_Y, "{{major}}", "latest"), variants=("alpine=alpine3.*",))
        check(standing(meant, texts, ("", *sorted(variants))))

    @settings(max_examples=25, deadline=None)
    @given(TEXTS, st.sampled_from(["2", "1.2", "<3", "!=3.3.3"]), st.booleans())
    def test_limits(self, texts: set[str], limit: str, everywhere: bool) -> None:
        limited = Candidate(tags=("{{version}}", X_Y, "latest"))
        limited = limited._replace(stable=limit) if everywhere else limited._replace(latest=limit)
        check(standing(limited, texts), explained=False)

    NUMBERS = st.lists(NUMBER, min_size=2, max_size=4).map(lambda some: ".".join(map(str, some)))

    @settings(max_examples=25, deadline=None)
    @given(st.sets(NUMBERS, min_size=1, max_size=12), st.sampled_from([2, 3, 4, 0]))
    def test_lengths(self, texts: set[str], length: int) -> None:
        same = {text for text in texts if length in (0, text.count(".") + 1)}
        meant = Candidate("numeric", mixed=not length, tags=("{{version}}", X_Y_Z, X_Y, "{{major}}", "latest"))
        if same:
            check(standing(meant, same), explained=False)

    @settings(max_examples=40, deadline=None)
    @given(
        st.dictionaries(
            st.from_regex(r"[0-9a-c][0-9a-c._-]{0,8}", fullmatch=True), st.sampled_from("abcd"), max_size=20
        )
    )
    def test_any_tags(self, images: dict[str, str]) -> None:
        found = propose(images)
        if found is not None:
            assert found.moved == {}
            known = found.exact.keys() | found.right.keys()
            assert images.keys() == known | set(found.unexplained(images)) | set(found.other(images))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_the_settings_of_official_images_are_found(sample: Sample) -> None:
    images = {tag: image for image in sample.images for tag in image.replace("|", " ").split()}
    images |= dict.fromkeys(sample.other.split(), "other")
    found = propose(images)
    assert found is not None
    assert (found.moved, found.created, found.unexplained(images)) == ({}, {}, [])
    assert set(found.other(images)) >= set(sample.other.split())


def listing(*images: str) -> Mapping[str, str]:
    """Return the tags of images, each a line of tags."""
    return {tag: image for image in images for tag in image.split()}


@settings(max_examples=10, deadline=None)
@given(TEXTS, st.randoms(use_true_random=False))
def test_the_order_of_the_tags_does_not_matter(texts: set[str], random: Random) -> None:
    meant = Candidate(tags=("{{version}}", "v{{version}}", X_Y, "latest"), variants=("a=slim", "b=slim", "slim"))
    images = standing(meant, texts, ("", "slim"))
    mixed = list(images.items())
    random.shuffle(mixed)
    one, other = propose(images), propose(dict(mixed))
    assert one is not None
    assert other is not None
    assert (one.candidate, one.right, one.created) == (other.candidate, other.right, other.created)


class TestChoices:
    """Where several settings explain a repository, the ones are found that somebody means."""

    def test_what_stands_before_a_lone_version_is_no_variant(self) -> None:
        for tags, expected in (
            ("release-1.0.0 latest", ()),
            ("release-1.0.0 release-1 latest", ("release-{{major}}",)),
        ):
            found = propose(listing(tags))
            assert found is not None
            assert dict(found.candidate.settings()) == {"tags": ("release-{{version}}", *expected, "latest")}

    def test_a_name_at_an_older_version_hides_nothing(self) -> None:
        images = listing("26.7.5.10 26.7.5 26.7 latest", "26.3.20.7 26.3.20 26.3 lts", "25.8.32.4 25.8.32 25.8")
        found = propose(images)
        assert found is not None
        assert found.candidate.tags == ("{{version}}", X_Y_Z, X_Y, "latest")
        assert (found.moved, found.created, found.unexplained(images)) == ({}, {}, ["lts"])

    def test_a_codename_is_named_and_a_word_for_the_newest_is_a_template(self) -> None:
        images = listing("26.10.1 stonking devel latest", "26.4.1 resolute")
        found = propose(images)
        assert found is not None
        assert found.candidate.tags == ("{{version}}", "devel", "latest")
        assert found.unexplained(images) == ["resolute", "stonking"]

    def test_one_new_tag_is_better_than_many_that_nothing_explains(self) -> None:
        images = listing(
            "8.4.6 8.4 8", "7.2.1 7.2 7", "6.1.0 6.1 6", "8.4.6-slim 8.4-slim 8-slim", "8.2.9-alpine 8.2-alpine"
        )
        found = propose(images)
        assert found is not None
        assert (found.moved, set(found.created), found.unexplained(images)) == ({}, {"8-alpine"}, [])

    def test_an_alias_may_leave_out_the_beginning_of_its_variant(self) -> None:
        images = listing(
            "21.0.8_9-jdk-alpine-3.22 21-jdk-alpine-3.22 21-alpine-3.22",
            "21.0.8_9-jdk-noble 21.0.8_9-jdk 21-jdk-noble 21-jdk 21-noble 21",
            "17.0.16_8-jdk-noble 17.0.16_8-jdk 17-jdk-noble 17-jdk 17-noble 17",
        )
        found = propose(images)
        assert found is not None
        assert {"alpine-3.22=jdk-alpine-3.22", "noble=jdk-noble"} <= set(found.candidate.variants)
        assert (found.moved, found.created, found.unexplained(images)) == ({}, {}, [])

    def test_latest_of_some_variants_alone(self) -> None:
        images = listing(
            "3.5.2 3.5 3 latest", "3.5.2-nouveau 3.5-nouveau 3-nouveau", "3.4.3 3.4", "3.4.3-nouveau 3.4-nouveau"
        )
        found = propose(images)
        assert found is not None
        assert dict(found.candidate.settings()) == {"variants": ("nouveau",), "latest": "variant=default"}
        assert (found.moved, found.created, found.unexplained(images)) == ({}, {}, [])

    def test_an_alias_may_have_a_name_of_its_own(self) -> None:
        images = listing("21.0.12-al2023 21.0.12 21-al2023 21-jdk 21", "17.0.20-al2023 17.0.20 17-al2023 17-jdk 17")
        found = propose(images)
        assert found is not None
        assert found.candidate.variants == ("jdk=al*",)
        assert (found.moved, found.created, found.unexplained(images)) == ({}, {}, [])

    @pytest.mark.parametrize(
        ("images", "expected"),
        [
            (
                ("slim-2.1.4 slim-latest", "slim-2.1.4-alpine slim-latest-alpine", "slim-2.1.3"),
                {"tags": ("slim-{{version}}", "slim-latest"), "variants": ("alpine",)},
            ),
            (
                ("alpine-7.0.3 alpine-7.0-latest alpine-latest", "ol-7.0.3 ol-7.0-latest ol-latest", "ol-7.0.2"),
                {
                    "tags": ("{{variant}}-{{version}}", "{{variant}}-{{major}}.{{minor}}-latest", "{{variant}}-latest"),
                    "variants": ("alpine", "ol"),
                },
            ),
            (
                ("2.4.1-cuda12-runtime", "2.4.1-cuda11-runtime latest", "2.4.0-cuda11-runtime", "2.4.1-devel"),
                {
                    "tags": ("{{version}}", "latest"),
                    "variants": ("cuda11-runtime", "cuda12-runtime", "default=cuda11-runtime", "devel"),
                    "latest": "variant=default",
                },
            ),
            (
                (
                    "29.7.2 29.7 29 latest 29.7.2-alpine3.24",
                    "29.7.2-cli 29.7-cli 29-cli cli 29.7.2-cli-alpine3.24",
                    "28.5.1 28.5 28 28.5.1-alpine3.22",
                    "28.5.1-cli 28.5-cli 28-cli 28.5.1-cli-alpine3.22",
                    *(f"28.{n}.0 28.{n} 28.{n}.0-alpine3.22" for n in range(5)),
                    *(f"28.{n}.0-cli 28.{n}-cli 28.{n}.0-cli-alpine3.22" for n in range(5)),
                ),
                {
                    "variants": (
                        "alpine3.22", "alpine3.24", "cli", "cli-alpine3.22", "cli-alpine3.24",
                    ),
                    "stable": "variant=cli,default",
                },
            ),
            (
                ("3.13.1 3.13 3 stable latest", "3.14.0-95.2.beta beta", "3.14.0-94.0.dev dev"),
                {
                    "tags": ("{{version}}", "{{major}}.{{minor}}", "{{major}}", "latest", "stable", "{{channel}}"),
                    "channels": ("beta", "dev"),
                },
            ),
            (
                ("2.1.0 latest", "2.2.0-alpha.1", "2.2.0-rc.1", "2.3.0-beta.1 edge"),
                {"tags": ("{{version}}", "latest"), "channels": ("edge=alpha,beta,rc",)},
            ),
            (
                ("1.22.1 latest", "1.22.1-rootless-a latest-rootless-a latest-rootless", "1.21.0-rootless-a"),
                {
                    "tags": ("{{version}}", "latest", "latest-{{variant}}"),
                    "variants": ("rootless=rootless-*",),
                },
            ),
            (
                ("1.38.0 1.38 1 latest unstable", "1.37.0 1.37", "1.38.0-musl 1.38-musl 1-musl musl unstable-musl"),
                {
                    "tags": ("{{version}}", "{{major}}.{{minor}}", "{{major}}", "latest", "unstable"),
                    "variants": ("musl",),
                },
            ),
        ],
    )  # fmt: skip
    def test_what_only_some_images_have(self, images: tuple[str, ...], expected: Mapping[str, object]) -> None:
        found = propose(listing(*images))
        assert found is not None
        assert dict(found.candidate.settings()) == expected
        assert (found.moved, found.created, found.unexplained(listing(*images))) == ({}, {}, [])

    def test_a_variant_that_is_not_built_any_more_costs_no_other_tag(self) -> None:
        """Its tags stand where they were last: `alpine3.22` at 8.4.0, though 8.4.6 has that variant too."""
        images = listing(
            "8.6.1 8.6 8 latest", "8.6.1-slim 8.6-slim 8-slim slim", "8.4.6 8.4", "8.4.6-slim 8.4-slim", "7.2.1 7.2 7",
            "7.2.1-slim 7.2-slim 7-slim", "8.4.6-alpine3.22", "8.4.0-alpine3.22 8-alpine3.22", "8.4.0", "8.4.0-slim",
        )  # fmt: skip
        found = propose(images)
        assert found is not None
        assert found.candidate.tags == DEFAULT_TEMPLATES
        assert found.candidate.stable == "variant=default,slim"
        assert (found.moved, found.created, found.unexplained(images)) == ({}, {}, ["8-alpine3.22"])

    def test_a_prerelease_of_a_variant_is_no_variant(self) -> None:
        images = listing(
            "13.0.1-noble-rc 13.0-noble-rc 13.0.1-rc 13.0-rc", "12.3.2-noble 12.3-noble 12-noble 12.3.2 12.3 12 latest"
        )
        found = propose(images)
        assert found is not None
        assert found.candidate.variants == ("noble",)
        assert (found.moved, found.created) == ({}, {})
        assert found.unexplained(images) == ["13.0-noble-rc", "13.0.1-noble-rc"]

    @pytest.mark.parametrize(
        ("images", "forms"),
        [
            (("17.5.1-ce.0 latest", "17.5.0-ce.0", "16.11.9-ce.1", "16.11.9-ce.0"), ("-ce.N",)),
            (("7.4.0-v1 7.4.0 latest", "7.4.0-v0", "7.2.0-v13 7.2.0", "7.2.0-v12"), ("-vN",)),
            (
                ("7.4.1-debian-12-r2 7.4.1 7.4 latest", "7.4.1-debian-12-r1", "7.2.6-debian-11-r9 7.2.6 7.2"),
                ("-debian-11-rN", "-debian-12-rN"),
            ),
            (("2.17.1-pg17", "2.17.1-pg16", "2.17.0-pg16"), ()),
        ],
    )
    def test_a_word_with_a_number_is_a_revision_where_floating_tags_say_so(
        self, images: tuple[str, ...], forms: tuple[str, ...]
    ) -> None:
        found = propose(listing(*images))
        assert found is not None
        assert found.candidate.revisions == forms
        assert (found.moved, found.created, found.unexplained(listing(*images))) == ({}, {}, [])

    def test_a_date_behind_a_variant_is_a_revision(self) -> None:
        images = listing(
            "10.2-20260602 10.2 10 latest",
            "10.2-minimal-20260602 10.2-minimal 10-minimal minimal",
            "9.8-20260602 9.8 9",
            "9.8-minimal-20260602 9.8-minimal 9-minimal",
        )
        found = propose(images)
        assert found is not None
        assert found.candidate.revisions == ("{{variant}}-N",)
        assert (found.moved, found.created, found.unexplained(images)) == ({}, {}, [])


class TestManyTags:
    """Ten thousand tags take seconds."""

    def test_only_what_tells_is_read(self) -> None:
        versions = {f"{major}.{minor}.{patch}" for major in range(5) for minor in range(20) for patch in range(100)}
        images = standing(Candidate(tags=("{{version}}", X_Y, "{{major}}", "latest")), versions)
        assert len(images) > 10_000
        kept = worth_reading(images.keys(), 2000)
        assert len(kept) < 1000
        found = propose({tag: images[tag] for tag in kept})
        assert found is not None
        assert dict(found.candidate.settings()) == {}
        assert worth_reading(kept, 2000) == kept

    def test_with_variants_and_an_alias(self) -> None:
        versions = {f"{major}.{minor}.{patch}" for major in range(3) for minor in range(9) for patch in range(90)}
        meant = Candidate(tags=DEFAULT_TEMPLATES, variants=("alpine=alpine3.*", "slim"))
        images = standing(meant, versions, ("", "slim", "alpine3.21", "alpine3.22"))
        images = {**images, **{f"sha-{number:07x}": f"commit {number}" for number in range(200)}}
        assert len(images) > 9_900
        kept = worth_reading(images.keys(), 2000)
        assert len(kept) < 1000
        found = propose({tag: images[tag] for tag in kept})
        assert found is not None
        assert (found.candidate.variants, found.candidate.tags) == (meant.variants, meant.tags)
        assert (found.moved, found.created) == ({}, {})


class TestBounds:
    """What nothing explains is named, and a search ends."""

    IMAGES: Mapping[str, str] = {
        "1.0.0": "a", "1.0.0-alpine": "b", "1.0": "a", "1": "a", "1.0-alpine": "b", "1-alpine": "b",
        "2.0.0": "c", "2.0.0-alpine": "d", "2.0": "c", "2": "c", "2.0-alpine": "d", "2-alpine": "d",
        "latest": "c", "alpine": "d", "2.0-musl": "d", "musl": "d",
    }  # fmt: skip

    def test_another_word_for_a_variant_is_no_alias_of_it(self) -> None:
        found = propose(self.IMAGES)
        assert found is not None
        assert found.candidate.variants == ("alpine",)
        assert found.unexplained(self.IMAGES) == ["2.0-musl", "musl"]

    def test_the_best_so_far_is_proposed_where_the_work_is_at_its_bound(self) -> None:
        whole, cut = propose(self.IMAGES), propose(self.IMAGES, most=1)
        assert whole is not None
        assert cut is not None
        assert (cut.moved, cut.exact.keys() <= whole.exact.keys()) == ({}, True)
        assert cut.score < whole.score
