"""`tags` as a page and as a table, from outside."""

from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tests.images.making import make_image, make_index
from tests.integration.commands import tagger


@pytest.fixture(autouse=True)
def _a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    builds = Layout(Path("builds"))
    make_index(builds, "old", "old")
    make_image(builds, "new", "new")
    for version, source in (("1.0.0", "new"), ("1.0.1", "old"), ("2.0.0", "old"), ("2.1.0", "old")):
        ran = tagger("release", "--image", "oci:app", "--source", f"oci:builds:{source}", "--version", version)
        assert ran.code == 0, ran.err


def test_a_page() -> None:
    environ = {"TAGGER_NOW": "2026-01-02T03:04:05Z"}
    ran = tagger("tags", "--image", "oci:app", "--html", "page.html", "--long", environ=environ)
    assert (ran.code, ran.out) == (0, "4 versions are in page.html\n")
    text = Path("page.html").read_text(encoding="utf-8")
    assert "As of 2026-01-02 03:04 UTC." in text
    assert text.count('<li class="version"') == 4
    assert "linux/amd64 linux/arm64" in text
    again = tagger("tags", "--image", "oci:app", "--html", "page.html", "--long", environ=environ)
    assert (again.code, Path("page.html").read_text(encoding="utf-8")) == (0, text)
    ran = tagger("tags", "--image", "oci:app", "--html", "page.html", "--json")
    assert len(ran.document["repositories"][0]["versions"]) == 4


def test_a_page_that_cannot_be_written(tmp_path: Path) -> None:
    ran = tagger("tags", "--image", "oci:app", "--html", "nowhere/page.html", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (2, "INVALID_INPUT")
    ran = tagger("tags", "--image", "oci:app", "--html", "x", environ={"TAGGER_NOW": "noon"})
    assert (ran.code, Path("x").exists()) == (2, False)
    (tmp_path / "work").mkdir()
    (tmp_path / "work/.tagger.yml").write_text("html: ../page.html\nimages: ['oci:../app']\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "work")
        ran = tagger("tags")
        assert (ran.code, "not in the working folder" in ran.err) == (2, True)
        assert tagger("tags", "--html", "../page.html").code == 0
    assert (tmp_path / "page.html").exists()


def test_a_table_for_a_readme() -> None:
    assert tagger("withdraw", "2.1.0", "--image", "oci:app").code == 0
    ran = tagger("tags", "--image", "oci:app", "--table")
    (digest,) = Layout(Path("app")).digests(["2.0.0"]).values()
    assert ran.out == (
        "| tags | digest |\n|---|---|\n"
        f"| `2.0.0`, `2.0`, `2`, `latest` | `{digest}` |\n| `1.0.1`, `1.0`, `1` | `{digest}` |\n"
    )
    ran = tagger("tags", "--image", "oci:app", "--table", "--long")
    assert ran.out.splitlines()[2] == (
        "| `2.0.0`, `2.0`, `2`, `latest` | linux/amd64, linux/arm64/v8 | 872 B | 2026-01-02 |"
    )


def test_one_page_of_several_components() -> None:
    Path(".tagger.yml").write_text(
        "components:\n  one: {images: ['oci:app'], tag-prefix: one/}\n  two: {images: ['oci:app'], tag-prefix: two/}\n"
    )
    ran = tagger("tags", "--html", "page.html")
    assert ran.code == 0, ran.err
    assert Path("page.html").read_text(encoding="utf-8").count("<h1>oci:app</h1>") == 2
    ran = tagger("tags", "--html", "nowhere/page.html", "--json")
    assert ran.code == 2


def test_a_page_stays_where_no_repository_can_be_read() -> None:
    Path("page.html").write_text("of yesterday")
    ran = tagger("tags", "oci:missing", "--html", "page.html")
    assert (ran.code, ran.out, Path("page.html").read_text()) == (1, "", "of yesterday")
