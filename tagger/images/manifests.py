"""Manifests, kept as their exact bytes, with their descriptors and platforms."""

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from tagger.errors import StoreError
from tagger.images.documents import Ambiguous, read_json, read_manifest_document
from tagger.names import CANONICAL, DIGEST, Digest

__all__ = [
    "ARCHITECTURES", "LARGEST_MANIFEST",
    "DOCKER_CONFIG", "DOCKER_LIST", "DOCKER_MANIFEST", "INDEX_TYPES", "MANIFEST_TYPES",
    "OCI_CONFIG", "OCI_INDEX", "OCI_LAYER_GZIP",
    "OCI_LAYER_ZSTD", "OCI_MANIFEST", "Descriptor", "Manifest", "Platform", "artifact_type_of",
    "manifest_type",
]  # fmt: skip

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"

# The artifacts of ORAS and early OCI 1.1: a manifest with `blobs` and without a config (oras-project/artifacts-spec).
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
ORAS_ARTIFACT = "application/vnd.cncf.oras.artifact.manifest.v1+json"

INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
LARGEST_MANIFEST = 4 * 1024 * 1024  # the limit of registries (distribution-spec, "Pushing manifests")
MANIFEST_TYPES = frozenset({OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, OCI_ARTIFACT, ORAS_ARTIFACT})


# Other spellings of architectures, and their implied variants (containerd/platforms, database.go).
ARCHITECTURES = {
    "aarch64": ("arm64", ""), "armhf": ("arm", "v7"), "armel": ("arm", "v6"), "i386": ("386", ""),
    "x86_64": ("amd64", ""), "x86-64": ("amd64", ""),
}  # fmt: skip
_VARIANTS = {
    ("amd64", "v1"): "", ("arm64", "8"): "", ("arm64", "v8"): "", ("arm", ""): "v7", ("arm", "5"): "v5",
    ("arm", "6"): "v6", ("arm", "7"): "v7", ("arm", "8"): "v8",
}  # fmt: skip


class Platform(NamedTuple):
    """The platform that an image runs on: `linux/arm64/v8`. Windows images also name a version of the system."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a platform in the form `os/architecture[/variant]`."""
        system, _, rest = text.partition("/")
        architecture, _, variant = rest.partition("/")
        return cls(system, architecture, variant)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read the platform in a descriptor or a config (image-spec, image-index.md, config.md)."""
        system, architecture, variant, version = (
            str(value.get(name) or "") for name in ("os", "architecture", "variant", "os.version")
        )
        features = value.get("os.features")
        return cls(
            system, architecture, variant, version, tuple(map(str, features)) if isinstance(features, list) else ()
        )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON of the platform in a descriptor."""
        value: dict[str, Any] = {"architecture": self.architecture, "os": self.os}
        more = {"os.version": self.os_version, "os.features": list(self.os_features), "variant": self.variant}
        return value | {name: given for name, given in more.items() if given}

    @property
    def normal(self) -> Self:
        """The platform in the form that is compared: arm64 for arm64/v8, arm/v7 for arm."""
        architecture, variant = self.architecture.lower(), self.variant.lower()
        architecture, implied = ARCHITECTURES.get(architecture, (architecture, ""))
        variant = variant or implied
        variant = _VARIANTS.get((architecture, variant), variant)
        return self._replace(os=self.os.lower(), architecture=architecture, variant=variant)

    @property
    def known(self) -> bool:
        """Whether it is a real platform. BuildKit gives attestation manifests the platform `unknown/unknown`."""
        return (self.os, self.architecture) != ("unknown", "unknown")

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


class Descriptor(NamedTuple):
    """A descriptor of content (image-spec, descriptor.md): media type, digest, size in bytes."""

    media_type: str
    digest: str
    size: int
    platform: Platform | None = None
    artifact_type: str = ""
    annotations: Mapping[str, str] = MappingProxyType({})
    urls: tuple[str, ...] = ()

    @property
    def is_foreign(self) -> bool:
        """True of a layer that need not be in a registry: it is kept elsewhere (image-spec, layer.md)."""
        return bool(self.urls) or ".foreign." in self.media_type or ".nondistributable." in self.media_type

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read a descriptor in a manifest. Raise `ValueError`, or the error of a wrong type, when it is none."""
        platform, urls, annotations = value.get("platform"), value.get("urls"), value.get("annotations")
        if not DIGEST.fullmatch(value["digest"]) or type(value["size"]) is not int or value["size"] < 0:
            raise ValueError("not a descriptor")
        if not (isinstance(platform, dict | None) and isinstance(urls, list | None)):
            raise ValueError("not a descriptor")
        if not isinstance(annotations, dict | None):
            raise ValueError("not a descriptor")
        return cls(
            media_type=str(value.get("mediaType", "")),
            digest=value["digest"],
            size=value["size"],
            platform=Platform.from_json(platform) if platform else None,
            artifact_type=str(value.get("artifactType") or ""),
            annotations={name: text for name, text in (annotations or {}).items() if isinstance(text, str)},
            urls=tuple(url for url in urls or () if isinstance(url, str)),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON of the descriptor in a manifest."""
        value: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.platform:
            value["platform"] = self.platform.to_json()
        if self.artifact_type:
            value["artifactType"] = self.artifact_type
        if self.annotations:
            value["annotations"] = dict(self.annotations)
        if self.urls:
            value["urls"] = list(self.urls)
        return value


class Manifest:
    """A manifest or an index. Its bytes are its identity, so they are never changed."""

    def __init__(self, media_type: str, content: bytes, algorithm: str = CANONICAL) -> None:
        """Keep the bytes as they are. `algorithm` is that of the digest."""
        self.media_type = media_type
        self.content = content
        self.algorithm = algorithm

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Manifest) and (self.media_type, self.content) == (other.media_type, other.content)

    def __hash__(self) -> int:
        return hash((self.media_type, self.content))

    def __repr__(self) -> str:
        return f"Manifest({self.media_type!r}, {self.content!r})"

    @cached_property
    def digest(self) -> Digest:
        """The digest of the content, `sha256:…`."""
        return Digest.of(self.content, self.algorithm)

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The content, parsed. Raise `StoreError` when it is no JSON object, or others may read it differently."""
        try:
            value = read_manifest_document(self.content)
            own = value.get("mediaType")
            if self.media_type in MANIFEST_TYPES and own and own != self.media_type:
                raise Ambiguous(f"its mediaType is {own}, but it is named as {self.media_type}")
        except ValueError as error:
            code = "MANIFEST_AMBIGUOUS" if isinstance(error, Ambiguous) else "MANIFEST_INVALID"
            raise StoreError(f"manifest {self.digest} is not valid: {error}", code=code) from error
        return value

    @property
    def is_index(self) -> bool:
        """Whether it is an OCI index or a Docker manifest list."""
        return self.media_type in INDEX_TYPES

    def children(self) -> tuple[Descriptor, ...]:
        """Return the manifests that an index names, in its order; none for a manifest."""
        return self._descriptors(self.document.get("manifests") or ()) if self.is_index else ()

    def config(self) -> Descriptor | None:
        """Return the config of a manifest; None for an index."""
        value = None if self.is_index else self.document.get("config")
        return self._descriptors([value])[0] if value else None

    def layers(self) -> tuple[Descriptor, ...]:
        """Return the layers of a manifest, lowest first, or the blobs of an artifact; none for an index."""
        document = self.document
        return () if self.is_index else self._descriptors(document.get("layers") or document.get("blobs") or ())

    def blobs(self) -> tuple[Descriptor, ...]:
        """Return the config and the layers, which must be in a repository before this manifest."""
        config = self.config()
        return ((config,) if config else ()) + self.layers()

    def subject(self) -> Descriptor | None:
        """Return the manifest that this one (a signature, an attestation) is attached to; else None."""
        value = self.document.get("subject")
        return self._descriptors([value])[0] if value else None

    def descriptor(self) -> Descriptor:
        """Return the descriptor of this manifest."""
        return Descriptor(self.media_type, self.digest, len(self.content))

    def _descriptors(self, values: Any) -> tuple[Descriptor, ...]:
        try:
            return tuple(Descriptor.from_json(value) for value in values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StoreError(f"manifest {self.digest} has a broken descriptor", code="MANIFEST_INVALID") from error


def artifact_type_of(manifest: Manifest) -> str:
    """Return the artifact type, else the media type of the config (distribution-spec, "Listing Referrers")."""
    config = manifest.config()
    return str(manifest.document.get("artifactType") or (config.media_type if config else ""))


def manifest_type(content: bytes, named: str) -> str:
    """Return the media type of a manifest: `named`, if it is that of a manifest, else its own, else by its keys."""
    if named in MANIFEST_TYPES:
        return named
    try:
        document = read_json(content)
    except ValueError:
        return OCI_MANIFEST
    own = document.get("mediaType") if isinstance(document, dict) else None
    if isinstance(own, str) and own:
        return own
    return OCI_INDEX if isinstance(document, dict) and "manifests" in document else OCI_MANIFEST
