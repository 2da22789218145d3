"""The limits on `latest` and on floating tags under which tags stay where they stand."""

from collections.abc import Iterable, Mapping

from tagger.rules.assessment import Candidate, assess
from tagger.rules.limits import FEW, with_limits

ALL = ("alpine", "slim", "debian", "fips")


def limits(variants: Iterable[str]) -> set[str]:
    """Return the texts of `latest` that are offered where each variant has a version newer than the tag of its name."""
    variants = tuple(variants)
    images = dict[str, str]()
    for number, variant in enumerate(variants):
        images |= {f"1.0.0-{variant}": variant, variant: variant}
        images[f"2.{number}.0-{variant}"] = f"newer {variant}"
    found = assess(Candidate(tags=("{{version}}", "latest"), variants=variants), images)
    assert found is not None
    assert len(found.moved) == len(variants)
    return {one.latest for one in with_limits(found, images)}


def test_a_few_versions_are_left_out_by_their_numbers() -> None:
    assert "!=2.0.0 !=2.1.0" in limits(ALL[:2])


def test_many_versions_are_not() -> None:
    assert len(ALL) > FEW
    offered = limits(ALL)
    assert "<2" in offered
    assert not any("!=" in text for text in offered)


def test_variants_without_a_bare_tag_are_left_out_by_name() -> None:
    images = {tag: version for version in ("1.0.0", "2.0.0") for tag in (version, version[:-2])}
    images |= {"latest": "2.0.0", "2.0.0-slim": "slim", "2.0-slim": "slim"}
    candidate = Candidate(tags=("{{version}}", "{{major}}.{{minor}}", "latest"), variants=("slim",))
    assert offered(candidate, images) >= {"variant=default"}
    held_back = images | {"latest": "1.0.0"}
    assert offered(candidate, held_back) >= {"variant=default <2", "variant=default 1"}


def offered(candidate: Candidate, images: Mapping[str, str]) -> set[str]:
    found = assess(candidate, images)
    assert found is not None
    return {one.latest for one in with_limits(found, images)}
