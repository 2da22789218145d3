"""Checks settings together for contradictions, and makes the rules of the tags and the logins of them."""

import re
from collections.abc import Collection
from functools import partial

from tagger.errors import InputError
from tagger.names import DOCKER_HUB
from tagger.rules.cascade import Rules
from tagger.rules.variants import Variants
from tagger.rules.versions import SCHEMES, Scheme
from tagger.rules.words import DEFAULT_VARIANT, channel_words
from tagger.settings.addresses import Login
from tagger.settings.builds import digests_of_variants
from tagger.settings.components import CommandRow
from tagger.settings.options import find_option
from tagger.settings.problems import Problems
from tagger.settings.values import Settings

__all__ = ["check_together", "logins_of", "rules_of"]


def check_together(settings: Settings, command: CommandRow, mentioned: Collection[str], problems: Problems) -> None:
    """Note settings that are valid alone, but contradict each other. `mentioned` are those that a file names."""
    plans = command.name in find_option("published-from").commands
    unneeded = "needs no image" in command.kinds or (plans and settings.published_from == "none")
    if not {*settings.given, *mentioned} & {"images"} and not unneeded:
        which = f"the component {settings.component}: " if settings.component else ""
        problems.add(
            f"{which}no image: nothing says which repositories to work on",
            "Name one with `images`, or after the command: ghcr.io/acme/app.",
        )
    if "images" in settings.given and not settings.images and "images" not in settings.wrong and not unneeded:
        problems.add(_at(settings, "images", "every image is disabled"), "Enable one, or do not run this step.")
    if settings.published_from in ("git", "none") and not plans:
        problems.add(
            _at(settings, "published-from", f"`{settings.published_from}` is for `plan` alone"),
            "Drop `published-from`: a release reads what is published from the repository itself.",
        )
    if settings.mixed_parts and settings.scheme == "semver":
        problems.add(
            _at(settings, "mixed-parts", "semantic versions always have three parts"),
            "Set `scheme: numeric`, or drop `mixed-parts`.",
        )
    if settings.build_metadata == "underscore" and settings.scheme == "pep440":
        problems.add(
            _at(settings, "build-metadata", "a local version of PEP 440 is never released"),
            "Drop `build-metadata`, or choose another scheme.",
        )
    _check_variants(settings, problems)
    if settings.purge and settings.undo:
        problems.add("`purge` and `undo` contradict each other", "Drop `purge` or `undo`.")
    if settings.base_verify and not settings.golden:
        problems.add(
            _at(settings, "base-verify", "without `golden` there is no base to check"),
            "Drop `base-verify`; `golden` names the bases that are approved.",
        )
    if settings.base and not settings.golden:
        problems.add(
            _at(settings, "base", "without `golden` the claimed base is not used"),
            "Drop `base`; `golden` names the bases that are approved.",
        )


def _check_variants(settings: Settings, problems: Problems) -> None:
    """Note where only some builds name a variant, or where they name other variants than `variant` does."""
    apart = settings.built_apart
    named = [*(build.variant for build in settings.source), *digests_of_variants(settings.digests)]
    if apart and None in named:
        problems.add(
            f"`source` and `digests` name a variant for only some builds: {', '.join(map(_variant_name, apart))}",
            "Write VARIANT= before each; the bare tags are the variant `default`.",
        )
    if apart and settings.variant and set(settings.variant) != set(apart):
        problems.add(
            _at(
                settings,
                "variant",
                f"`source` and `digests` name other variants: {', '.join(map(_variant_name, apart))}",
            ),
            "Drop `variant`: the builds name their variants.",
        )


def _variant_name(variant: str) -> str:
    """Return the name of a variant in the settings."""
    return variant or DEFAULT_VARIANT


def rules_of(settings: Settings, command: CommandRow, problems: Problems) -> Rules | None:
    """Return the rules of the repository's tags, or None when something in them is wrong."""
    known_problems = len(problems)
    variants = tuple(dict.fromkeys(("", *settings.variants, *settings.build_variants)))
    _check_names(settings, Variants.of(variants), problems)
    if settings.wrong and settings.wrong.intersection(_deciding()):
        return None
    sound = len(problems) == known_problems
    make = partial(_rules_of, settings, variants)
    is_template = "tags" not in settings.given or re.search("{{|=", " ".join(settings.texts["tags"]))
    if "pattern" in command.words and not is_template:
        pattern = settings.texts["tags"][0]
        problems.add(
            _at(settings, "tags", f"{pattern} is not a template of tags, such as {{{{version}}}}"),
            f"To show only some tags, write a pattern after the repository: `tags ghcr.io/acme/app {pattern}`.",
        )
        return None
    rules = problems.attempt(_origin(settings, "tags"), make) if sound else None
    if rules and "withdrawn" in settings.given:
        for place, entry in find_option("withdrawn").entries(settings.given["withdrawn"]):
            problems.attempt(place, partial(_check_version_name, rules, entry))
    # The policy of a repository may have other rules for a release. So a version that is wrong alone is reported later.
    reports = "makes a release" not in command.kinds or settings.published_from != "registry" or len(problems)
    if reports and settings.version not in ("", "none") and settings.scheme in SCHEMES:
        problems.attempt(_origin(settings, "version"), partial(_check_version, settings, rules))
    return rules


def _check_names(settings: Settings, every: Variants, problems: Problems) -> None:
    """Check the settings that name variants: `every` has the declared ones and those of this build."""
    declared = Variants.of(settings.variants)
    for name in settings.build_variants:
        if settings.variants and name and not declared.has(name):
            texts = " ".join(settings.texts["variants"])
            problems.add(
                _at(settings, "variant", f"{name!r} is not one of the `variants`: {texts}"),
                f"Add `variants: {name}`: that setting lists all variants of the repository.",
            )
    for name in channel_words(settings.channels):
        if every.has(name):
            problems.add(
                _at(settings, "channels", f"{name!r} is a variant too, and a tag that ends in -{name} could be either"),
                "Give one of the two another name.",
            )
    for name in ("stable", "latest"):
        if name in settings.given and name not in settings.wrong and "variant=" in settings.texts[name][-1]:
            problems.attempt(_origin(settings, name), partial(_check_limit, settings, name, every))


def logins_of(settings: Settings, problems: Problems) -> tuple[Login, ...]:
    """Return the logins that the settings give: those of `logins`, and a single one."""
    username, password = settings.username, settings.password
    if username and password:
        return (*settings.logins, Login(_login_registry(settings, problems), username, password))
    if username or password:
        have, lack = ("username", "password") if username else ("password", "username")
        problems.add(
            _at(settings, have, f"there is a {have} and no {lack}"),
            "Both are needed; on the command line the password is read by `--password-stdin`.",
        )
    elif "registry" in settings.given:
        problems.add(
            _at(settings, "registry", "there is a registry and no login"),
            "Give `username` and `password` too, or drop `registry`.",
        )
    return settings.logins


def _login_registry(settings: Settings, problems: Problems) -> str:
    """Return the registry that a single login is for: `registry`, else the registry of all images.

    A settings file must not decide where a login is sent, so the images that it names are not used for this.
    """
    if "registry" in settings.given:
        return settings.registry
    registries = sorted({image.registry for image in settings.repositories})
    if registries and settings.given["images"].in_file:
        problems.add(
            _at(settings, "username", f"the registry of this login would come from {_origin(settings, 'images')}"),
            f"Set `registry: {registries[0]}`: a settings file must not decide where a login is sent.",
        )
    elif len(registries) > 1:
        ways = " or ".join(f"`registry: {one}`" for one in registries)
        problems.add(
            _at(settings, "username", f"the images are in several registries: {', '.join(registries)}"),
            f"Set {ways}, or give several in `logins`.",
        )
    return registries[0] if registries else DOCKER_HUB


def _check_limit(settings: Settings, name: str, declared: Variants) -> None:
    from tagger.rules.selection import Selection  # few runs name variants there

    declared.check_named(name, Selection.parse(settings.texts[name][-1]).variants)


def _rules_of(settings: Settings, variants: tuple[str, ...]) -> Rules:
    if settings.is_versionless:
        return Rules(_scheme_of(settings))
    try:
        return _made_of(settings, variants, settings.templates)
    except InputError as error:
        culprit = settings.rows.culprit(partial(_is_refused, settings, variants)) if settings.rows else ""
        if not culprit:
            raise
        raise InputError(f"the row `{culprit}`: {error.message}", error.hint, code=error.code) from error


def _is_refused(settings: Settings, variants: tuple[str, ...], templates: tuple[str, ...]) -> bool:
    try:
        _made_of(settings, variants, templates)
    except InputError:
        return True
    return False


def _deciding() -> set[str]:
    """Return the settings that decide the tags of a repository, and the variant of this build."""
    from tagger.rules.policy_settings import SETTINGS  # few runs have a wrong setting

    return {*(row.name for row in SETTINGS), "variant"}


def _made_of(settings: Settings, variants: tuple[str, ...], templates: tuple[str, ...]) -> Rules:
    return Rules.of(
        templates,
        scheme=_scheme_of(settings),
        variants=variants,
        channels=settings.channels,
        stable=settings.stable,
        latest=settings.latest,
        withdrawn=settings.withdrawn,
        mixed_parts=settings.mixed_parts,
    )


def _scheme_of(settings: Settings) -> Scheme:
    return Scheme.of(settings.scheme, settings.build_metadata, settings.revisions)


def _check_version(settings: Settings, rules: Rules | None) -> None:
    from tagger.rules.remedies import parse_version
    from tagger.version_from.reading import from_text

    plain = from_text(settings.version, settings.tag_prefix)
    if rules:
        parse_version(rules, plain, settings.build_variants[0], settings.tag_prefix)
    else:
        _scheme_of(settings).parse(plain)


def _check_version_name(rules: Rules, text: str) -> None:
    if not (
        rules.read(text) or rules.read(f"v{text}") or rules.scheme.read(re.sub(r"\Av", "", text.replace("+", "_")))
    ):
        raise InputError(
            f"{text!r} is not a version in the scheme {rules.scheme.name}",
            "Write 2.1.4 for all its variants, or the exact tag of one, as 2.1.4-alpine.",
        )


def _origin(settings: Settings, name: str) -> str:
    return settings.given[name].origin if name in settings.given else f"`{name}`"


def _at(settings: Settings, name: str, text: str) -> str:
    return f"{_origin(settings, name)}: {text}"
