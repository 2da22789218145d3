"""The version in a POM: what its properties stand for, and where they may be defined."""

from pathlib import Path

import pytest

from tagger.version_from.files import read_file
from tagger.version_from.found import Absent

CI_FRIENDLY = "<version>${revision}${sha1}${changelist}</version>"


def pom(folder: Path, content: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pom.xml").write_text(f'<project xmlns="http://maven.apache.org/POM/4.0.0">{content}</project>')


def test_an_empty_property_is_nothing(tmp_path: Path) -> None:
    pom(tmp_path, f"{CI_FRIENDLY}<properties><revision>2.1.4</revision><sha1/><changelist></changelist></properties>")
    assert read_file(tmp_path, "pom.xml") == "2.1.4"


def test_a_property_of_the_parent_at_its_default_place(tmp_path: Path) -> None:
    pom(tmp_path, "<version>${revision}</version><properties><revision>2.1.4</revision></properties>")
    pom(tmp_path / "app", "<parent><version>${revision}</version></parent>")
    assert read_file(tmp_path, "app/pom.xml") == "2.1.4"


def test_a_parent_by_its_relative_path(tmp_path: Path) -> None:
    pom(tmp_path / "build/parent", "<properties><revision>2.1.4</revision></properties>")
    parent = "<parent><version>${revision}</version><relativePath>../build/parent</relativePath></parent>"
    pom(tmp_path / "app", parent)
    assert read_file(tmp_path, "app/pom.xml") == "2.1.4"


def test_what_the_configuration_defines(tmp_path: Path) -> None:
    pom(
        tmp_path,
        f"{CI_FRIENDLY}<properties><revision>0</revision><sha1/><changelist>-SNAPSHOT</changelist></properties>",
    )
    (tmp_path / ".mvn").mkdir()
    (tmp_path / ".mvn/maven.config").write_text("-Drevision=2.1.4\n-Dchangelist=\n-T4\n")
    assert read_file(tmp_path, "pom.xml") == "2.1.4"


def test_an_argument_of_the_configuration_may_stand_on_its_own_line(tmp_path: Path) -> None:
    pom(tmp_path, "<version>${revision}</version>")
    (tmp_path / ".mvn").mkdir()
    (tmp_path / ".mvn/maven.config").write_text("-T4\n--define\nrevision=2.1.4\n")
    assert read_file(tmp_path, "pom.xml", "project.version") == "2.1.4"


def test_an_empty_relative_path_leads_nowhere(tmp_path: Path) -> None:
    pom(tmp_path, "<properties><revision>2.1.4</revision></properties>")
    pom(tmp_path / "app", "<parent><version>${revision}</version><relativePath/></parent>")
    with pytest.raises(Absent, match="not all of that is defined"):
        read_file(tmp_path, "app/pom.xml")


def test_the_version_of_the_parent_by_its_name(tmp_path: Path) -> None:
    pom(tmp_path, "<parent><version>2.1.4</version></parent><version>${project.parent.version}</version>")
    assert read_file(tmp_path, "pom.xml") == "2.1.4"


def test_a_parent_outside_the_workspace_is_not_read(tmp_path: Path) -> None:
    pom(tmp_path, "<properties><revision>2.1.4</revision></properties>")
    pom(tmp_path / "work", "<parent><version>${revision}</version></parent>")
    with pytest.raises(Absent, match=r"its version is \$\{revision\}"):
        read_file(tmp_path / "work", "pom.xml")


def test_a_parent_that_is_itself_has_an_end(tmp_path: Path) -> None:
    pom(tmp_path, "<parent><version>${revision}</version><relativePath>pom.xml</relativePath></parent>")
    with pytest.raises(Absent, match="not all of that is defined"):
        read_file(tmp_path, "pom.xml")
