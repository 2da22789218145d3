"""The Docker Engine as a source: an image that it holds is staged by one push. Nothing else here imports `docker`."""

import io
import re
import socket
import tarfile
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, Self, cast

from tagger.confidential import hide
from tagger.errors import EngineError, Refused, StoreError, TaggerError
from tagger.images.configs import platform_configs
from tagger.images.docker_context import SOCKET, docker_context
from tagger.images.layout import INDEX_FILE, Index, LayoutContent
from tagger.images.manifests import Descriptor, Manifest
from tagger.images.registry.logins import login_hint
from tagger.images.sources import ContentSource, SourceSpec, open_source
from tagger.images.stores import ImageConfig, Source, TagStore
from tagger.names import DOCKER_HUB, Reference, Repository

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["Engine", "EngineSource", "Logins"]

PATIENCE = 600
"""Seconds without a word after which the engine counts as hung: it is silent while a registry takes a large layer."""

CONTAINERD = ["driver-type", "io.containerd.snapshotter.v1"]
"""What `docker info` says where the image store is containerd's (moby, daemon/containerd/service.go)."""

PUSHED = re.compile(r": digest: (sha256:[0-9a-f]{64}) size: \d+$")
LARGEST_DOCUMENT = 4 * 1024 * 1024  # a manifest or a config of an image in the engine


class Logins(Protocol):
    """Who knows the logins for registries: the engine has none, its client sends them with every push."""

    def auth_config(self, *names: str, repository: str = "") -> dict[str, str]:
        """Return what the engine takes for a push to a registry; empty when there is no login."""


class Engine:
    """A Docker Engine, asked for the first time when something is wanted of it."""

    def __init__(self, settings: Mapping[str, str], logins: Logins) -> None:
        self.host = settings.get("DOCKER_HOST") or SOCKET
        self.logins = logins
        self._settings = {**settings, "DOCKER_HOST": self.host}

    @classmethod
    def find(cls, environ: Mapping[str, str], logins: Logins) -> Self:
        """Return the engine that the docker command would talk to: of DOCKER_HOST, of its context, or at the socket.

        Raise `EngineError` when the context cannot be read.
        """
        return cls(environ if environ.get("DOCKER_HOST") else {**environ, **docker_context(environ)}, logins)

    def close(self) -> None:
        """End the conversation."""
        if "client" in self.__dict__:
            self.client.close()

    def holds(self, name: str) -> bool:
        """Say whether there is an engine, and it has an image of this name."""
        try:
            self.inspect(name)
        except EngineError:
            return False
        return True

    def image(self, name: str) -> "EngineSource":
        """Return the image of this name, tag or id, as it is now. Raise `EngineError`."""
        return EngineSource(self, name, self.inspect(name))

    def local_tags(self, name: str) -> dict[str, str]:
        """Return the tags that the engine knows of a repository (`app`, `ghcr.io/acme/app`), and their images' ids."""
        start = f"{_familiar(Repository.parse(name))}:"
        with self._asked() as client:
            images = client.images()
        names = {tag: str(image["Id"]) for image in images for tag in image["RepoTags"] or ()}
        return {tag.removeprefix(start): image for tag, image in sorted(names.items()) if tag.startswith(start)}

    def inspect(self, name: str) -> Mapping[str, Any]:
        """Return what the engine says of an image. Raise `EngineError`."""
        with self._asked(f"the engine has no image {name}", _BUILD_FIRST) as client:
            return cast("Mapping[str, Any]", client.inspect_image(name))  # type: ignore[no-untyped-call]

    def tag(self, image: str, reference: Reference) -> None:
        """Give an image a name. Raise `EngineError`."""
        with self._asked() as client:
            client.tag(image, str(reference.repository), reference.tag, force=True)

    @contextmanager
    def tagged(self, image: str, reference: Reference) -> Iterator[None]:
        """Give an image a name, and take it back when what is done with it fails."""
        before = ""
        with suppress(EngineError):
            before = str(self.inspect(str(reference))["Id"])
        self.tag(image, reference)
        try:
            yield
        except BaseException:
            with suppress(EngineError):
                self._untag(image, reference, before)
            raise

    def _untag(self, image: str, reference: Reference, before: str) -> None:
        """Take a name back, and give it to the image that had it `before`."""
        if self.inspect(str(reference))["Id"] != image:
            return  # another job's by now
        if before:
            self.tag(before, reference)
        elif len(self.inspect(image)["RepoTags"]) > 1:  # an image goes with its last name
            with self._asked() as client:
                client.remove_image(str(reference), noprune=True)

    def push(self, reference: Reference) -> str:
        """Push an image that has this name, and return the digest that the engine says it got.

        A push that fails is answered with success and an `errorDetail` in its stream (docker-py #1772), so every line
        is read. Raise `StoreError` with the registry's words, `EngineError`.
        """
        repository, digest, failure = reference.repository, "", ""
        login = self.logins.auth_config(repository.registry, repository=repository.name)
        with self._asked() as client:
            lines = client.push(str(repository), tag=reference.tag, stream=True, decode=True, auth_config=login)
            for line in lines:
                failure = failure or (line.get("errorDetail") or {}).get("message") or line.get("error") or ""
                status = PUSHED.search(line.get("status") or "")
                digest = (line.get("aux") or {}).get("Digest") or (status[1] if status else digest)
        if failure or not digest:
            raise _refused(repository, failure or "the engine did not say which digest it pushed", login)
        return digest

    def save(self, image: str) -> Iterator[bytes]:
        """Return the stream of `docker save`. Raise `EngineError`, also while it is read."""
        with self._asked() as client:
            yield from client.get_image(image)

    @cached_property
    def client(self) -> "APIClient":
        """The client of the docker package. Raise `EngineError`."""
        try:
            if self.host.startswith("unix://"):  # docker-py leaves a socket open that nobody answers
                with socket.socket(socket.AF_UNIX) as knock:
                    knock.connect(self.host.removeprefix("unix://"))
        except OSError as error:
            raise self._unreachable(error) from error
        import docker.utils  # it takes a fifth of a second, and most runs need no engine

        try:
            settings = docker.utils.kwargs_from_env(environment=dict(self._settings))
            return docker.APIClient(version="auto", timeout=PATIENCE, **settings)
        except (docker.errors.DockerException, OSError, ValueError, UnicodeError) as error:
            raise self._unreachable(error) from error

    @cached_property
    def keeps_manifests(self) -> bool:
        """True where the image store is containerd's, which knows an image by the digest of its manifest or index."""
        with self._asked() as client:
            return CONTAINERD in (client.info().get("DriverStatus") or [])

    @contextmanager
    def _asked(self, missing: str = "", hint: str = "") -> Iterator["APIClient"]:
        """Give the client, and raise our errors for its own; `missing` says what a 404 means."""
        client = self.client
        from docker.errors import APIError, DockerException

        try:
            yield client
        except APIError as error:
            if missing and error.status_code == 404:
                raise EngineError(missing, hint, code="NOT_FOUND") from error
            raise EngineError(f"the engine refused: {error.explanation or error}") from error
        except (DockerException, OSError) as error:  # what the requests package raises is an OSError
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> EngineError:
        message = f"no Docker Engine answers at {self.host}: {_reason(error)}"
        return EngineError(message, _NO_ENGINE, code="UNREACHABLE")


class EngineSource:
    """An image of the engine.

    In the classic store it has no manifest: it is known by the digest of its config, and only a push makes a manifest,
    another one each time, as layers are compressed anew. So it is pushed once, and copied from there. In containerd's
    store it has the digest that it will have everywhere.
    """

    def __init__(self, engine: Engine, name: str, facts: Mapping[str, Any]) -> None:
        self.reference = f"docker-daemon:{name}"
        self._engine = engine
        self._name = name
        self._facts = facts
        self._id = str(facts["Id"])
        self.digest: str | None = self._id if engine.keeps_manifests else None
        self.config_digest: str | None = None if engine.keeps_manifests else self._id
        self._lock = threading.Lock()
        self._staged: Source | None = None

    def configs(self) -> Sequence[ImageConfig]:
        """Return the config of every platform. Raise `EngineError` when one is not there."""
        if self.digest:
            return platform_configs(self._documents, self._documents.whole(self._id))
        facts = self._facts
        platform = filter(None, (facts.get("Os"), facts.get("Architecture"), facts.get("Variant")))
        return [
            ImageConfig(
                digest=self._id,
                labels=(facts.get("Config") or {}).get("Labels") or {},
                diff_ids=tuple((facts.get("RootFS") or {}).get("Layers") or ()),
                platform="/".join(platform),
                created=str(facts.get("Created") or ""),
            )
        ]

    def stage(self, store: TagStore, tag: str, *, overwrite: bool = False) -> Manifest:
        """Put the image into `store` under `tag`, by a push or, the second time, by copying; return what stands there.

        Raise `Refused` where another image came to stand there meanwhile and only the config can tell.
        """
        with self._lock:
            if self._staged is None:
                if self.digest:
                    self._documents.whole(self._id)
                if store.repository:
                    manifest = self._push(store, store.repository.tagged(tag), overwrite)
                else:
                    manifest = self._copy(store, tag, overwrite)
                if self.digest in (None, manifest.digest):
                    self._staged = ContentSource(store, manifest.digest, self.reference)
                return manifest
        return self._staged.stage(store, tag, overwrite=overwrite)

    def tag_locally(self, references: Iterable[Reference]) -> None:
        """Give the engine the tags of a release: `docker run app:2.1` works in the next step. Raise `EngineError`.

        Those that stand in every repository are set on the image's own name too.
        """
        wanted = set(references)
        repositories = {reference.repository for reference in wanted}
        for tag in {reference.tag for reference in wanted}:
            everywhere = all(repository.tagged(tag) in wanted for repository in repositories)
            if everywhere and self._own_repository:
                wanted.add(self._own_repository.tagged(tag))
        for reference in sorted(wanted, key=str):
            self._engine.tag(self._id, reference)

    @property
    def _own_repository(self) -> Repository | None:
        """The repository of the name that the image was asked for by; None for an id."""
        names = {str(Reference.parse(name)) for name in self._facts.get("RepoTags") or ()}
        with suppress(TaggerError):
            reference = Reference.parse(self._name)
            return reference.repository if str(reference) in names else None
        return None

    def _push(self, store: TagStore, reference: Reference, overwrite: bool) -> Manifest:
        """Push the image under a name that is the engine's to resolve; return what stands there then."""
        tag = reference.tag
        standing = store.digests([tag])[tag]
        if standing and not overwrite:
            return self._checked(store, store.manifest(standing), tag)
        with self._engine.tagged(self._id, reference):
            pushed = self._engine.push(reference)
            # Another job may have pushed since, or have given the name to its image before the engine looked.
            return self._checked(store, store.manifest(tag), tag, pushed)

    def _checked(self, store: TagStore, manifest: Manifest, tag: str, pushed: str = "") -> Manifest:
        """Return what stands under the exact tag when it is this image, or when whoever knows its digest can tell."""
        config = manifest.config()
        if self.digest or (config and config.digest == self.config_digest):
            return manifest
        raise Refused(
            f"{store.place}: another build was released as {tag} at the same time: it holds {manifest.digest}"
            + (f", and this one was pushed as {pushed}" if pushed else ""),
            "That image is the release now. Give this build a version of its own.",
            code="CONFLICT",
        )

    def _copy(self, store: TagStore, tag: str, overwrite: bool) -> Manifest:
        """Put the image into a layout, which the engine cannot reach, by way of `docker save`."""
        with tempfile.NamedTemporaryFile(prefix="tagger-", suffix=".tar") as file:
            for chunk in self._engine.save(self._id):
                file.write(chunk)
            file.flush()
            saved = open_source(SourceSpec("docker-archive", file.name), _no_registry)
            return saved.stage(store, tag, overwrite=overwrite)

    @cached_property
    def _documents(self) -> "_Documents":
        return _Documents(self.reference, self._engine.save(self._id))


class _Documents(LayoutContent):
    """The manifests and configs in a stream of `docker save` from containerd's store, which saves an OCI layout.

    There is no other way before version 28 to see more than one platform. Layers pass by and are dropped.
    """

    def __init__(self, place: str, stream: Iterator[bytes]) -> None:
        super().__init__()
        self.place = place
        self._contents: dict[str, bytes] = {}
        self._names: set[str] = set()
        try:
            with tarfile.open(fileobj=cast("BinaryIO", _Stream(stream)), mode="r|") as archive:
                for member in archive:
                    self._names.add(member.name)
                    small = member.isreg() and member.size <= LARGEST_DOCUMENT
                    file = archive.extractfile(member) if small else None
                    content = file.read() if file else b""
                    if content.startswith(b"{"):
                        self._contents[member.name] = content
            self._index = Index.parse(self._contents[INDEX_FILE])
        except (tarfile.TarError, KeyError, ValueError) as error:
            raise EngineError(f"what the engine saved of {place} is no image layout: {error}") from error

    def index(self) -> Index:
        """Return the index."""
        return self._index

    def open_blob(self, digest: str) -> BinaryIO:
        """Open a manifest or a config. Raise `FileNotFoundError`."""
        try:
            return io.BytesIO(self._contents[_member(digest)])
        except KeyError as error:
            raise FileNotFoundError(digest) from error

    def whole(self, digest: str) -> Manifest:
        """Return the image's manifest when all that it names is there. Raise `EngineError`.

        A push would find out too late: with "missing content", half way.
        """
        root = self.manifest(digest)
        lost = next(self._lost(root), None)
        if lost:
            raise EngineError(
                f"{self.place} lacks a part: {lost.platform or lost.media_type} is missing ({lost.digest})",
                "Build or pull every platform (`docker pull` fetches one alone), or release from the registry that the "
                "image came from: source docker://NAME@DIGEST.",
                code="MISSING_PLATFORM",
            )
        return root

    def _lost(self, manifest: Manifest) -> Iterator[Descriptor]:
        for part in manifest.children() + manifest.blobs():
            if _member(part.digest) not in self._names:
                if not part.urls:  # layers that nobody may hand on
                    yield part
            elif manifest.is_index:
                yield from self._lost(self.manifest(part.digest))


class _Stream(io.RawIOBase):
    """Chunks as a file that is read once."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        parts, missing = [], size
        while missing and (self._rest or (chunk := next(self._chunks, b""))):
            chunk = self._rest or chunk
            parts.append(chunk[:missing])
            self._rest = chunk[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)


def _member(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _no_registry(repository: Repository) -> TagStore:
    raise AssertionError(repository)


def _familiar(repository: Repository) -> str:
    """Return a repository as the engine lists it: without Docker Hub's name and its `library`."""
    return repository.name.removeprefix("library/") if repository.registry == DOCKER_HUB else str(repository)


def _reason(error: Exception) -> str:
    """Return the innermost reason, without the names of the packages that it went through."""
    while (cause := error.__cause__ or error.__context__) and isinstance(cause, Exception):
        error = cause
    return getattr(error, "strerror", None) or str(error)


def _refused(repository: Repository, failure: str, login: Mapping[str, str]) -> StoreError:
    """Return the error of a push: the registry's words, and what usually mends it."""
    secrets = [value for value in map(login.get, ("password", "identitytoken", "registrytoken")) if value]
    words = hide(" ".join(hide(failure, secrets).split()), secrets)
    code, hint = next((found[1:] for found in _FAILURES if re.search(found[0], words, re.IGNORECASE)), ("FAILED", ""))
    if code == "DENIED" and not login:
        hint = login_hint(repository.registry)
    hint = hint.replace("{registry}", repository.registry)
    return StoreError(f"the engine could not push: {words}", hint, code=code, place=str(repository))


_FAILURES = (
    (
        r"unauthorized|authentication|basic auth|denied|forbidden|insufficient_scope",
        "DENIED",
        "The login for {registry} may not push there. On ghcr.io, a workflow needs `permissions: packages: write`.",
    ),
    (
        r"HTTP response to HTTPS client",
        "UNREACHABLE",
        "The engine speaks HTTPS to {registry}, which answers without. Name it in `insecure-registries` of the "
        "engine's /etc/docker/daemon.json; `insecure` is for Tagger's own requests alone.",
    ),
    (
        r"x509|certificate",
        "UNREACHABLE",
        "The engine does not trust {registry}. Put its authority into /etc/docker/certs.d/{registry}/ca.crt where the "
        "engine runs; `ca-file` is for Tagger's own requests alone.",
    ),
    (
        r"refused|no such host|timeout|unreachable|no route|EOF|reset by peer",
        "UNREACHABLE",
        "It is the engine that pushes, so {registry} must be its name where the engine runs. Where Tagger reaches it "
        "by another, say so in `endpoints`: {registry}=HOST:PORT.",
    ),
)

_BUILD_FIRST = (
    "See `docker image ls`. docker/build-push-action leaves the image in the engine only with `load: true`; an image "
    "in a registry is named docker://NAME."
)
_NO_ENGINE = (
    "Start it, or set DOCKER_HOST. Where there is no engine's socket, as on runners with container hooks (ARC), push "
    "the build to a registry and set `source` to docker://NAME@DIGEST."
)
