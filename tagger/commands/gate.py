"""What a build must be before it gets a name: the gates that the settings ask for."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tagger.commands.run import Run
from tagger.errors import Refused
from tagger.results import Passed, Verification

if TYPE_CHECKING:
    from tagger.images.stores import Source
    from tagger.rules.cascade import Rules
    from tagger.rules.versions import Version

__all__ = ["gate_of"]


def gate_of(run: Run, version: "Version | None", rules: "Rules") -> "Callable[[Source], Passed] | None":
    """Return what looks at the image of a version and raises `Refused`; None where nothing is asked for."""
    settings = run.settings
    if not (settings.golden or settings.require_referrer or settings.verify or run.settings.has_several_builds):
        return None

    def gate(source: "Source") -> Passed:
        if run.settings.has_several_builds and version:
            _check_version(source, version, rules)
        _check_attached(run, source)
        verified = _check_signatures(run, source, version) if settings.verify else ()
        return Passed(_check_base(run, source) if settings.golden else "", verified)

    return gate


def _check_version(source: "Source", version: "Version", rules: "Rules") -> None:
    """Raise `Refused` where one of several builds names another version as its own."""
    from tagger.images.builds import AssembledSource
    from tagger.images.foreign import own_version
    from tagger.version_from.labels import VERSION_LABEL, is_other_version

    for image in source.assembly.images if isinstance(source, AssembledSource) else ():
        text = own_version(image)
        if is_other_version(text, version, lambda plain: rules.parse(plain, version.variant)):
            raise Refused(
                f"{image.origin}: {image.platform}, {image.manifest.digest}, is a build of {text}, as its label "
                f"{VERSION_LABEL} says, and {version} is released",
                "Release the builds of this version: digests of another run may be among them.",
                code="FOREIGN",
            )


def _check_attached(run: Run, source: "Source") -> None:
    wanted = run.settings.require_referrer
    if wanted:
        from tagger.gates.attached import attached_kinds, check_attached
        from tagger.images.sources import ContentSource

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
                return
        check_attached(wanted, known, source.reference)


def _check_signatures(run: Run, source: "Source", version: "Version | None") -> tuple[Verification, ...]:
    from tagger.gates.signatures.judging import Signers, check_signatures
    from tagger.gates.signatures.rows import parse_row
    from tagger.images.sources import ContentSource

    if not isinstance(source, ContentSource):
        raise Refused(
            f"{source.reference} has no manifest that somebody could have signed",
            "Push the build by its digest, sign it there, and release it from there.",
            code="NOT_VERIFIED",
        )
    settings = run.settings
    rows = tuple(map(parse_row, settings.verify))
    signers = Signers(rows, settings.trusted_root, run.environ, run.workspace)
    numbers = dict(zip(("major", "minor", "patch"), version.numbers, strict=False)) if version else {}
    fields = {"version": version.text, **numbers} if version else {}
    return check_signatures(source.content, source.root, signers, source.reference, fields)


def _check_base(run: Run, source: "Source") -> str:
    from tagger.gates.bases import examine
    from tagger.images.sources import ContentSource

    settings = run.settings
    image = (source.content, source.root) if isinstance(source, ContentSource) else None
    verdict = examine(
        source.configs(), settings.golden, base=settings.base, image=image, open_place=run.connections.repository
    )
    return str(verdict.check())
