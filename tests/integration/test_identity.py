"""Logins that need no secret: the workflow's identity, exchanged for a registry's token."""

import base64
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.images.making import make_image
from tests.integration.commands import Ran, tagger
from tests.servers.fixtures_registry import Opener
from tests.servers.http_server import Reply
from tests.servers.issuer import Issuer
from tests.servers.small_registry import Request, SmallRegistry
from tests.servers.token_server import TokenServer

HUB = "docker.io oidc org=acme connection=0a1b2c3d"
CHAINGUARD = "cgr.dev oidc identity=7201/beef"

Released = Callable[..., Ran]


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer({"somebody": "else"}) as server:
        yield server


@pytest.fixture
def registry(issuer: Issuer, opened: Opener, small_registry: SmallRegistry) -> SmallRegistry:
    """A registry that takes the tokens of the issuer for passwords; 2.1.4 was pushed."""
    make_image(opened(small_registry), "app", "2.1.4")
    small_registry.users = issuer.users
    return small_registry


@pytest.fixture
def released(issuer: Issuer, registry: SmallRegistry) -> Released:
    """Release 2.1.4 into a repository, in a workflow."""

    def release(logins: str, image: str = "acme/app", environ: Mapping[str, str] | None = None, **more: str) -> Ran:
        names = ("docker.io", "dhi.io", "cgr.dev")
        inputs = {
            "INPUT_COMMAND": "release",
            "INPUT_IMAGES": image,
            "INPUT_VERSION": "2.1.4",
            "INPUT_LOGINS": logins,
            "INPUT_ENDPOINTS": "\n".join((issuer.endpoints, *(f"{name}={registry.host}" for name in names))),
            "INPUT_RETRIES": "1",
            **{f"INPUT_{name.upper()}": value for name, value in more.items()},
        }
        return tagger(environ={**(issuer.environ if environ is None else environ), **inputs})

    return release


def masked(ran: Ran) -> set[str]:
    """Return what the runner was told to hide."""
    lines = (ran.out + ran.err).splitlines()
    return {line.removeprefix("::add-mask::") for line in lines if line.startswith("::add-mask::")}


def shown(ran: Ran) -> str:
    """Return what a run printed, but for its masks."""
    return "\n".join(line for line in (ran.out + ran.err).splitlines() if not line.startswith("::add-mask::"))


def expire_once(registry: SmallRegistry, issuer: Issuer) -> None:
    """Let the login expire before the first tag is written, and the registry's token with it."""
    left = [True]

    def expire(request: Request) -> None:
        if request.method == "PUT" and left:
            left.clear()
            time.sleep(1.5)
            issuer.users.pop("acme")
            if registry.tokens:
                registry.tokens.revoke()

    registry.watch = expire


class TestForms:
    """Each registry takes an identity in its own form."""

    @pytest.mark.parametrize(
        ("logins", "image", "user", "path"),
        [
            (HUB, "acme/app", "acme", "/oauth/token"),
            (HUB.replace("docker.io", "index.docker.io"), "acme/app", "acme", "/oauth/token"),
            (HUB.replace("docker.io", "docker.io/acme"), "acme/app", "acme", "/oauth/token"),
            (HUB.replace("docker.io", "dhi.io"), "dhi.io/acme/app", "acme", "/oauth/token"),
            (CHAINGUARD, "cgr.dev/acme/app", "user", "/sts/exchange"),
        ],
    )
    def test_an_identity_becomes_a_login(
        self, logins: str, image: str, user: str, path: str, issuer: Issuer, released: Released, registry: SmallRegistry
    ) -> None:
        ran = released(logins, image)
        assert ran.code == 0, ran.err
        assert registry.tags("acme/app").keys() == {"2.1.4", "2.1", "2", "latest"}
        assert [asked for _, asked in issuer.asked] == ["/idtoken/0000", path]
        basic = base64.b64encode(f"{user}:{issuer.users[user]}".encode()).decode()
        assert masked(ran) == {issuer.shown, *issuer.tokens, basic}
        assert not any(secret in shown(ran) for secret in masked(ran))

    def test_a_token_server_is_shown_the_login(
        self, issuer: Issuer, released: Released, registry: SmallRegistry
    ) -> None:
        with TokenServer(anonymous=frozenset()) as tokens:
            tokens.users = issuer.users
            registry.users, registry.tokens = {}, tokens
            assert released(HUB).code == 0
        assert {request.user for request in tokens.requests} == {"acme"}
        assert len(issuer.tokens) == 2

    def test_several_registries_and_components_fetch_each_once(self, issuer: Issuer, released: Released) -> None:
        ran = released(f"{HUB}\n{CHAINGUARD}", "acme/app\nacme/other\nacme/third\ncgr.dev/acme/app\ncgr.dev/acme/next")
        assert ran.code == 0, ran.err
        assert sorted(path for _, path in issuer.asked) == ["/idtoken/0000"] * 2 + ["/oauth/token", "/sts/exchange"]

    def test_a_login_that_expires_is_fetched_again(self, issuer: Issuer, released: Released) -> None:
        issuer.lifetime = 0
        ran = released(HUB)
        assert ran.code == 0, ran.err
        assert len(issuer.tokens) >= 2

    @pytest.mark.parametrize("by_tokens", [False, True])
    def test_a_login_that_expires_unsaid_is_fetched_again_once_it_is_refused(
        self, by_tokens: bool, issuer: Issuer, released: Released, registry: SmallRegistry
    ) -> None:
        with TokenServer(anonymous=frozenset()) as tokens:
            if by_tokens:
                registry.users, registry.tokens, tokens.users = {}, tokens, issuer.users
            expire_once(registry, issuer)
            ran = released(HUB)
        assert ran.code == 0, ran.err
        assert registry.tags("acme/app").keys() == {"2.1.4", "2.1", "2", "latest"}
        assert [method for method, _ in issuer.asked] == ["GET", "POST"] * 2
        assert all(f"::add-mask::{token}\n" in ran.out + ran.err for token in issuer.tokens)

    @pytest.mark.parametrize("by_tokens", [False, True])
    def test_a_login_that_is_refused_as_soon_as_it_is_fetched_is_not_fetched_again(
        self, by_tokens: bool, issuer: Issuer, released: Released, registry: SmallRegistry
    ) -> None:
        with TokenServer(anonymous=frozenset()) as tokens:
            if by_tokens:
                registry.tokens = tokens
            registry.users = {"somebody": "else"}
            ran = released(HUB)
        assert ran.code == 1
        assert "did not accept the login by OIDC as acme. Is it spelled right" in ran.out + ran.err
        assert [method for method, _ in issuer.asked] == ["GET", "POST"]

    def test_with_json_the_masks_are_on_standard_error(self, issuer: Issuer, released: Released) -> None:
        ran = released(HUB, json="true")
        assert ran.statuses == ["released"]
        assert all(f"::add-mask::{token}\n" in ran.err for token in issuer.tokens)

    def test_for_another_registry_none_is_fetched(
        self, issuer: Issuer, released: Released, registry: SmallRegistry
    ) -> None:
        ran = released(HUB, f"{registry.host}/acme/app")
        assert ran.code == 1
        assert f"There is no login for {registry.host}" in ran.out + ran.err
        assert issuer.asked == []


class TestRefusals:
    """What is wrong is named, with its cure."""

    def test_a_job_without_the_permission(self, released: Released, registry: SmallRegistry) -> None:
        ran = released(HUB, environ={"GITHUB_ACTIONS": "true"})
        assert ran.code == 2
        assert "the job may not request it" in ran.out + ran.err
        assert "`id-token: write`" in ran.out + ran.err
        assert registry.tags("acme/app").keys() == {"2.1.4"}

    def test_outside_of_a_workflow(self, released: Released) -> None:
        ran = released(HUB, environ={})
        assert ran.code == 2
        assert "needs a GitHub workflow, and this is none" in ran.err

    @pytest.mark.parametrize(
        ("logins", "image", "hint"),
        [
            (HUB.replace("0a1b", "ffff"), "acme/app", "Check `org` and `connection`"),
            (CHAINGUARD.replace("beef", "dead"), "cgr.dev/acme/app", "Check `identity`"),
        ],
    )
    def test_an_identity_that_is_refused(
        self, logins: str, image: str, hint: str, issuer: Issuer, released: Released, registry: SmallRegistry
    ) -> None:
        ran = released(logins, image)
        assert ran.code == 1
        assert hint in ran.out + ran.err
        assert issuer.tokens  # which the answer repeats
        assert not any(token in shown(ran) for token in issuer.tokens)
        assert registry.tags("acme/app").keys() == {"2.1.4"}

    @pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"access_token": "a b"}', b'{"access_token": null}'])
    def test_an_answer_without_a_token(self, body: bytes, issuer: Issuer, released: Released) -> None:
        issuer.watch = lambda method, _path: Reply(200, body=body) if method == "POST" else None
        ran = released(HUB)
        assert ran.code == 1
        assert "logging in by OIDC at identity.docker.com: the answer holds no token" in ran.out + ran.err

    def test_a_fault_is_asked_again(self, issuer: Issuer, released: Released) -> None:
        faults = [Reply(503)]
        issuer.watch = lambda method, _path: faults.pop() if method == "POST" and faults else None
        assert released(HUB).code == 0
        assert [method for method, _ in issuer.asked] == ["GET", "POST", "POST"]

    @pytest.mark.parametrize(("method", "who"), [("GET", "The runner's service"), ("POST", "identity.docker.com")])
    def test_a_fault_that_stays_is_not_blamed_on_the_registry(
        self, method: str, who: str, issuer: Issuer, released: Released
    ) -> None:
        issuer.watch = lambda asked, _path: Reply(503) if asked == method else None
        ran = released(HUB)
        assert ran.code == 1
        assert f"{who} has a fault. Run the same command again" in ran.out + ran.err

    @pytest.mark.parametrize("status", [302, 307])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_no_redirect_is_followed(self, status: int, method: str, issuer: Issuer, released: Released) -> None:
        with SmallRegistry() as elsewhere:
            to = Reply(status, [("Location", f"http://{elsewhere.host}/")])
            issuer.watch = lambda asked, _path: to if asked == method else None
            ran = released(HUB)
            assert ran.code == 1
            assert "Something else answers there." in ran.out + ran.err
            assert elsewhere.connections == 0


class TestLines:
    """What a line of `logins` may say."""

    @pytest.mark.parametrize(
        ("line", "hint"),
        [
            ("docker.io oidc", "`docker.io oidc org=… connection=…`"),
            ("docker.io oidc org=acme", "`docker.io oidc org=… connection=…`"),
            ("docker.io oidc org=acme connection=", "`docker.io oidc org=… connection=…`"),
            ("docker.io oidc org=acme org=acme connection=1", "`docker.io oidc org=… connection=…`"),
            ("cgr.dev oidc identity=1 org=acme", "`cgr.dev oidc identity=…`"),
            ("ghcr.io oidc org=acme", "with-logins"),
        ],
    )
    def test_a_line_that_cannot_be_used(self, line: str, hint: str, released: Released, issuer: Issuer) -> None:
        ran = released(line)
        assert ran.code == 2
        assert hint in ran.out + ran.err
        assert issuer.asked == []

    def test_a_checkout_says_none(self, tmp_path: object, released: Released, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(str(tmp_path))
        with open(".tagger.yml", "w") as file:  # noqa: PTH123
            file.write(f"logins: {HUB}\n")
        ran = released("")
        assert ran.code == 2
        assert "logins" in ran.out + ran.err


def test_the_token_of_the_registry_is_not_shown_to_docker_hubs_own_api(
    issuer: Issuer, released: Released, registry: SmallRegistry
) -> None:
    assert released(HUB).code == 0
    with SmallRegistry() as api:
        endpoints = f"{issuer.endpoints}\ndocker.io={registry.host}\nhub.docker.com={api.host}"
        environ = {**issuer.environ, "INPUT_LOGINS": HUB, "INPUT_ENDPOINTS": endpoints, "INPUT_RETRIES": "0"}
        ran = tagger("delete", "2.1.4", "--image", "acme/app", "--yes", "--force", environ=environ)
        assert ran.code == 1
        assert "A token from a login by OIDC is only for the registry" in ran.out + ran.err
        assert api.connections == 0
