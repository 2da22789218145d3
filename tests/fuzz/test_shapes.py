"""Values of the right shape with anything in them: what is read from outside is understood, or is an error of ours.

Challenges, `Link`, layouts, archives and the files of a build have such tests beside their own.
"""

import io
import json
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from tagger.cli import run
from tagger.errors import TaggerError
from tagger.images.manifests import INDEX_TYPES, MANIFEST_TYPES, Manifest
from tagger.images.source_spec import parse_source
from tagger.names import Reference, Repository
from tagger.rules.selection import Selection, Series
from tagger.rules.templates import Template
from tagger.rules.versions import SCHEMES, Scheme
from tagger.settings.file import read_settings_file
from tagger.settings.options import OPTIONS

NAMES = st.text("aZ09:/@.-_+~ \u00e9%#[]{}*<>=|\\\n", max_size=60) | st.text(max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
DESCRIPTORS = st.fixed_dictionaries(
    {}, optional={"mediaType": JSON, "digest": JSON, "size": JSON, "platform": JSON, "annotations": JSON, "urls": JSON}
)
PARTS = ("manifests", "config", "layers", "subject", "mediaType", "annotations")
MANIFESTS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(PARTS, JSON | DESCRIPTORS | st.lists(DESCRIPTORS, max_size=2))
)
KEYS = st.sampled_from([*(option.name for option in OPTIONS), "components", "<<", "x", "? ", "- a", "&a *a", "!!int"])
ODD = ["", "a", "{{version}}", "[a, b]", "{a: b}", "*a", "&a b", "|", "2.10", "true", "\t", "'", "!!set {}"]
LINES = st.builds("{}: {}".format, KEYS, st.sampled_from(ODD) | NAMES)
YAML = st.lists(LINES, max_size=6).map("\n".join)


@given(NAMES)
def test_names(text: str) -> None:
    for parse in (Reference.parse, Repository.parse, parse_source):
        with suppress(TaggerError):
            assert str(parse(text))


@given(NAMES, st.sampled_from(SCHEMES), st.sampled_from(["refuse", "underscore"]))
def test_versions_and_what_selects_them(text: str, scheme: str, build: str) -> None:
    Scheme(scheme, build).read(text)
    for parse in (Scheme(scheme, build).parse, Template.parse, Selection.parse, Series.parse):
        with suppress(TaggerError):
            parse(text)


@given(st.binary(max_size=60) | MANIFESTS.map(json.dumps).map(str.encode), st.sampled_from(sorted(MANIFEST_TYPES)))
def test_manifests(content: bytes, media_type: str) -> None:
    manifest = Manifest(media_type, content)
    assert manifest.is_index == (media_type in INDEX_TYPES)
    for read in (manifest.children, manifest.blobs, manifest.config, manifest.layers, manifest.subject):
        with suppress(TaggerError):
            read()


@given(YAML | st.binary(max_size=80))
def test_files_of_settings(content: str | bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "tagger.yml")
        path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
        with suppress(TaggerError):
            read_settings_file(path)


@given(st.dictionaries(st.sampled_from([v for option in OPTIONS for v in option.variables]), NAMES, max_size=4), NAMES)
def test_what_a_workflow_sets(environ: dict[str, str], ref: str) -> None:
    """A plan for which nothing is asked of any server: it is made, or refused with a message."""
    given_too = {"GITHUB_REF": f"refs/tags/{ref}", "GITHUB_SHA": ref}
    fixed = {"INPUT_COMMAND": "config", "INPUT_CONFIG": "", "TAGGER_CONFIG": "", "GITHUB_ACTIONS": "true"}
    out, err = io.StringIO(), io.StringIO()
    assert run([], given_too | environ | fixed, out, err, io.StringIO()) in (0, 2)
