"""The immutability rule holds exact tags, and no tag that has to move."""

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.rules.cascade import Rules
from tagger.rules.immutability import immutability, protection
from tagger.rules.versions import Scheme
from tagger.settings.options import DEFAULT_TEMPLATES

DIGIT = "{0,1,2,3,4,5,6,7,8,9}"
NUMBER = st.integers(0, 30)


def rules(
    *templates: str,
    scheme: str = "semver",
    variants: tuple[str, ...] = ("",),
    revisions: tuple[str, ...] = (),
    **others: object,
) -> Rules:
    made = Scheme.of(scheme, "refuse", revisions)
    return Rules.of(templates or DEFAULT_TEMPLATES, scheme=made, variants=variants, **others)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("templates", "scheme", "expression", "ecr", "harbor"),
    [
        ((), "semver", r"^([0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?)$", "", f"{DIGIT}*.*.*"),
        (("{{version}}", "{{major}}", "latest"), "semver", None, "", f"{DIGIT}*.*"),
        (("v{{version}}", "{{major}}.{{minor}}", "latest"), "semver", None, "v*", "v*"),
        (("v{{version}}", "v{{major}}"), "semver", None, "v*.*", "v*.*"),
        ((), "numeric", None, "", f"{DIGIT}*.*.*"),
        ((), "pep440", None, "", f"{DIGIT}*.*.*"),
    ],
)
def test_the_rule(templates: tuple[str, ...], scheme: str, expression: str | None, ecr: str, harbor: str) -> None:
    found = immutability(rules(*templates, scheme=scheme))
    assert expression in (None, found.expression)
    assert (found.ecr, found.harbor) == (ecr, harbor)


def test_wildcards_cannot_tell_a_variant_with_a_dot() -> None:
    """`2.1-alpine3.24` has as many dots as an exact tag (registries, "Immutable tags")."""
    found = immutability(rules(variants=("", "alpine3.24")))
    assert found.harbor == ""
    assert re.fullmatch(found.expression, "2.1.4-alpine3.24")
    assert not re.fullmatch(found.expression, "2.1-alpine3.24")


@pytest.mark.parametrize("scheme", ["semver", "numeric", "pep440", "calver"])
@given(numbers=st.tuples(NUMBER, NUMBER, NUMBER), variant=st.sampled_from(["", "alpine", "alpine3.24"]))
def test_exact_tags_are_held_and_others_move(scheme: str, numbers: tuple[int, int, int], variant: str) -> None:
    given_rules = rules(scheme=scheme, variants=("", "alpine", "alpine3.24"))
    version = given_rules.scheme.parse(".".join(map(str, numbers))).of_variant(variant)
    found = immutability(given_rules)
    assert all(re.fullmatch(found.expression, tag) for tag in given_rules.exact_tags(version))
    moving = (*given_rules.floating_tags(version), given_rules.withdrawn_mark(version), "nightly", "sha-1a2b3c4")
    for tag in moving:
        assert not re.fullmatch(found.expression, tag)
        patterns = (found.ecr, found.harbor.replace(DIGIT, "[0-9]"))
        assert not any(pattern and fnmatchcase(tag, pattern) for pattern in patterns)


@pytest.mark.parametrize("revisions", [(), ("-N",), ("-rN", "_N"), ("{{variant}}-rN",)])
@given(
    numbers=st.tuples(NUMBER, NUMBER, NUMBER),
    variant=st.sampled_from(["", "slim", "alpine3.24"]),
    revision=NUMBER,
    more=st.sampled_from([(), ("{{major}}.{{minor}}.{{patch}}",), ("latest-{{variant}}", "x{{major}}-{{variant}}")]),
)
def test_revisions_and_families(
    revisions: tuple[str, ...], numbers: tuple[int, int, int], variant: str, revision: int, more: tuple[str, ...]
) -> None:
    using = rules(*DEFAULT_TEMPLATES, *more, variants=("", "slim", "alpine=alpine3.*"), revisions=revisions)
    form = using.scheme.revisions[0] if revisions else None
    end = f"{form.before}{revision}" if form else ""
    version = using.scheme.parse(".".join(map(str, numbers)) + end).of_variant(variant)
    found = immutability(using)
    assert all(re.fullmatch(found.expression, tag) for tag in using.exact_tags(version))
    moving = (*using.floating_tags(version), using.withdrawn_mark(version), "nightly", "sha-1a2b3c4")
    for tag in moving:
        assert not re.fullmatch(found.expression, tag)
        patterns = (found.ecr, found.harbor.replace(DIGIT, "[0-9]"))
        assert not any(pattern and fnmatchcase(tag, pattern) for pattern in patterns)


def test_tags_are_compared_with_the_expressions_of_a_registry() -> None:
    found = protection([r"v[0-9.]+", "nightly"], exact=["v2.1.4", "2.1.4"], moving=["latest", "v2", "nightly"])
    assert found == (("2.1.4",), ("v2", "nightly"))


def test_an_expression_that_is_none_is_an_error() -> None:
    with pytest.raises(InputError):
        protection(["("], ["2.1.4"], [])
