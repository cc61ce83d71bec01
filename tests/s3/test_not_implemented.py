"""What is not built says so by its name, and never does something else instead."""

import re
from pathlib import Path

import pytest

from gateway.ops import s3 as operations
from tests.s3.expect import data, keys, read, refused
from tests.s3.store import Client, Store

PLANNED = sorted(name for name, one in operations.by_name.items() if one.handler is None)


@pytest.fixture(scope="module")
def held(s3: Client, shared: str) -> str:
    """A bucket with an object `key`."""
    s3.put_object(Bucket=shared, Key="key", Body=b"mine")
    return shared


@pytest.mark.parametrize("name", PLANNED)
def test_operations(store: Store, s3: Client, held: str, name: str) -> None:
    operation = operations.by_name[name]
    path = f"/{held}/key" if "{Key+}" in operation.uri else f"/{held}"
    query = dict.fromkeys(operation.keys, "") | dict(operation.fixed)
    answer = store.send(operation.method, path, query=query)
    assert (answer.status, answer.error()) == (501, "NotImplemented")
    assert f"<Operation>{name}</Operation>".encode() in answer.body
    assert read(s3, held, "key") == b"mine"


HEADERS = {
    "x-amz-server-side-encryption": "aws:kms:dsse",
    "x-amz-storage-class": "GLACIER",
    "x-amz-website-redirect-location": "/other",
    "x-amz-object-lock-event-hold": "ON",
    "x-amz-write-offset-bytes": "0",
    "x-amz-mfa": "serial 123456",
    "x-amz-object-something-new": "1",
}


@pytest.mark.parametrize("name", sorted(HEADERS))
def test_headers(store: Store, bucket: str, name: str) -> None:
    for size in (3, 200_000):
        answer = store.send("PUT", f"/{bucket}/key", headers={name: HEADERS[name]}, body=data(size))
        assert (answer.status, answer.error()) == (501, "NotImplemented")
        assert f"<Header>{name}</Header>".encode() in answer.body
    created = store.send(
        "POST", f"/{bucket}/key", query={"uploads": ""}, headers={name: HEADERS[name]}
    )
    assert created.status == 501
    assert b"<Key>" not in store.send("GET", f"/{bucket}").body
    assert b"<Upload>" not in store.send("GET", f"/{bucket}", query={"uploads": ""}).body


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-acl", "private"),
        ("x-amz-storage-class", "STANDARD"),
        ("x-amz-request-payer", "requester"),
    ],
)
def test_values_that_ask_for_what_is_there(
    store: Store, bucket: str, name: str, value: str
) -> None:
    assert store.send("PUT", f"/{bucket}/key", headers={name: value}, body=b"x").status == 200


def test_no_such_storage_class(s3: Client, bucket: str) -> None:
    with refused("InvalidStorageClass", 400):
        s3.put_object(Bucket=bucket, Key="key", Body=b"x", StorageClass="COLD")
    assert keys(s3.list_objects_v2(Bucket=bucket)) == []


def test_buckets(s3: Client, name: str) -> None:
    with refused("NotImplemented", 501):
        s3.create_bucket(Bucket=name, BucketNamespace="account-regional")
    with refused("404", 404):
        s3.head_bucket(Bucket=name)


def test_every_built_operation_is_tested_here() -> None:
    """A file of this folder calls it, or sends what boto3 would."""
    texts = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    called = set(re.findall(r"\bs3\.([a-z_0-9]+)\b", "".join(texts)))
    built = {one.handler.__name__ for one in operations.by_name.values() if one.handler}
    assert built - called <= {"post_object"}
    assert any("POST Object" in text for text in texts)
