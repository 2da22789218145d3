"""Releases into a registry that answers anything: nothing breaks, and an honest run mends what is left.

`python -m tests.faults.hostile [FIRST] LAST` tries the seeds in between.
"""

import io
import json
import random
import sys
import time
import traceback
from collections.abc import Iterator

from tagger.cli import run
from tagger.names import Repository
from tests.images.making import make_index
from tests.servers.hostile_registry import HostileRegistry

__all__ = ["LONGEST", "hostile_runs"]

LONGEST = 30.0
"""Seconds that a run may take whose requests time out after one second, and are not repeated."""

TAGS = ("2.1.4", "2.1", "2", "latest")


def hostile_runs(seeds: range) -> Iterator[str]:
    """Release once for each seed, and once more by honest answers; yield what should not be."""
    for seed in seeds:
        with HostileRegistry() as registry:
            yield from (f"seed {seed}: {problem}" for problem in _problems(registry, seed))


def _problems(registry: HostileRegistry, seed: int) -> Iterator[str]:
    with registry.client() as client:
        builds = client.repository(Repository(registry.host, "acme/builds"), write=True)
        old, new = (make_index(builds, text, text) for text in ("old", "new"))
    before = {"2.1.3": old.digest, "2.1": old.digest, "2": old.digest, "latest": old.digest, "nightly": old.digest}
    wanted = {**before, **dict.fromkeys(TAGS, new.digest)}
    first = _release(registry, old.digest, "2.1.3")
    yield from () if first[0] == 0 else [f"the version before was not released: {first[2]}"]
    registry.put("acme/app", "nightly", old)
    registry.writes.clear()
    dice = random.Random(seed)
    registry.dice, registry.rate = dice, dice.choice((0.05, 0.1, 0.3, 0.9))
    begun = time.monotonic()
    try:
        code, out, err = _release(registry, new.digest, "2.1.4", timeout=1)
    except Exception:
        yield traceback.format_exc()
        return
    finally:
        registry.rate = 0.0
    if time.monotonic() - begun > LONGEST:
        yield f"it took {time.monotonic() - begun:.0f} s"
    try:
        error = json.loads(out)["error"]
    except (ValueError, TypeError, KeyError):
        yield f"no report: {out[:200]!r} {err[:200]!r}"
        return
    if code not in (0, 1, 2) or bool(code) != bool(error):
        yield f"exit {code} with the error {error}"
    if any(sign in out + err for sign in "\x1b\x07\x00"):
        yield f"a control character in {out!r} {err!r}"
    allowed = {*TAGS, *registry.store.repositories["acme/builds"].manifests}
    for name, reference in registry.writes:
        tag = reference.replace("-", ":", 1)
        if name != "acme/app" or (reference not in allowed and tag not in allowed):
            yield f"{name}: {reference} was written"
    tags = registry.tags("acme/app")
    wrong = [tag for tag, digest in tags.items() if digest not in (before.get(tag), wanted.get(tag)) and ":" not in tag]
    yield from (f"{tag} holds {tags[tag]}" for tag in wrong if not tag.startswith("sha256-"))
    if code == 0 and any(tags.get(tag) != wanted[tag] for tag in wanted):
        yield f"exit 0, and the tags are {tags}"
    code, out, err = _release(registry, new.digest, "2.1.4")
    tags = registry.tags("acme/app")
    if code or any(tags.get(tag) != wanted[tag] for tag in wanted):
        yield f"the second run exits {code}, and the tags are {tags}: {err}"


def _release(registry: HostileRegistry, digest: str, version: str, timeout: int = 30) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    words = [
        "release", "--json", "--version", version, "--image", f"{registry.host}/acme/app",
        "--source", f"docker://{registry.host}/acme/builds@{digest}", "--timeout", str(timeout), "--retries", "0",
    ]  # fmt: skip
    code = run(words, {"HOME": "/nonexistent"}, out, err, io.StringIO())
    return code, out.getvalue(), err.getvalue()


def _main(first: int, last: int) -> int:
    """Try the seeds from `first` up to `last`, and tell how far it is after each hundred; return the exit code."""
    found = 0
    for begin in range(first, last, 100):
        seeds = range(begin, min(begin + 100, last))
        for problem in hostile_runs(seeds):
            found += 1
            print(ascii(problem), flush=True)
        print(f"{seeds.stop - first} releases by a hostile registry, {found} problems", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(_main(*([0, *map(int, sys.argv[1:])][-2:])))
