"""The gate of signatures: one of the rows must accept a signature of the image, or of each of its platforms."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from tagger.errors import InputError, Refused
from tagger.gates.signatures.places import Candidate, Found, SignedContent, Target, look, targets
from tagger.gates.signatures.rows import Row
from tagger.gates.signatures.statements import Rejected
from tagger.images.configs import is_attestation
from tagger.images.manifests import Descriptor, Manifest
from tagger.images.walk import check_width
from tagger.results import Verification

if TYPE_CHECKING:
    from tagger.gates.signatures.keys import PublicKey

__all__ = ["Signers", "check_signatures"]


class Signers(NamedTuple):
    """The accepted signers: any one row is enough. `trusted_root` is a file, or empty for Sigstore's own roots.

    `setting` is the setting that the rows come from. `elsewhere` finds signatures outside of the registry; it is called
    where the registry has none that is accepted.
    """

    rows: tuple[Row, ...]
    trusted_root: str = ""
    environ: Mapping[str, str] = {}
    workspace: Path = Path()
    setting: str = "verify"
    elsewhere: Callable[[Target, Sequence[Row]], Found] | None = None


NOTHING = "no signature was found"

_CURES = {
    "verify": "Sign the build by its digest where it is pushed, before its release: actions/attest, or `cosign sign`.",
    "base-verify": "Build on a base that one of these has signed, or name in `base-verify` who signs this one.",
    "golden": "Build on a base that this publisher has signed, or correct the line of `golden`.",
}


class _Result(NamedTuple):
    """The result for one manifest: what is proved, the places that were searched, and why signatures do not count.

    `reasons` are pairs of a place and a reason. `skipped` are places that were not searched, with the reason.
    """

    proved: Verification | None
    places: tuple[str, ...]
    reasons: tuple[tuple[str, str], ...]
    skipped: tuple[str, ...] = ()


def check_signatures(
    content: SignedContent,
    root: Manifest,
    signers: Signers,
    what: str,
    fields: Mapping[str, str] = MappingProxyType({}),
    wanted: Callable[[Descriptor], bool] = lambda _: True,
) -> tuple[Verification, ...]:
    """Return what proves who signed an image: one proof of the image itself, or one for each platform.

    `what` names the image in messages. `fields` fill in `{{version}}` and its parts. `wanted` says which platforms
    count. Raise `Refused`, which names every place that was searched, and every signature with the reason why it does
    not count; `InputError` where a key or the trusted root cannot be read; `StoreError`.
    """
    rows = [row.of_version(fields) for row in signers.rows]
    keys = _keys(rows, signers)
    whole = _judge(content, [Target(root.digest, len(root.content))], rows, keys, signers)
    if whole.proved:
        return (whole.proved,)
    children = [child for child in root.children() if not is_attestation(child) and wanted(child)]
    check_width(len(children), root, content.place)
    parts = [(child, _judge(content, list(targets(content, root, child)), rows, keys, signers)) for child in children]
    if parts and all(one.proved for _, one in parts):
        return tuple(one.proved for _, one in parts if one.proved)
    failed = {str(child.platform or child.digest): one for child, one in parts if not one.proved}
    raise _refusal(what, signers, whole, failed)


def _judge(
    content: SignedContent,
    about: Sequence[Target],
    rows: Sequence[Row],
    keys: Mapping[str, "PublicKey"],
    signers: Signers,
) -> _Result:
    """Check the signatures of a manifest until a row accepts one."""
    places: list[str] = []
    reasons: list[tuple[str, str]] = []
    skipped: list[str] = []
    for found in _search(content, about, rows, signers):
        places.extend(found.places)
        skipped.extend(found.skipped)
        reasons.extend(found.unusable)
        for candidate in found.candidates:
            for row in rows:
                try:
                    return _Result(_prove(candidate, row, keys, signers), tuple(places), tuple(reasons))
                except Rejected as reason:
                    reasons.append((candidate.found_at, str(reason)))
    return _Result(None, tuple(places), tuple(dict.fromkeys(reasons)), tuple(dict.fromkeys(skipped)))


def _search(content: SignedContent, about: Sequence[Target], rows: Sequence[Row], signers: Signers) -> Iterator[Found]:
    yield from (look(content, target) for target in about)
    if signers.elsewhere:
        yield from (signers.elsewhere(target, rows) for target in about)


def _prove(candidate: Candidate, row: Row, keys: Mapping[str, "PublicKey"], signers: Signers) -> Verification:
    if candidate.kind == "unsupported":
        raise Rejected("a notation signature, which Tagger cannot verify")
    if row.kind == "key":
        from tagger.gates.signatures.keys import verify as verify_key

        predicate = verify_key(candidate, keys[row.name], row)
        return Verification(candidate.target.digest, row.text, predicate=predicate, found_at=candidate.found_at)
    from tagger.gates.signatures.keyless import open_verifier, verify

    return verify(candidate, open_verifier(signers.trusted_root), row)


def _keys(rows: Sequence[Row], signers: Signers) -> "dict[str, PublicKey]":
    """Return the key of each row that has one, and open the trusted root where a row needs it. Raise `InputError`."""
    try:
        if any(row.kind != "key" for row in rows):
            from tagger.gates.signatures.keyless import open_verifier

            open_verifier(signers.trusted_root)
        if not any(row.kind == "key" for row in rows):
            return {}
        from tagger.gates.signatures.keys import read_key
    except ImportError as error:
        raise InputError(
            f"`{signers.setting}` needs the package {error.name}, which is not installed",
            "Use the image whose tag ends in -verify, or `pip install -r requirements-verify.txt`.",
        ) from error
    return {row.name: read_key(row, dict(signers.environ), signers.workspace) for row in rows if row.kind == "key"}


def _refusal(what: str, signers: Signers, whole: _Result, failed: Mapping[str, _Result]) -> Refused:
    lines = [f"{place}: {reason}" for place, reason in dict.fromkeys(whole.reasons)]
    for platform, looked in failed.items():
        told = [f"{place}: {reason}" for place, reason in looked.reasons] or [NOTHING]
        lines += [f"{platform}: {line}" for line in told]
    places = dict.fromkeys((*whole.places, *(place for looked in failed.values() for place in looked.places)))
    found = "\n".join(f"- {line}" for line in lines or [NOTHING])
    wanted = " or ".join(f"`{row}`" for row in signers.rows)
    skipped = dict.fromkeys((*whole.skipped, *(place for looked in failed.values() for place in looked.skipped)))
    return Refused(
        f"{what} was signed by none of those that `{signers.setting}` names: {wanted}\n{found}\n"
        f"Looked at: {'; '.join(places)}" + (f"\nNot looked at: {'; '.join(skipped)}" if skipped else ""),
        _CURES.get(signers.setting, _CURES["verify"]),
        code="NOT_VERIFIED",
    )
