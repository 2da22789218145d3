"""By which rules a run decides, over several repositories."""

import pytest

from tagger.errors import InputError, Refused
from tagger.rules.policy import Policy, Said
from tagger.rules.terms import SHARED, PolicyTerms

STRICT = Policy.of({"stable": ("<3",)}).to_json()
OTHER = Policy.of({"stable": ("<4",)}).to_json()


def stable(origin: str = "--stable", *, in_file: bool = False, text: str = "<2") -> dict[str, Said]:
    return {"stable": Said((text,), origin, in_file)}


def test_without_a_policy_the_settings_rule() -> None:
    terms = PolicyTerms(stable(), plain=["sha-{{sha}}"], withdrawn=["2.1.4"])
    rules = terms.rules(None, "x")
    assert (rules.stable.text, [one.text for one in rules.plain]) == ("<2", ["sha-{{sha}}"])
    assert rules.withdrawn == frozenset({"2.1.4"})
    assert terms.objection(None, "x") is None
    assert terms.summary()[1:] == ("settings", (), ())
    assert PolicyTerms({}).summary().source == "default"


def test_the_policy_of_a_repository_rules_and_is_read_once() -> None:
    terms = PolicyTerms({})
    assert terms.rules(STRICT, "x").stable.text == "<3"
    assert terms.rules(STRICT, "x") is terms.rules(STRICT, "x")
    assert terms.summary()[1:] == ("repository", (), ())


def test_what_the_run_was_told_otherwise_is_an_objection() -> None:
    terms = PolicyTerms(stable())
    assert terms.rules(STRICT, "x").stable.text == "<3"
    error = terms.objection(STRICT, "x")
    assert isinstance(error, InputError)
    assert error.code == "POLICY"
    assert terms.summary()[1:] == ("repository", ("stable",), ())


def test_a_file_is_a_warning() -> None:
    terms = PolicyTerms(stable(".tagger.yml:3:9", in_file=True))
    assert terms.rules(STRICT, "x").stable.text == "<3"
    assert terms.objection(STRICT, "x") is None
    _, source, differs, warnings = terms.summary()
    assert (source, differs) == ("repository", ("stable",))
    assert warnings == (".tagger.yml:3:9 says stable: <2, and the policy of x says <3: the policy applies",)


def test_one_that_is_not_legible_is_refused() -> None:
    with pytest.raises(Refused, match="x: the policy is not legible"):
        PolicyTerms({}).rules("{}", "x")
    with pytest.raises(Refused, match="x: the policy is not legible"):
        PolicyTerms({}).rules("", "x")


def test_where_a_policy_is_required_a_repository_without_one_is_refused() -> None:
    terms = PolicyTerms({}, required=True)
    error = terms.objection(None, "x")
    assert isinstance(error, Refused)
    assert (error.code, error.exit_code) == ("POLICY", 1)
    assert terms.objection(STRICT, "x") is None


def test_several_repositories_take_the_policy_that_one_has() -> None:
    terms = PolicyTerms({})
    assert terms.rules(None, "x").stable.text == ""
    assert terms.rules(STRICT, "y").stable.text == "<3"
    assert terms.agree() == ("x has no policy: that of y applies there too",)
    assert terms.rules(None, "x").stable.text == "<3"
    assert terms.summary()[1:] == ("repository", (), ())
    assert terms.rules(None, "y").stable.text == ""  # it was removed during the run
    assert terms.rules(None, "x").stable.text == ""
    terms.rules(STRICT, "y")
    terms.rules(OTHER, "x")
    with pytest.raises(Refused, match="differ"):
        terms.agree()


def test_what_was_stored_last_is_what_rules_now() -> None:
    terms = PolicyTerms(stable())
    assert terms.own_rules.stable.text == "<2"
    assert terms.rules_now("x").stable.text == "<2"
    assert terms.objection_now("x") is None
    terms.rules(STRICT, "x")
    assert terms.rules_now("x").stable.text == "<3"
    assert isinstance(terms.objection_now("x"), InputError)


def test_a_policy_is_read_by_all_who_ask_and_once() -> None:
    terms = PolicyTerms({})
    assert terms.own is terms.own
    assert terms.rules(None, "x") is terms.rules(None, "y")


def test_a_policy_that_is_wanted_and_not_there_is_in_no_summary() -> None:
    terms = PolicyTerms({}, required=True)
    terms.rules(None, "x")
    assert isinstance(terms.objection_now("x"), Refused)
    assert terms.summary().source == "default"


def test_components_that_share_a_repository_follow_no_policy() -> None:
    terms = PolicyTerms(stable(), follows=False)
    assert terms.rules(STRICT, "x").stable.text == "<2"
    assert terms.summary().warnings == (SHARED,)
