"""Measures merging the builds of two platforms to one index under four tags, and releasing one image."""

import json
from collections.abc import Mapping, Sequence
from functools import partial

from benchmarks.images import Image, make_image, make_index, push, standing
from benchmarks.measuring import Contestant, Costs, in_turn
from benchmarks.report import Section
from benchmarks.retag import DELAYS, failures_text, times_table
from benchmarks.testbed import Testbed

__all__ = ["measure"]

NAME, TAGS = "acme/merged", ("2.1.4", "2.1", "2", "latest")
ARCHITECTURES = ("amd64", "arm64")
ONE, TWO = "tagger release, one image", "tagger release, two builds"


def measure(testbed: Testbed) -> Section:
    """Measure the merge beside `imagetools create` and the release of one image, over TLS and with tokens."""
    found: dict[int, Mapping[str, Costs]] = {}
    contestants = _contestants(testbed)
    for delay in DELAYS:
        testbed.line.delay(delay)
        found[delay] = in_turn(testbed.bench, contestants, testbed.guarded)
    testbed.line.delay(0)
    slopes = {name: _slope(found, name) for name in (ONE, TWO)}
    more = f"The merge takes {slopes[TWO] - slopes[ONE]:.1f} round trips more than one image."
    absent = "" if testbed.program("docker-buildx") else "Not on this machine, and so not measured: docker-buildx."
    return Section("\n\n".join(filter(None, (times_table(found), failures_text(found), more, absent))), {})


def _slope(found: Mapping[int, Mapping[str, Costs]], name: str) -> float:
    near, far = found[DELAYS[0]][name].median("wall"), found[DELAYS[-1]][name].median("wall")
    return (far - near) / (DELAYS[-1] / 1e3)


def _contestants(testbed: Testbed) -> Sequence[Contestant]:
    """Give each contestant its own repository, with the version before and an index for each leg of a build."""
    service = testbed.guarded

    def contestant(name: str, place: str, command: Sequence[str], environ: Mapping[str, str] | None) -> Contestant:
        before = _legs("the release before")
        whole = make_index(*(image for image, _ in before), architectures=ARCHITECTURES)
        for image, leg in (*before, *_legs("the release")):
            push(service, place, image)
            push(service, place, leg)
        push(service, place, whole, "2.1.3")
        # The exact tag holds another image after this, so that each run has to write it.
        return Contestant(
            name, command, partial(push, service, place, whole, *TAGS), partial(_check, testbed, place, whole), environ
        )

    def ours(name: str, place: str, *words: str) -> Contestant:
        command = testbed.tagger(
            "release", "--image", f"{service.host}/{place}", "--version", "2.1.4", "--on-conflict", "overwrite", *words
        )
        return contestant(name, place, ["env", "-u", "SSL_CERT_FILE", *command], testbed.trust)

    legs = [leg for _, leg in _legs("the release")]
    merged = make_index(*(image for image, _ in _legs("the release")), architectures=ARCHITECTURES)
    one = ours(ONE, f"{NAME}-one", "--source", f"docker://{service.host}/{NAME}-one@{merged.digest}")
    push(service, f"{NAME}-one", merged)
    digests = json.dumps({f"digest-{number}": leg.digest for number, leg in enumerate(legs)})
    found = [one, ours(TWO, f"{NAME}-two", "--digests", digests)]
    if buildx := testbed.program("docker-buildx"):
        place = f"{service.host}/{NAME}-buildx"
        names = [word for tag in TAGS for word in ("-t", f"{place}:{tag}")]
        command = [buildx, "imagetools", "create", *names, *(f"{place}@{leg.digest}" for leg in legs)]
        found.append(contestant("buildx imagetools create", f"{NAME}-buildx", command, None))
    return found


def _legs(text: str) -> Sequence[tuple[Image, Image]]:
    """Return the image of each platform, and the index that a build pushes around it."""
    images = [make_image(f"{text} {one}", one) for one in ARCHITECTURES]
    return [(image, make_index(image, architectures=[one])) for image, one in zip(images, ARCHITECTURES, strict=True)]


def _check(testbed: Testbed, place: str, before: Image) -> None:
    """Check that all tags hold one image, which is not the one before."""
    held = standing(testbed.guarded, place, *TAGS)
    assert held == [held[0]] * len(TAGS), f"the tags hold {held}"
    assert held[0] not in (None, before.digest), f"the tags hold {held}"
