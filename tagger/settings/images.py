"""Reads entries of `images` and `labels`, also in the form of docker/metadata-action."""

from pathlib import Path

from tagger.errors import InputError
from tagger.names import Repository
from tagger.settings.addresses import LAYOUT, image
from tagger.settings.parsers import key_value

__all__ = ["all_images", "images", "label"]

Image = Repository | Path


def images(text: str) -> tuple[Image, ...]:
    """Read one line: a repository, `name=…,enable=true|false`, or several between commas. Raise `InputError`.

    Upper case becomes lower case, as for `ghcr.io/${{ github.repository }}`.
    """
    if text.startswith(LAYOUT) or not ("," in text or "=" in text):
        return (_image(text),)
    from tagger.rules.rows.fields import fields_of

    fields = fields_of(text)
    if all(not field.name for field in fields):
        return tuple(_image(field.value) for field in fields)
    names, enabled = [], "true"
    for field in fields:
        if field.name in ("", "name"):
            names.append(field.value)
        elif field.name == "enable":
            enabled = field.value
        else:
            raise InputError(f"{text!r}: `{field.name}` is no attribute of an image", "Write name=…,enable=true.")
    if enabled not in ("true", "false"):
        raise InputError(f"{text!r}: `enable` is {enabled!r}", "It is true or false.")
    if len(names) != 1 or not names[0]:
        raise InputError(f"{text!r} names no image, or several", "Write name=…,enable=true, one image a line.")
    found = _image(names[0])
    return (found,) if enabled == "true" else ()


def all_images(entries: tuple[tuple[Image, ...], ...]) -> tuple[Image, ...]:
    """Return the images of all lines, each once."""
    return tuple(dict.fromkeys(image for entry in entries for image in entry))


def label(text: str) -> tuple[str, str]:
    """Read one line, `key=value`. A line without `=` gets an empty key, and makes no label."""
    return key_value(text) if "=" in text else ("", text)


def _image(text: str) -> Image:
    return image(text if text.startswith(LAYOUT) else text.lower())
