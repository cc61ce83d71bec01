"""restic and rclone on a bucket with versions, retention and encryption by default.

Whoever has the client's keys can hide what was backed up, and not remove it.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.clients.programs import rclone_of, restic_of
from tests.clients.secure import encrypt_by_default
from tests.support.files import digests, make_tree, stored
from tests.support.server import Server

pytestmark = pytest.mark.slow


@pytest.fixture
def bucket(server: Server, tmp_path: Path) -> str:
    """Its objects are encrypted, and kept for a day."""
    name = tmp_path.name.replace("_", "-")
    client = server.client()
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    retention = {"Mode": "COMPLIANCE", "Days": 1}
    client.put_object_lock_configuration(
        Bucket=name,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": retention},
        },
    )
    encrypt_by_default(client, name)
    return name


def versions(client: Any, bucket: str) -> list[dict[str, Any]]:
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket)
    return [one for page in pages for one in page.get("Versions", [])]


def bring_back(client: Any, bucket: str) -> None:
    """Remove the delete markers that lie over objects."""
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket)
    for page in pages:
        for marker in page.get("DeleteMarkers", []):
            client.delete_object(Bucket=bucket, Key=marker["Key"], VersionId=marker["VersionId"])


def check_protected(client: Any, bucket: str) -> None:
    """All of them are encrypted, and none can be removed."""
    found = versions(client, bucket)
    assert found
    tomorrow = datetime.now(UTC) + timedelta(hours=23)
    for one in found:
        named = {"Bucket": bucket, "Key": one["Key"], "VersionId": one["VersionId"]}
        head = client.head_object(**named)
        assert head["ServerSideEncryption"] == "AES256", named
        assert head["ObjectLockRetainUntilDate"] > tomorrow, named
        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            client.delete_object(**named, BypassGovernanceRetention=True)


def test_restic(server: Server, bucket: str, tmp_path: Path) -> None:
    restic = restic_of(server, tmp_path, bucket)
    expected = make_tree(tmp_path / "tree", count=20, size=300_000)
    restic("init")
    restic("backup", tmp_path / "tree")
    assert "no errors were found" in restic("check", "--read-data")
    client = server.client()
    check_protected(client, bucket)
    restic("forget", "latest", "--prune", "--keep-last", "1")
    for name in stored(client, bucket):
        client.delete_object(Bucket=bucket, Key=name)
    restic.refused("snapshots")
    bring_back(client, bucket)
    restic("unlock", "--remove-all")
    assert "no errors were found" in restic("check", "--read-data")
    restic("restore", "latest", "--target", tmp_path / "restored", "--verify")
    (tree,) = (tmp_path / "restored").rglob("tree")
    assert digests(tree) == expected


def test_rclone(server: Server, bucket: str, big: Path, tmp_path: Path) -> None:
    rclone = rclone_of(server, tmp_path)
    tree = tmp_path / "tree"
    expected = make_tree(tree, count=10, size=60_000)
    rclone("copy", tree, f"ocean:{bucket}/t")
    rclone(
        "copyto", "--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M", big, f"ocean:{bucket}/big"
    )
    rclone("check", "--download", tree, f"ocean:{bucket}/t")
    client = server.client()
    check_protected(client, bucket)
    rclone("delete", f"ocean:{bucket}")
    assert stored(client, bucket) == {}
    assert "BucketNotEmpty" in rclone.refused("rmdir", f"ocean:{bucket}")
    bring_back(client, bucket)
    assert stored(client, bucket, "t/") == expected
    rclone("copyto", f"ocean:{bucket}/big", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == big.read_bytes()
