"""Checks who signed the bases of a build, which the golden-image gate found."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from tagger.gates.bases import Approval, Place, parse_line
from tagger.gates.golden import Finding
from tagger.gates.signatures.judging import Signers, check_signatures
from tagger.gates.signatures.places import Found, Target
from tagger.gates.signatures.rows import Row, parse_row
from tagger.images.manifests import Descriptor
from tagger.images.stores import TagStore
from tagger.names import Reference
from tagger.results import Verification

__all__ = ["check_bases"]


def check_bases(
    findings: Iterable[Finding],
    rows: tuple[Row, ...],
    open_place: Callable[[Place], TagStore],
    *,
    trusted_root: str = "",
    environ: Mapping[str, str],
    workspace: Path,
    elsewhere: Callable[[Target, Sequence[Row]], Found] | None = None,
) -> tuple[Verification, ...]:
    """Return what proves who signed the bases of a build, for the platforms of the build.

    Each base is read by the digest that was found by its layers, never by a tag. The signer in its line of `golden`
    must have signed it, or without one any of `rows`; with neither it is not checked. Raise `Refused`, `InputError`,
    `StoreError`.
    """
    proofs: list[Verification] = []
    grouped: dict[tuple[str, str, str], set[str]] = {}
    for one in findings:
        grouped.setdefault((one.base, one.digest, one.approval), set()).add(_short(one.platform))
    for (name, digest, approval), platforms in grouped.items():
        line = parse_line(approval)
        own = (parse_row(line.signer),) if line.signer else rows
        if not own:
            continue
        place = line.place if isinstance(line, Approval) else Reference.parse(name.partition("@")[0]).repository
        store = open_place(place)
        signers = Signers(own, trusted_root, environ, workspace, "golden" if line.signer else "base-verify", elsewhere)
        what = f"the base {name if '@' in name else f'{name}@{digest}'}"
        proofs += check_signatures(store, store.manifest(digest), signers, what, wanted=_platform_filter(platforms))
    return tuple(dict.fromkeys(proofs))


def _platform_filter(platforms: set[str]) -> Callable[[Descriptor], bool]:
    return lambda child: child.platform is None or _short(str(child.platform)) in platforms


def _short(platform: str) -> str:
    return "/".join(platform.split("/")[:2])
