"""The golden-image gate: compares the layers of a build with those of the approved bases."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

from tagger.errors import InputError, Refused
from tagger.images.labels import BASE_DIGEST, BASE_NAME
from tagger.images.stores import ImageConfig
from tagger.names import Reference

__all__ = ["ApprovedBase", "Finding", "Verdict", "judge"]

# An empty tar archive: the layer of an instruction that changes no file. Images of any origin can begin with it.
NOTHING = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"


class ApprovedBase(NamedTuple):
    """An image that builds may stand on. `platforms` has the digest of the manifest and the config of each platform.

    `approval` is the line of `golden` that allows it. `repository` is empty for a layout on disk. `newest` is the
    newest version of its series. `current` says whether the base is that version, or else is what its tag holds; None
    where it has no tag.
    """

    name: str
    digest: str
    approval: str
    platforms: tuple[tuple[str, ImageConfig], ...]
    repository: str = ""
    newest: str = ""
    current: bool | None = None
    withdrawn: bool = False


class Finding(NamedTuple):
    """The base of one platform; `problem` says why it is not approved, and is empty where it is."""

    platform: str
    problem: str = ""
    base: str = ""
    digest: str = ""
    approval: str = ""
    newest: str = ""
    current: bool | None = None
    withdrawn: bool = False

    def __str__(self) -> str:
        name = self.base if "@" in self.base else f"{self.base}@{self.digest}"
        if self.current is not False:
            return name
        return f"{name} ({self.newest} is newer)" if self.newest else f"{name} (its tag has moved on)"


class Verdict(NamedTuple):
    """A finding for each platform. `approvals` are the lines of `golden`; `notes` are for the hint of a refusal."""

    findings: tuple[Finding, ...]
    approvals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def approved(self) -> bool:
        """True where there is a platform, and every platform stands on an approved base."""
        return bool(self.findings) and not any(finding.problem for finding in self.findings)

    def check(self) -> Self:
        """Return the verdict. Raise `Refused` where the build is not approved."""
        if self.approved:
            return self
        problems = [f"{finding.platform} {finding.problem}" for finding in self.findings if finding.problem]
        raise Refused(
            f"golden image: {'; '.join(problems) or 'the build has no platform to look at'}",
            ". ".join((f"Build it on an approved base: {', '.join(self.approvals)}", *self.notes)) + ".",
            code="GOLDEN",
        )

    def __str__(self) -> str:
        return ", ".join(dict.fromkeys(str(finding) for finding in self.findings if finding.base))


class _Match(NamedTuple):
    """One platform of a base, which a platform of the build could stand on."""

    base: ApprovedBase
    manifest: str
    config: ImageConfig

    def count_shared_layers(self, config: ImageConfig) -> int:
        """Return how many of the lowest layers a build shares with this base."""
        pairs = list(zip(config.diff_ids, self.config.diff_ids, strict=False))
        return next((count for count, (own, below) in enumerate(pairs) if own != below), len(pairs))

    @property
    def rank(self) -> tuple[int, bool, bool]:
        """The order of matches: more layers rank higher, then a base that is not withdrawn, then a current one."""
        return len(self.config.diff_ids), not self.base.withdrawn, bool(self.base.current)

    def agrees(self, annotations: Mapping[str, str]) -> bool:
        """Say whether the annotations of a build name this base, or no base.

        The digest may be the index's or the platform's (bazel-contrib/rules_img#410). Of a name only the repository is
        compared, as a tag can move. Labels are not read, as a build inherits them from its base.
        """
        digest, name = annotations.get(BASE_DIGEST, ""), annotations.get(BASE_NAME, "")
        if digest and digest not in (self.base.digest, self.manifest):
            return False
        try:
            return not (name and self.base.repository) or str(Reference.parse(name).repository) == self.base.repository
        except InputError:
            return False


def judge(
    configs: Sequence[ImageConfig],
    bases: Sequence[ApprovedBase],
    approvals: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Verdict:
    """Compare every platform of a build with the approved bases, and return a finding for each.

    A platform stands on a base where its layers (`rootfs.diff_ids`) begin with the base's. Annotations of the build can
    contradict that, and prove nothing. `approvals` are the lines of `golden` that the bases come from.
    """
    hollow = tuple(
        f"{base.name} has no layers and approves nothing"
        for base in bases
        if base.platforms and not any(_has_layers(config) for _, config in base.platforms)
    )
    return Verdict(tuple(_judge(config, bases) for config in configs), tuple(approvals), (*notes, *hollow))


def _judge(config: ImageConfig, bases: Sequence[ApprovedBase]) -> Finding:
    possible = [
        _Match(base, manifest, below)
        for base in bases
        for manifest, below in base.platforms
        if _has_layers(below) and _same_platform(config.platform, below.platform)
    ]
    matches = [match for match in possible if match.count_shared_layers(config) == len(match.config.diff_ids)]
    if not matches:
        return Finding(config.platform, f"stands on no approved base{_nearest(config, possible)}")
    longest = max(matches, key=lambda match: match.rank)
    agreeing = [match for match in matches if match.agrees(config.annotations)]
    base = max(agreeing or matches, key=lambda match: match.rank).base
    problem = ""
    if not agreeing:
        said = [config.annotations[key] for key in (BASE_NAME, BASE_DIGEST) if key in config.annotations]
        problem = f"says that its base is {'@'.join(said)}, and has the layers of {base.name}@{base.digest}"
    elif base.withdrawn or longest.base.withdrawn:
        base = base if base.withdrawn else longest.base
        problem = f"stands on {base.name}, which was withdrawn"
    return Finding(
        config.platform, problem, base.name, base.digest, base.approval, base.newest, base.current, base.withdrawn
    )


def _nearest(config: ImageConfig, possible: Sequence[_Match]) -> str:
    nearest = max(possible, key=lambda match: match.count_shared_layers(config), default=None)
    shared = nearest.count_shared_layers(config) if nearest else 0
    if nearest is None or not shared:
        return ""
    return f": it has {shared} of the {len(nearest.config.diff_ids)} layers of {nearest.base.name}"


def _has_layers(config: ImageConfig) -> bool:
    """Say whether a base has a layer that is not empty; without one, every image would stand on it."""
    return any(layer != NOTHING for layer in config.diff_ids)


def _same_platform(one: str, other: str) -> bool:
    """Say whether two platforms are the same; a variant that only one of them names (`linux/arm64/v8`) is ignored."""
    ours, theirs = one.split("/"), other.split("/")
    return all(own == its for own, its in zip(ours, theirs, strict=False)) and min(len(ours), len(theirs)) >= 2
