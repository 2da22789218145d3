"""Reads the lines of `golden` and the approved bases that they name."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from tagger.concurrency import AT_ONCE, at_once, run_all
from tagger.errors import InputError, NotFound, Refused
from tagger.gates.golden import ApprovedBase, Verdict, judge
from tagger.gates.provenance import materials
from tagger.images.artifacts import LIFTED_DIGEST
from tagger.images.configs import platform_manifests
from tagger.images.labels import BASE_DIGEST, BASE_NAME
from tagger.images.manifests import Manifest, Platform
from tagger.images.stores import Content, ImageConfig, TagStore
from tagger.names import DIGEST, Reference, Repository
from tagger.rules.marks import WITHDRAWN_MARK

__all__ = ["Approval", "Pattern", "Place", "examine", "newest_of_series", "parse_line"]

Place = Repository | Path
"""A repository of a registry, or an OCI layout on disk."""

# No setting says how base repositories write versions: a tag of two to four numbers is one, with any suffix.
_VERSION = re.compile(r"v?(?P<numbers>[0-9]+(?:\.[0-9]+){1,3})(?P<rest>[-._a-zA-Z].*)?")


class Approval(NamedTuple):
    """An image that builds may stand on; without a tag and a digest, every version of a repository.

    `line` is the line of `golden` that allows it. `name` is the text of the place. `claimed` is true where only the
    build names the image, and a pattern allows it. `signer` is the row that says who must have signed the image; empty
    where the line has none.
    """

    line: str
    place: Place
    name: str
    tag: str = ""
    digest: str = ""
    claimed: bool = False
    signer: str = ""


class Pattern(NamedTuple):
    """A pattern of the bases that a build may claim; in `name` and `tag`, `*` stands for any text without a slash."""

    line: str
    name: str
    tag: str = "*"
    signer: str = ""

    def allows(self, claim: Reference) -> bool:
        """Say whether a build may claim this base."""
        return _like(self.name, str(claim.repository)) and _like(self.tag, claim.tag)


def parse_line(line: str) -> Approval | Pattern:
    """Return a line of `golden` as a record: a base, then after a space who must have signed it. Raise `InputError`."""
    text, _, signer = line.partition(" ")
    read = _parse_base(text)
    return read._replace(line=line, signer=signer.strip())


def _parse_base(line: str) -> Approval | Pattern:
    if line == "official":
        return Pattern(line, "docker.io/library/*")
    if line.startswith("oci:"):
        path, colon, tag = line.removeprefix("oci:").rpartition(":")
        if not colon or "/" in tag:
            path, tag = line.removeprefix("oci:"), ""
        if not path:
            raise InputError(f"{line!r} names no layout", "Write oci:DIR, or oci:DIR:TAG for one image.")
        return Approval(line, Path(path), f"oci:{path}", tag)
    if "*" not in line:
        reference = _reference(line)
        return Approval(line, reference.repository, str(reference.repository), reference.tag, reference.digest)
    # A name with a star in it is completed like any other: `python-*` means docker.io/library/python-*.
    reference = _reference(line.replace("*", "0star0"))
    name, tag = str(reference.repository).replace("0star0", "*"), reference.tag.replace("0star0", "*")
    if reference.digest or ("/" in line and "*" in line.partition("/")[0]):
        raise InputError(
            f"{line!r} is no pattern of base images",
            "Write the registry out, and the star in the name or in the tag: ghcr.io/acme/base-*",
        )
    return Pattern(line, name, tag or "*")


def examine(
    configs: Sequence[ImageConfig],
    golden: Sequence[str],
    *,
    base: str = "",
    image: tuple[Content, Manifest] | None = None,
    open_place: Callable[[Place], TagStore],
) -> Verdict:
    """Return which approved base each platform of a build stands on, by the lines of `golden`.

    A pattern approves only what the build claims: by `base`, by annotations or labels in its `configs`, or by the
    provenance of `image`. A claimed base that does not exist is only noted. Raise `InputError` for a wrong line, and
    `StoreError` or `Refused` where an approved base cannot be read.
    """
    if not (lines := [parse_line(line) for line in golden]):
        raise InputError("no approved base image is named", "Name at least one in `golden`.")
    approvals = [line for line in lines if isinstance(line, Approval)]
    patterns = [line for line in lines if isinstance(line, Pattern)]
    # Provenance names every image that was used; where `base` names the base, the others are not read.
    more = materials(*image) if patterns and image and not base else ()
    claimed = _match_patterns(patterns, chain(_claims(configs, base), more))
    approvals += claimed
    notes = []
    if patterns and not claimed:
        shown = ", ".join(pattern.line for pattern in patterns)
        notes.append(f"{shown} can only approve a base that the build claims: set `base`, or build with provenance")
    wanted = {tuple(config.platform.split("/")[:2]) for config in configs}

    def read(approval: Approval) -> list[ApprovedBase]:
        try:
            return _read(open_place(approval.place), approval, lambda p: (p.os, p.architecture) in wanted)
        except NotFound as error:
            if not approval.claimed:
                hint = "Check this line of `golden`: an approved base has to be there, or the gate stays closed."
                raise NotFound(f"golden image {approval.line}: {error.message}", hint, code=error.code) from error
            notes.append(f"{error.message}, though the build claims it")
            return []

    found = at_once(*(partial(read, approval) for approval in approvals))
    return judge(configs, list(chain.from_iterable(found)), golden, notes)


def _claims(configs: Sequence[ImageConfig], base: str) -> Iterator[Reference]:
    """Yield the bases that a build claims: by `base`, then in its annotations and labels."""
    if base:
        yield _reference(base, default="latest")
    for config in configs:
        for said in (config.annotations, config.labels):
            if name := said.get(BASE_NAME, ""):
                try:
                    yield _reference(name, said.get(BASE_DIGEST, ""), "latest")
                except InputError:
                    continue  # a name that is no image's is no claim


def _match_patterns(patterns: Sequence[Pattern], claims: Iterable[Reference]) -> list[Approval]:
    return [
        Approval(pattern.line, claim.repository, str(claim.repository), claim.tag, claim.digest, True, pattern.signer)
        for claim in dict.fromkeys(claims)
        for pattern in patterns
        if pattern.allows(claim)
    ]


def _read(store: TagStore, approval: Approval, wanted: Callable[[Platform], bool]) -> list[ApprovedBase]:
    """Return the bases of one approval: one image, or every version of a repository, with the withdrawn ones."""
    root = store.manifest(approval.digest or approval.tag) if approval.digest or approval.tag else None
    tags = frozenset(store.tags())
    digests = _marks_in_force(store, tags)
    marks = frozenset(digests)
    newest = newest_of_series({tag for tag in tags if tag in marks or not tag.startswith(WITHDRAWN_MARK)})
    one = {approval.tag, newest.get(approval.tag, "")} - {""}
    digests |= _digests(store, newest.keys() if root is None else one, tags)

    def base(name: str, root: Manifest, own: Sequence[str]) -> ApprovedBase:
        # Where several versions are one image, the newest is taken. A floating tag is compared with what it holds.
        leader = newest.get(own[-1]) or own[-1] if own else ""
        return ApprovedBase(
            name=name,
            digest=root.digest,
            approval=approval.line,
            platforms=tuple((manifest.digest, config) for manifest, config in platform_manifests(store, root, wanted)),
            repository=approval.name if isinstance(approval.place, Repository) else "",
            newest=newest.get(leader, ""),
            current=digests[leader] == root.digest if leader else None,
            withdrawn=any(f"{WITHDRAWN_MARK}{tag}" in marks for tag in own)
            or root.digest in {digests[tag] for tag in marks},
        )

    if root is not None:
        name = f"{approval.name}:{approval.tag}" if approval.tag else f"{approval.name}@{root.digest}"
        return [base(name, root, [approval.tag] if approval.tag else [])]
    groups = _images_of(newest, digests, approval.name)

    def leading(group: tuple[str, Sequence[str]]) -> ApprovedBase:
        digest, own = group
        return base(f"{approval.name}:{own[-1]}", store.manifest(digest), own)

    return list(run_all(leading, list(groups.items()), min(AT_ONCE, store.jobs)))


def _images_of(versions: Iterable[str], digests: Mapping[str, str | None], name: str) -> Mapping[str, Sequence[str]]:
    """Return the versions of each image, by its digest. Raise `Refused` where there is no image."""
    groups: dict[str, list[str]] = {}
    for tag in versions:
        groups.setdefault(digests[tag] or "", []).append(tag)
    groups.pop("", None)  # versions that were deleted after the listing
    if not groups:
        raise Refused(
            f"golden image: {name} has no version that a build could stand on",
            "Release a base image there first, or name another one in `golden`.",
            code="GOLDEN",
        )
    return groups


def _marks_in_force(store: TagStore, tags: Collection[str]) -> dict[str, str | None]:
    """Return the tags that mark withdrawn versions, with their digests, without the marks that were lifted."""
    marks = {tag for tag in tags if tag.startswith(WITHDRAWN_MARK)}
    digests = _digests(store, marks, tags) if marks else {}
    return {tag: digest for tag, digest in digests.items() if digest != LIFTED_DIGEST}


def _digests(store: TagStore, tags: Collection[str], listed: Collection[str]) -> Mapping[str, str | None]:
    """Read digests; a listed tag that seems absent is read again, as a registry may answer 404 while it is written."""
    digests = store.digests(tags)
    lost = {tag for tag, digest in digests.items() if digest is None and tag in listed}
    return {**digests, **store.snapshot(lost).digests} if lost else digests


def newest_of_series(tags: Collection[str]) -> dict[str, str]:
    """Return every version among `tags`, oldest first, with the newest of its series; empty where all are withdrawn.

    The series of `2.1.4-alpine3.22` is all versions `2.…-alpine…`. A tag that begins a longer version, as `2.1` begins
    `2.1.4`, is no version where that one is among `tags` too.
    """
    parsed = {
        tag: (_integers(match["numbers"]), match["rest"] or "") for tag in tags if (match := _VERSION.fullmatch(tag))
    }
    floating = {(numbers[:length], rest) for numbers, rest in parsed.values() for length in range(2, len(numbers))}
    ordered = sorted((numbers, _integers(rest), rest, tag) for tag, (numbers, rest) in parsed.items())
    series = {
        tag: (numbers[0], re.sub("[0-9.]+", "", rest))
        for numbers, _, rest, tag in ordered
        if (numbers, rest) not in floating
    }
    leaders = {one: tag for tag, one in series.items() if f"{WITHDRAWN_MARK}{tag}" not in tags}
    return {tag: leaders.get(one, "") for tag, one in series.items()}


def _integers(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall("[0-9]+", text)))


def _reference(text: str, digest: str = "", default: str = "") -> Reference:
    """Return a reference; without a tag and a digest its tag is `default`, not `latest` as elsewhere."""
    reference = Reference.parse(text)
    said = text.partition("@")[0].rpartition("/")[2].partition(":")[2]
    found = reference.digest or (digest if DIGEST.fullmatch(digest) else "")
    return Reference(reference.repository, said or ("" if found else default), found)


def _like(pattern: str, text: str) -> bool:
    return re.fullmatch("[^/]*".join(map(re.escape, pattern.split("*"))), text) is not None
