"""Signatures that are kept at GitHub: where no registry has the attestation of a build."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from tagger.errors import StoreError
from tagger.gates.signatures.places import Candidate, Found, Target
from tagger.gates.signatures.rows import ISSUERS, Row

__all__ = ["look_at_github"]

List = Callable[[str, str], Iterable[bytes | None]]
"""Returns the bundles of a repository, `OWNER/NAME`, about a digest; None for one that is kept elsewhere."""


def look_at_github(listed: List) -> Callable[[Target, Sequence[Row]], Found]:
    """Return what finds the attestations of the repositories that rows name at GitHub.

    What cannot be asked proves nothing, and is told with its reason.
    """

    def look(target: Target, rows: Sequence[Row]) -> Found:
        candidates: list[Candidate] = []
        unusable: list[tuple[str, str]] = []
        places: list[str] = []
        for repository in dict.fromkeys(_repositories(rows)):
            place = f"GitHub's attestations of {repository}"
            places.append(place)
            try:
                for bundle in listed(repository, target.digest):
                    if bundle is None:
                        unusable.append((place, "GitHub keeps it at an address of its own, which is not read"))
                    else:
                        candidates.append(Candidate(place, "bundle", bundle, target))
            except StoreError as error:
                unusable.append((place, error.message))
        return Found(tuple(candidates), tuple(places), tuple(unusable))

    return look


def _repositories(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the repositories of GitHub that rows name whole."""
    for row in rows:
        name = row.repository.removeprefix(ISSUERS["github"][1])
        if row.kind != "key" and row.issuer == ISSUERS["github"][0] and name.count("/") == 1 and "*" not in name:
            yield name
