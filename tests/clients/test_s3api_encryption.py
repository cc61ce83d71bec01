"""`aws s3api`: encryption by the bucket's default, by named keys, and by keys of the client."""

import json
import os
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.clients.s3api import S3Api
from tests.support.files import write
from tests.support.server import Server

pytestmark = pytest.mark.slow


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write(tmp_path / "small", b"small")


@pytest.fixture
def key_id(store: Server) -> str:
    """The name of a key of the server."""
    name = f"key-{uuid.uuid4().hex[:12]}"
    made = store.run("encryption-key", "create", name)
    assert made.returncode == 0, made.stderr
    return name


def test_defaults_of_buckets(
    s3api: S3Api, client: Any, bucket: str, key_id: str, small: Path
) -> None:
    named = ("--bucket", bucket)
    put = ("put-object", *named, "--key", "key", "--body", small)
    none = "ServerSideEncryptionConfigurationNotFoundError"
    s3api.refused(none, "get-bucket-encryption", *named)
    assert "ServerSideEncryption" not in s3api(*put)
    defaults: list[dict[str, str]] = [
        {"SSEAlgorithm": "AES256"},
        {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_id},
    ]
    for default in defaults:
        rules = [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": False}]
        chosen = ("--server-side-encryption-configuration", json.dumps({"Rules": rules}))
        assert s3api("put-bucket-encryption", *named, *chosen) is None
        told = s3api("get-bucket-encryption", *named)["ServerSideEncryptionConfiguration"]
        (rule,) = told["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"] == default
        written = s3api(*put)
        assert written["ServerSideEncryption"] == default["SSEAlgorithm"]
        assert written.get("SSEKMSKeyId") == default.get("KMSMasterKeyID")
        assert client.get_object(Bucket=bucket, Key="key")["Body"].read() == b"small"
    bad = "Rules=[{ApplyServerSideEncryptionByDefault={SSEAlgorithm=ROT13}}]"
    chosen = ("--server-side-encryption-configuration", bad)
    s3api.refused("MalformedXML", "put-bucket-encryption", *named, *chosen)
    assert s3api("delete-bucket-encryption", *named) is None
    s3api.refused(none, "get-bucket-encryption", *named)
    assert "ServerSideEncryption" not in s3api(*put)


def test_named_keys(s3api: S3Api, bucket: str, key_id: str, small: Path, tmp_path: Path) -> None:
    at, back = ("--bucket", bucket, "--key", "key"), tmp_path / "back"
    kms = ("--server-side-encryption", "aws:kms")
    put = s3api("put-object", *at, "--body", small, *kms, "--ssekms-key-id", key_id)
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", key_id)
    assert s3api("get-object", *at, back)["SSEKMSKeyId"] == key_id
    assert back.read_bytes() == b"small"
    source = ("--copy-source", f"{bucket}/key", "--server-side-encryption", "AES256")
    copied = s3api("copy-object", "--bucket", bucket, "--key", "copy", *source)
    assert copied["ServerSideEncryption"] == "AES256"
    none = ("--ssekms-key-id", "none")
    s3api.refused("KMS.NotFoundException", "put-object", *at, "--body", small, *kms, *none)


def test_keys_of_clients(s3api: S3Api, client: Any, bucket: str, tmp_path: Path) -> None:
    at, back = ("--bucket", bucket, "--key", "key"), tmp_path / "back"
    small = write(tmp_path / "small", b"small")
    file = write(tmp_path / "customer.key", os.urandom(32))
    key = ("--sse-customer-algorithm", "AES256", "--sse-customer-key", f"fileb://{file}")
    put = s3api("put-object", *at, "--body", small, *key)
    assert put["SSECustomerAlgorithm"] == "AES256"
    s3api("get-object", *at, *key, back)
    assert back.read_bytes() == b"small"
    own = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": file.read_bytes()}
    assert client.head_object(Bucket=bucket, Key="key", **own)["ContentLength"] == 5
    s3api.refused("InvalidRequest", "get-object", *at, back)
    s3api.refused("400", "head-object", *at)
    other = write(tmp_path / "other.key", os.urandom(32))
    wrong = (*key[:3], f"fileb://{other}")
    s3api.refused("AccessDenied", "get-object", *at, *wrong, back)
