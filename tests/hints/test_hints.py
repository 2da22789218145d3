"""Every hint cures: what it proposes gets the next run further, until it succeeds or only a person can decide."""

import re
import shutil
import time
from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tests.hints.cases import TABLE as FIRST
from tests.hints.following import Input, Step, followed, proposals
from tests.hints.more_cases import TABLE as MORE
from tests.hints.near_cases import TABLE as NEAR
from tests.images.making import make_image

TABLE = {**FIRST, **MORE, **NEAR}
DEEPEST = 6  # hints in a row
FOR_A_PERSON = {
    "what the version is": r"is not a version in the scheme|does not hold a version|is longer than the 128 characters",
    "where the version stands": r"no version found; looked at|is no place to read a version from"
    r"|leads outside the workspace|cannot be read|is not a key",
    "whose tag it is": r"does not begin with `tag-prefix`",
    "whether a pull request is released": r"the code of a pull request is released only with an explicit version",
    "how many numbers its versions have": r"is the floating tag of a longer version there",
    "which repository": r"nothing says which repositories|names no directory|is not the name of a registry"
    r"|is not a repository|is not empty and not a layout: it has no oci-layout",
    "which image": r"there is no such file or directory|names no image|no repository holds .*, and no `source`"
    r"|is not a source|`push` takes one NAME",
    "which builds": r"no build is named|there is no folder or file|name a variant for only some builds"
    r"|there are two images for|does not exist: .* is missing|names no variant",
    "what a build is made of": r"has no signature attached|was signed by none|stands on no approved base"
    r"|holds no public key",
    "which plan": r"the plan is not",
    "what the repository is for": r"of its \d+ tags is a version|no settings file has components",
    "which shell": r"there is no completion",
    "what is not here": r"no Docker Engine answers|there is no host|there is no file|Errno|No such file",
    "who signs": r"names no repository|names nobody|is no builder|no row|names a workflow without its repository",
    "a login": r"no login by OIDC is known"
    r"|a line is not `registry username|a line does not begin with a registry|there is a username and no"
    r"|there is a password and no username|there is a registry and no login",
    "a name of one's own": r"is reserved|is not a variant|is not a channel|is a variant too",
    "rows, or templates": r"is a template, and the other lines are rows",
    "a field, or a type of row": r"has an unknown field|there is no type|`format` is",
    "a pattern": r"is not a regular expression|could take long|is not a range of versions",
    "a value": r"is no key=value|`(?:keep|keep-tags|priority|latest)` (?:has|is) |is no share|`value` is missing"
    r"|is no time|is no entry of a flavor|is not the form of a revision|is not known|would be an alias of itself"
    r"|has no exact tag"
    r"|is not from \d+ to \d+|is not a time|is not a platform|is not an endpoint|is not a host|`hold` is"
    r"|`on-conflict` is|`build-metadata` is"
    r"|must be (?:one value|a text|true or false|a whole number)|is not a media type"
    r"|an entry of `variant` must be a text",
    "the shape of a file": r"not YAML: (?:could not find|expected|sequence entries|found unexpected end)"
    r"|unknown setting|must hold settings|stands here twice|in UTF-8|utf-8"
    r"|two files of set",
    "which command": r"there is no command|takes no more than|`init` reads one|got a word too many",
    "what to delete, or to withdraw": r"is not a tag|takes one VERSION|no repository holds a version|no repository has"
    r"|no tag and no digest to delete is named|is not a whole digest",
    "a checkout": r"is not in a git repository",
    "an option that there is not": r"there is no option '--dryrun'",
}
MODES = {"terminal": False, "workflow": True}


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one version, and two builds."""
    folder = tmp_path_factory.mktemp("layouts")
    make_image(Layout(folder / "r"), "one", "2.1.3")
    make_image(Layout(folder / "s"), "new", "build")
    make_image(Layout(folder / "s"), "labelled", "labelled", labels={"org.opencontainers.image.version": "2.1.4"})
    return folder


class Follower:
    """Follows the hints of one input, in folders of its own."""

    def __init__(self, layouts: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, *, in_workflow: bool) -> None:
        self.layouts, self.folder, self.monkeypatch, self.in_workflow = layouts, folder, monkeypatch, in_workflow
        self.runs = 0
        self.ends: set[str] = set()

    def follow(self, given: Input, told: tuple[str, ...] = ()) -> None:
        """Run an input, and follow every proposal of its hint to its end."""
        error = self.run(given)
        if error is None:
            self.ends.add("success")
            return
        message, hint = error["message"], error["hint"] or error["message"]
        assert message not in told, f"the hint leads nowhere: {told[-1]}"
        assert len(told) < DEEPEST, f"the hints have no end: {told}"
        ways = proposals(hint)
        if not ways:
            kind = next((kind for kind, pattern in FOR_A_PERSON.items() if re.search(pattern, message)), "")
            assert kind, f"nothing is proposed, and it is no decision of a person: {message} | {error['hint']}"
            assert error["hint"] or re.search(r"must|stands here twice", message), f"no hint at all: {message}"
            self.ends.add(kind)
        for steps in ways:
            self.follow(self.take(given, steps), (*told, message))

    def take(self, given: Input, steps: tuple[Step, ...]) -> Input:
        """Return the input after the steps that a hint proposes."""
        return followed(given, steps)

    def run(self, given: Input) -> dict[str, str] | None:
        """Run an input beside fresh layouts, and return its error."""
        self.runs += 1
        folder = self.folder / str(self.runs)
        shutil.copytree(self.layouts, folder)
        self.monkeypatch.chdir(folder)
        ran = given.run(folder, in_workflow=self.in_workflow)
        if ran.code == 0:
            return None
        error: dict[str, str] = ran.document["error"]
        return error


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", TABLE)
def test_a_hint_cures(name: str, mode: str, layouts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = Follower(layouts, tmp_path, monkeypatch, in_workflow=MODES[mode])
    given = TABLE[name]
    if mode == "workflow" and given.slot in ("imgae", "dryrun"):
        given = given._replace(settings={key: texts for key, texts in given.settings.items() if key != given.slot})
        given = given._replace(environ={"INPUT_DRY_RUN": "true"})
    follower.follow(given)
    assert follower.runs > 1 or "success" not in follower.ends, "it is not refused"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tags", "{{" * 30_000),
        ("images", "a/" * 30_000 + "!"),
        ("version", "1.0-" * 30_000),
        ("stable", "> " * 30_000),
        ("platforms", "a-" * 30_000),
        ("version-from", "$" + "A" * 60_000 + "-"),
        ("verify", "keyless " + "a=b " * 15_000),
        ("timeout", "9" * 30_000 + "x"),
    ],
)
def test_a_long_text_is_refused_in_time(
    name: str, text: str, layouts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Follower(layouts, tmp_path, monkeypatch, in_workflow=True)
    started = time.monotonic()
    assert follower.run(Input("config", {"images": ("a/b",), name: (text,)}, name)) is not None
    assert time.monotonic() - started < 30


def test_there_are_enough() -> None:
    assert len(TABLE) >= 300
