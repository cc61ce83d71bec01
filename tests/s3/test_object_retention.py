"""PutObjectRetention, GetObjectRetention."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.s3.expect import read, refused, status
from tests.s3.store import Client, Store

JANUARY = datetime(2044, 1, 1, tzinfo=UTC)
LATER = datetime(2044, 1, 3, tzinfo=UTC)


def until(moment: datetime, mode: str = "GOVERNANCE") -> dict[str, Any]:
    return {"Mode": mode, "RetainUntilDate": moment}


def put(s3: Client, bucket: str, **more: Any) -> dict[str, str]:
    """A version, as requests name it."""
    made = s3.put_object(Bucket=bucket, Key="key", Body=b"abc", **more)
    return {"Bucket": bucket, "Key": "key", "VersionId": made["VersionId"]}


def test_life(s3: Client, locked: str) -> None:
    version = put(s3, locked)
    with refused("NoSuchObjectLockConfiguration", 404):
        s3.get_object_retention(**version)
    for moment in (JANUARY, LATER, LATER):
        named = {"Bucket": locked, "Key": "key"}
        assert status(s3.put_object_retention(**named, Retention=until(moment))) == 200
        assert s3.get_object_retention(**version)["Retention"] == until(moment)
    head = s3.head_object(**version)
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", LATER)
    assert "ObjectLockLegalHoldStatus" not in head
    assert read(s3, locked, "key") == b"abc"


def test_the_header_has_an_iso_date(s3: Client, locked: str) -> None:
    version = put(s3, locked)
    there = timezone(timedelta(hours=5, minutes=30))
    moment = datetime(2044, 1, 1, 5, 30, tzinfo=there)
    s3.put_object_retention(**version, Retention=until(moment))
    found = s3.get_object(**version)["ResponseMetadata"]["HTTPHeaders"]
    assert found["x-amz-object-lock-retain-until-date"] == "2044-01-01T00:00:00.000Z"


def test_versions(s3: Client, locked: str) -> None:
    old, new = put(s3, locked), put(s3, locked)
    s3.put_object_retention(**old, Retention=until(JANUARY))
    assert s3.get_object_retention(**old)["Retention"] == until(JANUARY)
    with refused("NoSuchObjectLockConfiguration", 404):
        s3.get_object_retention(Bucket=locked, Key="key")
    s3.delete_object(**new)
    assert s3.get_object_retention(Bucket=locked, Key="key")["Retention"] == until(JANUARY)


def test_weakening_takes_a_bypass(s3: Client, locked: str) -> None:
    version = put(s3, locked)
    s3.put_object_retention(**version, Retention=until(LATER))
    for weaker in (until(JANUARY), until(LATER, "COMPLIANCE"), {}):
        for bypass in ({}, {"BypassGovernanceRetention": False}):
            with refused("AccessDenied", 403):
                s3.put_object_retention(**version, Retention=weaker, **bypass)
        assert s3.get_object_retention(**version)["Retention"] == until(LATER)
    bypass = {"BypassGovernanceRetention": True}
    s3.put_object_retention(**version, Retention=until(JANUARY), **bypass)
    assert s3.get_object_retention(**version)["Retention"] == until(JANUARY)
    s3.put_object_retention(**version, Retention={}, **bypass)
    with refused("NoSuchObjectLockConfiguration", 404):
        s3.get_object_retention(**version)
    assert status(s3.delete_object(**version)) == 204


def test_compliance_is_only_ever_extended(s3: Client, locked: str) -> None:
    version = put(s3, locked)
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
    later = soon + timedelta(seconds=1)
    s3.put_object_retention(**version, Retention=until(soon, "COMPLIANCE"))
    s3.put_object_retention(**version, Retention=until(later, "COMPLIANCE"))
    for weaker in (until(soon, "COMPLIANCE"), until(JANUARY), {}):
        with refused("AccessDenied", 403):
            s3.put_object_retention(**version, Retention=weaker, BypassGovernanceRetention=True)
    with refused("AccessDenied", 403):
        s3.delete_object(**version, BypassGovernanceRetention=True)
    assert s3.get_object_retention(**version)["Retention"] == until(later, "COMPLIANCE")


def test_a_bucket_without_object_lock(s3: Client, versioned: str) -> None:
    version = put(s3, versioned)
    with refused("InvalidRequest", 400):
        s3.put_object_retention(**version, Retention=until(JANUARY))
    with refused("InvalidRequest", 400):
        s3.get_object_retention(**version)


def test_what_is_not_there(s3: Client, locked: str) -> None:
    put(s3, locked)
    marker = s3.delete_object(Bucket=locked, Key="key")["VersionId"]
    for call, more in (
        (s3.get_object_retention, {}),
        (s3.put_object_retention, {"Retention": until(JANUARY)}),
    ):
        for key in ("none", "key"):
            with refused("NoSuchKey", 404):
                call(Bucket=locked, Key=key, **more)
        with refused("MethodNotAllowed", 405):
            call(Bucket=locked, Key="key", VersionId=marker, **more)
        with refused("NoSuchVersion", 404):
            call(Bucket=locked, Key="key", VersionId=marker[::-1], **more)


def retained(mode: str, moment: str) -> str:
    inside = f"<Mode>{mode}</Mode><RetainUntilDate>{moment}</RetainUntilDate>"
    return f"<Retention>{inside}</Retention>"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("", "MalformedXML"),
        ("<Retention>", "MalformedXML"),
        ("<Retention><Mode>GOVERNANCE</Mode></Retention>", "MalformedXML"),
        (retained("governance", "2044-01-01T00:00:00Z"), "MalformedXML"),
        (retained("GOVERNANCE", "soon"), "MalformedXML"),
        (retained("GOVERNANCE", "99999-01-01T00:00:00Z"), "MalformedXML"),
        (retained("GOVERNANCE", "2020-01-01T00:00:00Z"), "InvalidArgument"),
        (retained("COMPLIANCE", "1969-12-31T23:59:59Z"), "InvalidArgument"),
    ],
)
def test_documents_that_are_refused(
    store: Store, s3: Client, locked: str, document: str, code: str
) -> None:
    put(s3, locked)
    query, body = {"retention": ""}, document.encode()
    answer = store.send("PUT", f"/{locked}/key", query=query, body=body)
    assert (answer.status, answer.error()) == (400, code)
    with refused("NoSuchObjectLockConfiguration", 404):
        s3.get_object_retention(Bucket=locked, Key="key")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2106-02-07T06:28:16Z", "2106-02-07T06:28:16.000Z"),
        ("2140-01-01T00:00:00.5Z", "2140-01-01T00:00:00.500Z"),
        ("2044-01-01T02:00:00+02:00", "2044-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_dates_far_away(store: Store, s3: Client, locked: str, given: str, kept: str) -> None:
    put(s3, locked)
    body = retained("GOVERNANCE", given).encode()
    query = {"retention": ""}
    assert store.send("PUT", f"/{locked}/key", query=query, body=body).status == 200
    found = store.send("GET", f"/{locked}/key", query=query).body
    assert f"<RetainUntilDate>{kept}</RetainUntilDate>".encode() in found
    head = store.send("HEAD", f"/{locked}/key")
    assert head.headers["x-amz-object-lock-retain-until-date"] == kept
    version = head.headers["x-amz-version-id"]
    with refused("AccessDenied", 403):
        s3.delete_object(Bucket=locked, Key="key", VersionId=version)
