"""What settings make of tags that stand."""

from tagger.rules.assessment import Candidate, assess


def test_settings_that_contradict_themselves() -> None:
    sound = assess(Candidate(tags=("{{version}}", "{{major}}.{{minor}}")), {"1.2.3": "a"})
    wrong = assess(Candidate(tags=("{{version}}", "{{major}}.{{minor}}.0")), {"1.2.3": "a"})
    assert sound is not None
    assert sound.is_consistent
    assert wrong is not None
    assert not wrong.is_consistent  # 1.2.0 would be a version of its own


def test_settings_that_the_tags_contradict() -> None:
    both = Candidate(tags=("{{version}}", "v{{version}}"))
    assert assess(both, {"1.2.3": "a", "v1.2.3": "a"}) is not None
    assert assess(both, {"1.2.3": "a", "v1.2.3": "b"}) is None
