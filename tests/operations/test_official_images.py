"""Given the exact tags of real repositories, `reconcile` sets the floating tags where their maintainers have them.

The samples are tags of docker-library/official-images (library/, August 2026): for each image the exact tags that
were published, and the floating tags that its maintainers wrote beside them by hand.
"""

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tagger.cli import run
from tagger.images.layout import Layout
from tests.images.making import make_image
from tests.operations.running import standing

X_Y, X_Y_Z = "{{major}}.{{minor}}", "{{major}}.{{minor}}.{{patch}}"
USUAL = ["{{version}}", X_Y, "{{major}}", "latest"]


class Sample(NamedTuple):
    """A repository: how its rules are declared, and its images, each as `exact tags | floating tags`."""

    name: str
    settings: dict[str, list[str]]
    images: list[str]
    other: str = ""


SAMPLES = [
    Sample(
        "rocket.chat: three parts",
        {},
        ["8.5.1 | 8.5 8 latest", "8.4.4 | 8.4", "8.3.6 | 8.3", "8.0.7 | 8.0", "7.13.8 | 7.13 7"],
    ),
    Sample(
        "redis: an image that is the default and trixie, and alpine under two names",
        {"variants": ["default", "trixie", "alpine", "alpine3.23"]},
        [
            "8.10.1 8.10.1-trixie | 8.10 8 latest 8.10-trixie 8-trixie trixie",
            "8.10.1-alpine 8.10.1-alpine3.23 | 8.10-alpine 8-alpine alpine 8.10-alpine3.23 8-alpine3.23 alpine3.23",
            "8.8.2 8.8.2-trixie | 8.8 8.8-trixie",
            "8.8.2-alpine 8.8.2-alpine3.23 | 8.8-alpine 8.8-alpine3.23",
        ],
    ),
    Sample(
        "nginx: variants of variants; aliases that no version makes are left alone",
        {"variants": ["trixie", "perl", "trixie-perl", "alpine", "alpine-slim", "alpine3.24", "alpine3.24-slim"]},
        [
            "1.31.4 1.31.4-trixie | 1.31 1 latest 1.31-trixie 1-trixie trixie",
            "1.31.4-perl 1.31.4-trixie-perl | 1.31-perl 1-perl perl 1.31-trixie-perl 1-trixie-perl trixie-perl",
            "1.31.4-alpine 1.31.4-alpine3.24 | 1.31-alpine 1-alpine alpine 1.31-alpine3.24 1-alpine3.24 alpine3.24",
            "1.31.4-alpine-slim 1.31.4-alpine3.24-slim | 1.31-alpine-slim 1-alpine-slim alpine-slim"
            " 1.31-alpine3.24-slim 1-alpine3.24-slim alpine3.24-slim",
            "1.30.6 1.30.6-trixie | 1.30 1.30-trixie",
        ],
        other="mainline stable mainline-alpine",
    ),
    Sample(
        "traefik: each version under two exact tags",
        {"tags": ["v{{version}}", "{{version}}", f"v{X_Y}", X_Y, "v{{major}}", "{{major}}", "latest"]},
        ["v3.7.11 3.7.11 | v3.7 3.7 v3 3 latest", "v2.11.55 2.11.55 | v2.11 2.11 v2 2"],
        other="langres mimolette",
    ),
    Sample(
        "postgres: two parts; one number with a prerelease is no version",
        {"scheme": ["numeric"], "tags": ["{{version}}", "{{major}}", "latest"], "variants": ["default", "trixie"]},
        ["18.6 18.6-trixie | 18 latest 18-trixie trixie", "17.11 17.11-trixie | 17 17-trixie", "16.15 | 16"],
        other="19beta3 19beta3-trixie",
    ),
    Sample(
        "clickhouse: four parts, without the major",
        {"scheme": ["numeric"], "tags": ["{{version}}", X_Y_Z, X_Y, "latest"], "variants": ["default", "jammy"]},
        [
            "26.7.5.10 26.7.5.10-jammy | 26.7.5 26.7 latest 26.7.5-jammy 26.7-jammy jammy",
            "26.6.3.62 26.6.3.62-jammy | 26.6.3 26.6 26.6.3-jammy 26.6-jammy",
            "25.8.32.4 25.8.32.4-jammy | 25.8.32 25.8 25.8.32-jammy 25.8-jammy",
        ],
        other="lts lts-jammy",
    ),
    Sample(
        "erlang: four parts with every level",
        {"scheme": ["numeric"], "tags": ["{{version}}", X_Y_Z, X_Y, "{{major}}", "latest"], "variants": ["slim"]},
        [
            "29.0.5.0 | 29.0.5 29.0 29 latest",
            "29.0.5.0-slim | 29.0.5-slim 29.0-slim 29-slim slim",
            "28.5.0.5 | 28.5.0 28.5 28",
            "28.5.0.5-slim | 28.5.0-slim 28.5-slim 28-slim",
        ],
    ),
    Sample(
        "couchdb: three and four parts side by side",
        {
            "scheme": ["numeric"],
            "mixed-parts": ["true"],
            "variants": ["nouveau"],
            "tags": ["{{version}}", X_Y_Z, X_Y, "{{major}}"],
        },
        [
            "3.5.2.1 | 3.5.2 3.5 3",
            "3.5.2.1-nouveau | 3.5.2-nouveau 3.5-nouveau 3-nouveau",
            "3.4.3 | 3.4",
            "3.4.3-nouveau | 3.4-nouveau",
        ],
    ),
    Sample(
        "neo4j: calendar versions after semantic ones, with their zeros",
        {"scheme": ["calver"], "variants": ["trixie", "enterprise"], "tags": ["{{version}}", X_Y, "{{major}}"]},
        [
            "2026.07.1 2026.07.1-trixie | 2026.07 2026 2026.07-trixie 2026-trixie",
            "2026.07.1-enterprise | 2026.07-enterprise 2026-enterprise",
            "5.26.29 5.26.29-trixie | 5.26 5 5.26-trixie 5-trixie",
        ],
    ),
    Sample(
        "mysql: calendar versions that grew out of semantic ones",
        {"variants": ["default", "oraclelinux9", "oracle"]},
        [
            "26.7.0 26.7.0-oraclelinux9 26.7.0-oracle | 26.7 26 latest"
            " 26.7-oraclelinux9 26-oraclelinux9 oraclelinux9 26.7-oracle 26-oracle oracle",
            "9.7.2 9.7.2-oracle | 9.7 9 9.7-oracle 9-oracle",
            "8.4.11 | 8.4 8",
        ],
        other="innovation lts lts-oracle",
    ),
    Sample(
        "ubuntu: the default is the newest with long-term support",
        {"scheme": ["calver"], "tags": ["{{version}}", "latest"], "latest": ["26.04"]},
        ["26.10 |", "26.04 | latest", "24.04 |", "22.04 |"],
        other="jammy noble jammy-20260810 noble-20260810 rolling devel",
    ),
    Sample(
        "friendica: candidates of a two-part version",
        {
            "scheme": ["calver"],
            "variants": ["apache", "fpm"],
            "tags": ["{{version}}", "latest", "{{channel}}"],
            "channels": ["rc", "dev"],
        },
        [
            "2026.01-apache 2026.01 |",
            "2026.05-apache 2026.05 | apache latest",
            "2026.05-fpm | fpm",
            "2026.08-rc-apache 2026.08-rc | rc-apache rc",
            "2026.08-dev 2026.08-dev-apache | dev dev-apache",
        ],
    ),
    Sample(
        "alpine: a snapshot by date outranks nothing",
        {},
        ["3.24.1 | 3.24 3 latest", "3.23.5 | 3.23", "3.22.5 | 3.22"],
        other="20260805 edge",
    ),
    Sample(
        "eclipse-temurin: builds of Java behind an underscore, variants with dots",
        {
            "build-metadata": ["underscore"],
            "tags": ["{{version}}", "{{major}}"],
            "variants": ["jdk-alpine-3.24", "jdk-alpine-3.23", "jdk-alpine", "jdk", "jre-ubi9-minimal"],
        },
        [
            "11.0.32_9-jdk-alpine-3.24 11.0.32_9-jdk-alpine | 11-jdk-alpine-3.24 11-jdk-alpine",
            "11.0.32_9-jdk-alpine-3.23 | 11-jdk-alpine-3.23",
            "11.0.32_10-jdk | 11-jdk",
            "11.0.32_9-jdk |",
            "21.0.8_9-jdk | 21-jdk",
            "21.0.8_9-jre-ubi9-minimal | 21-jre-ubi9-minimal",
        ],
        other="8u502-b07-jdk 8-jdk 11-alpine-3.24 25_36-jdk",
    ),
    Sample(
        "perl: development versions have an odd minor, and no mark",
        {"stable": [r"/^5\.\d*[02468]\./"], "variants": ["slim", "slim-bookworm"]},
        [
            "5.45.2 5.45.2-slim |",
            "5.44.0 | 5.44 5 latest",
            "5.44.0-slim | 5.44-slim 5-slim slim",
            "5.44.0-slim-bookworm | 5.44-slim-bookworm 5-slim-bookworm slim-bookworm",
            "5.42.3 | 5.42",
        ],
        other="stable devel",
    ),
    Sample(
        "python: a release candidate beside the releases, spelled as Python does",
        {
            "scheme": ["pep440"],
            "variants": ["slim", "slim-trixie", "alpine3.24"],
            "channels": ["rc"],
            "tags": [*USUAL, f"{X_Y}-{{{{channel}}}}"],
        },
        [
            "3.15.0rc1 | 3.15-rc",
            "3.15.0rc1-slim 3.15.0rc1-slim-trixie | 3.15-rc-slim 3.15-rc-slim-trixie",
            "3.14.7 | 3.14 3 latest",
            "3.14.7-slim | 3.14-slim 3-slim slim",
            "3.14.7-alpine3.24 | 3.14-alpine3.24 3-alpine3.24 alpine3.24",
            "3.13.15 | 3.13",
        ],
    ),
    Sample(
        "haproxy: development versions of two parts, releases of three",
        {
            "scheme": ["numeric"],
            "mixed-parts": ["true"],
            "variants": ["alpine3.24"],
            "channels": ["dev"],
            "tags": ["{{version}}", X_Y, "latest", f"{X_Y}-{{{{channel}}}}"],
        },
        [
            "3.5-dev5 | 3.5-dev",
            "3.5-dev5-alpine3.24 | 3.5-dev-alpine3.24",
            "3.5-dev4 |",
            "3.4.3 | 3.4 latest",
            "3.4.3-alpine3.24 | 3.4-alpine3.24 alpine3.24",
            "3.3.13 | 3.3",
        ],
        other="lts",
    ),
    Sample(
        "redis: an older line keeps a variant that newer ones dropped",
        {"variants": ["alpine3.22"]},
        ["8.4.6 8.4.6-alpine3.22 | 8.4 8.4-alpine3.22 8-alpine3.22 alpine3.22", "8.10.1 | 8.10 8 latest"],
    ),
    Sample(
        "keycloak: rebuilds are numbered behind the version",
        {"revisions": ["-N"], "tags": ["{{version}}", X_Y_Z, X_Y, "latest"]},
        ["26.0.7-0 | 26.0.7 26.0 latest", "26.0.6-1 | 26.0.6", "26.0.6-0 |", "25.0.6-0 | 25.0.6 25.0"],
        other="nightly",
    ),
    Sample(
        "k3s: the build of a distribution, written -k3s2 for +k3s2",
        {"revisions": ["-k3sN"], "tags": ["v{{version}}", "latest"]},
        ["v1.28.4-k3s2 | latest", "v1.28.4-k3s1 |", "v1.27.8-k3s2 |"],
    ),
    Sample(
        "openresty: four numbers, a revision, and the system that it is built on",
        {
            "scheme": ["numeric"],
            "revisions": ["-N"],
            "tags": ["{{version}}", f"{X_Y_Z}.{{{{revision}}}}", "latest"],
            "variants": ["alpine", "bookworm"],
        },
        [
            "1.27.1.2-3-bookworm | 1.27.1.2-bookworm bookworm",
            "1.27.1.2-2-bookworm |",
            "1.27.1.2-3-alpine | 1.27.1.2-alpine alpine",
            "1.25.3.2-5-bookworm | 1.25.3.2-bookworm",
        ],
    ),
    Sample(
        "bitnami: a revision behind the system, and bare tags at the newest of any",
        {
            "revisions": ["{{variant}}-rN"],
            "tags": ["{{version}}", X_Y_Z, X_Y, "latest"],
            "variants": ["default=debian-*"],
        },
        [
            "7.0.5-debian-12-r0 | 7.0.5 7.0 latest 7.0.5-debian-12 7.0-debian-12 debian-12",
            "7.0.4-debian-11-r17 | 7.0.4 7.0.4-debian-11 7.0-debian-11 debian-11",
            "7.0.4-debian-11-r9 |",
            "6.2.7-debian-11-r3 | 6.2.7 6.2 6.2.7-debian-11 6.2-debian-11",
        ],
    ),
    Sample(
        "wildfly: a qualifier behind a dot, and latest for each Java",
        {
            "scheme": ["numeric"],
            "tags": ["{{version}}", "latest", "latest-{{variant}}"],
            "variants": ["default=jdk21", "jdk17"],
        },
        [
            "34.0.1.Final-jdk21 | latest-jdk21 latest",
            "34.0.1.Final-jdk17 | latest-jdk17",
            "34.0.0.Final-jdk21 |",
            "35.0.0.Beta1-jdk17 |",
        ],
    ),
    Sample(
        "gitea: latest-rootless beside latest",
        {"tags": [*USUAL, "latest-{{variant}}"], "variants": ["rootless"]},
        [
            "1.22.1 | 1.22 1 latest",
            "1.22.1-rootless | 1.22-rootless 1-rootless latest-rootless",
            "1.21.11 | 1.21",
            "1.21.11-rootless | 1.21-rootless",
            "1.23.0-rc0 |",
        ],
        other="nightly nightly-rootless",
    ),
    Sample(
        "php: an alias of the newest Alpine, where only its versions have exact tags",
        {"variants": ["alpine=alpine3.*"], "tags": [*USUAL]},
        [
            "8.4.12-alpine3.22 | 8.4-alpine3.22 8-alpine3.22 alpine3.22 8.4-alpine 8-alpine alpine",
            "8.4.12-alpine3.21 | 8.4-alpine3.21 8-alpine3.21 alpine3.21",
            "8.3.25-alpine3.22 | 8.3-alpine3.22 8.3-alpine",
            "8.4.12 | 8.4 8 latest",
            "8.3.25 | 8.3",
        ],
    ),
    Sample(
        "ruby: a channel over another word",
        {
            "channels": ["rc=preview,rc"],
            "variants": ["slim"],
            "tags": [*USUAL, f"{X_Y}-{{{{channel}}}}", "{{channel}}"],
        },
        [
            "3.4.5 | 3.4 3 latest",
            "3.4.5-slim | 3.4-slim 3-slim slim",
            "3.5.0-preview1 | 3.5-rc rc",
            "3.5.0-preview1-slim | 3.5-rc-slim rc-slim",
            "3.3.9 | 3.3",
        ],
    ),
    Sample(
        "golang: candidates of two numbers beside releases of three",
        {
            "scheme": ["numeric"],
            "mixed-parts": ["true"],
            "channels": ["rc"],
            "variants": ["alpine"],
            "tags": [*USUAL, f"{X_Y}-{{{{channel}}}}", "{{channel}}"],
        },
        [
            "1.23.1 | 1.23 1 latest",
            "1.24rc1 | 1.24-rc rc",
            "1.22.7 | 1.22",
            "1.23.1-alpine | 1.23-alpine 1-alpine alpine",
            "1.24rc1-alpine | 1.24-rc-alpine rc-alpine",
        ],
    ),
]


def reconcile(folder: Path, settings: dict[str, list[str]]) -> dict[str, Any]:
    """Run the command as a workflow does, with the settings as inputs."""
    environ = {f"INPUT_{name.upper()}": "\n".join(values) for name, values in settings.items()}
    out, err = io.StringIO(), io.StringIO()
    code = run(["reconcile", "--json", "--image", f"oci:{folder}"], environ, out, err, io.StringIO())
    # Without a setting of the rules the defaults decide, which is said.
    assert code == 0
    assert [line for line in err.getvalue().splitlines() if "the default rules decide" not in line] == []
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_floating_tags_stand_where_their_maintainers_have_them(sample: Sample, tmp_path: Path) -> None:
    store, expected = Layout(tmp_path), dict[str, str]()
    for image in sample.images:
        exact, floating = (tags.split() for tags in image.split("|"))
        manifest = make_image(store, image, *exact)
        expected |= dict.fromkeys((*exact, *floating), manifest.digest)
    if sample.other:
        expected |= dict.fromkeys(sample.other.split(), make_image(store, "other", *sample.other.split()).digest)

    assert reconcile(tmp_path, sample.settings)["changed"]
    assert standing(store) == expected

    before = (tmp_path / "index.json").read_bytes()
    again = reconcile(tmp_path, sample.settings)
    assert not again["changed"]
    assert {change["action"] for repository in again["repositories"] for change in repository["changes"]} == {"keep"}
    assert (tmp_path / "index.json").read_bytes() == before
