"""restic of Debian: backup, check, restore, prune, and kills that spoil nothing."""

from pathlib import Path

import pytest

from tests.clients.programs import restic_of
from tests.support.files import digests, make_tree
from tests.support.programs import Program
from tests.support.server import Server

pytestmark = pytest.mark.slow


@pytest.fixture
def restic(server: Server, tmp_path: Path) -> Program:
    return restic_of(server, tmp_path, tmp_path.name.replace("_", "-"))


def restored(restic: Program, snapshot: str, folder: Path) -> dict[str, str]:
    """The digests of the tree that a snapshot holds."""
    restic("restore", snapshot, "--target", folder, "--verify")
    (tree,) = folder.rglob("tree")
    return digests(tree)


def test_backup_check_restore_prune(restic: Program, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    first = make_tree(tree, count=40, size=300_000)
    restic("init")
    restic("backup", tree, "--tag", "first")
    second = make_tree(tree, count=40, size=300_000, seed=1)
    restic("backup", tree, "--tag", "second")
    assert "no errors were found" in restic("check", "--read-data")
    assert restored(restic, "latest", tmp_path / "latest") == second
    oldest = restic("snapshots", "--tag", "first", "--compact").splitlines()[2].split()[0]
    assert restored(restic, oldest, tmp_path / "oldest") == first
    restic("forget", "--keep-last", "1", "--prune")
    assert "no errors were found" in restic("check", "--read-data")
    assert "1 snapshots" in restic("snapshots")
    assert restored(restic, "latest", tmp_path / "pruned") == second


def test_killed_while_it_backs_up(restic: Program, server: Server, tmp_path: Path) -> None:
    """Without retries to turn off: the backup goes on with the next life of the server."""
    tree = tmp_path / "tree"
    first = make_tree(tree, count=20, size=100_000)
    restic("init")
    restic("backup", tree)
    second = make_tree(tree, count=120, size=1_000_000, seed=1)
    running = restic.begin("backup", tree, "--verbose=3", "--limit-upload", "40000")
    running.after("^new ", 40, server.kill)
    server.start()
    assert running.finish() == 0, running.output
    assert "snapshot" in running.output
    assert restored(restic, "latest", tmp_path / "latest") == second
    assert "no errors were found" in restic("check", "--read-data")
    running = restic.begin("backup", tree, "--force", "--verbose=3", "--limit-upload", "40000")
    running.after("^(new|modified|unchanged) ", 5, server.kill)
    running.give_up()
    server.start()
    restic("unlock", "--remove-all")
    assert "no errors were found" in restic("check", "--read-data")
    oldest = restic("snapshots", "--compact").splitlines()[2].split()[0]
    assert restored(restic, oldest, tmp_path / "oldest") == first
