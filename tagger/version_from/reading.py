"""Reads the version of a build from the first place that gives one, and compares the other places."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import eq
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.errors import InputError
from tagger.version_from.found import Absent, Found, Given, V, find_version
from tagger.version_from.refs import tag_version, workflow_ref

# Most runs are given their version, or know it from the ref: what reads it elsewhere is imported there.
if TYPE_CHECKING:
    from tagger.images.stores import ImageConfig

__all__ = ["Places", "check_kind", "check_ref", "compare_places", "from_text", "read_version"]


LONGEST = 200  # characters of a text for which a hint is looked for


class Places:
    """The places that a version may be read from: a working folder, an environment, and the image's configs.

    `configs` reads the configs on demand; it is None where there is no image yet. Where they are not `at_hand`, labels
    are not compared with the version: a run asks no registry for a warning only. `variants` are those of this build.
    """

    def __init__(
        self,
        workspace: Path,
        environ: Mapping[str, str],
        *,
        configs: "Callable[[], Sequence[ImageConfig]] | None" = None,
        at_hand: bool = False,
        tag_prefix: str = "",
        variants: Iterable[str] = (),
    ) -> None:
        self.workspace, self.environ, self.configs, self.at_hand = workspace, environ, configs, at_hand
        self.tag_prefix, self.variants = tag_prefix, tuple(variants)

    def read(self, kind: str, parse: Callable[[str], V]) -> Found[V]:
        """Return the version that one place gives. Raise `Absent`, `InputError`."""
        name, _, rest = kind.partition(":")
        match name:
            case "git-tag":
                return tag_version(self.workspace, self.environ, self.tag_prefix, parse)
            case "label":
                from tagger.version_from.labels import label_version

                return label_version(self.configs, self.variants, parse)
            case "env":
                return find_version(self._variable(rest), parse)
            case _:
                from tagger.version_from.files import file_version

                return find_version(file_version(rest, self.workspace), parse)

    def _variable(self, name: str) -> Given:
        text = self.environ.get(name, "").strip()
        if not text:
            raise Absent("it is not set" if name not in self.environ else "it is empty")
        plain = text.removeprefix("refs/tags/").removeprefix(self.tag_prefix)
        return Given(plain, f"env:{name}", f"the environment variable {name}", named=True)


def read_version(kinds: Sequence[str], places: Places, parse: Callable[[str], V], *, asked: bool = True) -> Found[V]:
    """Read the version of the build from the first of `kinds` that gives one.

    `parse` raises `InputError` for a text that is no version. Where nobody `asked` for these kinds, the places are
    compared: a git tag decides, with a note of each place that differs; a label and a file must agree. Raise
    `InputError` where they do not, for an unknown kind, when a kind gives a text that is no version, and, with all that
    was tried, when no kind gives a version.
    """
    for kind in kinds:
        check_kind(kind)
    tried, hint = [], ""
    for kind in kinds:
        try:
            decided = places.read(kind, parse)
        except Absent as absent:
            tried.append(f"{kind}: {absent}")
            hint = hint or absent.hint
        else:
            return decided if asked else compare_places(decided, kinds, places, parse)
    raise InputError(
        "no version found; looked at:\n" + "\n".join(tried),
        hint or "Release from a git tag; or give the version with `version`, or its place with `version-from`.",
    )


def compare_places(
    decided: Found[V],
    kinds: Sequence[str],
    places: Places,
    parse: Callable[[str], V],
    alike: Callable[[V, V], bool] = eq,
) -> Found[V]:
    """Return `decided`, with a note of each other place whose version is not `alike`.

    A git tag and the option `version` get notes. Raise `InputError` where another place decides and one differs.
    """
    notes = []
    for kind in kinds:
        name = kind.partition(":")[0]
        if name in ("git-tag", decided.origin.partition(":")[0]) or (name == "label" and not places.at_hand):
            continue
        try:
            other = places.read(kind, parse)
        except (Absent, InputError):
            continue  # a place without a version contradicts nothing
        if alike(other.version, decided.version):
            continue
        if decided.origin in ("git-tag", "version"):
            notes.append(f"{decided.description} decides, and {other.description} says {other.text}")
            continue
        raise InputError(
            f"{decided.description} says {decided.text}, and {other.description} says {other.text}",
            "Build the image of this checkout. Or say which of them counts: set "
            f"`version-from: {decided.origin.partition(':')[0]}` or `version-from: {name}`.",
            code="VERSIONS_DIFFER",
        )
    return decided._replace(notes=(*decided.notes, *notes))


def check_ref(environ: Mapping[str, str]) -> None:
    """Raise `InputError` on the ref of a pull request: a release from there must say its version."""
    ref = workflow_ref(environ)
    if ref and ref.is_pull_request:
        raise InputError(
            f"{ref}: the code of a pull request is released only with an explicit version",
            "Give the version with `version` or `version-from`, or use the command `plan`, which writes nothing.",
        )


def check_kind(kind: str) -> str:
    """Return `kind`, a place that versions are read from; raise `InputError` when there is no such place."""
    name, _, rest = kind.partition(":")
    if kind in ("git-tag", "label", "file") or (name in ("file", "env") and rest.partition("#")[0]):
        if name == "file" and "#" in rest:
            _check_key(kind)
        if not rest.startswith("//"):
            return kind
    meant = _suggestion(kind)
    raise InputError(
        f"{kind!r} is no place to read a version from",
        f"Write `{meant}`." if meant else "There are git-tag, label, file, file:PATH, file:PATH#key.path and env:NAME.",
    )


def _check_key(kind: str) -> None:
    """Raise `InputError` where what stands behind the `#` is no key."""
    from tagger.version_from.files import split_key

    path, _, key = kind.partition("#")
    try:
        split_key(key)
    except InputError as error:
        names = ".".join(filter(None, re.split(r"[./]+", key)))
        meant = f"{path}#{names}" if names else path
        raise InputError(error.message, f"Write `{meant}`." if '"' not in key else error.hint) from error


def _suggestion(kind: str) -> str:
    """Return the kind that a text probably means, as `file:PATH` or `env:NAME`; empty where nothing is close."""
    if len(kind) > LONGEST:
        return ""
    words = {"tag": "git-tag", "git": "git-tag", "tags": "git-tag", "ref": "git-tag", "gittag": "git-tag"}
    words |= {"labels": "label", "image": "label", "files": "file"}
    plain = re.sub(r"[^a-z]", "", kind.lower())
    if re.fullmatch(r"\$\{?[A-Za-z_]\w*\}?", kind):
        return f"env:{kind.strip('${}')}"
    if plain in words:
        return words[plain]
    if kind.lower() in ("git-tag", "label", "file"):
        return kind.lower()
    if separated := re.fullmatch(r"(file|env)[=/ ](.+)", kind, re.IGNORECASE):
        return f"{separated[1].lower()}:{separated[2]}"
    path = kind.partition("#")[0]
    if path.startswith("file://"):
        return f"file:{kind.removeprefix('file:').lstrip('/')}"
    if ":" not in path and ("." in path or "/" in path or Path(path).is_file()):
        return f"file:{kind}"
    if re.fullmatch(r"[A-Z][A-Z0-9_]+", kind):
        return f"env:{kind}"
    import difflib

    return "".join(difflib.get_close_matches(kind.lower(), ("git-tag", "label", "file"), 1, 0.6))


def from_text(text: str, tag_prefix: str) -> str:
    """Return the text of a version without `refs/tags/` and `tag_prefix`, as a person or a workflow gives it."""
    return text.strip().removeprefix("refs/tags/").removeprefix(tag_prefix)
