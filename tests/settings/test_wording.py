"""Settings in messages: options on a terminal, inputs in a workflow."""

import shlex

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tagger.commands import NAMES
from tagger.images.registry.logins import login_hint
from tagger.settings.wording import spell_settings
from tests.integration.commands import tagger


@pytest.mark.parametrize(
    ("text", "option", "workflow"),
    [
        ("`scheme: calver`", "`--scheme calver`", "`scheme: calver`"),
        ("`stable: <3.0`", "`--stable '<3.0'`", "`stable: <3.0`"),
        ("`stable: >=2 <3`", "`--stable '>=2 <3'`", "`stable: '>=2 <3'`"),
        ("`latest: 26.10`", "`--latest 26.10`", "`latest: '26.10'`"),
        ("`tags: {{version}}`", "`--tag '{{version}}'`", "`tags: '{{version}}'`"),
        ("`tag-prefix: @acme/app@`", "`--tag-prefix @acme/app@`", "`tag-prefix: '@acme/app@'`"),
        ("`force: true`", "`--force`", "`force: true`"),
        ("`--force`", "`--force`", "`force: true`"),
        ("`--only NAME`", "`--only NAME`", "`only: NAME`"),
        ("`withdraw 2.1.4 --undo`", "`withdraw 2.1.4 --undo`",
         "`command: withdraw`, `arguments: 2.1.4` and `undo: true`"),
        ("`policy set`", "`policy set`", "`command: policy` and `arguments: set`"),
        ("`reconcile`", "`reconcile`", "`reconcile`"),
        ("`images`", "`--image`", "`images`"),
        ("`github-token`", "`TAGGER_GITHUB_TOKEN`", "`github-token`"),
        ("`tags`", "`tags`", "`tags`"),
        ("`docker image ls`", "`docker image ls`", "`docker image ls`"),
        ("`file:VERSION#a.b`", "`file:VERSION#a.b`", "`file:VERSION#a.b`"),
    ],
)  # fmt: skip
def test_each(text: str, option: str, workflow: str) -> None:
    assert spell_settings(text, NAMES, in_workflow=False) == option
    assert spell_settings(text, NAMES, in_workflow=True) == workflow


def test_a_message_quotes_names_as_they_were_given() -> None:
    assert (
        spell_settings("`stable` is `stable: <3`", NAMES, in_workflow=False, names=False)
        == "`stable` is `--stable '<3'`"
    )


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="`"), min_size=1).map(str.strip))
def test_what_a_person_copies_is_the_value(value: str) -> None:
    """A shell, and YAML, read the very text out of what is written."""
    if not value:
        return
    option = spell_settings(f"`stable: {value}`", NAMES, in_workflow=False)
    assert shlex.split(option[1:-1]) == ["--stable", value]
    entry = spell_settings(f"`stable: {value}`", NAMES, in_workflow=True)
    assert yaml.safe_load(entry[1:-1]) == {"stable": value}


def test_a_run_says_it_as_its_reader_writes_it() -> None:
    told = tagger("plan", "--published-from", "none", "--version", "1.2.3")
    assert told.code == 0
    words = ("config", "--image", "acme/app", "--mixed-parts", "--json")
    assert "`--scheme numeric`" in tagger(*words).document["error"]["hint"]
    assert "`scheme: numeric`" in tagger(*words, environ={"GITHUB_ACTIONS": "true"}).document["error"]["hint"]


def test_what_is_true_of_actions_alone_is_for_workflows() -> None:
    hint = login_hint("ghcr.io")
    assert "a container action sees only if DOCKER_CONFIG" in spell_settings(hint, NAMES, in_workflow=True)
    shown = spell_settings(hint, NAMES, in_workflow=False)
    assert shown.endswith("`TAGGER_LOGINS`; or `docker login ghcr.io`.")
