"""Measures putting four tags on an image that is in the repository already, as most releases do."""

from collections.abc import Mapping, Sequence
from functools import partial

from benchmarks.images import Image, make_image, make_index, push, standing
from benchmarks.measuring import Contestant, Costs, in_turn
from benchmarks.report import Section, bars, table
from benchmarks.servers import Service
from benchmarks.testbed import Testbed

__all__ = ["DELAYS", "OURS", "failures_text", "measure", "times_table"]

DELAYS = (0, 20, 50)
NAME, INDEXED, DOCKERS = "acme/app", "acme/index", "acme/docker"
FLOATING = ("2.1", "2", "latest")
TAGS = ("2.1.4", *FLOATING)
OURS = "tagger release"

ORAS_PY = """
import base64, os, sys, oras.client
host, name, insecure, *tags = sys.argv[1:]
client = oras.client.OrasClient(hostname=host, insecure=insecure == "True", tls_verify=True)
client.auth.set_basic_auth(*base64.b64decode(os.environ["LOGIN"]).decode().split(":"))
scheme = "http" if insecure == "True" else "https"
accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
got = client.do_request(f"{scheme}://{host}/v2/{name}/manifests/{tags[0]}", "GET", headers=accept)
for tag in tags:
    client.auth.token = None  # it would send the token that only allows to pull
    put = client.do_request(f"{scheme}://{host}/v2/{name}/manifests/{tag}", "PUT", data=got.content,
                            headers={"Content-Type": got.headers["Content-Type"]})
    assert put.status_code == 201, put.text
"""


def measure(testbed: Testbed) -> Section:
    """Measure every contestant at every delay, on a registry over TLS that needs tokens and on an open one."""
    text, pictures = [], {}
    for title, service in (("TLS and tokens, the realm unknown", testbed.guarded), ("open, plain HTTP", testbed.open)):
        found: dict[int, Mapping[str, Costs]] = {}
        contestants = _contestants(testbed, service)
        for delay in DELAYS:
            testbed.line.delay(delay)
            found[delay] = in_turn(testbed.bench, contestants, service)
        testbed.line.delay(0)
        text += [f"### {title}", times_table(found), failures_text(found)]
        if service is testbed.guarded:
            text += ["### Bars", _bars(found)]
        values = [(name, costs.median("wall") * 1e3, _ms(costs.spread("wall"))) for name, costs in found[50].items()]
        kind = "guarded" if service is testbed.guarded else "open"
        pictures[f"retag-{kind}.svg"] = bars(f"One image to four tags at 50 ms: {title}", values, "ms", OURS)
    absent = [name for name in ("crane", "regctl", "docker-buildx", "oras", "skopeo") if not testbed.program(name)]
    if absent:
        text.append(f"Not on this machine, and so not measured: {', '.join(absent)}.")
    return Section("\n\n".join(filter(None, text)), pictures)


def _contestants(testbed: Testbed, service: Service) -> Sequence[Contestant]:
    old, new = make_image("the release before"), make_image("the release")
    push(service, NAME, old, "2.1.3")
    push(service, NAME, new, "2.1.4")
    reset = partial(push, service, NAME, old, *FLOATING)
    check = partial(_check, service, NAME, new)
    place, guarded = f"{service.host}/{NAME}", service.authority is not None
    pinned = f"{place}@{new.digest}"

    def contestant(name: str, command: Sequence[str], environ: Mapping[str, str] | None = None) -> Contestant:
        return Contestant(name, command, reset, check, environ)

    def several(name: str, commands: Sequence[Sequence[str]], joint: str = " && ") -> Contestant:
        wait = "" if joint == " && " else " & wait"
        return contestant(name, ["sh", "-c", joint.join(" ".join(command) for command in commands) + wait])

    environment = testbed.step_environment(
        "release", images=place, version="2.1.4", insecure="" if guarded else service.host
    )
    trust = testbed.trust if guarded else {}
    found = [
        contestant("limit", testbed.limit(service, NAME, TAGS)),
        contestant(OURS, ["env", "-u", "SSL_CERT_FILE", *testbed.tagger()], {**trust, **environment}),
    ]
    if guarded:
        realm = {"REALM": f"https://{testbed.tokens.host}/token", "SERVICE": "benchmarks"}
        found.append(contestant("limit, realm known", testbed.limit(service, NAME, TAGS), realm))
    if crane := testbed.program("crane"):
        each = [[crane, *([] if guarded else ["--insecure"]), "tag", pinned, tag] for tag in TAGS]
        found += [several("crane tag ×4", each), several("crane tag ×4 at once", each, " & ")]
    if regctl := testbed.program("regctl"):
        host = [] if guarded else ["--host", f"reg={service.host},tls=disabled"]
        copies = [[regctl, *host, "image", "copy", pinned, f"{place}:{tag}"] for tag in TAGS]
        found.append(several("regctl image copy ×4", copies))
    if oras := testbed.program("oras"):
        plain = [] if guarded else ["--plain-http"]
        found.append(contestant("oras tag", [oras, "tag", *plain, f"{place}:2.1.4", *FLOATING]))
    if (buildx := testbed.program("docker-buildx")) and guarded:
        found.append(_imagetools(buildx, service, new, old))
    if skopeo := testbed.program("skopeo"):
        tls = [] if guarded else ["--src-tls-verify=false", "--dest-tls-verify=false"]
        copy = [skopeo, "copy", "--quiet", "--preserve-digests", *tls, f"docker://{pinned}"]
        found.append(several("skopeo copy ×4", [[*copy, f"docker://{place}:{tag}"] for tag in TAGS]))
    if testbed.oras_py:
        script = testbed.folder / "oras_retag.py"
        script.write_text(ORAS_PY)
        found.append(contestant("oras-py", [testbed.oras_py, str(script), service.host, NAME, str(not guarded), *TAGS]))
    if docker := testbed.program("docker"):
        found.append(_docker(testbed, docker, service, new, old))
    return found


def _imagetools(buildx: str, service: Service, new: Image, old: Image) -> Contestant:
    """Give buildx an index: it would wrap a single manifest into an index, which is another image."""
    index, before = make_index(new), make_index(old)
    for image in (old, new):
        push(service, INDEXED, image)
    push(service, INDEXED, index, "2.1.4")
    place = f"{service.host}/{INDEXED}"
    names = [word for tag in TAGS for word in ("-t", f"{place}:{tag}")]
    return Contestant(
        "buildx imagetools create",
        [buildx, "imagetools", "create", *names, f"{place}@{index.digest}"],
        partial(push, service, INDEXED, before, *FLOATING),
        partial(_check, service, INDEXED, index),
    )


def _docker(testbed: Testbed, docker: str, service: Service, new: Image, old: Image) -> Contestant:
    """Give docker a repository of its own: it pushes a pulled image with a new manifest."""
    place = f"{service.host}/{DOCKERS}"

    def reset() -> None:
        push(service, DOCKERS, new, "2.1.4")
        push(service, DOCKERS, old, *FLOATING)

    commands = [
        ["export", f"DOCKER_HOST={testbed.engine.host}"],
        [docker, "pull", "--quiet", f"{place}:2.1.4"],
        *([docker, "tag", f"{place}:2.1.4", f"{place}:{tag}"] for tag in FLOATING),
        *([docker, "push", "--quiet", f"{place}:{tag}"] for tag in TAGS),
    ]
    script = " && ".join(" ".join(command) for command in commands)
    return Contestant("docker pull, tag, push ×4", ["sh", "-c", script], reset, partial(_check, service, DOCKERS, None))


def _check(service: Service, name: str, image: Image | None) -> None:
    """Check that all tags hold the image; with None, that all hold the same one."""
    held = standing(service, name, *TAGS)
    assert held == [image.digest if image else held[0]] * len(TAGS), f"the tags hold {held}"


def times_table(found: Mapping[int, Mapping[str, Costs]]) -> str:
    """Return a table of all contestants; the round trips in sequence are the slope of the time over the delay."""
    head = ["", *(f"{delay} ms" for delay in DELAYS), "round trips", "requests", "connections", "CPU ms", "peak MiB"]
    rows = []
    for name, last in sorted(found[DELAYS[-1]].items(), key=lambda entry: entry[1].median("wall")):
        walls = [found[delay][name] for delay in DELAYS]
        slope = (last.median("wall") - walls[0].median("wall")) / (DELAYS[-1] / 1e3)
        times = [f"{costs.median('wall') * 1e3:.0f} ({_range(_ms(costs.spread('wall')))})" for costs in walls]
        numbers = [f"{last.median(what):.0f}" for what in ("requests", "connections")]
        cpu, peak = walls[0].median("cpu") * 1e3, last.median("peak")
        rows.append([name, *times, f"{slope:.1f}", *numbers, f"{cpu:.0f}", f"{peak:.0f}"])
    return table(head, rows)


def _bars(found: Mapping[int, Mapping[str, Costs]]) -> str:
    near, middle, far = ({name: costs.median("wall") for name, costs in found[delay].items()} for delay in DELAYS)
    wanted = [
        ("1.2 × limit, 50 ms", far, "limit", 1.2),
        ("1.4 × limit, 20 ms", middle, "limit", 1.4),
        ("crane ×4 at once, 50 ms", far, "crane tag ×4 at once", 1.0),
        ("oras tag, 50 ms", far, "oras tag", 1.0),
        ("2 × imagetools, 0 ms", near, "buildx imagetools create", 2.0),
    ]
    rows = []
    for title, times, other, factor in wanted:
        if other not in times:
            rows.append([title, "absent", f"{times[OURS] * 1e3:.0f}", ""])
            continue
        bar = times[other] * factor
        verdict = "yes" if times[OURS] <= bar else f"no: {times[OURS] / times[other]:.2f} ×"
        rows.append([title, f"{bar * 1e3:.0f}", f"{times[OURS] * 1e3:.0f}", verdict])
    return table(["bar", "ms at most", "ours", "reached"], rows)


def failures_text(found: Mapping[int, Mapping[str, Costs]]) -> str:
    failed: dict[str, int] = {}
    for costs in found.values():
        for name, cost in costs.items():
            failed[name] = failed.get(name, 0) + len(cost.failures)
    said = [f"{name} {count} times" for name, count in failed.items() if count]
    return f"Failed, and run again: {', '.join(said)}." if said else ""


def _ms(spread: tuple[float, float]) -> tuple[float, float]:
    return spread[0] * 1e3, spread[1] * 1e3


def _range(spread: tuple[float, float]) -> str:
    return f"{spread[0]:.0f}–{spread[1]:.0f}"
