"""What is left out decides nothing: over repositories that hypothesis makes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.rules.cascade import Published, Rules, cascade
from tagger.rules.contenders import contenders
from tagger.rules.versions import Scheme, Version
from tagger.settings.options import DEFAULT_TEMPLATES

NUMBER = st.sampled_from(("0", "1", "2", "9", "10", "11", "9" * 30, "00", "01", "1_0", "x", "4-5", "\u0663", "1\n", ""))
VERSION = st.builds(
    "{}{}.{}.{}{}".format,
    st.sampled_from(("", "", "v")),
    st.sampled_from(("1", "2")),
    st.sampled_from(("1", "1", "10")),
    st.sampled_from(("0", "2", "9", "10", "11")),
    st.sampled_from(("", "", "-alpine")),
)
HEAD = st.sampled_from(("", "", "", "v", "V", "withdrawn-", "withdrawn-v", "held-", "app-", "alpine-", "0", "7.", "\n"))
END = st.sampled_from(
    (
        "",
        "",
        "",
        "-rc.1",
        "-rc",
        "-alpine",
        "-alpine3.22",
        "-rc.1-alpine",
        "-foo",
        "_5",
        "-1",
        ".4",
        "-4",
        "4",
        "alpine",
        "\n",
        "\n2.1.4",
        "\u00b2",
        '"',
    )
)
ANYTHING = st.one_of(
    st.builds("{}{}.{}.{}{}".format, HEAD, NUMBER, NUMBER, NUMBER, END),
    st.builds("{}{}.{}{}".format, HEAD, NUMBER, NUMBER, END),
    st.builds("{}{}{}".format, HEAD, NUMBER, END),
    st.sampled_from(("latest", "alpine", "nightly", "rc", "2.", ".1.2", "sha-1a2b3c4")),
)
TAGS = st.builds(set.union, st.sets(VERSION, min_size=5, max_size=15), st.sets(ANYTHING, max_size=15))

SETTINGS: dict[str, dict[str, object]] = {
    "the default": {},
    "with a word before the version": {"templates": ("v{{version}}", "v{{major}}.{{minor}}", "v{{major}}", "latest")},
    "with variants": {"variants": ("", "alpine", "alpine3.22")},
    "of variants alone": {"variants": ("alpine", "foo")},
    "with variants before the version": {
        "templates": ("{{variant}}-{{version}}", "{{variant}}-{{major}}"),
        "variants": ("alpine", "app"),
    },
    "with variants that are numbers": {
        "templates": ("{{version}}{{variant}}", "x{{major}}{{variant}}"),
        "variants": ("4", "5"),
    },
    "with a version twice": {"templates": ("{{version}}-{{version}}", "{{major}}")},
    "with channels": {"channels": ("rc",)},
    "with whole prereleases": {"templates": (*DEFAULT_TEMPLATES, "{{major}}-{{prerelease}}")},
    "of few classes": {"templates": ("{{version}}", "latest")},
    "with patches that float": {"templates": ("{{version}}", "x{{major}}.{{minor}}.{{patch}}", "latest")},
    "where latest stays in a series": {"latest": "2.1"},
    "where latest stays at a version": {"latest": "2.1.9"},
    "where latest stays in a range": {"latest": "<2.1 || >2.9"},
    "where latest leaves versions out": {"latest": "!=2.1.9"},
    "where latest is by an expression": {"latest": "/9$/"},
    "with a channel of several words": {"channels": ("edge=rc,foo",)},
    "with an alias": {"variants": ("alpine=alpine3.*",)},
    "with revisions": {"scheme": Scheme.of("semver", "refuse", ["-N", "_N"])},
    "with revisions behind the variant": {
        "scheme": Scheme.of("semver", "refuse", ["{{variant}}-N"]),
        "variants": ("", "alpine"),
    },
    "without latest": {"latest": "false"},
    "limited to stable versions": {"stable": "<2.1.9"},
    "with withdrawn versions": {"withdrawn": ("2.1.10", "1.1.9")},
    "with builds": {"scheme": Scheme(build_metadata="underscore")},
    "of two exact tags": {"templates": ("{{version}}", "v{{version}}", "{{major}}.{{minor}}", "latest")},
    "as they were given": {"templates": ("{{raw}}", "{{major}}.{{minor}}", "latest")},
    "of numeric versions": {"scheme": Scheme("numeric"), "mixed_parts": True},
    "of calendar versions": {"scheme": Scheme("calver")},
    "of PEP 440": {"scheme": Scheme("pep440")},
}


def made(settings: dict[str, object]) -> Rules:
    return Rules.of(settings.get("templates", DEFAULT_TEMPLATES), **{  # type: ignore[arg-type]
        "scheme": Scheme(), **{name: value for name, value in settings.items() if name != "templates"},
    })  # fmt: skip


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@given(tags=TAGS)
def test_what_is_left_out_decides_nothing(settings: dict[str, object], tags: set[str]) -> None:
    rules = made(settings)
    kept = contenders(tags, rules)
    assert set(kept) <= tags
    everything, some = rules.published(tags), rules.published(kept)
    assert cascade(some.in_force, rules) == cascade(everything.in_force, rules)
    assert (some.withdrawn, some.held) == (everything.withdrawn, everything.held)
    assert {tag for tag in tags if tag not in kept} <= {tag for exact in everything.exact.values() for tag in exact}
    classes = [
        {
            tag
            for leader in rules.leaders(found.versions | found.withdrawn, stable=False)
            for tag in rules.floating_tags(leader)
        }
        for found in (everything, some)
    ]
    assert classes[0] == classes[1]
    for owner in cascade(everything.in_force, rules).values():
        assert some.exact[owner] == everything.exact[owner]
        assert some.spellings([owner]) == everything.spellings([owner])


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@given(tags=TAGS)
def test_the_newest_beside_each_owner_is_left(settings: dict[str, object], tags: set[str]) -> None:
    rules = made(settings)
    everything = rules.published(tags)
    owners = cascade(everything.in_force, rules)
    some = rules.published(contenders(tags, rules))

    def newest(published: Published, tag: str, owner: Version) -> Version | None:
        others = (version for version in published.versions if version != owner and version.variant == owner.variant)
        return max((one for one in others if tag in rules.floating_tags(one, rules.channels)), default=None)

    for tag, owner in owners.items():
        other = newest(everything, tag, owner)
        assert newest(some, tag, owner) == other
        assert other is None or some.exact[other] == everything.exact[other]


@pytest.mark.parametrize(
    ("settings", "tags", "kept"),
    [
        ({}, {"2.1.3", "2.1.10", "2.1.9", "2.2.0", "latest"}, {"2.1.9", "2.1.10", "2.2.0", "latest"}),
        ({}, {"2.1.2", "2.1.3", "2.1.4", "held-2.1.4", "3.0.0"}, {"2.1.2", "2.1.3", "2.1.4", "held-2.1.4", "3.0.0"}),
        ({}, {"2.1.3", "2.1.4-rc.1", "2.1.007", "2.1.2", "2.1.1"}, {"2.1.3", "2.1.2", "2.1.4-rc.1", "2.1.007"}),
        ({"variants": ("", "a")}, {"2.1.7", "2.1.8", "2.1.9", "2.1.1-a"}, {"2.1.8", "2.1.9", "2.1.1-a"}),
        ({"variants": ("", "a")}, {"2.1.3", "2.1.1-a", "2.1.2-a", "2.1.10-a"}, {"2.1.3", "2.1.2-a", "2.1.10-a"}),
        ({"stable": "<3"}, {"2.1.2", "2.1.3", "2.1.4"}, {"2.1.2", "2.1.3", "2.1.4"}),
        ({"latest": "<2.1 || 3"}, {"2.1.2", "2.1.3", "2.1.4"}, {"2.1.3", "2.1.4"}),
        ({"latest": "!=2.1.4"}, {"2.1.2", "2.1.3", "2.1.4"}, {"2.1.2", "2.1.3", "2.1.4"}),
        ({}, {"0.0.0", "0.0.4", "0.0.5", "0.0.04", "0.1.0", "0.1.00", "0.1."},
            {"0.0.4", "0.0.5", "0.0.04", "0.1.0", "0.1.00", "0.1."}),
    ],
)  # fmt: skip
def test_older_versions_of_a_series_are_left_out(settings: dict[str, object], tags: set[str], kept: set[str]) -> None:
    assert set(contenders(tags, made(settings))) == kept


def test_without_an_exact_template_every_tag_is_read() -> None:
    tags = ["2.1.2", "2.1.3", "2.1.4"]
    assert contenders(tags, Rules()) == set(tags)
    assert contenders(tags, Rules.of(DEFAULT_TEMPLATES, scheme=Scheme())) == {"2.1.3", "2.1.4"}
