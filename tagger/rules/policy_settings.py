"""The settings of a policy: the form in which each is stored, and what of it decides."""

from collections.abc import Callable, Hashable
from typing import Literal, NamedTuple

from tagger.errors import InputError
from tagger.rules.revisions import Revision
from tagger.rules.selection import Selection
from tagger.rules.templates import DEFAULT_TEMPLATES, Template
from tagger.rules.variants import check_variants_entry
from tagger.rules.versions import SCHEMES
from tagger.rules.words import DEFAULT_VARIANT, channel_words, check_channel

__all__ = ["SETTINGS", "PolicySetting", "Texts", "meaning_of"]

Texts = tuple[str, ...]


class PolicySetting(NamedTuple):
    """A setting of the policy: a row is all there is to it, but its use in `Policy.rules`.

    `kind` says what it is in JSON: a string, true or false, or a list of strings. `canonical` brings the texts of a
    valid setting into the form in which they are stored, and raises `InputError` where they are wrong. `meaning` is
    what is compared of that form: two that decide alike have one.
    """

    name: str
    kind: Literal["text", "flag", "list"]
    default: Texts
    canonical: Callable[[Texts], Texts]
    meaning: Callable[[Texts], Hashable] = tuple


def _one_of(*choices: str) -> Callable[[Texts], Texts]:
    def canonical(texts: Texts) -> Texts:
        text = texts[-1] if texts else ""
        if text not in choices:
            raise InputError(f"{text!r} is not known", f"It is one of: {', '.join(choices)}.")
        return (text,)

    return canonical


def _flag(texts: Texts) -> Texts:
    text = texts[-1].lower() if texts else "false"
    return _one_of("true", "false")(({"yes": "true", "on": "true", "1": "true"}.get(text) or _no(text),))


def _no(text: str) -> str:
    return "false" if text in ("no", "off", "0") else text


def _selection(texts: Texts) -> Texts:
    text = texts[-1] if texts else ""
    read = Selection.parse(text).canonical
    return (read,) if read else ()


def _latest(texts: Texts) -> Texts:
    text = texts[-1] if texts else "auto"
    return (text if text in ("auto", "false") else Selection.parse(text).canonical or "auto",)


def _templates(texts: Texts) -> Texts:
    read = [Template.parse(text) for text in texts]
    return tuple(dict.fromkeys(template.canonical for template in read if not template.is_plain))


def _variants(texts: Texts) -> Texts:
    return tuple(sorted({check_variants_entry(text) for text in texts} - {DEFAULT_VARIANT}))


def _channels(texts: Texts) -> Texts:
    return tuple(sorted(set(map(check_channel, texts))))


def _revisions(texts: Texts) -> Texts:
    return tuple(sorted({str(Revision.parse(text)) for text in texts}))


def _meaning_of_templates(texts: Texts) -> Hashable:
    """Return the exact templates in their order, as the first is staged, and all of them in none."""
    return tuple(text for text in texts if Template.parse(text).is_exact), frozenset(texts)


def _meaning_of_selection(texts: Texts) -> Hashable:
    """Return the versions that a range means, so that <3.0 is <3.0.0; `auto` and `false` are words."""
    text = "".join(texts)
    return text if text in ("auto", "false") else Selection.parse(text).meaning


def _meaning_of_channels(texts: Texts) -> Hashable:
    return frozenset(channel_words(texts).items())


SETTINGS = (
    PolicySetting("scheme", "text", ("semver",), _one_of(*SCHEMES)),
    PolicySetting("mixed-parts", "flag", ("false",), _flag),
    PolicySetting("build-metadata", "text", ("refuse",), _one_of("refuse", "underscore")),
    PolicySetting("revisions", "list", (), _revisions),
    PolicySetting("tags", "list", DEFAULT_TEMPLATES, _templates, _meaning_of_templates),
    PolicySetting("variants", "list", (), _variants),
    PolicySetting("channels", "list", (), _channels, _meaning_of_channels),
    PolicySetting("stable", "text", (), _selection, _meaning_of_selection),
    PolicySetting("latest", "text", ("auto",), _latest, _meaning_of_selection),
)


_MEANINGS = {row.name: row.meaning for row in SETTINGS}


def meaning_of(name: str, texts: Texts) -> Hashable:
    """Return what of the canonical texts of a setting decides."""
    return _MEANINGS[name](texts)
