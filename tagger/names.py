"""The names of images: registry, repository, tag, digest, and the kinds of sources."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Self

from tagger.errors import InputError

if TYPE_CHECKING:
    import hashlib  # takes 2 ms, so it is imported after the connections have begun

__all__ = [
    "ALGORITHMS", "CANONICAL",
    "DIGEST", "DOCKER_HUB", "HUB_API", "TAG", "REPOSITORY_SHAPES", "SOURCE_KINDS",
    "Digest", "Reference", "Repository", "attached_to", "check_digest", "check_tag",
]  # fmt: skip

DOCKER_HUB = "docker.io"
HUB_API = "hub.docker.com"
HUB_ALIASES = frozenset({"index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com"})

CANONICAL = "sha256"
"""The algorithm by which a registry names what it is given without a digest (image-spec, descriptor.md)."""

ALGORITHMS = {CANONICAL: 64, "sha512": 128}
"""The algorithms of digests that are known, with how many digits each has (image-spec, descriptor.md)."""

SOURCE_KINDS = {
    "docker-daemon": "docker-daemon:NAME",
    "docker": "docker://REFERENCE",
    "oci": "oci:DIR[:TAG]",
    "oci-archive": "oci-archive:FILE[:TAG]",
    "docker-archive": "docker-archive:FILE[:TAG]",
}
"""The kinds of sources, and how each is written. Its module in `images/source_kinds/` opens it."""

# distribution-spec, "Pulling manifests": the grammar of a tag and of a repository name; image-spec: of a digest.
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
DIGEST = re.compile("|".join(f"{name}:[0-9a-f]{{{digits}}}" for name, digits in ALGORITHMS.items()))
HOST = re.compile(
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?)*(?::[0-9]{1,5})?"
)
IPV6_HOST = re.compile(r"\[[0-9a-fA-F:]+\](?::[0-9]{1,5})?")

# cosign's signatures, attestations and SBOMs (specs/SIGNATURE_SPEC.md), and distribution-spec, "Referrers Tag Schema".
_TAGGED_DIGITS = 64
ATTACHED = re.compile(rf"({'|'.join(ALGORITHMS)})-([0-9a-f]{{{_TAGGED_DIGITS}}})(?:\.[a-z]+)?")


def check_tag(text: str) -> str:
    """Return `text`, a tag; raise `InputError` when no registry would take it."""
    if not TAG.fullmatch(text):
        raise InputError(
            f"{text!r} is not a tag",
            "A tag has up to 128 of the characters A-Z a-z 0-9 _ . - and begins with none of . and -.",
        )
    return text


class Digest(str):
    """A digest, `sha256:…` or `sha512:…` (image-spec, descriptor.md): a text that knows its algorithm."""

    __slots__ = ()

    @classmethod
    def of(cls, content: bytes, algorithm: str = CANONICAL) -> Self:
        """Return the digest of `content`."""
        import hashlib

        return cls(f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}")

    @property
    def algorithm(self) -> str:
        """The name of its algorithm: `sha256`."""
        return self.partition(":")[0]

    @property
    def encoded(self) -> str:
        """The hexadecimal digits."""
        return self.partition(":")[2]

    @property
    def tag(self) -> str:
        """The tag that lists what is attached to it, cut to 64 digits (distribution-spec, "Referrers Tag Schema")."""
        return f"{self.algorithm}-{self.encoded[:_TAGGED_DIGITS]}"

    def hasher(self) -> "hashlib._Hash":
        """Return a new hash object of this algorithm."""
        import hashlib

        return hashlib.new(self.algorithm)

    def fits(self, content: bytes) -> bool:
        """Say whether it is the digest of `content`."""
        return self == Digest.of(content, self.algorithm)


def check_digest(text: str) -> Digest:
    """Return `text`, a digest; raise `InputError` when it is none."""
    if not DIGEST.fullmatch(text):
        forms = ", or ".join(f"{name}: and {digits}" for name, digits in ALGORITHMS.items())
        raise InputError(f"{text!r} is not a digest", f"A digest is {forms} hexadecimal digits in lower case.")
    return Digest(text)


def attached_to(tag: str, images: Iterable[str] = ()) -> str:
    """Return the digest of the image that a tag such as `sha256-….sig` belongs to; empty for every other tag.

    Such a tag has only the first 64 digits of a longer digest: then return the one of `images` that begins with them,
    else what the tag has.
    """
    match = ATTACHED.fullmatch(tag)
    if not match:
        return ""
    digest = f"{match[1]}:{match[2]}"
    if ALGORITHMS[match[1]] == _TAGGED_DIGITS:
        return digest
    return next((image for image in images if image.startswith(digest)), digest)


class Repository(NamedTuple):
    """A repository of a registry: `ghcr.io/acme/app`."""

    registry: str
    name: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Repository) and tuple.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other  # that of a tuple takes any tuple

    def __hash__(self) -> int:
        return tuple.__hash__(self)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a repository as docker does: without a registry it is Docker Hub's, without an account `library`'s.

        Raise `InputError` for what is none.
        """
        registry, slash, name = text.partition("/")
        if not slash or not (
            "." in registry or ":" in registry or registry == "localhost" or registry != registry.lower()
        ):
            registry, name = DOCKER_HUB, text
        if registry.lower() in HUB_ALIASES:
            registry = DOCKER_HUB
        if registry == DOCKER_HUB and "/" not in name:
            name = f"library/{name}"
        if not (HOST.fullmatch(registry) or IPV6_HOST.fullmatch(registry)):
            raise InputError(
                f"{text!r} is not a repository: {registry!r} is not the name of a registry", REPOSITORY_SHAPES
            )
        if not NAME.fullmatch(name):
            hint = f"Write it in lower case: {text.lower()}" if NAME.fullmatch(name.lower()) else REPOSITORY_SHAPES
            raise InputError(f"{text!r} is not a repository", hint)
        if len(registry) + 1 + len(name) > 255:
            raise InputError(f"{text!r} is longer than 255 characters", "Choose a shorter name.")
        return cls(registry, name)

    def tagged(self, tag: str) -> "Reference":
        """Return the reference `repository:tag`."""
        return Reference(self, tag=check_tag(tag))

    def __str__(self) -> str:
        return f"{self.registry}/{self.name}"


class Reference(NamedTuple):
    """An image in a repository, by its tag, by its digest, or by both; then the digest counts."""

    repository: Repository
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `repository[:tag][@digest]`; a bare repository means its tag `latest`. Raise `InputError`."""
        rest, at, digest = text.partition("@")
        if at:
            check_digest(digest)
        head, colon, tag = rest.rpartition(":")
        if not colon or "/" in tag:
            head, tag = rest, "" if at else "latest"
        elif not tag:
            raise InputError(f"{text!r} has a colon and no tag after it", "Is a variable empty? Name the tag.")
        if tag:
            check_tag(tag)
        return cls(Repository.parse(head), tag, digest)

    @property
    def target(self) -> str:
        """The digest where there is one, else the tag: the reference in a request to the registry."""
        return self.digest or self.tag

    def __str__(self) -> str:
        return f"{self.repository}{':' + self.tag if self.tag else ''}{'@' + self.digest if self.digest else ''}"


REPOSITORY_SHAPES = (
    "Write HOST/ACCOUNT/NAME as in ghcr.io/acme/app, ACCOUNT/NAME for Docker Hub, or oci:DIR for a layout on disk."
)
