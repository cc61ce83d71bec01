"""PutBucketVersioning and GetBucketVersioning, and what a bucket does in each of its states.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.s3.expect import data, read, refused, status
from tests.s3.store import Client, Store


def set_status(s3: Client, bucket: str, to: str) -> None:
    answer = s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": to})
    assert status(answer) == 200


def versions(s3: Client, bucket: str) -> list[tuple[str, str, bool, bool]]:
    """Key, version id, latest, marker; newest first within a key."""
    page = s3.list_object_versions(Bucket=bucket)
    found: list[dict[str, Any]] = [
        *({**one, "Marker": False} for one in page.get("Versions", [])),
        *({**one, "Marker": True} for one in page.get("DeleteMarkers", [])),
    ]
    return [(one["Key"], one["VersionId"], one["IsLatest"], one["Marker"]) for one in found]


def test_states(s3: Client, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for state in ("Enabled", "Suspended", "Enabled"):
        set_status(s3, bucket, state)
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == state


def test_a_bucket_through_its_life(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"0")
    set_status(s3, bucket, "Enabled")
    one = s3.put_object(Bucket=bucket, Key="key", Body=b"1")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="key")
    assert marker["DeleteMarker"]
    two = s3.put_object(Bucket=bucket, Key="key", Body=b"2")["VersionId"]
    assert {id_: read(s3, bucket, "key", VersionId=id_) for id_ in ("null", one, two)} == {
        "null": b"0",
        one: b"1",
        two: b"2",
    }
    set_status(s3, bucket, "Suspended")
    gone = s3.delete_object(Bucket=bucket, Key="key")  # replaces the null version
    assert (gone["VersionId"], gone["DeleteMarker"]) == ("null", True)
    with refused("NoSuchKey", 404):
        read(s3, bucket, "key")
    with refused("MethodNotAllowed", 405):
        read(s3, bucket, "key", VersionId="null")
    assert set(versions(s3, bucket)) == {
        ("key", "null", True, True),
        ("key", two, False, False),
        ("key", marker["VersionId"], False, True),
        ("key", one, False, False),
    }
    erased = s3.delete_object(Bucket=bucket, Key="key", VersionId="null")
    assert (erased["VersionId"], erased["DeleteMarker"]) == ("null", True)
    assert read(s3, bucket, "key") == b"2"
    s3.delete_object(Bucket=bucket, Key="key", VersionId=two)
    with refused("NoSuchKey", 404):
        read(s3, bucket, "key")
    s3.delete_object(Bucket=bucket, Key="key", VersionId=marker["VersionId"])
    assert read(s3, bucket, "key") == b"1"
    s3.delete_object(Bucket=bucket, Key="key", VersionId=one)
    assert versions(s3, bucket) == []


def test_many_versions_of_one_key(s3: Client, versioned: str) -> None:
    ids = [
        s3.put_object(Bucket=versioned, Key="key", Body=b"%d" % n)["VersionId"] for n in range(40)
    ]
    listed = [one["VersionId"] for one in s3.list_object_versions(Bucket=versioned)["Versions"]]
    assert listed == ids[::-1]
    for number in (39, 20, 0, 38, 10):
        s3.delete_object(Bucket=versioned, Key="key", VersionId=ids[number])
    left = [id_ for n, id_ in enumerate(ids) if n not in (39, 20, 0, 38, 10)]
    listed = [one["VersionId"] for one in s3.list_object_versions(Bucket=versioned)["Versions"]]
    assert listed == left[::-1]
    assert read(s3, versioned, "key") == b"37"


def test_bytes_of_versions_are_independent(s3: Client, versioned: str) -> None:
    sizes = (10, 200_000, 0, 1_500_000)
    ids = {
        s3.put_object(Bucket=versioned, Key="key", Body=bytes([n]) * n_size)["VersionId"]: (
            bytes([n]) * n_size
        )
        for n, n_size in enumerate(sizes)
    }
    for id_ in list(ids)[::2]:
        s3.delete_object(Bucket=versioned, Key="key", VersionId=id_)
        del ids[id_]
    for id_, body in ids.items():
        assert read(s3, versioned, "key", VersionId=id_) == body


def test_writers_and_deleters_of_one_key(store: Store, s3: Client, versioned: str) -> None:
    """Eight at a time: what was acknowledged and not deleted is there, nothing else is."""

    def work(number: int) -> tuple[dict[str, bytes], set[str]]:
        client = store.client()
        there: dict[str, bytes] = {}
        markers: set[str] = set()
        named = {"Bucket": versioned, "Key": "key"}
        for turn in range(12):
            body = data(150_000 if turn % 5 == 0 else 10, f"{number} {turn}")
            there[client.put_object(**named, Body=body)["VersionId"]] = body
            if turn % 3 == 1:
                markers.add(client.delete_object(**named)["VersionId"])
            if turn % 3 == 2:
                oldest = next(iter(there))
                client.delete_object(**named, VersionId=oldest)
                del there[oldest]
        return there, markers

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))
    bodies = {id_: body for there, _ in results for id_, body in there.items()}
    markers = set().union(*(found for _, found in results))
    listed = versions(s3, versioned)
    assert {id_ for _, id_, _, marker in listed if not marker} == bodies.keys()
    assert {id_ for _, id_, _, marker in listed if marker} == markers
    assert sum(latest for _, _, latest, _ in listed) == 1
    assert all(read(s3, versioned, "key", VersionId=id_) == body for id_, body in bodies.items())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MissingRequestBodyError"),
        (b"<VersioningConfiguration/>", "MalformedXML"),
        (b"<VersioningConfiguration><Status>On</Status></VersioningConfiguration>", "MalformedXML"),
        (b"<Status>Enabled</Status>", "MalformedXML"),
        (b"{}", "MalformedXML"),
    ],
)
def test_bad_documents(store: Store, bucket: str, body: bytes, code: str) -> None:
    answer = store.send("PUT", f"/{bucket}", query={"versioning": ""}, body=body)
    assert (answer.status, answer.error()) == (400, code)


def test_mfa_delete_is_not_built(s3: Client, bucket: str) -> None:
    with refused("NotImplemented", 501):
        s3.put_bucket_versioning(
            Bucket=bucket,
            VersioningConfiguration={"Status": "Enabled", "MFADelete": "Enabled"},
            MFA="serial 123456",
        )
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
