"""Names: the tags under which what is attached to an image is found, whatever its digest is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.names import ALGORITHMS, DIGEST, TAG, Digest, Repository, attached_to
from tagger.version_from.git import GitFacts


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(content=st.binary(), end=st.sampled_from(["", ".sig", ".att", ".sbom"]))
def test_what_is_attached_has_a_tag_that_leads_back(algorithm: str, content: bytes, end: str) -> None:
    digest = Digest.of(content, algorithm)
    assert DIGEST.fullmatch(digest)
    assert TAG.fullmatch(digest.tag + end)
    assert attached_to(digest.tag + end, [Digest.of(content + b"x", algorithm), digest]) == digest


@pytest.mark.parametrize("tag", ["2.1.4", "latest", "sha256-1a2b3c4", f"sha256-{'a' * 64}.", f"md5-{'a' * 64}"])
def test_other_tags_lead_nowhere(tag: str) -> None:
    assert attached_to(tag, [f"sha256:{'a' * 64}"]) == ""


def test_a_repository_equals_no_other_pair_of_texts() -> None:
    repository = Repository("a", "b")
    assert repository == Repository("a", "b")
    assert repository != GitFacts("a", "b")
    assert repository not in {("a", "b"): 1}
    assert hash(repository) == hash(Repository("a", "b"))
