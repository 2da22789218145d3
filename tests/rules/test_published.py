"""What the tags of a repository say of its versions."""

from tagger.rules.cascade import Rules
from tagger.rules.templates import DEFAULT_TEMPLATES
from tagger.rules.versions import Scheme

RULES = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme("numeric"), variants=("", "slim"))


def test_other_spellings_of_a_version() -> None:
    short, long = RULES.scheme.parse("1.2"), RULES.scheme.parse("1.02")
    published = RULES.published(["1.2", "1.02", "1.3", "1.02-slim"])
    assert published.spellings([short]) == {short: [long]}
    assert published.spellings([RULES.scheme.parse("1.3")]) == {}
    assert published.spellings([]) == {}


def test_a_spelling_that_is_withdrawn_does_not_count() -> None:
    assert RULES.published(["1.2", "1.02", "withdrawn-1.02"]).spellings([RULES.scheme.parse("1.2")]) == {}
