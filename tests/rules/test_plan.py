"""What a repository holds against what it should."""

from tagger.rules.cascade import Rules, cascade
from tagger.rules.plan import Change, Claim, Standing, floating_changes, needed_channel_tags
from tagger.rules.versions import Scheme, Version
from tagger.settings.options import DEFAULT_TEMPLATES

RULES = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme(), variants=("", "alpine"), stable="<4", latest="3")
V = RULES.scheme.parse
ALL = Claim(everything=True)


def changes(current: dict[str, str], *texts: str, released: str = "") -> list[Change]:
    versions = [V(text) for text in texts]
    owners = cascade(versions, RULES)
    held: dict[Version, str | None] = {version: f"image of {version}" for version in versions}
    return floating_changes(
        Standing(tuple(owners), owners, held, current), RULES, ALL, V(released) if released else None
    )


def said(made: list[Change]) -> dict[str, tuple[str, str, str]]:
    return {change.tag: (change.action, change.version, change.reason) for change in made}


def test_what_is_not_there_is_created_and_what_differs_is_moved() -> None:
    made = changes({"3": "image of 3.0.0", "latest": "image of 3.1.0"}, "3.0.0", "3.1.0")
    assert said(made) == {
        "3.1": ("create", "3.1.0", "3.1.0 is the newest of 3.1 that is stable"),
        "3.0": ("create", "3.0.0", "3.0.0 is the newest of 3.0 that is stable"),
        "3": ("move", "3.1.0", "3.1.0 is the newest of 3 that is stable"),
        "latest": ("keep", "3.1.0", "already right"),
    }
    assert {change.tag: (change.before, change.after) for change in made}["3"] == ("image of 3.0.0", "image of 3.1.0")
    assert {change.tag for change in made if change.writes} == {"3.1", "3.0", "3"}


def test_what_belongs_to_another_version_is_held_back() -> None:
    standing = {"2.1": "image of 2.1.4", "2": "image of 2.1.4", "latest": "image of 3.0.0"}
    assert said(changes(standing, "2.1.4", "2.1.3", "3.0.0", released="2.1.3")) == {
        "2.1": ("hold", "2.1.4", "2.1.4 is newer"),
        "2": ("hold", "2.1.4", "2.1.4 is newer"),
        "latest": ("hold", "3.0.0", "3.0.0 is newer"),
        "3": ("create", "3.0.0", "belongs to 3.0.0, the newest of 3 that is stable"),
        "3.0": ("create", "3.0.0", "belongs to 3.0.0, the newest of 3.0 that is stable"),
    }


def test_why_a_newer_version_is_passed_by() -> None:
    standing = {"latest": "image of 3.0.0"}
    reasons = {
        text: said(changes(standing, "3.0.0", text, released=text))["latest"][2]
        for text in ("3.1.0-rc.1", "4.0.0", "3.0.1")
    }
    assert reasons == {
        "3.1.0-rc.1": "3.1.0-rc.1 is a prerelease",
        "4.0.0": "4.0.0 is not in `stable` (<4)",
        "3.0.1": "3.0.1 is the newest in the series 3 that is stable",
    }
    rules = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme(), latest="2")
    owners, held = {"latest": V("2.1.4")}, {V("2.1.4"): "image"}
    (change,) = floating_changes(Standing(["latest"], owners, held, {"latest": "image"}), rules, ALL, V("3.0.0"))
    assert (change.action, change.reason) == ("hold", "`latest` stays in the series 2")
    (change,) = floating_changes(Standing(["latest"], owners, held, {}), rules, ALL)
    assert change.reason == "2.1.4 is the newest in the series 2"


def test_a_tag_without_a_version_is_left_out() -> None:
    assert floating_changes(Standing(["2.1"], {}, {}, {"2.1": "an image"}), RULES, ALL) == []


def test_the_tags_of_a_variant() -> None:
    version = V("3.0.0").of_variant("alpine")
    owners = {"3-alpine": version, "alpine": version}
    made = floating_changes(Standing(["3-alpine", "alpine"], owners, {version: "image"}, {}), RULES, ALL)
    assert [change.reason for change in made] == [
        "3.0.0-alpine is the newest of 3-alpine that is stable",
        "3.0.0-alpine is the newest alpine in the series 3 that is stable",
    ]
    assert all(change.writes for change in made)


class TestClaim:
    """Which tags a run answers for, where they differ."""

    STANDING = Standing(["latest"], {"latest": V("3.0.0")}, {V("3.0.0"): "third"}, {"latest": "second"})

    def left(self, claim: Claim, standing: Standing = STANDING) -> bool:
        """Say whether the one tag is left alone, as it was."""
        (change,) = floating_changes(standing, RULES, claim, V("2.0.0"))
        left = (change.action, change.after, change.drifted) == ("hold", "second", True)
        assert left or (change.action, change.after, change.drifted) == ("move", "third", False)
        return left

    def test_the_versions_of_the_run_own_it(self) -> None:
        assert not self.left(Claim(owns=frozenset({V("3.0.0")})))
        assert self.left(Claim(owns=frozenset({V("2.0.0")})))

    def test_they_would_own_it_without_a_mark(self) -> None:
        standing = self.STANDING._replace(unmarked={"latest": V("2.0.0")})
        assert not self.left(Claim(owns=frozenset({V("2.0.0")})), standing)

    def test_it_holds_an_image_of_the_run(self) -> None:
        assert not self.left(Claim(images=frozenset({"second"})))
        assert self.left(Claim(images=frozenset({"third"})))

    def test_it_holds_what_the_run_wrote_last(self) -> None:
        assert not self.left(Claim(wrote={"latest": "second"}))
        assert self.left(Claim(wrote={"latest": "first"}))

    def test_the_run_removed_it_last_and_it_is_still_gone(self) -> None:
        standing = self.STANDING._replace(current={})
        (change,) = floating_changes(standing, RULES, Claim(wrote={"latest": None}))
        assert (change.action, change.after) == ("create", "third")

    def test_a_channel_needs_it(self) -> None:
        assert not self.left(Claim(), self.STANDING._replace(needed={"latest"}))

    def test_everything(self) -> None:
        assert not self.left(ALL)

    def test_what_no_version_is_left_for_is_removed_where_the_run_answers_for_it(self) -> None:
        standing = Standing(["latest"], {}, {}, {"latest": "second"})
        assert floating_changes(standing, RULES, Claim()) == []
        assert floating_changes(standing, RULES, ALL) == []
        (change,) = floating_changes(standing, RULES, Claim(images=frozenset({"second"})))
        assert (change.action, change.before, change.after) == ("remove", "second", None)


def test_what_was_not_written_holds_what_it_held() -> None:
    change = Change("2.1", "move", "old", "new", "2.1.4", "newer")
    assert change.refused("no right") == Change("2.1", "refuse", "old", "old", "2.1.4", "no right")


def test_what_was_perhaps_written_holds_nobody_knows_what() -> None:
    change = Change("2.1", "move", "old", "new", "2.1.4", "newer").unknown("cut off")
    assert (change.action, change.after, change.known) == ("refuse", None, False)
    assert change.reason == "unknown whether it was written: cut off"


def test_a_prerelease_makes_the_tags_of_its_channel_necessary_that_are_not_there() -> None:
    using = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme(), channels=("rc", "beta"))
    first, second = using.parse("2.2.0-rc.1"), using.parse("2.1.4")
    owners = cascade([first, second], using)
    assert needed_channel_tags([first, second], owners, {"2-rc": None, "2.2-rc": "sha256:1"}, using) == {"2-rc", "rc"}
    assert needed_channel_tags([second], owners, {}, using) == frozenset()
