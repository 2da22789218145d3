"""A release through the proxy, one fault in it, and what must be true afterwards."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tagger.images.registry.repository import RegistryRepository
from tagger.names import Repository
from tests.images.making import make_image
from tests.integration.commands import Ran, tagger
from tests.servers.proxy import FaultProxy
from tests.servers.registries import DockerRegistry

__all__ = ["Bench", "Case", "bench"]

Tags = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Case:
    """What one fault did to a release: the request that it hit, how the run ended, and where the tags were then."""

    fault: str
    lasting: bool
    request: str
    ran: Ran
    moved: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def says(self) -> str:
        """What the user sees: the first error, without what differs from run to run."""
        error = self.ran.document.get("error")
        if self.ran.code == 0 or not error:
            return "released"
        text = re.sub(r"(sha256[:-])[0-9a-f]{8,}(\.\w+)?", r"\1…", str(error["message"]))
        text = re.sub(r"(the tag|pushing) [\w.-]+…?", r"\1 …", text)
        text = re.sub(
            r"(127\.0\.0\.1|localhost):\d+(/acme/[\w-]+)?", lambda m: "the registry" if not m[2] else "", text
        )
        text = re.sub(r"source docker://\S*: : ", "the source: ", text)
        return re.sub(r"\d+\.\d+\.\d+", "2.1.4", text).removeprefix(": ")


@dataclass(slots=True)
class Bench:
    """A repository behind a proxy, into which one version after the other is released."""

    registry: DockerRegistry
    proxy: FaultProxy
    target: RegistryRepository
    builds: RegistryRepository
    name: str
    patch: int = 0
    secrets: set[str] = field(default_factory=set)

    def release(self, version: str, *, retries: int = 0, timeout: float = 20) -> Ran:
        """Release a version, which was built and pushed already, by the command line."""
        words, environ = self.command(version, retries=retries, timeout=timeout)
        return tagger(*words, environ=environ)

    def command(self, version: str, *, retries: int = 0, timeout: float = 20) -> tuple[list[str], dict[str, str]]:
        """Return the words of the command that releases a version, and its environment."""
        own, other = self.proxy.host, f"localhost:{self.proxy.port}"
        user, password = self.registry.login or ("", "")
        logins = f"{own} {user} {password}\n{other} {user} {password}" if user else ""
        words = [
            "release", "--json", "--version", version, "--image", f"{own}/{self.name}",
            "--source", f"docker://{other}/{self.name}-builds:{version}",
            "--jobs", "1", "--timeout", str(timeout), "--retries", str(retries),
        ]  # fmt: skip
        return words, {"TAGGER_LOGINS": logins, "HOME": "/nonexistent"}

    def build(self) -> str:
        """Build the next version, and push it to where builds are; return it."""
        self.patch += 1
        version = f"2.1.{self.patch}"
        make_image(self.builds, f"{self.name} {version}", version)
        return version

    def requests(self) -> list[str]:
        """Release a version without any fault, and return what it asked: each request with the step that it is in."""
        self.proxy.plan("", 0)
        ran = self.release(self.build())
        assert ran.code == 0, ran.err
        kinds = [seen.kind + (" of the build" if "localhost" in seen.host else "") for seen in self.proxy.seen]
        puts = [place for place, kind in enumerate(kinds) if kind == "PUT tag"]
        begins = (kinds.index("HEAD blob"), puts[0], puts[0] + 1, puts[1], puts[-1] + 1)
        steps = ("prepare", "stage", "stage, exact tag", "converge", "converge, floating tags", "converge, look again")
        return [f"{steps[bisect_right(begins, place)]}: {kind}" for place, kind in enumerate(kinds)]

    def look(self, version: str) -> dict[str, str | None]:
        """Return the tags that a release of `version` may touch, and some that it may not; None where there is none."""
        earlier = [f"2.1.{self.patch - back}" for back in (1, 2) if self.patch >= back]
        found = self.target.snapshot(["nightly", *earlier, version, "2.1", "2", "latest"])
        return {**dict.fromkeys(found.tags, "listed"), **found.digests}

    def belongs(self, version: str, before: Tags) -> dict[str, str | None]:
        """Return what the tags hold when a version is released."""
        return {**before, **dict.fromkeys((version, "2.1", "2", "latest"), self.builds.digests([version])[version])}

    def strike(self, fault: str, at: int, *, lasting: bool) -> Case:
        """Release a version with a fault at one of its requests, look, and run the same command again."""
        version = self.build()
        before = self.look(version)
        belongs = self.belongs(version, before)
        self.proxy.plan(fault, at, lasting=lasting)
        timeout, retries = (0.8, 3) if fault == "silent" else (20, 1)  # a busy machine may be silent of itself
        ran = self.release(version, retries=0 if lasting else retries, timeout=timeout)
        hit, elsewhere = self.proxy.hit, self.proxy.elsewhere
        self.secrets |= {seen.authorization.partition(" ")[2] for seen in self.proxy.seen} - {""}
        self.proxy.heal()
        after = self.look(version)
        problems = list(self.problems(ran, before, after, belongs))
        problems += [f"credentials were sent to {seen.host}" for seen in elsewhere if seen.authorization]
        again = self.release(version)
        if again.code:
            problems.append(f"the same command again exits {again.code}: {again.err}")
        if self.look(version) != belongs:
            problems.append("the same command again leaves tags where they do not belong")
        moved = tuple(tag for tag in belongs if after.get(tag) != before.get(tag))
        return Case(fault, lasting, hit.kind if hit else "", ran, moved, tuple(problems))

    def problems(self, ran: Ran, before: Tags, after: Tags, belongs: Tags) -> Iterator[str]:
        """Yield what should not be after a run: tags that are elsewhere, exit codes and reports that are not true."""
        for tag in before.keys() | after.keys() | belongs.keys():
            if after.get(tag) not in (before.get(tag), belongs.get(tag)):
                yield f"{tag} holds {after.get(tag)}"
        if ran.code not in (0, 1):
            yield f"exit {ran.code}"
        if ran.code == 0 and after != belongs:
            yield "exit 0, and not every tag is where it belongs"
        document = json.loads(ran.out)
        if bool(document["error"]) != bool(ran.code):
            yield f"exit {ran.code} with the error {document['error']}"
        for outcome in document.get("repositories", ()):
            for change in outcome["changes"]:
                if change["action"] in ("create", "move", "keep") and after.get(change["tag"]) != change["after"]:
                    yield f"{change['tag']} is said to hold {change['after']}"
            floating = [tag for tag in ("2.1", "2", "latest") if after.get(tag) != before.get(tag)]
            if outcome["status"] in ("failed", "refused", "unchanged") and floating:
                yield f"{outcome['status']}, and {floating} moved"
        said = ran.out + ran.err
        password = (self.registry.login or ("", ""))[1]
        if any(secret in said for secret in {*self.secrets, password} - {""}):
            yield "a secret is in the output"


@contextmanager
def bench(registry: DockerRegistry, name: str) -> Iterator[Bench]:
    """Set up a repository that holds 2.1.0, its floating tags, and a tag that is nobody's."""
    with FaultProxy(registry) as proxy, registry.client() as client:
        target = client.repository(Repository(registry.host, name), write=True)
        builds = client.repository(Repository(registry.host, f"{name}-builds"), write=True)
        made = Bench(registry, proxy, target, builds, name, patch=-1)
        make_image(target, "nightly", "nightly")
        made.requests()
        yield made
