"""Labels and annotations: their order, and what annotations are about."""

import pytest

from tagger.errors import InputError
from tagger.rules.rows.labels import image_labels, with_levels
from tests.rules.rows.filling import MAIN

PROJECT = {"name": "app", "description": "An app", "url": "https://github.com/acme/app", "license": "MIT"}


def test_keys_are_sorted_as_javascript_compares_texts() -> None:
    """Recorded: docker/metadata-action v6.2.0, labels in this order."""
    own = [("Zeta", "1"), ("alpha", "2"), ("ab-c", "3"), ("ab_d", "4"), ("ab.e", "5"), ("AB.e", "6"), ("ab.E", "7")]
    keys = [line.partition("=")[0] for line in image_labels(MAIN, PROJECT, "main", own)]
    assert [key for key in keys if not key.startswith("org.")] == [
        "ab_d", "ab-c", "ab.e", "ab.E", "AB.e", "alpha", "Zeta"
    ]  # fmt: skip
    assert keys[-2:] == ["org.opencontainers.image.version", "Zeta"]


def test_annotations_say_what_they_are_about() -> None:
    assert with_levels(["a=1", "b=2"], "") == ("manifest:a=1", "manifest:b=2")
    assert with_levels(["a=1", "b=2"], "manifest,index") == ("manifest:a=1", "manifest:b=2", "index:a=1", "index:b=2")


def test_an_expression_that_is_none_is_named_with_its_label() -> None:
    with pytest.raises(InputError, match=r"^team=\{\{crew\}\}: \{\{crew\}\} is not known"):
        image_labels(MAIN, PROJECT, "main", [("team", "{{crew}}")])
