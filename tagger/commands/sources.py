"""Opens the built image that `source` names, or the builds that `source` and `digests` name."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.commands.connections import Connections
from tagger.errors import EngineError, InputError, NotFound, StoreError, TaggerError

if TYPE_CHECKING:
    from tagger.images.builds import Build
    from tagger.images.copying import TaggedContent
    from tagger.images.source_spec import SourceSpec
    from tagger.images.sources import BuiltImage
    from tagger.images.stores import Source
    from tagger.names import Repository
    from tagger.settings.values import Settings

__all__ = ["open_build"]


def open_build(settings: "Settings", connections: Connections, *, pushing: bool) -> "Source | None":
    """Open the built image, if the settings name one. Raise `InputError` where it does not exist, `StoreError`.

    `pushing` is true where the run pushes it.
    """
    if not settings.source and not settings.digests:
        return None
    if settings.built_apart:  # the version is read from the first one
        settings = settings.of_variant(settings.built_apart[0])
    opener = _Opener(settings, connections, pushing)
    if settings.has_several_builds:
        return opener.assemble()
    from tagger.images.source_spec import parse_source

    return opener.open(parse_source(settings.source[0].source))


class _Opener:
    """Opens the builds that the settings of a run name."""

    def __init__(self, settings: "Settings", connections: Connections, pushing: bool) -> None:
        self._settings, self._connections, self._pushing = settings, connections, pushing
        self._several = len(settings.images) > 1

    def open(self, spec: "SourceSpec") -> "BuiltImage":
        """Open one source. Raise `InputError` where it does not exist, `StoreError`, `EngineError`."""
        from tagger.images.source_kinds import open_source

        with _errors_named(spec):
            if self._is_engines(spec):
                if self._pushing:
                    _check_consent(self._settings)
                spec = spec._replace(kind="docker-daemon")
            connections = self._connections
            return open_source(
                spec,
                connections.repository,
                lambda: connections.engine,
                several=self._several,
                say=connections.say,
                meter=lambda: connections.meter,
            )

    def assemble(self) -> "Source":
        """Read all builds, and return the image that is made of them. Raise `InputError`, `Refused`, `StoreError`."""
        from tagger.images.builds import Build, assemble_builds
        from tagger.images.source_spec import parse_source

        settings = self._settings
        texts = [build.source for build in settings.source]
        builds: list[Build] = []
        if settings.digests:
            from tagger.images.digests import read_digests

            left = read_digests(settings.digests)
            home, texts = self._home(texts, [one.digest for one in left if one.digest])
            for one in left:
                if one.source:
                    builds.append(self._build(one.source, f"{one.source} ({one.origin})"))
                else:
                    builds.append(Build(home, one.digest, f"{home.place}@{one.digest} ({one.origin})"))
        builds += [self._build(spec, str(spec), named=True) for spec in map(parse_source, texts)]
        return assemble_builds(
            builds,
            reference=f"the image of {len(builds)} {'build' if len(builds) == 1 else 'builds'}",
            annotations=_index_annotations(dict(settings.annotations)),
            force=settings.force,
            several=self._several,
        )

    def _build(self, spec: "SourceSpec", origin: str, *, named: bool = False) -> "Build":
        """Return one of several builds. A build in a registry is not read yet: all are read side by side later."""
        from tagger.images.builds import Build
        from tagger.names import Reference

        if spec.kind in ("docker", "name"):
            with _errors_named(spec):
                engines = self._is_engines(spec)
            if not engines:
                reference = Reference.parse(spec.value)
                return Build(self._connections.repository(reference.repository), reference.target, origin, named)
        source = self.open(spec)
        with _errors_named(spec):
            image = source.as_content(self._connections.meter)
        return Build(image.content, image.root.digest, origin, named)

    def _home(self, texts: list[str], digests: list[str]) -> "tuple[TaggedContent, list[str]]":
        """Return the repository that holds the `digests`, and the sources that are builds themselves.

        That repository is a source without tag and digest, else the first of `images`. A layout without a tag is that
        repository if it has all digests, else it is a build.
        """
        from tagger.images.digests import INVALID

        homes: list[Repository | Path] = []
        rest = []
        for text in texts:
            repository = _bare_repository(text)
            if isinstance(repository, Path) and not self._holds(repository, digests):
                repository = None
            if repository is None:
                rest.append(text)
            else:
                homes.append(repository)
        if len(homes) > 1:
            raise InputError(
                f"the digests cannot be in several repositories: {', '.join(map(str, homes))}",
                "Name one `source` without tag and digest, and write the others with theirs.",
                code=INVALID,
            )
        images = self._settings.images
        if not homes and not images:
            raise InputError("no repository is named that has the digests", "Set `images`.")
        return self._connections.repository(homes[0] if homes else images[0]), rest

    def _holds(self, layout: Path, digests: list[str]) -> bool:
        content = self._connections.repository(layout)
        try:
            return bool(digests) and all(content.manifest(digest) for digest in digests)
        except TaggerError:
            return False

    def _is_engines(self, spec: "SourceSpec") -> bool:
        return spec.kind == "docker-daemon" or (_is_bare(spec) and self._connections.engine.holds(spec.value))


def _bare_repository(text: str) -> "Repository | Path | None":
    """Return the repository, or the layout, of a source without tag and digest; None for any other source."""
    if text.startswith("oci:"):
        path = Path(text.removeprefix("oci:"))
        return path if path.is_dir() else None
    from tagger.images.source_spec import parse_source
    from tagger.names import Repository

    name = text.removeprefix("docker://")
    if parse_source(text).kind not in ("docker", "name") or "@" in name or ":" in name.rpartition("/")[2]:
        return None
    return Repository.parse(name)


def _index_annotations(annotations: Mapping[str, str]) -> Mapping[str, str]:
    """Return the annotations without the level that docker/metadata-action writes before them, as `manifest:`."""
    levels = ("index", "manifest", "index-descriptor", "manifest-descriptor")
    found = {}
    for key, value in annotations.items():
        level, colon, rest = key.partition(":")
        known = colon and all(one.partition("[")[0] in levels for one in level.split(","))
        found[rest if known else key] = value
    return found


def _is_bare(spec: "SourceSpec") -> bool:
    return spec.kind == "name" and "@" not in spec.value


@contextmanager
def _errors_named(spec: "SourceSpec") -> Iterator[None]:
    """Add the source, and a hint, to errors in the block."""
    try:
        yield
    except (StoreError, EngineError) as error:
        absent = isinstance(error, NotFound) or error.code == "NOT_FOUND"
        of_engine = isinstance(error, EngineError) and error.hint  # the engine's hint says why a build may be missing
        hint = error.hint if of_engine or not absent else ""
        hint = hint or "Push the build first, or check `source`."
        message = f"source {spec}: {error.message}"
        if _is_bare(spec):
            import difflib

            from tagger.names import SOURCE_KINDS

            message = f"source {spec}: no Docker Engine here holds it, and {error.message}"
            path, _, rest = spec.value.partition(":")
            on_disk = f"`oci:{spec.value}`" if Path(path).is_dir() else f"`docker-archive:{spec.value}`"
            ways = [on_disk] if Path(path).exists() else []
            ways += [f"`{kind}:{rest}`" for kind in difflib.get_close_matches(path, SOURCE_KINDS, 1, 0.8)]
            ways += [f"`docker-daemon:{spec.value}`", f"`docker://{spec.value}`"]
            hint = f"Write {' or '.join(ways)} to say where it is. {hint}"
        if absent:
            raise InputError(message, hint, code=error.code) from error
        raise type(error)(message, hint, code=error.code) from error


def _check_consent(settings: "Settings") -> None:
    """Raise `InputError` where a file alone names the engine's image and the target: it could publish any image."""
    source, images = (settings.given.get(name) for name in ("source", "images"))
    if source and images and source.in_file and images.in_file:
        raise InputError(
            f"{source.origin}: only the file names the image of the engine, and where to push it",
            "Name `source` or `images` in the workflow, or on the command line: a checkout may not publish images.",
        )
