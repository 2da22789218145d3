"""The JSON Schema of `.tagger.yml`, from the rows of the options, so that editors complete it."""

from typing import Any

from tagger.settings.file import COMPONENTS, NO, YES
from tagger.settings.option import Option
from tagger.settings.options import OPTIONS

__all__ = ["schema"]


def schema() -> dict[str, object]:
    """Return the JSON Schema of the file."""
    properties: dict[str, object] = {
        option.name: {"description": option.description, **_shape(option)}
        for option in OPTIONS
        if option.in_file and not option.secret
    }
    component = {"type": ["object", "null"], "properties": properties, "additionalProperties": False}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of Tagger",
        "description": "The file .tagger.yml: the options of Tagger under their own names.",
        "type": ["object", "null"],
        "properties": {
            **properties,
            COMPONENTS: {
                "description": "Images of a monorepo, by the name that `{{component}}` stands for.",
                "type": ["object", "null"],
                "propertyNames": {"pattern": r"^\S+$"},
                "additionalProperties": component,
            },
        },
        "additionalProperties": False,
    }


def _shape(option: Option[Any]) -> dict[str, Any]:
    """Return the JSON Schema of one setting. It accepts null, which counts as unset."""
    if option.choices:
        choices = [choice for choice in option.choices if choice not in option.workflow_only]
        return {"enum": [*choices, *(word == "true" for word in option.booleans), None]}
    entry = {"type": ["string", "number"]}
    text = {"type": ["string", "number", "null"]}
    if option.kind == "flag":
        return {"enum": [True, False, *sorted(YES | NO), None]}
    if option.kind == "number":
        return {"type": ["integer", "string", "null"], "minimum": 0, "pattern": "^[0-9]+$"}
    if option.is_list:
        return {"type": ["string", "number", "array", "null"], "items": entry}
    if option.booleans:
        return {"anyOf": [text, {"enum": [word == "true" for word in option.booleans]}]}
    return text
