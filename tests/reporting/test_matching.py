"""The part of a repository that somebody asks for."""

import pytest

from tagger.reporting.matching import tree_matching
from tagger.results.tree import Artifact, Floating, ListedVersion, Tree

A, B = (f"sha256:{letter * 64}" for letter in "ab")


def listed(version: str, *floating: str, also: tuple[str, ...] = ()) -> ListedVersion:
    return ListedVersion(version, "", A, (version, *floating), False, (), also)


TREE = Tree(
    "ghcr.io/acme/app",
    (listed("2.10.0", "2.10", "2", "latest"), listed("2.1.4", "2.1"), listed("2.1.3", also=("stable",))),
    {
        "2.10": Floating(A, "2.10.0", False), "2": Floating(B, "2.10.0", True), "2.1": Floating(A, "2.1.4", False),
        "2.1-old": Floating(B, None, False),
    },
    ("nightly", "pr-7"),
    (Artifact("signature", "sha256-1.sig", A),),
    ("2.1.0",),
)  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "versions", "floating", "rest"),
    [
        ("2.1", ["2.1.4", "2.1.3"], ["2.1", "2.1-old"], [(), ("2.1.0",)]),
        ("2.1.*", ["2.1.4", "2.1.3"], ["2.1"], [(), ("2.1.0",)]),
        ("latest", ["2.10.0"], ["2.10", "2"], [(), ()]),
        ("stable", ["2.1.3"], [], [(), ()]),
        ("pr-?", [], [], [("pr-7",), ()]),
        ("3", [], [], [(), ()]),
    ],
)
def test_what_fits(pattern: str, versions: list[str], floating: list[str], rest: list[tuple[str, ...]]) -> None:
    found = tree_matching(TREE, pattern)
    assert [one.version for one in found.versions] == versions
    assert list(found.floating) == floating
    assert [found.other, found.purged] == rest
    assert found.attached == ()


def test_without_a_pattern_everything() -> None:
    assert tree_matching(TREE, "") is TREE
    assert tree_matching(TREE, "*").versions == TREE.versions
