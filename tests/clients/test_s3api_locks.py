"""`aws s3api`: object lock: retention by default and by version, legal holds, and their bypass."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.clients.s3api import S3Api
from tests.support.files import write

pytestmark = pytest.mark.slow

BYPASS = "--bypass-governance-retention"


@pytest.fixture
def locked(client: Any, bucket: str) -> str:
    """A bucket with object lock."""
    name = f"{bucket}-locked"
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write(tmp_path / "small", b"small")


def in_days(days: int) -> str:
    """As answers write it."""
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_retention_by_default(
    s3api: S3Api, client: Any, bucket: str, locked: str, small: Path
) -> None:
    named = ("--bucket", locked)
    enabled = {"ObjectLockEnabled": "Enabled"}
    found = s3api("get-object-lock-configuration", *named)["ObjectLockConfiguration"]
    assert found == enabled
    text = "ObjectLockEnabled=Enabled,Rule={DefaultRetention={Mode=GOVERNANCE,Days=2}}"
    chosen = ("--object-lock-configuration", text)
    assert s3api("put-object-lock-configuration", *named, *chosen) is None
    found = s3api("get-object-lock-configuration", *named)["ObjectLockConfiguration"]
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 2}}
    assert found == {**enabled, "Rule": rule}
    s3api("put-object", *named, "--key", "key", "--body", small)
    head = client.head_object(Bucket=locked, Key="key")
    assert head["ObjectLockMode"] == "GOVERNANCE"
    assert head["ObjectLockRetainUntilDate"] > datetime.now(UTC) + timedelta(hours=47)
    none = "ObjectLockConfigurationNotFoundError"
    s3api.refused(none, "get-object-lock-configuration", "--bucket", bucket)
    other = ("put-object-lock-configuration", "--bucket", bucket, *chosen)
    s3api.refused("InvalidBucketState", *other)
    off = ("--versioning-configuration", "Status=Suspended")
    s3api.refused("InvalidBucketState", "put-bucket-versioning", *named, *off)


def test_retention_of_versions(
    s3api: S3Api, client: Any, bucket: str, locked: str, small: Path
) -> None:
    at = ("--bucket", locked, "--key", "key")
    version = s3api("put-object", *at, "--body", small)["VersionId"]
    s3api.refused("NoSuchObjectLockConfiguration", "get-object-retention", *at)
    day, week = in_days(1), in_days(7)

    def chosen(mode: str, until: str) -> tuple[str, ...]:
        return (*at, "--retention", f"Mode={mode},RetainUntilDate={until}")

    assert s3api("put-object-retention", *chosen("GOVERNANCE", week)) is None
    kept = {"Mode": "GOVERNANCE", "RetainUntilDate": week}
    assert s3api("get-object-retention", *at) == {"Retention": kept}
    s3api.refused("AccessDenied", "put-object-retention", *chosen("GOVERNANCE", day))
    s3api("put-object-retention", *chosen("GOVERNANCE", day), BYPASS)
    delete = ("delete-object", *at, "--version-id", version)
    s3api.refused("AccessDenied", *delete)
    s3api("put-object-retention", *chosen("COMPLIANCE", day), BYPASS)
    s3api.refused("AccessDenied", *delete, BYPASS)
    s3api.refused("AccessDenied", "put-object-retention", *chosen("GOVERNANCE", week), BYPASS)
    assert client.head_object(Bucket=locked, Key="key")["ObjectLockMode"] == "COMPLIANCE"
    client.put_object(Bucket=bucket, Key="key", Body=b"x")
    s3api.refused("InvalidRequest", "get-object-retention", "--bucket", bucket, "--key", "key")


def test_a_version_under_governance_is_deleted_by_who_may(
    s3api: S3Api, client: Any, locked: str, small: Path
) -> None:
    at = ("--bucket", locked, "--key", "key")
    lock = ("--object-lock-mode", "GOVERNANCE", "--object-lock-retain-until-date", in_days(1))
    version = s3api("put-object", *at, "--body", small, *lock)["VersionId"]
    one = f"Objects=[{{Key=key,VersionId={version}}}]"
    (failed,) = s3api("delete-objects", "--bucket", locked, "--delete", one)["Errors"]
    assert (failed["Code"], failed["VersionId"]) == ("AccessDenied", version)
    (gone,) = s3api("delete-objects", "--bucket", locked, "--delete", one, BYPASS)["Deleted"]
    assert gone["VersionId"] == version
    assert "Versions" not in client.list_object_versions(Bucket=locked)


def test_legal_holds(s3api: S3Api, client: Any, bucket: str, locked: str, small: Path) -> None:
    at = ("--bucket", locked, "--key", "key")
    version = s3api("put-object", *at, "--body", small)["VersionId"]
    s3api.refused("NoSuchObjectLockConfiguration", "get-object-legal-hold", *at)
    delete = ("delete-object", *at, "--version-id", version)
    for status in ("ON", "OFF"):
        assert s3api("put-object-legal-hold", *at, "--legal-hold", f"Status={status}") is None
        assert s3api("get-object-legal-hold", *at) == {"LegalHold": {"Status": status}}
        assert client.head_object(Bucket=locked, Key="key")["ObjectLockLegalHoldStatus"] == status
        if status == "ON":
            s3api.refused("AccessDenied", *delete, BYPASS)
    s3api.refused("MalformedXML", "put-object-legal-hold", *at, "--legal-hold", "Status=MAYBE")
    s3api(*delete)
    assert "Versions" not in client.list_object_versions(Bucket=locked)
    client.put_object(Bucket=bucket, Key="key", Body=b"x")
    held = ("--bucket", bucket, "--key", "key", "--legal-hold", "Status=ON")
    s3api.refused("InvalidRequest", "put-object-legal-hold", *held)
