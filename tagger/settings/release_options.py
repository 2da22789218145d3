"""The options of a release: the image, its version, its tags, and conditions. A row for each."""

from pathlib import Path
from typing import Any

from tagger.names import SOURCE_KINDS, Repository
from tagger.rules.templates import DEFAULT_TEMPLATES
from tagger.rules.versions import SCHEMES
from tagger.settings import builds, parsers
from tagger.settings.images import all_images, label
from tagger.settings.images import images as read_images
from tagger.settings.option import CommandKind, Option, block, flag, lines, text, words
from tagger.settings.rows import check_flavor, check_line

__all__ = ["DEFAULT_TEMPLATES", "ReleaseOptions"]

_RELEASES: tuple[CommandKind, ...] = ("releases",)
_RULES: tuple[CommandKind, ...] = ("applies rules",)
_VERSIONS: tuple[CommandKind, ...] = ("reads a version",)

_what: dict[str, Any] = {"group": "what"}
_version: dict[str, Any] = {"group": "version"}
_tags: dict[str, Any] = {"group": "tags"}
_gates: dict[str, Any] = {"group": "gates"}


def _choice(name: str, summary: str, *choices: str, **more: Any) -> Option[str]:
    return text(name, summary, parsers.choice(name, choices), choices=choices, **more)


class ReleaseOptions:
    """The image to release, and the rules of its version and tags."""

    images: Option[tuple[Repository | Path, ...]] = Option(
        "images", "lines",
        "Target repositories: ghcr.io/acme/app, acme/app (Docker Hub), localhost:5000/app, or oci:DIR.",
        read=all_images, parse=read_images, flag="image", metavar="REPOSITORY", comments=True,
        example="ghcr.io/acme/app", **_what,
    )  # fmt: skip
    source = lines(
        "source",
        f"The built image: {', '.join(SOURCE_KINDS.values())}, or a bare name; several become one index. "
        "VARIANT=SOURCE: the builds of several variants, released together. Default: the first repository that has the "
        "exact tag.",
        builds.source, metavar="SOURCE", commands=_RELEASES, example="docker-daemon:app:build", **_what,
    )  # fmt: skip
    digests = block(
        "digests",
        "The results of build jobs, which become one image: a folder of files named after digests, of buildx metadata "
        "files, or of OCI layouts and archives; or the JSON of job outputs. Each digest is an image in the first "
        "repository, or in that of a `source` without tag and digest. VARIANT=FOLDER, one a line: several variants.",
        builds.digests, metavar="FOLDER", commands=_RELEASES, example="${{ runner.temp }}/digests", **_what,
    )  # fmt: skip
    labels = lines(
        "labels", "key=value, added to the labels that follow from the build, in the output `labels`.",
        label, metavar="KEY=VALUE", comments=True, commands=_RELEASES,
        example="org.opencontainers.image.title=app", **_what,
    )  # fmt: skip
    annotations = lines(
        "annotations", "key=value, added in the output `annotations`, and written into an index that Tagger makes of "
        "several builds.",
        parsers.key_value, metavar="KEY=VALUE", comments=True, commands=_RELEASES,
        example="org.opencontainers.image.title=app", **_what,
    )  # fmt: skip
    platforms = words(
        "platforms",
        "The image must have exactly these, as os/arch[/variant]; any: no check. Default: no fewer than the images "
        "that its floating tags hold now.",
        parsers.platform, metavar="PLATFORM", commands=(*_RELEASES, "check"),
        example="linux/amd64 linux/arm64", **_gates,
    )  # fmt: skip
    version = text(
        "version", "The version: 2.1.4, v2.1.4 or refs/tags/v2.1.4. Default: read from the build.",
        metavar="VERSION", never_empty=True, commands=_VERSIONS, example="v2.1.4", **_version,
    )  # fmt: skip
    version_from = words(
        "version-from",
        "Where to read the version, in order: git-tag, label, file, file:PATH, file:PATH#key.path, env:NAME.",
        parsers.version_from, default=("git-tag", "label", "file"), metavar="WHERE", commands=_VERSIONS,
        example="git-tag file:package.json", **_version,
    )  # fmt: skip
    tag_prefix = text(
        "tag-prefix", "What stands before the version in git tags: app/ or app-.", commands=(*_VERSIONS, "check"),
        example="app/", **_version,
    )  # fmt: skip
    scheme = _choice(
        "scheme", "How versions are written.", *SCHEMES, default="semver", commands=_RULES, example="calver", **_version
    )
    mixed_parts = flag(
        "mixed-parts",
        "Versions of several lengths in one repository: 1.2.3 beside 1.2.3.4.",
        commands=_RULES,
        **_version,
    )
    build_metadata = _choice(
        "build-metadata", "2.1.4+5: refuse it, or write it 2.1.4_5 (underscore), only ever a tie-break.",
        "refuse", "underscore", default="refuse", commands=_RULES, example="underscore", **_version,
    )  # fmt: skip
    revisions = words(
        "revisions",
        "How a packaging revision is written after a version: -N, -rN, _N, -N.N, -k3sN; or after the variant: "
        "{{variant}}-rN.",
        parsers.revision, metavar="FORM", commands=_RULES, example="-rN", **_version,
    )  # fmt: skip
    tags = lines(
        "tags", "Templates of the tags, one a line; or rows as docker/metadata-action has them: type=sha.",
        check_line, default=DEFAULT_TEMPLATES, flag="tag", metavar="TEMPLATE", comments=True, commands=_RULES,
        example="{{version}}", **_tags,
    )  # fmt: skip
    flavor = lines(
        "flavor", "With rows in `tags`: latest=auto|true|false, prefix=TEXT, suffix=TEXT; with ,onlatest=true for "
        "`latest` too.",
        check_flavor, metavar="ENTRY", comments=True, commands=_RULES, example="suffix=-alpine,onlatest=true", **_tags,
    )  # fmt: skip
    variant = words(
        "variant", "This build's variant or variants; the bare tags are the variant `default`.", parsers.variant,
        metavar="NAME", commands=_VERSIONS, example="alpine", **_tags,
    )  # fmt: skip
    variants = words(
        "variants", "All variants of the repository; alpine=alpine3.* makes alpine an alias of the newest of a family.",
        parsers.variants, metavar="NAME", commands=_RULES, example="default alpine", **_tags,
    )  # fmt: skip
    channels = words(
        "channels", "Prerelease channels with floating tags: rc, beta, or several words as one: edge=alpha,beta,rc.",
        parsers.channel, flag="channel",
        metavar="NAME", commands=_RULES, example="rc beta", **_tags,
    )  # fmt: skip
    stable = text(
        "stable", "Limit floating tags to a range of versions (<3.0) or a regular expression (/…/).",
        parsers.selection, metavar="RANGE", commands=_RULES, example="<3.0", **_tags,
    )  # fmt: skip
    latest = text(
        "latest", "auto, false, or the versions that `latest` may belong to: a series (2.1), a range, variants "
        "(variant=default) or a regular expression.",
        parsers.latest, default="auto", booleans=("false",), metavar="RANGE", commands=_RULES, example="2.1", **_tags,
    )  # fmt: skip
    hold = _choice(
        "hold",
        "true: give the version its exact tag and the mark held-VERSION, but no floating tag until `approve`. auto: do "
        "so where GitHub's release event says pre-release, and the number is final.",
        "auto", "true", "false", default="auto", booleans=("true", "false"), commands=_RELEASES,
        example="true", **_tags,
    )  # fmt: skip
    withdrawn = words(
        "withdrawn", "Versions that count as withdrawn, besides those that the repository marks.", str,
        metavar="VERSION",
        commands=_RULES, example="2.1.3", **_tags,
    )  # fmt: skip
    on_conflict = _choice(
        "on-conflict",
        "What to do where the exact tag holds another image. revision: keep that as the release if both are builds of "
        "one commit, else fail; fail: fail; keep: keep that as the release; overwrite: replace it.",
        "revision", "fail", "keep", "overwrite", default="revision", workflow_only=("overwrite",),
        commands=_RELEASES, example="fail", **_gates,
    )  # fmt: skip
    require_policy = flag(
        "require-policy", "Refuse a repository without a policy.", commands=_RULES, **_gates,
    )  # fmt: skip
