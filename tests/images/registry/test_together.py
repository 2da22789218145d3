"""One token serves several repositories of a run; where that is not granted, each has its own."""

from collections.abc import Iterator, Sequence
from urllib.parse import parse_qs, urlsplit

import pytest

from tagger.concurrency import side_by_side
from tagger.errors import TaggerError
from tagger.images.registry.credentials import Keychain
from tagger.images.registry.registries import Registries
from tagger.images.registry.together import MOST
from tagger.names import Repository
from tests.servers.http_server import Reply
from tests.servers.small_registry import SmallRegistry
from tests.servers.token_server import EVERYTHING, TokenServer

COUNT = 2 * MOST + 5


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    """A token server with two users."""
    with TokenServer(users={"ali": "sesame", "baba": "thieves"}, anonymous=frozenset()) as server:
        yield server


@pytest.fixture
def guarded(tokens: TokenServer) -> Iterator[SmallRegistry]:
    """A registry that wants its tokens."""
    with SmallRegistry(tokens=tokens) as registry:
        yield registry


def read(registry: SmallRegistry, *logins: tuple[str, str, str], write: bool = True) -> Sequence[object]:
    """Read a tag of many repositories, all of one run; return what each came to."""
    repositories = [Repository(registry.host, f"acme/app-{number}") for number in range(COUNT)]
    given = logins or ((registry.host, "ali", "sesame"),)
    with Registries(keychain=Keychain(logins=given), jobs=16, retries=0) as registries:
        registries.expect(repositories, write=write)
        stores = [registries.repository(one, write=write) for one in repositories]
        found = dict(side_by_side(lambda store: store.digests(["1.0.0"])["1.0.0"], stores))
    return [found[store] for store in stores]


def test_a_token_for_twenty(guarded: SmallRegistry, tokens: TokenServer) -> None:
    assert set(read(guarded)) == {None}
    asked = [request.scopes for request in tokens.requests]
    assert sorted(map(len, asked)) == [5, MOST, MOST]
    assert {scope for scopes in asked for scope in scopes} == {
        f"repository:acme/app-{number}:pull,push" for number in range(COUNT)
    }
    refused = [request for request in guarded.requests if request.status == 401]
    assert len(refused) == 1
    assert max(len(request.headers["Authorization"] or "") for request in guarded.requests) < 8 * 1024


def test_one_that_may_not_be_written_keeps_none_of_the_others(guarded: SmallRegistry, tokens: TokenServer) -> None:
    tokens.allowed = lambda _user, name: frozenset() if name == "acme/app-3" else EVERYTHING
    found = read(guarded)
    assert isinstance(found[3], TaggerError)
    assert found[3].code == "DENIED"
    assert set(found[:3] + found[4:]) == {None}  # type: ignore[operator]
    assert len(tokens.requests) == 4


@pytest.mark.parametrize("status", [400, 403])
def test_a_server_that_grants_one_scope_at_a_time(guarded: SmallRegistry, tokens: TokenServer, status: int) -> None:
    def watch(path: str) -> Reply | None:
        return Reply(status) if len(parse_qs(urlsplit(path).query)["scope"]) > 1 else None

    tokens.watch = watch
    assert set(read(guarded)) == {None}
    assert len(tokens.requests) == COUNT


def test_a_server_that_grants_the_last_scope_alone(guarded: SmallRegistry, tokens: TokenServer) -> None:
    names = [f"acme/app-{number}" for number in range(COUNT)]
    last: dict[str, bool] = {}

    def watch(path: str) -> Reply | None:
        scopes = [scope.split(":")[1] for scope in parse_qs(urlsplit(path).query)["scope"]]
        last.update({name: name == scopes[-1] for name in scopes})
        return None

    tokens.watch, tokens.allowed = watch, lambda _user, name: EVERYTHING if last[name] else frozenset()
    assert set(read(guarded)) == {None}
    assert set(last) == set(names)


def test_a_wrong_password_is_not_tried_for_each(guarded: SmallRegistry, tokens: TokenServer) -> None:
    found = read(guarded, (guarded.host, "ali", "wrong"))
    assert {one.code for one in found if isinstance(one, TaggerError)} == {"UNAUTHORIZED"}
    assert len(tokens.requests) <= COUNT


def test_logins_of_a_part_of_the_registry(guarded: SmallRegistry, tokens: TokenServer) -> None:
    tokens.allowed = lambda user, name: EVERYTHING if (user == "baba") == (name == "acme/app-7") else frozenset()
    logins = (guarded.host, "ali", "sesame"), (f"{guarded.host}/acme/app-7", "baba", "thieves")
    assert set(read(guarded, *logins)) == {None}
    own = [request.scopes for request in tokens.requests if request.user == "baba"]
    assert own == [("repository:acme/app-7:pull,push",)]
    assert all("app-7:" not in scope for one in tokens.requests if one.user == "ali" for scope in one.scopes)
