"""The git ref that started a workflow, in each CI system, and the version of a git tag."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tagger.errors import InputError
from tagger.version_from.found import Absent, Found, Given, V, find_version

__all__ = ["WorkflowRef", "is_pull_request", "tag_version", "workflow_ref"]


class System(NamedTuple):
    """The environment variables of a CI system.

    `ref` holds the ref or the name of the tag. One of `runs` is set where this system runs; without `runs`, `ref` alone
    tells. One of `pulls` holds the number of a pull request while it is built: then no tag counts.
    """

    ref: str
    runs: tuple[str, ...] = ()
    pulls: tuple[str, ...] = ()


SYSTEMS = (
    System("GITHUB_REF"),  # docs.github.com, "Variables reference"; Forgejo and Gitea set it too
    # docs.gitlab.com, "Predefined CI/CD variables"; woodpecker-ci.org/docs, "Environment variables"
    System("CI_COMMIT_TAG", ("GITLAB_CI", "CI"), ("CI_MERGE_REQUEST_IID", "CI_COMMIT_PULL_REQUEST")),
    System("CIRCLE_TAG", ("CIRCLECI", "CI")),  # circleci.com/docs, "Project values and variables"
    System("BUILD_SOURCEBRANCH", ("TF_BUILD",)),  # learn.microsoft.com, Azure Pipelines, "Use predefined variables"
    # jenkins.io, "Using a Jenkinsfile"; multibranch pipelines set both
    System("TAG_NAME", ("JENKINS_URL", "JENKINS_HOME"), ("CHANGE_ID",)),
    # support.atlassian.com, "Variables and secrets"
    System("BITBUCKET_TAG", ("BITBUCKET_BUILD_NUMBER", "CI"), ("BITBUCKET_PR_ID",)),
    System("DRONE_TAG", ("DRONE", "CI"), ("DRONE_PULL_REQUEST",)),  # docs.drone.io, "Environment Reference"
)
TAGS = "refs/tags/"
PULLS = ("refs/pull/", "refs/merge-requests/")


class WorkflowRef(NamedTuple):
    """A ref, as `refs/tags/v2.1.4` or the name of a tag alone, and the variable that it comes from.

    `value` is the text of the variable where that is not the ref: the number of a pull request.
    """

    variable: str
    text: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.variable} is {self.value or self.text}"

    @property
    def tag(self) -> str:
        """The name of the tag; empty for a branch or a pull request."""
        if self.text.startswith(TAGS):
            return self.text.removeprefix(TAGS)
        return "" if self.text.startswith("refs/") else self.text

    @property
    def is_pull_request(self) -> bool:
        """True of the ref of a pull request, whose code is not merged yet."""
        return self.text.startswith(PULLS)


def workflow_ref(environ: Mapping[str, str]) -> WorkflowRef | None:
    """Return the ref that started this run, None without one; in each system, a pull request counts before a tag."""
    for system in SYSTEMS:
        if system.runs and not any(_value(environ, name) for name in system.runs):
            continue
        for variable in system.pulls:
            if number := _value(environ, variable):
                return WorkflowRef(variable, f"refs/pull/{number}/merge", number)
        if text := _value(environ, system.ref):
            return WorkflowRef(system.ref, text)
    return None


def is_pull_request(environ: Mapping[str, str]) -> bool:
    """Say whether a run is of a pull request, whose code is not merged yet."""
    ref = workflow_ref(environ)
    return environ.get("GITHUB_EVENT_NAME", "").startswith("pull_request") or bool(ref and ref.is_pull_request)


def _value(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()


def tag_version(workspace: Path, environ: Mapping[str, str], tag_prefix: str, parse: Callable[[str], V]) -> Found[V]:
    """Return the version of the tag that started the workflow, else of the newest at HEAD.

    Raise `InputError` where the tag that started the workflow is no version: it is another component's, or a mistake,
    and no other place counts then. Raise `Absent` where no tag is a version.
    """
    reasons = []
    ref = workflow_ref(environ)
    if ref and ref.tag:
        return _of_ref(ref, tag_prefix, parse)
    if ref:
        reasons.append(f"{ref}, not a tag")
    return _at_head(workspace, environ, tag_prefix, parse, reasons)


def _of_ref(ref: WorkflowRef, tag_prefix: str, parse: Callable[[str], V]) -> Found[V]:
    tag = ref.tag
    if not tag.startswith(tag_prefix):
        raise InputError(
            f"the git tag {tag} ({ref.variable}) started this run and does not begin with `tag-prefix` {tag_prefix}",
            "It belongs to another image: let only tags of this one start the run. Or correct `tag-prefix`, or give "
            "the version with `version`, or its place with `version-from`.",
        )
    given = Given(tag.removeprefix(tag_prefix), "git-tag", f"the git tag {tag} ({ref.variable})")
    try:
        return find_version(given, parse)
    except InputError as error:
        behind = f" after `tag-prefix` {tag_prefix}" if tag_prefix else ""
        raise InputError(f"{error.message}{behind}", error.hint, code=error.code) from error


def _at_head(
    workspace: Path, environ: Mapping[str, str], tag_prefix: str, parse: Callable[[str], V], reasons: list[str]
) -> Found[V]:
    from tagger.version_from.git import FETCH_TAGS, read_checkout

    checkout = read_checkout(workspace, environ.get("GITHUB_WORKSPACE", ""))
    if checkout is None:
        raise Absent("; ".join([*reasons, f"{workspace} is not in a git repository"]))
    versions = []
    for tag in checkout.at_head:
        try:
            text = tag.removeprefix(tag_prefix)
            if tag.startswith(tag_prefix):
                versions.append(Found(parse(text), text, "git-tag", f"the git tag {tag} at HEAD"))
        except InputError:
            continue  # `nightly`, or the `v2` that moves along: not every tag is a version's
    if versions:
        return max(versions, key=lambda one: one.version)
    if checkout.at_head:
        behind = tag_prefix and f" after {tag_prefix}"
        reasons.append(f"no tag at HEAD is a version{behind}: {', '.join(checkout.at_head)}")
    elif checkout.shallow:
        reasons.append(f"HEAD has no tag here, and the clone is shallow. {FETCH_TAGS}")
    else:
        reasons.append("HEAD has no tag" if checkout.head else "there is no commit yet")
    raise Absent("; ".join(reasons))
