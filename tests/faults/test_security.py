"""What a hostile registry says reaches no terminal and no runner as more than a text; secrets reach nobody."""

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tagger.errors import Refused
from tagger.images.manifests import OCI_MANIFEST, Manifest
from tagger.reporting.terminal import plain
from tagger.reporting.text import error_text
from tests.integration.commands import tagger
from tests.races.processes import ENTRYPOINT
from tests.servers.small_registry import Fault, Reply, SmallRegistry

HOSTILE = "\x1b[2J\x9b31m\r\n::set-output name=digest::evil\n##[set-output name=digest;]evil\u202eabc"
SECRET = "hunter2-very-secret"
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
COMMAND = re.compile(r"^\s*::|##\[", re.MULTILINE)
OURS = ("::add-mask::", "::error ", "::warning ")


@pytest.mark.parametrize("runner", [{}, {"GITHUB_ACTIONS": "true"}], ids=["terminal", "runner"])
@pytest.mark.parametrize("words", [("release",), ("release", "--json"), ("tags",), ("reconcile", "--json"), ("plan",)])
def test_a_hostile_message(small_registry: SmallRegistry, words: tuple[str, ...], runner: dict[str, str]) -> None:
    body = json.dumps({"errors": [{"code": "DENIED", "message": HOSTILE, "detail": f"{HOSTILE} {SECRET}"}]}).encode()
    small_registry.watch = lambda _request: Fault("answer", Reply(400, [("Content-Type", "application/json")], body))
    others = ["--version", "2.1.4", "--source", f"docker://{small_registry.host}/acme/app:2.1.4"]
    environ = {"TAGGER_LOGINS": f"{small_registry.host} tester {SECRET}", **runner}
    command = [*words, "--image", f"{small_registry.host}/acme/app"]
    ran = tagger(*command, *(others if words[0] in ("release", "plan") else ()), environ=environ)
    assert ran.code == 1
    lines = (ran.out + ran.err).splitlines()
    said = "\n".join(line for line in lines if not line.startswith("::add-mask::"))
    assert "evil" in said
    assert not UNSEEN.search(said)
    assert SECRET not in said
    assert not COMMAND.search("\n".join(line for line in lines if not line.startswith(OURS)))


def test_a_text_stays_what_it_says() -> None:
    assert plain("a :: b\n\tc ## [d") == "a :: b\n\tc ## [d"
    assert click.unstyle(error_text(Refused("no\x1b[0m", "::x"))) == "Refused: no\\u001b[0m\nHint: \\::x"


def test_a_password_is_in_no_process_list(small_registry: SmallRegistry, tmp_path: Path) -> None:
    """It comes by the environment or by standard input, and a password on the command line is an error."""
    words = ["tags", "--image", f"{small_registry.host}/acme/app", "--registry", small_registry.host]
    words += ["--username", "tester", "--password-stdin"]
    seen: list[bytes] = []

    def watch(_request: object) -> None:
        seen.append(b"".join(file.read_bytes() for file in Path("/proc").glob(f"{process.pid}/cmdline")))

    small_registry.put("acme/app", "nightly", Manifest(OCI_MANIFEST, b"{}"))
    small_registry.watch = watch
    small_registry.users = {"tester": SECRET}
    process = subprocess.Popen(
        [sys.executable, str(ENTRYPOINT), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path
    )
    process.communicate(SECRET.encode(), timeout=60)
    assert process.returncode == 0
    assert seen
    assert all(SECRET.encode() not in line for line in seen)
    ran = tagger("tags", "--password", SECRET)
    assert (ran.code, SECRET in ran.out + ran.err) == (2, False)
