"""Inputs that are refused, by what is wrong in them: each is followed to where it is well, or a person must decide."""
# ruff: noqa: E501 -- a table is read by its rows

from collections.abc import Iterator

from tests.hints.following import Input

IMAGE = {"images": ("oci:r",)}
BUILD = {**IMAGE, "source": ("oci:s:build",)}
OFFLINE = {"images": ("ghcr.io/acme/app",), "published-from": ("none",), "version": ("2.1.4",)}
FILE = ".tagger.yml"
ATTRIBUTE = "[metadata]\nversion = attr: app.__version__\n"
DIGEST = "sha256:" + "0" * 64


def _versions() -> Iterator[Input]:
    for text in (
        *("2.1", "26.04", "2026.07.1", "02.1.4", "2.1.4.5", "2.1.4rc1", "2.0.post1", "2.0.dev3", "2.1.4a1"),
        *(
            "release-2.1.4",
            "app/v2.1.4",
            "app-2.1.4",
            "@acme/app@2.1.4",
            "Version 2.1.4",
            "release/2026.07.1",
            "vv2.1.4",
        ),
        *("2.1.4+5", "21.0.8+9", "2.1.4_5", "2.1.4-alpine", "2.1.4-alpine3.22", "26.1.2.Final", "2.1.4-fpm.1"),
        *("0.0.11.dev4+ge10ec06", "1.28.4+k3s2", "2.0.0-hotfix", "refs/tags/app-2.1", "v26.04", "2.1.4-"),
        *(
            "2",
            "20261124",
            "1a2b3c4",
            "2.1.x",
            "latest",
            "nightly",
            "1!2.0",
            "2,1,4",
            "refs/heads/main",
            "1." * 65 + "1",
        ),
    ):
        yield Input("release", {**BUILD, "version": (text,)}, "version")
    for scheme, text in (
        ("numeric", "22.0.1-1"), ("numeric", "2.1.4.post1"), ("numeric", "2.1.4+5"), ("calver", "2026.07.1-1"),
        ("numeric", "2.1.4-alpine"), ("pep440", "2.1.4+local"), ("pep440", "2026.07.1-alpine"), ("pep440", "2.1.4.5.6"),
        ("calver", "release-26.04"),
    ):  # fmt: skip
        yield Input("release", {**BUILD, "version": (text,), "scheme": (scheme,)}, "version")
    yield Input("release", {**BUILD, "version": ("2.1.4-alpine",), "variants": ("alpine",)}, "version")
    yield Input("release", {**BUILD, "version": ("2.1.4-slim",), "variants": ("alpine",)}, "version")
    yield Input("release", {**BUILD, "version": ("2.1.4",), "tags": ("{{major}}.{{minor}}",)}, "tags")


def _refs() -> Iterator[Input]:
    for text in ("release-2.1.4", "web/v1.0.0", "v2026.07", "v2.1.4+5", "v2.1.4-alpine", "nightly"):
        yield Input("release", BUILD, "GITHUB_REF", environ={"GITHUB_REF": f"refs/tags/{text}"})
    for text in ("web/v1.0.0", "v1.0.0"):
        settings = {**BUILD, "tag-prefix": ("api/",)}
        yield Input("release", settings, "GITHUB_REF", environ={"GITHUB_REF": f"refs/tags/{text}"})
    for ref in ("refs/heads/main", "refs/pull/7/merge"):
        yield Input("release", BUILD, "GITHUB_REF", environ={"GITHUB_REF": ref})
    yield Input("release", BUILD, "CI_COMMIT_TAG", environ={"GITLAB_CI": "true", "CI_COMMIT_TAG": "app-2.1.4"})


def _places() -> Iterator[Input]:
    for place, files in (
        ("file", {"VERSION": "VERSION=2.1.4\n"}), ("file", {"VERSION": "version: 2.1.4\n"}),
        ("file", {"VERSION": "0.0.0\n"}), ("file", {}), ("file", {"VERSION": "2026.07.1\n"}),
        ("file:version.py", {"version.py": '"""App."""\n__version__ = "2.1.4"\n'}),
        ("file:gradle.properties", {"gradle.properties": "projectVersion=2.1.4\n"}),
        ("file:gradle.properties", {"gradle.properties": "version=2026.07.1\n"}),
        ("file:setup.cfg", {"setup.cfg": ATTRIBUTE, "app/__init__.py": '__version__ = "2.1.4"'}),
        ("file:setup.cfg", {"setup.cfg": "[metadata]\nversion = file: VERSION\n", "VERSION": "2.1.4"}),
        ("file:package.json", {"package.json": '{"name": "app"}'}),
        ("file:package.json", {"package.json": '{"version": "2.1.4",}'}),
        ("file:pyproject.toml", {"pyproject.toml": '[project]\nname = "app"\ndynamic = ["version"]\n'}),
        ("file:nothing.txt", {}), ("file:../VERSION", {}), ("file:VERSION#", {"VERSION": "2.1.4"}),
        ("file:a.yaml#a..b", {"a.yaml": "a: {b: 2.1.4}"}),
        ("file:Chart.yaml#appVersion", {"Chart.yaml": "version: 2.1.4"}),
        ("VERSION", {"VERSION": "2.1.4"}), ("package.json", {"package.json": '{"version": "2.1.4"}'}),
        ("tag", {}), ("git", {}), ("files", {"VERSION": "2.1.4"}), ("labels", {}),
        ("file://VERSION", {"VERSION": "2.1.4"}),
        ("package.json#version", {"package.json": '{"version": "2.1.4"}'}), ("git_tag", {}), ("env", {}),
        ("$VERSION", {}),
        ("VERSION_NAME", {}),
    ):  # fmt: skip
        yield Input("release", {**BUILD, "version-from": (place,)}, "version-from", files=files)
    for text in ("app-2.1.4", "2026.07.1", "2.1.4+5", ""):
        yield Input("release", {**BUILD, "version-from": ("env:V",)}, "V", environ={"V": text})
    files = {"VERSION": "2.1.5"}
    yield Input("release", {**IMAGE, "source": ("oci:s:labelled",)}, "version-from", files=files)


def _options() -> Iterator[Input]:
    for name, text in (
        ("scheme", "semvr"), ("scheme", "SemVer"), ("scheme", "python"), ("on-conflict", "overwritten"), ("hold", "yess"),
        ("latest", "v2.x.y"), ("latest", "newest"), ("latest", "none"), ("latest", "no"), ("stable", "=>2"), ("stable", "2.x.y"), ("stable", "/(/"),
        ("stable", "/(a+)+$/"), ("stable", "<3.0;>2"), ("stable", "1.x to 2.x"), ("stable", "> =2"), ("stable", "<= 3.0 && >1"),
        ("jobs", "0"), ("jobs", "999"), ("jobs", "many"), ("timeout", "30sec"), ("timeout", "0"), ("timeout", "2 minutes"),
        ("timeout", "1h"), ("retries", "-1"), ("retries", "3.0"), ("platforms", "Linux/AMD64"), ("platforms", "amd64"),
        ("platforms", "x86_64"), ("platforms", "linux-arm64"), ("platforms", "linux/amd64,linux/arm64"),
        ("platforms", "linux/arm/7"), ("platforms", "linux/aarch64"), ("platforms", "all"), ("platforms", "a/b/c/d"),
        ("variant", "3.22"), ("variant", "alpine,slim"), ("variant", "-alpine"), ("variant", "@alpine"), ("variants", "latest"),
        ("channels", "rc1"), ("channels", "rc,beta"), ("channels", "-rc"), ("channels", "1"), ("channels", "pre-release"),
        ("build-metadata", "_"), ("endpoints", "localhost:5000"), ("endpoints", "ghcr.io=http://127.0.0.1:5000"),
        ("endpoints", "ghcr.io=127.0.0.1"), ("insecure", "http://registry:5000"), ("insecure", "registry:5000/acme"),
        ("ca-file", "missing.pem"), ("config", "missing.yml"), ("require-referrer", "sboms"), ("require-referrer", "spdx+json"),
        ("verify", "keyless repo=acme/app"), ("verify", "repo=acme/app issuer=github"), ("verify", "keyless issuer=github"),
        ("verify", "builder repo=acme/app"), ("verify", "builder docker/github-builder"), ("verify", "key"),
        ("verify", "keyless repo=acme/app issuer=github branch=main"), ("verify", "keyless identity=x"),
        ("verify", "builder acme/builder repo=acme/app"), ("verify", "keyless repo=a/b issuer=github ref={{verison}}"),
        ("only", "web"), ("withdrawn", "alpine"), ("published-from", "tags"), ("base", "debian:12"), ("base-verify", "keyless repo=acme/app issuer=github"),
    ):  # fmt: skip
        yield Input("plan", {**OFFLINE, name: (text,)}, name)
    yield Input("plan", {**OFFLINE, "mixed-parts": ("true",)})
    yield Input("plan", {**OFFLINE, "scheme": ("pep440",), "build-metadata": ("underscore",)})
    yield Input("plan", {**OFFLINE, "variants": ("alpine",), "variant": ("slim",)})
    yield Input("plan", {**OFFLINE, "variants": ("rc",), "channels": ("rc",)})
    yield Input("plan", {"published-from": ("registry",), "version": ("2.1.4",)})
    yield Input("plan", {**OFFLINE, "registry": ("ghcr.io",)})
    yield Input("plan", OFFLINE, environ={"TAGGER_DRYRUN": "true"})
    yield Input("plan", OFFLINE, environ={"INPUT_VERSION_FROM": "file"})
    yield Input("plan", OFFLINE, "TAGGER_TAG_LOCALLY", environ={"TAGGER_TAG_LOCALLY": "maybe"})
    yield Input("release", {**BUILD, "version": ("2.1.4",), "platforms": ("linux/riscv64",)})
    yield Input("config", {**IMAGE, "mixed-parts": ("true",), "scheme": ("calendar",)}, "scheme")


def _templates() -> Iterator[Input]:
    for text in (
        *("{{majr}}", "{{Version}}", "{{major}", "{version}", "{{version}}-{{sha}}", "v{{version", "${{ version }}"),
        *("type=semver,pattern={{version}}x", "-{{version}}", "latest:{{version}}", "{{version}} {{major}}", "$VERSION"),
        *("acme/app:{{version}}", "{{major}}.{{minor}}.0", "tagger-policy", "withdrawn-{{version}}"),
        *("{{version}}/{{major}}", "{{ date }}x{{version}}", "{{version}}+1", "{{semver}}"),
        *("{{raw}}.{{major}}!", "{{.Version}}", "%v", "v{{ major }}.{{ min }}"),
    ):  # fmt: skip
        yield Input("plan", {**OFFLINE, "tags": ("{{version}}", text)}, "tags")
    for text in ("{{major}}", "latest", "v{{major}}.{{minor}}"):
        yield Input("plan", {**OFFLINE, "tags": (text,)}, "tags")


def _files() -> Iterator[Input]:
    settings = {"published-from": ("none",), "version": ("2.1.4",)}
    head = "images: ghcr.io/acme/app\n"
    for line in (
        "tag-prefix: @acme/app@", "tag-prefix: %app-", "tag-prefix: !app-", "stable: >=2 <3", "withdrawn: *2.1",
        "tag-prefix: &app", "tag-prefix: #app-", "tags: {{version}}", "tags: [{{version}}, latest]", "stable: !=2.2.0",
        "tag-prefix: `app`", "tag-prefix: |app", "shceme: numeric", "Scheme: numeric", "tag_prefix: app-", "image: acme/app",
        "latest: true", "jobs: many", "retries: [1]", "mixed-parts: maybe", "variant: [[alpine]]", "scheme:\tnumeric",
        "\tscheme: numeric", "scheme: numeric: calver", "password: hunter2", "insecure: registry:5000", "yes: true",
        "on-conflict: overwrite", "scheme: semver\nscheme: numeric", "components: web", "stable: [<3]", "scheme: semvr",
        "tags:\n  {{version}}\n  {{major}}", "channels: rc1", "latest: newest", "just text", "stable: null\nstabel: <3",
        "force: true", "github-token: abc", "withdrawn: [2.1.4, *x]", "tag-prefix: api:",
    ):  # fmt: skip
        yield Input("plan", settings, FILE, files={FILE: f"{head}{line}\n"})
    yield Input("plan", settings, FILE, files={FILE: "- images\n"})
    yield Input("plan", settings, FILE, files={FILE: b"images: caf\xe9\n"})
    yield Input("plan", {**OFFLINE, "only": ("wbe",)}, "only", files={FILE: "components: {web: {}, api: {}}\n"})
    yield Input("plan", OFFLINE, "", files={FILE: "scheme: semver\n", ".tagger.yaml": "scheme: semver\n"})


def _images() -> Iterator[Input]:
    for text in (
        *("https://ghcr.io/acme/app", "docker://ghcr.io/acme/app", "ghcr.io/acme/app:latest"),
        *(f"ghcr.io/acme/app@{DIGEST}", "oci:", "ghcr.io/acme/app/"),
        *("ghcr.io//acme/app", "octocat:hunter2@ghcr.io/acme/app", "https://ghcr.io/Acme/App:1", "ghcr.io/acme/app_"),
        *("oci:a,oci:b", "ghcr.io acme/app", "GHCR.io/acme/My App", "ghcr.io/acme/app:2.1.4@" + DIGEST, "app:2.1.4"),
        *("ghcr.io/", "./build", "localhost:port/app", "https://hub.docker.com/r/acme/app"),
    ):  # fmt: skip
        yield Input("plan", {**OFFLINE, "images": (text,)}, "images")


def _sources() -> Iterator[Input]:
    for text in (
        *("oci:missing", "oci:s", "oci:s:nothing", "docker-daemon:", "docker-archive:missing.tar", "registry://acme/app"),
        *("s", "./s", "s:build", "oci:", "oci:/", "ghcr.io/Acme/App:1", "https://ghcr.io/acme/app:1", "image.tar", "oci://s:build"),
        *("docker:acme/app", "OCI:s:build", "dir:s", "oci-archive:s", "acme app"),
    ):  # fmt: skip
        yield Input("release", {**IMAGE, "source": (text,), "version": ("2.1.4",)}, "source")
    yield Input("release", {**IMAGE, "version": ("9.9.9",)}, "version")


def _logins() -> Iterator[Input]:
    for line in ("ghcr.io octocat", "octocat hunter2", "ghcr.io:octocat:hunter2", "https:// a b", "hunter2"):
        yield Input("plan", {**OFFLINE, "logins": (line,)}, "logins")
    yield Input("plan", {**OFFLINE, "username": ("octocat",)})
    yield Input("plan", {**OFFLINE, "password": ("hunter2",)})
    several = {**OFFLINE, "images": ("ghcr.io/acme/app", "quay.io/acme/app")}
    yield Input("plan", {**several, "username": ("octocat",), "password": ("hunter2",)})
    named = {"published-from": ("none",), "version": ("2.1.4",), "username": ("octocat",), "password": ("hunter2",)}
    yield Input("plan", named, FILE, files={FILE: "images: ghcr.io/acme/app\n"})
    yield Input("plan", {**OFFLINE, "registry": ("ghcr io",)}, "registry")


def _commands() -> Iterator[Input]:
    for name in ("relase", "Plan", "rollback", "tag", "withdrawl", "list"):
        yield Input(name, {**OFFLINE}, "command")
    for command, *arguments in (
        ("withdraw",), ("withdraw", "2.1.3", "2.1.2"), ("withdraw", "9.9.9"), ("withdraw", "v2.1"), ("approve",),
        ("approve", "9.9.9"), ("delete",), ("delete", "sha256:abc"), ("delete", "nothing"), ("delete", "2.1.3"),
        ("delete", "latest"), ("policy", "sett"), ("policy", "delete"), ("reconcile", "a", "b", "c"),
    ):  # fmt: skip
        yield Input(command, IMAGE, "arguments", arguments=tuple(arguments))
    yield Input("delete", {**IMAGE, "all": ("true",)})
    yield Input("delete", {**IMAGE, "all": ("true",)}, "arguments", arguments=("latest",))
    yield Input("withdraw", {**IMAGE, "purge": ("true",), "undo": ("true",)}, arguments=("2.1.3",))
    yield Input("withdraw", {**IMAGE, "purge": ("true",)}, arguments=("2.1.3",))
    yield Input("release", {**BUILD, "version": ("2.1.4",), "published-from": ("git",)})
    yield Input("release", {**BUILD, "version": ("2.1.4",), "require-policy": ("true",)})
    yield Input("release", {**BUILD, "version": ("2.1.3",)}, "version")
    yield Input("plan", {**OFFLINE, "imgae": ("acme/app",)}, "imgae")
    yield Input("plan", {**OFFLINE, "dryrun": ()}, "dryrun")


TABLE = {
    f"{family.__name__[1:]}-{number:02}": given
    for family in (_versions, _refs, _places, _options, _templates, _files, _images, _sources, _logins, _commands)
    for number, given in enumerate(family(), 1)
}
