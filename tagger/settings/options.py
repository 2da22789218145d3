"""Every option: its name, its type, its default and its help, for the command line, `action.yml` and `.tagger.yml`."""

from typing import NamedTuple

from tagger.rules.templates import DEFAULT_TEMPLATES
from tagger.rules.versions import SCHEMES

__all__ = ["ARGUMENTS", "COMMANDS", "COMMAND_HELP", "DEFAULT_TEMPLATES", "EPILOG", "OPTIONS", "Given", "Option"]

COMMANDS = ("plan", "release", "reconcile", "withdraw", "tags", "push", "delete", "config")
COMMAND_HELP = {
    "plan": "Show what `release` would change; write nothing anywhere.",
    "release": "Put the image into every repository and point every tag of its version at it.",
    "reconcile": "Put every floating tag of the repository where it belongs.",
    "withdraw": "Mark VERSION as withdrawn and point its floating tags at the newest version left.",
    "tags": "Show the repository as a tree of versions and the tags at them.",
    "push": "Push every local tag of the engine image NAME into the repositories.",
    "delete": "Delete tags, or a digest with all its tags, and prove that no other tag was lost.",
    "config": "Show the settings as understood, and where each came from.",
}
ARGUMENTS = {"withdraw": "VERSION", "push": "NAME", "delete": "TAG…|DIGEST…"}
EPILOG = (
    "Every option but --password-stdin is an input of the action, and read from the environment:\n"
    "--dry-run is the input dry-run, and the variables INPUT_DRY-RUN and TAGGER_DRY_RUN."
)


class Option(NamedTuple):
    """An option `--name`, the input `name`, the key `name` of the file.

    `kind` is `text`, `flag`, `number` (whole), `seconds`, `lines` (one entry a line) or `words` (split on white
    space). `flag` is its spelling on the command line where that differs. `secret` options come from the environment
    only. `commands` are those that take it; empty means every one. `in_file` is false of what a
    file cannot say of itself.
    """

    name: str
    kind: str
    help: str
    default: str | tuple[str, ...] = ""
    choices: tuple[str, ...] = ()
    metavar: str = "TEXT"
    flag: str = ""
    secret: bool = False
    in_file: bool = True
    commands: tuple[str, ...] = ()

    @property
    def is_list(self) -> bool:
        """True when it holds several entries."""
        return self.kind in ("lines", "words")

    @property
    def description(self) -> str:
        """Its help with its choices and its default, as every list of options shows it."""
        choices = f" One of: {', '.join(self.choices)}." if self.choices else ""
        return f"{self.help}{choices}{self._said_default}"

    @property
    def usage(self) -> str:
        """Its help on the command line, where the choices stand beside its name."""
        return f"{self.help}{' May be repeated.' if self.is_list else ''}{self._said_default}"

    @property
    def _said_default(self) -> str:
        default = " ".join(self.default) if isinstance(self.default, tuple) else self.default
        return f" Default: {default}." if default and self.kind != "flag" else ""

    @property
    def variables(self) -> tuple[str, str]:
        """The environment variables that it is read from: the runner's, and a person's."""
        return f"INPUT_{self.name.upper()}", f"TAGGER_{self.name.upper().replace('-', '_')}"


class Given(NamedTuple):
    """A value as somebody gave it: its texts, and where: `--image`, `INPUT_IMAGES`, `.tagger.yml:3:9`.

    `places` says where each text stands, if not there.
    """

    texts: tuple[str, ...]
    origin: str
    places: tuple[str, ...] = ()


RELEASING = ("plan", "release", "config")
RULING = ("plan", "release", "reconcile", "withdraw", "tags", "delete", "config")

OPTIONS = (
    Option(
        "images", "lines",
        "Target repositories: ghcr.io/acme/app, acme/app (Docker Hub), localhost:5000/app, or oci:DIR.",
        flag="image", metavar="REPOSITORY",
    ),
    Option(
        "source", "text",
        "The built image: docker-daemon:app:build, docker://REFERENCE, oci:DIR[:TAG], oci-archive:FILE[:TAG], "
        "docker-archive:FILE[:TAG], or a bare name. Default: the first repository that has the exact tag.",
        metavar="SOURCE", commands=RELEASING,
    ),
    Option(
        "version", "text", "The version: 2.1.4, v2.1.4 or refs/tags/v2.1.4. Default: read from the build.",
        metavar="VERSION", commands=RELEASING,
    ),
    Option(
        "version-from", "words",
        "Where to read the version, in order: git-tag, label, file, file:PATH, file:PATH#key.path, env:NAME.",
        default=("git-tag", "label", "file"), metavar="WHERE", commands=RELEASING,
    ),
    Option("tag-prefix", "text", "What stands before the version in git tags: app/ or app-.", commands=RELEASING),
    Option("scheme", "text", "How versions are written.", default="semver", choices=SCHEMES, commands=RULING),
    Option(
        "mixed-parts", "flag", "Versions of several lengths in one repository: 1.2.3 beside 1.2.3.4.",
        default="false", commands=RULING,
    ),
    Option(
        "build-metadata", "text", "2.1.4+5: refuse it, or write it 2.1.4_5 (underscore), only ever a tie-break.",
        default="refuse", choices=("refuse", "underscore"), commands=RULING,
    ),
    Option(
        "tags", "lines", "Templates of the tags, one a line.", default=DEFAULT_TEMPLATES, flag="tag",
        metavar="TEMPLATE", commands=RULING,
    ),
    Option(
        "variant", "words", "This build's variant or variants; the bare tags are the variant `default`.",
        metavar="NAME", commands=RELEASING,
    ),
    Option(
        "variants", "words", "All variants that the repository has.", metavar="NAME", commands=RULING,
    ),
    Option(
        "channels", "words", "Prerelease channels with floating tags: rc, beta.", flag="channel", metavar="NAME",
        commands=RULING,
    ),
    Option(
        "stable", "text", "Limit floating tags to a range of versions (<3.0) or a regular expression (/…/).",
        metavar="RANGE", commands=RULING,
    ),
    Option(
        "latest", "text", "auto, false, or the series that `latest` stays in: 2 or 2.1.", default="auto",
        metavar="SERIES", commands=RULING,
    ),
    Option(
        "withdrawn", "words", "Versions withdrawn besides those that the repository marks.", metavar="VERSION",
        commands=RULING,
    ),
    Option(
        "on-conflict", "text",
        "The exact tag holds another image: fail; keep it as the release; or overwrite it.",
        default="fail", choices=("fail", "keep", "overwrite"), commands=RELEASING,
    ),
    Option(
        "golden", "lines", "Approved base images; a build on none of them is refused.", metavar="BASE",
        commands=RELEASING,
    ),
    Option(
        "base", "text", "The base that this build claims, for approvals that are patterns.", metavar="REFERENCE",
        commands=RELEASING,
    ),
    Option(
        "require-referrer", "words",
        "Artifact types: a build to which none of each is attached (signature, attestation, SBOM) is refused.",
        metavar="TYPE", commands=RELEASING,
    ),
    Option(
        "dry-run", "flag", "Show what would be written, and write nothing.", default="false",
        commands=("release", "reconcile", "withdraw", "push", "delete", "config"),
    ),
    Option("registry", "text", "The registry of `username` and `password`.", metavar="HOST"),
    Option("username", "text", "The name to log in with.", metavar="NAME"),
    Option("password", "text", "The password or token to log in with.", secret=True),
    Option("logins", "lines", "Several logins, one a line: registry username password.", secret=True),
    Option("github-token", "text", "The token for ghcr.io when no other login is given.", secret=True),
    Option(
        "insecure", "words", "Registries spoken to over plain HTTP, besides loopback ones.", metavar="HOST",
    ),
    Option(
        "endpoints", "lines", "NAME=HOST:PORT: where Tagger reaches the registry that images call NAME.",
        flag="endpoint", metavar="NAME=HOST:PORT",
    ),
    Option("ca-file", "text", "A file with certificate authorities to trust besides the system's.", metavar="FILE"),
    Option(
        "published-from", "text",
        "What counts as published: the registry; for `plan` also git (the git tags) and none.",
        default="registry", choices=("registry", "git", "none"), commands=("plan", "config"),
    ),
    Option("jobs", "number", "Requests in flight for each registry.", default="8", metavar="N"),
    Option("timeout", "seconds", "Seconds to wait for an answer.", default="30", metavar="SECONDS"),
    Option("retries", "number", "How often a request that may be repeated is.", default="4", metavar="N"),
    Option("config", "text", "The file with settings.", default=".tagger.yml", metavar="FILE", in_file=False),
    Option("json", "flag", "Print one JSON document; everything else goes to standard error.", default="false"),
    Option(
        "yes", "flag", "Confirm that a digest goes with all its tags, or that everything goes.", default="false",
        commands=("delete",),
    ),
    Option(
        "force", "flag", "Delete a floating tag in force, or an exact tag that owns one.", default="false",
        commands=("delete",),
    ),
    Option(
        "purge", "flag", "Delete what is withdrawn, or what belongs to no version any more.", default="false",
        commands=("reconcile", "withdraw"),
    ),
    Option("undo", "flag", "Take the withdrawal back.", default="false", commands=("withdraw",)),
    Option("all", "flag", "Delete every tag of the repository.", default="false", commands=("delete",)),
    Option(
        "long", "flag", "List dates, sizes, platforms and attached artifacts too: reads every version's manifest.",
        default="false", commands=("tags",),
    ),
    Option(
        "only", "words", "The one of the `components` in `.tagger.yml` to work on; for `push`, the tags to push.",
        metavar="NAME",
    ),
)  # fmt: skip
