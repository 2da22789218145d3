"""The policy settings of a run, and where each is given."""

from collections.abc import Mapping

from tagger.rules.policy import SETTINGS, Said
from tagger.rules.templates import Template
from tagger.rules.terms import PolicyTerms
from tagger.settings.values import Settings

__all__ = ["policy_terms"]


def policy_terms(settings: Settings) -> PolicyTerms:
    """Return the policy settings of the run, to be compared with the policy of each repository."""
    plain = (text for text in settings.templates if Template.parse(text).is_plain)
    return PolicyTerms(
        _policy_settings(settings),
        plain=plain,
        withdrawn=settings.withdrawn,
        required=settings.require_policy,
        follows=not settings.shared,
    )


def _policy_settings(settings: Settings) -> Mapping[str, Said]:
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
