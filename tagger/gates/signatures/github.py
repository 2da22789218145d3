"""Finds the attestations that GitHub keeps, for a build whose registry has none."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from tagger.errors import StoreError
from tagger.gates.signatures.places import MOST, Candidate, Found, Target
from tagger.gates.signatures.rows import ISSUERS, Row

__all__ = ["look_at_github", "without_token"]

List = Callable[[str, str], Iterable[bytes | StoreError]]
"""Takes `OWNER/NAME` or an owner, and a digest; returns bundles about it, and errors of unreadable ones."""

NAME = "GitHub's attestations"


def look_at_github(listed: List) -> Callable[[Target, Sequence[Row]], Found]:
    """Return a function that finds the attestations of the repositories or owners that rows name.

    An error while reading is no proof; its reason is in the result.
    """

    def look(target: Target, rows: Sequence[Row]) -> Found:
        candidates: list[Candidate] = []
        unusable: list[tuple[str, str]] = []
        places: list[str] = []
        whose = [_repository_or_owner(row) for row in _of_github(rows)]
        for name in dict.fromkeys(filter(None, whose)):
            place = f"{NAME} of {name}"
            places.append(place)
            try:
                for bundle in listed(name, target.digest):
                    if isinstance(bundle, StoreError):
                        unusable.append((place, bundle.message.removeprefix("GitHub: ")))
                    elif len(candidates) < MOST:
                        candidates.append(Candidate(place, "bundle", bundle, target))
            except StoreError as error:
                unusable.append((place, error.message))
        skipped = (f"{NAME}: a row names no owner, as repo=OWNER/NAME or repo=OWNER/*",) if "" in whose else ()
        return Found(tuple(candidates), tuple(places), tuple(unusable), skipped)

    return look


def without_token(_target: Target, rows: Sequence[Row]) -> Found:
    """Return a result that says that GitHub was not searched, where a row accepts its signatures."""
    asked = any(True for _ in _of_github(rows))
    return Found((), (), (), (f"{NAME}: there is no `github-token`",) if asked else ())


def _of_github(rows: Iterable[Row]) -> Iterator[Row]:
    return (row for row in rows if row.kind != "key" and row.issuer == ISSUERS["github"][0])


def _repository_or_owner(row: Row) -> str:
    """Return the repository of a row, or only its owner where the row names no exact one; empty without an owner."""
    address, site = row.repository or row.workflow, ISSUERS["github"][1]
    owner, _, name = address.removeprefix(site).partition("/")
    if not address.startswith(site) or not owner or "*" in owner:
        return ""
    return owner if not row.repository or "*" in name or not name else f"{owner}/{name}"
