"""What a run needs besides Python's own code, from the built image: git's files, authorities, proxies, the engine."""

import subprocess
from pathlib import Path

import pytest

from tagger.images.manifests import OCI_MANIFEST, Manifest
from tagger.images.registry.credentials import Keychain
from tagger.images.registry.registries import Registries
from tagger.names import Repository
from tests.e2e.conftest import Run
from tests.images.making import make_image
from tests.servers.distribution import Distribution, distribution
from tests.servers.engine import Engine
from tests.servers.registries import Authority
from tests.servers.runner import Runner
from tests.servers.small_registry import SmallRegistry
from tests.servers.tunnels import Tunnels

REFTABLES = Path(__file__).parents[1] / "version_from/reftable.tar.gz"


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=Tests", "-c", "user.email=tests@example.invalid")
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


class TestGit:
    """Tags are read without git, which is not there."""

    def test_packed_refs_and_objects(self, run: Run, runner: Runner) -> None:
        runner.workspace.mkdir(parents=True)
        for words in (
            ("init", "--quiet"),
            ("commit", "--quiet", "--allow-empty", "--message", "First"),
            ("tag", "--annotate", "--message", "Release", "v2.1.4"),
            ("gc", "--quiet"),
            ("pack-refs", "--all"),
        ):
            git(runner.workspace, *words)
        assert not (runner.workspace / ".git/refs/tags/v2.1.4").exists()
        step = run(command="plan", published_from="none")
        assert (step.code, step.outputs["version"]) == (0, "2.1.4"), step.log

    def test_tag_objects_as_differences_in_a_pack(self, run: Run, runner: Runner) -> None:
        """They are read where no packed ref says what they lead to, by the Python code of the library alone."""
        runner.workspace.mkdir(parents=True)
        git(runner.workspace, "init", "--quiet")
        git(runner.workspace, "commit", "--quiet", "--allow-empty", "--message", "First")
        for number in range(9):
            message = f"Release {number}\n\n" + "\n".join(f"- change {line}" for line in range(200))
            git(runner.workspace, "tag", "--annotate", "--message", message, f"v2.1.{number}")
        for words in (
            ("repack", "-a", "-d", "--write-bitmap-index"),
            ("multi-pack-index", "write"),
            ("commit-graph", "write", "--reachable"),
        ):
            git(runner.workspace, *words)
        (pack,) = (runner.workspace / ".git/objects/pack").glob("*.idx")
        shown = subprocess.run(["git", "verify-pack", "-v", pack], check=True, capture_output=True, text=True).stdout
        assert any(" tag " in line and len(line.split()) == 7 for line in shown.splitlines()), shown
        step = run(command="plan", published_from="none")
        assert (step.code, step.outputs["version"]) == (0, "2.1.8"), step.log

    @pytest.mark.parametrize(("folder", "versions"), [("main", ("1.1.0", "1.1.1")), ("tree", ("1.0.0",))])
    def test_reftables_with_a_worktree(
        self, folder: str, versions: tuple[str, ...], run: Run, runner: Runner, tmp_path: Path
    ) -> None:
        subprocess.run(["tar", "-xzf", REFTABLES, "-C", tmp_path], check=True)
        runner.workspace.parent.mkdir(parents=True)
        (tmp_path / folder).rename(runner.workspace)
        if folder == "tree":  # as `git worktree add --relative-paths` writes it: no container sees the host's path
            (tmp_path / "main").rename(runner.workspace / "main")
            (runner.workspace / ".git").write_text("gitdir: main/.git/worktrees/tree\n")
        step = run(command="plan", published_from="none")
        assert (step.code, step.outputs["version"] in versions) == (0, True), step.log


class TestAuthorities:
    """A registry with a certificate of one's own authority."""

    def test_one_as_openssl_makes_it_by_default(self, run: Run, runner: Runner, tmp_path: Path) -> None:
        """Without keyUsage, which Python 3.13 refuses and curl accepts."""
        ca, key, server, server_key = (
            str(tmp_path / name) for name in ("ca.pem", "ca.key", "server.pem", "server.key")
        )
        new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        issued = ["-CA", ca, "-CAkey", key, "-addext", "subjectAltName=IP:127.0.0.1"]
        issued += ["-addext", "basicConstraints=CA:FALSE"]
        for words in (
            [*new, "-subj", "/CN=Our own", "-keyout", key, "-out", ca],
            [*new, "-subj", "/CN=registry", "-keyout", server_key, "-out", server, *issued],
        ):
            subprocess.run(words, check=True, capture_output=True)
        shown = subprocess.run(["openssl", "x509", "-in", ca, "-noout", "-text"], check=True, capture_output=True)
        assert b"Key Usage" not in shown.stdout
        runner.workspace.mkdir(parents=True)
        (runner.workspace / "ca.pem").write_text(Path(ca).read_text())
        with distribution(tmp_path / "tls", tls=(Path(server), Path(server_key))) as registry:
            inputs = {"command": "plan", "images": f"{registry.host}/acme/app", "version": "2.1.4"}
            subprocess.run(["curl", "--fail", "--silent", "--cacert", ca, f"https://{registry.host}/v2/"], check=True)
            refused = run(**inputs)
            assert refused.code == 1
            assert "`ca-file`" in refused.annotations[0].message
            for given in ("ca.pem", Path(ca).read_text()):
                assert run(**inputs, ca_file=given).code == 0
            assert run({"SSL_CERT_FILE": "ca.pem"}, **inputs).code == 0


class TestProxies:
    """A registry that only a proxy reaches."""

    def test_plain_http_by_a_proxy_that_wants_a_login(self, run: Run) -> None:
        with SmallRegistry() as proxy:
            with Registries(keychain=Keychain(environ={})) as registries:
                make_image(registries.repository(Repository(proxy.host, "acme/app")), "app", "2.1.4")
            proxy.requests.clear()
            environ = {"http_proxy": f"http://me:hunter2@{proxy.host}"}
            step = run(environ, command="tags", images="registry.invalid:80/acme/app", insecure="registry.invalid:80")
            assert step.code == 0, step.log
            assert "2.1.4" in step.log
            assert proxy.requests[0].headers["Proxy-Authorization"].startswith("Basic ")
            assert "hunter2" not in step.log

    @pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "over TLS"])
    def test_https_is_led_through(self, over_tls: bool, authority: Authority, run: Run) -> None:
        """By CONNECT, as a runner without other ways out has it; nobody but the proxy can resolve the name."""
        with (
            SmallRegistry(tls=authority.server_context()) as registry,
            Tunnels(registry.port, tls=authority.server_context() if over_tls else None) as proxy,
        ):
            registry.put("acme/app", "2.1.4", Manifest(OCI_MANIFEST, b'{"schemaVersion": 2}'))
            environ = {"https_proxy": f"{'https' if over_tls else 'http'}://me:hunter2@{proxy.host}"}
            inputs = {"command": "tags", "images": "registry.local/acme/app"}
            step = run(environ, **inputs, ca_file=authority.ca_file.read_text())
            assert step.code == 0, step.log
            assert "2.1.4" in step.log
            assert {lines[0] for lines in proxy.asked} == {"CONNECT registry.local:443 HTTP/1.1"}
            assert "hunter2" not in step.log


class TestEngine:
    """The engine, by its socket."""

    @pytest.mark.parametrize("tags", [("build", "2.1.4")])
    def test_every_local_tag_is_pushed(
        self, tags: tuple[str, ...], engine: Engine, registry: Distribution, run: Run
    ) -> None:
        name = f"{registry.host}/acme/pushed"
        for tag in tags:
            engine.build(f"{name}:{tag}", tag.encode())
        step = run(command="push", arguments=name, images=name)
        assert step.code == 0, step.log
        assert {tag for tag in tags if tag in step.log} == set(tags)
