"""Tags set, moved and deleted: several at once, refused in every dialect, and without an answer."""

import json

import pytest

from tagger.errors import NotFound, StoreError
from tagger.images.manifests import OCI_MANIFEST, Manifest
from tests.images.making import make_image
from tests.servers.fixtures_registry import Opener
from tests.servers.registries import Authority
from tests.servers.small_registry import DIALECTS, Fault, Reply, Request, SmallRegistry

NAME = "acme/app"
ONE, TWO = (Manifest(OCI_MANIFEST, json.dumps({"schemaVersion": 2, "text": text}).encode()) for text in ("1", "2"))
FLOATING = ["2.1", "2", "latest"]


def puts(registry: SmallRegistry) -> list[str]:
    """Return what was put under, with its query, in order of time."""
    asked = registry.asked("PUT", "manifests")
    return [f"{request.reference}{'?' if request.query else ''}{request.query}" for request in asked]


def test_one_put_a_tag_where_the_registry_is_like_distribution(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.put(NAME, "2.1.4", ONE)
    store = opened(small_registry)
    store.snapshot(FLOATING)
    store.tag(ONE, FLOATING)
    assert sorted(puts(small_registry)) == sorted(FLOATING)
    assert small_registry.tags(NAME) == dict.fromkeys(["2.1.4", *FLOATING], ONE.digest)


def test_tags_are_put_side_by_side(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.put(NAME, "2.1.4", ONE)
    store = opened(small_registry)
    store.snapshot(FLOATING)
    small_registry.most_at_once, small_registry.delay = 0, 0.15
    store.tag(ONE, FLOATING)
    assert small_registry.most_at_once == 3


@pytest.mark.parametrize(
    ("takes", "then"),
    [(10, []), (2, ["latest"]), (0, FLOATING), (-1, FLOATING)],
    ids=["all of them", "some of them", "none: they are ignored", "414"],
)
def test_several_tags_in_one_request(
    small_registry: SmallRegistry, opened: Opener, takes: int, then: list[str]
) -> None:
    small_registry.put(NAME, "2.1.4", ONE)
    small_registry.announced, small_registry.several_tags = False, takes
    store = opened(small_registry)
    store.tag(ONE, FLOATING)
    first, *rest = puts(small_registry)
    assert first == f"{ONE.digest}?tag=2.1&tag=2&tag=latest"
    assert sorted(rest) == sorted(then)
    assert small_registry.tags(NAME) == dict.fromkeys(["2.1.4", *FLOATING], ONE.digest)

    small_registry.requests.clear()
    store.tag(TWO, FLOATING)
    expected = 1 + len(then) if takes > 0 else len(FLOATING)
    assert len(puts(small_registry)) == expected
    assert small_registry.tags(NAME) == {"2.1.4": ONE.digest} | dict.fromkeys(FLOATING, TWO.digest)


def test_many_tags_are_put_in_groups(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.announced, small_registry.several_tags = False, 100
    tags = [f"t{number}" for number in range(25)]
    opened(small_registry).tag(ONE, tags)
    assert len(puts(small_registry)) == 3
    assert set(small_registry.tags(NAME)) == set(tags)


def test_a_manifest_named_by_sha512_has_one_name(small_registry: SmallRegistry, opened: Opener) -> None:
    named = Manifest(OCI_MANIFEST, ONE.content, "sha512")
    store = opened(small_registry)
    store.tag(named, ["2.1.4"])
    small_registry.put(NAME, "2.1", ONE)
    assert store.digests(["2.1.4", "2.1"]) == {"2.1.4": named.digest, "2.1": named.digest}
    assert small_registry.tags(NAME)["2.1.4"] == ONE.digest  # a registry names what is put under a tag by sha256
    assert store.manifest(named.digest).digest == named.digest

    small_registry.put(NAME, "2.1.4", named)
    other = opened(small_registry)  # which put nothing, so it learns of the two names by reading
    assert other.snapshot(["2.1.4", "2.1"]).digests == {"2.1.4": named.digest, "2.1": named.digest}
    assert other.digests(["2.1"]) == {"2.1": named.digest}


def test_a_registry_that_names_by_sha512_what_was_put_by_sha256(small_registry: SmallRegistry, opened: Opener) -> None:
    """What this run put is what it reads then."""
    named = Manifest(OCI_MANIFEST, ONE.content, "sha512")

    def watch(request: Request) -> None:
        for tag, digest in small_registry.tags(NAME).items():
            if request.method in ("HEAD", "GET") and digest == ONE.digest:
                small_registry.put(NAME, tag, named)

    small_registry.watch = watch
    store = opened(small_registry)
    store.tag(ONE, ["2.1.4"])
    store.tag(ONE, ["2.1"])
    assert store.digests(["2.1.4", "2.1"]) == dict.fromkeys(["2.1.4", "2.1"], ONE.digest)
    other = opened(small_registry)
    assert other.digests(["2.1.4"]) == {"2.1.4": named.digest}
    other.tag(ONE, ["2"])
    assert other.digests(["2.1.4", "2"]) == dict.fromkeys(["2.1.4", "2"], ONE.digest)


def test_a_registry_that_knows_no_sha512_is_said_to(small_registry: SmallRegistry, opened: Opener) -> None:
    reply = Reply(400, body=b'{"errors": [{"code": "DIGEST_INVALID"}]}')
    small_registry.fail(Fault("answer", reply), method="PUT", times=9)
    with pytest.raises(StoreError) as caught:
        opened(small_registry).tag(Manifest(OCI_MANIFEST, ONE.content, "sha512"), [])
    assert "may not support digests of sha512" in caught.value.hint


def test_one_tag_is_put_under_its_name(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.announced, small_registry.several_tags = False, 10
    store = opened(small_registry)
    store.tag(ONE, ["2.1.4"])
    store.tag(ONE, [])
    assert puts(small_registry) == ["2.1.4", ONE.digest]


def test_a_digest_that_the_registry_answers_is_compared(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.fail(Fault("answer", Reply(201, [("Docker-Content-Digest", TWO.digest)])), method="PUT")
    with pytest.raises(StoreError, match="was sent, but the registry reports") as caught:
        opened(small_registry).tag(ONE, ["1.0"])
    assert caught.value.code == "DIGEST_INVALID"


def test_the_registry_own_words_are_in_the_error(small_registry: SmallRegistry, opened: Opener) -> None:
    lost = Manifest(OCI_MANIFEST, json.dumps({"config": make_config()}).encode())
    with pytest.raises(StoreError, match="blob unknown to registry") as caught:
        opened(small_registry).tag(lost, ["1.0"])
    assert (caught.value.code, caught.value.status) == ("MANIFEST_BLOB_UNKNOWN", 400)
    assert caught.value.place == f"{small_registry.host}/{NAME}"


def make_config() -> dict[str, object]:
    """Make a descriptor of what is nowhere."""
    return {"mediaType": "application/json", "digest": "sha256:" + "1" * 64, "size": 2}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_immutable_tag_at_the_same_image_is_success(
    small_registry: SmallRegistry, opened: Opener, dialect: str
) -> None:
    small_registry.put(NAME, "1.0", ONE)
    small_registry.immutable, small_registry.dialect = lambda _tag: True, dialect
    opened(small_registry).tag(ONE, ["1.0", "1"])
    assert small_registry.tags(NAME) == {"1.0": ONE.digest, "1": ONE.digest}


@pytest.mark.parametrize("several", [0, 10])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_immutable_tag_at_another_image_is_refused(
    small_registry: SmallRegistry, opened: Opener, dialect: str, several: int
) -> None:
    small_registry.put(NAME, "latest", ONE)
    small_registry.announced, small_registry.several_tags = not several, several
    small_registry.immutable, small_registry.dialect = lambda tag: tag == "latest", dialect
    with pytest.raises(StoreError) as caught:
        opened(small_registry).tag(TWO, ["2.0", "latest"])
    assert caught.value.code == "TAG_IMMUTABLE"
    assert f"latest holds {ONE.digest}" in caught.value.message
    assert "floating" in caught.value.hint
    assert small_registry.tags(NAME) == {"2.0": TWO.digest, "latest": ONE.digest}
    assert not small_registry.asked("DELETE")


def test_a_refusal_that_says_nothing_of_tags_is_no_immutability(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.put(NAME, "latest", ONE)
    denied = b'{"errors": [{"code": "DENIED", "message": "permission_denied: write_package"}]}'
    small_registry.fail(Fault("answer", Reply(403, body=denied)), method="PUT")
    with pytest.raises(StoreError, match="write_package") as caught:
        opened(small_registry).tag(TWO, ["latest"])
    assert (caught.value.code, caught.value.status) == ("DENIED", 403)


def test_the_refusal_of_a_put_is_said_though_the_tag_may_not_be_read(
    small_registry: SmallRegistry, opened: Opener
) -> None:
    small_registry.fail(Fault("answer", Reply(403, body=b"no pushing")), method="PUT")
    small_registry.fail(Fault("answer", Reply(403, body=b"no reading")), method="HEAD")
    with pytest.raises(StoreError, match="no pushing"):
        opened(small_registry).tag(TWO, ["latest"])


@pytest.mark.parametrize("fault", ["lost", "reset", "silent", "half"])
def test_a_put_without_an_answer_is_checked(small_registry: SmallRegistry, opened: Opener, fault: str) -> None:
    store = opened(small_registry, timeout=0.5)
    store.snapshot([])
    small_registry.fail(fault, method="PUT")
    store.tag(ONE, ["1.0"])
    assert small_registry.tags(NAME) == {"1.0": ONE.digest}
    asked = [request.method for request in small_registry.asked(reference="1.0")]
    assert asked == (["PUT", "HEAD", "PUT"] if fault == "reset" else ["PUT"] if fault == "half" else ["PUT", "HEAD"])


@pytest.mark.parametrize("fault", ["lost", "reset"])
def test_a_put_over_tls_without_an_answer_is_checked(opened: Opener, authority: Authority, fault: str) -> None:
    with SmallRegistry(tls=authority.server_context()) as registry:
        store = opened(registry, ca_file=str(authority.ca_file))
        store.snapshot([])
        registry.fail(fault, method="PUT")
        store.tag(ONE, ["1.0"])
        assert registry.tags(NAME) == {"1.0": ONE.digest}
        asked = [request.method for request in registry.asked(reference="1.0")]
        assert asked == (["PUT", "HEAD"] if fault == "lost" else ["PUT", "HEAD", "PUT"])


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_fault_of_the_registry_is_checked(
    small_registry: SmallRegistry, opened: Opener, status: int, done: bool
) -> None:
    small_registry.fail(Fault("answer", Reply(status), done=done), method="PUT")
    opened(small_registry).tag(ONE, ["1.0"])
    assert small_registry.tags(NAME) == {"1.0": ONE.digest}
    asked = [request.method for request in small_registry.asked(reference="1.0")]
    assert asked == (["PUT", "HEAD"] if done else ["PUT", "HEAD", "PUT"])


def test_a_put_that_fails_for_good_is_an_error(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.put(NAME, "1.0", TWO)
    small_registry.fail("reset", method="PUT", times=9)
    with pytest.raises(StoreError, match=r"pushing 1\.0") as caught:
        opened(small_registry).tag(ONE, ["1.0"])
    assert caught.value.code == "UNREACHABLE"
    assert small_registry.tags(NAME) == {"1.0": TWO.digest}


def test_all_other_tags_are_put_before_a_failure_is_raised(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.fail(Fault("answer", Reply(403)), method="PUT", reference="2")
    small_registry.put(NAME, "2.1.4", ONE)
    store = opened(small_registry)
    store.snapshot([])
    small_registry.delay = 0.05
    with pytest.raises(StoreError, match="pushing 2"):
        store.tag(ONE, FLOATING)
    assert set(small_registry.tags(NAME)) == {"2.1.4", "2.1", "latest"}


def test_a_tag_is_claimed_unless_another_image_holds_it(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.put(NAME, "1.0", ONE)
    store = opened(small_registry)
    assert store.put_if_absent(TWO, "1.0") == ONE.digest
    assert store.put_if_absent(ONE, "1.0") == ONE.digest
    assert puts(small_registry) == []
    assert store.put_if_absent(TWO, "2.0") == TWO.digest
    assert small_registry.tags(NAME) == {"1.0": ONE.digest, "2.0": TWO.digest}


def test_one_tag_is_deleted(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.put(NAME, "1.0", ONE)
    small_registry.put(NAME, "latest", ONE)
    store = opened(small_registry)
    store.untag("latest")
    assert small_registry.tags(NAME) == {"1.0": ONE.digest}
    with pytest.raises(NotFound):
        store.untag("latest")


def test_a_deletion_without_an_answer_is_sent_again(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.put(NAME, "1.0", ONE)
    small_registry.fail("lost", method="DELETE")
    opened(small_registry).untag("1.0")
    assert small_registry.tags(NAME) == {}
    assert len(small_registry.asked("DELETE")) == 2


def test_a_manifest_is_deleted_with_its_tags(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.put(NAME, "1.0", ONE)
    small_registry.put(NAME, "2.0", TWO)
    store = opened(small_registry)
    assert store.manifest("1.0") == ONE
    store.delete(ONE.digest)
    assert small_registry.tags(NAME) == {"2.0": TWO.digest}
    with pytest.raises(NotFound):
        store.manifest(ONE.digest)


def test_deletion_that_the_registry_has_not_is_unsupported(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.put(NAME, "1.0", ONE)
    small_registry.deletes_tags = False
    store = opened(small_registry)
    with pytest.raises(StoreError) as caught:
        store.untag("1.0")
    assert caught.value.code == "UNSUPPORTED"
    small_registry.deletes = False
    with pytest.raises(StoreError) as caught:
        store.delete(ONE.digest)
    assert caught.value.code == "UNSUPPORTED"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_immutable_tag_is_not_deleted(small_registry: SmallRegistry, opened: Opener, dialect: str) -> None:
    small_registry.put(NAME, "1.0", ONE)
    small_registry.immutable, small_registry.dialect = lambda _tag: True, dialect
    with pytest.raises(StoreError) as caught:
        opened(small_registry).untag("1.0")
    assert caught.value.code == "TAG_IMMUTABLE"


def test_a_manifest_is_asked_for_once(small_registry: SmallRegistry, opened: Opener) -> None:
    store = opened(small_registry)
    image = make_image(store, "app", "1.0")
    reader = opened(small_registry)
    assert reader.manifest("1.0") == image
    assert reader.manifest(image.digest) == image
    assert len(small_registry.asked("GET", "manifests")) == 1


@pytest.mark.parametrize("reference", ["1.0", ONE.digest])
def test_a_manifest_that_is_not_its_digest_is_refused(
    small_registry: SmallRegistry, opened: Opener, reference: str
) -> None:
    small_registry.put(NAME, "1.0", ONE)
    small_registry.fail("wrong", method="GET", kind="manifests")
    with pytest.raises(StoreError, match=r"is not what its digest|is not JSON"):
        opened(small_registry).manifest(reference)


def test_half_a_manifest_is_read_again(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.put(NAME, "1.0", ONE)
    small_registry.fail("half", method="GET", kind="manifests")
    assert opened(small_registry).manifest("1.0") == ONE


def test_a_manifest_of_schema_1_is_refused(small_registry: SmallRegistry, opened: Opener) -> None:
    kind = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    small_registry.put(NAME, "1.0", Manifest(kind, b'{"schemaVersion": 1}'))
    with pytest.raises(StoreError) as caught:
        opened(small_registry).manifest("1.0")
    assert caught.value.code in ("UNSUPPORTED", "MANIFEST_INVALID")
