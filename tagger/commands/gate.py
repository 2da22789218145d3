"""Makes the gates that the settings ask for, which check a build before anything is written."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tagger.commands.run import Run
from tagger.errors import Refused
from tagger.results import Passed
from tagger.settings.gates import GATES, Gate, Means

if TYPE_CHECKING:
    from tagger.gates.signatures.places import Found, Target
    from tagger.gates.signatures.rows import Row
    from tagger.images.manifests import Manifest
    from tagger.images.stores import Source, TagStore
    from tagger.rules.cascade import Rules
    from tagger.rules.versions import Version

__all__ = ["arrival_of", "gate_of"]


def gate_of(run: Run, version: "Version | None", rules: "Rules") -> "Callable[[Source], Passed] | None":
    """Return the function that checks the image of a version and raises `Refused`; None where no gate is set."""
    in_use = _gates_in_use(run)
    if not in_use and not run.settings.has_several_builds:
        return None

    def check(source: "Source") -> Passed:
        if run.settings.has_several_builds:
            _check_version(source, version, rules)
        means = _means(run, version)
        found = [gate.check(run.settings, source, means) for gate in in_use]
        base = next((one.base for one in found if one.base), "")
        return Passed(base, tuple(proof for one in found for proof in one.verified))

    return check


def arrival_of(run: Run, version: "Version | None") -> "Callable[[TagStore, Manifest], None] | None":
    """Return the function that checks an image again where it was copied to; None where no gate needs that."""
    looks = [gate.arrived for gate in _gates_in_use(run) if gate.arrived]
    if not looks:
        return None

    def arrival(store: "TagStore", manifest: "Manifest") -> None:
        for look in looks:
            look(run.settings, store, manifest, _means(run, version))

    return arrival


def _gates_in_use(run: Run) -> list[Gate]:
    return [gate for gate in GATES if gate.is_asked(run.settings)]


def _means(run: Run, version: "Version | None") -> Means:
    return Means(version, run.environ, run.workspace, run.connections.repository, lambda: _at_github(run))


def _at_github(run: Run) -> "Callable[[Target, Sequence[Row]], Found]":
    """Return the function that finds attestations at GitHub; without a token, one that reports that."""
    from tagger.gates.signatures.github import look_at_github, without_token

    token = run.settings.github_token
    if not token:
        return without_token
    from tagger.images.registry.github_attestations import GithubAttestations

    return look_at_github(GithubAttestations(run.connections.registries.github(token)).bundles)


def _check_version(source: "Source", version: "Version | None", rules: "Rules") -> None:
    """Raise `Refused` where the own version label of one of several builds names another version."""
    from tagger.images.builds import AssembledSource
    from tagger.images.foreign import own_version
    from tagger.version_from.labels import VERSION_LABEL, is_other_version

    for image in source.assembly.images if isinstance(source, AssembledSource) else ():
        text = own_version(image)
        if version and is_other_version(text, version, lambda plain: rules.parse(plain, version.variant)):
            raise Refused(
                f"{image.origin}: {image.platform}, {image.manifest.digest}, is a build of {text} by its label "
                f"{VERSION_LABEL}, and {version} is released",
                "Release only builds of this version: digests of another run may be among them.",
                code="FOREIGN",
            )
