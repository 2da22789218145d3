"""Where the version of a build is read: git tag, image label, file, environment."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from tagger.errors import InputError

# Most runs are given their version, or know it from GITHUB_REF: what reads it elsewhere is imported there.
if TYPE_CHECKING:
    from tagger.images.stores import ImageConfig

__all__ = ["VERSION_LABEL", "Absent", "Found", "check_kind", "from_text", "read_version"]

VERSION_LABEL = "org.opencontainers.image.version"


class Absent(Exception):
    """A place gives no version, and the text says why: a finding, after which the next place is tried."""


class Ordered(Protocol):
    """What has a newest."""

    def __lt__(self, other: Any, /) -> bool: ...


V = TypeVar("V", bound=Ordered)


class Found(NamedTuple, Generic[V]):
    """A version, and where it was read.

    `text` is how it stood there, `origin` the place as `version-from` names it (`git-tag`, `file:package.json`), and
    `description` what a person is told of it.
    """

    version: V
    text: str
    origin: str
    description: str


class Given(NamedTuple):
    """A text that should be a version, and where it was read."""

    text: str
    origin: str
    description: str


def read_version(
    kinds: Sequence[str],
    *,
    workspace: Path,
    environ: Mapping[str, str],
    configs: "Callable[[], Sequence[ImageConfig]] | None",
    tag_prefix: str,
    parse: Callable[[str], V],
) -> Found[V]:
    """Read the version of the build from the first of `kinds` that gives one.

    `configs` reads the image's configs, for its label, only when it comes to that; None where there is no image yet.
    `parse` raises `InputError` for what is not a version. Raise `InputError` when no kind gives one, with all that
    was tried; when one gives a text that is no version; and for an unknown kind.
    """
    for kind in kinds:
        check_kind(kind)
    tried = []
    for kind in kinds:
        name, _, rest = kind.partition(":")
        try:
            if name == "git-tag":
                return _git_tag(workspace, environ, tag_prefix, parse)
            if name == "label":
                given = _label(configs)
            elif name == "env":
                given = _variable(rest, environ)
            else:
                given = _file(rest, workspace)
        except Absent as absent:
            tried.append(f"{kind}: {absent}")
        else:
            return _found(given, parse)
    raise InputError(
        "the build says its version nowhere that was looked at:\n" + "\n".join(tried),
        "Release from a git tag, set `version`, or name another place in `version-from`.",
    )


def check_kind(kind: str) -> str:
    """Return `kind`, a place that versions are read from; raise `InputError` when there is no such place."""
    name, _, rest = kind.partition(":")
    if kind in ("git-tag", "label", "file") or (name in ("file", "env") and rest.partition("#")[0]):
        if name == "file" and "#" in rest:
            from tagger.version_from.files import split_key

            split_key(rest.partition("#")[2])
        return kind
    raise InputError(
        f"{kind!r} is no place to read a version from",
        "There are git-tag, label, file, file:PATH, file:PATH#key.path and env:NAME.",
    )


def from_text(text: str, tag_prefix: str) -> str:
    """Return the version in what a person gave: `2.1.4`, `v2.1.4`, or a git tag, `refs/tags/` before it or not."""
    return text.strip().removeprefix("refs/tags/").removeprefix(tag_prefix)


def _git_tag(workspace: Path, environ: Mapping[str, str], tag_prefix: str, parse: Callable[[str], V]) -> Found[V]:
    """Return the version of the tag that started the workflow, else the newest of those at HEAD."""
    reasons = []
    ref = environ.get("GITHUB_REF", "")
    if ref.startswith("refs/tags/"):
        tag = ref.removeprefix("refs/tags/")
        if tag.startswith(tag_prefix):
            return _found(Given(tag.removeprefix(tag_prefix), "git-tag", f"the git tag {tag} (GITHUB_REF)"), parse)
        reasons.append(f"the tag of GITHUB_REF, {tag}, does not begin with {tag_prefix}")
    elif ref:
        reasons.append(f"GITHUB_REF is {ref}, not a tag")
    from tagger.version_from.git import FETCH_TAGS, read_checkout

    checkout = read_checkout(workspace, environ.get("GITHUB_WORKSPACE", ""))
    if checkout is None:
        raise Absent("; ".join([*reasons, f"{workspace} is not in a git repository"]))
    versions = []
    for tag in checkout.at_head:
        try:
            text = tag.removeprefix(tag_prefix)
            if tag.startswith(tag_prefix):
                versions.append(Found(parse(text), text, "git-tag", f"the git tag {tag} at HEAD"))
        except InputError:
            continue  # `nightly`, or the `v2` that moves along: not every tag is a version's
    if versions:
        return max(versions, key=lambda found: found.version)
    if checkout.at_head:
        reasons.append(
            f"no tag at HEAD is a version{tag_prefix and f' after {tag_prefix}'}: {', '.join(checkout.at_head)}"
        )
    elif checkout.shallow:
        reasons.append(f"HEAD has no tag here, and the clone is shallow. {FETCH_TAGS}")
    else:
        reasons.append("HEAD has no tag" if checkout.head else "there is no commit yet")
    raise Absent("; ".join(reasons))


def _label(configs: "Callable[[], Sequence[ImageConfig]] | None") -> Given:
    if configs is None:
        raise Absent("there is no image to read a label from")
    found = {text: config.platform for config in configs() if (text := config.labels.get(VERSION_LABEL, "").strip())}
    if not found:
        raise Absent(f"the image has no label {VERSION_LABEL}")
    if len(found) > 1:
        several = ", ".join(f"{text} ({platform})" for text, platform in found.items())
        raise InputError(
            f"the image's platforms differ in their label {VERSION_LABEL}: {several}",
            "Build all platforms of one version, or leave label out of `version-from`.",
        )
    return Given(next(iter(found)), "label", f"the image's label {VERSION_LABEL}")


def _variable(name: str, environ: Mapping[str, str]) -> Given:
    text = environ.get(name, "").strip()
    if not text:
        raise Absent("it is not set" if name not in environ else "it is empty")
    return Given(text, f"env:{name}", f"the environment variable {name}")


def _file(place: str, workspace: Path) -> Given:
    from tagger.version_from.files import KNOWN_FILES, read_file

    path, _, key = place.partition("#")
    if path:
        return Given(read_file(workspace, path, key), f"file:{place}", f"the file {path}{key and f', {key}'}")
    found, reasons = [], []
    for name in KNOWN_FILES:
        try:
            found.append((name, read_file(workspace, name)))
        except Absent as absent:
            if (workspace / name).exists():
                reasons.append(f"{name}: {absent}")
        except InputError:
            if not found:
                raise
    if not found:
        raise Absent("; ".join(reasons) or f"{workspace} has none of {', '.join(KNOWN_FILES)}")
    (name, text), *others = found
    differing = "".join(f"; {other} says {version}" for other, version in others if version != text)
    return Given(text, f"file:{name}", f"the file {name}{differing}")


def _may_be_secret(origin: str) -> bool:
    """Say whether a text is not to be repeated: whatever a variable, a key or a file of any name holds."""
    from tagger.version_from.files import KNOWN_FILES

    return origin.startswith("env:") or (
        origin.startswith("file:") and origin.removeprefix("file:").rpartition("/")[2] not in KNOWN_FILES
    )


def _found(given: Given, parse: Callable[[str], V]) -> Found[V]:
    try:
        version = parse(given.text)
    except InputError as error:
        if _may_be_secret(given.origin):
            raise InputError(
                f"{given.description} does not hold a version", "Set it to a version alone, as 2.1.4."
            ) from None
        hint = error.hint
        if given.origin == "label":
            hint += " A label that the build does not set is its base image's: then leave label out of `version-from`."
        raise InputError(f"{given.description}: {error.message}", hint, code=error.code) from error
    return Found(version, given.text, given.origin, given.description)
