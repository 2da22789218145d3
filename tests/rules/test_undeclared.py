"""What looks like a variant of a version, and is declared nowhere."""

import pytest

from tagger.rules.cascade import Rules
from tagger.rules.templates import DEFAULT_TEMPLATES
from tagger.rules.undeclared import declare_hint, undeclared_variants
from tagger.rules.versions import Scheme

TAGS = (
    "1.0.0", "1.0.0-alpine", "1.0.0-alpine3.22", "1.0.0-rc.1", "1.0.0-edge", "1.0.0-lts", "1.0.0-1", "1.0.0-20261124",
    "1.0.1-slim", "1.0", "withdrawn-1.0.0-slim", "held-1.0.0", "1.0.0_5", "nightly-1", "1.0.0-rc.1-alpine", "-",
)  # fmt: skip


def rules(**settings: object) -> Rules:
    return Rules.of(DEFAULT_TEMPLATES, **{"scheme": Scheme(), **settings})  # type: ignore[arg-type]


def test_a_suffix_that_is_no_prerelease_and_no_number() -> None:
    found = undeclared_variants({"1.0.0"}, TAGS, rules())
    assert found == {"1.0.0-alpine": "alpine", "1.0.0-alpine3.22": "alpine3.22", "1.0.0-lts": "lts"}
    assert declare_hint(found) == "Declare what is a variant, as `variants: alpine alpine3.22 lts`."


def test_what_is_declared_is_none() -> None:
    declared = rules(variants=("", "alpine", "alpine3.22"), scheme=Scheme(channels=frozenset({"lts"})))
    assert not undeclared_variants({"1.0.0"}, TAGS, declared)
    assert undeclared_variants({"1.0.0-alpine"}, ["1.0.0-alpine-slim"], declared) == {"1.0.0-alpine-slim": "slim"}


@pytest.mark.parametrize("exact", [(), {"1.0.2"}, {"1.0"}])
def test_of_another_version_is_none(exact: tuple[str, ...]) -> None:
    assert not undeclared_variants(exact, TAGS, rules())


def test_of_all_versions() -> None:
    assert undeclared_variants({"1.0.0", "1.0.1"}, ["1.0.1-slim", "1.0.0-lts"], rules()) == {
        "1.0.0-lts": "lts",
        "1.0.1-slim": "slim",
    }
