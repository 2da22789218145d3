"""The git ref that a workflow was started for, in each CI system, and the version of the tag that it is."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tagger.errors import InputError
from tagger.version_from.found import Absent, Found, Given, V, found

__all__ = ["WorkflowRef", "tag_version", "workflow_ref"]

# The variable that holds the ref or the tag's name, and those of which one says that this CI runs. Each is documented
# there. Most systems set CI too, and a name such as CIRCLE_TAG is nobody else's.
SYSTEMS = (
    ("GITHUB_REF", ()),  # docs.github.com, "Variables reference"; Forgejo and Gitea set it too
    ("CI_COMMIT_TAG", ("GITLAB_CI", "CI")),  # docs.gitlab.com, "Predefined CI/CD variables"; Woodpecker sets it too
    ("CIRCLE_TAG", ("CIRCLECI", "CI")),  # circleci.com/docs, "Project values and variables"
    ("BUILD_SOURCEBRANCH", ("TF_BUILD",)),  # learn.microsoft.com, Azure Pipelines, "Use predefined variables"
    ("TAG_NAME", ("JENKINS_URL", "JENKINS_HOME")),  # jenkins.io, "Using a Jenkinsfile"; set by multibranch pipelines
    ("BITBUCKET_TAG", ("BITBUCKET_BUILD_NUMBER", "CI")),  # support.atlassian.com, "Variables and secrets"
    ("DRONE_TAG", ("DRONE", "CI")),  # docs.drone.io, "Environment Reference"
)
TAGS = "refs/tags/"
PULLS = ("refs/pull/", "refs/merge-requests/")


class WorkflowRef(NamedTuple):
    """A ref, and the variable that says it; `tag` is the name of a tag, empty of any other ref."""

    variable: str
    text: str

    @property
    def tag(self) -> str:
        """The tag that it is; empty of a branch and of a pull request."""
        if self.text.startswith(TAGS):
            return self.text.removeprefix(TAGS)
        return "" if self.text.startswith("refs/") else self.text

    @property
    def is_pull_request(self) -> bool:
        """True of the ref of a pull request, whose code is not merged yet."""
        return self.text.startswith(PULLS)


def workflow_ref(environ: Mapping[str, str]) -> WorkflowRef | None:
    """Return the ref that started this run, if a CI says one."""
    for variable, runs in SYSTEMS:
        text = environ.get(variable, "").strip()
        if text and (not runs or any(environ.get(name, "").strip() for name in runs)):
            return WorkflowRef(variable, text)
    return None


def tag_version(workspace: Path, environ: Mapping[str, str], tag_prefix: str, parse: Callable[[str], V]) -> Found[V]:
    """Return the version of the tag that started the workflow, else of the newest at HEAD.

    A tag that started the workflow and is no version ends the search with `InputError`: it is another component's, or a
    mistake, and what a file says is not what was tagged. Raise `Absent` where there is no tag.
    """
    reasons = []
    ref = workflow_ref(environ)
    if ref and ref.tag:
        return _of_ref(ref, tag_prefix, parse)
    if ref:
        reasons.append(f"{ref.variable} is {ref.text}, not a tag")
    return _at_head(workspace, environ, tag_prefix, parse, reasons)


def _of_ref(ref: WorkflowRef, tag_prefix: str, parse: Callable[[str], V]) -> Found[V]:
    tag = ref.tag
    if not tag.startswith(tag_prefix):
        raise InputError(
            f"the git tag {tag} ({ref.variable}) started this run and does not begin with `tag-prefix` {tag_prefix}",
            "It is another image's: let tags of this one alone start the run. Or mend `tag-prefix`, or give the "
            "version with `version`, or its place with `version-from`.",
        )
    given = Given(tag.removeprefix(tag_prefix), "git-tag", f"the git tag {tag} ({ref.variable})")
    try:
        return found(given, parse)
    except InputError as error:
        behind = f" behind `tag-prefix` {tag_prefix}" if tag_prefix else ""
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
