"""One image from several builds, by the command line, into real registries and layouts."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tagger.images.labels import BASE_NAME, REVISION_LABEL, VERSION_LABEL
from tagger.images.layout.layout import Layout
from tagger.images.manifests import OCI_INDEX, OCI_MANIFEST, Manifest
from tagger.images.registry.registries import Registries
from tagger.images.stores import TagStore
from tagger.names import Repository
from tests.images.making import EMPTY_CONFIG, attach, make_image, make_index, make_layer, put, put_manifest, sign
from tests.images.test_archives import pack, pack_layout, save
from tests.integration.commands import Ran, images, tagger
from tests.servers.fixtures_registry import Opener
from tests.servers.registries import DockerRegistry
from tests.servers.sigstore import BUNDLE, Sigstore, statement
from tests.servers.small_registry import Request, SmallRegistry

TWO = ("linux/amd64", "linux/arm64/v8")
OWN = {VERSION_LABEL: "2.1.4", REVISION_LABEL: "1a2b3c"}


class Place:
    """A repository of a real registry, in which build jobs left their images by digest."""

    def __init__(self, registry: DockerRegistry, client: Registries, name: str) -> None:
        self.name = f"{registry.host}/{name}"
        self.store: TagStore = client.repository(Repository(registry.host, name), write=True)
        self._client, self._host = client, registry.host

    def leg(self, platform: str, text: str = "app", **more: Any) -> Manifest:
        """Push the build of one platform, with its attestation, by its digest."""
        return make_index(self.store, text, platforms=[platform], **{"labels": OWN, **more})

    def legs(self, text: str = "app", **more: Any) -> list[Manifest]:
        return [self.leg(platform, text, **more) for platform in TWO]


@pytest.fixture
def client(open_registry: DockerRegistry) -> Any:
    with open_registry.client() as client:
        yield client


@pytest.fixture
def place(open_registry: DockerRegistry, client: Registries, name: str) -> Place:
    return Place(open_registry, client, name)


@pytest.fixture
def elsewhere(open_registry: DockerRegistry, client: Registries, name: str) -> Place:
    return Place(open_registry, client, f"{name}-built")


def folder_of(path: Path, legs: Sequence[Manifest]) -> Path:
    path.mkdir(exist_ok=True)
    for leg in legs:
        (path / leg.digest.removeprefix("sha256:")).touch()
    return path


def outputs_of(legs: Sequence[Manifest]) -> str:
    return json.dumps({f"digest-{number}": leg.digest for number, leg in enumerate(legs)})


def attach_by_tag(store: TagStore, subject: Manifest, **more: Any) -> None:
    """Attach an artifact where there is no referrers API (distribution-spec, "Referrers Tag Schema")."""
    artifact = attach(store, subject, **more)
    put_manifest(store, OCI_INDEX, {"manifests": [artifact.descriptor().to_json()]}, [subject.digest.tag])


def run(
    command: str, *repositories: object, digests: object = None, sources: Sequence[str] = (), more: Sequence[str] = ()
) -> Ran:
    words = [word for source in sources for word in ("--source", source)]
    words += ["--digests", str(digests)] if digests else []
    return tagger(command, "--json", "--version", "2.1.4", *images(*repositories), *words, *more)


def untouched(*places: Place) -> bool:
    return not any(list(place.store.tags()) for place in places)


class TestReleases:
    def test_a_folder_of_digests(self, place: Place, tmp_path: Path) -> None:
        legs = place.legs()
        digests = folder_of(tmp_path / "digests", legs)
        planned = run("plan", place.name, digests=digests)
        assert planned.code == 0, planned.err
        assert untouched(place)
        children = {
            platform: leg.children()[0].digest
            for platform, leg in zip(("linux/amd64", "linux/arm64"), legs, strict=True)
        }
        assert planned.document["platforms"] == children
        assert all(
            leg.digest in planned.document["assembled_from"][name] for leg, name in zip(legs, children, strict=True)
        )

        released = run("release", place.name, digests=digests)
        assert released.code == 0, released.err
        assert released.document["digest"] == planned.document["digest"] == place.store.digests(["latest"])["latest"]
        assert [one.digest for one in place.store.manifest("2.1.4").children()] == [
            *children.values(),
            *(leg.children()[1].digest for leg in legs),
        ]
        again = run("release", place.name, digests=digests)
        assert (again.code, again.document["changed"], again.statuses) == (0, False, ["unchanged"])

    def test_every_form_and_place_is_one_digest(self, place: Place, elsewhere: Place, tmp_path: Path) -> None:
        legs = place.legs()
        assert [leg.digest for leg in elsewhere.legs()] == [leg.digest for leg in legs]
        layouts = [Layout(tmp_path / platform.replace("/", "-")) for platform in TWO]
        for layout, platform in zip(layouts, TWO, strict=True):
            make_index(layout, "app", "built", platforms=[platform], labels=OWN)
        archive = pack_layout(layouts[1], tmp_path / "arm64.tar")
        elsewhere.store.tag(legs[0], ["2.1.4-amd64"])
        digests = {str(one.digest): one.digest.removeprefix("sha256:") for one in legs}
        mixed = tmp_path / "mixed"
        (mixed / "a").mkdir(parents=True)
        (mixed / "a" / digests[legs[0].digest]).touch()
        (mixed / "arm64.tar").write_bytes(archive.read_bytes())
        forms: list[dict[str, Any]] = [
            {"digests": folder_of(tmp_path / "digests", legs)},
            {"digests": outputs_of(legs[::-1])},
            {"digests": mixed},
            {"digests": outputs_of(legs), "sources": [elsewhere.name]},
            {"digests": outputs_of(legs[:1]), "sources": [f"oci:{layouts[1].path}"]},
            {"digests": outputs_of(legs), "sources": [f"oci-archive:{archive}"]},
            {"sources": [f"oci:{layouts[0].path}", f"oci-archive:{archive}"]},
            {"sources": [f"docker://{elsewhere.name}:2.1.4-amd64", f"{place.name}@{legs[1].digest}"]},
            {
                "sources": [
                    f"docker-archive:{archive}",
                    f"{elsewhere.name}@{legs[0].digest}",
                    f"oci:{layouts[0].path}:built",
                ]
            },
        ]
        found = set()
        for form in forms:
            ran = run("plan", place.name, **form)
            assert ran.code == 0, (form, ran.err)
            found.add(ran.document["digest"])
        assert len(found) == 1

    def test_into_several_repositories_and_a_layout(
        self, place: Place, login_registry: DockerRegistry, name: str, elsewhere: Place, tmp_path: Path
    ) -> None:
        legs = elsewhere.legs()
        child = elsewhere.store.manifest(legs[0].children()[0].digest)
        said = elsewhere.store.manifest(legs[1].children()[1].digest)
        attach_by_tag(elsewhere.store, child, text="an SBOM")
        attach_by_tag(elsewhere.store, said, text="a signature of the attestation")
        sign(elsewhere.store, child)
        targets = (place.name, f"{login_registry.host}/{name}", f"oci:{tmp_path}/target")
        login = login_registry.login or ("", "")
        environ = {"INPUT_USERNAME": login[0], "INPUT_PASSWORD": login[1], "INPUT_REGISTRY": login_registry.host}
        words = ["--source", elsewhere.name, "--digests", outputs_of(legs), "--version", "2.1.4"]
        ran = tagger("release", "--json", *images(*targets), *words, environ=environ)
        assert ran.code == 0, ran.err
        digest = ran.document["digest"]
        assert [outcome["digest"] for outcome in ran.document["repositories"]] == [digest] * 3
        with login_registry.client() as other:
            stores: list[TagStore] = [place.store, Layout(tmp_path / "target")]
            stores.append(other.repository(Repository(login_registry.host, name)))
            for store in stores:
                assert store.digests(["latest", "2.1.4"]) == {"latest": digest, "2.1.4": digest}
                assert len(store.referrers(child.digest)) == 1
                assert len(store.referrers(said.digest)) == 1
                assert store.digests([tag := child.digest.tag + ".sig"])[tag]
        for architecture in ("amd64", "arm64"):
            choice = ["--override-os=linux", f"--override-arch={architecture}"]
            copy = ["copy", "--src-tls-verify=false", f"docker://{place.name}:2.1", f"dir:{tmp_path}/{architecture}"]
            subprocess.run(["skopeo", *choice, *copy], check=True, capture_output=True)

    def test_digests_in_the_layout_that_is_released_to(self, tmp_path: Path) -> None:
        target = Layout(tmp_path / "target")
        legs = [make_index(target, "app", platforms=[platform], labels=OWN) for platform in TWO]
        ran = run("release", f"oci:{target.path}", digests=outputs_of(legs))
        assert ran.code == 0, ran.err
        assert set(target.tags()) == {"2.1.4", "2.1", "2", "latest"}
        assert set(ran.document["platforms"]) == {"linux/amd64", "linux/arm64"}

    def test_blobs_of_another_repository_are_mounted(self, small_registry: SmallRegistry, opened: Opener) -> None:
        built = opened(small_registry, "acme/built")
        legs = [make_index(built, "app", platforms=[platform], labels=OWN) for platform in TWO]
        place = f"{small_registry.host}/acme/app"
        small_registry.requests.clear()
        ran = run("release", place, digests=outputs_of(legs), sources=[f"{small_registry.host}/acme/built"])
        assert ran.code == 0, ran.err
        asked = [request for request in small_registry.requests if request.kind == "uploads"]
        assert asked
        assert all(request.value("mount") and request.status == 201 for request in asked)

    def test_images_of_docker_save(self, place: Place, tmp_path: Path) -> None:
        archive = pack(tmp_path / "saved.tar", save())
        leg = make_image(place.store, platform="linux/arm64", labels=OWN)
        ran = run("release", place.name, sources=[f"docker-archive:{archive}", f"{place.name}@{leg.digest}"])
        assert ran.code == 0, ran.err
        assert set(ran.document["platforms"]) == {"linux/amd64", "linux/arm64"}

    def test_one_build_stays_what_it_is(self, place: Place) -> None:
        leg = make_image(place.store, labels=OWN)
        ran = run("release", place.name, digests=outputs_of([leg]))
        assert (ran.code, ran.document["digest"]) == (0, leg.digest)
        assert ran.document["platforms"] == {"linux/amd64": leg.digest}

    def test_annotations_are_in_the_index(self, place: Place) -> None:
        more = ["--annotations", "org.opencontainers.image.title=My app\nmanifest:org.acme=x"]
        ran = run("release", place.name, digests=outputs_of(place.legs()), more=more)
        assert ran.code == 0, ran.err
        document = json.loads(place.store.manifest("2.1.4").content)
        assert document["annotations"] == {"org.opencontainers.image.title": "My app", "org.acme": "x"}

    def test_what_is_left_out_is_said(self, place: Place) -> None:
        leg = place.leg(TWO[0])
        document = json.loads(leg.content) | {"annotations": {"org.acme": "x"}}
        again = put_manifest(place.store, leg.media_type, document)
        ran = run("plan", place.name, digests=outputs_of([again, place.leg(TWO[1])]))
        assert [warning["code"] for warning in ran.document["warnings"]] == ["LEFT_OUT"]

    def test_outputs(self, place: Place, tmp_path: Path) -> None:
        legs = place.legs()
        environ = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "INPUT_DIGESTS": outputs_of(legs),
        }
        (tmp_path / "output").touch()
        environ |= {"INPUT_IMAGES": place.name, "INPUT_VERSION": "2.1.4", "INPUT_COMMAND": "release"}
        assert tagger(environ=environ).code == 0
        digests = {"linux/amd64": legs[0].children()[0].digest, "linux/arm64": legs[1].children()[0].digest}
        assert f"\n{json.dumps(digests)}\n" in (tmp_path / "output").read_text()

    def test_the_plan_as_text(self, place: Place) -> None:
        legs = place.legs()
        ran = tagger("plan", "--version", "2.1.4", "--image", place.name, "--digests", outputs_of(legs))
        child = legs[1].children()[0].digest.removeprefix("sha256:")[:7]
        assert f"linux/arm64{child}from{place.name}@{legs[1].digest}" in "".join(ran.out.split())


class TestRefused:
    def test_a_leg_that_is_missing_against_the_version_before(self, place: Place) -> None:
        before = tagger(
            "release",
            "--json",
            "--version",
            "2.1.3",
            "--image",
            place.name,
            "--digests",
            outputs_of(place.legs("before", labels={})),
        )
        assert before.code == 0, before.err
        legs = place.legs()
        ran = run("release", place.name, digests=outputs_of(legs[:1]))
        assert ran.code == 1
        assert "lacks linux/arm64" in ran.document["error"]["message"]
        assert "2.1.4" not in list(place.store.tags())
        assert run("release", place.name, digests=outputs_of(legs[:1]), more=["--platforms", "linux/amd64"]).code == 0

    @pytest.mark.parametrize(
        ("labels", "words"),
        [
            ({VERSION_LABEL: "2.1.3"}, ("2.1.3", "2.1.4")),
            ({REVISION_LABEL: "4d5e6f"}, ("4d5e6f", "1a2b3c")),
            ({BASE_NAME: "alpine:3.21"}, ("alpine:3.21", "alpine:3.22")),
        ],
    )
    def test_a_leg_of_something_else(self, place: Place, labels: dict[str, str], words: Sequence[str]) -> None:
        legs = [place.leg(TWO[0], labels=OWN | {BASE_NAME: "alpine:3.22"}), place.leg(TWO[1], labels=OWN | labels)]
        ran = run("release", place.name, digests=outputs_of(legs))
        assert ran.code == 1
        message = ran.document["error"]["message"]
        assert all(word in message for word in (*words, *(leg.digest for leg in legs), "linux/amd64", "linux/arm64"))
        assert untouched(place)

    def test_bases_that_differ_are_forced(self, place: Place) -> None:
        legs = [place.leg(platform, labels={BASE_NAME: f"base-of-{platform}"}) for platform in TWO]
        assert run("release", place.name, digests=outputs_of(legs)).code == 1
        assert run("release", place.name, digests=outputs_of(legs), more=["--force"]).code == 0

    def test_all_legs_of_another_version(self, place: Place) -> None:
        legs = place.legs(labels=OWN | {VERSION_LABEL: "2.1.3"})
        ran = run("release", place.name, digests=outputs_of(legs))
        assert ran.code == 1
        assert all(word in ran.document["error"]["message"] for word in ("2.1.3", "2.1.4", legs[0].digest))
        assert untouched(place)
        assert run("release", place.name, digests=outputs_of(place.legs(labels={VERSION_LABEL: "main"}))).code == 0

    def test_a_platform_twice_and_a_chart(self, place: Place) -> None:
        legs = [place.leg(TWO[0]), place.leg(TWO[0], "another"), place.leg(TWO[1])]
        ran = run("release", place.name, digests=outputs_of(legs))
        assert ran.code == 1
        assert all(leg.digest in ran.document["error"]["message"] for leg in legs[:2])
        config = put(place.store, b"{}", "application/vnd.cncf.helm.config.v1+json")
        chart = put_manifest(place.store, OCI_MANIFEST, {"config": config.to_json(), "layers": []})
        ran = run("release", place.name, digests=outputs_of([legs[0], chart]))
        assert ran.code == 1
        assert "helm" in ran.document["error"]["message"]
        assert chart.digest in ran.document["error"]["message"]
        assert untouched(place)

    def test_a_leg_that_is_gone(self, place: Place) -> None:
        legs = place.legs()
        gone = f"sha256:{'0' * 64}"
        ran = run("release", place.name, digests=json.dumps({"digest-arm64": gone, "digest-amd64": legs[0].digest}))
        assert ran.code == 1
        assert gone in ran.document["error"]["message"]
        assert "digest-arm64" in ran.document["error"]["message"]
        assert "cleanup" in ran.document["error"]["hint"]
        place.store.delete(legs[1].children()[0].digest)
        ran = run("release", place.name, digests=outputs_of(legs))
        assert ran.code == 1
        assert legs[1].children()[0].digest in ran.document["error"]["message"]
        assert untouched(place)

    def test_junk_and_nothing(self, place: Place, tmp_path: Path) -> None:
        digests = folder_of(tmp_path / "digests", place.legs())
        (digests / "notes.txt").write_text("remember the milk")
        ran = run("release", place.name, digests=digests)
        assert ran.code == 2
        assert "notes.txt" in ran.document["error"]["message"]
        ran = run("release", place.name, digests=tmp_path / "none")
        assert ran.code == 2

    def test_several_repositories_of_digests(self, place: Place, elsewhere: Place) -> None:
        ran = run("plan", place.name, digests=outputs_of(place.legs()), sources=[elsewhere.name, place.name])
        assert ran.code == 2
        assert "several repositories" in ran.document["error"]["message"]

    def test_an_exact_tag_that_holds_another_image(self, place: Place) -> None:
        assert run("release", place.name, digests=outputs_of(place.legs())).code == 0
        others = place.legs("another", labels={})
        ran = run("release", place.name, digests=outputs_of(others))
        assert (ran.code, ran.document["error"]["code"]) == (1, "CONFLICT")
        ran = run("release", place.name, digests=outputs_of(others), more=["--on-conflict", "overwrite"])
        assert ran.code == 0, ran.err
        rebuilt = run("release", place.name, digests=outputs_of(place.legs()), more=["--on-conflict", "keep"])
        assert (rebuilt.code, rebuilt.document["digest"]) == (0, ran.document["digest"])

    def test_a_second_build_of_one_commit_is_kept(
        self, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)  # the commit of a checkout would have to be that of the builds
        first = run("release", place.name, digests=outputs_of(place.legs("first")))
        assert first.code == 0, first.err
        again = run("release", place.name, digests=outputs_of(place.legs("built again")))
        assert (again.code, again.document["digest"], again.document["changed"]) == (0, first.document["digest"], False)
        assert [warning["code"] for warning in again.document["warnings"]] == ["KEPT"]

    def test_a_build_that_is_deleted_while_the_run_stages(self, small_registry: SmallRegistry, opened: Opener) -> None:
        """The registry refuses the index, and no tag stands."""
        store = opened(small_registry)
        legs = [make_index(store, "app", platforms=[platform], labels=OWN) for platform in TWO]
        gone = legs[0].children()[0].digest

        def watch(request: Request) -> None:
            if request.method == "PUT" and request.reference == "2.1.4":
                opened(small_registry).delete(gone)

        small_registry.watch = watch
        ran = run("release", f"{small_registry.host}/acme/app", digests=outputs_of(legs))
        small_registry.watch = lambda _request: None
        assert ran.code == 1
        assert not list(store.tags())


class TestGates:
    def test_every_build_is_signed(self, place: Place, tmp_path: Path) -> None:
        sigstore = Sigstore()
        (tmp_path / "root.json").write_text(json.dumps(sigstore.trusted_root()))
        more = ["--trusted-root", f"{tmp_path}/root.json", "--verify", "keyless repo=acme/app issuer=github"]
        legs = place.legs()

        def sign_image(leg: Manifest) -> None:
            image = place.store.manifest(leg.children()[0].digest)
            bundle = json.dumps(sigstore.bundle(statement(image.digest))).encode()
            document = {
                "artifactType": BUNDLE,
                "config": put(place.store, b"{}", EMPTY_CONFIG).to_json(),
                "layers": [put(place.store, bundle, BUNDLE).to_json()],
                "subject": image.descriptor().to_json(),
            }
            artifact = put_manifest(place.store, OCI_MANIFEST, document)
            entry = artifact.descriptor().to_json() | {"artifactType": BUNDLE}
            put_manifest(place.store, OCI_INDEX, {"manifests": [entry]}, [image.digest.tag])

        sign_image(legs[0])
        ran = run("release", place.name, digests=outputs_of(legs), more=more)
        assert (ran.code, ran.document["error"]["code"]) == (1, "NOT_VERIFIED")
        assert legs[1].children()[0].digest.replace(":", "-") in ran.document["error"]["message"]
        sign_image(legs[1])
        ran = run("release", place.name, digests=outputs_of(legs), more=more)
        assert ran.code == 0, ran.err
        assert [proof["digest"] for proof in ran.document["verified"]] == [leg.children()[0].digest for leg in legs]

    def test_what_is_attached_is_attached_to_every_build(self, place: Place) -> None:
        legs = place.legs()
        kind = "application/vnd.tests.sbom"
        more = ["--require-referrer", kind]
        attach_by_tag(place.store, place.store.manifest(legs[0].children()[0].digest), kind=kind)
        ran = run("release", place.name, digests=outputs_of(legs), more=more)
        assert (ran.code, ran.document["error"]["code"]) == (1, "REFERRER_MISSING")
        assert "linux/arm64" in ran.document["error"]["message"]
        attach_by_tag(place.store, place.store.manifest(legs[1].children()[0].digest), kind=kind)
        assert run("release", place.name, digests=outputs_of(legs), more=more).code == 0

    def test_golden_looks_at_every_platform(self, place: Place, tmp_path: Path) -> None:
        bases = Layout(tmp_path / "bases")
        make_index(bases, "base", "3.22", attestations=False)
        below = {platform: [make_layer({"app": "base", "platform": platform})] for platform in TWO}
        good = [make_image(place.store, "good", platform=one, below=below[one]) for one in TWO]
        bad = make_image(place.store, "bad", platform=TWO[1])
        more = ["--golden", f"oci:{tmp_path}/bases:3.22"]
        ran = run("release", place.name, digests=outputs_of([good[0], bad]), more=more)
        assert (ran.code, ran.document["error"]["code"]) == (1, "GOLDEN")
        assert "linux/arm64" in ran.document["error"]["message"]
        assert run("release", place.name, digests=outputs_of(good), more=more).code == 0

    def test_platforms_are_exactly_those_asked_for(self, place: Place) -> None:
        legs = place.legs()
        more = ["--platforms", "linux/amd64 linux/arm64 linux/s390x"]
        ran = run("plan", place.name, digests=outputs_of(legs), more=more)
        assert (ran.code, ran.document["error"]["code"]) == (1, "PLATFORMS")
        assert "linux/s390x" in ran.document["error"]["message"]
