"""The rows of `verify`, which say who must have signed."""

import re
import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Literal, NamedTuple

from tagger.errors import InputError

__all__ = ["ISSUERS", "PREDICATES", "Row", "matches", "parse_row"]

Kind = Literal["keyless", "key", "builder"]

ISSUERS = {
    "github": ("https://token.actions.githubusercontent.com", "https://github.com/"),
    "gitlab": ("https://gitlab.com", "https://gitlab.com/"),
    "google": ("https://accounts.google.com", ""),
}
"""The short names of issuers, each with the issuer's address and the site of the repositories that it names."""

PREDICATES = {
    "slsa-provenance": ("https://slsa.dev/provenance/v*",),
    "provenance": ("https://slsa.dev/provenance/v*",),
    "spdx": ("https://spdx.dev/Document", "https://spdx.dev/Document/v*"),
    "cyclonedx": ("https://cyclonedx.org/bom", "https://cyclonedx.org/bom/v*"),
    "sbom": (
        "https://spdx.dev/Document", "https://spdx.dev/Document/v*",
        "https://cyclonedx.org/bom", "https://cyclonedx.org/bom/v*",
    ),
    "signature": ("https://sigstore.dev/cosign/sign/v1",),
}  # fmt: skip
"""The short names of predicates, each with its globs. `signature` is also a signature that is no attestation."""

BUILDERS = {"docker/github-builder": "docker/github-builder/.github/workflows/*"}
_WORDS = {
    "keyless": ("issuer", "identity", "repo", "workflow", "ref", "predicate"),
    "key": ("predicate",),
    "builder": ("repo", "ref", "predicate"),
}
_SHAPES = (
    "A row is one of: keyless repo=acme/app workflow=.github/workflows/release.yml issuer=github; key FILE; "
    "key env:NAME; builder docker/github-builder repo=acme/app."
)
_FIELDS = re.compile(r"\{\{ *(\w+) *\}\}")


class Row(NamedTuple):
    """One accepted signer. `name` is the key's file or `env:NAME`, or the builder; `words` are its conditions.

    A condition is a glob that matches a whole text, in which `*` stands for any text without `/`; `issuer` is no glob.
    `text` is the row as it was written.
    """

    kind: Kind
    name: str
    words: Mapping[str, str] = MappingProxyType({})
    text: str = ""

    def of_version(self, fields: Mapping[str, str]) -> "Row":
        """Return the row with `{{version}}` and its parts filled in. They are no globs, as a version has no `*`.

        `fields` has a text for each name. Raise `InputError` where it has none for a name in the row.
        """
        for name in _FIELDS.findall(" ".join(self.words.values())):
            if not fields.get(name):
                raise InputError(
                    f"{self.text!r} names {{{{{name}}}}}, and this build has none",
                    "Write what the ref is in full, or give the build a version.",
                )
        filled = {key: _FIELDS.sub(lambda match: fields[match[1]], value) for key, value in self.words.items()}
        return self._replace(words=filled)

    @property
    def issuer(self) -> str:
        """The address of the issuer, as in certificates."""
        said = self.words.get("issuer", "github" if self.kind == "builder" else "")
        return ISSUERS.get(said, (said, ""))[0]

    @property
    def repository(self) -> str:
        """The address of the repository, as in certificates; empty where the row has none."""
        said = self.words.get("repo", "")
        return said if not said or "://" in said else f"{self._site}{said}"

    @property
    def workflow(self) -> str:
        """The address of the workflow that signs, without `@` and its ref; empty where the row has none."""
        if self.kind == "builder":
            return f"{self._site}{BUILDERS[self.name]}"
        said = self.words.get("workflow", "")
        if not said or "://" in said:
            return said
        inside = said.startswith(".")
        return f"{self.repository}/{said}" if inside else f"{self._site}{said}"

    @property
    def predicates(self) -> tuple[str, ...]:
        """The globs of predicate types, one of which must match an attestation; empty where every type is accepted."""
        said = self.words.get("predicate", "")
        return PREDICATES.get(said, (said,)) if said else ()

    @property
    def _site(self) -> str:
        said = self.words.get("issuer", "github" if self.kind == "builder" else "")
        return ISSUERS[said][1] if said in ISSUERS else ISSUERS["github"][1] if said == ISSUERS["github"][0] else ""

    def __str__(self) -> str:
        return self.text


def parse_row(text: str) -> Row:
    """Return a row from its text. Raise `InputError`, which says what to write."""
    try:
        kind, *rest = shlex.split(text)
    except ValueError as error:
        raise InputError(f"{text!r}: {error}", _SHAPES) from error
    match kind:
        case "keyless":
            name = ""
        case "key" | "builder" if rest and "=" not in rest[0]:
            name = rest.pop(0)
        case _:
            raise InputError(f"{text!r} is no row", _first_word_hint(kind, rest, text) or _SHAPES)
    row = Row(kind, name, _words(kind, rest, text), text)
    _check(row)
    return row


def _words(kind: str, rest: list[str], text: str) -> dict[str, str]:
    words: dict[str, str] = {}
    for word in rest:
        key, equals, value = word.partition("=")
        if not equals or not value or key not in _WORDS[kind]:
            meant = _correction(key, value, kind)
            hint = f"Write `{text.replace(word, meant)}`. " if meant else ""
            raise InputError(
                f"{text!r}: {word!r} is not understood", f"{hint}A row {kind} has {', '.join(_WORDS[kind])}."
            )
        if key in words:
            raise InputError(f"{text!r} says `{key}` twice", "Write two rows: any one of them is enough.")
        words[key] = value
    return words


def _correction(key: str, value: str, kind: str) -> str:
    """Return the condition that a wrong word may mean: that of another tool, or a misspelled one; empty for none."""
    import difflib

    known = {"branch": "ref=refs/heads/", "tag": "ref=refs/tags/", "repository": "repo=", "subject": "identity="}
    if value and known.get(key, "").partition("=")[0] in _WORDS[kind]:
        return f"{known[key]}{value}"
    close = difflib.get_close_matches(key, _WORDS[kind], 1)
    return f"{close[0]}={value}" if value and close else ""


def _first_word_hint(kind: str, rest: Sequence[str], text: str) -> str:
    """Return a hint for a row that lacks its first words; empty where it does not look like one."""
    if "=" in kind and {word.partition("=")[0] for word in (kind, *rest)} <= set(_WORDS["keyless"]):
        return f"Write `keyless {text}`."
    if kind == "builder" and rest:
        return f"Write `builder {next(iter(BUILDERS))} {' '.join(rest)}`."
    return ""


def _field_hint(text: str, name: str) -> str:
    """Return a hint for a field that does not exist."""
    import difflib

    close = difflib.get_close_matches(name, ("version", "major", "minor", "patch"), 1)
    meant = re.sub(rf"\{{\{{ *{re.escape(name)} *\}}\}}", f"{{{{{close[0]}}}}}", text) if close else ""
    return f"Write `{meant}`." if meant else "A row may name {{version}}, {{major}}, {{minor}} and {{patch}}."


def _check(row: Row) -> None:
    """Raise `InputError` for a row that would accept anybody, or nobody."""
    for name in _FIELDS.findall(" ".join(row.words.values())):
        if name not in ("version", "major", "minor", "patch"):
            raise InputError(
                f"{row.text!r}: there is no field {{{{{name}}}}}",
                _field_hint(row.text, name),
            )
    if row.kind == "builder" and row.name not in BUILDERS:
        raise InputError(f"{row.name!r} is no builder that is known", f"The builders are: {', '.join(BUILDERS)}.")
    if row.kind == "builder" and "repo" not in row.words:
        raise InputError(
            f"{row.text!r} names no repository: anybody can use this builder",
            f"Write `{row.text} repo=OWNER/NAME`, with the owner and the name of the repository.",
        )
    if row.kind != "keyless":
        return
    if "issuer" not in row.words:
        raise InputError(
            f"{row.text!r} names no issuer, and any issuer can claim any identity",
            f"Write `{row.text} issuer=github`; or gitlab, google, or the issuer's address.",
        )
    if row.words["issuer"] not in ISSUERS and not re.fullmatch(r"https://[^\s*]+", row.words["issuer"]):
        raise InputError(
            f"{row.words['issuer']!r} is no issuer",
            f"Write one of {', '.join(ISSUERS)}, or its address as https://HOST, without `*`.",
        )
    if not {"identity", "repo", "workflow"} & row.words.keys():
        raise InputError(
            f"{row.text!r} names nobody: everybody can sign with this issuer",
            "Say who signs: repo=OWNER/NAME, workflow=… or identity=….",
        )
    if row.words.get("workflow", "").startswith(".") and not row.repository:
        raise InputError(
            f"{row.text!r} names a workflow without its repository",
            "Say whose: repo=OWNER/NAME, or OWNER/NAME/.github/… as the workflow.",
        )


def matches(glob: str, text: str) -> bool:
    """Say whether a glob matches the whole text: `*` stands for any text without `/`, all else for itself."""
    return _compile(glob).fullmatch(text) is not None


@cache
def _compile(glob: str) -> re.Pattern[str]:
    return re.compile("[^/]*".join(map(re.escape, re.split(r"\*+", glob))))
