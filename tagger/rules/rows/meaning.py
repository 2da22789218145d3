"""What rows mean: the templates of versions, and for one build its version and its plain tags."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Self

from tagger.errors import InputError
from tagger.names import check_tag
from tagger.rules.cascade import Rules
from tagger.rules.marks import is_reserved
from tagger.rules.rows.expressions import DATES, Expression
from tagger.rules.rows.facts import BuildFacts
from tagger.rules.rows.flavor import Flavor
from tagger.rules.rows.patterns import sample_template, template_of
from tagger.rules.rows.row import Row, pattern_text, safe, within
from tagger.rules.rows.row_text import date_warnings, row_text
from tagger.rules.templates import LATEST, Template
from tagger.rules.versions import Version

__all__ = ["Filled", "PlainTag", "Rows"]

OWN_LATEST = "latest=false"
_ENABLED = "enable=${{ startsWith(github.ref, 'refs/tags/v') }}"
_FIELDS = re.compile(r"\{\{\w+\}\}|[v._-]")


class PlainTag(NamedTuple):
    """A tag that belongs to no version, and the row that makes it.

    `dated` is true for a tag made of a date or a commit: it may look like a floating tag, as `20260110` does.
    """

    tag: str
    row: str
    dated: bool = False


class Filled(NamedTuple):
    """The result of the rows for one build.

    `version` is None where no row reads one. `origin` says where it was read. `earned` has the templates of the rows
    that make a tag of the version in this build, and that of `latest`. `notes` are sentences for people.
    """

    version: Version | None = None
    origin: str = ""
    earned: tuple[str, ...] = ()
    plain: tuple[PlainTag, ...] = ()
    notes: tuple[str, ...] = ()

    def plain_tags(self, rules: Rules) -> tuple[str, ...]:
        """Return the plain tags, each once. Raise `InputError` for one that the rules give to a version."""
        own = rules.exact_tags(self.version) if self.version else ()
        for one in self.plain:
            taken = rules.read(one.tag) or is_reserved(one.tag) if one.dated else rules.claims(one.tag)
            if taken and one.tag not in own:
                raise InputError(
                    f"the row `{one.row}` gives the tag {one.tag}, which belongs to a version or is reserved",
                    "Put a word before it, as prefix=build-; use type=semver for the tags of versions.",
                )
        return tuple(dict.fromkeys(one.tag for one in self.plain if one.tag not in own))


class Rows(NamedTuple):
    """Rows, the one of the highest priority first, and the flavor of their tags."""

    rows: tuple[Row, ...]
    flavor: Flavor = Flavor()
    tag_prefix: str = ""

    @classmethod
    def parse(cls, lines: Iterable[str], flavor: Iterable[str] = (), tag_prefix: str = "") -> Self:
        """Read rows. Raise `InputError` that names the row for what is wrong in it."""
        read = [Row.parse(line) for line in lines]
        rows = cls(tuple(sorted(read, key=lambda row: -row.priority)), Flavor.parse(flavor), tag_prefix)
        rows._check()
        return rows

    @property
    def scheme(self) -> str:
        """The scheme of their versions, where no setting gives it."""
        return "pep440" if any(row.type == "pep440" for row in self.rows) else "semver"

    @property
    def variant(self) -> str:
        """The variant that the flavor's suffix names; empty where a row for versions has a suffix of its own."""
        versions = [row for row in self.rows if row.of_version]
        return self.flavor.variant if versions and all(row.suffix is None for row in versions) else ""

    @property
    def templates(self) -> tuple[str, ...]:
        """The templates of versions, as if every row were enabled: they are the same for every build."""
        pairs = [(row, template) for row in self.rows if row.of_version and (template := self._template(row))]
        if not any(Template.parse(template).is_exact for _, template in pairs):
            pairs = [(row, template) for row, template in pairs if self._is_of_numbers(row)]
            # Such a row gives a prerelease its whole version, whatever the pattern. One exact tag has to be staged.
            pairs += [(row, text) for row, _ in pairs[:1] if (text := self._around(row, "{{version}}"))]
        latest = self._latest_template if pairs and self.flavor.latest != "false" else ""
        return tuple(dict.fromkeys(filter(None, (*(template for _, template in pairs), latest))))

    def culprit(self, is_refused: Callable[[tuple[str, ...]], bool]) -> str:
        """Return the first row whose template `is_refused` together with those of the rows before it; else empty."""
        made = [Template.parse(text).canonical for text in self.templates if Template.parse(text).is_exact][:1]
        for row in self.rows:
            template = self._template(row) if row.of_version else None
            if template in self.templates and template not in made:
                if is_refused((*made, template)):
                    return row.text
                made.append(template)
        return ""

    def fill(self, facts: BuildFacts, parse: Callable[[str], Version], given: str = "") -> Filled:
        """Fill in the rows for one build. Raise `InputError` that names the row.

        `parse` reads a version. `given` is the text of the version that the option `version` gives, or empty.
        """
        fired: list[tuple[Row, str]] = []
        notes: list[str] = []
        for row in self.rows:
            with within(row.text):
                text = row_text(row, self._affixes(row), facts, given, self.tag_prefix)
                if text is not None:
                    fired.append((row, text))
                    notes += date_warnings(row, self._affixes(row), facts)
        version, origin = self._version(fired, facts, parse, given)
        earned: list[str] = []
        plain: list[PlainTag] = []
        brings_latest: list[bool] = []
        for row, text in fired:
            with within(row.text):
                template = self._earned_template(row, text, version)
                if template:
                    earned.append(template)
                elif tag := self._plain(row, text, version, facts):
                    plain.append(tag)
                else:
                    continue
                brings_latest.append(bool(template))
        if earned and not any(Template.parse(template).is_exact for template in earned):
            earned += [template for template in self.templates if Template.parse(template).is_exact][:1]
        if version and self.flavor.latest != "false":
            notes += self._unowned_notes(fired)
        filled = Filled(version, origin, tuple(earned), tuple(plain), tuple(notes))
        return self._with_latest(filled, brings_latest[:1] == [True])

    def _unowned_notes(self, fired: list[tuple[Row, str]]) -> Iterator[str]:
        """Yield a note for each row whose tag no version can own, as its prefix or suffix differs between builds."""
        for row, _ in fired:
            if row.reads_version and self._template(row) is None:
                what = f"the row `{row.text}` has a prefix or suffix that differs between builds"
                yield f"{what}: it does not set `{LATEST}`"

    def _with_latest(self, filled: Filled, brings: bool) -> Filled:
        """Add `latest` as the flavor says, where there is any other tag."""
        flavor, templates = self.flavor, self.templates
        if flavor.latest == "false" or not (filled.earned or filled.plain):
            return filled
        if filled.version and filled.earned:
            added = brings or flavor.latest == "true"
            return filled._replace(earned=(*filled.earned, self._latest_template)) if added else filled
        if flavor.latest == "auto":
            return filled
        if templates:
            note = f"this build does not get `{LATEST}`: it belongs to the newest version, and this build has none"
            return filled._replace(notes=(*filled.notes, note))
        return filled._replace(plain=(*filled.plain, PlainTag(self._latest_tag, "flavor latest=true")))

    def _version(
        self, fired: list[tuple[Row, str]], facts: BuildFacts, parse: Callable[[str], Version], given: str
    ) -> tuple[Version | None, str]:
        """Return the version of the build, and where it was read."""
        read: list[tuple[Row, Version]] = []
        for row, text in fired:
            if row.reads_version:
                with within(row.text):
                    read.append((row, _read_version(text, parse)))
        for row, version in read[1:]:
            if version != read[0][1]:
                raise InputError(
                    f"the row `{read[0][0].text}` reads {read[0][1]}, and the row `{row.text}` reads {version}",
                    "A build has one version: let both rows read the same one.",
                )
        tag = given or facts.tag.removeprefix(self.tag_prefix)
        if read:
            row, version = read[0]
            # A `match` row may leave out the `v` that the tag of a `ref` row has.
            spelled = _attempt(parse, tag) if any(row.type == "ref" for row, _ in fired) else None
            origin = "tags" if row.attributes["value"] else "version" if given else "git-tag"
            return spelled if spelled == version else version, origin
        for row, text in fired:
            own = row.attributes.get("value")
            for candidate in (text,) if own else (tag, text if row.type == "match" else ""):
                if row.of_version and candidate and (found := _attempt(parse, candidate)):
                    return found, "tags" if own else "version" if given else "git-tag"
        return None, ""

    def _earned_template(self, row: Row, text: str, version: Version | None) -> str | None:
        """Return the template of a row that makes a tag of the version; None for a row that makes a plain tag."""
        if version is None or not row.of_version:
            return None
        template = self._template(row)
        if template not in self.templates or row.reads_version:
            return template if template in self.templates else None
        base = template_of(text.removeprefix(self.tag_prefix), version)
        if row.type == "ref":
            return template if base in ("{{raw}}", "{{version}}") else None
        named = self._around(row, base) if base else None
        filled = Template.parse(template).fill(version)
        return template if named and filled == Template.parse(named).fill(version) else None

    def _plain(self, row: Row, text: str, version: Version | None, facts: BuildFacts) -> PlainTag | None:
        """Return the plain tag of a row."""
        if version and row.reads_version:
            template = Template.parse(pattern_text(row.attributes["pattern"]))
            if version.prerelease and not template.is_exact:
                template = Template.parse("{{version}}")
            text = template.fill(version) or ""
        prefix, suffix = self._affixes(row)
        tag = safe(f"{prefix.render(facts)}{text}{suffix.render(facts)}")
        if not tag:
            return None
        dated = row.type in ("schedule", "sha") or not row.expression.names.isdisjoint((*DATES, "sha"))
        return PlainTag(check_tag(tag), row.text, dated)

    def _is_of_numbers(self, row: Row) -> bool:
        """Say whether a row reads a version, or finds only numbers of one. `release1` may be a tag of its own."""
        return row.reads_version or not _FIELDS.sub("", sample_template(row, self.tag_prefix) or "none")

    def _template(self, row: Row) -> str | None:
        """Return the template of a row for versions; None where its prefix or suffix depends on the build."""
        with within(row.text):
            if row.reads_version:
                base: str | None = pattern_text(row.attributes["pattern"])
            elif row.type == "ref":
                base = f"{safe(self.tag_prefix)}{{{{raw}}}}"
            else:
                base = sample_template(row, self.tag_prefix)
            text = self._around(row, base) if base else None
            return Template.parse(text).canonical if text else None

    def _around(self, row: Row, base: str) -> str | None:
        """Return a template with prefix and suffix, without a suffix that is the variant; None as in `_template`."""
        prefix, suffix = self._affixes(row)
        before, after = prefix.constant, "" if self.variant else suffix.constant
        return None if before is None or after is None else f"{safe(before)}{pattern_text(base)}{safe(after)}"

    def _affixes(self, row: Row) -> tuple[Expression, Expression]:
        """Return the prefix and the suffix of the tags of a row: its own, else the flavor's."""
        flavor = self.flavor
        prefix = flavor.prefix.text if row.prefix is None else row.prefix
        return prefix, flavor.suffix.text if row.suffix is None else row.suffix

    @property
    def _latest_template(self) -> str:
        """The template of `latest`, with the flavor's prefix and suffix."""
        before, after = self._around_latest
        if self.variant:
            return f"{before}{LATEST}" if before else f"{LATEST}-{{{{variant}}}}"
        return f"{before}{LATEST}{after}"

    @property
    def _latest_tag(self) -> str:
        before, after = self._around_latest
        return f"{before}{LATEST}{after}"

    @property
    def _around_latest(self) -> tuple[str, str]:
        pair = (self.flavor.prefix, self.flavor.suffix)
        before, after = ((affix.text.constant or "") if affix.on_latest else "" for affix in pair)
        return safe(before), safe(after)

    def _check(self) -> None:
        """Raise `InputError` where the flavor and the rows disagree about `latest`."""
        templates, flavor = self.templates, self.flavor
        owns = flavor.latest != "false" and (bool(templates) or flavor.latest == "true")
        if owns and flavor.suffix.text.nodes and not flavor.suffix.on_latest:
            shown = flavor.suffix.text.constant or "-…"
            raise InputError(
                f"the flavor gives tags the suffix {shown}, but not `{LATEST}`: this build would take the main image's",
                f"Write `suffix={shown},onlatest=true`, or add `flavor: {OWN_LATEST}`.",
            )
        for row in self.rows if owns and templates else ():
            prefix, suffix = (affix.constant for affix in self._affixes(row))
            value = row.expression.constant if row.type == "raw" else None
            if value is not None and f"{prefix or ''}{value}{suffix or ''}" == self._latest_tag:
                raise InputError(
                    f"the row `{row.text}` sets {self._latest_tag}, which belongs to the newest version",
                    f"Set `flavor: {OWN_LATEST}` if only this row shall set it; or leave the row out.",
                )


def _read_version(text: str, parse: Callable[[str], Version]) -> Version:
    try:
        return parse(text)
    except InputError as error:
        # A tag such as `vfoo` passes the condition that is proposed for others.
        enabled = "" if text.startswith("v") else f", or let the row be enabled for versions only, as {_ENABLED}"
        hint = f"{error.hint} Where other tags start the workflow too, narrow its trigger to v[0-9]*{enabled}."
        raise InputError(error.message, hint, code=error.code) from error


def _attempt(parse: Callable[[str], Version], text: str) -> Version | None:
    try:
        return parse(text)
    except InputError:
        return None
