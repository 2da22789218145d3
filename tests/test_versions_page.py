"""The page on versions says what the program does."""

import re
from pathlib import Path

from tagger.rules.templates import FIELDS, PLAIN_FIELDS
from tagger.rules.versions import SCHEMES
from tagger.version_from.files import KNOWN_FILES
from tagger.version_from.keyed import KEYS
from tools.spellings import PAGE, SPELLINGS, page

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_table_is_what_the_schemes_make_of_the_spellings() -> None:
    assert page(TEXT) == TEXT, "run `make docs`"
    assert len(set(SPELLINGS)) == 42


def test_every_scheme_and_field_is_explained() -> None:
    assert [scheme for scheme in SCHEMES if f"| `{scheme}`" not in TEXT] == []
    assert [field for field in (*FIELDS, *PLAIN_FIELDS) if f"`{{{{{field}" not in TEXT] == []


def test_every_file_that_is_known_is_named() -> None:
    assert [name for name in (*KNOWN_FILES, *KEYS) if f"`{name}`" not in TEXT] == []


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    assert [link for link in links if not (Path(PAGE).parent / link).exists()] == []
