"""The page on versions says what the program does."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tagger.rules.assessment import Candidate, assess
from tagger.rules.templates import DEFAULT_TEMPLATES, FIELDS, PLAIN_FIELDS
from tagger.rules.versions import SCHEMES
from tagger.version_from.files import KNOWN_FILES
from tagger.version_from.keyed import KEYS
from tools.spellings import PAGE, SPELLINGS, page

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_table_is_what_the_schemes_make_of_the_spellings() -> None:
    assert page(TEXT) == TEXT, "run `make docs`"
    assert len(set(SPELLINGS)) == 42


def test_every_scheme_and_field_is_explained() -> None:
    assert [scheme for scheme in SCHEMES if f"| `{scheme}`" not in TEXT] == []
    assert [field for field in (*FIELDS, *PLAIN_FIELDS) if f"`{{{{{field}" not in TEXT] == []


def test_every_file_that_is_known_is_named() -> None:
    assert [name for name in (*KNOWN_FILES, *KEYS) if f"`{name}`" not in TEXT] == []


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    assert [link for link in links if not (Path(PAGE).parent / link).exists()] == []


RECIPES = {
    match[1]: match[2]
    for match in re.finditer(r"(?m)^\| ([^|]+) \| [^|]+ \| (.+) \|$", TEXT.partition("## Recipes")[2])
    if match[1] not in ("like", "---")
}
REPOSITORIES = {
    "Rocket.Chat, Alpine": ("8.5.1 8.5 8 latest", "8.4.4 8.4"),
    "PostgreSQL": ("18.6 18 latest", "17.11 17"),
    "ClickHouse": ("26.7.5.10 26.7.5 26.7 latest", "26.6.3.62 26.6.3 26.6"),
    "Python": ("3.15.0rc1 3.15-rc", "3.14.2 3.14 3 latest"),
    "Go": ("1.24rc1 1.24-rc 1-rc rc", "1.23.1 1.23 1 latest", "1.22.8 1.22"),
    "Ruby": ("3.5.0-preview1 3.5-rc", "3.4.7 3.4 3 latest"),
    "Neo4j": ("2026.07.1 2026.07 2026 latest", "5.26.29 5.26 5"),
    "Ubuntu": ("26.10", "26.04 latest", "24.04"),
    "Perl": ("5.45.1", "5.44.2 5.44 5 latest", "5.42.0 5.42"),
    "Traefik": ("v3.7.11 3.7.11 v3.7 3.7 v3 3 latest", "v2.11.5 2.11.5 v2.11 2.11 v2 2"),
    "Redis": ("8.10.1 8.10 8 latest", "8.10.1-alpine 8.10-alpine 8-alpine alpine"
              " 8.10.1-alpine3.23 8.10-alpine3.23 8-alpine3.23 alpine3.23"),
    "PHP, where only `alpine3.22` has exact tags": (
        "8.4.1-alpine3.22 8.4-alpine3.22 8-alpine3.22 alpine3.22 8.4-alpine 8-alpine alpine", "8.4.1 8.4 8 latest"),
    "Gitea, Grafana": ("1.22.1 1.22 1 latest", "1.22.1-rootless 1.22-rootless 1-rootless latest-rootless"),
    "Eclipse Temurin": ("21.0.8_9-jdk 21-jdk 21", "21.0.7_6-jdk", "17.0.16_8-jdk 17-jdk 17"),
    "Keycloak": ("26.0.7-1 26.0.7 26.0 latest", "26.0.7-0", "25.0.6-0 25.0.6 25.0"),
    "AlmaLinux": ("9.4-20240723 9.4 9 latest", "9.4-20240530", "8.10-20240723 8.10 8"),
    "Chainguard, with versions of Wolfi's packages": ("1.27.1-r2 1.27.1 1.27 1 latest", "1.27.1-r1"),
    "Percona XtraDB Cluster": ("8.0.36-28.1 8.0.36 8.0", "8.0.35-27.1 8.0.35", "8.4.0-1.1 8.4.0 8.4 latest"),
    "Node, where each Debian has its own `-slim`": (
        "22.8.0-bookworm 22.8-bookworm 22-bookworm bookworm 22.8 22 latest",
        "22.8.0-bookworm-slim 22.8-bookworm-slim 22-bookworm-slim bookworm-slim 22.8-slim 22-slim slim",
        "20.1.0-bullseye-slim 20.1-bullseye-slim 20-bullseye-slim bullseye-slim 20.1-slim 20-slim"),
    "GitLab": ("17.5.1-ce.0 latest", "17.5.0-ce.1", "17.5.0-ce.0"),
    "LinuxServer": ("4.0.10.2544-ls256 4.0.10 version-4.0.10.2544 latest", "4.0.10.2544-ls255"),
    "K3s": ("v1.28.4-k3s2 latest", "v1.28.4-k3s1"),
    "OpenResty": ("1.27.1.2-3-bookworm 1.27.1.2-bookworm bookworm", "1.27.1.2-2-bookworm",
                  "1.27.1.2-3-alpine 1.27.1.2-alpine alpine"),
    "Bitnami": ("7.0.5-debian-12-r1 7.0.5 7.0 7 latest", "7.0.5-debian-12-r0"),
    "Bitnami, with `7.0-debian-12` too": (
        "7.0.5-debian-12-r1 7.0.5 7.0 7 latest 7.0.5-debian-12 7.0-debian-12 7-debian-12 debian-12",
        "7.0.5-debian-12-r0"),
    "WildFly": ("34.0.1.Final-jdk17 latest-jdk17", "34.0.1.Final-jdk21 latest-jdk21 latest", "35.0.0.Beta1-jdk21"),
    "Spring": ("2.1.4.RELEASE 2.1 2 latest", "2.1.4.RC1", "2.1.3.RELEASE"),
    "Home Assistant": ("2024.12.0b2 beta rc", "2024.11.1 2024.11 latest stable", "2024.12.0b1"),
    "Node": ("23.0.0 23.0 23", "22.5.1 22.5 22 latest"),
    "CouchDB": ("3.5.2 3.5 3 latest", "3.5.2-nouveau 3.5-nouveau 3-nouveau", "3.4.3 3.4", "3.4.3-nouveau 3.4-nouveau"),
    "Haxe, while 5.0 is a preview": (
        "5.0.0 5.0", "5.0.0-alpine 5.0-alpine", "4.3.7 4.3 latest", "4.3.7-alpine 4.3-alpine"),
    "Docker": ("29.7.2 29.7 29 latest 29.7.2-alpine3.24", "29.7.2-cli 29.7-cli 29-cli cli", "29.7.1 29.7.1-alpine3.24"),
    "Dart": ("3.14.0-95.2.beta beta", "3.14.0-94.0.beta", "3.13.1 3.13 3 stable latest"),
    "BusyBox": ("1.38.0 1.38 1 latest unstable", "1.38.0-musl 1.38-musl 1-musl musl unstable-musl", "1.37.0 1.37"),
    "Zabbix": ("alpine-7.0.3 alpine-7.0-latest alpine-latest", "ol-7.0.3 ol-7.0-latest ol-latest", "ol-7.0.2"),
    "PyTorch": ("2.4.1-cuda12.1-runtime latest", "2.4.1-cuda12.4-runtime", "2.4.0-cuda12.1-runtime"),
    "an edge of every prerelease": ("2.2.0-beta.1 edge", "2.2.0-alpha.1", "2.1.0 2.1 2 latest"),
}  # fmt: skip
"""A repository of each recipe: the tags of its images."""


def test_every_recipe_has_a_repository() -> None:
    assert RECIPES.keys() == REPOSITORIES.keys()


@pytest.mark.parametrize("name", REPOSITORIES)
def test_under_a_recipe_every_tag_of_its_image_stands_where_it_does(name: str) -> None:
    images = {tag: image for image in REPOSITORIES[name] for tag in image.split()}
    said: dict[str, Any] = {}
    template: tuple[str, ...] = ()
    for text in re.findall(r"`([^`]+)`", RECIPES[name]):
        if ": " in text:
            said |= yaml.safe_load(text)
        else:
            template = (text,)
    lists: dict[str, Any] = {
        key: tuple(said[key].split()) for key in ("revisions", "variants", "channels") if key in said
    }
    candidate = Candidate(
        scheme=said.get("scheme", "semver"),
        mixed=bool(said.get("mixed-parts", False)),
        tags=(*said.get("tags", DEFAULT_TEMPLATES), *template),
        stable=said.get("stable", ""),
        latest=str(said.get("latest", "auto")),
    )._replace(**lists)
    found = assess(candidate, images)
    assert found is not None
    assert found.is_consistent
    assert (found.moved, found.created, found.unexplained(images)) == ({}, {}, [])
    assert found.other(images) == []
