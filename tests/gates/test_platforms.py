"""What platforms an image must have: each once, those asked for, and none fewer than before."""

from pathlib import Path

import pytest

from tagger.errors import Refused
from tagger.gates.platforms import Replaced, check_platforms, manifest_of_each, normal_platform
from tagger.images.layout import Layout
from tagger.images.manifests import OCI_INDEX, OCI_MANIFEST, Manifest
from tagger.images.sources import ContentSource
from tests.images.making import describe, make_image, make_index, put, put_manifest

BOTH = ("linux/amd64", "linux/arm64/v8")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


def source(layout: Layout, image: Manifest) -> ContentSource:
    return ContentSource(layout, image.digest, "oci:layout:app")


def replaced(layout: Layout, image: Manifest) -> list[Replaced]:
    return [Replaced("latest", layout, image.digest)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/arm64/v8", "linux/arm64"), ("linux/arm64", "linux/arm64"), ("linux/arm", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"), ("Linux/x86_64", "linux/amd64"), ("linux/aarch64", "linux/arm64"),
    ],
)  # fmt: skip
def test_the_form_in_which_platforms_are_compared(text: str, expected: str) -> None:
    assert normal_platform(text) == expected


def test_none_fewer_than_before(layout: Layout) -> None:
    before = replaced(layout, make_index(layout, "before", platforms=BOTH))
    check_platforms(source(layout, make_index(layout, "now", platforms=(*BOTH, "linux/s390x"))), (), before)
    for lacking in (
        make_index(layout, "now", platforms=("linux/arm64",)),
        make_image(layout, "now", platform="linux/arm64"),
    ):
        with pytest.raises(
            Refused, match=r"latest has linux/amd64 linux/arm64 now, and \S+ lacks linux/amd64"
        ) as raised:
            check_platforms(source(layout, lacking), (), before)
        assert (raised.value.code, raised.value.exit_code) == ("PLATFORMS", 1)
        check_platforms(source(layout, lacking), ("any",), before)


def test_an_index_after_a_single_image_has_its_platform(layout: Layout) -> None:
    before = replaced(layout, make_image(layout, "before", platform="linux/arm64"))
    check_platforms(source(layout, make_index(layout, "now", platforms=BOTH)), (), before)
    with pytest.raises(Refused, match="lacks linux/arm64"):
        check_platforms(source(layout, make_index(layout, "now", platforms=("linux/amd64",))), (), before)


def test_two_images_of_one_platform_each(layout: Layout) -> None:
    (before,) = replaced(layout, make_image(layout, "before", platform="linux/amd64"))
    check_platforms(source(layout, make_image(layout, "now", platform="linux/amd64")), (), [before])
    other = source(layout, make_image(layout, "now", platform="linux/arm64"))
    with pytest.raises(Refused, match=r"latest has linux/amd64 now, and \S+ lacks linux/amd64"):
        check_platforms(other, (), [before])
    check_platforms(other, ("any",), [before])
    check_platforms(other, (), [before._replace(configs=False)])


@pytest.mark.parametrize("platform", ["unknown/unknown", "/"])
def test_a_config_that_names_no_platform_is_compared_with_nothing(layout: Layout, platform: str) -> None:
    nameless = make_image(layout, "nameless", platform=platform)
    named = make_image(layout, "named", platform="linux/arm64")
    check_platforms(source(layout, nameless), (), replaced(layout, named))
    check_platforms(source(layout, named), (), replaced(layout, nameless))


def test_what_is_no_image_has_no_platform(layout: Layout) -> None:
    config = put(layout, b"values", "application/vnd.cncf.helm.config.v1+json")
    chart = put_manifest(layout, OCI_MANIFEST, {"config": config.to_json(), "layers": []})
    image = make_image(layout, "now")
    check_platforms(source(layout, image), (), replaced(layout, chart))
    check_platforms(source(layout, chart), (), replaced(layout, image))
    nothing = put_manifest(layout, OCI_MANIFEST, {"layers": []})
    check_platforms(source(layout, nothing), (), replaced(layout, image))


def test_exactly_these(layout: Layout) -> None:
    index = source(layout, make_index(layout, "now", platforms=BOTH))
    check_platforms(index, ("linux/arm64", "linux/amd64"), ())
    with pytest.raises(Refused, match="has linux/arm64 besides"):
        check_platforms(index, ("linux/amd64",), ())
    with pytest.raises(Refused, match="lacks linux/arm/v7 and has linux/amd64 linux/arm64 besides"):
        check_platforms(index, ("linux/arm",), ())
    single = source(layout, make_image(layout, "single", platform="linux/amd64"))
    check_platforms(single, ("linux/amd64",), ())
    with pytest.raises(Refused, match="lacks linux/arm64"):
        check_platforms(single, BOTH, ())


def test_a_platform_twice_is_refused_whatever_is_asked_for(layout: Layout) -> None:
    images = [make_image(layout, text, platform="windows/amd64") for text in ("one", "other")]
    entries = [describe(image, "windows/amd64") for image in images]
    twice = source(layout, put_manifest(layout, OCI_INDEX, {"manifests": entries}))
    for wanted in ((), ("any",), ("windows/amd64",)):
        with pytest.raises(Refused, match="has the platform windows/amd64 twice"):
            check_platforms(twice, wanted, ())
    for entry, version in zip(entries, ("10.0.17763.1", "10.0.20348.1"), strict=True):
        entry["platform"]["os.version"] = version
    check_platforms(source(layout, put_manifest(layout, OCI_INDEX, {"manifests": entries})), ("windows/amd64",), ())


def test_attestations_are_no_platform(layout: Layout) -> None:
    index = make_index(layout, "now", platforms=BOTH, attestations=True)
    check_platforms(source(layout, index), BOTH, replaced(layout, index))
    assert set(manifest_of_each(source(layout, index), index.digest)) == {"linux/amd64", "linux/arm64"}


def test_the_manifest_of_a_single_image(layout: Layout) -> None:
    image = make_image(layout, "single", platform="linux/arm64/v8")
    assert manifest_of_each(source(layout, image), image.digest) == {"linux/arm64": image.digest}
