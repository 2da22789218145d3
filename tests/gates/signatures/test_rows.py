"""The rows of `verify`: read, refused, and what their globs match."""

import pytest

from tagger.errors import InputError
from tagger.gates.signatures.rows import matches, parse_row

GITHUB = "https://token.actions.githubusercontent.com"


def test_a_keyless_row() -> None:
    row = parse_row(
        "keyless repo=acme/app workflow=.github/workflows/release.yml ref=refs/tags/v{{version}} issuer=github"
    )
    row = row.of_version({"version": "2.1.4"})
    assert row.issuer == GITHUB
    assert row.repository == "https://github.com/acme/app"
    assert row.workflow == "https://github.com/acme/app/.github/workflows/release.yml"
    assert row.words["ref"] == "refs/tags/v2.1.4"


def test_a_reusable_workflow_of_another_repository() -> None:
    row = parse_row("keyless repo=acme/app workflow=acme/shared/.github/workflows/build.yml issuer=github")
    assert row.workflow == "https://github.com/acme/shared/.github/workflows/build.yml"


def test_an_issuer_by_its_address_knows_its_repositories() -> None:
    assert parse_row(f"keyless repo=acme/app issuer={GITHUB}").repository == "https://github.com/acme/app"
    assert parse_row("keyless repo=acme/app issuer=gitlab").repository == "https://gitlab.com/acme/app"


def test_a_builder_is_hosted_by_github() -> None:
    row = parse_row("builder docker/github-builder repo=acme/app")
    assert (row.issuer, row.repository) == (GITHUB, "https://github.com/acme/app")
    assert matches(row.workflow, "https://github.com/docker/github-builder/.github/workflows/build.yml")


def test_keys_and_their_predicates() -> None:
    assert parse_row("key cosign.pub").name == "cosign.pub"
    assert parse_row("key env:PUBLIC_KEY predicate=slsa-provenance").predicates == ("https://slsa.dev/provenance/v*",)
    assert parse_row("key cosign.pub predicate=https://acme.io/tests").predicates == ("https://acme.io/tests",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("keyless repo=acme/app", "names no issuer"),
        ("keyless issuer=github", "names nobody"),
        ("keyless identity=https://x issuer=example.com", "is no issuer"),
        ("keyless identity=https://x issuer=https://*", "is no issuer"),
        ("keyless workflow=.github/workflows/release.yml issuer=github", "names a workflow without its repository"),
        ("keyless repo=acme/app issuer=github branch=main", "is not understood"),
        ("keyless repo=acme/app repo=acme/other issuer=github", "says `repo` twice"),
        ("keyless repo=acme/app issuer=github ref={{sha}}", "there is no field {{sha}}"),
        ("keyless repo= issuer=github", "is not understood"),
        ("keyless 'repo=acme/app", "No closing quotation"),
        ("builder docker/github-builder", "names no repository"),
        ("builder acme/builder repo=acme/app", "is no builder that is known"),
        ("key", "is no row"),
        ("cosign repo=acme/app", "is no row"),
    ],
)
def test_what_is_refused_names_the_row_and_has_a_cure(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        parse_row(text)
    assert caught.value.hint


def test_a_field_that_the_build_lacks_is_no_silence() -> None:
    row = parse_row("keyless repo=acme/app issuer=github ref=refs/tags/v{{version}}")
    with pytest.raises(InputError, match=r"names \{\{version\}\}, and this build has none"):
        row.of_version({})


@pytest.mark.parametrize(
    ("glob", "text", "expected"),
    [
        ("refs/tags/v2.1.4", "refs/tags/v2.1.4", True),
        ("refs/tags/v2.1.4", "refs/tags/v2x1x4", False),
        ("refs/tags/v*", "refs/tags/v2.1.4", True),
        ("refs/tags/v*", "refs/tags/v2/evil", False),
        ("refs/tags/*", "xrefs/tags/v2", False),
        ("https://github.com/acme/*", "https://github.com/acme/app", True),
        ("https://github.com/acme/*", "https://github.com/acme/app/../../evil", False),
        ("**", "a/b", False),
    ],
)
def test_globs_match_whole_and_stay_within_a_part(glob: str, text: str, expected: bool) -> None:
    assert matches(glob, text) is expected
