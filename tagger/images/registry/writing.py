"""Puts manifests under tags and digests in a repository of a registry, and deletes them."""

import os
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlencode

from tagger.errors import StoreError
from tagger.images.manifests import Manifest
from tagger.images.registry.answers import Answer, is_immutable
from tagger.images.registry.endpoint import Endpoint
from tagger.images.registry.reading import Reader
from tagger.images.registry.statuses import DELETED, STORED, status_of
from tagger.names import CANONICAL, DIGEST, Digest, check_digest, check_tag

__all__ = ["Writer"]

TAGS_AT_ONCE = 10
"""Tags in one request: registries that take several should take so many (distribution-spec, "Pushing manifests")."""


FOREIGN = (
    "The image has layers that are kept elsewhere (foreign or nondistributable ones, with `urls`), and this registry "
    "does not accept them. Allow them: distribution has `validation.manifests.urls.allow` for that. Or build the "
    "image on a base without them."
)


class Writer:
    """Puts manifests into one repository, and deletes them."""

    def __init__(self, endpoint: Endpoint, reader: Reader) -> None:
        self._endpoint = endpoint
        self._registry = endpoint.registry
        self._reader = reader

    def tag(self, manifest: Manifest, tags: Sequence[str]) -> None:
        """Put `manifest` under each of `tags`, side by side; without tags, under its digest. Raise `StoreError`."""
        targets = [check_tag(tag) for tag in dict.fromkeys(tags)] or [manifest.digest]
        if len(targets) > 1 and self._registry.takes_several_tags is not False:
            groups = [targets[start : start + TAGS_AT_ONCE] for start in range(0, len(targets), TAGS_AT_ONCE)]
            accepted = self._registry.side_by_side(lambda group: self._put_several(manifest, group), groups)
            targets = [tag for tag in targets if not any(tag in group for group in accepted)]
        if manifest.algorithm != CANONICAL and targets:
            self._put(manifest, manifest.digest)  # under a tag the registry would compute the sha256 digest
            targets = [target for target in targets if target != manifest.digest]
        self._reader.remember(manifest)
        self._registry.side_by_side(lambda target: self._put(manifest, target), targets)

    def untag(self, tag: str) -> None:
        """Remove one tag and nothing else. Raise `StoreError`, with the code UNSUPPORTED where that cannot be done."""
        what = f"deleting the tag {check_tag(tag)}"
        answer = self._deletion(tag, what)
        stands = status_of(answer.status).absent and self._reader.digest(tag) is not None
        offered = not status_of(answer.status).not_offered or (status_of(answer.status).absent and not stands)
        if not offered and not is_immutable(answer):
            raise self._endpoint.error(
                f"{what}: the registry deletes no tags, only manifests", code="UNSUPPORTED", status=answer.status
            )
        self._check_deleted(answer, what, tag)

    def delete(self, digest: str) -> None:
        """Delete a manifest, with every tag at it. Raise `StoreError`."""
        what = f"deleting {check_digest(digest)}"
        answer = self._deletion(digest, what)
        if status_of(answer.status).absent and self._reader.holds(digest, what):
            raise self._endpoint.error(
                f"{what}: the registry has it, and answers {answer.status}", code="UNSUPPORTED", status=answer.status
            )
        self._check_deleted(answer, what, digest)
        self._reader.forget(digest)

    def deletes(self) -> Literal["tags", "manifests", "nothing", "refused", "unknown"]:
        """Find out what can be deleted, by requests to delete a random tag and a random digest, which do not exist."""
        for kind, target in (
            ("tags", f"tagger-check-{os.urandom(12).hex()}"),
            ("manifests", Digest.of(os.urandom(32))),
        ):
            answer = self._deletion(target, f"asking whether {kind} are deleted")
            if answer.status in (401, 403):
                return "refused"
            if answer.status in DELETED or status_of(answer.status).absent:
                return "tags" if kind == "tags" else "manifests"
            if not status_of(answer.status).not_offered:
                return "unknown"
        return "nothing"

    def _deletion(self, target: str, what: str) -> Answer:
        """Request a deletion with the right to push, and where that is not enough, with the right to delete.

        Quay's token server refuses the action `delete`, and distribution needs it.
        """
        path = self._endpoint.manifest_path(target)
        try:
            answer = self._endpoint.call("DELETE", path, what, access=self._endpoint.writing)
        except StoreError as error:
            if error.status not in (401, 403):
                raise
        else:
            if answer.status not in (401, 403):
                return answer
        return self._endpoint.call("DELETE", path, what, access=self._endpoint.deleting)

    def _put(self, manifest: Manifest, target: str) -> None:
        """Put a manifest under one tag, or under its digest."""
        what = f"pushing {target}"

        def stands() -> bool:
            if target == manifest.digest:
                return self._reader.holds(target, what)
            return self._reader.digest(target) == manifest.digest

        answer = self._endpoint.call(
            "PUT",
            self._endpoint.manifest_path(target),
            what,
            headers={"Content-Type": manifest.media_type},
            body=manifest.content,
            carried_out=stands,
        )
        if answer.status in STORED:
            self._check_stored(answer, what, manifest)
            self._reader.was_put(target, manifest.digest)
            return
        refusal, meaning = self._refusal(what, answer, manifest), status_of(answer.status)
        # A status that is sent again is about the registry, not about the tag.
        if target == manifest.digest or meaning.again or answer.status in (401, 404, 413):
            raise refusal
        try:
            held = self._reader.digest(target)
        except StoreError:
            raise refusal from None
        if held == manifest.digest:
            return
        if held and is_immutable(answer):
            raise self._immutable(what, answer, f"{target} holds {held}")
        raise refusal

    def _refusal(self, what: str, answer: Answer, manifest: Manifest) -> StoreError:
        """Return the error of a manifest that was not taken; layers that are kept elsewhere are the likely cause."""
        error = self._endpoint.not_accepted(what, answer, manifest.digest)
        meaning = status_of(answer.status)
        known = answer.status in (401, 403, 413) or (meaning.again and not meaning.vague)
        if known or not any(layer.is_foreign for layer in manifest.layers()):
            return error
        return self._endpoint.error(
            error.message.removeprefix(f"{self._endpoint.place}: "), FOREIGN, code=error.code, status=answer.status
        )

    def _put_several(self, manifest: Manifest, tags: Sequence[str]) -> frozenset[str]:
        """Put a manifest under several tags with one request; return those that the registry accepted (end-7b)."""
        query = urlencode([("tag", tag) for tag in tags])
        what = f"pushing {', '.join(tags)}"
        answer = self._endpoint.call(
            "PUT",
            f"{self._endpoint.manifest_path(manifest.digest)}?{query}",
            what,
            headers={"Content-Type": manifest.media_type},
            body=manifest.content,
        )
        named = ",".join(answer.headers.getlist("OCI-Tag")) if answer.status in STORED else ""
        taken = frozenset(tag.strip() for tag in named.split(",")).intersection(tags)
        self._registry.takes_several_tags = bool(taken)
        if taken:
            self._check_stored(answer, what, manifest)
        return taken

    def _check_stored(self, answer: Answer, what: str, manifest: Manifest) -> None:
        digest = answer.headers.get("Docker-Content-Digest", manifest.digest)
        if digest != manifest.digest and not (DIGEST.fullmatch(digest) and Digest(digest).fits(manifest.content)):
            raise self._endpoint.error(
                f"{what}: {manifest.digest} was sent, but the registry reports {digest}",
                code="DIGEST_INVALID",
            )

    def _check_deleted(self, answer: Answer, what: str, target: str) -> None:
        if answer.status in DELETED or (status_of(answer.status).absent and answer.repeated):
            return
        if is_immutable(answer):
            raise self._immutable(what, answer, f"{target} stays")
        raise self._endpoint.refusal(what, answer, absent="MANIFEST_UNKNOWN")

    def _immutable(self, what: str, answer: Answer, state: str) -> StoreError:
        refusal = self._endpoint.refusal(what, answer)
        message = refusal.message.removeprefix(f"{self._endpoint.place}: ")
        return self._endpoint.error(
            f"{message}; {state}",
            "The registry does not allow this tag to move. A floating tag has to move: exclude floating tags from the "
            "rule of immutable tags (`config` prints one that fits), or drop them from `tags`. An exact tag that holds "
            "another image is a conflict: release under a new version.",
            code="TAG_IMMUTABLE",
            status=answer.status,
        )
