"""The settings with their origins, as text and as JSON. Secrets are shown as `***`."""

from typing import Any

from tagger.confidential import HIDDEN
from tagger.reporting.folding import cells, fold
from tagger.reporting.terminal import ELSEWHERE, plain, style
from tagger.rules.immutability import immutability
from tagger.settings.option import TRUE, Option
from tagger.settings.options import OPTIONS
from tagger.settings.values import Settings

__all__ = ["settings_document", "settings_text"]


def settings_document(settings: Settings) -> dict[str, Any]:
    """Return the JSON of `config`: the value and the origin of each setting, and rules for immutable tags."""
    rule = immutability(settings.rules)
    return {
        "component": settings.component or None,
        "settings": {
            option.name: {"value": _value(option, settings), "origin": settings.origin(option.name)}
            for option in OPTIONS
        },
        "immutability": {"expression": rule.expression, "ecr": rule.ecr or None, "harbor": rule.harbor or None},
    }


def settings_text(settings: Settings, width: int = ELSEWHERE) -> str:
    """Return the settings as text with `width` columns; only the rules at the end may be wider.

    A value of several lines is shown by its first. The names of settings that are not defaults are bold.
    """
    lines = [f"{style('component', bold=True)}  {settings.component}"] if settings.component else []
    begins = max(len(option.name) for option in OPTIONS) + 2
    for option in OPTIONS:
        value = _value(option, settings)
        first, *more = (" | ".join(value) if isinstance(value, list) else _plain(value)).splitlines() or [""]
        text = f"{first} …" if more else first
        origin = settings.origin(option.name)
        given = origin != "default"
        shown = plain(f"{text or '-'}  ({origin})") if cells(f"{text}  ({origin})") < width - begins else ""
        parts = [shown] if shown else [*fold(plain(text or "-"), width - begins), f"({plain(origin)})"]
        parts[-1] = parts[-1].replace(f"({origin})", style(f"({origin})", dim=not given))
        lines.append(f"{style(f'{option.name:<{begins - 2}}', bold=given)}  {parts[0]}")
        lines += [f"{'':{begins}}{part}" for part in parts[1:]]
    rule = immutability(settings.rules)
    none = "none: wildcards do not tell exact tags from moving ones"
    lines += [
        "",
        "The registry may make these tags immutable, and no others:",
        *_rule(rule.expression, "Docker Hub, Quay, GitLab", width),
        *_rule(rule.harbor or none, "Harbor", width),
        *_rule(rule.ecr or none, "ECR, MUTABLE_WITH_EXCLUSION", width),
    ]
    return "\n".join(lines)


def _rule(text: str, where: str, width: int) -> list[str]:
    """Return a rule and its registries. The rule itself is never folded, because a person copies it."""
    line = f"  {plain(text)}  ({where})"
    return [line] if cells(line) <= width else [f"  {plain(text)}", f"    ({where})"]


def _plain(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _value(option: Option[Any], settings: Settings) -> object:
    texts = settings.texts.get(option.name, ())
    if option.secret:
        return HIDDEN if texts else None
    if option.is_list:
        return list(texts)
    if option.kind == "flag":
        return bool(texts) and texts[-1].lower() in TRUE
    return texts[-1] if texts else None
