"""The rules that a run follows in each repository: those of its policy, else those of the run's settings."""

from collections.abc import Iterable, Mapping

from tagger.errors import InputError, Refused, TaggerError
from tagger.rules.cascade import Rules
from tagger.rules.policy import Policy, Ruling, Said, agreed_policy, own_policy, ruling

__all__ = ["PolicyTerms"]


SHARED = "components share a repository, so it can have no policy: the settings of each component apply"


class PolicyTerms:
    """The rules of a run in all of its repositories.

    `said` is what the run says of each setting of the policy. `plain` are the templates of tags that belong to no
    version. `withdrawn` are the versions that the settings withdraw. With `required`, a repository without a policy is
    refused. Without `follows`, the settings apply everywhere, as where components share a repository. `stored` has the
    JSON of the policy of each repository that was asked about, None where it has none.
    """

    def __init__(
        self,
        said: Mapping[str, Said],
        *,
        plain: Iterable[str] = (),
        withdrawn: Iterable[str] = (),
        required: bool = False,
        follows: bool = True,
    ) -> None:
        self.said = said
        self.required = required
        self.follows = follows
        self.stored: dict[str, str | None] = {}
        self._plain, self._withdrawn = tuple(plain), tuple(withdrawn)
        self._policies: dict[str, Policy] = {}
        self._rules: dict[Policy, Rules] = {}
        self._agreed: Policy | None = None
        self._own: Policy | None = None

    @property
    def own(self) -> Policy:
        """The policy of the settings of the run."""
        if self._own is None:
            self._own = own_policy(self.said)
        return self._own

    def rules(self, stored: str | None, place: str) -> Rules:
        """Return the rules for the repository `place`, given the JSON of its policy, None where it has none.

        Raise `Refused` where the policy is not legible.
        """
        policy = self._in_force(stored, place) or self.own
        self.stored[place] = stored
        return self._rules_of(policy)

    @property
    def own_rules(self) -> Rules:
        """The rules of the settings of the run."""
        return self._rules_of(self.own)

    def rules_now(self, place: str) -> Rules:
        """Return the rules for a repository, by the policy that was last read there."""
        return self.rules(self.stored.get(place), place)

    def objection_now(self, place: str) -> TaggerError | None:
        """Return the objection for a repository, by the policy that was last read there."""
        return self.objection(self.stored.get(place), place)

    def ruling(self, stored: str | None, place: str) -> Ruling:
        """Return which policy applies. Raise `TaggerError` where it is not legible, or the run contradicts it."""
        if stored is None and self.required:
            raise Refused(
                f"{place} has no policy, and `require-policy` is set",
                "Run `policy set`, which stores one.",
                code="POLICY",
            )
        return ruling(self.said, self._in_force(stored, place), place)

    def objection(self, stored: str | None, place: str) -> TaggerError | None:
        """Return the error where the run contradicts the policy, or the policy is not legible; else None."""
        try:
            self.ruling(stored, place)
        except TaggerError as error:
            return error
        return None

    def agree(self) -> tuple[str, ...]:
        """Apply the policy of the repositories asked about so far to those of them without one too; return warnings.

        Raise `Refused` where two policies differ.
        """
        stored = {place: self._policy(text, place) for place, text in self.stored.items()}
        self._agreed, warnings = agreed_policy(stored)
        return warnings

    def summary(self) -> Ruling:
        """Return one ruling for the whole run, with every setting that differs anywhere, and every warning."""
        found: list[Ruling] = []
        for place, text in self.stored.items():
            try:
                found.append(self.ruling(text, place))
            except (InputError, Refused):
                policy = self._in_force(text, place)
                if policy:
                    found.append(Ruling(policy, "repository", self._differences(policy)))
        if not found:
            found.append(ruling(self.said, None, ""))
        differs = tuple(dict.fromkeys(name for one in found for name in one.differs))
        warnings = tuple(dict.fromkeys(text for one in found for text in one.warnings))
        if not self.follows:
            warnings = (*warnings, SHARED)
        source = next((one.source for one in found if one.source == "repository"), found[0].source)
        return Ruling(found[0].policy, source, differs, warnings)

    def _rules_of(self, policy: Policy) -> Rules:
        if policy not in self._rules:
            self._rules[policy] = policy.rules(plain=self._plain, withdrawn=self._withdrawn)
        return self._rules[policy]

    def _policy(self, stored: str | None, place: str) -> Policy | None:
        if stored is None or not self.follows:
            return None
        if stored not in self._policies:
            self._policies[stored] = Policy.parse(stored, place)
        return self._policies[stored]

    def _in_force(self, stored: str | None, place: str) -> Policy | None:
        """Return the policy that applies in a repository: its own, else the one that the other repositories share."""
        others = any(text is not None and other != place for other, text in self.stored.items())
        return self._policy(stored, place) or (self._agreed if others else None)

    def _differences(self, policy: Policy) -> tuple[str, ...]:
        differs = policy.differs(self.own)
        return tuple(name for name in differs if name in self.said)
