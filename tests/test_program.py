"""What is begun before anything is read: connections to the registries that a step's inputs name, and no others."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger import __version__
from tagger.errors import InputError
from tagger.images.registry import dial as dialling
from tagger.images.registry.addresses import places_ahead
from tagger.images.registry.dial import Dial
from tagger.names import Repository
from tagger.program import _likely_place, begin
from tests.servers.registries import Authority
from tests.servers.small_registry import SmallRegistry

PROGRAM = str(Path(__file__).parent.parent / "entrypoint.py")
PLAIN = ("elsewhere.invalid", 80)
ELSE = ("registry.invalid", 443)
HUB = [("registry-1.docker.io", 443), ("auth.docker.io", 443)]
RELEASE = {"INPUT_COMMAND": "release", "INPUT_IMAGES": "registry.invalid:5000/acme/app"}


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(variable)


@pytest.mark.parametrize(
    ("environ", "places"),
    [
        (RELEASE, [("registry.invalid", 5000)]),
        ({**RELEASE, "INPUT_COMMAND": "", "TAGGER_COMMAND": "plan"}, [("registry.invalid", 5000)]),
        ({"INPUT_COMMAND": "release", "TAGGER_IMAGES": "Registry.invalid/a/b"}, [("registry.invalid", 443)]),
        ({**RELEASE, "INPUT_IMAGES": "oci:app\nname=x/y\n  registry.invalid/a\n"}, [("registry.invalid", 443)]),
        ({**RELEASE, "INPUT_IMAGES": "elsewhere.invalid/a", "INPUT_INSECURE": "elsewhere.invalid"}, [PLAIN]),
        ({**RELEASE, "INPUT_ENDPOINTS": "registry.invalid:5000=127.0.0.1:1"}, []),
        ({**RELEASE, "TAGGER_PUBLISHED_FROM": "git", "INPUT_COMMAND": "plan"}, []),
        ({**RELEASE, "INPUT_COMMAND": "labels"}, []),
        ({**RELEASE, "INPUT_IMAGES": "localhost:5000/acme/app"}, []),
        ({**RELEASE, "INPUT_IMAGES": "127.0.0.1:5000/acme/app\nacme/app.localhost/a"}, [*HUB]),
        ({**RELEASE, "INPUT_IMAGES": "acme/app\nregistry.invalid/a\nindex.docker.io/a/b"}, [*HUB, ELSE]),
        ({**RELEASE, "INPUT_IMAGES": "ghcr.io/acme/app"}, [("ghcr.io", 443), ("ghcr.io", 443)]),
        ({**RELEASE, "INPUT_IMAGES": "a.b:0443/c/d\nregistry.invalid:65536/c\n-a.b/c\n[::1]:5000/a\noci:a.b/c"}, []),
        ({**RELEASE, "INPUT_IMAGES": ""}, []),
        ({**RELEASE, "INPUT_IMAGES": "registry:99999/acme/app"}, []),
        ({}, []),
    ],
)  # fmt: skip
def test_which_are_begun(
    environ: dict[str, str], places: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialling, "open_socket", _refuses)
    assert [dial.place for dial in begin([], environ)] == places
    assert begin(["release"], environ) == []


@given(st.text("ab.:-/1é[]@%_", max_size=12).map(lambda text: f"a{text}"))
def test_a_place_that_is_guessed_is_that_of_the_registry(image: str) -> None:
    guessed = _likely_place(image)
    with suppress(InputError):
        found = [(one.host, one.port) for one in places_ahead([Repository.parse(image).registry], (), {})]
        assert guessed is None or guessed in found


def test_none_is_begun_where_a_proxy_leads_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert begin([], RELEASE) == []


def test_what_was_begun_is_used(small_registry: SmallRegistry, tmp_path: Path) -> None:
    """The whole program opens one connection fewer than it takes requests side by side, and none in vain."""
    host = f"0.0.0.0:{small_registry.port}"
    environ = {"INPUT_COMMAND": "plan", "INPUT_VERSION": "2.1.4", "INPUT_IMAGES": f"{host}/acme/app"}
    environ |= {"INPUT_INSECURE": host, "INPUT_JOBS": "1", "INPUT_SOURCE": f"docker://{host}/acme/app:none"}
    subprocess.run([sys.executable, "-Es", PROGRAM], env=environ, cwd=tmp_path, capture_output=True, check=False)
    assert small_registry.requests
    assert small_registry.connections == 1


@pytest.mark.parametrize("form", ["file", "text", "one line"])
def test_tls_is_begun_with_the_authorities_of_the_environment(form: str, authority: Authority, tmp_path: Path) -> None:
    """Where `ca-file` is PEM text in one line, reading it is left to the settings, and a new connection is made."""
    given = {"file": str(authority.ca_file), "text": (text := authority.ca_file.read_text().strip())}
    with SmallRegistry(tls=authority.server_context()) as registry:
        host = f"0.0.0.0:{registry.port}"
        environ = {"INPUT_COMMAND": "plan", "INPUT_VERSION": "2.1.4", "INPUT_IMAGES": f"{host}/acme/app"}
        environ |= {"INPUT_JOBS": "1", "INPUT_SOURCE": f"docker://{host}/acme/app:none"}
        environ["INPUT_CA-FILE"] = given.get(form, text.replace("\n", "\\n"))
        subprocess.run([sys.executable, "-Es", PROGRAM], env=environ, cwd=tmp_path, capture_output=True, check=False)
        assert registry.requests
        assert registry.connections <= (2 if form == "one line" else 1)


def test_tls_is_ready_before_the_registry_answers() -> None:
    environ = {"INPUT_COMMAND": "release", "INPUT_IMAGES": "192.0.2.1/acme/app"}  # TEST-NET-1 (RFC 5737)
    code = f"import sys; from tagger.program import begin; assert begin([], {environ}); print('ssl' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=Path(PROGRAM).parent, capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("True\n", "")


def test_a_file_of_authorities_that_is_absent_is_left_to_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling, "open_socket", _refuses)
    assert len(begin([], {**RELEASE, "INPUT_CA-FILE": "absent.pem"})) == 1


def test_who_begins_over_again_goes_on_with_what_was_begun(small_registry: SmallRegistry) -> None:
    place = ("0.0.0.0", small_registry.port)  # noqa: S104
    first = Dial(place, 5)
    made = Dial(place, 5, begun=first).take()
    assert made is not None
    assert made is first.take()
    made.close()
    assert small_registry.connections <= 1


def test_one_that_takes_too_long_is_given_up() -> None:
    never = Dial(("192.0.2.1", 1), 5)  # TEST-NET-1 (RFC 5737)
    assert never.take(0.01) is None


def _refuses(place: tuple[str, int], timeout: float) -> None:
    raise ConnectionRefusedError(place, timeout)


def test_it_runs_as_a_module() -> None:
    command, folder = [sys.executable, "-m", "tagger", "version"], Path(PROGRAM).parent
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert ran.stdout == f"tagger {__version__}\n"
