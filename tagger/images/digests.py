"""Reads what build jobs leave for the release job: folders, files and JSON that name images."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tagger.errors import InputError
from tagger.images.source_spec import SourceSpec
from tagger.names import CANONICAL, DIGEST, Reference
from tagger.workspace import FILE_BOUND, read_regular

__all__ = ["INVALID", "Left", "read_digests"]

INVALID = "DIGESTS_INVALID"
"""The error code for input that exists but has none of the forms."""

MOST_FILES = 1000
MOST_DIGESTS = 1000
DEEPEST = 8  # levels of JSON in strings in JSON; docker/github-builder has one

# The metadata of one build (docker buildx build --metadata-file) has the image's digest, and digests of other things.
IMAGE_KEY = "containerimage.digest"
NO_IMAGE_KEYS = ("containerimage.config.digest", "buildx.build.")

_FORMS = (
    "A folder holds files named after digests, buildx metadata files, files with a digest a line, OCI layouts or "
    "archives; or write the JSON of job outputs: ${{ toJSON(needs.build.outputs) }}."
)


class Left(NamedTuple):
    """A build that a job left: its digest in a repository, or a source. `origin` is its file or key, for people."""

    origin: str
    digest: str = ""
    source: SourceSpec | None = None


def read_digests(text: str) -> Sequence[Left]:
    """Return the builds that `digests` names, in any of its forms. Raise `InputError` for anything else."""
    if text.startswith(("{", "[", '"')):
        found = list(_in_json(text, "digests"))
    elif (listed := _lines(text, "digests")) is not None:
        found = listed
    else:
        found = list(_at(Path(text)))
    if len(found) > MOST_DIGESTS:
        raise InputError(f"digests name {len(found)} builds; the limit is {MOST_DIGESTS}", _FORMS, code=INVALID)
    if not found:
        raise InputError(f"digests: no build is named in {_shorten(text)}", _FORMS, code=INVALID)
    return found


def _shorten(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}…"


def _at(path: Path) -> Iterator[Left]:
    try:
        if path.is_dir():
            yield from _in_folder(path)
            return
        there = path.exists()
    except (OSError, ValueError) as error:
        raise InputError(f"digests: {_shorten(str(path))} cannot be read: {error}", _FORMS, code=INVALID) from error
    if not there:
        raise InputError(
            f"digests: there is no folder or file {_shorten(str(path))}",
            "In a workflow, download the artifacts to ${{ runner.temp }}/digests or into the workspace: a container "
            f"action sees no other folder, not even /tmp. {_FORMS}",
        )
    yield from _in_file(path)


def _in_folder(top: Path) -> Iterator[Left]:
    """Yield the builds in a folder and those below it, in the order of their names. A layout is one build."""
    waiting, seen = [top], 0
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise InputError(
                f"digests: {folder} cannot be read: {error.strerror}",
                "Give the job the right to read it.",
                code=INVALID,
            ) from error
        seen += len(entries)
        if seen > MOST_FILES:
            raise InputError(
                f"digests: {top} holds more than {MOST_FILES} files",
                "Name the folder that has only the digests.",
                code=INVALID,
            )
        from tagger.images.layout import LAYOUT_FILE

        if any(entry.name == LAYOUT_FILE for entry in entries):
            yield Left(str(folder), source=SourceSpec("oci", str(folder)))
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(folder / entry.name)
            else:
                yield from _in_file(folder / entry.name)
        if not entries and folder != top:
            raise _junk(folder, "it is an empty folder: that build left nothing")


def _in_file(path: Path) -> Iterator[Left]:
    """Yield the builds that a file names, or the build that it is. Raise `InputError` for any other file."""
    named = _digest_of_name(path.name)
    try:
        if path.is_symlink():
            raise _junk(path, "it is a link")
        size = path.lstat().st_size
        if named and not size:
            yield Left(str(path), named)
            return
        if _is_archive(path):
            yield Left(str(path), source=SourceSpec("docker-archive", str(path)))  # read as a layout where it is one
            return
        text = read_regular(path).decode("utf-8-sig").strip()
    except OSError as error:
        raise _junk(path, f"it cannot be read: {error.strerror or error}") from error
    except UnicodeError as error:
        raise _junk(path, "it is no text") from error
    if named and not text:
        yield Left(str(path), named)
    elif text.startswith(("{", "[")):
        found = list(_in_json(text, str(path)))
        if not found:
            raise _junk(path, "its JSON has no digest of an image")
        yield from found
    elif listed := _lines(text, str(path)):
        yield from listed
    else:
        raise _junk(path, "it is empty, and its name is no digest" if not text else "it names no digest")


def _digest_of_name(name: str) -> str:
    """Return the digest in the name of a file, with or without its algorithm; empty for another name."""
    algorithm, mark, digits = name.replace("-", ":", 1).rpartition(":")
    digest = f"{algorithm if mark else CANONICAL}:{digits}"
    return digest if DIGEST.fullmatch(digest) else ""


def _is_archive(path: Path) -> bool:
    """Say whether a file begins like a tar archive, or like a compressed one."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        start = file.read(512) or b""
    return start[257:262] == b"ustar" or start.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"))


def _junk(path: Path, why: str) -> InputError:
    return InputError(
        f"digests: {path} does not name a build: {why}", f"Remove it from the folder. {_FORMS}", code=INVALID
    )


def _lines(text: str, origin: str) -> list[Left] | None:
    """Return the builds of a text with a digest, or a reference with a digest, in each line; None for another text."""
    found = [_read_reference(word, origin) for word in text.split()]
    return [one for one in found if one] if found and all(found) else None


def _read_reference(text: str, origin: str) -> Left | None:
    """Return the build of a digest, or of a reference with a digest; None for another text."""
    if DIGEST.fullmatch(text):
        return Left(origin, text)
    name, at, digest = text.removeprefix("docker://").rpartition("@")
    if not at or not DIGEST.fullmatch(digest):
        return None
    try:
        return Left(origin, source=SourceSpec("docker", str(Reference.parse(f"{name}@{digest}"))))
    except InputError:
        return None


def _in_json(text: str, origin: str) -> Iterator[Left]:
    """Yield every digest under a key with `digest` in its name, also in JSON inside strings. Raise `InputError`."""
    try:
        if len(text) > FILE_BOUND:
            raise ValueError(f"it is longer than {FILE_BOUND:,} characters")
        document = json.loads(text)
        plain = isinstance(document, list) and all(isinstance(one, str) for one in document)  # a list of digests
        found = dict.fromkeys(_walk(document, origin, plain, 0))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{origin} is not JSON with digests: {error}", _FORMS, code=INVALID) from error
    yield from found


def _walk(value: Any, origin: str, says: bool, depth: int) -> Iterator[Left]:
    """Yield the digests in a part of JSON; `says` is true below a key with `digest` in its name."""
    if isinstance(value, dict):
        for key in [IMAGE_KEY] if IMAGE_KEY in value else value:
            if not key.startswith(NO_IMAGE_KEYS):
                yield from _walk(value[key], f"{origin} {key}", says or "digest" in key.lower(), depth)
    elif isinstance(value, list):
        for one in value:
            yield from _walk(one, origin, says, depth)
    elif says and value in ("", None):
        raise InputError(
            f"{origin} is empty: that build left no digest",
            "Did it push (push=true), and does its job set this output? Leave it out if it is not to be released.",
            code=INVALID,
        )
    elif isinstance(value, str):
        yield from _in_string(value.strip(), origin, says, depth)


def _in_string(text: str, origin: str, says: bool, depth: int) -> Iterator[Left]:
    if says and (pinned := _read_reference(text, origin)):
        yield pinned
    elif text.startswith(("{", "[")) and depth < DEEPEST:
        try:
            document = json.loads(text)
        except ValueError:
            return  # a text that begins like JSON but is none
        yield from _walk(document, origin, says, depth + 1)
