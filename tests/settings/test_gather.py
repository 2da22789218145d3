"""Settings from the command line, the environment, the file and the defaults: what wins, and what is refused."""

import re
from pathlib import Path

import pytest

from tagger.commands import NAMES
from tagger.errors import InputError
from tagger.names import Repository
from tagger.settings.gather import Login, Settings
from tagger.settings.option import Option
from tagger.settings.options import DEFAULT_TEMPLATES, OPTIONS
from tests.settings.gathering import gather

IMAGE = {"TAGGER_IMAGES": "ghcr.io/acme/app"}


def given(environ: dict[str, str], command: str = "release", **line: str | list[str]) -> Settings:
    """Gather settings, with an image, from the environment and a command line."""
    texts = {name.replace("_", "-"): [text] if isinstance(text, str) else text for name, text in line.items()}
    return gather(command, texts, IMAGE | environ, Path("/nonexistent"))


def refused(environ: dict[str, str], command: str = "release", **line: str | list[str]) -> InputError:
    with pytest.raises(InputError) as caught:
        given(environ, command, **line)
    return caught.value


class TestPrecedence:
    """Command line, INPUT_, TAGGER_, `.tagger.yml`, default; an empty value counts as unset."""

    @pytest.mark.parametrize(
        ("line", "runner", "person", "file", "base", "origin"),
        [
            ("a", "b", "c", "d", "a", "--base"),
            ("", "b", "c", "d", "b", "INPUT_BASE"),
            ("", " \n", "c", "d", "c", "TAGGER_BASE"),
            ("", "", "", "d", "d", ".tagger.yml:1:7"),
            ("", "", "", "", "", "default"),
        ],
    )
    def test_what_wins(
        self, tmp_path: Path, line: str, runner: str, person: str, file: str, base: str, origin: str
    ) -> None:
        (tmp_path / ".tagger.yml").write_text(f"base: {file}\ngolden: debian\n")
        environ = IMAGE | {"INPUT_BASE": runner, "TAGGER_BASE": person}
        settings = gather("release", {"base": [line]}, environ, tmp_path)
        assert settings.base == base
        assert settings.origin("base") == (origin.replace(".tagger.yml", f"{tmp_path}/.tagger.yml"))

    @pytest.mark.parametrize("text", ["", " ", "\n"])
    def test_an_empty_version_on_the_command_line_is_a_mistake(self, text: str) -> None:
        assert refused({"INPUT_VERSION": "2.1.4"}, version=text).message == "--version: it is empty"
        assert given({"INPUT_VERSION": text}).version == ""

    def test_lists_are_replaced_and_never_joined(self, tmp_path: Path) -> None:
        (tmp_path / ".tagger.yml").write_text("images: [acme/one, acme/two]\n")
        assert gather("release", {"images": ["acme/three"]}, {}, tmp_path).images == (
            Repository("docker.io", "acme/three"),
        )

    def test_names_with_hyphens(self) -> None:
        assert given({"INPUT_TAG-PREFIX": "app/", "TAGGER_TAG_PREFIX": "x"}).tag_prefix == "app/"

    def test_another_file(self, tmp_path: Path) -> None:
        (tmp_path / "mine.yml").write_text("scheme: calver")
        settings = gather("release", {"config": ["mine.yml"]}, IMAGE, tmp_path)
        assert (settings.rules.scheme.name, settings.origin("scheme")) == ("calver", f"{tmp_path}/mine.yml:1:9")
        assert gather("release", {}, IMAGE | {"INPUT_CONFIG": "mine.yml"}, tmp_path).rules.scheme.name == "calver"
        with pytest.raises(InputError, match=r"there is no file other\.yml"):
            gather("release", {"config": ["other.yml"]}, IMAGE, tmp_path)

    def test_defaults(self) -> None:
        settings = given({})
        assert [template.text for template in settings.rules.templates] == list(DEFAULT_TEMPLATES)
        assert settings.version_from == ("git-tag", "label", "file")
        assert (settings.jobs, settings.timeout, settings.retries) == (8, 30.0, 4)
        assert (settings.on_conflict, settings.published_from, settings.rules.latest) == (
            "revision",
            "registry",
            "auto",
        )
        assert settings.build_variants == settings.rules.variants == ("",)
        assert [settings.dry_run, settings.yes, settings.force, settings.purge, settings.undo, settings.all] == [
            False
        ] * 6


class TestLists:
    """Some lists hold one entry a line, others are split on white space; options are repeated, or hold several."""

    def test_how_each_is_split(self) -> None:
        assert {option.name for option in OPTIONS if option.kind == "lines"} == {
            "images", "source", "tags", "logins", "golden", "endpoints", "verify", "base-verify",
            "keep-tags", "flavor", "labels", "annotations",
        }  # fmt: skip

    @pytest.mark.parametrize("line", [["acme/a\nacme/b"], ["acme/a", "acme/b"], [" acme/a \n\n", "acme/b", "acme/a"]])
    def test_lines(self, line: list[str]) -> None:
        expected = (Repository("docker.io", "acme/a"), Repository("docker.io", "acme/b"))
        assert given({}, images=line).images == expected
        assert gather("release", {}, {"INPUT_IMAGES": "\n".join(line)}, Path("/nonexistent")).images == expected

    def test_images_as_metadata_action_has_them(self) -> None:
        texts = ["name=ghcr.io/Acme/App", "# a comment", "name=acme/b,enable=false", "acme/C,acme/d"]
        assert list(map(str, given({}, images=texts).images)) == [
            "ghcr.io/acme/app", "docker.io/acme/c", "docker.io/acme/d",
        ]  # fmt: skip

    def test_a_template_may_contain_blanks(self) -> None:
        settings = given({"INPUT_TAGS": "{{version}}\n{{date 'YYYYMMDD' tz='UTC'}}\n"})
        assert [template.text for template in settings.rules.templates] == [
            "{{version}}", "{{date 'YYYYMMDD' tz='UTC'}}",
        ]  # fmt: skip

    @pytest.mark.parametrize("text", ["bookworm default", "bookworm\ndefault", " bookworm\t default "])
    def test_words(self, text: str) -> None:
        settings = given({"INPUT_VARIANT": text, "TAGGER_VARIANTS": "alpine bookworm"})
        assert settings.variant == ("bookworm", "")
        assert set(settings.rules.variants) == {"", "alpine", "bookworm"}

    def test_the_last_of_a_repeated_one_wins(self) -> None:
        assert given({}, version=["2.1.3", "2.1.4"]).version == "2.1.4"

    def test_layouts_and_repositories(self) -> None:
        assert given({}, images=["oci:build/demo", "oci:./build/demo", "ghcr.io/acme/app"]).images == (
            Path("build/demo"), Repository("ghcr.io", "acme/app"),
        )  # fmt: skip


class TestBadInput:
    """Every option's bad value is named with the place where it was given, and with what to write instead."""

    @pytest.mark.parametrize(
        ("name", "value", "message", "hint"),
        [
            ("images", "ghcr.io/acme/app:2", "names one image of a repository", "Write `ghcr.io/acme/app`."),
            ("images", "acme/app@sha256:0", "names one image of a repository", "Write `acme/app`."),
            (
                "images",
                "https://ghcr.io/acme/app",
                "'https://ghcr.io/acme/app' is not a repository",
                "Write `ghcr.io/acme/app`.",
            ),
            ("images", "docker://acme/app", "is not a repository", "Write `acme/app`."),
            ("images", "ghcr.io/acme/app!", "is not a repository", "HOST/ACCOUNT/NAME"),
            ("images", "acme/a acme/b", "is not a repository", "Write `acme/a` and `acme/b`"),
            ("images", "oci:", "names no directory", "Write oci:DIR,"),
            ("images", "oci:a, oci:b", "names several directories", "Write `oci:a` and `oci:b`"),
            (
                "images",
                "u:hunter2@ghcr.io/a/b",
                "***@ghcr.io/a/b holds a login",
                "Write `ghcr.io/a/b`; the login",
            ),
            ("images", f"acme/{'a' * 260}", "longer than 255", "shorter"),
            ("images", "https://u:hunter2@ghcr.io/a/b", "https://***@ghcr.io/a/b holds a login", "Write `ghcr.io/a/b`"),
            ("source", "docker://ghcr.io/a/b@", "docker://***@ names no digest", "does a step have that `id`"),
            ("source", "u:hunter2@ghcr.io/a/b:1", "***@ghcr.io/a/b:1 holds a login", "`logins`"),
            ("source", "docker://u:hunter2@ghcr.io/a/b:1", "docker://***@ghcr.io/a/b:1 holds a login", "`logins`"),
            ("golden", "u:hunter2@ghcr.io/a/b", "holds a login", "`logins`"),
            ("base", "https://u:hunter2@ghcr.io/a/b", "holds a login", "`logins`"),
            ("insecure", "http://u:hunter2@ghcr.io", "holds a login", "`logins`"),
            ("endpoints", "ghcr.io=u:hunter2@x:1", "ghcr.io=***@x:1 holds a login", "`logins`"),
            ("version", "me:hunter2@ghcr.io", "***@ghcr.io", ""),
            ("source", "docker-archive:", "names no image", "docker-daemon"),
            ("source", "https://x/y", "is not a source", "Write `docker://x/y`."),
            ("version", "2.1", "'2.1' is not a version in the scheme semver", "as 2.1.0. Or set `scheme: numeric`."),
            ("version", "2.1.4+5", "has build metadata", "build-metadata: underscore"),
            (
                "version",
                "2.1.4-alpine",
                "'alpine' is not a known prerelease",
                "set `variant: alpine`. If it is a prerelease, add `channels: alpine`.",
            ),
            ("version", "9" * 5000, "longer than the 128 characters", "Shorten it"),
            ("version-from", "somewhere", "no place to read a version from", "git-tag, label"),
            ("version-from", "env:", "no place to read a version from", "env:NAME"),
            ("scheme", "semvr", "`scheme` is 'semvr'", "Write `semver`."),
            ("build-metadata", "drop", "`build-metadata` is 'drop'", "refuse, underscore"),
            ("mixed-parts", "perhaps", "`mixed-parts` is 'perhaps'", "`true` or `false`"),
            ("mixed-parts", "true", "always have three parts", "scheme: numeric"),
            ("tags", "{{majr}}", "unknown field {{majr}}", "Write `{{major}}`."),
            ("tags", "{{major}}", "no template gives every version a tag of its own", "Add `tags: {{version}}`"),
            ("tags", "type=semver", "the row `type=semver`: `pattern` is missing", "type=semver,pattern="),
            ("flavor", "latest=maybe", "the flavor `latest=maybe`", "auto, true, false"),
            ("flavor", "latest=false", "goes with rows", "type=semver,pattern={{version}}"),
            ("labels", "my title=x", "is no key=value", "org.opencontainers"),
            ("annotations", "title", "is no key=value", "org.opencontainers"),
            ("variant", "al pine!", "'pine!' is not a variant", "Write `pine`."),
            ("variant", "3.10", "'3.10' is not a variant", "not a number alone"),
            ("variants", "latest", "'latest' is not a variant", "alpine"),
            ("channels", "rc.1", "'rc.1' is not a channel", "Write `rc`."),
            ("stable", "<<3", "is not a range of versions", "<3.0"),
            ("stable", "/[/", "is not a regular expression", "`re`"),
            ("latest", "newest", "is not a range", "Write `auto`."),
            ("images", "name=acme/a,name=acme/b", "names no image, or several", "one image a line"),
            ("images", "name=acme/a,enable=false", "every image is disabled", "Enable one"),
            ("images", "name=acme/a,enable=yes", "`enable` is 'yes'", "true or false"),
            ("images", "name=acme/a,tag=x", "`tag` is no attribute", "name=…"),
            ("withdrawn", "2.1", "'2.1' is not a version", "Write 2.1.4"),
            ("on-conflict", "force", "`on-conflict` is 'force'", "fail, keep, overwrite"),
            ("base", "debian", "without `golden` the claimed base is not used", "Drop `base`"),
            ("verify", "keyless repo=acme/app", "names no issuer", "issuer=github"),
            ("base-verify", "keyless repo=acme/app issuer=github", "without `golden`", "Drop `base-verify`"),
            ("require-referrer", "sboms", "'sboms' is not a media type", "Write `sbom`."),
            ("dry-run", "2", "`dry-run` is '2'", "`true` or `false`"),
            ("insecure", "http://x", "is not a host", "Write `x`."),
            ("endpoints", "localhost:5000", "is not an endpoint", "NAME=HOST:PORT"),
            ("endpoints", "a=b=c", "is not an endpoint", "HOST:PORT"),
            ("endpoints", "a=b", "is not an endpoint", "Write `a=b:443`."),
            ("endpoints", "a=b:0", "is not an endpoint", "HOST:PORT"),
            ("endpoints", "a=b:99999", "is not an endpoint", "HOST:PORT"),
            ("ca-file", "/nowhere.pem", "there is no file /nowhere.pem", "PEM"),
            ("published-from", "git", "`git` is for `plan` alone", "from the repository itself"),
            ("published-from", "docker", "`published-from` is 'docker'", "registry, git, none"),
            ("annotations", "vendor", "'vendor' is no key=value", "org.opencontainers.image.title=My app"),
            ("digests", "alpine=x\ny", "names the variants of some of its 2 lines", "VARIANT=FOLDER"),
            ("platforms", "amd64", "'amd64' is not a platform", "Write `linux/amd64`."),
            ("keep", "major", "`keep` has 'major'", "major=3 minor=2"),
            ("keep-tags", "pr-* old", "`keep-tags` has 'pr-* old'", "pr-* age=14d"),
            ("grace", "7", "'7' is not a time", "7d is seven days"),
            ("limit", "20", "'20' is no share", "0% to 100%"),
            ("hold", "perhaps", "`hold` is 'perhaps'", "auto, true, false"),
            ("revisions", "N", "'N' is not the form of a revision", "-N, -rN, _N, -N.N, -k3sN"),
            ("variants", "alpine=alpine3 3.*", "'3.*' is not a variant", "alpine3.22"),
            ("channels", "edge=alpha,", "is not a channel", "Write `edge=alpha`"),
            ("latest", "variant=slim", "INPUT_LATEST: `latest` names the variant slim", "variants: slim"),
            ("stable", "variant=slim", "INPUT_STABLE: `stable` names the variant slim", "variants: slim"),
            ("jobs", "0", "'0' is not from 1 to 256", "Write `1`."),
            ("jobs", "²", "'²' is not from 1 to 256", "whole number"),
            ("retries", "9" * 5000, "is not from 0 to 100", "whole number"),
            ("timeout", "soon", "'soon' is not a time", "Write seconds"),
            ("timeout", "0", "'0' is not a time", "Write seconds"),
            ("only", "web", "there is no component web", "Drop `only`"),
            ("registry", "ghcr.io", "there is a registry and no login", "or drop `registry`"),
            ("username", "octocat", "there is a username and no password", "--password-stdin"),
        ],
    )
    def test_table(self, name: str, value: str, message: str, hint: str) -> None:
        variable = f"INPUT_{name.upper()}"
        # A release may find in the repository by which rules its version is read.
        command = "config" if name == "version" else "release"
        error = refused({variable: value}, command)
        assert (error.exit_code, "\n" in error.message) == (2, False)
        assert error.message.startswith(f"{variable}: ")
        assert message in error.message
        assert hint in error.hint
        assert "hunter2" not in f"{error.message} {error.hint}"
        flag = next(option.flag or option.name for option in OPTIONS if option.name == name)
        assert refused({}, command, **{name: value}).message == error.message.replace(variable, f"--{flag}", 1)

    @pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
    def test_every_option_that_can_be_wrong_is_there(self, option: Option[object]) -> None:
        marks = next(mark for mark in self.test_table.pytestmark if mark.name == "parametrize")  # type: ignore[attr-defined]
        free = option.parse is str or option.kind == "flag" or option.secret
        assert free or option.name in {case[0] for case in marks.args[1]}

    def test_all_at_once(self) -> None:
        error = refused({"INPUT_SCHEME": "x", "TAGGER_JOBS": "y"}, stable="<<3", images="a b")
        assert error.message.splitlines()[0] == "4 problems in the settings:"
        assert {line.partition(":")[0] for line in error.message.splitlines()[1:]} == {
            "INPUT_SCHEME", "TAGGER_JOBS", "--stable", "--image",
        }  # fmt: skip
        assert error.hint == ""

    def test_purge_and_undo_contradict_each_other(self) -> None:
        assert "contradict" in refused({"INPUT_PURGE": "true", "INPUT_UNDO": "true"}, "withdraw").message

    def test_a_local_version_of_python(self) -> None:
        error = refused({"INPUT_SCHEME": "pep440", "INPUT_BUILD-METADATA": "underscore"})
        assert error.message.startswith("INPUT_BUILD-METADATA: ")

    @pytest.mark.parametrize("command", NAMES)
    def test_no_image(self, command: str) -> None:
        if command in ("config", "components"):
            assert gather(command, {}, {}, Path("/nonexistent")).images == ()
            return
        with pytest.raises(InputError, match="no image: nothing says") as caught:
            gather(command, {}, {}, Path("/nonexistent"))
        assert "with `images`" in caught.value.hint

    def test_a_plan_of_nothing_published_needs_no_image(self) -> None:
        settings = gather("plan", {"published-from": ["none"]}, {}, Path("/nonexistent"))
        assert (settings.published_from, settings.images) == ("none", ())


class TestVariants:
    """The bare tags are the variant `default`; a variant that is not declared is a mistake where others are."""

    def test_default_is_always_one(self) -> None:
        assert given({"INPUT_VARIANTS": "alpine", "INPUT_VARIANT": "default"}).variant == ("",)
        assert given({"INPUT_VARIANT": "alpine"}).variant == ("alpine",)
        assert set(given({"INPUT_VARIANT": "alpine"}).rules.variants) == {"", "alpine"}

    def test_an_undeclared_one(self) -> None:
        error = refused({"INPUT_VARIANTS": "default alpine", "INPUT_VARIANT": "slim"})
        assert error.message == "INPUT_VARIANT: 'slim' is not one of the `variants`: default alpine"

    def test_one_that_is_a_channel_too(self) -> None:
        error = refused({"INPUT_VARIANTS": "rc", "INPUT_CHANNELS": "rc"})
        assert "'rc' is a variant too" in error.message

    def test_one_that_the_version_names(self) -> None:
        error = refused({"INPUT_VARIANTS": "dev", "INPUT_VERSION": "2.1.4-dev"}, "config")
        assert "is the exact tag of 2.1.4 in the variant dev" in error.message


class TestLogins:
    """Secrets come from the environment, and show nowhere."""

    def test_one(self) -> None:
        environ = {"INPUT_REGISTRY": "ghcr.io", "INPUT_USERNAME": "octocat", "INPUT_PASSWORD": "hunter2"}
        settings = given(environ)
        assert settings.all_logins == (Login("ghcr.io", "octocat", "hunter2"),)
        assert settings.secrets == ("hunter2",)
        assert "hunter2" not in repr(settings)

    def test_its_registry_is_that_of_the_images(self) -> None:
        login = {"INPUT_USERNAME": "octocat", "INPUT_PASSWORD": "hunter2"}
        assert given(login).all_logins[0].registry == "ghcr.io"
        assert given(login, images="acme/app").all_logins[0].registry == "docker.io"
        assert given(login, images="oci:build").all_logins[0].registry == "docker.io"
        error = refused(login, images=["acme/app", "ghcr.io/acme/app"])
        assert "INPUT_USERNAME: the images are in several registries: docker.io, ghcr.io" in error.message
        assert "hunter2" not in error.message + error.hint

    def test_a_checkout_does_not_say_where_it_goes(self, tmp_path: Path) -> None:
        (tmp_path / ".tagger.yml").write_text("images: evil.test/acme/app\n")
        login = {"INPUT_USERNAME": "octocat", "INPUT_PASSWORD": "hunter2"}
        with pytest.raises(InputError, match=r"INPUT_USERNAME: the registry of this login would come from") as caught:
            gather("plan", {}, login, tmp_path)
        assert "`registry: evil.test`" in caught.value.hint
        named = gather("plan", {}, {**login, "INPUT_REGISTRY": "ghcr.io"}, tmp_path)
        assert named.all_logins == (Login("ghcr.io", "octocat", "hunter2"),)
        told = gather("plan", {}, {**login, "INPUT_IMAGES": "ghcr.io/acme/app"}, tmp_path)
        assert told.all_logins == (Login("ghcr.io", "octocat", "hunter2"),)

    @pytest.mark.parametrize("line", ["hunter2! me ghcr.io", "hunter2 me", "https://me:hunter2@ghcr.io a b"])
    def test_a_line_in_another_order_is_not_repeated(self, line: str) -> None:
        error = refused({"INPUT_LOGINS": line})
        assert error.message.startswith("INPUT_LOGINS: line 1: ")
        assert "hunter2" not in error.message + error.hint

    @pytest.mark.parametrize("name", ["docker.io", "index.docker.io", "https://index.docker.io/v1/", "hub.docker.com"])
    def test_docker_hub_has_many_names(self, name: str) -> None:
        environ = {"INPUT_LOGINS": f"{name} octocat pass word \n\nghcr.io bot t0ken\n"}
        assert given(environ).all_logins == (
            Login("docker.io", "octocat", "pass word"), Login("ghcr.io", "bot", "t0ken"),
        )  # fmt: skip

    @pytest.mark.parametrize("line", ["ghcr.io hunter2", "hunter2", "gh!cr hunter2 hunter2"])
    def test_a_wrong_line_is_not_repeated(self, line: str) -> None:
        error = refused({"INPUT_LOGINS": f"ghcr.io a b\n{line}"})
        assert error.message.startswith("INPUT_LOGINS: ")
        assert "hunter2" not in error.message + error.hint

    def test_a_password_in_an_image_is_not_repeated(self) -> None:
        error = refused({}, images="https://octocat:hunter2@ghcr.io/acme/app")
        assert "ghcr.io/acme/app" in error.message
        assert "hunter2" not in error.message + error.hint

    def test_a_password_without_a_name(self) -> None:
        error = refused({}, password="hunter2")
        assert error.message == "--password-stdin: there is a password and no username"

    def test_the_token_of_the_workflow(self) -> None:
        assert given({"INPUT_GITHUB-TOKEN": "ghs_x"}).secrets == ("ghs_x",)

    def test_every_option_that_is_a_secret(self) -> None:
        texts = {option.name: f"hunter-{option.name}" for option in OPTIONS if option.secret and not option.is_list}
        inputs = {f"INPUT_{name.upper()}": text for name, text in texts.items()}
        found = given({**inputs, "INPUT_REGISTRY": "ghcr.io", "INPUT_USERNAME": "octocat"}).secrets
        assert sorted(found) == sorted(texts.values())


class TestComponents:
    """`only` picks the component of a monorepo; what the file says for all holds for each."""

    TEXT = "scheme: calver\njobs: 2\ncomponents:\n  api: {images: acme/api, jobs: 3}\n  web: {images: acme/web}\n"

    def test_picked(self, tmp_path: Path) -> None:
        (tmp_path / ".tagger.yml").write_text(self.TEXT)
        api = gather("release", {"only": ["api"]}, {}, tmp_path)
        assert (api.component, api.images, api.jobs) == ("api", (Repository("docker.io", "acme/api"),), 3)
        web = gather("release", {}, {"INPUT_ONLY": "web"}, tmp_path)
        assert (web.component, web.jobs, web.rules.scheme.name) == ("web", 2, "calver")
        assert gather("release", {"jobs": ["5"], "only": ["api"]}, {}, tmp_path).jobs == 5

    def test_the_only_one_there_is(self, tmp_path: Path) -> None:
        (tmp_path / ".tagger.yml").write_text("components: {api: {images: acme/api}}")
        assert gather("release", {}, {}, tmp_path).component == "api"

    @pytest.mark.parametrize(
        ("only", "message", "hint"),
        [
            ([], "the file has several components", "Pick one: set `only: api` or `only: web`."),
            (["app"], "--only: there is no component app", "Write `api` or `web`: these are the components."),
            (
                ["api web"],
                "--only: `only` names several components: api web",
                "Pick one: set `only: api` or `only: web`.",
            ),
        ],
    )
    def test_refused(self, tmp_path: Path, only: list[str], message: str, hint: str) -> None:
        (tmp_path / ".tagger.yml").write_text(self.TEXT)
        with pytest.raises(InputError, match=re.escape(message)) as caught:
            gather("release", {"only": only}, {}, tmp_path)
        assert (caught.value.message, caught.value.hint) == (message, hint)

    def test_push_means_tags_by_it(self, tmp_path: Path) -> None:
        assert gather("push", {"only": ["2.1.4", "latest"]}, IMAGE, tmp_path).only == ("2.1.4", "latest")


class TestMisspelledVariables:
    """A variable that looks like an option's and is not read is an error: a dry run must not become a release."""

    @pytest.mark.parametrize(
        ("variable", "meant"),
        [
            ("INPUT_DRY_RUN", "INPUT_DRY-RUN"),
            ("TAGGER_DRY-RUN", "TAGGER_DRY_RUN"),
            ("TAGGER_DRYRUN", "TAGGER_DRY_RUN"),
            ("TAGGER_IMGAES", "TAGGER_IMAGES"),
        ],
    )
    def test_is_reported_with_what_was_meant(self, variable: str, meant: str) -> None:
        with pytest.raises(InputError, match=f"the variable {variable} is not read") as raised:
            gather("release", {"images": ["oci:x"]}, {variable: "true"})
        assert meant in raised.value.hint

    def test_others_are_somebody_elses(self) -> None:
        environ = {"TAGGER_HOME": "/opt", "INPUT_FILES": "x", "INPUT_DRY_RUN": " ", "TAGGER_COMMAND": "plan"}
        assert gather("release", {"images": ["oci:x"]}, environ).dry_run is False
