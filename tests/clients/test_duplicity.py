"""duplicity of Debian through both of its S3 backends: backups, verify, restore, resume."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.files import digests, make_tree, stored, write
from tests.support.programs import Program
from tests.support.server import ACCESS_KEY, REGION, SECRET_KEY, Server

pytestmark = pytest.mark.slow

Target = tuple[str, ...]


@pytest.fixture
def duplicity(tmp_path: Path) -> Program:
    variables = {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_MAX_ATTEMPTS": "1",
        "TMPDIR": str(tmp_path),
    }
    return Program(["duplicity"], tmp_path, variables)


def boto3_target(server: Server, bucket: str) -> Target:
    """Today's backend: boto3 of Debian, SigV4."""
    return (
        f"boto3+s3://{bucket}/backup",
        f"--s3-endpoint-url={server.endpoint}",
        f"--s3-region-name={REGION}",
        *("--no-encryption", "--num-retries=1", "--volsize=1", "--archive-dir=archive"),
    )


def boto_target(server: Server, bucket: str) -> Target:
    """The old backend: boto, SigV2."""
    return (
        f"s3://{server.host}/{bucket}/backup",
        "--s3-unencrypted-connection",
        *("--no-encryption", "--num-retries=1", "--volsize=1", "--archive-dir=archive"),
    )


@pytest.mark.parametrize("target", [boto3_target, boto_target])
def test_full_incremental_restore(
    server: Server, duplicity: Program, tmp_path: Path, target: Callable[[Server, str], Target]
) -> None:
    bucket = target.__name__.replace("_", "-")
    server.client().create_bucket(Bucket=bucket)
    at = target(server, bucket)
    tree = tmp_path / "tree"
    first = make_tree(tree, count=20, size=200_000)
    duplicity("full", tree, *at)
    between = str(int(time.time()))
    time.sleep(1.1)  # it names backups by the second
    write(tree / "many/0000.bin", b"changed")
    (tree / "empty").unlink()
    told = duplicity("incremental", tree, *at)
    assert "\nChangedFiles 1\n" in told
    assert "\nDeletedFiles 1\n" in told
    assert "0 differences found" in duplicity("verify", "--compare-data", *at[:1], tree, *at[1:])
    duplicity("restore", *at[:1], tmp_path / "latest", *at[1:])
    assert digests(tmp_path / "latest") == digests(tree)
    # Without what it keeps on this machine, everything must come from the bucket.
    elsewhere = (*at[1:-1], "--archive-dir=elsewhere")
    duplicity("restore", "--time", between, *at[:1], tmp_path / "first", *elsewhere)
    assert digests(tmp_path / "first") == first


def test_killed_while_it_backs_up(server: Server, duplicity: Program, tmp_path: Path) -> None:
    client = server.client()
    client.create_bucket(Bucket="killed")
    at = boto3_target(server, "killed")
    tree = tmp_path / "tree"
    expected = make_tree(tree, count=24, size=1_000_000)
    running = duplicity.begin("full", "--verbosity=info", tree, *at)
    running.after("^Processed volume 5", 1, server.kill)
    assert running.finish() != 0
    acknowledged = [f".vol{each}.difftar.gz" for each in running.matches(r"Processed volume (.*)")]
    server.start()
    before = stored(client, "killed", "backup/")
    assert all(any(name.endswith(end) for name in before) for end in acknowledged)
    assert "left a partial set, restarting" in duplicity("full", "--verbosity=info", tree, *at)
    after = stored(client, "killed", "backup/")
    kept = {name for name in before if name.endswith(tuple(acknowledged[:-1]))}
    assert len(kept) == len(acknowledged) - 1, "it does the last one again"
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    duplicity("restore", *at[:1], tmp_path / "back", *at[1:-1], "--archive-dir=elsewhere")
    assert digests(tmp_path / "back") == expected
