"""The differences of single registries, one row each, with the source."""

from typing import Literal, NamedTuple

from tagger.names import DOCKER_HUB

__all__ = [
    "ANYWHERE", "DIALECTS", "IMMUTABLE", "IMMUTABLE_STATUSES", "MESSAGE_KEYS", "PAGE_SIZES", "PAUSE_WORDS",
    "THROTTLED", "WAITS", "Dialect", "dialect_of",
]  # fmt: skip

ANYWHERE = ("immutable", "immutable_status", "throttled", "pause", "wait", "message", "page_sizes")


class Dialect(NamedTuple):
    """The differences of one registry.

    `registry`: its name, or a part of it that begins with a dot. `address`: its host, if it differs from the name.
    `realm`, `service`: its token server, if known in advance. `immutable`, `throttled`: regular expressions for its
    messages about an immutable tag and about too many requests. `immutable_status`: a status that means an immutable
    tag. `pause`: a regular expression for the words before the time to wait, in a body. `wait`: the header with the
    time to wait for, in seconds since 1970, and a header that is 0 where it counts. `message`: the key of the message
    in its own JSON. `github_token`: it takes the token of a workflow at GitHub. `page_sizes`: the sizes of pages that
    it accepts. `denied`, `absent`, `deletion`, `private`: hints for a login without the right, for a missing
    repository, for a deletion by other means, and for a repository that is not public. `api`: its own API, which
    deletes more than the distribution API. `identity`: how it accepts the identity of a workflow. `source`: the
    documentation of all this.

    Software that runs anywhere (Harbor, GitLab) has no `registry`: no name identifies it. Its row has only fields of
    `ANYWHERE`, which apply to the answers of every registry.
    """

    name: str
    source: str
    registry: str = ""
    address: str = ""
    realm: str = ""
    service: str = ""
    immutable: str = ""
    immutable_status: int = 0
    throttled: str = ""
    pause: str = ""
    wait: tuple[str, str] | None = None
    message: str = ""
    github_token: bool = False
    denied: str = ""
    absent: str = ""
    page_sizes: tuple[int, ...] = ()
    deletion: str = ""
    api: Literal["", "github", "hub"] = ""
    private: str = ""
    identity: Literal["", "docker", "chainguard"] = ""


DIALECTS = (
    Dialect(
        "Docker Hub",
        "docker/docs, content/manuals/docker-hub: immutable-tags.md, usage; distribution issue 2376",
        registry=DOCKER_HUB,
        address="registry-1.docker.io",
        realm="https://auth.docker.io/token",
        service="registry.docker.io",
        immutable="already assigned to an image",
        throttled="too many requests",
        wait=("X-Retry-After", ""),
        message="detail",
        deletion="Docker Hub deletes tags by its own API, with a login of the scope Read, Write, Delete; or on its "
        "pages: hub.docker.com/r/{name}/tags.",
        api="hub",
        private="Make the repository public on its page at Docker Hub: Settings, Visibility.",
        identity="docker",
    ),
    Dialect(
        "Docker Hardened Images",
        "docs.docker.com, Docker Hardened Images; OIDC connections",
        registry="dhi.io",
        identity="docker",
    ),
    Dialect(
        "Chainguard",
        "edu.chainguard.dev, Assumable Identities; chainguard-dev/setup-chainctl",
        registry="cgr.dev",
        identity="chainguard",
    ),
    Dialect(
        "GitHub Container Registry",
        "docs.github.com, working with the container registry; chainguard-images/images issue 173",
        registry="ghcr.io",
        realm="https://ghcr.io/token",
        service="ghcr.io",
        throttled="rate limit|abuse detection|retry-after",
        pause="retry-after",  # `retry-after: 10.3ms, allowed: 2000/minute`, with no header
        wait=("x-ratelimit-reset", "x-ratelimit-remaining"),
        message="message",
        github_token=True,
        denied="Give the job `permissions: packages: write`, and the repository the role Write in the package's "
        'settings, "Manage Actions access". The token of a person has to be a classic one with the scope '
        "write:packages.",
        api="github",
        deletion="Give `github-token`, or a login for ghcr.io, that may delete. GitHub deletes package versions, each "
        "an image with all its tags: on the package's page, or by "
        "`gh api -X DELETE /orgs/OWNER/packages/container/NAME/versions/ID` (/user/packages/… for a person).",
        private="A package is private when it is first pushed, and no API changes that: on its page, Package settings, "
        "Change visibility. In an organization that has to be allowed first.",
    ),
    Dialect(
        "Amazon ECR",
        "docs.aws.amazon.com, ECR user guide, image tag mutability; google/go-containerregistry, remote/options.go",
        registry=".dkr.ecr.",
        immutable="immutab|cannot be overwritten",
        absent="ECR makes no repository by itself: create it first, or a creation template for pushes.",
        page_sizes=(1000, 100),
        deletion="aws ecr batch-delete-image --repository-name {name} --image-ids imageTag=TAG",
    ),
    Dialect(
        "Harbor",
        "goharbor/harbor, src/server/middleware/immutable/pushmf.go",
        immutable="immutab",
        immutable_status=412,
    ),
    Dialect("GitLab", "docs.gitlab.com, protected container tags", immutable="protected tag|tag is protected"),
    Dialect(
        "Azure Container Registry", "learn.microsoft.com, lock a container image", immutable="write-enabled|locked"
    ),
    Dialect("Alibaba Cloud ACR", "help.aliyun.com, immutable image tags", immutable="cannot be overwritten"),
    Dialect("Mirantis Secure Registry", "docs.mirantis.com, make tags immutable", immutable="immutab"),
    Dialect("Google Artifact Registry", "cloud.google.com, immutable tags", immutable="immutab"),
)

IMMUTABLE = "(?i)" + "|".join(dict.fromkeys(row.immutable for row in DIALECTS if row.immutable))
THROTTLED = "(?i)" + "|".join(row.throttled for row in DIALECTS if row.throttled)
IMMUTABLE_STATUSES = frozenset(row.immutable_status for row in DIALECTS if row.immutable_status)
PAUSE_WORDS = "|".join(row.pause for row in DIALECTS if row.pause)
WAITS = tuple(row.wait for row in DIALECTS if row.wait)
MESSAGE_KEYS = tuple(row.message for row in DIALECTS if row.message)
PAGE_SIZES = tuple(sorted({size for row in DIALECTS for size in row.page_sizes}, reverse=True))
"""The page sizes to try, one after the other, when a registry needs a page size, or a smaller one."""


def dialect_of(registry: str) -> Dialect:
    """Return the row of a registry by its name; an empty row where there is none."""
    for row in DIALECTS:
        if row.registry and (row.registry == registry or (row.registry.startswith(".") and row.registry in registry)):
            return row
    return Dialect(registry, "")
