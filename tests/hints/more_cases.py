"""More inputs that are refused: words in another order, limits of `prune`, builds, rows, signs of YAML, other CIs."""
# ruff: noqa: E501 -- a table is read by its rows

from collections.abc import Iterator

from tests.hints.cases import BUILD, DIGEST, FILE, IMAGE, OFFLINE
from tests.hints.following import Input

NONE = {"published-from": ("none",)}
SET = (Input("policy", IMAGE, arguments=("set",)),)


def _words() -> Iterator[Input]:
    for command, settings, *arguments in (
        ("plan", NONE, "ghcr.io/acme/app:2.1.4"), ("plan", NONE, "ghcr.io/acme/app", "v2.1"), ("plan", NONE, "2.1.4"),
        ("plan", OFFLINE, "ghcr.io/acme/app", "2.1.4", "3.0.0"), ("release", {}, "2.1.4", "ghcr.io/Acme/App:1"),
        ("withdraw", {}, "2.1.3", "oci:missing"), ("withdraw", {}, "2.1.3"), ("withdraw", IMAGE, "2.1"),
        ("withdraw", IMAGE, "latest"), ("withdraw", IMAGE, "oci:r:2.1.3"), ("approve", {}, "2.1.3"), ("tags", {}, "2.1"), ("tags", {}),
        ("reconcile", {}, "2.1.3"), ("init", {}, "a", "b"), ("init", {"images": ("oci:r", "oci:s")}), ("init", {"images": ("oci:s",)}),
        ("delete", IMAGE, "oci:r:2.1.3"), ("delete", IMAGE, "2.1.*"), ("delete", IMAGE, "tagger-policy"), ("push", IMAGE),
        ("push", IMAGE, "app:build", "b"), ("policy", IMAGE, "show", "x"), ("policy", {}, "set"), ("components", IMAGE), ("check", {}),
    ):  # fmt: skip
        yield Input(command, settings, "arguments", arguments=tuple(arguments))
    yield Input("tags", {"images": ("ghcr.io/Acme/App:1",)}, "images")
    yield Input("init", {**IMAGE, "write": ("true",)}, "", files={FILE: "images: oci:r\n"})
    yield Input("release", {**BUILD, "version": ("2.1.4",), "scheme": ("calver",)}, "scheme", before=SET)
    yield Input("release", {**BUILD, "version": ("2.1.4",), "variant": ("alpine",)}, "variant", before=SET)


def _prune() -> Iterator[Input]:
    for name, text in (
        ("keep", "major=three"), ("keep", "majors=3"), ("keep", "3"), ("keep", "major=3,minor=2"), ("keep", "patch=0"),
        ("keep", "major:3"), ("grace", "7 days"), ("grace", "7"), ("grace", "week"), ("grace", "soon"), ("limit", "20"),
        ("limit", "0.2"), ("limit", "200%"), ("limit", "20 percent"), ("keep-tags", "pr-* age=14"), ("keep-tags", "pr-* max=20"),
        ("keep-tags", "pr-* days=14"), ("keep-tags", "pr-* count=many"), ("plan-id", "x"), ("restore", "missing.json"),
    ):  # fmt: skip
        yield Input("prune", {**IMAGE, "keep": ("major=3",), name: (text,)}, name)


def _builds() -> Iterator[Input]:
    for name, *texts in (
        ("digests", "missing"), ("digests", "[]"), ("digests", '{"digest": "abc"}'), ("digests", "sha256:abc"), ("digests", DIGEST),
        ("source", "oci:s:build", "oci:s:build2"), ("source", "alpine="), ("source", "=oci:s:build"), ("source", "oci:s:build,oci:s:labelled"),
        ("source", "oci:s:build", "alpine=oci:s:labelled"), ("source", "oci:s:build", "oci:s:labelled"), ("source", "oci:s@sha256:abc"),
        ("source", "ghcr.io/acme/app@sha256:abc"), ("source", "docker-archive:s"), ("source", "oci-archive:.tagger"),
    ):  # fmt: skip
        yield Input("release", {**IMAGE, "version": ("2.1.4",), name: tuple(texts)}, name)
    for name, text in (
        ("platforms", "linux/arm64"), ("annotations", "x"), ("labels", "=x"), ("golden", "oci:s:labelled"), ("verify", "key missing.pub"),
        ("require-referrer", "signature"), ("verify", "key env:NOPE"),
    ):  # fmt: skip
        yield Input("release", {**BUILD, "version": ("2.1.4",), name: (text,)}, name)


def _entries() -> Iterator[Input]:
    for name, text in (
        ("flavor", "latest=maybe"), ("flavor", "prefix"), ("flavor", "suffix=-alpine"), ("flavor", "sufix=-alpine"), ("tags", "type=semver"),
        ("tags", "type=semver,patern={{version}}"), ("tags", "type=sermver,pattern={{version}}"), ("tags", "type=raw"), ("tags", "type=match,pattern=("),
        ("tags", "type=schedule,pattern={{dat}}"), ("withdrawn", "2.1"), ("withdrawn", "2.1.x"), ("revisions", "N"), ("revisions", "-1"), ("revisions", "-rc"),
        ("revisions", "r2"), ("revisions", "-N.M"), ("revisions", "-n"), ("revisions", "k3s2"), ("variants", "alpine=3.22"), ("variants", "alpine="),
        ("variants", "alpine:alpine3.*"), ("variants", "alpine=alpine3.*=x"), ("variants", "alpine3.*"), ("variants", "default=default"),
        ("channels", "edge:alpha,beta"), ("channels", "rc=rc1"), ("latest", "/[/"), ("latest", "!2"), ("stable", "2-3"), ("retries", "many"), ("timeout", "-5"), ("published-from", "github"), ("hold", "never"), ("endpoints", "ghcr.io=localhost"), ("endpoints", "ghcr.io:localhost:5000"),
        ("endpoints", "ghcr.io=localhost:5000/v2"), ("logins", "ghcr.io oidc"), ("logins", "docker.io oidc org=acme"), ("ca-file", "-----BEGIN"),
    ):  # fmt: skip
        yield Input("plan", {**OFFLINE, name: (text,)}, name)


def _signs() -> Iterator[Input]:
    settings = {**NONE, "version": ("2.1.4",)}
    for line in (
        "stable: >=2, <3", "revisions: {{variant}}-rN", "variants: *alpine", "tags: '{{version}}', latest", "tags: - latest", "scheme: [semver, numeric]",
        "tag-prefix: 'app", "latest: 2.10: x", "components:\n  web: api", "components:\n  web:\n    imags: x", "components:\n  web:\n    components: {}",
        "images:\n  ghcr.io: acme/app", "jobs: 8 requests", "verify: keyless repo=acme/app", "?: x", "revision: -N", "unknown: 1",
    ):  # fmt: skip
        yield Input("plan", settings, FILE, files={FILE: f"images: ghcr.io/acme/app\n{line}\n"})


def _spellings() -> Iterator[Input]:
    for text in (
        "v2.1", "2.1.4\n2.1.5", f"2.1.4@{DIGEST}", "v2.1.4-", "2.1.4-rc 1", "~2.1.4", "^2.1.4", "=2.1.4", "2.1.4.x", "2.1.4/alpine", "alpine-2.1.4",
        "2.1.4_alpine", "2.1.4-ce.0", "2.1.4-r0-ls291", "RELEASE.2024-10-13T13-34-11Z", "2024-10-13", "jdk-21.0.8+9", "go1.23.2", "1.2.3.4.5",
        "release-2.1", "v2.1.4.dev0", "2.1.4-SNAPSHOT.", "２.1.4",
    ):  # fmt: skip
        yield Input("release", {**BUILD, "version": (text,)}, "version")
    for slot, environ in (
        ("GITHUB_REF", {"GITHUB_REF": "refs/tags/"}), ("GITHUB_REF", {"GITHUB_REF": "refs/tags/v2.1"}),
        ("CI_COMMIT_BRANCH", {"GITLAB_CI": "true", "CI_COMMIT_BRANCH": "main"}), ("CI_COMMIT_TAG", {"GITLAB_CI": "true", "CI_COMMIT_TAG": "nightly"}),
        ("BUILD_SOURCEBRANCH", {"TF_BUILD": "True", "BUILD_SOURCEBRANCH": "refs/heads/main"}),
        ("BUILD_SOURCEBRANCH", {"TF_BUILD": "True", "BUILD_SOURCEBRANCH": "refs/pull/7/merge"}), ("TAG_NAME", {"JENKINS_URL": "x", "TAG_NAME": "main"}),
        ("BRANCH_NAME", {"JENKINS_URL": "x", "BRANCH_NAME": "PR-7"}), ("CIRCLE_TAG", {"CIRCLECI": "true", "CIRCLE_TAG": "app-2.1.4"}),
        ("BITBUCKET_TAG", {"BITBUCKET_BUILD_NUMBER": "1", "BITBUCKET_TAG": "2.1"}), ("DRONE_TAG", {"DRONE": "true", "DRONE_TAG": "web/v2"}),
    ):  # fmt: skip
        yield Input("release", BUILD, slot, environ=environ)


TABLE = {
    f"{family.__name__[1:]}-{number:02}": given
    for family in (_words, _prune, _builds, _entries, _signs, _spellings)
    for number, given in enumerate(family(), 1)
}
