"""Real Docker Engines, with the classic image store and with containerd's, and Podman's engine."""

import http.client
import io
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.servers.debian import newer_engine_root

__all__ = ["Engine", "classic_engine", "containerd_engine", "podman_engine"]

# Without a bridge an engine needs no firewall rules, and two of them do not meet; containers get the host's network.
OPTIONS = (
    "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-masq=false", "--ip-forward=false",
    "--insecure-registry=127.0.0.0/8",
)  # fmt: skip

# Runs dockerd with another Debian as its whole world: what it mounts goes when it ends.
IN_ROOT = """
set -e
cd "$1"
mount --bind . .
cd "$1"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount --bind "$2" mnt
mkdir -p old
pivot_root . old
cd /
umount -l /old
shift 2
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
exec dockerd "$@"
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """A running Docker Engine."""

    socket: Path

    @property
    def host(self) -> str:
        """Its address, for `DOCKER_HOST`."""
        return f"unix://{self.socket}"

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment of a docker command line for this engine: with no login, and one builder in every version."""
        home = str(self.socket.parent)
        return {"PATH": os.environ["PATH"], "HOME": home, "DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "0"}

    def docker(self, *arguments: str, content: bytes | None = None) -> str:
        """Run the docker command line and return its output. Raise `CalledProcessError`, with its errors."""
        ended = subprocess.run(
            ["docker", *arguments], input=content, capture_output=True, env=dict(self.environ), check=False
        )
        if ended.returncode:
            error = subprocess.CalledProcessError(ended.returncode, arguments, ended.stdout, ended.stderr)
            error.add_note(ended.stderr.decode(errors="replace"))
            raise error
        return ended.stdout.decode().strip()

    def build(self, tag: str, content: bytes = b"", *, labels: Mapping[str, str] | None = None) -> str:
        """Make a small image with one file of `content` and the given labels; return its id."""
        lines = [
            "FROM scratch",
            "COPY content /",
            *(f'LABEL {name}="{value}"' for name, value in (labels or {}).items()),
        ]
        context = io.BytesIO()
        with tarfile.open(fileobj=context, mode="w") as archive:
            for name, data in (("Dockerfile", "\n".join(lines).encode()), ("content", content or tag.encode())):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        self.docker("build", "--quiet", "--tag", tag, "-", content=context.getvalue())
        return self.docker("image", "inspect", "--format", "{{.Id}}", tag)

    def tags(self) -> set[str]:
        """Return every name that the engine knows an image by."""
        return set(self.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split())


@contextmanager
def classic_engine(options: Sequence[str] = ()) -> Iterator[Engine]:
    """Run this machine's dockerd, which has the classic image store."""
    with _folder() as folder, _running(folder, ["dockerd", *_options(folder, "{}"), *options], folder):
        yield Engine(folder / "docker.sock")


@contextmanager
def containerd_engine(options: Sequence[str] = ()) -> Iterator[Engine]:
    """Run a newer dockerd whose image store is containerd's, in a Debian of its own."""
    with _folder() as folder:
        inside = _options(Path("/mnt"), '{"features": {"containerd-snapshotter": true}}', folder)
        command = ["unshare", "--mount", "--propagation", "private", "bash", "-c", IN_ROOT, "bash"]
        root = str(newer_engine_root())
        with _running(folder, [*command, root, str(folder), *inside, *options], folder):
            yield Engine(folder / "docker.sock")


@contextmanager
def podman_engine(insecure: Sequence[str] = ()) -> Iterator[Engine]:
    """Run Podman's engine, which speaks Docker's API; `insecure` are the registries that it reaches by plain HTTP."""
    with _folder() as folder:
        (folder / "storage.conf").write_text(
            f'[storage]\ndriver = "vfs"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/data"\n'
        )
        (folder / "containers.conf").write_text('[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
        entries = [f'[[registry]]\nlocation = "{host}"\ninsecure = true\n' for host in insecure]
        (folder / "registries.conf").write_text("\n".join(entries))
        environ = {
            "CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf",
            "CONTAINERS_CONF": f"{folder}/containers.conf",
            "CONTAINERS_REGISTRIES_CONF": f"{folder}/registries.conf",
            "TMPDIR": str(folder),
        }
        command = ["podman", "system", "service", "--time=0", f"unix://{folder}/docker.sock"]
        with _running(folder, command, folder, environ):
            yield Engine(folder / "docker.sock")


def _options(folder: Path, config: str, seen_as: Path | None = None) -> list[str]:
    """Return the options of a dockerd that keeps everything in `folder`, which the tests see as `seen_as`."""
    (seen_as or folder).joinpath("daemon.json").write_text(config)
    return [
        *("--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/docker.pid"),
        *("--config-file", f"{folder}/daemon.json", "--host", f"unix://{folder}/docker.sock"),
        *OPTIONS,
    ]


@contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder with a path short enough for a socket, and remove it afterwards with all that is mounted there."""
    folder = Path(tempfile.mkdtemp(prefix="engine-", dir="/tmp"))
    try:
        yield folder
    finally:
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((mount for mount in mounts if mount.startswith(f"{folder}/")), key=len, reverse=True):
            subprocess.run(["umount", "--lazy", mount], check=False)
        shutil.rmtree(folder)


@contextmanager
def _running(
    folder: Path, command: Sequence[str], state: Path, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[None]:
    log = folder / "dockerd.log"
    environ = {**os.environ, **more, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, stdin=subprocess.DEVNULL, env=environ)
    try:
        _wait(lambda: _answers(folder / "docker.sock"), process, log)
        yield
    finally:
        containerd = state / "exec/containerd/containerd.pid"
        survivor = int(containerd.read_text()) if containerd.exists() else 0
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        # dockerd ends its containerd, unless dockerd was killed.
        if survivor and Path(f"/proc/{survivor}/cmdline").exists():
            with suppress(ProcessLookupError):
                os.kill(survivor, signal.SIGTERM)


def _wait(ready: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + 60
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"dockerd did not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.02)


def _answers(path: Path) -> bool:
    connection = http.client.HTTPConnection("engine")
    connection.sock = socket.socket(socket.AF_UNIX)
    try:
        connection.sock.connect(str(path))
        connection.request("GET", "/_ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
