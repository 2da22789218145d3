"""What a workflow and a checkout say: names, versions, templates, rows, options, files of settings, policies."""

import io
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tagger.cli import run
from tagger.errors import TaggerError
from tagger.gates.bases import parse_line
from tagger.gates.signatures.rows import matches, parse_row
from tagger.images.source_spec import parse_source
from tagger.names import Reference, Repository, check_digest, check_tag
from tagger.rules.cascade import cascade
from tagger.rules.patterns import compile_pattern
from tagger.rules.policy import Policy
from tagger.rules.retention import duration, keep_limit, tag_rule
from tagger.rules.revisions import Revision
from tagger.rules.rows.dates import moment
from tagger.rules.rows.expressions import Expression
from tagger.rules.rows.facts import BuildFacts
from tagger.rules.rows.flavor import Flavor
from tagger.rules.rows.meaning import Rows
from tagger.rules.selection import Selection, Series
from tagger.rules.templates import Template
from tagger.rules.variants import Variants
from tagger.rules.versions import SCHEMES, Scheme
from tagger.settings.file import read_settings_file
from tagger.settings.options import OPTIONS
from tests.fuzz.parser import Parser, document, halves, one_of, text

__all__ = ["PARSERS"]

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FACTS = BuildFacts(NOW, "push", "refs/heads/main", "1a" * 20, "main", commit_time=lambda: NOW)


def _names(content: bytes) -> None:
    found = text(content)
    for parse in (Reference.parse, Repository.parse, parse_source):
        with suppress(TaggerError):
            read = parse(found)
            assert parse(str(read)) == read
    for check in (check_tag, check_digest):
        with suppress(TaggerError):
            assert check(found) == found


def _version(content: bytes) -> None:
    found = text(content)
    for name in SCHEMES:
        for build in ("refuse", "underscore"):
            scheme = Scheme.of(name, build, ("-N", "-rN", "_N", "-k3sN"))
            scheme.read(found)
            with suppress(TaggerError):
                scheme.parse(found)


def _versions(content: bytes) -> None:
    """Read a listing of tags, and give each floating tag to its version."""
    rules = Policy.of({"variants": ["default", "alpine"], "channels": ["rc", "edge=alpha,beta"]}).rules()
    published = rules.published([tag for tag in text(content[:600]).split("\n") if tag])
    cascade(published.versions, rules)


def _template(content: bytes) -> None:
    template = Template.parse(text(content))
    scheme = Scheme("semver", "refuse")
    template.fill_plain(lambda _name: "x", "alpine")
    if not template.is_plain:
        template.fill(scheme.parse("2.1.4"))
        template.reader(scheme, "")("2.1.4")
    template.pattern("alpine", ["rc"])


def _selection(content: bytes) -> None:
    found = text(content)
    version = Scheme("semver", "refuse").parse("2.1.4")
    with suppress(TaggerError):
        Series.parse(found).order(version)
    assert isinstance(Selection.parse(found).canonical, str)


def _pattern(content: bytes) -> None:
    """A search of what is taken ends in time: the fuzzer says what is slow."""
    compile_pattern(text(content)).search("a1-" * 40 + "!")


def _glob(content: bytes) -> None:
    glob, name = halves(content)
    matches(text(glob), text(name))


def _rows(content: bytes) -> None:
    rows = Rows.parse(text(content).split("\n"))
    scheme = Scheme(rows.scheme, "refuse")
    assert all(Template.parse(template) for template in rows.templates)
    for ref in ("refs/tags/v2.1.4", "refs/heads/main", "refs/pull/7/merge"):
        with suppress(TaggerError):
            rows.fill(FACTS._replace(ref=ref), scheme.parse)


def _date(content: bytes) -> None:
    form, zone = halves(content)
    moment(NOW, text(form), text(zone) or "UTC")


def _one_option(content: bytes) -> None:
    number, value = content[:1], content[1:]
    option = OPTIONS[(number or b"\0")[0] % len(OPTIONS)]
    entries = option.split([text(value)])
    if entries or option.is_list:
        option.read(tuple(map(option.parse, entries)))


def _settings(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, ".tagger.yml")
        path.write_bytes(content)
        read_settings_file(path)


def _workflow(content: bytes) -> None:
    """Make the settings of a run: a settings file, and lines of `VARIABLE=VALUE` behind an empty line."""
    file, _, lines = content.partition(b"\n\n")
    pairs = [line.partition("=") for line in text(lines).replace("\0", "").split("\n")]
    environ = {name: value for name, equals, value in pairs if equals and name}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "settings.yml").write_bytes(file)
        fixed = {"INPUT_COMMAND": "config", "GITHUB_ACTIONS": "true", "HOME": folder}
        words = ["--config", f"{folder}/settings.yml", "--json"]
        out, err = io.StringIO(), io.StringIO()
        assert run(words, environ | fixed, out, err, io.StringIO()) in (0, 2), err.getvalue()


def _policy(content: bytes) -> None:
    policy = Policy.parse(content, "it")
    again = Policy.parse(policy.to_json(), "it")
    assert again.to_json() == policy.to_json()
    rules = policy.rules()
    cascade(rules.published(["2.1.4", "2.1.5-rc.1", "3.0.0-alpine", "latest"]).versions, rules)


GLOBS = Parser("globs", _glob, [b"acme/*\nacme/app", b"refs/tags/v*.*.*\nrefs/tags/v2.1.4", b"*a*a*a*\naaaaaaaaaaab"])

FLAVORS = Parser(
    "flavors",
    lambda content: Flavor.parse(text(content).split("\n")).variant,
    [
        b"latest=auto\nprefix=v,onlatest=true\nsuffix=-alpine",
        b"suffix=-a,onlatest=",
        b"latest=x",
    ],
)

PARSERS = (
    Parser(
        "names",
        _names,
        [
            b"ghcr.io/acme/app:2.1.4",
            b"localhost:5000/app@sha256:" + b"1a" * 32,
            b"acme/app",
            b"[::1]:5000/a:b",
            b"docker-daemon:app:build",
            b"oci:dir:tag",
            b"oci-archive:C:/x.tar:2.1",
            b"alpine=docker://a/b",
            b"acme/app:",
            b"x@sha512:",
        ],
    ),
    Parser(
        "versions",
        _version,
        [
            b"2.1.4",
            b"v2.1.4-rc.1+5",
            b"26.1.2.Final",
            b"2026.07.1",
            b"3.15.0rc1.post2.dev3+abc",
            b"2.1.4-k3s2",
            b"1!2.0",
            b"2.1.4_5",
            b"10.20.30-r7",
            b"2.1.4-alpine3.20",
        ],
    ),
    Parser(
        "listings of versions",
        _versions,
        [
            b"2.1.4\n2.1.5-rc.1\nlatest\n2.1\n2.1.4-alpine\nwithdrawn-2.1.4\nheld-2.1.5",
            b"v1.2.3\n1.2.3\n01.2.3\n1.2.3.4",
        ],
    ),
    Parser(
        "templates",
        _template,
        [
            b"{{version}}",
            b"{{major}}.{{minor}}",
            b"latest-{{variant}}",
            b"v{{raw}}",
            b"{{channel}}",
            b"{{date 'YYYYMMDD'}}",
            b"{{" * 20,
            b"{{sha}}-{{branch}}",
        ],
    ),
    one_of(
        "ranges and globs",
        Parser("ranges and series", _selection, [b"<3.0", b">=2.1, <3 || 4", b"/^2\\./", b"~2.1", b"^1", b"2.1", b"*"]),
        GLOBS,
    ),
    Parser(
        "regular expressions",
        _pattern,
        [
            rb"^[0-9]+\.[0-9]+$",
            rb"(a|b)?c{2,3}",
            b"(?!2)",
            b"(?i)LTS",
            b"[^]a]+",
            b"a*b*c*!",
            b"(?:a?){9}",
        ],
    ),
    one_of(
        "revisions, variants, flavors",
        Parser(
            "revisions",
            lambda content: Revision.parse(text(content)).split("2.1.4-r7"),
            [
                b"-N",
                b"-rN",
                b"_N",
                b"-N.N",
                b"-k3sN",
                b"{{variant}}-rN",
            ],
        ),
        Parser(
            "variants",
            lambda content: Variants.of(text(content).split()).aliases("alpine3.20"),
            [
                b"default alpine=alpine3.* bookworm",
                b"a=b* a=c*",
                b"=",
                b"*",
            ],
        ),
        FLAVORS,
    ),
    Parser(
        "rows",
        _rows,
        [
            b"type=semver,pattern={{version}}\ntype=ref,event=branch\ntype=sha",
            b"type=raw,value={{branch}}-{{date 'X'}}",
            b"type=match,pattern=v(\\d+),group=1",
            b"type=schedule,pattern={{date 'YYYYMMDD' tz='Asia/Tokyo'}}",
            b"type=pep440,pattern={{major}},suffix=-a,enable={{#if is_default_branch}}true{{/if}}",
            b'"type=edge,branch=x"',
        ],
    ),
    one_of(
        "expressions, dates, labels",
        Parser(
            "expressions",
            lambda content: Expression.parse(text(content)).render(FACTS),
            [
                b"{{#if tag}}a{{else}}{{branch}}{{/if}}",
                b"{{date 'YYYY-MM-DDTHH:mm:ssZ' tz='Europe/Paris'}}",
                b"{{{sha}}}",
                b"{{! a}}",
                b"{{" * 100,
                b"{{#unless base_ref}}" * 8,
            ],
        ),
        Parser(
            "dates", _date, [b"YYYYMMDD\nUTC", b"[at] dddd Do MMMM gggg\nAsia/Tokyo", b"X x SSS Z ZZ\n../../etc/passwd"]
        ),
        Parser(
            "labels and annotations",
            lambda content: [
                OPTIONS[number].parse(text(content))
                for number, one in enumerate(OPTIONS)
                if one.name in ("labels", "annotations")
            ],
            [b"org.opencontainers.image.title=a=b", b"=x", b"a={{date 'X'}}"],
        ),
    ),
    one_of(
        "signers, bases, retention",
        Parser(
            "signers and bases",
            lambda content: (parse_line(text(content)), parse_row(text(content))),
            [
                b"keyless repo=acme/app workflow=.github/workflows/a.yml ref=refs/tags/v{{version}} issuer=github",
                b"key cosign.pub predicate=slsaprovenance",
                b"builder docker/github-builder repo=acme/app",
                b"official",
                b"ghcr.io/acme/base-*:2.*",
                b"oci:dir:tag key env:K",
            ],
        ),
        Parser(
            "retention",
            lambda content: [read(text(content)) for read in (keep_limit, tag_rule, duration)],
            [b"major=3", b"pr-* age=14d", b"sha-* count=20", b"7d", b"9" * 60 + b"w"],
        ),
    ),
    Parser("each option", _one_option, [bytes([number]) + b"2.1.4" for number in range(0, len(OPTIONS), 4)]),
    Parser(
        ".tagger.yml",
        _settings,
        [
            b"images:\n  - ghcr.io/acme/app\ntags: |\n  {{version}}\n  latest\n",
            b"components:\n  a: {images: b}\n",
            b"a: &a [*a]\n",
            b"version: 2.10\nstable: '<3'\n? x\n: y\n",
            b"- a\n",
            b"!!set {a}",
            b"%YAML 9\n---\n",
            b"images: [a, b\n",
            b"token: x\npassword: y\n",
        ],
    ),
    Parser(
        "settings of a run",
        _workflow,
        [
            b"images: ghcr.io/acme/app\n\nINPUT_TAGS={{version}}\nGITHUB_REF=refs/tags/v2.1.4",
            b"\n\nINPUT_LOGINS=ghcr.io a b\nINPUT_PLATFORMS=linux/amd64\nTAGGER_NOW=x",
            b"\n\nINPUT_VARIANT=a\nTAGGER_JOBS=1e3",
        ],
    ),
    Parser(
        "policies",
        _policy,
        [
            Policy.of({"variants": ["default", "alpine"], "stable": ["/^2/"], "revisions": ["-rN"]}).to_json().encode(),
            document({"format": 1}),
            b'{"format": 1, "format": 2}',
            b'{"format": 1e400}',
        ],
    ),
)
