"""The gates, a row each: their options, the parsers of their entries, and the checks of the image."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tagger.errors import InputError, Refused
from tagger.results import Passed
from tagger.settings import mending
from tagger.settings.addresses import reference, without_login
from tagger.settings.mending import suggest
from tagger.settings.option import lines, text, words

if TYPE_CHECKING:  # few runs ask for a gate
    from tagger.gates.bases import Place
    from tagger.gates.signatures.judging import Signers
    from tagger.gates.signatures.places import Found, Target
    from tagger.gates.signatures.rows import Row
    from tagger.images.manifests import Manifest
    from tagger.images.stores import Source, TagStore
    from tagger.rules.versions import Version

__all__ = ["GATES", "LAGS", "Gate", "GateOptions", "Means"]

LAGS = (0.5, 2.0)
"""Seconds between the checks of the signatures of a copy: a registry may list attached artifacts late."""

_gate: dict[str, Any] = {"group": "gates", "commands": ("releases",)}


def _signer(text: str) -> str:
    """Check a row of `verify`. Raise `InputError`."""
    from tagger.gates.signatures.rows import parse_row

    parse_row(text)
    return text


@suggest(mending.artifact_types)
def _artifact_type(text: str) -> str:
    """Check the media type of an artifact, or a word for several types. Raise `InputError`."""
    from tagger.gates.attached import WORDS

    if text not in WORDS and not re.fullmatch(r"[\w.+-]+/[\w.+-]+", text, re.ASCII):
        raise InputError(f"{text!r} is not a media type", f"Write one as application/spdx+json, or {', '.join(WORDS)}.")
    return text


@without_login
def _golden(text: str) -> str:
    """Check a line of `golden`: a base, then perhaps a blank and a row of `verify`. Raise `InputError`."""
    _, _, row = text.partition(" ")
    if row.strip():
        _signer(row.strip())
    return text


class GateOptions:
    """The conditions that an image must meet, and who must have signed it."""

    values: Mapping[str, Any]

    golden = lines(
        "golden", "Approved base images; a build on none of them is refused.", _golden, metavar="BASE",
        example="ghcr.io/acme/golden/python", **_gate,
    )  # fmt: skip
    base = text(
        "base", "The base that this build claims, for approvals that are patterns.", reference,
        metavar="REFERENCE", example="ghcr.io/acme/golden/python:3.13", **_gate,
    )  # fmt: skip
    require_referrer = words(
        "require-referrer",
        "Artifact types, or signature, attestation, sbom, provenance: a build is refused unless one of each is "
        "attached to it.",
        _artifact_type, metavar="TYPE", example="application/spdx+json", **_gate,
    )  # fmt: skip
    verify = lines(
        "verify",
        "Who must have signed the build; one row that fits is enough: keyless repo=… workflow=… ref=… issuer=…, key "
        "FILE, key env:NAME, or builder docker/github-builder repo=….",
        _signer, metavar="ROW", example="keyless repo=acme/app ref=refs/tags/v{{version}} issuer=github", **_gate,
    )  # fmt: skip
    base_verify = lines(
        "base-verify",
        "Who must have signed the base that `golden` found: rows as in `verify`. A line of `golden` may carry its own.",
        _signer, metavar="ROW", example="builder docker/github-builder repo=acme/base", **_gate,
    )  # fmt: skip
    trusted_root = text(
        "trusted-root", "The trusted root of your own Sigstore. Default: that of the public Sigstore, as the library "
        "has it.",
        metavar="FILE", example="trusted_root.json", **_gate,
    )  # fmt: skip


class Means(NamedTuple):
    """What a gate may use besides the image: its version, if it has one, the environment, and the connections.

    `elsewhere` returns a function that finds signatures outside of registries.
    """

    version: "Version | None"
    environ: Mapping[str, str]
    workspace: Path
    open_place: "Callable[[Place], TagStore]"
    elsewhere: "Callable[[], Callable[[Target, Sequence[Row]], Found]]"


class Gate(NamedTuple):
    """A gate: `is_asked` says whether the settings need it; `check` raises `Refused` for a wrong image.

    `arrived` checks the copy in a repository, where that may lack artifacts that are attached to the original.
    """

    is_asked: Callable[[GateOptions], object]
    check: "Callable[[GateOptions, Source, Means], Passed]"
    arrived: "Callable[[GateOptions, TagStore, Manifest, Means], None] | None" = None


def _check_attached(asked: GateOptions, source: "Source", _means: Means) -> Passed:
    from tagger.gates.attached import check_attached

    check_attached(source, asked.require_referrer)
    return Passed()


def _check_signatures(asked: GateOptions, source: "Source", means: Means) -> Passed:
    """Return who signed the image. Raise `Refused` where that is none of `verify`."""
    from tagger.gates.signatures.judging import check_signatures
    from tagger.images.sources import ContentSource

    if not isinstance(source, ContentSource):
        raise Refused(
            f"{source.reference} has no manifest, so it has no signature",
            "Push the build by its digest, sign it there, and release it from there.",
            code="NOT_VERIFIED",
        )
    signers, fields = _signers(asked, means)
    return Passed(verified=check_signatures(source.content, source.root, signers, source.reference, fields))


def _check_copied_signatures(asked: GateOptions, store: "TagStore", manifest: "Manifest", means: Means) -> None:
    """Look again where the signatures were copied to: a registry may list what was attached a moment later."""
    from time import sleep

    from tagger.gates.signatures.judging import check_signatures

    signers, fields = _signers(asked, means)
    what = f"{store.place}: what was copied there, {manifest.digest},"
    for pause in (*LAGS, None):
        try:
            check_signatures(store, manifest, signers, what, fields)
            return
        except Refused:
            if pause is None:
                raise
            sleep(pause)


def _signers(asked: GateOptions, means: Means) -> "tuple[Signers, dict[str, str]]":
    """Return who may have signed a build, and what stands for the fields of the rows."""
    from tagger.gates.signatures.judging import Signers
    from tagger.gates.signatures.rows import parse_row

    version = means.version
    numbers = dict(zip(("major", "minor", "patch"), version.numbers, strict=False)) if version else {}
    fields = {"version": version.text, **numbers} if version else {}
    rows = tuple(map(parse_row, asked.verify))
    return Signers(rows, asked.trusted_root, means.environ, means.workspace, elsewhere=means.elsewhere()), fields


def _check_base(asked: GateOptions, source: "Source", means: Means) -> Passed:
    """Return the approved base that the image stands on, and who signed it. Raise `Refused` where it is none."""
    from tagger.gates.bases import examine
    from tagger.images.sources import ContentSource

    image = (source.content, source.root) if isinstance(source, ContentSource) else None
    verdict = examine(source.configs(), asked.golden, base=asked.base, image=image, open_place=means.open_place)
    base = str(verdict.check())
    if not (asked.base_verify or any(" " in line for line in asked.golden)):
        return Passed(base)
    from tagger.gates.signatures.bases import check_bases
    from tagger.gates.signatures.rows import parse_row

    proofs = check_bases(
        verdict.findings,
        tuple(map(parse_row, asked.base_verify)),
        means.open_place,
        trusted_root=asked.trusted_root,
        environ=means.environ,
        workspace=means.workspace,
        elsewhere=means.elsewhere(),
    )
    return Passed(base, proofs)


GATES = (
    Gate(lambda asked: asked.require_referrer, _check_attached),
    Gate(lambda asked: asked.verify, _check_signatures, _check_copied_signatures),
    Gate(lambda asked: asked.golden, _check_base),
)
"""The gates, in the order in which they look. `prepare` checks the platforms, which follow from what tags hold now."""
