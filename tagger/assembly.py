"""Settings become what the operations take: repositories, a source, a version."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.errors import EngineError, InputError, NotFound, StoreError
from tagger.names import Repository

# A module is imported where it is clear that it is needed, and after the registries are being connected to.
if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from tagger.images.engine import Engine
    from tagger.images.layout import Layout
    from tagger.images.registry.client import Registries
    from tagger.images.registry.credentials import Keychain
    from tagger.images.stores import Source, TagStore
    from tagger.operations.delete import Deletion
    from tagger.operations.offline import OfflineRelease
    from tagger.operations.prepare import Release
    from tagger.operations.push import Push
    from tagger.operations.reconcile import Reconciliation
    from tagger.operations.withdraw import Withdrawal
    from tagger.results import Report
    from tagger.rules.versions import Version
    from tagger.settings.gather import Settings

__all__ = ["Workshop", "open_workshop"]


class Workshop:
    """Everything one run works with, each made when it is first asked for."""

    def __init__(self, settings: "Settings", environ: Mapping[str, str], workspace: Path, cleanup: ExitStack) -> None:
        self.settings = settings
        self.environ = environ
        self.workspace = workspace
        self.cleanup = cleanup
        self.layouts: list[Layout] = []

    def stop(self) -> None:
        """Refuse all that is asked of any place from now on; what is under way ends. Any thread may call this."""
        for layout in self.layouts:
            layout.stop()
        if "registries" in self.__dict__:
            self.registries.close()

    @cached_property
    def keychain(self) -> "Keychain":
        """The logins of this run."""
        from tagger.images.registry.credentials import Keychain

        logins = [(login.registry, login.username, login.password) for login in self.settings.logins]
        return Keychain(logins=logins, github_token=self.settings.github_token, environ=self.environ)

    @cached_property
    def registries(self) -> "Registries":
        """The registries of this run: one conversation with each."""
        from tagger.images.registry.addresses import Dial, places_ahead

        settings = self.settings
        names = [image.registry for image in settings.images if isinstance(image, Repository)]
        places = places_ahead(names, settings.insecure, settings.endpoints)
        dials = [Dial(place, settings.timeout) for place in places]
        from tagger.images.registry.client import Registries  # a run over layouts alone opens no connection

        return self.cleanup.enter_context(
            Registries(
                keychain=self.keychain,
                insecure=settings.insecure,
                endpoints=settings.endpoints,
                ca_file=settings.ca_file,
                jobs=settings.jobs,
                timeout=settings.timeout,
                retries=settings.retries,
                dials=dials,
            )
        )

    @cached_property
    def engine(self) -> "Engine":
        """The Docker Engine, which is not asked before something is wanted of it."""
        from tagger.images.engine import Engine  # the docker package is not imported where no engine is meant

        return self.cleanup.enter_context(closing(Engine.find(self.environ, self.keychain)))

    def repository(self, repository: Repository | Path, *, write: bool = False) -> "TagStore":
        """Open a repository: of a registry, or a layout on disk."""
        if isinstance(repository, Path):
            from tagger.images.layout import Layout

            layout = Layout(repository)
            self.layouts.append(layout)
            return layout
        opened = self.registries.repository(repository, write=write)
        opened.connect()
        return opened

    def stores(self, *, write: bool = False) -> "tuple[TagStore, ...]":
        """Open every repository of the settings."""
        return tuple(self.repository(image, write=write) for image in self.settings.images)

    @cached_property
    def source(self) -> "Source | None":
        """The built image, if the settings name one."""
        if not self.settings.source:
            return None
        from tagger.images.sources import open_source, parse_source

        spec = parse_source(self.settings.source)
        try:
            if spec.kind == "docker-daemon" or (
                spec.kind == "name" and "@" not in spec.value and self.engine.holds(spec.value)
            ):
                return self.engine.image(spec.value)
            return open_source(spec, self.repository, several=len(self.settings.images) > 1)
        except (StoreError, EngineError) as error:
            hint = error.hint or "Push the build first, or check `source`."
            message = f"source {spec}: {error.message}"
            if spec.kind == "name" and "@" not in spec.value:
                message = f"source {spec}: no Docker Engine here holds it, and {error.message}"
                hint = f"Write docker-daemon:{spec.value} or docker://{spec.value} to say where it is. {hint}"
            if isinstance(error, NotFound) or error.code == "NOT_FOUND":
                raise InputError(message, hint, code=error.code) from error
            raise type(error)(message, hint, code=error.code) from error

    def versions(self) -> "tuple[tuple[Version, ...], str]":
        """Return the version of the build, once for each variant that it is, and where it was read."""
        from tagger.version_from.reading import from_text, read_version

        settings, rules = self.settings, self.settings.rules
        if settings.version:
            version = self._parse(from_text(settings.version, settings.tag_prefix))
            origin = "version"
        else:
            found = read_version(
                settings.version_from,
                workspace=self.workspace,
                environ=self.environ,
                configs=self.source.configs if self.source else None,
                tag_prefix=settings.tag_prefix,
                parse=self._parse,
            )
            version, origin = found.version, found.origin
        return tuple(rules.check(version.of_variant(variant)) for variant in settings.variant), origin

    def _parse(self, text: str) -> "Version":
        """Read a version of the first variant that this build is."""
        return self.settings.rules.parse(text, self.settings.variant[0])

    def release(self, *, write: bool) -> "Release":
        """Return the release that the settings ask for."""
        stores = self.stores(write=write)
        from tagger.operations.prepare import Release

        versions, origin = self.versions()
        rules = self.settings.rules
        return Release(
            versions=versions,
            rules=rules,
            stores=stores,
            source=self.source,
            version_from=origin,
            on_conflict=self.settings.on_conflict,
            plain=self.plain_tags(),
            gate=self.judge if self.settings.golden or self.settings.require_referrer else None,
        )

    def judge(self, source: "Source") -> str:
        """Return the approved base that the build stands on, if one is asked for. Raise `Refused`."""
        wanted = self.settings.require_referrer
        if wanted:
            from tagger.gates.attached import attached_types, check_attached
            from tagger.images.sources import ContentSource

            known = attached_types(source.content, source.root.digest) if isinstance(source, ContentSource) else ()
            check_attached(wanted, known, source.reference)
        return self.judge_base(source) if self.settings.golden else ""

    def judge_base(self, source: "Source") -> str:
        """Return the approved base that the build stands on; raise `Refused` when it stands on none."""
        from tagger.gates.bases import examine
        from tagger.images.sources import ContentSource

        image = (source.content, source.root) if isinstance(source, ContentSource) else None
        verdict = examine(
            source.configs(), self.settings.golden, base=self.settings.base, image=image, open_place=self.repository
        )
        return str(verdict.check())

    def reconciliation(self) -> "Reconciliation":
        """Return the reconciliation that the settings ask for."""
        settings = self.settings
        stores = self.stores(write=not settings.dry_run)
        from tagger.operations.reconcile import Reconciliation

        return Reconciliation(settings.rules, stores, settings.purge)

    def withdrawal(self, name: str) -> "Withdrawal":
        """Return the withdrawal of a version, or of one of its variants."""
        settings = self.settings
        stores = self.stores(write=not settings.dry_run)
        from tagger.operations.withdraw import Withdrawal
        from tagger.version_from.reading import from_text

        return Withdrawal(from_text(name, settings.tag_prefix), settings.rules, stores, settings.undo, settings.purge)

    def deletion(self, names: Sequence[str]) -> "Deletion":
        """Return the deletion of tags and digests, or of everything."""
        settings = self.settings
        stores = self.stores(write=not settings.dry_run)
        from tagger.operations.delete import Deletion

        return Deletion(
            tuple(names),
            settings.rules,
            stores,
            everything=settings.all,
            confirmed=settings.yes,
            force=settings.force,
        )

    def push(self, name: str) -> "Push":
        """Return the push of every local tag of an image, or of those that `only` names."""
        settings = self.settings
        stores = self.stores(write=not settings.dry_run)
        from tagger.operations.push import Push

        if ":" in name.rpartition("/")[2]:
            name, _, tag = name.rpartition(":")
            raise InputError(f"`push` takes a name without a tag: {name}", f"Pick tags with `--only {tag}`.")
        found = self.engine.local_tags(name)
        if not found:
            raise InputError(f"the engine has no image {name}", "See `docker image ls` for what is there.")
        unknown = [tag for tag in settings.only if tag not in found]
        if unknown:
            raise InputError(
                f"the engine has no image {name}:{unknown[0]}", f"The tags of {name} are: {', '.join(found)}."
            )
        chosen = {tag: image for tag, image in found.items() if not settings.only or tag in settings.only}
        sources = {image: self.engine.image(f"{name}:{tag}") for tag, image in chosen.items()}
        return Push(name, {tag: sources[image] for tag, image in chosen.items()}, settings.rules, stores)

    def offline_release(self) -> "OfflineRelease":
        """Return the release as far as it can be told without an image."""
        from tagger.operations.offline import OfflineRelease

        versions, origin = self.versions()
        places = tuple(f"oci:{i}" if isinstance(i, Path) else str(i) for i in self.settings.images) or ("nowhere yet",)
        return OfflineRelease(versions, self.settings.rules, places, origin)

    def published_versions(self) -> "tuple[Version, ...]":
        """Return what `published-from` says is published: the versions of the git tags, or nothing."""
        if self.settings.published_from == "none":
            return ()
        from tagger.version_from.git import git_tags

        found = []
        for tag in git_tags(self.workspace):
            with suppress(InputError):  # a git tag that is no version is none, as in a repository
                if tag.startswith(self.settings.tag_prefix):
                    found.append(self._parse(tag.removeprefix(self.settings.tag_prefix)))
        return tuple(version.of_variant(variant) for version in found for variant in self.settings.variant)

    def tag_locally(self, report: "Report") -> None:
        """Give the engine that the image came from the tags of its release, for the next step of the job."""
        if self.source is None or report.digest is None:
            return
        from tagger.images.engine import EngineSource
        from tagger.operations.prepare import is_same_image
        from tagger.reporting.outputs import pointing

        places = {str(image): image for image in self.settings.images if isinstance(image, Repository)}
        if not isinstance(self.source, EngineSource) or not places:
            return
        if self.settings.on_conflict == "keep":  # then the release may be another image than the engine's
            first = self.repository(next(iter(places.values())))
            if not is_same_image(self.source, first, report.digest):
                return
        self.source.tag_locally(
            places[outcome.repository].tagged(tag)
            for outcome in report.repositories
            if outcome.repository in places
            for tag in pointing(report, outcome)
        )

    def plain_tags(self) -> tuple[str, ...]:
        """Return the tags that follow the build and belong to no version."""
        rules = self.settings.rules
        made: list[str] = []
        for template in rules.plain:
            for variant in self.settings.variant:
                tag = re.sub(r"[^A-Za-z0-9._-]", "-", template.fill_plain(self._fact, variant) or "").lstrip("-.")[:128]
                # A branch may be called 2.1 or latest; a date that looks like a series was asked for.
                if rules.claims(tag) if "branch" in template.fields else rules.read(tag):
                    raise InputError(
                        f"the plain tag {tag} would be taken for a version's",
                        "Put a word before it in `tags`, as branch-{{branch}}.",
                    )
                made.append(tag)
        return tuple(dict.fromkeys(filter(None, made)))

    def _fact(self, name: str) -> str:
        """Return the value of a plain field: `sha`, `branch`, or a whole date field."""
        if name.startswith("date"):
            from datetime import datetime

            from tagger.rules.templates import date_field

            form, zone = date_field(name)
            return _date(datetime.now(_zone(zone)), form)
        from tagger.version_from.git import git_facts

        facts = git_facts(self.workspace, self.environ)
        return facts.sha[:7] if name == "sha" else facts.branch


@contextmanager
def open_workshop(settings: "Settings", environ: Mapping[str, str], workspace: Path) -> Iterator[Workshop]:
    """Open what a run works with, and close it at its end."""
    with ExitStack() as cleanup:
        yield Workshop(settings, environ, workspace, cleanup)


def _zone(name: str) -> "ZoneInfo":
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InputError(
            f"there is no time zone {name!r}", "Write one of the tz database, as UTC or Europe/Paris."
        ) from error


def _date(now: "datetime", form: str) -> str:
    """Write a date in the tokens of moment.js that other tools take: YYYY YY MM DD HH mm ss."""
    tokens = {"YYYY": "%Y", "YY": "%y", "MM": "%m", "DD": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "X": "%s"}
    return now.strftime(re.sub("|".join(tokens), lambda token: tokens[token[0]], form))
