"""The policy of a repository: its JSON, what counts as the same, and which of two sources rules."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError, Refused
from tagger.rules.policy import SETTINGS, Policy, Said, agreed_policy, own_policy, ruling
from tagger.rules.versions import Scheme

PLACE = "ghcr.io/acme/app"
DEFAULT = Policy.of({})
CHANNELS = ("rc", "beta", "alpha", "edge=alpha,rc")
VARIANTS = ("debian", "slim", "alpine3.22", "alpine=alpine3.*")
REVISIONS = ("-N", "-rN", "_N", "-N.N", "-k3sN", "{{variant}}-rN")
TEMPLATES = ("{{version}}", "v{{version}}", "{{major}}.{{minor}}", "{{major}}", "latest", "series-{{minor}}")

policies = st.fixed_dictionaries(
    {},
    optional={
        "scheme": st.sampled_from(["numeric", "calver", "pep440", "semver"]).map(lambda one: (one,)),
        "mixed-parts": st.sampled_from(["true", "false"]).map(lambda one: (one,)),
        "tags": st.lists(st.sampled_from(TEMPLATES), unique=True).map(lambda some: ("{{version}}", *some)),
        "variants": st.lists(st.sampled_from(VARIANTS), unique=True).map(tuple),
        "channels": st.lists(st.sampled_from(CHANNELS), unique=True).map(tuple),
        "stable": st.sampled_from(["<3.0", ">=2.1 <3 || 5", "!=2.2.0", r"/^[0-9]+\.[0-9]*[02468]\./"]).map(
            lambda one: (one,)
        ),
        "revisions": st.lists(st.sampled_from(REVISIONS), unique=True).map(tuple),
        "latest": st.sampled_from(["auto", "false", "2", "2.1", "!=3.0.0", "/[.]0*[1-9]/"]).map(lambda one: (one,)),
    },
).map(Policy.of)


def said(origin: str = "--option", *, in_file: bool = False, **settings: str) -> Mapping[str, Said]:
    """Return what a run says: each setting by its name, its texts separated by blanks."""
    return {name.replace("_", "-"): Said(tuple(text.split(" ")), origin, in_file) for name, text in settings.items()}


def stored(**changes: Any) -> str:
    """Return the JSON of the default policy with changes; None takes a setting out."""
    document = {**json.loads(DEFAULT.to_json()), **{name.replace("_", "-"): value for name, value in changes.items()}}
    return json.dumps({name: value for name, value in document.items() if value is not None})


class TestJson:
    """`to_json`, `parse`."""

    def test_it_holds_every_setting_in_full(self) -> None:
        assert json.loads(DEFAULT.to_json()) == {
            "format": 1, "scheme": "semver", "mixed-parts": False, "build-metadata": "refuse", "revisions": [],
            "tags": ["{{version}}", "{{major}}.{{minor}}", "{{major}}", "latest"], "variants": [], "channels": [],
            "stable": "", "latest": "auto",
        }  # fmt: skip

    @given(policies)
    def test_what_is_written_is_read(self, policy: Policy) -> None:
        text = policy.to_json()
        read = Policy.parse(text, PLACE)
        assert read == policy
        assert read.to_json() == text
        assert read.rules().templates == policy.rules().templates

    @given(st.text() | st.binary() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
    def test_anything_else_is_refused(self, text: str | bytes) -> None:
        with pytest.raises(Refused, match=PLACE) as error:
            Policy.parse(text, PLACE)
        assert error.value.code == "POLICY"
        assert error.value.message.isprintable()

    @pytest.mark.parametrize(
        "text",
        [stored(format=2), stored(format=99, scheme=None), stored(floors=["2.1"]), stored(stable=None, steady="<3")],
    )
    def test_what_a_newer_tagger_wrote_is_never_skipped(self, text: str) -> None:
        with pytest.raises(Refused, match="written by a newer Tagger"):
            Policy.parse(text, PLACE)

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            (stored(format=0), "format"),
            (stored(format=True), "format"),
            (stored(format="1"), "format"),
            (stored(format=1.0), "format"),
            (stored(format=None), "format"),
            (stored(stable=None), "`stable` is missing"),
            (stored(mixed_parts="true"), "`mixed-parts` is missing, or of another type"),
            (stored(tags="{{version}}"), "`tags` is missing, or of another type"),
            (stored(tags=[]), "no template"),
            (stored(tags=["{{sha}}"]), "no template"),
            (stored(tags=["{{version}}", 2]), "`tags` is missing, or of another type"),
            (stored(variants=["a b"]), "is not a variant"),
            (stored(variants=[f"a{i}" for i in range(201)]), "more than 200 entries"),
            (stored(scheme="loose"), "is not known"),
            (stored(stable="<three"), "is not a range"),
            (stored(stable="/(a+)+$/"), "could take long"),
            (stored(latest="newest"), "is not a range"),
            (stored(latest="/(a+)+$/"), "could take long"),
            (stored(revisions=["N"]), "is not the form of a revision"),
            (stored(variants=["alpine=alpine 3"]), "is not a variant"),
            (stored(channels=["edge="]), "is not a channel"),
            (stored(tags=["{{version}}", "withdrawn-{{major}}"]), "reserved"),
            (stored(tags=["{{variant}}-{{version}}"], variants=["held"]), "reserved"),
            ('{"format": 1, "format": 1}', "twice"),
            ("[" * 60_000, "not legible"),
            (stored(stable=" " * 70_000), "more than 65536 bytes"),
            ("[1]", "no JSON object"),
        ],
    )
    def test_what_is_wrong_is_named(self, text: str, why: str) -> None:
        with pytest.raises(Refused, match=why):
            Policy.parse(text, PLACE)

    def test_it_is_shown_only_escaped(self) -> None:
        with pytest.raises(Refused) as error:
            Policy.parse(stored(stable="\x1b[31m::error::<3"), PLACE)
        assert "\x1b" not in error.value.message
        assert Policy({"stable": ("\x1b[2J",)}).show("stable") == r"\x1b[2J"

    def test_one_that_nobody_could_read_is_not_written(self) -> None:
        many = Policy({**DEFAULT.values, "variants": tuple(f"a{i}" for i in range(201))})
        with pytest.raises(InputError, match="too large"):
            many.to_json()
        with pytest.raises(InputError, match="could take long"):
            Policy.of({"stable": ("/(a+)+$/",)}).to_json()

    def test_tags_of_no_version_are_left_out(self) -> None:
        policy = Policy.of({"tags": ("{{ version }}", "sha-{{sha}}", "nightly-{{date 'YYYY'}}", "latest")})
        assert policy.values["tags"] == ("{{version}}", "latest")
        assert [one.text for one in policy.rules(plain=["sha-{{sha}}"]).plain] == ["sha-{{sha}}"]


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("stable", ">=2.1, <v3", ">= 2.1 <3"),
        ("stable", "==2.1.x", "2.1"),
        ("latest", "v2", "2.x"),
        ("stable", "<3.0", "<3.0.0"),
        ("stable", "<3 >=2.1", ">=2.1.0 <3.0"),
        ("stable", "5 || <3", "<3.0 || >=5 <6"),
        ("stable", "!=2.2.0", "<2.2 || >=2.2.1"),
        ("latest", "^2.1", ">=2.1.0 <3"),
        ("channels", "a", "alpha"),
        ("channels", "edge=rc,beta", "edge=b,rc"),
        ("channels", "RC beta", "beta rc"),
        ("variants", "slim alpine default", "alpine slim"),
        ("tags", "{{version}} {{major}} latest", "{{version}} latest {{major}}"),
        ("mixed-parts", "yes", "true"),
    ],
)
def test_what_decides_alike_is_the_same(name: str, one: str, other: str) -> None:
    texts = [tuple(text.split(" ")) if name in ("channels", "variants", "tags") else (text,) for text in (one, other)]
    first, second = (Policy.of({name: text}) for text in texts)
    assert first == second
    assert hash(first) == hash(second)
    assert not first.differs(second)
    assert first == DEFAULT or first.differs(DEFAULT) == (name,)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("stable", "<3", "<=3"), ("stable", ">3", ">3.0"), ("stable", "!=2.2", "!=2.2.0"), ("stable", "~2.1", "^2.1"),
        ("stable", "/^2/", "2"), ("latest", "2", "2.0"), ("latest", "auto", "false"), ("channels", "edge=rc", "rc"),
    ],
)  # fmt: skip
def test_what_decides_otherwise_differs(name: str, one: str, other: str) -> None:
    assert Policy.of({name: (one,)}).differs(Policy.of({name: (other,)})) == (name,)


def test_of_the_exact_templates_the_first_is_staged_and_so_their_order_matters() -> None:
    one, other = (
        Policy.of({"tags": tags}) for tags in (("{{version}}", "v{{version}}"), ("v{{version}}", "{{version}}"))
    )
    assert one != other


class TestRuling:
    """The table of what a run says against what is stored."""

    def test_where_there_is_no_policy_the_settings_rule(self) -> None:
        assert ruling({}, None, PLACE) == (DEFAULT, "default", (), ())
        policy, source, differs, warnings = ruling(said(stable="<3"), None, PLACE)
        assert (policy.values["stable"], source, differs, warnings) == (("<3",), "settings", (), ())

    def test_the_variant_of_a_build_is_one_of_the_repository(self) -> None:
        assert own_policy(said(variant="alpine default", variants="slim")).values["variants"] == ("alpine", "slim")
        assert ruling(said(variant="alpine"), None, PLACE).source == "default"

    @given(policies, policies, st.booleans())
    def test_every_row(self, policy: Policy, mine: Policy, in_file: bool) -> None:
        one = {name: Said(texts, f"here:{name}", in_file) for name, texts in mine.values.items() if texts}
        differs = tuple(name for name in policy.differs(mine) if name in one)
        if differs and not in_file:
            with pytest.raises(InputError) as error:
                ruling(one, policy, PLACE)
            assert (error.value.code, error.value.exit_code) == ("POLICY", 2)
            texts = [error.value.message]
        else:
            found = ruling(one, policy, PLACE)
            assert (found.policy, found.source, found.differs) == (policy, "repository", differs)
            assert len(found.warnings) == len(differs)
            texts = list(found.warnings)
        for name in differs:  # both values are named, and where each is from
            parts = (f"here:{name}", mine.show(name), PLACE, policy.show(name))
            assert any(all(part in text for part in parts) for text in texts)

    @given(policies)
    def test_a_run_that_says_nothing_or_the_same_follows_it(self, policy: Policy) -> None:
        same = {name: Said(texts, "--here") for name, texts in policy.values.items() if texts}
        for one in ({}, same):
            assert ruling(one, policy, PLACE) == (policy, "repository", (), ())

    def test_the_command_line_refuses_and_the_file_beside_it_does_not(self) -> None:
        both = {**said("--stable", stable="<2"), **said(".tagger.yml:3:9", in_file=True, scheme="calver")}
        with pytest.raises(InputError, match=r"--stable says stable: <2, and the policy of .* says <3") as error:
            ruling(both, Policy.of({"stable": ("<3",)}), PLACE)
        assert "calver" not in error.value.message

    @pytest.mark.parametrize("in_file", [False, True])
    def test_a_variant_that_is_none_of_the_policy_is_refused(self, in_file: bool) -> None:
        policy = Policy.of({"variants": ("alpine",)})
        assert ruling(said(variant="alpine default"), policy, PLACE).policy == policy
        with pytest.raises(InputError, match=r"variant: slim, and the variants of .* are alpine default") as error:
            ruling(said(in_file=in_file, variant="alpine slim"), policy, PLACE)
        assert error.value.code == "POLICY"

    def test_templates_of_no_version_say_nothing_of_it(self) -> None:
        assert not ruling(said(tags="sha-{{sha}}"), Policy.of({"stable": ("<3",)}), PLACE).differs


class TestSeveral:
    """`agreed_policy`."""

    def test_none_has_one(self) -> None:
        assert agreed_policy({"x": None, "y": None}) == (None, ())

    def test_one_without_takes_that_of_the_others(self) -> None:
        policy, warnings = agreed_policy({"x": None, "y": DEFAULT, "z": Policy.of({"scheme": ("semver",)})})
        assert policy == DEFAULT
        assert warnings == ("x has no policy: that of y applies there too",)

    def test_two_different_ones_are_refused(self) -> None:
        with pytest.raises(Refused, match=r"policies of x and z differ: stable: nothing and <3") as error:
            agreed_policy({"x": DEFAULT, "y": None, "z": Policy.of({"stable": ("<3",)})})
        assert (error.value.code, error.value.exit_code) == ("POLICY", 1)


def test_the_rules_follow() -> None:
    settings = {"scheme": "numeric", "channels": "rc", "variants": "alpine", "stable": "<3", "latest": "2"}
    policy = Policy.of({name: (text,) for name, text in settings.items()} | {"mixed-parts": ("true",)})
    rules = policy.rules(withdrawn=["2.1.4"])
    assert rules.scheme == Scheme("numeric", "refuse", frozenset({"rc"}))
    assert (rules.variants, rules.channels, rules.latest, rules.mixed_parts) == (("alpine", ""), ("rc",), "2", True)
    assert (rules.stable.text, rules.withdrawn) == ("<3", frozenset({"2.1.4"}))


def test_each_setting_has_a_default_in_canonical_form() -> None:
    assert all(row.canonical(row.default) == row.default for row in SETTINGS)


class TestOfBuilds:
    """The rows of a build say nothing of the tags of other variants."""

    STORED = Policy.of({"tags": ("{{version}}", "latest", "latest-{{variant}}"), "variants": ("alpine",)})
    OWN = ("{{version}}", "latest-{{variant}}")

    def test_the_tags_of_its_variant_are_the_same(self) -> None:
        one = Said(self.OWN, "--tag", of_variants=("alpine",))
        assert ruling({"tags": one}, self.STORED, PLACE).differs == ()

    @pytest.mark.parametrize("variants", [("",), ("", "alpine"), ()])
    def test_those_of_another_are_not(self, variants: tuple[str, ...]) -> None:
        with pytest.raises(InputError, match="says tags"):
            ruling({"tags": Said(self.OWN, "--tag", of_variants=variants)}, self.STORED, PLACE)
