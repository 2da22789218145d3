"""What a build must be before it gets a name: the gates that the settings ask for."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tagger.commands.run import Run
from tagger.errors import Refused
from tagger.results import Passed, Verification

if TYPE_CHECKING:
    from tagger.gates.golden import Verdict
    from tagger.gates.signatures.judging import Signers
    from tagger.gates.signatures.places import Found, Target
    from tagger.gates.signatures.rows import Row
    from tagger.images.manifests import Manifest
    from tagger.images.stores import Source, TagStore
    from tagger.rules.cascade import Rules
    from tagger.rules.versions import Version
    from tagger.settings.values import Settings

LAGS = (0.5, 2.0)
"""Seconds that a registry may take to list what was attached."""

__all__ = ["GATES", "Gate", "arrival_of", "gate_of"]


class Gate(NamedTuple):
    """A gate: which settings ask for it, and what looks at the image and raises `Refused`."""

    is_asked: "Callable[[Settings], object]"
    check: "Callable[[Run, Source, Version | None, Rules], Passed]"


def gate_of(run: Run, version: "Version | None", rules: "Rules") -> "Callable[[Source], Passed] | None":
    """Return what looks at the image of a version and raises `Refused`; None where nothing is asked for."""
    asked = [gate for gate in GATES if gate.is_asked(run.settings)]
    if not asked:
        return None

    def passed(source: "Source") -> Passed:
        found = [gate.check(run, source, version, rules) for gate in asked]
        base = next((one.base for one in found if one.base), "")
        return Passed(base, tuple(proof for one in found for proof in one.verified))

    return passed


def arrival_of(run: Run, version: "Version | None") -> "Callable[[TagStore, Manifest], None] | None":
    """Return what looks again at an image and its signatures where they were copied to; None where nobody asks.

    A registry may list what was attached a moment later.
    """
    if not run.settings.verify:
        return None

    def arrival(store: "TagStore", manifest: "Manifest") -> None:
        from time import sleep

        from tagger.gates.signatures.judging import check_signatures

        signers, fields = _signers(run, version)
        what = f"{store.place}: what was copied there, {manifest.digest},"
        for pause in (*LAGS, None):
            try:
                check_signatures(store, manifest, signers, what, fields)
                return
            except Refused:
                if pause is None:
                    raise
                sleep(pause)

    return arrival


def _signers(run: Run, version: "Version | None") -> "tuple[Signers, dict[str, str]]":
    """Return who may have signed a build, and what stands for the fields of the rows."""
    from tagger.gates.signatures.judging import Signers
    from tagger.gates.signatures.rows import parse_row

    rows = tuple(map(parse_row, run.settings.verify))
    numbers = dict(zip(("major", "minor", "patch"), version.numbers, strict=False)) if version else {}
    fields = {"version": version.text, **numbers} if version else {}
    settings = run.settings
    return Signers(rows, settings.trusted_root, run.environ, run.workspace, elsewhere=_at_github(run)), fields


def _at_github(run: Run) -> "Callable[[Target, Sequence[Row]], Found]":
    """Return what finds attestations at GitHub; without a token for it, what says so."""
    from tagger.gates.signatures.github import look_at_github, without_token

    token = run.settings.github_token
    if not token:
        return without_token
    from tagger.images.registry.github_attestations import GithubAttestations

    return look_at_github(GithubAttestations(run.connections.registries.github(token)).bundles)


def _check_version(_run: Run, source: "Source", version: "Version | None", rules: "Rules") -> Passed:
    """Raise `Refused` where one of several builds names another version as its own."""
    from tagger.images.builds import AssembledSource
    from tagger.images.foreign import own_version
    from tagger.version_from.labels import VERSION_LABEL, is_other_version

    for image in source.assembly.images if isinstance(source, AssembledSource) else ():
        text = own_version(image)
        if version and is_other_version(text, version, lambda plain: rules.parse(plain, version.variant)):
            raise Refused(
                f"{image.origin}: {image.platform}, {image.manifest.digest}, is a build of {text}, as its label "
                f"{VERSION_LABEL} says, and {version} is released",
                "Release the builds of this version: digests of another run may be among them.",
                code="FOREIGN",
            )
    return Passed()


def _check_attached(run: Run, source: "Source", _version: "Version | None", _rules: "Rules") -> Passed:
    """Raise `Refused` where what `require-referrer` names is not attached to the image."""
    from tagger.gates.attached import attached_kinds, check_attached
    from tagger.images.sources import ContentSource

    wanted = run.settings.require_referrer
    known = frozenset[str]()
    if isinstance(source, ContentSource):
        known = attached_kinds(source.content, source.root, wanted)
    if run.settings.has_several_builds:
        from tagger.images.builds import AssembledSource

        # The index is new, so what is attached is attached to the builds: to each of them.
        if isinstance(source, AssembledSource):
            for image in source.assembly.images:
                found = known | attached_kinds(source.content, image.manifest, wanted)
                check_attached(wanted, found, f"{image.platform} of {image.origin}")
            return Passed()
    check_attached(wanted, known, source.reference)
    return Passed()


def _check_signatures(run: Run, source: "Source", version: "Version | None", _rules: "Rules") -> Passed:
    """Return who signed the image. Raise `Refused` where that is none of `verify`."""
    from tagger.gates.signatures.judging import check_signatures
    from tagger.images.sources import ContentSource

    if not isinstance(source, ContentSource):
        raise Refused(
            f"{source.reference} has no manifest that somebody could have signed",
            "Push the build by its digest, sign it there, and release it from there.",
            code="NOT_VERIFIED",
        )
    signers, fields = _signers(run, version)
    return Passed(verified=check_signatures(source.content, source.root, signers, source.reference, fields))


def _check_base(run: Run, source: "Source", _version: "Version | None", _rules: "Rules") -> Passed:
    """Return the approved base that the image stands on, and who signed it. Raise `Refused` where it is none."""
    from tagger.gates.bases import examine
    from tagger.images.sources import ContentSource

    settings = run.settings
    image = (source.content, source.root) if isinstance(source, ContentSource) else None
    verdict = examine(
        source.configs(), settings.golden, base=settings.base, image=image, open_place=run.connections.repository
    )
    return Passed(str(verdict.check()), _check_base_signatures(run, verdict))


def _check_base_signatures(run: Run, verdict: "Verdict") -> tuple[Verification, ...]:
    settings = run.settings
    if not (settings.base_verify or any(" " in line for line in settings.golden)):
        return ()
    from tagger.gates.signatures.bases import check_bases
    from tagger.gates.signatures.rows import parse_row

    return check_bases(
        verdict.findings,
        tuple(map(parse_row, settings.base_verify)),
        run.connections.repository,
        trusted_root=settings.trusted_root,
        environ=run.environ,
        workspace=run.workspace,
        elsewhere=_at_github(run),
    )


GATES = (
    Gate(lambda settings: settings.has_several_builds, _check_version),
    Gate(lambda settings: settings.require_referrer, _check_attached),
    Gate(lambda settings: settings.verify, _check_signatures),
    Gate(lambda settings: settings.golden, _check_base),
)
"""The gates, in the order in which they look. `prepare` checks the platforms, which follow from what tags hold now."""
