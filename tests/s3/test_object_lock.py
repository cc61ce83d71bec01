"""PutObjectLockConfiguration, GetObjectLockConfiguration, and locks of new versions."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.s3.expect import md5_header, read, refused, send_part, status, upload
from tests.s3.store import Client, Store
from tests.s3.test_post_object import form

UNTIL = datetime(2044, 1, 2, 3, 4, 5, tzinfo=UTC)
DAY = timedelta(days=1)
SOON = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": UNTIL}
SENT = {
    "x-amz-object-lock-mode": "GOVERNANCE",
    "x-amz-object-lock-retain-until-date": "2044-01-02T03:04:05Z",
}


def configuration(**default: Any) -> dict[str, Any]:
    rule = {"Rule": {"DefaultRetention": default}} if default else {}
    return {"ObjectLockEnabled": "Enabled", **rule}


def lock_of(s3: Client, bucket: str, key: str, **more: Any) -> tuple[Any, Any, Any]:
    head = s3.head_object(Bucket=bucket, Key=key, **more)
    names = ("ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus")
    mode, until, hold = (head.get(name) for name in names)
    return mode, until, hold


def until_of(s3: Client, bucket: str, key: str) -> datetime:
    found: datetime = s3.head_object(Bucket=bucket, Key=key)["ObjectLockRetainUntilDate"]
    return found


# --- buckets --------------------------------------------------------------------------------------


def test_a_bucket_made_with_object_lock(s3: Client, locked: str) -> None:
    found = s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]
    assert found == configuration()
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"


def test_a_default_is_kept_replaced_and_taken_away(s3: Client, locked: str) -> None:
    for wanted in (
        configuration(Mode="GOVERNANCE", Days=1),
        configuration(Mode="COMPLIANCE", Years=100),
        configuration(),
    ):
        answer = s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=wanted)
        assert status(answer) == 200
        found = s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]
        assert found == wanted


def test_a_bucket_without_object_lock(s3: Client, bucket: str) -> None:
    with refused("ObjectLockConfigurationNotFoundError", 404):
        s3.get_object_lock_configuration(Bucket=bucket)
    assert status(s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=False)) == 200
    with refused("BucketAlreadyExists", 409):  # it would not have what was asked for
        s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)


def test_a_bucket_gets_object_lock_once_it_keeps_versions(s3: Client, bucket: str) -> None:
    wanted = configuration(Mode="GOVERNANCE", Days=1)
    for state in (None, "Suspended"):
        if state is not None:
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": state})
        with refused("InvalidBucketState", 409):
            s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=wanted)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=wanted)
    found = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    assert found == wanted


def test_versioning_stays_enabled(s3: Client, locked: str) -> None:
    with refused("InvalidBucketState", 409):
        s3.put_bucket_versioning(Bucket=locked, VersioningConfiguration={"Status": "Suspended"})
    s3.put_bucket_versioning(Bucket=locked, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({}, "MalformedXML"),
        ({"ObjectLockEnabled": "Disabled"}, "MalformedXML"),
        (configuration(Mode="GOVERNANCE"), "MalformedXML"),
        (configuration(Days=1), "MalformedXML"),
        (configuration(Mode="governance", Days=1), "MalformedXML"),
        (configuration(Mode="GOVERNANCE", Days=1, Years=1), "MalformedXML"),
        (configuration(Mode="GOVERNANCE", Days=0), "InvalidRetentionPeriod"),
        (configuration(Mode="GOVERNANCE", Years=-1), "InvalidRetentionPeriod"),
        (configuration(Mode="GOVERNANCE", Years=101), "InvalidArgument"),
    ],
)
def test_configurations_that_are_refused(
    s3: Client, locked: str, wanted: dict[str, Any], code: str
) -> None:
    with refused(code, 400):
        s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=wanted)
    found = s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]
    assert found == configuration()


# --- new versions ---------------------------------------------------------------------------------


def test_a_lock_of_each_way_to_make_a_version(store: Store, s3: Client, locked: str) -> None:
    lock = {**SOON, "ObjectLockLegalHoldStatus": "ON"}
    s3.put_object(Bucket=locked, Key="put", Body=b"abc", **lock)
    upload(s3, locked, "multipart", b"abc", **lock)
    s3.copy_object(Bucket=locked, Key="copy", CopySource=f"{locked}/put", **lock)
    fields = {**SENT, "x-amz-object-lock-legal-hold": "ON", "Content-MD5": md5_header(b"abc")}
    conditions = [{name: value} for name, value in fields.items()]
    signed = s3.generate_presigned_post(locked, "form", Fields=fields, Conditions=conditions)
    assert form(store, signed, b"abc").status == 204
    for key in ("put", "multipart", "copy", "form"):
        assert read(s3, locked, key) == b"abc"
        assert lock_of(s3, locked, key) == ("GOVERNANCE", UNTIL, "ON"), key
        version = s3.head_object(Bucket=locked, Key=key)["VersionId"]
        with refused("AccessDenied", 403):
            s3.delete_object(Bucket=locked, Key=key, VersionId=version)


def test_a_presigned_upload_is_under_the_lock_that_was_signed(
    store: Store, s3: Client, locked: str
) -> None:
    named = {"Bucket": locked, "Key": "key", **SOON, "ContentMD5": md5_header(b"abc")}
    signer = store.client(signature_version="s3v4")
    url = signer.generate_presigned_url("put_object", Params=named)
    digest = {"Content-MD5": md5_header(b"abc")}
    for sent in (digest, {**SENT, "x-amz-object-lock-mode": "COMPLIANCE", **digest}):
        assert store.plain("PUT", url, headers=sent, body=b"abc").status == 403
    assert store.plain("PUT", url, headers={**SENT, **digest}, body=b"abc").status == 200
    assert lock_of(s3, locked, "key") == ("GOVERNANCE", UNTIL, None)


def test_the_default_is_counted_from_when_the_version_is_made(s3: Client, locked: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=locked, Key="multipart")["UploadId"]
    part = send_part(s3, locked, "multipart", upload_id, 1, b"abc")
    wanted = configuration(Mode="GOVERNANCE", Days=2)
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=wanted)
    begun = datetime.now(UTC)
    s3.put_object(Bucket=locked, Key="put", Body=b"abc")
    s3.copy_object(Bucket=locked, Key="copy", CopySource=f"{locked}/put")
    done = {"MultipartUpload": {"Parts": [part]}, "UploadId": upload_id}
    s3.complete_multipart_upload(Bucket=locked, Key="multipart", **done)
    ended = datetime.now(UTC)
    second = timedelta(seconds=1)
    for key in ("put", "copy", "multipart"):
        assert begun - second <= until_of(s3, locked, key) - 2 * DAY <= ended + second, key
    s3.put_object(Bucket=locked, Key="own", Body=b"abc", **SOON)
    assert until_of(s3, locked, "own") == UNTIL
    s3.delete_object(Bucket=locked, Key="own")  # a marker has none
    s3.put_object_lock_configuration(
        Bucket=locked, ObjectLockConfiguration=configuration(Mode="GOVERNANCE", Years=1)
    )
    assert until_of(s3, locked, "put") < datetime.now(UTC) + 2 * DAY, "of new versions only"


def test_a_copy_has_not_the_lock_of_its_source(s3: Client, locked: str) -> None:
    lock = {**SOON, "ObjectLockLegalHoldStatus": "ON"}
    s3.put_object(Bucket=locked, Key="key", Body=b"abc", **lock)
    s3.copy_object(Bucket=locked, Key="copy", CopySource=f"{locked}/key")
    assert lock_of(s3, locked, "copy") == (None, None, None)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"x-amz-object-lock-mode": "GOVERNANCE"}, "InvalidArgument"),
        ({"x-amz-object-lock-retain-until-date": "2044-01-01T00:00:00Z"}, "InvalidArgument"),
        ({**SENT, "x-amz-object-lock-mode": "governance"}, "InvalidArgument"),
        ({**SENT, "x-amz-object-lock-retain-until-date": "tomorrow"}, "InvalidArgument"),
        ({**SENT, "x-amz-object-lock-retain-until-date": "2020-01-01"}, "InvalidArgument"),
        ({"x-amz-object-lock-legal-hold": "on"}, "InvalidArgument"),
    ],
)
def test_headers_that_are_refused(
    store: Store, s3: Client, locked: str, options: dict[str, str], code: str
) -> None:
    digest = {"Content-MD5": md5_header(b"abc")}
    answer = store.send("PUT", f"/{locked}/key", headers={**options, **digest}, body=b"abc")
    assert (answer.status, answer.error()) == (400, code)
    begun = store.send("POST", f"/{locked}/key", query={"uploads": ""}, headers=options)
    assert (begun.status, begun.error()) == (400, code)
    with refused("404", 404):
        s3.head_object(Bucket=locked, Key="key")


def test_headers_in_a_bucket_without_object_lock(s3: Client, versioned: str) -> None:
    s3.put_object(Bucket=versioned, Key="key", Body=b"abc")
    for lock in (SOON, {"ObjectLockLegalHoldStatus": "ON"}, {"ObjectLockLegalHoldStatus": "OFF"}):
        named = {"Bucket": versioned, "Key": "new", **lock}
        for call, more in (
            (s3.put_object, {"Body": b"abc"}),
            (s3.create_multipart_upload, {}),
            (s3.copy_object, {"CopySource": f"{versioned}/key"}),
        ):
            with refused("InvalidRequest", 400):
                call(**named, **more)


def test_what_is_to_be_locked_comes_with_a_digest(store: Store, s3: Client, locked: str) -> None:
    hold = {"x-amz-object-lock-legal-hold": "OFF"}
    for headers in (SENT, hold, {**SENT, "x-amz-sdk-checksum-algorithm": "CRC32"}):
        answer = store.send("PUT", f"/{locked}/key", headers=headers, body=b"abc")
        assert (answer.status, answer.error()) == (400, "InvalidRequest")
        assert b"required for Put Object requests with Object Lock" in answer.body
    digests = {"Content-MD5": md5_header(b"abc")}, {"x-amz-checksum-crc32": "NSRBwg=="}
    for digest in digests:
        sent = {**SENT, **digest}
        assert store.send("PUT", f"/{locked}/key", headers=sent, body=b"abc").status == 200
    assert store.send("PUT", f"/{locked}/key", body=b"abc").status == 200

    upload_id = s3.create_multipart_upload(Bucket=locked, Key="parts", **SOON)["UploadId"]
    query = {"partNumber": "1", "uploadId": upload_id}
    answer = store.send("PUT", f"/{locked}/parts", query=query, body=b"abc")
    assert (answer.status, answer.error()) == (400, "InvalidRequest")
    assert b"required for Put Part requests with Object Lock" in answer.body
    for digest in digests:
        sent_part = store.send("PUT", f"/{locked}/parts", query=query, headers=digest, body=b"abc")
        assert sent_part.status == 200

    wanted = configuration(Mode="GOVERNANCE", Days=1)
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=wanted)
    answer = store.send("PUT", f"/{locked}/key", body=b"abc")
    assert (answer.status, answer.error()) == (400, "InvalidRequest")


# --- deletions ------------------------------------------------------------------------------------


def test_an_overwrite_makes_a_new_version(s3: Client, locked: str) -> None:
    """RustFS PR 3179: a key under a lock could not be written again."""
    old = s3.put_object(Bucket=locked, Key="key", Body=b"old", **SOON)["VersionId"]
    new = s3.put_object(Bucket=locked, Key="key", Body=b"new")["VersionId"]
    assert old != new
    assert read(s3, locked, "key") == b"new"
    assert read(s3, locked, "key", VersionId=old) == b"old"
    marker = s3.delete_object(Bucket=locked, Key="key")
    assert marker["DeleteMarker"]
    s3.delete_object(Bucket=locked, Key="key", VersionId=marker["VersionId"])
    s3.delete_object(Bucket=locked, Key="key", VersionId=new)
    with refused("AccessDenied", 403):
        s3.delete_object(Bucket=locked, Key="key", VersionId=old)
    assert lock_of(s3, locked, "key") == ("GOVERNANCE", UNTIL, None)


def test_a_bypass_is_of_governance_mode_only(s3: Client, locked: str) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=5)
    compliance = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": soon}
    made = {
        key: s3.put_object(Bucket=locked, Key=key, Body=b"abc", **lock)["VersionId"]
        for key, lock in (
            ("governance", SOON),
            ("compliance", compliance),
            ("held", {**SOON, "ObjectLockLegalHoldStatus": "ON"}),
        )
    }
    for key, version in made.items():
        named = {"Bucket": locked, "Key": key, "VersionId": version}
        for bypass in ({}, {"BypassGovernanceRetention": False}):
            with refused("AccessDenied", 403) as caught:
                s3.delete_object(**named, **bypass)
            assert "protected by object lock" in caught.response["Error"]["Message"]
        if key != "governance":
            with refused("AccessDenied", 403):
                s3.delete_object(**named, BypassGovernanceRetention=True)
    gone = s3.delete_object(
        Bucket=locked,
        Key="governance",
        VersionId=made["governance"],
        BypassGovernanceRetention=True,
    )
    assert status(gone) == 204


def test_many_deletions_are_answered_one_by_one(s3: Client, locked: str) -> None:
    made = [
        (key, s3.put_object(Bucket=locked, Key=key, Body=b"abc", **lock)["VersionId"])
        for key, lock in (("a", SOON), ("b", {}), ("c", {"ObjectLockLegalHoldStatus": "ON"}))
    ]
    objects = [{"Key": key, "VersionId": version} for key, version in made]
    objects.append({"Key": "a"})  # which makes a marker
    answer = s3.delete_objects(Bucket=locked, Delete={"Objects": objects})
    assert [one["Key"] for one in answer["Deleted"]] == ["b", "a"]
    assert answer["Deleted"][1]["DeleteMarker"]
    failed = [(one["Key"], one["VersionId"], one["Code"]) for one in answer["Errors"]]
    assert failed == [(*made[0], "AccessDenied"), (*made[2], "AccessDenied")]
    again = s3.delete_objects(
        Bucket=locked, Delete={"Objects": objects[:3]}, BypassGovernanceRetention=True
    )
    assert [one["Key"] for one in again["Deleted"]] == ["a", "b"]
    assert [one["Key"] for one in again["Errors"]] == ["c"]


def test_a_retention_that_is_over_protects_nothing(s3: Client, locked: str) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": soon}
    version = s3.put_object(Bucket=locked, Key="key", Body=b"abc", **lock)["VersionId"]
    time.sleep((soon - datetime.now(UTC)).total_seconds() + 0.05)
    assert lock_of(s3, locked, "key")[0] == "COMPLIANCE"
    assert status(s3.delete_object(Bucket=locked, Key="key", VersionId=version)) == 204


def test_a_bucket_with_locked_versions_is_not_deleted(s3: Client, locked: str) -> None:
    s3.put_object(Bucket=locked, Key="key", Body=b"abc", **SOON)
    s3.delete_object(Bucket=locked, Key="key")
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=locked)


def test_a_null_version_under_a_lock_stays(s3: Client, bucket: str) -> None:
    """It was made before its bucket kept versions."""
    s3.put_object(Bucket=bucket, Key="key", Body=b"null")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=configuration())
    named = {"Bucket": bucket, "Key": "key", "VersionId": "null"}
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": UNTIL}
    s3.put_object_retention(**named, Retention=retention)
    with refused("InvalidBucketState", 409):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=bucket, Key="key", Body=b"new")
    s3.delete_object(Bucket=bucket, Key="key")
    with refused("AccessDenied", 403):
        s3.delete_object(**named)
    assert read(s3, bucket, "key", VersionId="null") == b"null"
