"""The action's image: what is in it and what is not, that it is the same built twice, and that it starts at once."""

import gzip
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import ACTION
from tests.servers.base_image import on_stand_in
from tests.servers.distribution import Distribution
from tests.servers.engine import Engine
from tests.servers.runner import Runner

TREE = "tools/image_tree.py"
MOST = 18_000_000  # bytes, compressed, as it travels
IMPORT_ALL = """
import ast, importlib, pathlib, sys
sys.path.insert(0, "/action")
for module in pathlib.Path("/action/tagger").glob("**/*.py"):
    if module.parent.name == "signatures" and module.stem in ("keys", "keyless"):
        continue  # what these import is in the variant that verifies
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            for name in names:
                if not name.endswith((".keys", ".keyless")):
                    importlib.import_module(name)
assert "tagger.operations.release" in sys.modules
"""
TRUST = """
import ssl
context = ssl.create_default_context()
bundle = ssl.create_default_context(cafile="/etc/ssl/certs/ca-certificates.crt")
first = bundle.get_ca_certs(binary_form=True)
import os
folder = ssl.get_default_verify_paths().capath
assert len([name for name in os.listdir(folder) if name.endswith(".pem")]) == len(first) > 50, folder
assert os.path.realpath("/action/certifi/cacert.pem") == "/etc/ssl/certs/ca-certificates.crt"
import datetime, zoneinfo
print(datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")).utcoffset())
"""
LOADED = """
import os
lines = [line.split(None, 5) for line in open("/proc/self/maps")]
loaded = {line[5].strip() for line in lines if len(line) == 6}
for top in ("/action", "/usr"):
    for folder, _, names in os.walk(top):
        for path in (os.path.join(folder, name) for name in names if ".so" in name):
            if os.path.realpath(path) not in loaded:
                print(path)
"""
# What is loaded by name, where a thread ends, and for a question at a terminal.
LATE = re.compile(r"/usr/.*/(libgcc_s\.so\.1|termios\.cpython-\S+)")
# Every path of the image, sorted into what it is there for; a path of no kind is a file that nobody asked for.
KINDS = {
    "the interpreter": r"usr/(local/)?bin/python[0-9.]*",
    "the command": r"usr/local/bin/tagger",
    "the environment of the interpreter": r"usr/local/pyvenv\.cfg",
    "Python's library": r"usr/(local/)?lib/python3\.13/.*",
    "shared libraries": r"usr/(local/)?lib(64)?/([a-z0-9_]+-linux-gnu/)?(lib[\w+-]+|ld-[\w-]+)\.so(\.[\w.]+)*",
    "certificate authorities": r"etc/ssl/certs/[\w.-]+",
    "where OpenSSL looks for them": r"usr/lib/ssl/certs",
    "time zones": r"usr/share/zoneinfo/[\w/+-]+",
    "users, names and the system's name": r"etc/(passwd|group|nsswitch\.conf|os-release)|usr/lib/os-release",
    "packages": r"action/(backports|click|certifi|charset_normalizer|docker|dulwich|httptools|idna|packaging|requests|"
    r"semver|urllib3|yaml|rich|pygments|markdown_it|mdurl)(/.*|-[0-9].*)|action/[\w.-]+\.dist-info/METADATA|"
    r"action/[0-9a-f]+__mypyc.*\.so",
    "our code": r"action/(tagger/.*|entrypoint\.py|__pycache__/entrypoint\..*)",
    "links that Debian has": r"lib(64)?|bin|sbin",
    "what the engine makes": r"\.dockerenv|dev(/.*)?|proc|sys|etc/(hosts|hostname|resolv\.conf|mtab)|tmp|root",
}


def files(engine: Engine, image: str) -> Iterator[tarfile.TarInfo]:
    """Yield what a container of an image holds."""
    name = engine.docker("create", "--network=host", image)
    try:
        command = ["docker", "export", name]
        exported = subprocess.run(command, env=dict(engine.environ), check=True, capture_output=True).stdout
    finally:
        engine.docker("rm", name)
    with tarfile.open(fileobj=io.BytesIO(exported)) as archive:
        yield from archive


@pytest.fixture(scope="module")
def content(engine: Engine, action_image: str) -> list[tarfile.TarInfo]:
    return list(files(engine, action_image))


class TestContent:
    """What is in it."""

    def test_every_file_is_of_a_kind_that_a_run_needs(self, content: list[tarfile.TarInfo]) -> None:
        kinds = re.compile("|".join(f"({kind})" for kind in KINDS.values()))
        stray = [one.name for one in content if not one.isdir() and not kinds.fullmatch(one.name)]
        assert stray == []
        for name, kind in KINDS.items():
            assert any(re.fullmatch(kind, one.name) for one in content), name

    def test_python_is_the_only_program(self, content: list[tarfile.TarInfo]) -> None:
        """No shell, no package manager, no compiler."""
        programs = {
            Path(one.name).name
            for one in content
            if one.isfile()
            and one.mode & 0o111
            and ".so" not in one.name
            and not re.fullmatch(KINDS["what the engine makes"], one.name)
        }
        assert {re.sub("[0-9.]+$", "", name) for name in programs} == {"python", "tagger"}

    def test_nothing_compiled_is_there_that_no_run_loads(self, engine: Engine, action_image: str) -> None:
        run = ("run", "--rm", "--network=host", "--entrypoint=python", action_image, "-EsSc", IMPORT_ALL + LOADED)
        assert [path for path in engine.docker(*run).splitlines() if not LATE.fullmatch(path)] == []

    def test_it_is_small(self, engine: Engine, action_image: str) -> None:
        saved = subprocess.run(
            ["docker", "save", action_image], env=dict(engine.environ), check=True, capture_output=True
        ).stdout
        assert len(gzip.compress(saved, 6)) <= MOST

    def test_it_trusts_authorities_and_knows_time_zones(self, engine: Engine, action_image: str) -> None:
        run = ("run", "--rm", "--network=host", "--entrypoint=python", action_image, "-c", TRUST)
        assert engine.docker(*run).endswith("2:00:00")

    def test_the_command_is_on_the_path(self, engine: Engine, action_image: str) -> None:
        run = ("run", "--rm", "--network=host")
        said = engine.docker(*run, action_image, "--version")
        assert engine.docker(*run, "--entrypoint=tagger", action_image, "--version") == said


class TestBuilding:
    """How it is made."""

    def test_another_build_is_the_same_layer(self, engine: Engine, action_image: str, tmp_path: Path) -> None:
        """Of another checkout, with other times, and by a umask that lets nobody else read."""
        checkout = tmp_path / "checkout"
        shutil.copytree(ACTION / "tagger", checkout / "tagger", ignore=shutil.ignore_patterns("__pycache__"))
        (checkout / "tools").mkdir()
        for file in (".dockerignore", "entrypoint.py", "requirements.txt", "requirements-verify.txt", TREE):
            shutil.copy(ACTION / file, checkout / file)
        for number, path in enumerate(checkout.rglob("*")):
            path.chmod(path.stat().st_mode & 0o700)
            os.utime(path, (number, number))
        dockerfile = str(on_stand_in(ACTION / "Dockerfile", tmp_path))
        build = ("build", "--no-cache", "--network=host", "--tag", "action:again", "--file", dockerfile)
        engine.docker(*build, str(checkout))
        inspect = ("image", "inspect", "--format", "{{json .RootFS.Layers}}")
        assert engine.docker(*inspect, "action:again") == engine.docker(*inspect, action_image)

    def test_buildkit_builds_it_too(self, engine: Engine, action_image: str, tmp_path: Path) -> None:
        """With the docker command of the system, which knows BuildKit: the same layers."""
        dockerfile = str(on_stand_in(ACTION / "Dockerfile", tmp_path))
        command = ["/usr/bin/docker", "build", "--network=host", "--tag", "action:buildkit", "--file", dockerfile]
        environ = {**engine.environ, "DOCKER_BUILDKIT": "1"}
        subprocess.run([*command, str(ACTION)], env=environ, check=True, capture_output=True)
        run = ("run", "--rm", "--network=host")
        assert engine.docker(*run, "action:buildkit", "--version") == engine.docker(*run, action_image, "--version")
        inspect = ("image", "inspect", "--format", "{{json .RootFS.Layers}}")
        assert engine.docker(*inspect, "action:buildkit") == engine.docker(*inspect, action_image)

    def test_the_variant_for_debugging_has_a_shell(self, engine: Engine, tmp_path: Path) -> None:
        dockerfile = str(on_stand_in(ACTION / "Dockerfile", tmp_path))
        build = ("build", "--network=host", "--target=debug", "--tag", "action:debug", "--file", dockerfile)
        engine.docker(*build, str(ACTION))
        run = ("run", "--rm", "--network=host", "--entrypoint=", "action:debug", "sh", "-c")
        assert engine.docker(*run, "tagger --version && ls /action").startswith("tagger ")

    def test_the_variant_that_verifies_knows_the_roots_of_sigstore(self, engine: Engine, tmp_path: Path) -> None:
        dockerfile = str(on_stand_in(ACTION / "Dockerfile", tmp_path))
        build = ("build", "--network=host", "--target=verify", "--tag", "action:verify", "--file", dockerfile)
        engine.docker(*build, str(ACTION))
        code = "import sys; sys.path.insert(0, '/action'); "
        code += "from tagger.gates.signatures.keyless import open_verifier; print(open_verifier('') is not None)"
        run = ("run", "--rm", "--network=host", "--entrypoint=python", "action:verify", "-Es", "-c", code)
        assert engine.docker(*run) == "True"


class TestStarting:
    """How it starts."""

    def test_starts_without_a_shell(self, engine: Engine, action_image: str) -> None:
        entrypoint = json.loads(
            engine.docker("image", "inspect", "--format", "{{json .Config.Entrypoint}}", action_image)
        )
        assert entrypoint == ["/usr/local/bin/python", "-EsS", "/action/entrypoint.py"]

    def test_no_import_of_ours_is_compiled(self, engine: Engine, action_image: str) -> None:
        """What a container compiles it writes down, and it is lost with the container."""
        python = ["--entrypoint=python", action_image, "-Es", "-c", IMPORT_ALL]
        engine.docker("run", "--name=imports", "--network=host", *python)
        try:
            assert engine.docker("diff", "imports") == ""
        finally:
            engine.docker("rm", "imports")

    def test_no_import_of_a_release_is_compiled(
        self, engine: Engine, registry: Distribution, runner: Runner, action_image: str
    ) -> None:
        """Of packages too, which import some modules late."""
        engine.build("bytecode/app:build")
        inputs = {
            "images": f"{registry.host}/acme/app",
            "source": "docker-daemon:bytecode/app:build",
            "version": "2.1.4",
        }
        invocation = runner.invocation(ACTION, action_image, inputs)
        words = [word for word in invocation.command if word != "--rm"]
        name = words[words.index("--name") + 1]
        try:
            subprocess.run(words, env=dict(invocation.environ), check=True, capture_output=True)
            assert "pyc" not in engine.docker("diff", name)
        finally:
            engine.docker("rm", name)
