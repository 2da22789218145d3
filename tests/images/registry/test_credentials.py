"""Logins: given ones, docker's configuration with its helpers, and the workflow's token."""

import base64
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tagger.errors import InputError
from tagger.images.registry.credentials import Keychain
from tagger.images.registry.logins import HUB_KEY, Login, registry_name

HUB_NAMES = [
    "docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "https://index.docker.io/v1/",
    "https://registry-1.docker.io/v2/",
]  # fmt: skip


def auth(username: str, password: str) -> str:
    """Encode a login as docker does."""
    return base64.b64encode(f"{username}:{password}".encode()).decode()


class Home:
    """A home directory with a docker configuration, and helpers on its PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.environ = {"HOME": str(folder), "PATH": f"{self.bin}:{os.environ['PATH']}"}

    def write(self, value: Any) -> "Home":
        """Write the configuration: an object, or bytes as they are."""
        (self.folder / ".docker").mkdir(exist_ok=True)
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        (self.folder / ".docker" / "config.json").write_bytes(content)
        return self

    def helper(self, name: str, script: str) -> None:
        """Write a credential helper: the body of a shell script, which finds the server in `$server`."""
        program = self.bin / f"docker-credential-{name}"
        program.write_text(f'#!/bin/sh\nread -r server || true\necho "$1 $server" >>{self.folder}/asked\n{script}\n')
        program.chmod(0o755)

    def answer(self, name: str, logins: dict[str, tuple[str, str]]) -> None:
        """Write a helper that knows some logins, and says of others what docker's own do."""
        cases = "".join(
            f"{server}) echo '{json.dumps({'ServerURL': server, 'Username': user, 'Secret': secret})}';;\n"
            for server, (user, secret) in logins.items()
        )
        missing = "*) echo 'credentials not found in native keychain'; exit 1;;"
        self.helper(name, f'case "$server" in\n{cases}{missing}\nesac')

    @property
    def asked(self) -> list[str]:
        """What the helpers were asked, as `get ghcr.io`."""
        file = self.folder / "asked"
        return file.read_text().splitlines() if file.exists() else []

    def keychain(self, **more: Any) -> Keychain:
        """Return the keychain of a run in this home."""
        return Keychain(**{"environ": self.environ, **more})


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home directory."""
    return Home(tmp_path)


def found(login: Login) -> tuple[str, str]:
    """Return name and password of a login."""
    return login.username, login.password


@pytest.mark.parametrize("given", HUB_NAMES)
@pytest.mark.parametrize("asked", HUB_NAMES)
def test_docker_hub_is_one_registry(home: Home, given: str, asked: str) -> None:
    assert found(home.keychain(logins=[(given, "me", "secret")]).login(asked)) == ("me", "secret")
    home.write({"auths": {given: {"auth": auth("other", "word")}}})
    assert found(home.keychain().login(asked)) == ("other", "word")


@pytest.mark.parametrize(
    "key", ["localhost:5000", "http://localhost:5000", "https://localhost:5000/v2/", "LOCALHOST:5000"]
)
def test_a_registry_is_found_however_it_is_written(home: Home, key: str) -> None:
    home.write({"auths": {"other": {"auth": auth("x", "y")}, key: {"auth": auth("me", "a:b")}}})
    assert found(home.keychain().login("localhost:5000")) == ("me", "a:b")
    assert not home.keychain().login("localhost:5001")


def test_the_order_of_logins(home: Home) -> None:
    home.write({"auths": {"ghcr.io": {"auth": auth("config", "b")}}})
    given = home.keychain(logins=[("ghcr.io", "given", "a")], github_token="c")
    assert given.login("ghcr.io").origin == "the login given for it"
    assert found(given.login("ghcr.io")) == ("given", "a")
    config = home.keychain(github_token="c")
    assert found(config.login("ghcr.io")) == ("config", "b")
    assert config.login("ghcr.io").origin.endswith(".docker/config.json")
    home.write({})
    token = home.keychain(github_token="c")
    assert found(token.login("ghcr.io")) == ("x-access-token", "c")
    assert token.login("ghcr.io").origin == "`github-token`"
    assert not token.login("docker.io")


def test_the_first_name_with_a_login_counts(home: Home) -> None:
    keychain = home.keychain(logins=[("registry:5000", "endpoint", "a")])
    assert found(keychain.login("localhost:5000", "registry:5000")) == ("endpoint", "a")


def test_docker_config_is_a_folder(home: Home, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "config.json").write_text(json.dumps({"auths": {"ghcr.io": {"auth": auth("there", "a")}}}))
    home.write({"auths": {"ghcr.io": {"auth": auth("home", "a")}}})
    environ = {**home.environ, "DOCKER_CONFIG": str(other)}
    assert Keychain(environ=environ).login("ghcr.io").username == "there"
    assert Keychain(environ={**home.environ, "DOCKER_CONFIG": ""}).login("ghcr.io").username == "home"


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "/nonexistent"}, {"DOCKER_CONFIG": "/dev/null"}])
def test_no_configuration_is_an_empty_one(environ: dict[str, str]) -> None:
    assert not Keychain(environ=environ).login("ghcr.io")


@pytest.mark.parametrize(
    ("entry", "login"),
    [
        ({"auth": auth("me", "secret")}, Login("me", "secret")),
        ({"auth": auth("me", "secret\0")}, Login("me", "secret")),
        ({"username": "me", "password": "secret"}, Login("me", "secret")),
        ({"auth": auth("me", ""), "identitytoken": "id"}, Login("me", "", "id")),
        ({"registrytoken": "token"}, Login(registry_token="token")),
        ({"auth": ""}, Login()),
        ({}, Login()),
    ],
)
def test_what_an_entry_says(home: Home, entry: dict[str, str], login: Login) -> None:
    home.write({"auths": {"ghcr.io": entry}})
    got = home.keychain().login("ghcr.io")
    assert (got.username, got.password, got.identity_token, got.registry_token) == (
        login.username, login.password, login.identity_token, login.registry_token,
    )  # fmt: skip
    assert bool(got) == bool(login)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"[" * 100_000, b'{"auths": {"ghcr.io": {"auth": "!"}}}'])
def test_a_broken_configuration_is_said(home: Home, content: bytes) -> None:
    home.write(content)
    with pytest.raises(InputError, match=r"config\.json") as caught:
        home.keychain().login("ghcr.io")
    assert "docker login" in caught.value.hint


@pytest.mark.parametrize(
    "value",
    [
        b"",
        {"auths": None, "credHelpers": None, "credsStore": None},
        {"auths": [], "credHelpers": [], "credsStore": 7},
        {"auths": {"ghcr.io": None, "x": "y"}},
    ],
)
def test_odd_parts_of_a_configuration_are_passed_over(home: Home, value: Any) -> None:
    assert not home.write(value).keychain().login("ghcr.io")


def test_a_configuration_that_may_not_be_read_is_said(home: Home) -> None:
    (home.folder / ".docker" / "config.json").mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be read"):
        home.keychain().login("ghcr.io")


# Helpers


def test_helpers_are_asked_as_docker_asks_them(home: Home) -> None:
    home.write({"credsStore": "all", "credHelpers": {"ghcr.io": "one"}})
    home.answer("all", {HUB_KEY: ("hub", "a"), "localhost:5000": ("local", "b")})
    home.answer("one", {"ghcr.io": ("cat", "c")})
    keychain = home.keychain()
    assert found(keychain.login("docker.io")) == ("hub", "a")
    assert found(keychain.login("localhost:5000")) == ("local", "b")
    assert found(keychain.login("ghcr.io")) == ("cat", "c")
    assert keychain.login("ghcr.io").origin == "docker-credential-one"
    assert home.asked == [f"get {HUB_KEY}", "get localhost:5000", "get ghcr.io"]


def test_a_helper_is_asked_once(home: Home) -> None:
    home.write({"credsStore": "all"})
    home.answer("all", {"ghcr.io": ("me", "a")})
    keychain = home.keychain()
    for _ in range(3):
        keychain.login("ghcr.io")
    assert home.asked == ["get ghcr.io"]


def test_a_helper_of_docker_hub_may_be_under_any_of_its_names(home: Home) -> None:
    home.write({"credHelpers": {"https://index.docker.io/v1/": "hub"}})
    home.answer("hub", {HUB_KEY: ("me", "a")})
    assert found(home.keychain().login("docker.io")) == ("me", "a")


def test_a_helper_without_the_login_means_the_next_place(home: Home) -> None:
    home.write({"credsStore": "all", "auths": {"localhost:5000": {"auth": auth("me", "a")}}})
    home.answer("all", {})
    keychain = home.keychain(github_token="token")
    assert not keychain.login("registry.example")
    assert found(keychain.login("localhost:5000")) == ("me", "a")
    assert found(keychain.login("ghcr.io")) == ("x-access-token", "token")


def test_a_helper_may_give_an_identity_token(home: Home) -> None:
    home.write({"credsStore": "acr"})
    home.answer("acr", {"my.azurecr.io": ("<token>", "identity")})
    login = home.keychain().login("my.azurecr.io")
    assert (login.username, login.password, login.identity_token) == ("", "", "identity")


def test_a_helper_does_not_see_the_identity_of_the_workflow(home: Home) -> None:
    home.write({"credsStore": "cloud"})
    home.helper("cloud", "env >>$HOME/seen; echo 'credentials not found'; exit 1")
    identity = {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "shown", "ACTIONS_ID_TOKEN_REQUEST_URL": "https://runner.invalid/"}
    assert not home.keychain(environ={**home.environ, **identity}).login("ghcr.io")
    seen = (home.folder / "seen").read_text()
    assert "HOME=" in seen
    assert "ACTIONS_ID_TOKEN" not in seen


def test_a_helper_that_is_not_here_is_said_with_the_cure(home: Home) -> None:
    home.write({"credsStore": "desktop"})
    with pytest.raises(InputError, match="docker-credential-desktop, which does not exist here") as caught:
        home.keychain().login("ghcr.io")
    assert "`logins`" in caught.value.hint
    assert "A container action" in caught.value.hint
    assert found(home.keychain(logins=[("ghcr.io", "me", "a")]).login("ghcr.io")) == ("me", "a")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'the keychain is locked'; exit 1", "the keychain is locked"),
        ("exit 3", "it ended with 3"),
        ("echo nonsense", "is not a login"),
        ("echo '[]'", "is not a login"),
        ("echo '{}'", "is not a login"),
    ],
)
def test_a_helper_that_fails_is_said(home: Home, script: str, said: str) -> None:
    home.write({"credsStore": "odd"})
    home.helper("odd", script)
    with pytest.raises(InputError, match=said):
        home.keychain().login("ghcr.io")


def test_a_helper_is_a_name_and_no_path(home: Home) -> None:
    home.write({"credsStore": "x/../../bin/sh"})
    with pytest.raises(InputError, match="not the name of a credential helper"):
        home.keychain().login("ghcr.io")


@pytest.mark.parametrize("name", ["a" * 5000, "spy\n"])
def test_a_helper_with_a_name_that_no_file_has_is_said(home: Home, name: str) -> None:
    home.write({"credsStore": name})
    with pytest.raises(InputError):
        home.keychain().login("ghcr.io")


@pytest.mark.parametrize("way", ["workspace", "link"])
def test_no_helper_is_run_from_the_workspace(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Wherever in it a run works, and by a link that leads there."""
    home.write({"credsStore": "spy"})
    workspace, outside = tmp_path / "workspace", tmp_path / "outside"
    for folder in (workspace / "sub", outside):
        folder.mkdir(parents=True)
    program = workspace / "docker-credential-spy"
    program.write_text('#!/bin/sh\nprintf \'{"Username":"u","Secret":"s"}\'\n')
    program.chmod(0o755)
    (outside / program.name).symlink_to(program)
    monkeypatch.chdir(workspace / "sub")
    environ = {
        **home.environ,
        "PATH": str(workspace if way == "workspace" else outside),
        "GITHUB_WORKSPACE": str(workspace),
    }
    with pytest.raises(InputError, match="does not exist here"):
        Keychain(environ=environ).login("ghcr.io")


def test_what_a_helper_gives_is_masked(home: Home) -> None:
    home.write({"credsStore": "spy"})
    home.helper("spy", 'printf \'{"Username":"u","Secret":"from-the-helper"}\'')
    masked: set[str] = set()
    Keychain(environ=home.environ, mask=masked.update).login("ghcr.io")
    assert "from-the-helper" in masked


def test_a_helper_that_hangs_is_ended(home: Home) -> None:
    """Also what it started, which holds its output open."""
    home.write({"credsStore": "spy"})
    home.helper("spy", "sleep 60")
    keychain = Keychain(environ=home.environ)
    threading.Timer(0.3, keychain.stop).start()
    begun = time.monotonic()
    with pytest.raises(InputError, match="could not be asked"):
        keychain.login("ghcr.io")
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("field", ["username", "password", "identitytoken", "registrytoken"])
def test_half_a_character_in_a_login_is_said(home: Home, field: str) -> None:
    home.write({"auths": {"ghcr.io": {"username": "u", "password": "p", field: "\ud800"}}})
    with pytest.raises(InputError, match="no text"):
        home.keychain().login("ghcr.io")


def test_a_helper_that_cannot_be_run_is_said(home: Home) -> None:
    home.write({"credsStore": "plain"})
    (home.bin / "docker-credential-plain").write_bytes(b"\0")
    (home.bin / "docker-credential-plain").chmod(0o755)
    with pytest.raises(InputError, match="could not be asked"):
        home.keychain().login("ghcr.io")


# The engine, and secrets


def test_what_the_engine_is_given(home: Home) -> None:
    home.write({"auths": {"a.io": {"identitytoken": "id"}, "b.io": {"registrytoken": "rt"}}})
    keychain = home.keychain(logins=[("docker.io", "me", "secret")])
    assert keychain.auth_config("docker.io") == {"username": "me", "password": "secret", "serveraddress": HUB_KEY}
    assert keychain.auth_config("a.io") == {"identitytoken": "id", "serveraddress": "a.io"}
    assert keychain.auth_config("b.io") == {"registrytoken": "rt", "serveraddress": "b.io"}
    assert keychain.auth_config("ghcr.io") == {}


def test_secrets_show_nowhere(home: Home) -> None:
    home.write({"auths": {"a.io": {"identitytoken": "sensitive-id"}, "b.io": {"auth": auth("me", "sensitive-word")}}})
    keychain = home.keychain(logins=[("c.io", "me", "sensitive-given")], github_token="sensitive-token")
    logins = [keychain.login(name) for name in ("a.io", "b.io", "c.io", "ghcr.io")]
    assert "sensitive" not in repr(keychain) + repr(logins) + str(logins)
    assert keychain.secrets() >= {"sensitive-id", "sensitive-word", "sensitive-given", "sensitive-token"}
    assert auth("me", "sensitive-given") in keychain.secrets()


@pytest.mark.parametrize(
    ("key", "name"),
    [("ghcr.io", "ghcr.io"), ("https://GHCR.io/v2/", "ghcr.io"), (HUB_KEY, "docker.io"), (" ghcr.io/acme ", "ghcr.io")],
)
def test_the_name_of_a_registry(key: str, name: str) -> None:
    assert registry_name(key) == name


@pytest.mark.parametrize("text", ["{nope", "[]", '{"auths": {"ghcr.io": {"auth": "?"}}}'])
def test_the_hint_at_a_wrong_variable_says_how_it_is_written(text: str) -> None:
    with pytest.raises(InputError, match="DOCKER_AUTH_CONFIG") as caught:
        Keychain(environ={"DOCKER_AUTH_CONFIG": text}).login("ghcr.io")
    assert '{"auths": {"ghcr.io": {"auth":' in caught.value.hint
