"""What a run says of the settings of the policy, and where it says so."""

from collections.abc import Mapping

from tagger.rules.policy import SETTINGS, Said
from tagger.rules.templates import Template
from tagger.rules.terms import PolicyTerms
from tagger.settings.values import Settings

__all__ = ["policy_terms"]


def policy_terms(settings: Settings) -> PolicyTerms:
    """Return by which rules the run decides: what its settings say, to be held against each repository's policy."""
    plain = (text for text in settings.templates if Template.parse(text).is_plain)
    return PolicyTerms(
        _said(settings),
        plain=plain,
        withdrawn=settings.withdrawn,
        required=settings.require_policy,
        follows=not settings.shared,
    )


def _said(settings: Settings) -> Mapping[str, Said]:
    given = {
        name: settings.given[name] for name in (*(row.name for row in SETTINGS), "variant") if name in settings.given
    }
    if settings.is_versionless:
        given.pop("tags", None)
    texts = {**settings.texts, "tags": settings.templates}
    said = {name: Said(texts[name], one.origin, one.in_file) for name, one in given.items()}
    if settings.rows and "tags" in said:
        said["tags"] = said["tags"]._replace(of_variants=settings.build_variants)
    return said
