"""What stays when a repository is pruned: the laws, and what each setting means."""

from collections.abc import Collection, Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.rules.cascade import Rules, cascade
from tagger.rules.retention import Holdings, Keep, Retention, TagRule, duration, judge, keep_limit, tag_rule
from tagger.rules.versions import Scheme
from tagger.settings.options import DEFAULT_TEMPLATES

DAY = 86400.0
PLAIN = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme())
CHANNELS = Rules.of(
    DEFAULT_TEMPLATES,
    scheme=Scheme(channels=frozenset({"rc", "beta"})),
    channels=("rc", "beta"),
    variants=("", "alpine"),
)
VARIANTS = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme(), variants=("", "alpine"))
SMALL = st.integers(0, 3)
SPELLED = st.builds(
    "{}.{}.{}{}{}".format, SMALL, SMALL, SMALL, st.sampled_from(("", "", "-rc.1", "-rc.2", "-beta.1")),
    st.sampled_from(("", "", "-alpine")),
)  # fmt: skip
EXACT = st.sets(SPELLED, max_size=14)
MARKS = st.sets(st.builds("{}-{}".format, st.sampled_from(("withdrawn", "held")), SPELLED), max_size=2)
LIMIT = st.integers(0, 3)
KEEPS = st.builds(Keep, LIMIT, LIMIT, LIMIT, LIMIT)
AGES = st.dictionaries(SPELLED, st.sampled_from((DAY, 9 * DAY, 30 * DAY)), max_size=10)


def held(tags: Collection[str], rules: Rules = PLAIN, ages: Mapping[str, float] | None = None) -> Holdings:
    """Return a repository with exact and plain tags, each of an image of its own, and every floating tag in place."""
    published = rules.published(tags)
    owners = cascade(published.in_force, rules)
    digests = {tag: f"sha256:{tag}" for tag in tags}
    digests |= {tag: f"sha256:{rules.exact_tags(owner)[0]}" for tag, owner in owners.items()}
    old = {f"sha256:{tag}": 100 * DAY for tag in tags} if ages is None else {f"sha256:{t}": a for t, a in ages.items()}
    return Holdings(digests, published, owners, old)


def left(
    tags: Collection[str], retention: Retention, rules: Rules = PLAIN, ages: Mapping[str, float] | None = None
) -> set[str]:
    return set(judge(held(tags, rules, ages), rules, retention).stays)


def kept(tags: Collection[str], *entries: str, rules: Rules = PLAIN) -> set[str]:
    """Return the exact tags that stay by `keep`."""
    keep = Keep(**dict(map(keep_limit, entries)))
    return left(tags, Retention(keep), rules) & set(tags)


class TestLaws:
    """What holds for every repository."""

    @given(EXACT, MARKS, KEEPS)
    def test_floating_tags_stay_where_they_are_or_go_with_their_whole_class(
        self, tags: set[str], marks: set[str], keep: Keep
    ) -> None:
        before = held(tags | marks, CHANNELS)
        verdict = judge(before, CHANNELS, Retention(keep))
        assert verdict.stays.keys() | verdict.goes.keys() == before.tags.keys()
        after = cascade(CHANNELS.published(verdict.stays).in_force, CHANNELS)
        assert after == {tag: owner for tag, owner in before.owners.items() if tag in verdict.stays}

    @given(EXACT, MARKS, KEEPS, AGES)
    def test_twice_is_once(self, tags: set[str], marks: set[str], keep: Keep, ages: Mapping[str, float]) -> None:
        retention = Retention(keep, grace=7 * DAY)
        once = left(tags | marks, retention, CHANNELS, ages)
        assert not judge(held(once, CHANNELS, ages), CHANNELS, retention).goes

    @given(EXACT, MARKS, KEEPS, SPELLED)
    def test_prune_then_release_is_release_then_prune_once_both_are_pruned(
        self, tags: set[str], marks: set[str], keep: Keep, released: str
    ) -> None:
        """Unless it is the first release of an older major: then its old prereleases are of a line that lives."""
        one = VARIANTS.read(released)
        stable = [v for v in VARIANTS.published(tags | marks).in_force if one and v.variant == one.variant]
        stable = [version for version in stable if not version.prerelease]
        assume(one and (any(v.numbers[0] == one.numbers[0] for v in stable) or all(one > v for v in stable)))
        self.check_release(tags | marks, Retention(keep), released, VARIANTS)

    @given(EXACT, MARKS, KEEPS, st.sampled_from(("9.0.0", "9.0.0-rc.1", "9.0.0-alpine", "9.0.0-beta.1-alpine")))
    def test_so_it_is_of_the_newest_version_where_channels_have_tags(
        self, tags: set[str], marks: set[str], keep: Keep, released: str
    ) -> None:
        self.check_release(tags | marks, Retention(keep), released, CHANNELS)

    def check_release(self, tags: set[str], retention: Retention, released: str, rules: Rules) -> None:
        pruned = left(tags, retention, rules) & tags
        assert left(pruned | {released}, retention, rules) == left(tags | {released}, retention, rules)

    @given(EXACT, MARKS, KEEPS, AGES)
    def test_what_is_young_marked_or_of_no_version_stays(
        self, tags: set[str], marks: set[str], keep: Keep, ages: Mapping[str, float]
    ) -> None:
        tags |= marks | {"nightly", "sha-1a2b3c4", "tagger-policy"}
        verdict = judge(held(tags, CHANNELS, ages), CHANNELS, Retention(keep, grace=7 * DAY))
        assert marks | {"nightly", "sha-1a2b3c4", "tagger-policy"} <= verdict.stays.keys()
        assert {tag for tag in tags if ages.get(tag, 0) < 7 * DAY} <= verdict.stays.keys()
        assert {mark.partition("-")[2] for mark in marks} & tags <= verdict.stays.keys()


class TestKeep:
    """`keep`: of the newest majors the newest minors each, of each the newest patches."""

    TAGS = ("1.0.0", "1.9.1", "2.0.0", "2.0.1", "2.1.0", "2.2.0", "2.2.1", "3.0.0", "3.0.1", "4.0.0-rc.1")

    @pytest.mark.parametrize(
        ("entries", "expected"),
        [
            ("patch=1", "1.0.0 1.9.1 2.0.1 2.1.0 2.2.1 3.0.1 4.0.0-rc.1"),
            ("major=3 minor=2 patch=1", "1.0.0 1.9.1 2.1.0 2.2.1 3.0.1 4.0.0-rc.1"),
            ("major=1", "3.0.0 3.0.1 4.0.0-rc.1"),
            ("major=2 minor=1", "2.2.0 2.2.1 3.0.0 3.0.1 4.0.0-rc.1"),
            ("minor=1 patch=1", "1.9.1 2.2.1 3.0.1 4.0.0-rc.1"),
        ],
    )
    def test_table(self, entries: str, expected: str) -> None:
        found = kept(self.TAGS, *entries.split())
        assert found == set(expected.split())

    def test_without_keep_every_version_stays(self) -> None:
        assert not judge(held(self.TAGS), PLAIN, Retention()).goes

    def test_a_prerelease_goes_once_its_release_is_there(self) -> None:
        tags = ("1.0.0-rc.1", "1.0.0", "1.1.0-rc.1", "1.1.0-rc.2", "2.0.0-rc.1")
        assert kept(tags, "patch=1") == {"1.0.0", "1.1.0-rc.1", "1.1.0-rc.2", "2.0.0-rc.1"}
        assert kept(tags, "prerelease=1") == {"1.0.0", "1.1.0-rc.2", "2.0.0-rc.1"}

    def test_prereleases_of_a_repository_without_a_release_stay(self) -> None:
        assert kept(("0.1.0-rc.1", "0.1.0-rc.2"), "patch=1") == {"0.1.0-rc.1", "0.1.0-rc.2"}

    def test_each_variant_counts_by_itself(self) -> None:
        tags = ("2.1.3", "2.1.4", "2.1.3-alpine", "2.1.2-alpine")
        assert kept(tags, "patch=1", rules=CHANNELS) == {"2.1.4", "2.1.3-alpine"}

    def test_a_channel_keeps_a_prerelease_as_long_as_it_has_a_tag(self) -> None:
        tags = ("2.1.0-rc.1", "2.1.0-rc.2", "2.1.0")
        stays = left(tags, Retention(Keep(patch=1)), CHANNELS)
        assert stays == {"2.1.0", "2.1.0-rc.2", "2.1", "2", "latest", "2.1-rc", "2-rc", "rc"}

    def test_a_floating_tag_goes_with_its_whole_class(self) -> None:
        verdict = judge(held(("1.0.0", "2.0.0")), PLAIN, Retention(Keep(major=1)))
        assert verdict.goes == {
            "1.0.0": "left out by `keep`",
            "1.0": "every version of its class goes",
            "1": "every version of its class goes",
        }

    def test_the_owner_stays_where_a_younger_patch_does(self) -> None:
        tags, ages = (
            ("1.0.0", "1.0.1", "1.0.2", "2.0.0"),
            {"1.0.0": DAY, "1.0.1": 99 * DAY, "1.0.2": 99 * DAY, "2.0.0": 1},
        )
        stays = left(tags, Retention(Keep(major=1), grace=7 * DAY), ages=ages)
        assert stays & set(tags) == {"1.0.0", "1.0.2", "2.0.0"}

    def test_an_image_of_unknown_age_is_young_unless_age_is_switched_off(self) -> None:
        tags = ("1.0.0", "1.0.1")
        assert left(tags, Retention(Keep(patch=1), grace=1.0), ages={}) >= set(tags)
        assert "1.0.0" not in left(tags, Retention(Keep(patch=1), grace=0.0), ages={})


class TestPlainTags:
    """`keep-tags`: the first rule whose pattern fits a tag that is no version."""

    RULES = tuple(map(tag_rule, ("pr-* age=14d", "sha-* count=2", "pr-keep*", "both-* age=14d count=1")))
    TAGS: Mapping[str, float] = {
        "pr-1": 20 * DAY, "pr-2": 3 * DAY, "pr-keep": 90 * DAY, "sha-a": 1 * DAY, "sha-b": 2 * DAY, "sha-c": 3 * DAY,
        "both-old": 50 * DAY, "both-young": 13 * DAY, "both-older": 60 * DAY, "main": 400 * DAY, "2.1.4": 400 * DAY,
    }  # fmt: skip

    def test_table(self) -> None:
        verdict = judge(held(self.TAGS, ages=self.TAGS), PLAIN, Retention(None, self.RULES))
        assert verdict.goes.keys() == {"pr-1", "sha-c", "both-old", "both-older"}

    def test_the_grace_is_theirs_too(self) -> None:
        verdict = judge(held(self.TAGS, ages=self.TAGS), PLAIN, Retention(None, self.RULES, grace=30 * DAY))
        assert verdict.goes.keys() == {"both-old", "both-older"}  # both-young is the newest one

    def test_a_tag_of_unknown_age_stays(self) -> None:
        assert not judge(held(self.TAGS, ages={}), PLAIN, Retention(None, self.RULES)).goes

    def test_versions_and_floating_tags_are_no_plain_tags(self) -> None:
        verdict = judge(held(("1.0.0", "junk", "held-1.0.0")), PLAIN, Retention(None, (TagRule("*", age=0.0),)))
        assert verdict.goes.keys() == {"junk"}

    def test_a_pattern_alone_protects_a_version_too(self) -> None:
        assert "1.0.0" in left(("1.0.0", "1.0.1"), Retention(Keep(patch=1), (TagRule("1.0.0"),)))


class TestTexts:
    """What the settings may say."""

    def test_read(self) -> None:
        assert [duration(text) for text in ("0s", "90m", "12h", "7d", "2w")] == [0, 5400, 43200, 7 * DAY, 14 * DAY]
        assert tag_rule("pr-* age=14d count=3") == TagRule("pr-*", 14 * DAY, 3)
        assert tag_rule("release-*").protects

    @pytest.mark.parametrize(
        ("read", "text"),
        [
            (keep_limit, "major"), (keep_limit, "major=0"), (keep_limit, "major=-1"), (keep_limit, "build=2"),
            (tag_rule, "pr-* old"), (tag_rule, "pr-* age=14"), (tag_rule, "pr-* count=x"),
            (tag_rule, "a age=1d age=2d"),
            (duration, "7"), (duration, "-1d"), (duration, "1y"),
        ],
    )  # fmt: skip
    def test_refused(self, read: object, text: str) -> None:
        with pytest.raises(InputError):
            read(text)  # type: ignore[operator]


def test_what_hangs_on_an_image_is_no_plain_tag() -> None:
    signature = f"sha256-{'0' * 64}.sig"
    verdict = judge(held({"1.0.0", signature, "nightly"}), PLAIN, Retention(keep=Keep(major=1)))
    assert signature not in {**verdict.stays, **verdict.goes}
    assert "nightly" in verdict.stays


def test_a_held_version_waits_for_its_approval() -> None:
    tags = {"1.0.0", "2.0.0", "3.0.0", "held-1.0.0", "withdrawn-2.0.0"}
    verdict = judge(held(tags), PLAIN, Retention(keep=Keep(major=1)))
    assert verdict.stays["1.0.0"] == "held: it waits for its approval"
    assert verdict.stays["2.0.0"] == "withdrawn: its mark needs it"
