"""The settings as understood: each with its value and its origin, secrets as ***."""

from pathlib import Path

import click

from tagger.reporting.settings import settings_document, settings_text
from tagger.settings.gather import Settings
from tagger.settings.options import OPTIONS
from tests.settings.gathering import gather

ENVIRON = {
    "INPUT_IMAGES": "ghcr.io/acme/app\nacme/app", "INPUT_VARIANTS": "default alpine", "TAGGER_DRY_RUN": "yes",
    "INPUT_LOGINS": "ghcr.io octocat hunter2", "INPUT_STABLE": "<3.0",
}  # fmt: skip


def understood() -> Settings:
    return gather("config", {"jobs": ["2"]}, ENVIRON, Path("/nonexistent"))


def test_the_document() -> None:
    document = settings_document(understood())
    assert list(document["settings"]) == [option.name for option in OPTIONS]
    assert document["component"] is None
    said = {name: (given["value"], given["origin"]) for name, given in document["settings"].items()}
    assert said["images"] == (["ghcr.io/acme/app", "acme/app"], "INPUT_IMAGES")
    assert said["variants"] == (["default", "alpine"], "INPUT_VARIANTS")
    assert said["dry-run"] == (True, "TAGGER_DRY_RUN")
    assert said["jobs"] == ("2", "--jobs")
    assert said["logins"] == ("***", "INPUT_LOGINS")
    assert said["password"] == (None, "default")
    assert said["scheme"] == ("semver", "default")
    assert said["tags"][0] == ["{{version}}", "{{major}}.{{minor}}", "{{major}}", "latest"]


def test_the_text() -> None:
    text = click.unstyle(settings_text(understood()))
    lines = {line.split()[0]: line.partition(" ")[2].strip() for line in text.partition("\n\n")[0].splitlines()}
    assert list(lines) == [option.name for option in OPTIONS]
    assert lines["images"] == "ghcr.io/acme/app | acme/app  (INPUT_IMAGES)"
    assert lines["stable"] == "<3.0  (INPUT_STABLE)"
    assert lines["scheme"] == "semver  (default)"
    assert lines["mixed-parts"] == "false  (default)"
    assert lines["source"] == "-  (default)"
    assert lines["logins"] == "***  (INPUT_LOGINS)"
    assert "hunter2" not in text


def test_a_component_is_named(tmp_path: Path) -> None:
    (tmp_path / ".tagger.yml").write_text("components: {api: {images: acme/api}}")
    settings = gather("config", {}, {}, tmp_path)
    assert settings_document(settings)["component"] == "api"
    assert "api" in settings_text(settings).splitlines()[0]
