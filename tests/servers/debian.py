"""Debian roots that tests make once and keep: the stand-in for the action's base image, and a newer Docker Engine."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["newer_engine_root", "python_base"]

CACHE = Path(__file__).parents[2] / "build" / "testbed"

# What python:3.13-slim-trixie has, at the same places: /usr/local/bin/python, pip, a shell, certificates. Packages are
# unpacked without running their scripts, which takes a third of the time; the hook does what they would have.
PYTHON_PACKAGES = (
    "base-files,base-passwd,libc-bin,dash,coreutils,sed,grep,findutils,python3,python3-venv,libpython3-stdlib,"
    "ca-certificates,openssl"
)
PYTHON_HOOK = "; ".join(
    (
        "set -eu",
        'mkdir -p "$1/etc/ssl/certs" "$1/tmp" "$1/root"',
        'chmod 1777 "$1/tmp"',
        'cat /etc/ssl/certs/ca-certificates.crt >"$1/etc/ssl/certs/ca-certificates.crt"',
        '[ -e "$1/bin/sh" ] || ln -s dash "$1/usr/bin/sh"',
        'echo root:x:0:0:root:/root:/bin/sh >"$1/etc/passwd"',
        'echo root:x:0: >"$1/etc/group"',
        'chroot "$1" /sbin/ldconfig',
        'chroot "$1" python3 -m venv /usr/local',
        'cd "$1"',
        "rm -rf usr/share/doc usr/share/man usr/share/locale var/lib/apt/lists/* var/cache/apt/*",
    )
)
ENGINE_PACKAGES = "ca-certificates,iptables,docker.io,docker-cli,containerd,runc"
ENGINE_HOOK = 'cat /etc/ssl/certs/ca-certificates.crt >"$1/etc/ssl/certs/ca-certificates.crt"'


def python_base() -> Path:
    """Return a tar archive of the root of the stand-in for `python:3.13-slim-trixie`, made the first time."""
    options = ("--variant=extract", f"--include={PYTHON_PACKAGES}", f"--extract-hook={PYTHON_HOOK}")
    return _made("python-base.tar", options)


def newer_engine_root() -> Path:
    """Return the root of a Debian with docker.io 26 in it, made the first time."""
    documents = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("man", "locale", "doc")]
    options = ("--variant=minbase", f"--include={ENGINE_PACKAGES}", f"--customize-hook={ENGINE_HOOK}", *documents)
    return _made("newer-engine", options)


def _made(name: str, options: Sequence[str]) -> Path:
    """Return the root that mmdebstrap makes with `options`, in a folder named by a hash of them."""
    recipe = hashlib.sha256("\n".join(options).encode()).hexdigest()[:12]
    target = CACHE / recipe / name
    with _lock(recipe):
        if not target.exists():
            draft = target.with_name(f"draft-{name}")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(draft, ignore_errors=True)
            command = ["mmdebstrap", "--quiet", "--mode=root", "--aptopt=Acquire::Languages none"]
            subprocess.run([*command, *options, "trixie", str(draft), _mirror()], check=True)
            draft.rename(target)
    return target


@contextmanager
def _lock(name: str) -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _mirror() -> str:
    """Return the mirror of Debian that this machine uses."""
    command = ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"]
    sites = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return os.environ.get("DEBIAN_MIRROR") or next(site for site in sites if site.endswith("/debian"))
