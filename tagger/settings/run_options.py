"""The options of any run, a row each: logins, the network, output, confirmations."""

from typing import Any

from tagger.images.registry.defaults import JOBS, RETRIES, TIMEOUT
from tagger.settings import addresses, parsers
from tagger.settings.option import flag, lines, number, seconds, text, words

__all__ = ["CONFIG", "RunOptions"]

CONFIG = ".tagger.yml"

_login: dict[str, Any] = {"group": "login", "in_file": False}
_network: dict[str, Any] = {"group": "network"}
_output: dict[str, Any] = {"group": "output"}
_consent: dict[str, Any] = {"group": "what", "in_file": False}


class RunOptions:
    """How a run reaches registries, what it prints, and what it may do."""

    dry_run = flag(
        "dry-run", "Show what would be written, and write nothing.", commands=("writes",), **_output,
    )  # fmt: skip
    registry = text(
        "registry",
        "The registry of `username` and `password`.",
        addresses.registry,
        metavar="HOST",
        example="ghcr.io",
        **_login,
    )
    username = text("username", "The name to log in with.", metavar="NAME", example="octocat", **_login)
    password = text(
        "password", "The password or token to log in with.", secret=True, example="${{ secrets.TOKEN }}", **_login
    )
    logins = lines(
        "logins",
        "Several logins, one a line: registry username password; or without a secret docker.io oidc org=ORG "
        "connection=ID, cgr.dev oidc identity=ID.",
        addresses.login,
        secret=True,
        example="docker.io acme ${{ secrets.DOCKERHUB_TOKEN }}",
        **_login,
    )
    github_token = text(
        "github-token",
        "The token for ghcr.io when no other login is given.",
        secret=True,
        example="${{ secrets.PACKAGES_TOKEN }}",
        **_login,
    )
    insecure = words(
        "insecure",
        "Registries to reach over plain HTTP, besides loopback ones.",
        addresses.host,
        metavar="HOST",
        in_file=False,
        example="registry.local:5000",
        **_network,
    )
    endpoints = lines(
        "endpoints", "NAME=HOST:PORT: where Tagger reaches the registry that images call NAME.", addresses.endpoint,
        flag="endpoint", metavar="NAME=HOST:PORT", in_file=False, example="localhost:5000=registry:5000", **_network,
    )  # fmt: skip
    ca_file = text(
        "ca-file", "Certificate authorities to trust besides the system's: a file, or PEM text.", addresses.authorities,
        metavar="FILE", in_file=False, example="${{ vars.AUTHORITY }}", **_network,
    )  # fmt: skip
    published_from = text(
        "published-from", "What counts as published: the registry; for `plan` also git (the git tags) and none.",
        parsers.choice("published-from", ("registry", "git", "none")), choices=("registry", "git", "none"),
        default="registry", commands=("plan", "config"), group="tags", example="git",
    )  # fmt: skip
    jobs = number(
        "jobs",
        "Requests at the same time for each registry; where it is not set, it grows as far as the registry allows.",
        parsers.number(1, 256),
        default=str(JOBS),
        example="4",
        **_network,
    )
    timeout = seconds(
        "timeout", "Seconds to wait for an answer.", parsers.seconds, default=f"{TIMEOUT:g}", example="2m", **_network
    )
    retries = number(
        "retries",
        "How often a failed request is repeated, where that is safe.",
        parsers.number(0, 100),
        default=str(RETRIES),
        example="8",
        **_network,
    )
    config = text(
        "config",
        "The file with settings.",
        default=CONFIG,
        metavar="FILE",
        in_file=False,
        example="release/.tagger.yml",
        **_output,
    )
    json = flag("json", "Print one JSON document; everything else goes to standard error.", **_output)
    quiet = flag("quiet", "Print results and errors only: no warnings, no progress.", letter="q", **_output)
    verbose = flag(
        "verbose",
        "Show every request, retry and decision, and tags that are right already; with --help: every option.",
        letter="v",
        **_output,
    )
    tag_locally = flag(
        "tag-locally", "Set the tags of the release in the engine too, where the image comes from one.",
        in_workflow="true",
        commands=("releases",), group="tags", example="false",
    )  # fmt: skip
    yes = flag(
        "yes", "Confirm that something is deleted: a digest, an exact tag, `--all`, `--purge`, `prune`.",
        commands=("deletes",), **_consent,
    )  # fmt: skip
    force = flag(
        "force",
        "Go on where a run refuses: a floating tag in force or one that owns such a tag (delete), undeclared variants "
        "(withdraw), default rules (reconcile), a version that would lose its only tag or builds whose bases differ "
        "(release), or more than `limit` (prune).",
        commands=("may be forced",), **_consent,
    )  # fmt: skip
    purge = flag(
        "purge", "Delete the withdrawn version (withdraw), or floating tags without a version (reconcile).",
        commands=("purges",), **_consent,
    )  # fmt: skip
    undo = flag("undo", "Take the withdrawal back.", commands=("withdraw",), **_consent)
    all = flag("all", "Delete every tag of the repository.", commands=("delete",), **_consent)
    long = flag(
        "long", "List dates, sizes, platforms and attached artifacts too: reads every version's manifest.",
        commands=("tags",), **_output,
    )  # fmt: skip
    table = flag(
        "table", "Print the supported tags as a Markdown table, for a README.", commands=("tags",), **_output,
    )  # fmt: skip
    html = text(
        "html", "Write one self-contained page of the repository to FILE.", metavar="FILE",
        commands=("tags",), example="tags.html", **_output,
    )  # fmt: skip
    public = flag(
        "public", "Also check, without a login, whether everybody can pull.", commands=("check",), **_output,
    )  # fmt: skip
    write = flag(
        "write", "Write the proposed settings to .tagger.yml, where there is none.", commands=("init",), **_output,
    )  # fmt: skip
    changed = flag(
        "changed", "Leave out components whose version is released everywhere.", commands=("components",), **_output,
    )  # fmt: skip
    only = words(
        "only",
        "The `components` of `.tagger.yml` to work on; for `push`, the tags to push. Default: the component whose "
        "`tag-prefix` the git tag has, else all where nothing is released.",
        str, metavar="NAME", group="what", example="api",
    )  # fmt: skip
