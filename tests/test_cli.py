"""The command line, which is also the action: what it reads, what it prints where, and how it ends."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import tagger
from tagger.cli import run
from tagger.commands import NAMES, commands
from tagger.images.layout import Layout
from tagger.settings.options import OPTIONS
from tests.images.making import make_image
from tests.operations.running import standing


class Run(NamedTuple):
    """How a run ended: its exit code, and what it wrote to its two streams."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


def command(*arguments: str, environ: Mapping[str, str] | None = None, stdin: str = "") -> Run:
    out, err = io.StringIO(), io.StringIO()
    code = run(arguments, environ or {}, out, err, io.StringIO(stdin))
    return Run(code, out.getvalue(), err.getvalue())


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own, which holds no settings."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def build() -> str:
    """Make a built image, and return it as a source."""
    make_image(Layout("build"), "app", "app")
    return "oci:build:app"


class TestCommands:
    """Without a command it is INPUT_COMMAND, else `plan`, which writes nothing."""

    def test_the_version_of_the_program(self) -> None:
        for words in (["--version"], ["-V"], ["version"]):
            assert command(*words) == Run(0, f"tagger {tagger.__version__}\n", "")

    def test_options_name_no_command_that_is_not_there(self) -> None:
        kinds = {kind for command in commands() for kind in command.kinds}
        assert {name for option in OPTIONS for name in option.commands} <= {*NAMES, *kinds}

    @pytest.mark.parametrize(
        ("arguments", "environ", "expected"),
        [
            ((), {}, "plan"),
            ((), {"INPUT_COMMAND": "tags"}, "tags"),
            ((), {"INPUT_COMMAND": " ", "TAGGER_COMMAND": "reconcile"}, "reconcile"),
            ((), {"INPUT_COMMAND": "tags", "TAGGER_COMMAND": "reconcile"}, "tags"),
            (("config",), {"INPUT_COMMAND": "release"}, "config"),
            (("--json",), {"INPUT_COMMAND": "release"}, "release"),
            (("--version", "2.1.4"), {}, "plan"),
            (("--image", "a b", "release"), {}, "release"),
            (("-q", "--scheme", "calver", "tags", "--json"), {"INPUT_COMMAND": "release"}, "tags"),
            (("--scheme=calver", "reconcile"), {}, "reconcile"),
        ],
    )
    def test_which_one_runs(self, arguments: tuple[str, ...], environ: dict[str, str], expected: str) -> None:
        ended = command(*arguments, environ={"INPUT_JSON": "true", "INPUT_IMAGES": "a b", **environ})
        assert (ended.code, ended.document["command"]) == (2, expected)

    @pytest.mark.parametrize(
        ("arguments", "environ", "message", "hint"),
        [
            (("releases",), {}, "there is no command 'releases'", "Did you mean `release`? The commands are: plan,"),
            (("x",), {}, "there is no command 'x'", "Hint: The commands are: plan,"),
            ((), {"INPUT_COMMAND": "push all"}, "INPUT_COMMAND: there is no command 'push all'", "The commands are"),
            (("plan", "--colour"), {}, "there is no option '--colour'", "tagger plan --help"),
            (("plan", "--nope"), {}, "there is no option '--nope'", "Hint: See `tagger plan --help`"),
            (("completion",), {}, "nothing says which shell to complete in", "bash, zsh, fish"),
            (("-version",), {}, "there is no option '-version'", "Did you mean `--version`?"),
            (("plan", "-image=a/b"), {}, "there is no option '-image=a/b'", "Did you mean `--image`?"),
            (("plan", "--tagz=a"), {}, "there is no option '--tagz'", "Did you mean `--tags`?"),
            (("plan", "--tags={{majr}}"), {}, "--tags: the template '{{majr}}'", "Write `{{major}}`."),
            (("plan", "--tag={{majr}}"), {}, "--tag: the template '{{majr}}'", "Write `{{major}}`."),
            (("plan", "--images", "oci:"), {}, "--images: 'oci:' names no directory", ""),
            (("plan", "-x"), {}, "there is no option '-x'", "Hint: See `tagger plan --help`"),
            (("tags", "a/b", "--tag", "1.0"), {}, "1.0 is not a template", "`tags ghcr.io/acme/app 1.0`"),
            (
                ("tags", "oci:b"),
                {"TAGGER_IMAGES": "a/b"},
                "takes oci:b for the PATTERN, as TAGGER_IMAGES",
                "--image oci:b",
            ),
            (("release", "a.b/c"), {"TAGGER_IMAGES": "a/b"}, "takes a.b/c for the VERSION", "write `--image a.b/c`"),
            (("plan", "a.b/v2", "--image", "oci:a"), {}, "VERSION: 'a.b/v2' is not a version", ""),
            (
                ("tags",),
                {},
                "no image: nothing says",
                "Name one with `--image`, or after the command: ghcr.io/acme/app",
            ),
            (("plan", "--source", "/tmp:a"), {}, "'/tmp:a' is not a source", "Write `oci:/tmp:a`"),
            (("plan", "--image"), {}, "Option '--image' requires an argument", "tagger plan --help"),
            (("plan", "2.1.4"), {}, "`plan` got 2.1.4, and nothing says which repositories", "or in `--image`"),
            (("plan", "a/b", "2.1.4", "x"), {}, "`plan` got a word too many: a/b 2.1.4 x", "[REPOSITORY] [VERSION]"),
            (("plan", "a/b", ""), {}, "`plan` got an empty word", "Is a variable empty?"),
            (("plan", "a/b", "--image", "a/c", "--published-from=none"), {}, "VERSION: 'a/b'", ""),
            (("plan", "a/b", "1.0.0", "--image", "a/c"), {}, "REPOSITORY is given twice", "Leave the word out"),
            (("release", "a/b", "1.0.0", "--version", "1.0.1"), {}, "VERSION is given twice: as the word 1.0.0", ""),
            (("reconcile", "1.0.0"), {}, "`reconcile` got 1.0.0, and nothing says which", "`reconcile [REPOSITORY]`"),
            (("--image", "a/b", "2.1.4"), {}, "there is no command '2.1.4'", "`release 2.1.4`, or `plan 2.1.4`"),
            (("--username", "me", "--password-stdin", "hunter2"), {}, "there is no command '***'", "The commands"),
            (("tags", "--username", "me", "hunter2"), {}, "`tags` got ***", "the words are `tags"),
            (("plan", "a/b", "hunter2", "--username", "me", "--published-from=none"), {}, "'***'", ""),
            (("help", "nothing"), {}, "there is no command 'nothing'", "The commands are"),
            (("completion", "tcsh"), {}, "there is no completion for tcsh", "bash, zsh, fish"),
            (("release", "--dry-run=maybe"), {}, "Option '--dry-run' does not take a value", "tagger release --help"),
            (("plan", "--password=hunter2"), {}, "--password is not taken from the command line", "--password-stdin"),
            (("plan", "--logins", "r u hunter2"), {}, "--logins is not taken", "Set TAGGER_LOGINS in the environment"),
            (("config", "--password-stdin", "hunter2"), {}, "unexpected extra argument (***)", "tagger config --help"),
            (("withdraw", "--image", "a/b"), {}, "`withdraw` takes one VERSION, but got none", "the input arguments"),
            (("delete", "sha256:8b76", "--image", "oci:a"), {}, "'sha256:8b76' is not a whole digest", "All 64 digits"),
            (("plan", "--password-stdin"), {}, "--password-stdin: there is nothing on standard input", "Pipe"),
            (("withdraw", "1", "2", "--image", "a/b"), {}, "takes one VERSION, but got 1 2", "as withdraw VERSION"),
            (
                ("withdraw", "1", "a/b", "--image", "a/b"),
                {},
                "takes one VERSION, but got 1 a/b",
                "as docker.io/acme/app",
            ),
            (("withdraw", "oci:a"), {}, "`withdraw` takes one VERSION, but got none", "withdraw VERSION"),
            (("delete", "a.b/c", "--image", "a/b"), {}, "REPOSITORY is given twice", "Leave the word out"),
            (("delete", "feature/x", "--image", "oci:a"), {}, "'feature/x' is not a tag", ""),
            (("release", "oci:a", "v2.1"), {}, "'v2.1' is not a version", "Write all three numbers, as 2.1.0. Or set"),
        ],
    )
    def test_what_is_not_understood(
        self, arguments: tuple[str, ...], environ: dict[str, str], message: str, hint: str
    ) -> None:
        ended = command(*arguments, environ=environ)
        assert (ended.code, ended.out) == (2, "")
        assert message in ended.err
        assert hint in ended.err
        assert "hunter2" not in ended.err
        assert "Traceback" not in ended.err


class TestArguments:
    """A command's arguments come from the input `arguments`, one a line, never read as options."""

    @pytest.fixture
    def released(self) -> Layout:
        for version in ("2.1.3", "2.1.4"):
            make_image(Layout("build"), version, version)
            assert (
                command("release", "--image", "oci:app", "--source", f"oci:build:{version}", "--version", version).code
                == 0
            )
        return Layout("app")

    def test_one_a_line(self, released: Layout) -> None:
        environ = {"INPUT_COMMAND": "withdraw", "INPUT_ARGUMENTS": "\n 2.1.4 \n", "INPUT_IMAGES": "oci:app"}
        assert command(environ=environ).code == 0
        assert "withdrawn-2.1.4" in standing(released)

    def test_the_command_line_goes_first(self, released: Layout) -> None:
        assert command("withdraw", "2.1.4", "--image", "oci:app", environ={"INPUT_ARGUMENTS": "2.1.3"}).code == 0
        assert "withdrawn-2.1.4" in standing(released)

    @pytest.mark.parametrize(
        "environ",
        [
            {"INPUT_COMMAND": "delete", "INPUT_ARGUMENTS": "--yes"},
            {"INPUT_COMMAND": "delete", "INPUT_ARGUMENTS": "2.1.4\n--force"},
            {"INPUT_COMMAND": "delete", "INPUT_ARGUMENTS": "--all\n--yes"},
            {"INPUT_COMMAND": "withdraw", "INPUT_ARGUMENTS": "--undo"},
            {"INPUT_COMMAND": "withdraw", "INPUT_ARGUMENTS": "2.1.4\n--purge"},
            {"INPUT_COMMAND": "withdraw", "INPUT_ARGUMENTS": "2.1.4 --purge"},
        ],
    )
    def test_an_option_is_no_option_there(self, released: Layout, environ: dict[str, str]) -> None:
        before = standing(released)
        ended = command(environ={"INPUT_IMAGES": "oci:app", **environ})
        assert (ended.code, standing(released)) == (2, before)
        assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("release 2.1.4 oci:app", "tags 2.* oci:app", "withdraw 2.1.4 oci:app", "withdraw oci:app 2.1.4 --undo"),
        (
            "release oci:app 2.1.4 --hold true",
            "approve 2.1.4 oci:app",
            "check oci:app",
            "policy oci:app",
            "reconcile oci:app",
        ),
        ("release oci:app 2.1.4", "policy set oci:app", "delete --all oci:app --yes"),
    ],
)
def test_a_repository_is_a_word_of_every_command(words: Sequence[str], here: Path) -> None:
    make_image(Layout("build"), "app", "app")
    environ = {"TAGGER_SOURCE": "oci:build:app"}
    for line in words:
        ended = command(*line.split(), environ=environ if line.startswith("release") else {})
        assert ended.code == 0, ended.err
    assert (here / "app/oci-layout").exists()


def test_a_name_in_upper_case_is_told_in_lower(build: str) -> None:
    words = ("plan", "localhost:1/Acme/App", "2.1.4", "--source", build, "--published-from", "none")
    note = "Note: localhost:1/acme/app is meant by localhost:1/Acme/App: names of repositories are in lower case\n"
    assert note in command(*words).err
    assert "Note" not in command(*words, "--quiet").err


def test_a_name_without_a_registry_is_told_whole(build: str) -> None:
    words = ("plan", "2.1.4", "--source", build, "--published-from", "none")
    note = "Note: docker.io/library/app is meant by app: a name without a registry is Docker Hub's\n"
    assert note in command(*words, "--image", "app").err
    for other in ("acme/app", "oci:app", "localhost:1/app"):
        assert "Note" not in command(*words, "--image", other).err


class TestPrecedence:
    """Command line, INPUT_, TAGGER_, file, default: one path for all."""

    def test_every_way_says_the_same(self, here: Path) -> None:
        expected = {
            "variant": ["alpine", "default"],
            "scheme": "calver",
            "mixed-parts": True,
            "tags": ["{{version}}", "{{date 'YYYY' tz='UTC'}}"],
        }
        line = command(
            "config", "--json", "--variant", "alpine", "--variant", "default", "--scheme=calver", "--mixed-parts",
            "--tag", "{{version}}", "--tags", "{{date 'YYYY' tz='UTC'}}",
        )  # fmt: skip
        texts = {"VARIANT": "alpine default", "SCHEME": "calver", "MIXED-PARTS": "true"}
        texts["TAGS"] = "{{version}}\n{{date 'YYYY' tz='UTC'}}\n"
        runner = command("config", "--json", environ={f"INPUT_{name}": text for name, text in texts.items()})
        person = command(
            "config", "--json", environ={f"TAGGER_{name.replace('-', '_')}": text for name, text in texts.items()}
        )
        (here / ".tagger.yml").write_text(
            "variant: [alpine, default]\nscheme: calver\nmixed-parts: yes\n"
            "tags: ['{{version}}', \"{{date 'YYYY' tz='UTC'}}\"]\n"
        )
        file = command("config", "--json")
        for ended, origin in ((line, "--scheme"), (runner, "INPUT_SCHEME"), (person, "TAGGER_SCHEME")):
            assert ended.document["settings"]["scheme"]["origin"] == origin
        assert file.document["settings"]["scheme"]["origin"] == ".tagger.yml:2:9"
        for ended in (line, runner, person, file):
            assert {name: ended.document["settings"][name]["value"] for name in expected} == expected

    def test_inputs_that_are_not_set_are_empty(self) -> None:
        environ = {option.variables[0]: "" for option in OPTIONS} | {"INPUT_COMMAND": "config", "INPUT_JSON": "true"}
        settings = command(environ=environ).document["settings"]
        assert {given["origin"] for name, given in settings.items() if name != "json"} == {"default"}


class TestSecrets:
    """Secrets come from the environment only, and are shown as ***."""

    ENVIRON = {  # noqa: RUF012 - it is never changed
        "INPUT_REGISTRY": "ghcr.io", "INPUT_USERNAME": "octocat", "INPUT_PASSWORD": "hunter2",
        "INPUT_LOGINS": "docker.io bot hunter3", "INPUT_GITHUB-TOKEN": "hunter4",
    }  # fmt: skip

    @pytest.mark.parametrize("arguments", [("config",), ("config", "--json")])
    def test_config_hides_them(self, arguments: tuple[str, ...]) -> None:
        ended = command(*arguments, environ=self.ENVIRON)
        assert (ended.code, ended.err) == (0, "")
        assert "hunter" not in ended.out
        assert ended.out.count("***") == 3
        assert "octocat" in ended.out

    @pytest.mark.parametrize(("arguments", "stream"), [((), "out"), (("--json",), "err")])
    def test_the_runner_is_told_first(self, arguments: tuple[str, ...], stream: str) -> None:
        environ = self.ENVIRON | {"GITHUB_ACTIONS": "true"}
        ended = command("config", *arguments, environ=environ)
        lines = getattr(ended, stream).splitlines()
        assert sorted(lines[:3]) == ["::add-mask::hunter2", "::add-mask::hunter3", "::add-mask::hunter4"]
        assert stream == "out" or ended.document

    def test_the_runner_hides_the_login_of_a_proxy(self) -> None:
        environ = {"GITHUB_ACTIONS": "true", "HTTPS_PROXY": "http://me:hunter5@proxy.test:3128", "no_proxy": "a.test"}
        assert "::add-mask::hunter5\n" in command("config", environ=environ).out

    def test_a_password_on_standard_input(self) -> None:
        ended = command("config", "--json", "--password-stdin", "--username", "octocat", stdin="hunter2\n")
        assert ended.document["settings"]["password"] == {"value": "***", "origin": "--password-stdin"}
        assert "hunter2" not in ended.out


class TestOutput:
    """With `json` one document goes to standard output on every exit code, and everything else to standard error."""

    def test_done(self, build: str) -> None:
        arguments = ("release", "--json", "--image", "oci:app", "--source", build, "--version", "2.1.4")
        ended = command(*arguments, environ={"GITHUB_ACTIONS": "true"})
        assert (ended.code, ended.document["command"], ended.document["changed"]) == (0, "release", True)
        assert ended.document["error"] is None

    def test_refused(self, build: str) -> None:
        arguments = ("release", "--json", "--image", "oci:app", "--source", build, "--version")
        make_image(Layout("app"), "another", "2.1.4")
        ended = command(*arguments, "2.1.4", environ={"GITHUB_ACTIONS": "true"})
        assert (ended.code, ended.document["error"]["code"]) == (1, "CONFLICT")
        assert ended.err.startswith("::error title=Refused::")
        assert "%0A" in ended.err
        assert "::" not in ended.out

    def test_wrong(self) -> None:
        ended = command("release", "--json", "--image", "a b", environ={"GITHUB_ACTIONS": "true"})
        assert (ended.code, ended.document["error"]["code"]) == (2, "INVALID_INPUT")
        assert ended.err.startswith("::error title=Invalid input::--image")

    @pytest.mark.parametrize(
        "arguments", [("nothing",), ("plan", "--nothing"), ("withdraw", "--image", "a/b"), ("plan", "x")]
    )
    def test_not_understood(self, arguments: tuple[str, ...]) -> None:
        ended = command(*arguments, "--json")
        assert (ended.code, ended.document["error"]["code"]) == (2, "INVALID_INPUT")
        assert ended.document["repositories"] == []
        assert ended.err.startswith("Invalid input: ")

    def test_for_a_person(self, build: str) -> None:
        ended = command("plan", "--image", "oci:app", "--source", build, "--version", "2.1.4")
        assert ended.code == 0
        assert [tag for tag in ("2.1.4", "2.1", "2", "latest") if tag not in ended.out] == []
        assert not Path("app").exists()

    def test_the_files_of_the_runner(self, here: Path, build: str) -> None:
        environ = {"GITHUB_OUTPUT": str(here / "output"), "GITHUB_STEP_SUMMARY": str(here / "summary")}
        arguments = ("release", "--image", "oci:app", "--source", build, "--version", "2.1.4")
        assert command(*arguments, environ=environ).code == 0
        assert "version<<" in (here / "output").read_text()
        assert "2.1.4" in (here / "summary").read_text()

    def test_files_of_the_runner_that_cannot_be_written(self, here: Path, build: str) -> None:
        environ = {"GITHUB_OUTPUT": str(here / "none/output"), "GITHUB_STEP_SUMMARY": str(here)}
        ended = command("release", "--image", "oci:app", "--source", build, "--version", "2.1.4", environ=environ)
        assert (ended.code, "latest" in standing(Layout("app")), "latest" in ended.out) == (1, True, True)
        assert f"GITHUB_OUTPUT: {here}/none/output cannot be written: No such file" in ended.err
        assert f"GITHUB_STEP_SUMMARY: {here} cannot be written: Is a directory" in ended.err

    @pytest.mark.parametrize(
        "arguments", [("nothing",), ("plan",), ("withdraw", "--image", "a/b"), ("tags", "x", "y", "z")]
    )
    def test_the_runner_learns_of_wrong_input(self, here: Path, arguments: tuple[str, ...]) -> None:
        environ = {"GITHUB_OUTPUT": str(here / "output"), "GITHUB_STEP_SUMMARY": str(here / "summary")}
        assert command(*arguments, environ=environ).code == 2
        assert '"code": "INVALID_INPUT"' in (here / "output").read_text()
        assert "> **Invalid input**: " in (here / "summary").read_text()

    @pytest.mark.parametrize("name", ["tags", "config"])
    def test_what_is_only_shown_is_an_output_too(self, here: Path, name: str) -> None:
        ended = command(name, "--json", "--image", "oci:app", environ={"GITHUB_OUTPUT": str(here / "output")})
        said = (here / "output").read_text().splitlines()
        assert (said[0].partition("<<")[0], json.loads(said[1])) == ("json", ended.document)

    def test_an_error_is_said_once(self, build: str) -> None:
        make_image(Layout("app"), "another", "2.1.4")
        images = ("--image", "oci:app", "--image", "oci:other")
        ended = command("release", *images, "--source", build, "--version", "2.1.4")
        assert ended.err.count("holds another image") == 1
        assert re.search(r"^  ! 2\.1\.4  refuse  [0-9a-f]{7}$", ended.out, re.MULTILINE)
        assert "oci:other  unchanged\n  nothing was written\n" in ended.out
        assert re.search(r"\n\nStopped after [0-9.]+ s: nothing was written\n$", ended.out)

    @pytest.mark.parametrize("text", ["2.1.4-alpine", "2.1", "latest", "-1", "2.1.4\n::set-output name=x::y"])
    def test_a_wrong_version_writes_nothing(self, build: str, text: str) -> None:
        ended = command("release", "--image", "oci:app", "--source", build, f"--version={text}")
        assert (ended.code, Path("app").exists()) == (2, False)

    def test_a_bug_keeps_its_traceback(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: object, **_more: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("tagger.settings.gather.gather_each", broken)
        with pytest.raises(ZeroDivisionError):
            command("plan")


@pytest.mark.parametrize("name", ["config", "release", "--help"])
def test_nobody_needs_to_read_what_is_said(build: str, name: str) -> None:
    """`| head` ends no release half way, and shows no traceback."""
    program = str(Path(tagger.__file__).parent.parent / "entrypoint.py")
    options = ["--image", "oci:app", "--source", build, "--version", "2.1.4"] if name != "--help" else []
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run([sys.executable, program, name, *options], stdout=write, stderr=write, check=False)
    os.close(write)
    assert (ended.returncode, "latest" in standing(Layout("app"))) == (0, name == "release")


@pytest.mark.parametrize(
    ("redirections", "code", "said"),
    [
        ("2>/dev/full", 0, ""),
        (">/dev/full", 1, "standard output cannot be written: No space left on device"),
        (">&-", 0, ""),
        (">&- 2>&-", 0, ""),
    ],
)
def test_what_cannot_be_said_ends_no_release_half_way(build: str, redirections: str, code: int, said: str) -> None:
    program = str(Path(tagger.__file__).parent.parent / "entrypoint.py")
    words = [sys.executable, program, "release", "--image", "oci:app", "--source", build, "--version", "2.1.4"]
    ended = subprocess.run(
        ["bash", "-c", f'"$@" {redirections}', "bash", *words], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, standing(Layout("app"))["latest"]) == (code, standing(Layout("app"))["2.1.4"])
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_encoding_that_lacks_a_character(build: str) -> None:
    program = str(Path(tagger.__file__).parent.parent / "entrypoint.py")
    command("release", "--image", "oci:app", "--source", build, "--version", "2.1.4")
    ended = subprocess.run(
        [sys.executable, program, "tags", "--image", "oci:app"], env={"PYTHONIOENCODING": "ascii"}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, "??? 2.1.4" in ended.stdout) == (0, True)


def test_an_unwritable_folder_is_no_traceback(here: Path, build: str) -> None:
    (here / "app").write_text("in the way")
    ended = command("release", "--image", "oci:app", "--source", build, "--version", "2.1.4")
    assert ended.code in (1, 2)
    assert "app" in ended.err
    assert (here / "app").read_text() == "in the way"
    assert {path.name for path in here.iterdir()} == {"app", "build"}


class TestAnnotations:
    """One notice with the outcome; each failure once, with what to do about it."""

    ENVIRON = {"GITHUB_ACTIONS": "true"}  # noqa: RUF012 - it is never changed

    def test_a_release(self, build: str) -> None:
        ended = command("release", "--image", "oci:app", "--source", build, "--version", "2.1.4", environ=self.ENVIRON)
        (line,) = re.findall("^::.*", ended.out, re.MULTILINE)
        assert re.fullmatch(r"::notice title=Tagger::Released 2\.1\.4 to 1 repository in [0-9.]+ s: 4 created", line)

    def test_a_failure(self, build: str) -> None:
        make_image(Layout("app"), "another", "2.1.4")
        images = ("--image", "oci:app", "--image", "oci:other")
        ended = command("release", *images, "--source", build, "--version", "2.1.4", environ=self.ENVIRON)
        (line,) = re.findall("^::.*", ended.out, re.MULTILINE)
        assert line.startswith("::error title=Refused::oci:app: 2.1.4 holds another image, sha256:")
        assert "%0ARelease this build under a new version" in line

    @pytest.mark.parametrize("name", ["tags", "config", "reconcile", "check"])
    def test_every_command_has_a_summary(self, here: Path, build: str, name: str) -> None:
        command("release", "--image", "oci:app", "--source", build, "--version", "2.1.4")
        ended = command(name, "--image", "oci:app", environ={"GITHUB_STEP_SUMMARY": str(here / "summary")})
        assert ended.code == 0
        assert (here / "summary").read_text().startswith("### ")


@pytest.mark.parametrize("words", [("help", "help"), ("help", "version"), ("help", "completion"), ("version", "-h")])
def test_the_words_that_start_no_run_have_the_help_of_the_program(words: tuple[str, ...]) -> None:
    assert command(*words) == command("--help")
