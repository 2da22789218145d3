"""`.tagger.yml`: what it says, and everything that is wrong in it at once; the published schema says the same."""

import json
import os
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped] # its types are a package of their own
import pytest
import yaml

from tagger.errors import InputError
from tagger.settings.file import SettingsFile, read_settings_file
from tagger.settings.options import OPTIONS
from tagger.settings.problems import SHOWN
from tagger.settings.schema import schema
from tests.settings.gathering import gather

SCHEMA = Path(__file__).parents[2] / "docs" / "tagger.schema.json"

GOOD: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "nothing": ("", {}),
    "a comment": ("# nothing yet\n", {}),
    "an empty document": ("---\n", {}),
    "null": ("null\n", {}),
    "settings without values": ("images:\ntags: null\nscheme: ~\njobs:\ncomponents:\n", {}),
    "one image": ("images: ghcr.io/acme/app", {"images": ("ghcr.io/acme/app",)}),
    "a list": ("images: [ghcr.io/acme/app, acme/app]", {"images": ("ghcr.io/acme/app", "acme/app")}),
    "a block of lines": ("images: |\n  ghcr.io/acme/app\n  acme/app\n", {"images": ("ghcr.io/acme/app\nacme/app",)}),
    "words": ("variants: default alpine3.22", {"variants": ("default alpine3.22",)}),
    "a series that looks like a number": ("latest: 2.10", {"latest": ("2.10",)}),
    "a version that looks like a number": ("version: 2.10", {"version": ("2.10",)}),
    "a range": ("stable: <3.0", {"stable": ("<3.0",)}),
    "an entry that looks like a number": ("withdrawn: [1.10, 2.1.4]", {"withdrawn": ("1.10", "2.1.4")}),
    "latest: false": ("latest: false", {"latest": ("false",)}),
    "hold: true": ("hold: yes", {"hold": ("true",)}),
    "latest: off": ("latest: off", {"latest": ("false",)}),
    "a flag": ("mixed-parts: yes", {"mixed-parts": ("true",)}),
    "a quoted flag": ("mixed-parts: 'true'", {"mixed-parts": ("true",)}),
    "numbers": ("jobs: 4\nretries: '0'\ntimeout: 2.5", {"jobs": ("4",), "retries": ("0",), "timeout": ("2.5",)}),
    "minutes": ("timeout: 2m", {"timeout": ("2m",)}),
    "quoted templates": (
        "tags: ['{{version}}', \"{{major}}\", latest]", {"tags": ("{{version}}", "{{major}}", "latest")},
    ),
    "a template put a blank where the tab is": (
        "tags:\n- '{{version}}'\n- \"{{date 'YYYYMMDD' tz='UTC'}}\"\n",
        {"tags": ("{{version}}", "{{date 'YYYYMMDD' tz='UTC'}}")},
    ),
    "a comment behind a name": ("images: # all of them\n- a/b\n", {"images": ("a/b",)}),
    "a block without lines": ("images: |\n\ntags: # later\n", {}),
    "one folded line": ("golden: >\n  a/b\n", {"golden": ("a/b",)}),
    "a tag of YAML's own": ("stable: !!str 2.1", {"stable": ("2.1",)}),
    "an alias": (
        "images: &here [acme/app]\ngolden: *here\n", {"images": ("acme/app",), "golden": ("acme/app",)},
    ),
}  # fmt: skip

BAD: dict[str, tuple[str, list[str]]] = {
    "a list": ("- images\n", ["1:1: the file must hold settings as `name: value`"]),
    "a text": ("images", ["1:1: the file must hold settings as `name: value`"]),
    "a misspelt setting": ("imges: acme/app", ["1:1: unknown setting `imges`; did you mean `images`?"]),
    "the name of the option": ("image: acme/app", ["1:1: unknown setting `image`; did you mean `images`?"]),
    "a truth for one of few words": ("latest: yes", ["1:9: `latest` must be a text or false, not 'yes'"]),
    "another setting": ("colour: blue", ["1:1: unknown setting `colour`; it must be the name of an option"]),
    "a number": ("1: x", ["1:1: unknown setting `1`; it must be the name of an option"]),
    "a secret": ("password: hunter2", [
        "1:1: `password` is a secret for the workflow to name: drop `password` here, and set it in the environment",
    ]),
    **{
        f"{option.name} in a checkout": (f"{option.name}: x", [
            f"1:1: `{option.name}` is for the workflow or the command line, not for a file: drop `{option.name}` here"
        ])
        for option in OPTIONS if not option.in_file and not option.secret
    },
    "a conflict that a checkout decides": ("on-conflict: overwrite", [
        "1:14: `on-conflict` is overwrite, which is for the workflow or the command line, not for a file: drop "
        "`on-conflict` here",
    ]),
    "a mapping for a list": ("images: {a: b}", [
        "1:9: `images` must be a list of texts, not a mapping",
    ]),
    "a block mapping for a list": ("images:\n  a: b\n", ["2:3: `images` must be a list of texts, not a mapping"]),
    "an unquoted template": ("tags: {{version}}", [
        "1:7: `tags` must be a list of texts, not a mapping; put quotes around the text: '{{version}}'",
    ]),
    "an unquoted template in a list": ("tags:\n- latest\n- {{version}}\n", [
        "3:3: an entry of `tags` must be a text, not a mapping; put quotes around the text: '{{version}}'",
    ]),
    "a list in a list": ("images: [[acme/app]]", ["1:10: an entry of `images` must be a text, not a list"]),
    "an empty entry": ("images:\n- acme/app\n-\n", ["3:2: an entry of `images` must be a text, not nothing"]),
    "a truth in a list": ("variants: [default, true]", ["1:21: an entry of `variants` must be a text, not 'true'"]),
    "a truth for a list": ("channels: true", ["1:11: `channels` must be a list of texts, not 'true'"]),
    "a list for a text": ("base: [a, b]", ["1:7: `base` must be one value, not a list"]),
    "a truth for a text": ("stable: yes", ["1:9: `stable` must be a text, not 'yes'"]),
    "a truth for a choice": ("on-conflict: no", ["1:14: `on-conflict` must be a text, not 'no'"]),
    "a truth for a number": ("jobs: true", ["1:7: `jobs` must be a text, not 'true'"]),
    "a word for a number": ("jobs: many", ["1:7: `jobs` must be a whole number, not 'many'"]),
    "a fraction for a number": ("retries: 1.5", ["1:10: `retries` must be a whole number, not '1.5'"]),
    "a negative number": ("retries: -1", ["1:10: `retries` must be a whole number, not '-1'"]),
    "a word for a flag": ("mixed-parts: maybe", ["1:14: `mixed-parts` must be true or false, not 'maybe'"]),
    "a number for a flag": ("mixed-parts: 1", ["1:14: `mixed-parts` must be true or false, not '1'"]),
    "components as a list": ("components: [a]", [
        "1:13: `components` must hold settings by the name of each component",
    ]),
    "a component with a blank in its name": ("components: {a b: {}}", [
        "1:14: the component 'a b' cannot be selected: a name has no blanks",
    ]),
    "a component as a text": ("components: {a: b}", ["1:17: the component `a` must hold settings as `name: value`"]),
    "a component's misspelt setting": ("components:\n  a: {tag: x}\n", [
        "2:7: unknown setting `tag`; did you mean `tags`?",
    ]),
    "components of a component": (
        "components:\n  a: {components: {}}\n",
        ["2:7: unknown setting `components`; it must be the name of an option"],
    ),
}  # fmt: skip

# What only a reader of YAML sees, as a schema is given the mapping that was read.
UNSEEN: dict[str, tuple[str, list[str]]] = {
    "a range that is a tag": ("stable: !=2.2.0 <3 # why\n", [
        "1:9: `stable`: YAML takes !=2.2.0 for a tag and drops it; put quotes around the text: '!=2.2.0 <3'",
    ]),
    "a sign alone": ("stable: !\n", [
        "1:9: `stable`: YAML takes the ! of ! for a tag and drops it; put quotes around the text: '!'",
    ]),
    "a sign before a range": ("stable: ! <3\n", [
        "1:9: `stable`: YAML takes the ! of ! <3 for a tag and drops it; put quotes around the text: '! <3'",
    ]),
    "an entry that is a tag": ("withdrawn:\n- !=2\n", [
        "2:3: an entry of `withdrawn`: YAML takes !=2 for a tag and drops it; put quotes around the text: '!=2'",
    ]),
    "a list with a tag": ("images: !all [a/b]", [
        "1:9: `images`: YAML takes !all for a tag and drops it; put quotes around the text: '!all [a/b]'",
    ]),
    "a name with a tag": ("!x images: a/b", ["1:1: YAML takes !x for a tag; put quotes around the name"]),
    "a prefix that is an anchor": ("tag-prefix: &api\n", [
        "1:13: `tag-prefix`: YAML takes &api for an anchor and drops it; put quotes around the text: '&api'",
    ]),
    "a prefix that is a comment": ("tag-prefix: #api\n", [
        "1:12: `tag-prefix`: YAML takes #api for a comment; put quotes around the text: '#api'",
    ]),
    "a range that is the head of a block": ("stable: >2\nlatest: auto\n", [
        "1:9: `stable`: YAML takes >2 for the head of a block, and drops it; put quotes around it: '>2'",
    ]),
    "lines that are one": ("golden:\n  a/b\n  a/c\n", [
        "2:3: `golden`: YAML joins these lines; write `|` after the name, or a list with a hyphen before each "
        "entry",
    ]),
    "a name twice": ("images: a/b\nimages: a/c\n", ["2:1: `images` stands here twice"]),
    "a component twice": ("components:\n  a: {}\n  a: {}\n", ["3:3: `a` stands here twice"]),
    "a name that is a list": ("? [a]\n: b\n", [
        "1:3: a setting is named by a text; put quotes around one that begins with {{",
    ]),
    "a merge of a text": ("<<: x\n", ["1:5: `<<` merges the settings of a mapping, and this is none"]),
}  # fmt: skip


def test_what_a_checkout_may_not_say() -> None:
    assert {option.name for option in OPTIONS if option.secret or not option.in_file} >= {
        "endpoints", "insecure", "ca-file", "registry", "username", "password", "logins", "github-token", "config",
        "yes", "force", "purge", "all", "undo",
    }  # fmt: skip


def read(folder: Path, text: str) -> SettingsFile:
    path = folder / ".tagger.yml"
    path.write_text(text, encoding="utf-8")
    return read_settings_file(path)


@pytest.mark.parametrize(("text", "expected"), GOOD.values(), ids=GOOD)
def test_what_a_file_says(tmp_path: Path, text: str, expected: dict[str, tuple[str, ...]]) -> None:
    file = read(tmp_path, text)
    assert file.problems == ()
    assert {name: given.texts for name, given in file.values.items()} == expected


@pytest.mark.parametrize(("text", "expected"), (BAD | UNSEEN).values(), ids=BAD | UNSEEN)
def test_what_is_wrong_in_a_file(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert read(tmp_path, text).problems == tuple(f"{tmp_path / '.tagger.yml'}:{problem}" for problem in expected)


def test_where_each_value_stands(tmp_path: Path) -> None:
    values = read(tmp_path, "images:\n  - a/b\n  - a/c\nscheme: numeric\n").values
    path = tmp_path / ".tagger.yml"
    assert (values["images"].origin, values["images"].places) == (f"{path}:2:3", (f"{path}:2:5", f"{path}:3:5"))
    assert values["scheme"].origin == f"{path}:4:9"


class TestComponents:
    """A monorepo has several images; what they share stands beside them, or is merged."""

    TEXT = """
scheme: numeric
components:
  api: &api
    images: acme/api
    variants: [default, alpine]
  web:
    <<: *api
    images: acme/web
"""

    def test_each_has_its_own(self, tmp_path: Path) -> None:
        file = read(tmp_path, self.TEXT)
        assert file.problems == ()
        assert {name: given.texts for name, given in file.values.items()} == {"scheme": ("numeric",)}
        assert {
            name: {key: given.texts for key, given in component.items()} for name, component in file.components.items()
        } == {
            "api": {"images": ("acme/api",), "variants": ("default", "alpine")},
            "web": {"images": ("acme/web",), "variants": ("default", "alpine")},
        }

    def test_merging_several_and_of_merged_ones(self, tmp_path: Path) -> None:
        file = read(
            tmp_path,
            "components:\n  a: &a {jobs: 1, source: x}\n  b: &b {<<: *a, jobs: 2}\n  c: {<<: [*b, *a], base: y}\n"
            "  d: &d {<<: *d, jobs: 4}\n",
        )
        assert file.problems == ()
        texts = {name: {k: v.texts[0] for k, v in one.items()} for name, one in file.components.items()}
        assert texts["c"] == {"jobs": "2", "source": "x", "base": "y"}
        assert texts["d"] == {"jobs": "4"}

    def test_thousands_of_merges_keep_their_order(self, tmp_path: Path) -> None:
        bases = "".join(f"  b{number}: &b{number} {{jobs: {number}, base: x}}\n" for number in range(2000))
        merges = ", ".join(f"*b{number}" for number in range(2000))
        file = read(tmp_path, f"components:\n{bases}  all: {{<<: [{merges}]}}\n")
        assert file.components["all"]["jobs"].texts == ("0",)

    def test_a_mistake_that_is_merged_is_told_once(self, tmp_path: Path) -> None:
        file = read(tmp_path, "components:\n  a: &a {colour: x}\n  b: {<<: *a}\n")
        assert [problem.partition("yml:")[2] for problem in file.problems] == [
            "2:10: unknown setting `colour`; it must be the name of an option"
        ]


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        (b"images:\n\t- a\n", ":2:1: not YAML: found character '\\t'", "put a blank where the tab is"),
        (b"tags: {{major}}.{{minor}}\n", ":1:16: not YAML: ", "Put quotes around the text: '{{major}}.{{minor}}'."),
        (b"images: [a\n", ":2:1: not YAML: ", "Correct the file"),
        (b"images: a\n---\nimages: b\n", ":2:1: not YAML: but found another document", "Correct the file"),
        (b"images: *nowhere\n", ":1:9: not YAML: found undefined alias", "Put quotes around the text: '*nowhere'."),
        (b"tag-prefix: @scope/api@\n", ":1:13: not YAML: ", "Put quotes around the text: '@scope/api@'."),
        (b"stable: >=2 <3\n", ":1:10: not YAML: ", "Put quotes around the text: '>=2 <3'."),
        (b"withdrawn: *2.1\n", ":1:14: not YAML: ", "Put quotes around the text: '*2.1'."),
        (b"a" * 1024 * 1024 + b"b", "cannot be read: it is longer than 1,048,576 bytes", "`config`"),
        (b"images: \x00\n", "not YAML: unacceptable character", "Correct the file"),
        (b"images: \xff\xfe\n", "cannot be read", "UTF-8"),
        (b"images: " + b"[" * 20000, "nested too deeply", "Correct the file"),
    ],
)
def test_what_is_no_yaml(tmp_path: Path, content: bytes, message: str, hint: str) -> None:
    path = tmp_path / ".tagger.yml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_settings_file(path)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path, why in (
        (tmp_path, "Is a directory"),
        (tmp_path / "fifo", "it is no regular file"),
        (Path("/dev/zero"), "it is no regular file"),
    ):
        with pytest.raises(InputError, match=f"cannot be read: {why}"):
            read_settings_file(path)


def test_a_mark_of_byte_order_is_no_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / ".tagger.yml").write_bytes(b"\xef\xbb\xbfimages: a/b\n")
    assert read_settings_file(tmp_path / ".tagger.yml").problems == ()


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    text = f"source: !!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{tmp_path}/made']]"
    assert read(tmp_path, text).problems
    assert not (tmp_path / "made").exists()


class TestSevenMistakes:
    """Seven mistakes are seven messages, each with its line and column."""

    TEXT = """image: ghcr.io/acme/app
scheme: semvr
tags:
  - "{{version}}"
  - "{{majr}}"
jobs: many
mixed-parts: maybe
stable: <<3
colour: blue
"""
    PLACES = ("1:1", "2:9", "5:5", "6:7", "7:14", "8:9", "9:1")

    @pytest.mark.parametrize("command", ["plan", "release", "reconcile", "tags", "config"])
    def test_told_at_once(self, tmp_path: Path, command: str) -> None:
        (tmp_path / ".tagger.yml").write_text(self.TEXT)
        with pytest.raises(InputError) as caught:
            gather(command, {}, {}, tmp_path)
        first, *lines = caught.value.message.splitlines()
        assert first == "7 problems in the settings:"
        assert [line.split(": ")[0].partition(".yml:")[2] for line in lines] == list(self.PLACES)
        assert "did you mean `images`?" in lines[0]
        assert "`scheme` is one of: semver, numeric, calver, pep440." in lines[1]
        assert "unknown field {{majr}}" in lines[2]

    def test_of_very_many_the_first_are_told(self, tmp_path: Path) -> None:
        (tmp_path / ".tagger.yml").write_text("".join(f"imagez{number}: 1\n" for number in range(3 * SHOWN)))
        with pytest.raises(InputError) as caught:
            gather("plan", {}, {}, tmp_path)
        first, *lines, last = caught.value.message.splitlines()
        assert (first, last) == (f"{3 * SHOWN} problems in the settings:", f"And {2 * SHOWN} more.")
        assert len(lines) == SHOWN
        assert all(line.endswith("did you mean `images`?") for line in lines)

    def test_contradictions_are_mistakes_too(self, tmp_path: Path) -> None:
        (tmp_path / ".tagger.yml").write_text(
            "images: [acme/app, 'acme/app:1']\nmixed-parts: true\nvariants: [rc, alpine]\nvariant: slim\n"
            "channels: [rc]\nbase: debian\nversion: '2.1'\n"
        )
        with pytest.raises(InputError) as caught:
            gather("plan", {}, {}, tmp_path)
        lines = caught.value.message.splitlines()[1:]
        assert [line.split(": ")[0].partition(".yml:")[2] for line in lines] == [
            "1:20", "2:14", "4:10", "5:11", "6:7", "7:10",
        ]  # fmt: skip


class TestSchema:
    """The JSON Schema that is published says what the program says, so that editors can complete the file."""

    def test_it_is_the_published_one(self) -> None:
        assert json.loads(SCHEMA.read_text()) == schema(), "run `make docs`"

    def test_it_is_a_schema(self) -> None:
        jsonschema.Draft202012Validator.check_schema(schema())

    def test_it_has_every_setting_with_its_help(self) -> None:
        properties: Any = schema()["properties"]
        named = [option for option in OPTIONS if option.in_file and not option.secret]
        assert list(properties) == [*(option.name for option in named), "components"]
        assert [properties[option.name]["description"] for option in named] == [option.description for option in named]

    @pytest.mark.parametrize("text", [text for text, _ in GOOD.values()], ids=GOOD)
    def test_it_takes_what_the_program_takes(self, text: str) -> None:
        jsonschema.Draft202012Validator(schema()).validate(yaml.safe_load(text))

    @pytest.mark.parametrize("text", [text for text, _ in BAD.values()], ids=BAD)
    def test_it_refuses_what_the_program_refuses(self, text: str) -> None:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(schema()).validate(yaml.load(text, EditorLoader))  # noqa: S506 - a safe one


class EditorLoader(yaml.SafeLoader):
    """YAML as editors read it: a name may be anything, as in an unquoted {{version}}."""


def _mapping(loader: EditorLoader, node: yaml.MappingNode) -> dict[str, Any]:
    return {str(key.value): loader.construct_object(value, deep=True) for key, value in node.value}


EditorLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
