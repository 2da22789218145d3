"""The settings of one run: the value of every option, and what follows from several."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.images.registry.defaults import MOST_JOBS
from tagger.names import Repository
from tagger.rules.cascade import Rules
from tagger.rules.templates import Template
from tagger.rules.words import DEFAULT_VARIANT
from tagger.settings.addresses import Login
from tagger.settings.builds import digests_of_variants
from tagger.settings.gates import GateOptions
from tagger.settings.option import Given
from tagger.settings.options import OPTIONS
from tagger.settings.prune_options import PruneOptions
from tagger.settings.release_options import ReleaseOptions
from tagger.settings.run_options import RunOptions

if TYPE_CHECKING:  # most runs have templates
    from tagger.rules.rows.meaning import Rows

__all__ = ["Settings"]


class Settings(ReleaseOptions, GateOptions, PruneOptions, RunOptions):
    """The settings of one run, or of one component of it: the value of each option is an attribute.

    `texts` are the entries of each option, given or by default; `given` has only the given ones, and where they stand.
    `wrong` names the options with an entry that cannot be read: such a run ends before it works.
    `rules` are how tags follow from versions; `all_logins` are the logins of every option; `component` is the name of
    the component, and `shared` says that another one releases to the same repository. `pattern` is the word that limits
    what `tags` shows; `rows` are what the option `tags` has instead of templates.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        *,
        rules: Rules,
        all_logins: tuple[Login, ...] = (),
        component: str = "",
        shared: bool = False,
        texts: Mapping[str, tuple[str, ...]],
        given: Mapping[str, Given],
        wrong: frozenset[str] = frozenset(),
    ) -> None:
        self.values = values
        self.rules = rules
        self.all_logins = all_logins
        self.component = component
        self.shared = shared
        self.texts = texts
        self.given = given
        self.wrong = wrong
        self.pattern = ""
        self.rows: Rows | None = None

    def __repr__(self) -> str:
        return f"Settings({', '.join(map(str, self.images))})"  # secrets are among the others

    def origin(self, name: str) -> str:
        """Return where an option's value came from: `--image`, `INPUT_IMAGES`, `.tagger.yml:3:9`, `default`."""
        return self.given[name].origin if name in self.given else "default"

    @property
    def templates(self) -> tuple[str, ...]:
        """The templates of tags: those of `tags`, or those that its rows mean."""
        return self.rows.templates if self.rows else self.tags

    @property
    def is_versionless(self) -> bool:
        """True where no tag is an exact version's, and `version` is `none` or `tags` has rows."""
        alone = self.rows is not None or self.version == "none"
        return alone and not any(Template.parse(text).is_exact for text in self.templates)

    @property
    def most_jobs(self) -> int:
        """How many requests may be in flight to a registry that takes them: `jobs`, where somebody set it."""
        return self.jobs if "jobs" in self.given else MOST_JOBS

    @property
    def places(self) -> Mapping[str, str]:
        """The endpoints: the host and port of a registry, by the name that images use for it."""
        return dict(self.endpoints)

    @property
    def build_variants(self) -> tuple[str, ...]:
        """The variants that this build is, or that have a build each; the bare tags are the variant ""."""
        return self.variant or self.built_apart or ("",)

    @property
    def built_apart(self) -> tuple[str, ...]:
        """The variants that `source` or `digests` name a build for, the bare one first."""
        named = (*(build.variant for build in self.source), *digests_of_variants(self.digests))
        return tuple(dict.fromkeys(sorted((name for name in named if name is not None), key=bool)))

    def of_variant(self, variant: str) -> "Settings":
        """Return the settings for the release of one variant, where each variant has its own build."""
        from copy import copy

        mine = copy(self)
        source = tuple(build._replace(variant=None) for build in self.source if build.variant == variant)
        digests = digests_of_variants(self.digests).get(variant, "")
        mine.values = {**self.values, "source": source, "digests": digests, "variant": (variant,)}
        # To the rules of the repository all of them are known, as if `variant` named them.
        names = tuple(name or DEFAULT_VARIANT for name in self.built_apart)
        mine.given = {"variant": Given(names, self.origin("source" if self.source else "digests")), **self.given}
        mine.texts = {**self.texts, "variant": names}
        return mine

    @property
    def has_several_builds(self) -> bool:
        """True when the built image is to be made of several builds."""
        return len(self.source) > 1 or bool(self.digests)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be printed: the passwords of all logins, and the texts of options that are secrets."""
        texts = (getattr(self, option.attribute) for option in OPTIONS if option.secret and not option.is_list)
        return tuple(dict.fromkeys(filter(None, (*(login.password for login in self.all_logins), *texts))))

    @property
    def image_names(self) -> tuple[str, ...]:
        """The targets as messages name them: `ghcr.io/acme/app`, `oci:DIR`."""
        return tuple(f"oci:{image}" if isinstance(image, Path) else str(image) for image in self.images)

    @property
    def repositories(self) -> tuple[Repository, ...]:
        """The target repositories that are in registries."""
        return tuple(image for image in self.images if not isinstance(image, Path))
