"""PutObjectLegalHold, GetObjectLegalHold."""

from datetime import UTC, datetime

import pytest

from tests.s3.expect import read, refused, status
from tests.s3.store import Client, Store
from tests.s3.test_object_retention import put


def test_life(s3: Client, locked: str) -> None:
    version = put(s3, locked)
    with refused("NoSuchObjectLockConfiguration", 404):
        s3.get_object_legal_hold(**version)
    assert "ObjectLockLegalHoldStatus" not in s3.head_object(**version)
    for state in ("ON", "ON", "OFF"):
        named = {"Bucket": locked, "Key": "key"}
        assert status(s3.put_object_legal_hold(**named, LegalHold={"Status": state})) == 200
        assert s3.get_object_legal_hold(**version)["LegalHold"] == {"Status": state}
        assert s3.head_object(**version)["ObjectLockLegalHoldStatus"] == state
        if state == "ON":
            with refused("AccessDenied", 403):
                s3.delete_object(**version, BypassGovernanceRetention=True)
    assert status(s3.delete_object(**version)) == 204


def test_versions(s3: Client, locked: str) -> None:
    old, new = put(s3, locked), put(s3, locked)
    s3.put_object_legal_hold(**old, LegalHold={"Status": "ON"})
    with refused("NoSuchObjectLockConfiguration", 404):
        s3.get_object_legal_hold(**new)
    s3.delete_object(**new)
    with refused("AccessDenied", 403):
        s3.delete_object(**old)
    assert read(s3, locked, "key") == b"abc"


def test_beside_a_retention(s3: Client, locked: str) -> None:
    """Neither says anything of the other."""
    moment = datetime(2044, 1, 1, tzinfo=UTC)
    version = put(s3, locked, ObjectLockLegalHoldStatus="ON")
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": moment}
    s3.put_object_retention(**version, Retention=retention)
    s3.put_object_legal_hold(**version, LegalHold={"Status": "OFF"})
    assert s3.get_object_retention(**version)["Retention"] == retention
    with refused("AccessDenied", 403):
        s3.delete_object(**version)
    s3.put_object_legal_hold(**version, LegalHold={"Status": "ON"})
    s3.put_object_retention(**version, Retention={}, BypassGovernanceRetention=True)
    with refused("AccessDenied", 403):
        s3.delete_object(**version)


def test_a_bucket_without_object_lock(s3: Client, versioned: str) -> None:
    version = put(s3, versioned)
    with refused("InvalidRequest", 400):
        s3.put_object_legal_hold(**version, LegalHold={"Status": "ON"})
    with refused("InvalidRequest", 400):
        s3.get_object_legal_hold(**version)


def test_what_is_not_there(s3: Client, locked: str) -> None:
    put(s3, locked)
    marker = s3.delete_object(Bucket=locked, Key="key")["VersionId"]
    for call, more in (
        (s3.get_object_legal_hold, {}),
        (s3.put_object_legal_hold, {"LegalHold": {"Status": "ON"}}),
    ):
        for key in ("none", "key"):
            with refused("NoSuchKey", 404):
                call(Bucket=locked, Key=key, **more)
        with refused("MethodNotAllowed", 405):
            call(Bucket=locked, Key="key", VersionId=marker, **more)


@pytest.mark.parametrize(
    "document",
    ["", "<LegalHold/>", "<LegalHold><Status>abc</Status></LegalHold>", "<Status>ON</Status>"],
)
def test_documents_that_are_refused(store: Store, s3: Client, locked: str, document: str) -> None:
    version = put(s3, locked)
    query = {"legal-hold": ""}
    answer = store.send("PUT", f"/{locked}/key", query=query, body=document.encode())
    assert (answer.status, answer.error()) == (400, "MalformedXML")
    assert status(s3.delete_object(**version)) == 204
