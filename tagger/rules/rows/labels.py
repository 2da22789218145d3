"""The labels of an image that follow from its build, as docker/metadata-action makes them.

Source: image-spec, annotations.md, "Pre-Defined Annotation Keys".
"""

from collections.abc import Iterable, Mapping
from datetime import UTC

from tagger.errors import InputError
from tagger.rules.rows.expressions import Expression
from tagger.rules.rows.facts import BuildFacts

__all__ = ["image_labels", "with_levels"]

PREFIX = "org.opencontainers.image."
_ORDER = {
    char: index for index, char in enumerate("_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz")
}
"""The order of ASCII in Unicode's default collation, which JavaScript's `localeCompare` uses."""


def image_labels(
    facts: BuildFacts, project: Mapping[str, str], version: str, own: Iterable[tuple[str, str]]
) -> tuple[str, ...]:
    """Return `key=value` lines, sorted by key. Those of `own` may have expressions, and replace others of their key.

    `project` has the name, description, url and license of the repository. Raise `InputError` for a wrong expression.
    """
    made = {
        "title": project["name"],
        "description": project["description"],
        "url": project["url"],
        "source": project["url"],
        "version": version,
        "created": f"{facts.now.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{facts.now.microsecond // 1000:03}Z",
        "revision": facts.sha,
        "licenses": project["license"],
    }
    found = {f"{PREFIX}{name}": value for name, value in made.items()}
    for key, value in own:
        try:
            found[key] = Expression.parse(value).render(facts)
        except InputError as error:
            raise InputError(f"{key}={value}: {error.message}", error.hint) from error
    return tuple(f"{key}={' '.join(found[key].splitlines())}" for key in sorted(found, key=_collation_key))


def with_levels(annotations: Iterable[str], levels: str) -> tuple[str, ...]:
    """Return annotations with their levels, as buildx reads them: `manifest:key=value`.

    `levels` are levels with commas between them; empty means `manifest`.
    """
    lines = tuple(annotations)
    return tuple(f"{level}:{line}" for level in (levels or "manifest").split(",") for line in lines)


def _collation_key(key: str) -> tuple[tuple[int, ...], str]:
    """Return a sort key: lower case comes before upper case where nothing else differs."""
    return tuple(_ORDER.get(char, len(_ORDER) + ord(char)) for char in key.lower()), key.swapcase()
