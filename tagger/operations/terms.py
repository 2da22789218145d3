"""By which rules a repository is decided, as operations ask for it; `rules/terms.py` answers for policies."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from tagger.errors import TaggerError
from tagger.rules.cascade import Rules
from tagger.rules.policy import Policy, Ruling

__all__ = ["DEFAULTS_DECIDE", "OwnTerms", "Terms"]

DEFAULTS_DECIDE = "the default rules decide: no setting says by which, and no policy is kept"


class Terms(Protocol):
    """By which rules the tags of a repository are decided: what its policy says, else the settings of the run."""

    @property
    def follows(self) -> bool:
        """False where no policy is read: whatever stands under its tag, the settings rule."""

    def rules(self, stored: str | None, place: str) -> Rules:
        """Return the rules for the repository `place`, given the JSON of its policy, None where it has none.

        Raise `Refused` where the policy is not legible.
        """

    def objection(self, stored: str | None, place: str) -> TaggerError | None:
        """Return what speaks against a run that was told something else than the policy says; None where nothing does.

        A run that meets this before it wrote anything ends there; later it first takes back what it wrote.
        """

    def rules_now(self, place: str) -> Rules:
        """Return the rules for a repository, by what was last known to be stored there."""

    def objection_now(self, place: str) -> TaggerError | None:
        """Return the objection for a repository, by what was last known to be stored there."""

    def agree(self) -> Sequence[str]:
        """Let one policy rule in every repository that was asked about; return warnings. Raise `Refused`."""

    def summary(self) -> Ruling:
        """Return where the rules of the run came from, what differs anywhere, and what to warn of."""


class OwnTerms(NamedTuple):
    """The rules of the run's settings, whatever a repository says."""

    own: Rules
    follows: bool = True

    def rules(self, _stored: str | None, _place: str) -> Rules:
        """Return the rules of the settings."""
        return self.own

    def objection(self, _stored: str | None, _place: str) -> TaggerError | None:
        """Return nothing: no policy is asked for."""
        return None

    def rules_now(self, _place: str) -> Rules:
        """Return the rules of the settings."""
        return self.own

    def objection_now(self, _place: str) -> TaggerError | None:
        """Return nothing: no policy is asked for."""
        return None

    def agree(self) -> Sequence[str]:
        """Return nothing: the same rules are everywhere."""
        return ()

    def summary(self) -> Ruling:
        """Return that no policy ruled."""
        return Ruling(Policy.of({}), "default")
