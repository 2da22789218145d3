"""Two network namespaces with a delayed line between them."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

__all__ = ["FAR", "NEAR", "Line", "open_line"]

NEAR, FAR = "192.0.2.1", "192.0.2.2"  # TEST-NET-1 (RFC 5737): nobody's
NAMESPACES = Path("/run/netns")
CLONE_NEWNET = 0x40000000


class Line:
    """A line between a namespace for clients and one for servers; this process is in that of the servers.

    `namespace` is the file of the clients' namespace, `outside` that of neither, and `kind` what delays the packets.
    """

    def __init__(self, namespace: Path, outside: Path, kind: str) -> None:
        self.namespace = namespace
        self.kind = kind
        self._outside = outside

    def delay(self, milliseconds: float) -> None:
        """Set the time of a round trip."""
        raise NotImplementedError

    def near(self) -> AbstractContextManager[None]:
        """Enter the clients' side for a block. Programs that are started there stay there."""
        return _elsewhere(self.namespace)

    def outside(self) -> AbstractContextManager[None]:
        """Enter the namespace in which this process was started, for a block: it has the rest of the network."""
        return _elsewhere(self._outside)

    def connections(self) -> int:
        """Return how many connections the servers accepted so far."""
        names, values = (
            line.split() for line in Path("/proc/thread-self/net/snmp").read_text().splitlines() if "Tcp:" in line
        )
        return int(values[names.index("PassiveOpens")])


class _Netem(Line):
    """A pair of Ethernet devices with the kernel's own delay."""

    def __init__(self, namespace: Path, outside: Path, near: str, far: str) -> None:
        super().__init__(namespace, outside, "tc netem")
        self._ends = ((near, "near"), (far, "far"))
        self.delay(0)

    def delay(self, milliseconds: float) -> None:
        for namespace, device in self._ends:
            _ip(namespace, "tc", "qdisc", "replace", "dev", device, "root", "netem", "limit", "100000", "delay",
                f"{milliseconds / 2}ms")  # fmt: skip


class _Program(Line):
    """A pair of TUN devices with `delay.c` between them."""

    def __init__(self, namespace: Path, outside: Path, process: "subprocess.Popen[str]") -> None:
        super().__init__(namespace, outside, "delay.c over TUN devices")
        self._process = process
        self._answer()

    def delay(self, milliseconds: float) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{milliseconds * 500:.0f}\n")
        self._process.stdin.flush()
        self._answer()

    def _answer(self) -> None:
        assert self._process.stdout
        if not self._process.stdout.readline():
            raise RuntimeError("the delay line ended")


@contextmanager
def open_line(programs: Path) -> Iterator[Line]:
    """Make the namespaces and the line, and enter the servers' side; needs root. All is removed at the end."""
    near, far = f"tagger-near-{os.getpid()}", f"tagger-far-{os.getpid()}"
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    with ExitStack() as cleanup:
        for namespace in (near, far):
            _run("ip", "netns", "add", namespace)
            cleanup.callback(_run, "ip", "netns", "delete", namespace)
            _ip(namespace, "ip", "link", "set", "lo", "up")
        outside = Path(f"/proc/self/fd/{home}")
        line = _with_netem(near, far, outside) or _with_program(near, far, outside, programs, cleanup)
        _enter(os.open(NAMESPACES / far, os.O_RDONLY))
        cleanup.callback(_enter, home)
        yield line


def _with_netem(near: str, far: str, outside: Path) -> Line | None:
    _run("ip", "link", "add", "near", "netns", near, "type", "veth", "peer", "name", "far", "netns", far)
    _address(near, "near", NEAR, FAR)
    _address(far, "far", FAR, NEAR)
    with suppress(subprocess.CalledProcessError):
        return _Netem(NAMESPACES / near, outside, near, far)
    _ip(near, "ip", "link", "delete", "near")
    return None


def _with_program(near: str, far: str, outside: Path, programs: Path, cleanup: ExitStack) -> Line:
    names = f"t{os.getpid()}a", f"t{os.getpid()}b"
    process = subprocess.Popen(
        [programs / "delay", *names], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    cleanup.callback(process.wait)
    cleanup.callback(process.kill)
    line = _Program(NAMESPACES / near, outside, process)
    for name, namespace, own, other in ((names[0], near, NEAR, FAR), (names[1], far, FAR, NEAR)):
        _run("ip", "link", "set", name, "netns", namespace)
        _address(namespace, name, own, other)
    return line


def _address(namespace: str, device: str, own: str, other: str) -> None:
    _ip(namespace, "ip", "address", "add", own, "peer", other, "dev", device)
    _ip(namespace, "ip", "link", "set", device, "txqueuelen", "10000", "up")


def _ip(namespace: str, *command: str) -> None:
    _run("ip", "netns", "exec", namespace, *command)


def _run(*command: str) -> None:
    subprocess.run(
        command, check=True, capture_output=True, env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    )


@contextmanager
def _elsewhere(namespace: Path) -> Iterator[None]:
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    _enter(os.open(namespace, os.O_RDONLY))
    try:
        yield
    finally:
        _enter(home)


def _enter(namespace: int) -> None:
    """Move this thread, and all that it starts from now on, into a network namespace; close the file."""
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(namespace)
