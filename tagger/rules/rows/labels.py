"""The labels of an image that follow from its build, as docker/metadata-action makes them.

Source: image-spec, annotations.md, "Pre-Defined Annotation Keys".
"""

from collections.abc import Iterable, Mapping
from datetime import UTC

from tagger.errors import InputError
from tagger.rules.rows.expressions import Expression
from tagger.rules.rows.facts import BuildFacts

__all__ = ["image_labels"]

PREFIX = "org.opencontainers.image."


def image_labels(
    facts: BuildFacts, project: Mapping[str, str], version: str, own: Iterable[tuple[str, str]]
) -> tuple[str, ...]:
    """Return `key=value` lines, sorted by key; those of `own`, in which expressions are filled in, come over others.

    `project` has the name, description, url and license of the repository. Raise `InputError` for an expression that
    is none.
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
    return tuple(
        f"{key}={' '.join(found[key].splitlines())}" for key in sorted(found, key=lambda key: (key.lower(), key))
    )
