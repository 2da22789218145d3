"""The interface through which operations ask for the rules of a repository; `rules/terms.py` implements it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from tagger.errors import TaggerError
from tagger.rules.cascade import Rules
from tagger.rules.policy import Policy, Ruling

__all__ = ["DEFAULTS_DECIDE", "OwnTerms", "Terms"]

DEFAULTS_DECIDE = "the default rules decide: there is no policy, and no setting gives other rules"


class Terms(Protocol):
    """The rules of each repository: those of its policy, else those of the settings of the run."""

    @property
    def follows(self) -> bool:
        """Whether policies are read. Where they are not, the settings apply in every repository."""

    def rules(self, stored: str | None, place: str) -> Rules:
        """Return the rules for the repository `place`, given the JSON of its policy, None where it has none.

        Raise `Refused` where the policy is not legible.
        """

    def objection(self, stored: str | None, place: str) -> TaggerError | None:
        """Return the error where the run contradicts the policy, or the policy is not legible; else None."""

    def rules_now(self, place: str) -> Rules:
        """Return the rules for a repository, by the policy that was last read there."""

    def objection_now(self, place: str) -> TaggerError | None:
        """Return the objection for a repository, by the policy that was last read there."""

    def agree(self) -> Sequence[str]:
        """Apply one policy to all repositories that were asked about; return warnings. Raise `Refused`."""

    def summary(self) -> Ruling:
        """Return the source of the rules, the settings of the run that differ anywhere, and warnings."""


class OwnTerms(NamedTuple):
    """The rules of the run's settings, without regard to policies."""

    own: Rules
    follows: bool = True

    def rules(self, _stored: str | None, _place: str) -> Rules:
        """Return the rules of the settings."""
        return self.own

    def objection(self, _stored: str | None, _place: str) -> TaggerError | None:
        """Return None, as no policy applies."""
        return None

    def rules_now(self, _place: str) -> Rules:
        """Return the rules of the settings."""
        return self.own

    def objection_now(self, _place: str) -> TaggerError | None:
        """Return None, as no policy applies."""
        return None

    def agree(self) -> Sequence[str]:
        """Return no warnings, as the same rules apply everywhere."""
        return ()

    def summary(self) -> Ruling:
        """Return a ruling without a policy."""
        return Ruling(Policy.of({}), "default")
