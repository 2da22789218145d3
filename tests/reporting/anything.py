"""Any report and any repository: strategies for the laws of what is said."""

from hypothesis import strategies as st

from tagger.errors import TaggerError
from tagger.results import Outcome, Report, ReportWarning
from tagger.results.tree import Artifact, Facts, Floating, ListedVersion, Tree
from tagger.rules.plan import Change

__all__ = ["changes", "digests", "errors", "outcomes", "reports", "tags", "texts", "trees"]

LETTERS = "abcé漢📦- .:/`*|_"
texts = st.text(LETTERS, max_size=200)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", fullmatch=True)
names = st.from_regex(r"[a-z0-9]{1,20}(\\.test)?(/[a-z0-9]{1,60}){1,3}", fullmatch=True)
digests = st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)
changes = st.builds(
    Change, tags, st.sampled_from(["create", "move", "keep", "hold", "remove", "refuse"]), st.none() | digests,
    st.none() | digests, st.just("2.1.4"), texts, st.booleans(),
)  # fmt: skip
errors = st.none() | st.builds(TaggerError, texts, texts)
outcomes = st.builds(
    Outcome, names, st.sampled_from(["done", "unchanged", "failed"]), st.lists(changes, max_size=5).map(tuple),
    st.none() | digests, errors,
)  # fmt: skip
one_report = st.builds(
    Report, st.sampled_from(["release", "plan", "withdraw", "reconcile"]), st.lists(outcomes, max_size=3).map(tuple),
    st.none() | tags, st.none() | tags, source=st.none() | texts, source_digest=st.none() | digests, error=errors,
    base=st.none() | names, dry_run=st.booleans(),
    warnings=st.lists(st.builds(ReportWarning, st.just("DRIFTED"), texts), max_size=3).map(tuple),
    variants=st.just({}),  # a typed named tuple is made with every field
)  # fmt: skip
reports = one_report | one_report.map(lambda one: one._replace(variants={"": one, "alpine": one}))
artifacts = st.builds(Artifact, st.just("signature"), tags, digests)
listed = st.builds(
    ListedVersion, tags, st.just(""), st.none() | digests, st.lists(tags, min_size=1, max_size=8).map(tuple),
    st.booleans(), st.lists(artifacts, max_size=2).map(tuple), st.lists(tags, max_size=3).map(tuple),
    st.none() | st.builds(Facts, st.just("2026-01-01T00:00"), st.integers(0, 1 << 50), st.just(("linux/s390x",) * 9)),
    st.booleans(),
)  # fmt: skip
trees = st.builds(
    Tree, names, st.lists(listed, max_size=5).map(tuple),
    st.dictionaries(tags, st.builds(Floating, st.none() | digests, st.none() | tags, st.booleans()), max_size=4),
    st.lists(tags, max_size=30).map(tuple), st.lists(artifacts, max_size=2).map(tuple),
    st.lists(tags, max_size=3).map(tuple),
)  # fmt: skip
