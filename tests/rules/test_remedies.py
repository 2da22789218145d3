"""The hint at a text that is no version names what makes it one."""

import pytest

from tagger.errors import InputError
from tagger.rules.cascade import Rules
from tagger.rules.remedies import LONGEST, parse_version
from tagger.rules.templates import DEFAULT_TEMPLATES
from tagger.rules.versions import Scheme

OWN_VERSION = "Set `variant: slim`: this is a version of that variant."


def rules(scheme: str = "semver") -> Rules:
    return Rules.of(DEFAULT_TEMPLATES, scheme=Scheme.of(scheme, "refuse", ()), variants=("", "slim"))


def hint(text: str, scheme: str = "semver", prefix: str = "") -> str:
    with pytest.raises(InputError) as caught:
        parse_version(rules(scheme), text, prefix=prefix)
    return caught.value.hint


def test_what_is_a_version_is_read() -> None:
    assert parse_version(rules(), "v2.1.4").text == "2.1.4"
    assert parse_version(rules(), "2.1.4-slim", "slim").variant == "slim"


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("2.1.4_5", "Set `build-metadata: underscore`."),
        ("1.2.3.4", "Set `scheme: numeric`."),
        ("01.2.0", "Write `1.2.0`: no number begins with a zero. Or set `scheme: numeric`, where zeros are allowed."),
        ("1.2.3.4_5", "Set `scheme: numeric` and `build-metadata: underscore`."),
        ("2026.07.1", "Set `scheme: calver`."),
        ("11.0.0.Final", "Set `scheme: numeric`."),
        ("3.15.0rc1", "Set `scheme: pep440`."),
        (
            "3.15.0rc1+build!",
            "Set `scheme: pep440` and write `3.15.0rc1`: a tag cannot hold the + and what follows it.",
        ),
        ("2.1.4!", "Write `2.1.4`."),
        ("app-2.1.4", "Set `tag-prefix: app-`."),
        ("2.1.4-slim", OWN_VERSION),
        (
            "2.1.4-alpine",
            "If alpine is a variant, set `variant: alpine`. If it is a prerelease, add `channels: alpine`.",
        ),
        ("2.1.4-latest", "If it is a prerelease, add `channels: latest`."),
        (
            "2.1.4-r3",
            "If r3 is a packaging revision, set `revisions: -rN`. If r3 is a variant, set `variant: r3`. If it is a "
            "prerelease, add `channels: r`.",
        ),
        (
            "2.1.4-debian-10-r8",
            "If r8 is a revision behind a variant, set `revisions: {{variant}}-rN` and `variant: debian-10`. If "
            "debian-10-r8 is a variant, set `variant: debian-10-r8`. If it is a prerelease, add `channels: debian`.",
        ),
    ],
)
def test_of_semver(text: str, remedy: str) -> None:
    assert hint(text) == remedy


def test_a_prefix_that_was_taken_off_belongs_to_the_one_that_is_meant() -> None:
    assert hint("server-2.1.4", prefix="app/") == "Set `tag-prefix: app/server-`."


def test_the_own_error_knows_best() -> None:
    assert hint("2.1.4+5").startswith("Release it as 2.1.4, or set `build-metadata: underscore`")
    assert hint("nothing").startswith("Semantic versions are MAJOR.MINOR.PATCH")


def test_a_suffix_of_pep_440() -> None:
    assert hint("2.1.4-foo", "pep440") == "If foo is a variant, set `variant: foo`."
    assert "revisions" not in hint("2.1.4-r3!", "pep440")
    assert hint("2.1.4-k3s3", "pep440").startswith("PEP 440 versions are")  # a revision there is .postN


def test_a_long_text_is_not_looked_at() -> None:
    assert "tag-prefix" not in hint(f"{'x' * LONGEST}-2.1.4")
