"""What marks and the policy stand at: fixed bytes, and images that every engine pulls."""

import json

import pytest

from tagger.images.artifacts import LIFTED, POLICY, WITHDRAWN, artifact, lifted_artifact, policy_artifact, put_artifact
from tagger.images.manifests import OCI_CONFIG
from tagger.rules.marks import POLICY_TAG
from tagger.rules.policy import Policy
from tests.images.making import make_image
from tests.servers.engine import Engine
from tests.servers.fixtures_registry import Opener
from tests.servers.registries import DockerRegistry


def test_a_lifted_mark_is_fixed_bytes() -> None:
    assert lifted_artifact().digest == "sha256:e57dcfe7e7139d81918320345fc452755b56022516bfbf4a879c0bf64047c78b"
    assert lifted_artifact().content == artifact({LIFTED: "true"}).content


def test_it_is_an_image_without_layers_told_apart_by_an_annotation() -> None:
    text = Policy.of({}).to_json()
    document = json.loads(policy_artifact(text).content)
    assert document["annotations"] == {POLICY: text}
    assert document["layers"] == []
    assert document["config"]["mediaType"] == OCI_CONFIG
    assert "artifactType" not in document
    assert len({one.digest for one in (lifted_artifact(), artifact({WITHDRAWN: "2.1.4"}), policy_artifact(text))}) == 3


@pytest.mark.parametrize("kind", ["engine", "containerd"])
def test_every_tag_can_be_pulled_at_once(
    kind: str, request: pytest.FixtureRequest, open_registry: DockerRegistry, opened: Opener, name: str
) -> None:
    engine: Engine = request.getfixturevalue(kind)
    store = opened(open_registry, name)
    make_image(store, "built", "2.1.4")
    put_artifact(store, policy_artifact(Policy.of({}).to_json()), [POLICY_TAG])
    put_artifact(store, lifted_artifact(), ["held-2.1.4", "withdrawn-2.1.4"])
    put_artifact(store, artifact({WITHDRAWN: "2.0.9"}), ["withdrawn-2.0.9"])
    engine.docker("pull", "--all-tags", "--quiet", store.place)
    assert {f"{store.place}:{tag}" for tag in store.tags()} <= engine.tags()
