"""The client of the Docker Engine: inspects, tags, pushes and saves images. No other module imports `docker`."""

import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

from tagger.concurrency import Abandonable
from tagger.errors import EngineError, StoreError
from tagger.images.docker_context import SOCKET, docker_context
from tagger.images.engine.failures import refusal
from tagger.meters import SILENT, Meter
from tagger.names import DOCKER_HUB, Reference, Repository

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["Engine", "Logins"]

PATIENCE = 600
"""Seconds without an answer after which the engine counts as hung. It is silent for long as it pushes a large layer."""
CONTAINERD = ["driver-type", "io.containerd.snapshotter.v1"]
"""The entry of `docker info` where the image store is containerd's (moby, daemon/containerd/service.go)."""
PUSHED = re.compile(r": digest: (sha256:[0-9a-f]{64}) size: \d+$")
_REFUSAL = (
    "The engine's message names the cause; the `docker` command shows the same one here. Correct that, and run again."
)
_BUILD_FIRST = (
    "See `docker image ls`. docker/build-push-action leaves the image in the engine only with `load: true`; an image "
    "in a registry is named docker://NAME."
)
_NO_ENGINE = (
    "Start it, or set DOCKER_HOST. Where there is no socket of an engine, as on runners with container hooks (ARC), "
    "push the build to a registry and name it in `source`, as docker://NAME@DIGEST."
)


class Logins(Protocol):
    """The logins for registries. The engine has none: its client sends one with every push."""

    def auth_config(self, *names: str, repository: str = "") -> dict[str, str]:
        """Return the login for a push to a registry in the engine's form; empty when there is none."""


class Engine:
    """A Docker Engine. The first call connects to it."""

    def __init__(self, settings: Mapping[str, str], logins: Logins) -> None:
        self.host = settings.get("DOCKER_HOST") or SOCKET
        self.logins = logins
        self._settings = {**settings, "DOCKER_HOST": self.host}
        self._pushing = Abandonable()
        self._connection: APIClient | None = None
        self._connecting = threading.Lock()

    @classmethod
    def find(cls, environ: Mapping[str, str], logins: Logins) -> Self:
        """Return the engine that the docker command uses: that of DOCKER_HOST, of the docker context, or of the socket.

        Raise `EngineError` when the context cannot be read.
        """
        return cls(environ if environ.get("DOCKER_HOST") else {**environ, **docker_context(environ)}, logins)

    def stop(self) -> None:
        """Start no more pushes, and wait for none. The engine ends a push when this process ends."""
        self._pushing.stop()

    def close(self) -> None:
        """Close the connection."""
        if self._connection:
            self._connection.close()

    def holds(self, name: str) -> bool:
        """Say whether there is an engine that has an image of this name."""
        try:
            self.inspect(name)
        except EngineError:
            return False
        return True

    def local_tags(self, name: str) -> dict[str, str]:
        """Return the engine's tags of a repository (`app`, `ghcr.io/acme/app`), with the ids of their images."""
        with self._client_errors() as client:
            images = client.images()
        names = {tag: str(image["Id"]) for image in images for tag in image["RepoTags"] or ()}
        for start in self._spellings(name):
            found = {tag.removeprefix(start): image for tag, image in sorted(names.items()) if tag.startswith(start)}
            if found:
                return found
        return {}

    def _spellings(self, name: str) -> Iterator[str]:
        """Yield the names of a repository in the engine's list. Podman writes the registry, `localhost` for builds."""
        repository = Repository.parse(name)
        familiar = _familiar(repository)
        yield f"{familiar}:"
        if self.is_podman():
            if "/" not in name:
                yield f"localhost/{name}:"
            yield f"{repository}:"

    def inspect(self, name: str) -> Mapping[str, Any]:
        """Return the engine's facts about an image. Raise `EngineError`."""
        with self._client_errors(f"the engine has no image {name}", _BUILD_FIRST) as client:
            return cast("Mapping[str, Any]", client.inspect_image(name))  # type: ignore[no-untyped-call]

    def tag(self, image: str, reference: Reference) -> None:
        """Give an image a name. Raise `EngineError`."""
        with self._client_errors() as client:
            client.tag(image, str(reference.repository), reference.tag, force=True)

    @contextmanager
    def tag_for_push(self, image: str, reference: Reference) -> Iterator[None]:
        """Give an image a name, and take it back where the block fails."""
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
        """Remove a name, or give it back to the image that had it `before`."""
        if self.inspect(str(reference))["Id"] != image:
            return  # another job has taken the name
        if before:
            self.tag(before, reference)
        elif len(self.inspect(image)["RepoTags"]) > 1:  # the engine deletes an image with its last name
            with self._client_errors() as client:
                client.remove_image(str(reference), noprune=True)

    def push(self, reference: Reference, meter: Meter = SILENT, taken: Callable[[], bool] = bool) -> str:
        """Push the image with this name, show the progress on `meter`, and return the digest that the engine reports.

        Once the layers are there, `taken` says whether the tag is another image's by now. Then the engine is stopped,
        before it puts the manifest, and the result is empty.

        The engine answers a failed push with success and an `errorDetail` in the stream (docker-py #1772), so every
        line is read. Raise `StoreError` with the registry's words, `EngineError`.
        """
        digest = self._pushing.wait_for(lambda: self._push(reference, meter, taken))
        if digest is None:
            message = "the engine's push was stopped: it is unknown whether it arrived"
            raise StoreError(message, code="STOPPED", place=str(reference.repository))
        return digest

    def _push(self, reference: Reference, meter: Meter, taken: Callable[[], bool]) -> str:
        repository, digest, failure = reference.repository, "", ""
        missing: set[str] = set()
        login = self.logins.auth_config(repository.registry, repository=repository.name)
        with self._client_errors() as client:
            lines = client.push(str(repository), tag=reference.tag, stream=True, decode=True, auth_config=login)
            for line in lines:
                _tell(meter, line)
                if _all_there(line, missing) and taken():
                    lines.close()  # this closes the connection, and an engine ends a push that nobody waits for
                    return ""
                failure = failure or (line.get("errorDetail") or {}).get("message") or line.get("error") or ""
                status = PUSHED.search(line.get("status") or "")
                digest = (line.get("aux") or {}).get("Digest") or (status[1] if status else digest)
        if failure or not digest:
            words = failure or "the engine did not report the digest that it pushed"
            raise refusal(repository, words, login, is_podman=self.is_podman)
        return digest

    def save(self, image: str) -> Iterator[bytes]:
        """Return the stream of `docker save`. Raise `EngineError`, also while the stream is read."""
        with self._client_errors() as client:
            yield from client.get_image(image)

    @property
    def client(self) -> "APIClient":
        """The client of the docker package, made once. Raise `EngineError`."""
        with self._connecting:
            self._connection = self._connection or self._connect()
            return self._connection

    def _connect(self) -> "APIClient":
        try:
            if self.host.startswith("unix://"):  # docker-py leaves its socket open when nobody answers
                with socket.socket(socket.AF_UNIX) as knock:
                    knock.connect(self.host.removeprefix("unix://"))
        except OSError as error:
            raise self._unreachable(error) from error
        import docker.utils  # the import takes 0.2 s, and most runs need no engine

        try:
            settings = docker.utils.kwargs_from_env(environment=dict(self._settings))
            return docker.APIClient(version="auto", timeout=PATIENCE, **settings)
        except (docker.errors.DockerException, OSError, ValueError, UnicodeError) as error:
            raise self._unreachable(error) from error

    @cached_property
    def keeps_manifests(self) -> bool:
        """Whether the image store is containerd's, where the id of an image is the digest of its manifest or index."""
        with self._client_errors() as client:
            return CONTAINERD in (client.info().get("DriverStatus") or [])

    @property
    def is_local(self) -> bool:
        """Whether it is reached by a socket of this machine."""
        return self.host.startswith("unix://")

    def is_podman(self) -> bool:
        """Say whether it is Podman's engine; False where that is unknown."""
        try:
            with self._client_errors() as client:
                parts = client.version(api_version=False).get("Components") or ()
        except EngineError:
            return False
        return any("podman" in str(part.get("Name", "")).lower() for part in parts)

    @contextmanager
    def _client_errors(self, missing: str = "", hint: str = "") -> Iterator["APIClient"]:
        """Yield the client, and turn its errors into ours; `missing` is the message for a 404."""
        client = self.client
        from docker.errors import APIError, DockerException

        try:
            yield client
        except APIError as error:
            if missing and error.status_code == 404:
                raise EngineError(missing, hint, code="NOT_FOUND") from error
            raise EngineError(f"the engine refused: {error.explanation or error}", _REFUSAL) from error
        except (DockerException, OSError) as error:  # what the requests package raises is an OSError
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> EngineError:
        message = f"no Docker Engine answers at {self.host}: {_reason(error)}"
        return EngineError(message, _NO_ENGINE, code="UNREACHABLE")


def _tell(meter: Meter, line: Mapping[str, Any]) -> None:
    """Show the progress of a layer from a line of the engine's stream (moby, api/types/jsonstream).

    The sizes are in part estimates: `done` may grow beyond `total`.
    """
    layer, detail, status = line.get("id"), line.get("progressDetail") or {}, line.get("status") or ""
    done, total = detail.get("current"), detail.get("total")
    if isinstance(layer, str) and isinstance(done, int):
        meter.phase("pushing")
        meter.advance(layer, done, total if isinstance(total, int) else done)
    elif isinstance(layer, str) and _is_there(status):
        meter.finish(layer)


def _all_there(line: Mapping[str, Any], missing: set[str]) -> bool:
    """Say whether a line of the engine's stream is about the last of the `missing` layers; they are kept up to date."""
    layer, status = line.get("id"), line.get("status") or ""
    if not isinstance(layer, str):
        return False
    if not _is_there(status):
        missing.add(layer)
        return False
    known = layer in missing
    missing.discard(layer)
    return known and not missing


def _is_there(status: str) -> bool:
    return status in ("Pushed", "Layer already exists") or status.startswith("Mounted from ")


def _familiar(repository: Repository) -> str:
    """Return the name of a repository in the engine's list: without `docker.io` and `library`."""
    return repository.name.removeprefix("library/") if repository.registry == DOCKER_HUB else str(repository)


def _reason(error: Exception) -> str:
    """Return the text of the innermost error, without the names of packages around it."""
    while (cause := error.__cause__ or error.__context__) and isinstance(cause, Exception):
        error = cause
    return getattr(error, "strerror", None) or str(error)
