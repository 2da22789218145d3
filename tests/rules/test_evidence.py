"""What tags that stand tell of the settings behind them."""

from tagger.rules.evidence import MOST_ODD, odd_forms


def test_forms_of_revisions_that_differ_in_a_number_are_told_together() -> None:
    tags = [f"1.0.0-debian-{number}-ce.1" for number in range(10, 10 + MOST_ODD)]
    assert list(odd_forms(tags, [""])) == [tuple(sorted(f"-debian-{n}-ce.N" for n in range(10, 10 + MOST_ODD)))]


def test_of_too_many_the_number_is_no_part_of_a_form() -> None:
    assert list(odd_forms([f"1.0.0-debian-{number}-ce.1" for number in range(10, 11 + MOST_ODD)], [""])) == []
