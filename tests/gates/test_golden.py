"""The golden-image gate: the decision alone, then with bases in repositories on disk."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError, NotFound, Refused, StoreError
from tagger.gates.bases import Approval, Pattern, Place, examine, newest_of_series, parse_line
from tagger.gates.golden import NOTHING, ApprovedBase, Verdict, judge
from tagger.images.artifacts import lifted_artifact, put_artifact
from tagger.images.configs import platform_configs
from tagger.images.labels import BASE_DIGEST, BASE_NAME
from tagger.images.layout import Layout
from tagger.images.manifests import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST, Manifest
from tagger.images.stores import Content, ImageConfig
from tagger.names import Reference, Repository
from tests.images.making import describe, make_config, make_layer, put, put_manifest

AMD, ARM = "linux/amd64", "linux/arm64/v8"
GOLDEN = "registry.acme.io/golden/app-base"


# The decision


def config(*layers: str, platform: str = AMD, annotations: Mapping[str, str] | None = None) -> ImageConfig:
    return ImageConfig("", diff_ids=layers, platform=platform, annotations=annotations or {})


def base(name: str, *layers: str, platform: str = AMD, withdrawn: bool = False) -> ApprovedBase:
    repository = name.partition(":")[0]
    platforms = ((f"manifest of {name}", config(*layers, platform=platform)),)
    return ApprovedBase(name, f"digest of {name}", repository, platforms, repository, withdrawn=withdrawn)


def found(verdict: Verdict) -> list[str]:
    return [finding.base for finding in verdict.findings]


def problem(verdict: Verdict) -> str:
    assert not verdict.approved
    with pytest.raises(Refused) as caught:
        verdict.check()
    assert caught.value.code == "GOLDEN"
    return caught.value.message


def test_layers_that_begin_with_the_base() -> None:
    for layers in (("a", "b", "own"), ("a", "b")):
        verdict = judge([config(*layers)], [base("golden:1", "a", "b")])
        assert verdict.check().approved
        assert found(verdict) == ["golden:1"]


@pytest.mark.parametrize("layers", [("a",), ("b", "a"), ("squashed",), (), ("own", "a", "b")])
def test_layers_that_do_not(layers: tuple[str, ...]) -> None:
    assert "stands on no approved base" in problem(judge([config(*layers)], [base("golden:1", "a", "b")]))


def test_what_the_golden_image_itself_stands_on_is_not_approved() -> None:
    assert "it has 1 of the 2 layers of golden:1" in problem(judge([config("a", "own")], [base("golden:1", "a", "b")]))


def test_every_platform_must_stand_on_one() -> None:
    build = [config("a", "own"), config("x", "own", platform=ARM)]
    assert problem(judge(build, [base("golden:1", "a")])) == f"golden image: {ARM} stands on no approved base"
    assert judge(build, [base("golden:1", "a"), base("golden:2", "x", platform=ARM)]).approved


@pytest.mark.parametrize(
    ("built", "below", "same"),
    [
        (AMD, AMD, True),
        (ARM, "linux/arm64", True),
        ("linux/arm64", ARM, True),
        ("linux/arm/v7", "linux/arm/v6", False),
        (AMD, "windows/amd64", False),
        ("", "", False),
        ("linux", AMD, False),
    ],
)
def test_a_base_of_another_platform_approves_nothing(built: str, below: str, same: bool) -> None:
    verdict = judge([config("a", "own", platform=built)], [base("golden:1", "a", platform=below)])
    assert verdict.approved == same


@pytest.mark.parametrize("layers", [(), (NOTHING,), (NOTHING, NOTHING)])
def test_a_base_without_layers_approves_nothing(layers: tuple[str, ...]) -> None:
    verdict = judge([config(*layers, "own")], [base("scratch:1", *layers)])
    assert not verdict.approved
    assert verdict.notes == ("scratch:1 has no layers and approves nothing",)


def test_a_build_without_platforms_is_refused() -> None:
    assert "no platform to look at" in problem(judge([], [base("golden:1", "a")]))


def test_the_longest_base_is_the_base() -> None:
    bases = [base("python:3", "a"), base("golden:1", "a", "b"), base("golden:2", "a", "b", "c")]
    assert found(judge([config("a", "b", "own")], bases)) == ["golden:1"]


def test_a_withdrawn_base_is_refused_whatever_it_stands_on() -> None:
    bases = [base("python:3", "a"), base("golden:1", "a", "b", withdrawn=True)]
    assert problem(judge([config("a", "b", "own")], bases)).endswith("stands on golden:1, which was withdrawn")


def test_a_newer_base_with_the_layers_of_a_withdrawn_one_is_approved() -> None:
    old = base("golden:1", "a", withdrawn=True)
    for repaired in (base("golden:2", "a", "fix"), base("golden:2", "a")):
        assert found(judge([config(*repaired.platforms[0][1].diff_ids)], [old, repaired]).check()) == ["golden:2"]


@pytest.mark.parametrize(
    "said",
    [
        {BASE_NAME: "docker.io/library/python:3"},
        {BASE_NAME: "not A name"},
        {BASE_DIGEST: "digest of something else"},
        {BASE_NAME: f"{GOLDEN}:1", BASE_DIGEST: "digest of something else"},
    ],
)
def test_an_annotation_that_contradicts_the_layers(said: Mapping[str, str]) -> None:
    verdict = judge([config("a", "own", annotations=said)], [base(f"{GOLDEN}:1", "a")])
    assert f"and has the layers of {GOLDEN}:1" in problem(verdict)


@pytest.mark.parametrize(
    "said",
    [
        {BASE_NAME: f"{GOLDEN}:latest"},
        {BASE_DIGEST: f"digest of {GOLDEN}:1"},
        {BASE_NAME: f"{GOLDEN}:1", BASE_DIGEST: f"manifest of {GOLDEN}:1"},
    ],
)
def test_an_annotation_that_agrees(said: Mapping[str, str]) -> None:
    assert judge([config("a", "own", annotations=said)], [base(f"{GOLDEN}:1", "a")]).approved


def test_an_annotation_settles_which_of_two_it_is() -> None:
    one, other = base(f"{GOLDEN}:1", "a"), base(f"{GOLDEN}:2", "a")
    said = {BASE_DIGEST: one.digest}
    assert found(judge([config("a", annotations=said)], [one, other])) == [one.name]
    withdrawn = one._replace(withdrawn=True)
    assert "withdrawn" in problem(judge([config("a", annotations=said)], [withdrawn, other]))


LAYERS = st.lists(st.sampled_from("ab"), max_size=3).map(tuple)
BASES = st.lists(st.builds(lambda layers, gone: base("golden:1", *layers, withdrawn=gone), LAYERS, st.booleans()))


@given(st.lists(LAYERS, min_size=1, max_size=3), BASES)
def test_approved_is_what_stands_on_a_base_in_force(builds: list[tuple[str, ...]], bases: list[ApprovedBase]) -> None:
    def approved(layers: tuple[str, ...]) -> bool:
        below = [(one.platforms[0][1].diff_ids, one.withdrawn) for one in bases]
        under = [(prefix, gone) for prefix, gone in below if prefix and layers[: len(prefix)] == prefix]
        longest = max((len(prefix) for prefix, _ in under), default=0)
        return any(not gone for prefix, gone in under if len(prefix) == longest)

    assert judge([config(*layers) for layers in builds], bases).approved == all(map(approved, builds))


# The lines of `golden`


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("acme/base", Approval("acme/base", Repository("docker.io", "acme/base"), "docker.io/acme/base")),
        ("a.io:5000/b:2", Approval("a.io:5000/b:2", Repository("a.io:5000", "b"), "a.io:5000/b", "2")),
        ("oci:a/b", Approval("oci:a/b", Path("a/b"), "oci:a/b")),
        ("oci:base", Approval("oci:base", Path("base"), "oci:base")),
        ("oci:a/b:2.1", Approval("oci:a/b:2.1", Path("a/b"), "oci:a/b", "2.1")),
        ("official", Pattern("official", "docker.io/library/*")),
        ("ghcr.io/acme/base-*", Pattern("ghcr.io/acme/base-*", "ghcr.io/acme/base-*")),
        ("python*:3.*", Pattern("python*:3.*", "docker.io/library/python*", "3.*")),
    ],
)  # fmt: skip
def test_a_line(line: str, read: Approval | Pattern) -> None:
    assert parse_line(line) == read


def test_a_line_with_a_digest() -> None:
    digest = f"sha256:{'a' * 64}"
    line = f"{GOLDEN}:2@{digest}"
    assert parse_line(line) == Approval(line, Repository.parse(GOLDEN), GOLDEN, "2", digest)


@pytest.mark.parametrize("line", ["", "Upper", "*/base", "*.io/acme/base", f"a-*@sha256:{'a' * 64}", "a:b:c*", "oci:"])
def test_what_is_no_line(line: str) -> None:
    with pytest.raises(InputError):
        parse_line(line)


@pytest.mark.parametrize(
    ("pattern", "claim", "allowed"),
    [
        ("official", "python:3.13", True),
        ("official", "docker.io/acme/python:3.13", False),
        ("official", "ghcr.io/library/python:3.13", False),
        ("ghcr.io/acme/base-*", "ghcr.io/acme/base-python:3", True),
        ("ghcr.io/acme/base-*", "ghcr.io/acme/base-python/evil:3", False),
        ("ghcr.io/acme/base-*", "ghcr.io/acme/other:3", False),
        ("ghcr.io/acme/b.se-*", "ghcr.io/acme/base-python:3", False),
        ("ghcr.io/acme/*:2.*", "ghcr.io/acme/base:2.1", True),
        ("ghcr.io/acme/*:2.*", "ghcr.io/acme/base:3.1", False),
        ("ghcr.io/acme/*:2.*", f"ghcr.io/acme/base@sha256:{'a' * 64}", False),
        ("ghcr.io/acme/*", f"ghcr.io/acme/base@sha256:{'a' * 64}", True),
    ],
)
def test_a_pattern(pattern: str, claim: str, allowed: bool) -> None:
    line = parse_line(pattern)
    assert isinstance(line, Pattern)
    assert line.allows(Reference.parse(claim)) == allowed


# With bases in repositories


@pytest.fixture
def open_place(tmp_path: Path) -> Callable[[Place], Layout]:
    """Open any repository as a layout of its own."""
    return lambda place: Layout(tmp_path / str(place))


def build(
    store: Layout,
    layers: str,
    *tags: str,
    platforms: Sequence[str] = (AMD, ARM),
    annotations: Mapping[str, str] | None = None,
    statement: Mapping[str, object] | None = None,
) -> Manifest:
    """Put an image with one layer a letter under `tags`, with provenance where a `statement` is given."""
    children = []
    for platform in platforms:
        contents = [make_layer({"file": f"{letter} for {platform}"}) for letter in layers]
        image = {
            "config": put(store, make_config(contents, platform, {}), OCI_CONFIG).to_json(),
            "layers": [put(store, content, OCI_LAYER_GZIP).to_json() for content in contents],
            "annotations": dict(annotations or {}),
        }
        children.append(describe(put_manifest(store, OCI_MANIFEST, image), platform))
    if statement:
        layer = put(store, json.dumps(statement).encode(), "application/vnd.in-toto+json").to_json()
        layer["annotations"] = {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"}
        contents_list = put(store, b"{}", "application/vnd.in-toto+json").to_json()
        contents_list["annotations"] = {"in-toto.io/predicate-type": "https://spdx.dev/Document"}
        about = {"config": put(store, b"{}", OCI_CONFIG).to_json(), "layers": [contents_list, layer]}
        child = describe(put_manifest(store, OCI_MANIFEST, about), "unknown/unknown")
        children.append({**child, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}})
    return put_manifest(store, OCI_INDEX, {"manifests": children}, tags)


@pytest.fixture
def golden(open_place: Callable[[Place], Layout]) -> Layout:
    """A repository of bases, each with a layer of its own on those of python."""
    store = open_place(Repository.parse(GOLDEN))
    build(store, "py1", "1.9.0", "1.9", "1")
    build(store, "py2", "2.0.0", "2.0")
    build(store, "py3", "2.1.0", "2.1", "2", "latest")
    return store


@pytest.fixture
def app(open_place: Callable[[Place], Layout]) -> Layout:
    return open_place(Path("app"))


Examine = Callable[..., Verdict]


@pytest.fixture
def gate(open_place: Callable[[Place], Layout]) -> Examine:
    """Examine an image, by its configs and its provenance."""

    def run(image: tuple[Content, Manifest], *lines: str, base: str = "") -> Verdict:
        return examine(platform_configs(*image), lines, base=base, image=image, open_place=open_place)

    return run


def test_every_version_of_a_repository(gate: Examine, golden: Layout, app: Layout) -> None:
    verdict = gate((app, build(app, "py2x")), GOLDEN).check()
    assert [(finding.platform, finding.base) for finding in verdict.findings] == [
        (AMD, f"{GOLDEN}:2.0.0"),
        (ARM, f"{GOLDEN}:2.0.0"),
    ]
    digest = golden.digests(["2.0.0"])["2.0.0"]
    assert str(verdict) == f"{GOLDEN}:2.0.0@{digest} (2.1.0 is newer)"
    assert verdict.findings[0]._asdict() == {
        "platform": AMD,
        "problem": "",
        "base": f"{GOLDEN}:2.0.0",
        "digest": digest,
        "approval": GOLDEN,
        "newest": "2.1.0",
        "current": False,
        "withdrawn": False,
    }


def test_the_newest_of_an_older_series(gate: Examine, golden: Layout, app: Layout) -> None:
    assert [finding.current for finding in gate((app, build(app, "py1x")), GOLDEN).findings] == [True, True]


@pytest.mark.parametrize("layers", ["pyx", "x", "Xpy2", "py"])
def test_a_build_on_something_else(gate: Examine, golden: Layout, app: Layout, layers: str) -> None:
    assert "stands on no approved base" in problem(gate((app, build(app, layers)), GOLDEN))


def test_one_platform_on_something_else(gate: Examine, golden: Layout, app: Layout) -> None:
    good, bad = build(app, "py2x", platforms=[AMD]), build(app, "zzx", platforms=[ARM])
    both = put_manifest(app, OCI_INDEX, {"manifests": [*good.document["manifests"], *bad.document["manifests"]]})
    assert problem(gate((app, both), GOLDEN)).startswith(f"golden image: {ARM} stands on no approved base")


def test_a_reference_approves_what_it_points_at_now(gate: Examine, golden: Layout, app: Layout) -> None:
    assert gate((app, build(app, "py3x")), f"{GOLDEN}:2").check().findings[0].current
    assert "stands on no approved base" in problem(gate((app, build(app, "py2x")), f"{GOLDEN}:2"))


def test_a_pinned_reference(gate: Examine, golden: Layout, app: Layout) -> None:
    pinned = f"{GOLDEN}@{golden.digests(['2.0.0'])['2.0.0']}"
    verdict = gate((app, build(app, "py2x")), pinned).check()
    assert (verdict.findings[0].base, verdict.findings[0].current, str(verdict)) == (pinned, None, pinned)


def test_a_withdrawn_version_is_refused(gate: Examine, golden: Layout, app: Layout) -> None:
    golden.tag(golden.manifest("2.0.0"), ["withdrawn-2.0.0"])
    pinned = f"{GOLDEN}@{golden.digests(['2.0.0'])['2.0.0']}"
    for line in (GOLDEN, f"{GOLDEN}:2.0.0", f"{GOLDEN}:2.0", pinned):
        verdict = gate((app, build(app, "py2x")), line)
        assert verdict.findings[0].withdrawn
        assert "was withdrawn" in problem(verdict)
    assert gate((app, build(app, "py3x")), GOLDEN).approved


def test_a_mark_that_is_lifted_is_not_in_force(gate: Examine, golden: Layout, app: Layout) -> None:
    put_artifact(golden, lifted_artifact(), ["withdrawn-2.0.0", "withdrawn-2.1.0"])
    finding = gate((app, build(app, "py2x")), GOLDEN).check().findings[0]
    assert (finding.withdrawn, finding.newest) == (False, "2.1.0")


def test_a_withdrawn_version_is_not_the_newest(gate: Examine, golden: Layout, app: Layout) -> None:
    golden.tag(golden.manifest("2.1.0"), ["withdrawn-2.1.0"])
    finding = gate((app, build(app, "py2x")), GOLDEN).check().findings[0]
    assert (finding.newest, finding.current) == ("2.0.0", True)


@pytest.mark.parametrize(
    ("tags", "newest"),
    [
        ("2.1 2.1.9 2.1.10 2 latest", {"2.1.9": "2.1.10", "2.1.10": "2.1.10"}),
        ("2.1.4 withdrawn-2.1.4 2.1.3 2.1", {"2.1.3": "2.1.3", "2.1.4": "2.1.3"}),
        ("2.1.4 withdrawn-2.1.4", {"2.1.4": ""}),
        ("1.0.1 1.0.0-rc.2 1.0.0-rc.10", {"1.0.0-rc.2": "1.0.0-rc.10", "1.0.0-rc.10": "1.0.0-rc.10", "1.0.1": "1.0.1"}),
        (
            "2.1-alpine 2.1.4-alpine3.9 2.1.4-alpine3.22",
            dict.fromkeys(["2.1.4-alpine3.9", "2.1.4-alpine3.22"], "2.1.4-alpine3.22")
            | {"2.1-alpine": "2.1.4-alpine3.22"},
        ),
        ("26.04 26.10 24.04", {"24.04": "24.04", "26.04": "26.10", "26.10": "26.10"}),
        ("v1.0.0 v1.1.0", {"v1.0.0": "v1.1.0", "v1.1.0": "v1.1.0"}),
        ("sha256-abc.sig nightly 20261124 1a2b3c4", {}),
    ],
)
def test_the_newest_of_each_series(tags: str, newest: Mapping[str, str]) -> None:
    assert newest_of_series(frozenset(tags.split())) == newest


def test_a_repository_that_has_no_versions(gate: Examine, app: Layout, open_place: Callable[[Place], Layout]) -> None:
    build(open_place(Repository.parse(GOLDEN)), "py3", "latest", "3")
    with pytest.raises(Refused, match="has no version that a build could stand on"):
        gate((app, build(app, "py3x")), GOLDEN)


def test_an_approved_image_that_is_not_there(gate: Examine, golden: Layout, app: Layout) -> None:
    with pytest.raises(NotFound, match=f"golden image {GOLDEN}:9.9.9: ") as raised:
        gate((app, build(app, "py2x")), GOLDEN, f"{GOLDEN}:9.9.9")
    assert "this line of `golden`" in raised.value.hint


def test_no_line_approves_nothing(gate: Examine, app: Layout) -> None:
    with pytest.raises(InputError, match="no approved base image is named"):
        gate((app, build(app, "x")))


def test_a_damaged_base_stops_the_gate(gate: Examine, golden: Layout, app: Layout, tmp_path: Path) -> None:
    image = app, build(app, "py2x")
    for blob in (tmp_path / GOLDEN / "blobs/sha256").iterdir():
        if b"rootfs" in blob.read_bytes():
            blob.write_bytes(b"{}")
    with pytest.raises(StoreError, match="is not what its digest says"):
        gate(image, GOLDEN)


def test_a_layout_on_disk(gate: Examine, golden: Layout, app: Layout) -> None:
    said = {BASE_NAME: "registry.acme.io/where/it/came/from:2"}
    line = f"oci:{GOLDEN}"
    assert found(gate((app, build(app, "py2x", annotations=said)), line).check())[0] == f"{line}:2.0.0"


@pytest.fixture
def python(open_place: Callable[[Place], Layout]) -> Layout:
    store = open_place(Repository.parse("python"))
    build(store, "py", "3.13", "3.13.1")
    return store


def test_a_pattern_needs_a_claim(gate: Examine, python: Layout, app: Layout) -> None:
    verdict = gate((app, build(app, "pyx")), "official")
    with pytest.raises(Refused) as caught:
        verdict.check()
    assert "official can only approve a base that the build claims: set `base`" in caught.value.hint


@pytest.mark.parametrize("claim", ["python:3.13", "docker.io/library/python:3.13.1", "index.docker.io/python:3.13"])
def test_a_claim_that_the_layers_prove(gate: Examine, python: Layout, app: Layout, claim: str) -> None:
    verdict = gate((app, build(app, "pyx")), "official", base=claim).check()
    assert verdict.findings[0].approval == "official"
    assert verdict.findings[0].base.startswith("docker.io/library/python:3.13")


@pytest.mark.parametrize(
    ("claim", "layers"),
    [("python:3.13", "x"), ("python:9", "pyx"), ("acme/python:3.13", "pyx"), ("python", "pyx")],
)
def test_a_claim_that_the_layers_disprove(gate: Examine, python: Layout, app: Layout, claim: str, layers: str) -> None:
    assert "stands on no approved base" in problem(gate((app, build(app, layers)), "official", base=claim))


def test_a_claim_that_is_gone_is_told(gate: Examine, python: Layout, app: Layout) -> None:
    verdict = gate((app, build(app, "pyx")), "official", base="python:9")
    assert any("there is no tag 9, though the build claims it" in note for note in verdict.notes)


def test_a_claim_in_an_annotation(gate: Examine, python: Layout, app: Layout) -> None:
    digest = str(python.digests(["3.13"])["3.13"])
    for said in ({BASE_NAME: "python:3.13"}, {BASE_NAME: "python", BASE_DIGEST: digest}):
        assert gate((app, build(app, "pyx", annotations=said)), "official").approved
    build(python, "new", "3.13")
    said = {BASE_NAME: "python:3.13", BASE_DIGEST: digest}
    verdict = gate((app, build(app, "pyx", annotations=said)), "official").check()
    assert str(verdict) == f"docker.io/library/python:3.13@{digest} (its tag has moved on)"


def test_a_claim_that_is_no_name_of_an_image(gate: Examine, python: Layout, app: Layout) -> None:
    image = app, build(app, "pyx", annotations={BASE_NAME: "no NAME"})
    assert "says that its base is no NAME" in problem(gate(image, "official", base="python:3.13"))
    with pytest.raises(InputError, match="no NAME"):
        gate(image, "official", base="no NAME")


def test_a_claim_in_a_newer_provenance(gate: Examine, python: Layout, app: Layout) -> None:
    dependencies = [{"uri": "pkg:docker/python@3.13?platform=linux%2Famd64"}]
    statement = {"predicate": {"buildDefinition": {"resolvedDependencies": dependencies}}}
    assert gate((app, build(app, "pyx", statement=statement)), "official").approved


def test_a_claim_in_the_provenance(gate: Examine, python: Layout, app: Layout) -> None:
    digest = str(python.digests(["3.13"])["3.13"]).removeprefix("sha256:")
    build(python, "new", "3.13")
    materials: list[Mapping[str, object]] = [
        {"uri": "https://github.com/acme/app.git", "digest": {"sha1": "a" * 40}},
        {"uri": "pkg:docker/golang@1.26?platform=linux%2Famd64", "digest": {"sha256": "b" * 64}},
        {"uri": "pkg:docker/python@3.13?platform=linux%2Famd64", "digest": {"sha256": digest}},
    ]
    verdict = gate((app, build(app, "pyx", statement={"predicate": {"materials": materials}})), "official").check()
    assert verdict.findings[0].digest == f"sha256:{digest}"
    assert "golang" in " ".join(verdict.notes)


@pytest.mark.parametrize("materials", [[{"uri": 7}], [{"no": "uri"}], ["text"], [{"uri": "pkg:docker/UPPER@@?"}]])
def test_provenance_that_cannot_be_read_approves_nothing(
    gate: Examine, python: Layout, app: Layout, materials: list[Mapping[str, object]]
) -> None:
    assert not gate((app, build(app, "pyx", statement={"predicate": {"materials": materials}})), "official").approved
