"""Reading repositories that the git program made, wherever it keeps refs and objects."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.version_from.git import Checkout, checkouts_read_once, commit_time, git_facts, git_tags, read_checkout
from tests.version_from.repositories import ENVIRON, commit, git, make_repository


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits; tags of every kind at the second, and one of each kind that is not there."""
    folder = make_repository(tmp_path / "work")
    git(folder, "tag", "v1.0.0")
    git(folder, "tag", "-a", "v1.0.1", "-m", "annotated")
    commit(folder)
    git(folder, "tag", "v2.0.0")
    git(folder, "tag", "-a", "app/v2.0.1", "-m", "annotated")
    git(folder, "tag", "-a", "nested", "-m", "a tag of a tag", "app/v2.0.1")
    return folder


AT_HEAD = ("app/v2.0.1", "nested", "v2.0.0")
ALL = ("app/v2.0.1", "nested", "v1.0.0", "v1.0.1", "v2.0.0")


def read(folder: Path) -> Checkout:
    checkout = read_checkout(folder)
    assert checkout is not None
    return checkout


def test_tags_at_head_are_peeled(repository: Path) -> None:
    assert read(repository) == Checkout(git(repository, "rev-parse", "HEAD"), "main", ALL, AT_HEAD, shallow=False)


def test_packed_refs_and_objects(repository: Path) -> None:
    git(repository, "gc", "-q", "--aggressive", "--prune=now")
    assert not list((repository / ".git/refs/tags").iterdir())
    assert read(repository).at_head == AT_HEAD


def test_packed_objects_beside_loose_refs(repository: Path) -> None:
    git(repository, "repack", "-adq")
    git(repository, "prune-packed")
    assert (repository / ".git/refs/tags/v2.0.0").exists()
    assert read(repository).at_head == AT_HEAD


def test_tag_objects_that_are_deltas_of_each_other(repository: Path) -> None:
    text = "\n".join(f"line {number}: the same in every tag" for number in range(200))
    for number in range(5):
        git(repository, "tag", "-a", f"v3.0.{number}", "-m", f"{text}\n{number}")
    git(repository, "repack", "-adfq", "--depth=50")
    git(repository, "prune-packed")
    index = next((repository / ".git/objects/pack").glob("*.idx"))
    packed = git(repository, "verify-pack", "-v", str(index)).splitlines()
    assert [line for line in packed if line.split()[1] == "tag" and len(line.split()) == 7]  # with a depth and a base
    assert read(repository).at_head[2:] == ("v2.0.0", *(f"v3.0.{number}" for number in range(5)))


def test_a_loose_ref_beats_a_packed_one(repository: Path) -> None:
    git(repository, "pack-refs", "--all")
    git(repository, "tag", "-f", "v1.0.0", "HEAD")
    git(repository, "tag", "-f", "v2.0.0", "HEAD~1")
    assert read(repository).at_head == ("app/v2.0.1", "nested", "v1.0.0")


def test_a_detached_head_has_no_branch(repository: Path) -> None:
    git(repository, "checkout", "-q", "--detach", "HEAD~1")
    checkout = read(repository)
    assert (checkout.branch, checkout.at_head) == ("", ("v1.0.0", "v1.0.1"))


def test_a_worktree_and_a_folder_below_it(repository: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    git(repository, "worktree", "add", "-q", "-b", "feature/one", str(tree), "v1.0.0")
    (tree / "below").mkdir()
    for folder in (tree, tree / "below"):
        checkout = read(folder)
        assert (checkout.branch, checkout.at_head, checkout.tags) == ("feature/one", ("v1.0.0", "v1.0.1"), ALL)


def test_a_git_folder_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main", f"--separate-git-dir={tmp_path / 'elsewhere'}")
    head = commit(folder)
    git(folder, "tag", "v1.0.0")
    assert read(folder) == Checkout(head, "main", ("v1.0.0",), ("v1.0.0",), shallow=False)


def test_objects_borrowed_from_another_repository(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--shared", str(repository), "borrower")
    assert read(tmp_path / "borrower").at_head == AT_HEAD


def test_a_partial_clone_as_a_sparse_checkout_makes_it(repository: Path, tmp_path: Path) -> None:
    git(repository, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:none", repository.as_uri(), "partial")
    assert "partialclone" in (tmp_path / "partial/.git/config").read_text().lower()
    assert read(tmp_path / "partial").at_head == AT_HEAD


def test_sha256(tmp_path: Path) -> None:
    folder = make_repository(tmp_path / "work", object_format="sha256")
    git(folder, "tag", "-a", "v1.0.0", "-m", "annotated")
    git(folder, "gc", "-q")
    git(folder, "tag", "-a", "v1.0.1", "-m", "loose")
    checkout = read(folder)
    assert len(checkout.head) == 64
    assert checkout.at_head == ("v1.0.0", "v1.0.1")


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
@pytest.mark.parametrize("packed", [False, True])
def test_when_a_commit_was_made(object_format: str, packed: bool, tmp_path: Path) -> None:
    folder = make_repository(tmp_path, object_format=object_format)
    when = datetime.fromtimestamp(int(git(folder, "log", "-1", "--format=%ct")), UTC)
    head, tree = git(folder, "rev-parse", "HEAD", "HEAD^{tree}").split()
    if packed:
        git(folder, "gc", "-q")
    assert commit_time(folder, head) == when
    assert commit_time(folder, tree) is None
    assert commit_time(folder, head[::-1]) is None
    assert commit_time(folder, "main") is None


def test_a_commit_in_no_repository(tmp_path: Path) -> None:
    assert commit_time(tmp_path, "0" * 40) is None


def test_reftables_with_a_worktree(tmp_path: Path) -> None:
    # Made by git 2.47.3, which not every machine has: `init --ref-format=reftable`, a deleted tag, `worktree add`.
    subprocess.run(["tar", "-xzf", Path(__file__).with_name("reftable.tar.gz"), "-C", tmp_path], check=True)
    assert read(tmp_path / "main") == Checkout(
        "1e5dd0c2fa7441a967068e972489b7136b495a36", "main", ("v1.0.0", "v1.1.0", "v1.1.1"), ("v1.1.0", "v1.1.1"), False
    )
    tree = read(tmp_path / "tree")
    assert (tree.head[:7], tree.branch, tree.at_head) == ("28dd19c", "", ("v1.0.0",))


def test_a_folder_that_belongs_to_another_user(repository: Path) -> None:
    if os.geteuid() == 0:
        for path in (repository, *repository.rglob("*")):
            os.chown(path, 4711, 4711)
    refused = subprocess.run(
        ["git", "-C", str(repository), "tag"],
        env={**ENVIRON, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"},
        capture_output=True,
        text=True,
    )
    assert "dubious ownership" in refused.stderr
    assert read(repository).at_head == AT_HEAD


def test_reading_writes_nothing(repository: Path) -> None:
    def state() -> dict[Path, tuple[int, int]]:
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in repository.rglob("*")}

    before = state()
    read(repository)
    assert state() == before


def test_a_tag_of_something_else_than_a_commit(repository: Path) -> None:
    blob = git(repository, "hash-object", "-w", "--stdin", stdin="a public key")
    git(repository, "tag", "key", blob)
    git(repository, "tag", "-a", "signed-key", "-m", "a key", blob)
    assert read(repository).at_head == AT_HEAD


def test_a_repository_without_commits(tmp_path: Path) -> None:
    folder = make_repository(tmp_path / "work", commits=0)
    assert read(folder) == Checkout("", "main", (), (), shallow=False)


def test_no_repository(tmp_path: Path) -> None:
    assert read_checkout(tmp_path) is None
    with pytest.raises(InputError, match="not in a git repository"):
        git_tags(tmp_path)


@pytest.mark.parametrize("damage", ["", "not a ref at all"])
def test_a_broken_head_is_told(repository: Path, damage: str) -> None:
    (repository / ".git/HEAD").write_text(damage)
    with pytest.raises(InputError, match=r"HEAD (cannot be read|leads to no commit)"):
        read_checkout(repository)


def test_a_missing_object_is_told(repository: Path) -> None:
    tag = git(repository, "rev-parse", "app/v2.0.1")
    (repository / ".git/objects" / tag[:2] / tag[2:]).unlink()
    with pytest.raises(InputError, match="cannot be read") as caught:
        read_checkout(repository)
    assert "Check it out again" in caught.value.hint


def test_a_worktree_whose_repository_is_not_here(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /home/ada/code/.git/worktrees/tree\n")
    with pytest.raises(InputError, match="which is not here"):
        read_checkout(tmp_path)


def test_all_tags(repository: Path) -> None:
    assert git_tags(repository) == list(ALL)
    assert git_tags(make_repository(repository.parent / "new")) == []


@pytest.mark.parametrize("how", [("--no-tags",), ()])
def test_a_shallow_clone_without_its_tags_is_an_error(repository: Path, tmp_path: Path, how: tuple[str, ...]) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", *how, repository.as_uri(), "shallow")
    assert read(tmp_path / "shallow").shallow
    with pytest.raises(InputError, match="shallow") as caught:
        git_tags(tmp_path / "shallow")
    assert "fetch-depth: 0" in caught.value.hint
    assert "fetch-tags: true" in caught.value.hint


def test_a_shallow_clone_with_its_tags(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", repository.as_uri(), "shallow")
    git(tmp_path / "shallow", "fetch", "-q", "--depth=1", "origin", "+refs/tags/*:refs/tags/*")
    assert git_tags(tmp_path / "shallow") == list(ALL)


def test_facts_of_a_workflow(tmp_path: Path) -> None:
    sha = "1e5dd0c2fa7441a967068e972489b7136b495a36"
    assert git_facts(tmp_path, {"GITHUB_SHA": sha, "GITHUB_REF": "refs/heads/feature/one"}) == (sha, "feature/one")
    assert git_facts(tmp_path, {"GITHUB_SHA": sha, "GITHUB_REF": "refs/tags/v2.1.4"}) == (sha, "")


def test_a_pull_request_cannot_name_the_branch(tmp_path: Path) -> None:
    workflow = {"GITHUB_SHA": "1e5dd0c", "GITHUB_REF": "refs/pull/7/merge", "GITHUB_HEAD_REF": "main"}
    assert git_facts(tmp_path, workflow).branch == ""


def test_facts_of_a_folder(repository: Path, tmp_path: Path) -> None:
    assert git_facts(repository, {}) == (git(repository, "rev-parse", "HEAD"), "main")
    assert git_facts(tmp_path / "nowhere", {}) == ("", "")


class TestWhoseRepositoryCounts:
    """The workspace's own, whoever owns it; one above it only where this user owns it."""

    def test_one_of_another_user_above_the_workspace_does_not(self, repository: Path) -> None:
        (repository / "sub").mkdir()
        os.chown(repository / ".git", 12345, 12345)
        assert read_checkout(repository / "sub") is None
        assert read(repository).head
        assert git_facts(repository / "sub", {}).sha == ""
        assert git_facts(repository / "sub", {"GITHUB_WORKSPACE": str(repository)}).sha

    @pytest.mark.parametrize("name", ["refs/tags/v9.9.9", "HEAD", "packed-refs", "refs/heads"])
    def test_a_link_out_of_the_repository_is_refused(self, repository: Path, tmp_path: Path, name: str) -> None:
        secret = tmp_path / "secret"
        if name == "refs/heads":
            secret.mkdir()
            (secret / "main").write_text("ghp_1234567890")
            (repository / ".git/refs/heads/main").unlink()
            (repository / ".git/refs/heads").rmdir()
        else:
            secret.write_text("ghp_1234567890")
            (repository / ".git" / name).unlink(missing_ok=True)
        (repository / ".git" / name).symlink_to(secret)
        with pytest.raises(InputError, match="is a link out of the repository") as caught:
            read_checkout(repository)
        assert "ghp_" not in caught.value.message

    def test_a_link_within_it_is_not(self, repository: Path) -> None:
        (repository / ".git/refs/tags/v9.9.9").symlink_to("v2.0.0")
        assert "v9.9.9" in read(repository).at_head


def test_a_run_of_many_components_reads_a_checkout_once(tmp_path: Path) -> None:
    """What is tagged meanwhile is seen by the next run: all components of one see the same tags."""
    make_repository(tmp_path)
    git(tmp_path, "tag", "v1.0.0")
    with checkouts_read_once():
        assert git_tags(tmp_path) == ["v1.0.0"]
        git(tmp_path, "tag", "v1.1.0")
        assert git_tags(tmp_path) == ["v1.0.0"]
    assert git_tags(tmp_path) == ["v1.0.0", "v1.1.0"]
