"""The list of a repository: what stands where, what drifted, and what is no version."""

import json
from pathlib import Path

import pytest

from tagger.errors import NotFound
from tagger.images.layout import REF_NAME, Layout
from tagger.images.stores import TagStore
from tagger.operations.delete import Deletion, delete
from tagger.operations.tags import list_tags
from tagger.reporting.trees import tree_text, trees_document
from tagger.results.tree import Facts
from tagger.rules.cascade import Rules
from tagger.rules.versions import Scheme
from tagger.settings.options import DEFAULT_TEMPLATES
from tests.images.making import PLATFORMS, attach, make_image, make_index, put, put_manifest, sign
from tests.operations.running import RULES, Builds, finished, released
from tests.servers.fixtures_registry import Opener
from tests.servers.small_registry import SmallRegistry

EMPTY: dict[str, object] = {
    "versions": [], "floating": {}, "other": [], "attached": [], "purged": [], "dispute": None,
}  # fmt: skip


def test_an_empty_repository(store: TagStore) -> None:
    with pytest.raises(NotFound, match="the repository does not exist") as caught:
        list_tags(store, RULES)
    assert caught.value.code == "NAME_UNKNOWN"
    make_image(store, "app", "a", "b")
    for tag in ("a", "b"):
        assert finished(delete(Deletion((tag,), RULES, (store,)))).exit_code == 0
    tree = list_tags(store, RULES)
    assert trees_document([tree]) == {"repositories": [{"repository": store.place, **EMPTY}]}
    assert "no tags yet" in tree_text(tree)


def test_the_contract(builds: Builds, store: TagStore) -> None:
    for version in ("2.0.9", "2.1.4"):
        released(builds, version, store)
    make_image(store, "night", "nightly", "20260805", "withdrawn-by-hand")
    new, old = (builds.source(version).digest for version in ("2.1.4", "2.0.9"))
    assert trees_document([list_tags(store, RULES)])["repositories"] == [
        {
            "repository": store.place,
            "versions": [
                {
                    "version": "2.1.4", "variant": "", "digest": new, "tags": ["2.1.4", "2.1", "2", "latest"],
                    "withdrawn": False, "held": False, "attached": [],
                },
                {
                    "version": "2.0.9", "variant": "", "digest": old, "tags": ["2.0.9", "2.0"],
                    "withdrawn": False, "held": False, "attached": [],
                },
            ],
            "floating": {
                "2": {"digest": new, "belongs_to": "2.1.4", "drifted": False},
                "2.1": {"digest": new, "belongs_to": "2.1.4", "drifted": False},
                "latest": {"digest": new, "belongs_to": "2.1.4", "drifted": False},
                "2.0": {"digest": old, "belongs_to": "2.0.9", "drifted": False},
            },
            "other": ["20260805", "nightly", "withdrawn-by-hand"],
            "attached": [],
            "purged": [],
                "dispute": None,
        }
    ]  # fmt: skip


def test_drift_and_withdrawals(builds: Builds, store: TagStore) -> None:
    for version in ("1.0.0", "2.1.3", "2.1.4"):
        released(builds, version, store)
    store.tag(store.manifest("2.1.3"), ["latest"])
    store.tag(store.manifest("1.0.0"), ["withdrawn-1.0.0", "withdrawn-0.9.0"])
    tree = list_tags(store, RULES)
    assert {tag for tag, floating in tree.floating.items() if floating.drifted} == {"latest", "1", "1.0"}
    assert tree.floating["latest"].belongs_to == "2.1.4"
    assert tree.floating["1"].belongs_to is None
    assert [(one.version, one.withdrawn) for one in tree.versions] == [
        ("2.1.4", False), ("2.1.3", False), ("1.0.0", True)
    ]  # fmt: skip
    assert tree.versions[1].tags == ("2.1.3", "latest")
    assert tree.purged == ("0.9.0",)
    text = tree_text(tree)
    assert "latest has drifted" in text
    assert "no version of its class is left" in text


def test_a_floating_tag_of_two_versions_that_are_one_image_stands_at_its_own(store: TagStore) -> None:
    make_image(store, "app", "2.1.5", "2.1.4", "2.0.9", "2.1", "2.0", "2", "latest")
    make_image(store, "other", "1.0.0", "1.0")
    store.tag(store.manifest("2.1.4"), ["1"])
    tree = list_tags(store, RULES)
    assert [one.tags for one in tree.versions] == [
        ("2.1.5", "2.1", "2", "latest", "1"), ("2.1.4", "1"), ("2.0.9", "2.0", "1"), ("1.0.0", "1.0")
    ]  # fmt: skip
    assert "run `reconcile`" in tree_text(tree)


def test_variants_stand_beside_each_other(builds: Builds, store: TagStore) -> None:
    rules = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme(), variants=("", "alpine"))
    make_image(store, "plain", "2.1.4", "2.1", "2", "latest")
    make_image(store, "alpine", "2.1.4-alpine", "2.1-alpine", "2-alpine", "alpine")
    listed = {one.variant: one.tags for one in list_tags(store, rules).versions}
    assert listed["alpine"] == ("2.1.4-alpine", "2.1-alpine", "2-alpine", "alpine")
    assert listed[""] == ("2.1.4", "2.1", "2", "latest")


def test_what_is_attached_is_listed_under_its_image(store: TagStore) -> None:
    image = make_index(store, "app", "2.1.4")
    child = store.manifest(image.children()[0].digest)
    tags = {kind: f"{image.digest.replace(':', '-')}{end}" for kind, end in (("signature", ".sig"), ("sbom", ".sbom"))}
    for kind, end in (("signature", ".sig"), ("sbom", ".sbom")):
        sign(store, image, kind, end=end)
    sign(store, child, "child", end=".att")
    bill = attach(store, image)
    tree = list_tags(store, RULES)
    assert {(one.kind, one.name) for one in tree.versions[0].attached} == set(tags.items())
    assert [one.image for one in tree.attached] == [child.digest]
    assert not tree.other
    tree = list_tags(store, RULES, long=True)
    attached = {(one.kind, one.image) for one in tree.versions[0].attached}
    expected = {("signature", image.digest), ("sbom", image.digest), ("attestation", child.digest)}
    found = {one.name for one in tree.versions[0].attached if one.name == bill.digest}
    assert attached >= expected
    assert bool(found) == bool(store.referrers(image.digest))
    assert not tree.attached
    assert "attestation" in tree_text(tree)


def test_a_long_list_tells_what_manifests_and_configs_say(store: TagStore) -> None:
    image = make_index(store, "app", "2.1.4", "2.1", "nightly")
    blobs = {blob.digest: blob.size for child in image.children()[:2] for blob in store.manifest(child.digest).blobs()}
    tree = list_tags(store, RULES, long=True)
    (listed,) = tree.versions
    assert listed.facts == Facts("2026-01-02T03:04:05Z", sum(blobs.values()), PLATFORMS)
    assert listed.also == ("nightly",)
    document = trees_document([tree])["repositories"][0]["versions"][0]
    assert (document["created"], document["size"]) == ("2026-01-02T03:04:05Z", sum(blobs.values()))
    assert (document["platforms"], document["also"]) == (list(PLATFORMS), ["nightly"])
    text = tree_text(tree)
    assert "2026-01-02" in text
    assert "linux/amd64,linux/arm64/v8" in text


def test_what_is_no_image_is_listed_all_the_same(store: TagStore) -> None:
    config = put(store, b"no json", "application/vnd.cncf.helm.config.v1+json")
    put_manifest(
        store, "application/vnd.oci.image.manifest.v1+json", {"config": config.to_json(), "layers": []}, ["1.0.0"]
    )
    (listed,) = list_tags(store, RULES, long=True).versions
    assert (listed.version, listed.facts) == ("1.0.0", None)


def test_a_short_list_reads_no_manifest(builds: Builds, small_registry: SmallRegistry, opened: Opener) -> None:
    store = opened(small_registry)
    image = make_image(store, "app", "9.0.0")
    for number in range(300):
        small_registry.put("acme/app", f"1.0.{number}", image)
        small_registry.put("acme/app", f"sha-{number}", image)
    small_registry.requests.clear()
    assert len(list_tags(store, RULES).versions) == 301
    read = [request for request in small_registry.requests if request.kind == "manifests"]
    assert {request.method for request in read if request.reference != "tagger-policy"} == {"HEAD"}
    assert not [request for request in small_registry.requests if request.reference.startswith("sha-")]


def test_ten_thousand_tags(tmp_path: Path) -> None:
    store = Layout(tmp_path / "store")
    image = make_image(store, "app", "0.0.1").descriptor().to_json()

    def entry(number: int, tag: str) -> dict[str, object]:
        return image | {"digest": f"sha256:{number:064x}", "annotations": {REF_NAME: tag}}

    entries = [entry(n, f"{n // 1000}.{n // 10 % 100}.{n % 10}") for n in range(1000, 11000)]
    entries += [entry(0, f"sha256-{n:064x}.sig") for n in range(1000)]
    (store.path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    tree = list_tags(store, RULES)
    assert (len(tree.versions), len(tree.attached)) == (10_000, 1000)
    assert tree.floating["latest"].belongs_to == "10.99.9"
    assert tree_text(tree).count("\n") > 10_000


def test_nothing_but_reading_is_asked_for(small_registry: SmallRegistry, opened: Opener) -> None:
    sign(opened(small_registry), make_image(opened(small_registry), "app", "1.0.0"))
    small_registry.requests.clear()
    list_tags(opened(small_registry, write=False), RULES, long=True)
    assert {request.method for request in small_registry.requests} == {"GET", "HEAD"}
