"""MinIO's client for Python: versions, policies, lifecycle, encryption and locks of buckets."""

import io
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3
from minio import Minio
from minio.commonconfig import (
    COMPLIANCE,
    ENABLED,
    GOVERNANCE,
    AndOperator,
    ComposeSource,
    CopySource,
    Filter,
    Tags,
)
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.lifecycleconfig import (
    AbortIncompleteMultipartUpload,
    Expiration,
    LifecycleConfig,
    NoncurrentVersionExpiration,
    Rule,
)
from minio.objectlockconfig import DAYS, ObjectLockConfig
from minio.retention import Retention
from minio.sse import SseCustomerKey, SseS3
from minio.sseconfig import Rule as EncryptionRule
from minio.sseconfig import SSEConfig
from minio.versioningconfig import SUSPENDED, VersioningConfig

from tests.clients.minio_client import minio_of, put, read
from tests.clients.secure import over_tls
from tests.support.server import Server

pytestmark = pytest.mark.slow

PART = 5 << 20


@pytest.fixture
def minio(server: Server) -> Minio:
    return minio_of(server)


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    """Over TLS: this client sends its keys nowhere else, and signs no payloads there."""
    with over_tls(tmp_path_factory.mktemp("tls")) as running:
        yield minio_of(running)


def headers(minio: Minio, bucket: str, key: str, **options: Any) -> dict[str, str]:
    return dict(minio.stat_object(bucket, key, **options).metadata or {})


def test_versions(minio: Minio) -> None:
    minio.make_bucket("versions")
    assert minio.get_bucket_versioning("versions").status is None
    minio.set_bucket_versioning("versions", VersioningConfig(ENABLED))
    assert minio.get_bucket_versioning("versions").status == ENABLED
    one, two = (put(minio, "versions", "k", content) for content in (b"one", b"two"))
    minio.remove_object("versions", "k")
    listed = list(minio.list_objects("versions", include_version=True))
    assert [item.is_delete_marker for item in listed] == [False, False, True], "markers come last"
    assert [item.version_id for item in listed[:2]] == [two, one]
    assert [item.is_latest for item in listed] == ["false", "false", "true"]
    assert read(minio, "versions", "k", version_id=one) == b"one"
    assert minio.stat_object("versions", "k", version_id=two).size == 3
    with pytest.raises(S3Error, match="NoSuchKey"):
        read(minio, "versions", "k")
    minio.copy_object("versions", "k", CopySource("versions", "k", version_id=one))
    assert read(minio, "versions", "k") == b"one"
    minio.set_bucket_versioning("versions", VersioningConfig(SUSPENDED))
    assert minio.get_bucket_versioning("versions").status == SUSPENDED
    every = minio.list_objects("versions", include_version=True)
    gone = [DeleteObject(str(item.object_name), item.version_id) for item in every]
    assert list(minio.remove_objects("versions", gone)) == []
    assert list(minio.list_objects("versions", include_version=True)) == []


def test_tags(minio: Minio) -> None:
    minio.make_bucket("tagged")
    put(minio, "tagged", "k", b"")
    assert minio.get_bucket_tags("tagged") is None
    assert minio.get_object_tags("tagged", "k") is None
    tags = Tags.new_bucket_tags()
    tags.update({"a b": "ü+1", "empty": "-"})
    minio.set_bucket_tags("tagged", tags)
    assert minio.get_bucket_tags("tagged") == tags
    of_object = Tags.new_object_tags()
    of_object.update({"x": "y=z", "ñ": "/"})
    minio.set_object_tags("tagged", "k", of_object)
    assert minio.get_object_tags("tagged", "k") == of_object
    minio.copy_object("tagged", "copy", CopySource("tagged", "k"))
    assert minio.get_object_tags("tagged", "copy") == of_object
    minio.delete_object_tags("tagged", "k")
    minio.delete_bucket_tags("tagged")
    assert minio.get_object_tags("tagged", "k") is None
    assert minio.get_bucket_tags("tagged") is None


def test_a_policy_opens_a_prefix(minio: Minio, server: Server) -> None:
    minio.make_bucket("open")
    for key in ("public/k", "private/k"):
        put(minio, "open", key, b"content")
    with pytest.raises(S3Error, match="NoSuchBucketPolicy"):
        minio.get_bucket_policy("open")
    resource = "arn:aws:s3:::open/public/*"
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": resource}
    policy = {"Version": "2012-10-17", "Statement": [allow]}
    minio.set_bucket_policy("open", json.dumps(policy))
    assert json.loads(minio.get_bucket_policy("open")) == policy

    def status(key: str) -> int:
        return urllib3.request("GET", f"{server.endpoint}/open/{key}").status

    assert (status("public/k"), status("private/k")) == (200, 403)
    minio.delete_bucket_policy("open")
    assert status("public/k") == 403
    with pytest.raises(S3Error, match="MalformedPolicy"):
        minio.set_bucket_policy("open", '{"Statement": 1}')


def test_lifecycle_rules_come_back_as_they_were_set(minio: Minio) -> None:
    minio.make_bucket("aging")
    assert minio.get_bucket_lifecycle("aging") is None
    tags = Tags.new_object_tags()
    tags["kind"] = "log"
    rules = [
        Rule(ENABLED, Filter(prefix="tmp/"), "days", expiration=Expiration(days=3)),
        Rule(
            ENABLED,
            Filter(and_operator=AndOperator("logs/", tags)),
            "versions",
            noncurrent_version_expiration=NoncurrentVersionExpiration(5, 2),
        ),
        Rule(
            ENABLED,
            Filter(prefix=""),
            "uploads",
            abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(7),
        ),
    ]
    minio.set_bucket_lifecycle("aging", LifecycleConfig(rules))
    found = minio.get_bucket_lifecycle("aging")
    assert found is not None
    assert found.rules == rules
    put(minio, "aging", "tmp/k", b"")
    expires = headers(minio, "aging", "tmp/k")["x-amz-expiration"]
    assert 'rule-id="days"' in expires
    minio.delete_bucket_lifecycle("aging")
    assert minio.get_bucket_lifecycle("aging") is None


def test_encryption_by_default_and_by_request(minio: Minio) -> None:
    minio.make_bucket("encrypted")
    assert minio.get_bucket_encryption("encrypted") is None
    put(minio, "encrypted", "plain", b"content")
    put(minio, "encrypted", "asked", b"content", sse=SseS3())
    config = SSEConfig(EncryptionRule.new_sse_s3_rule())
    minio.set_bucket_encryption("encrypted", config)
    assert minio.get_bucket_encryption("encrypted") == config
    put(minio, "encrypted", "default", b"content")
    name = "x-amz-server-side-encryption"
    used = {
        key: headers(minio, "encrypted", key).get(name) for key in ("plain", "asked", "default")
    }
    assert used == {"plain": None, "asked": "AES256", "default": "AES256"}
    assert {read(minio, "encrypted", key) for key in used} == {b"content"}
    minio.delete_bucket_encryption("encrypted")
    assert minio.get_bucket_encryption("encrypted") is None


def test_keys_of_clients(secure: Minio, tmp_path: Path) -> None:
    """Small and in parts, read back whole and in ranges, copied under another key, composed."""
    key, other = SseCustomerKey(os.urandom(32)), SseCustomerKey(os.urandom(32))
    content = os.urandom(2 * PART + 1_000)
    secure.make_bucket("keys")
    put(secure, "keys", "small", b"content", sse=key)
    put(secure, "keys", "big", content, sse=key, part_size=PART)
    assert read(secure, "keys", "small", ssec=key) == b"content"
    secure.fget_object("keys", "big", str(tmp_path / "back"), ssec=key)
    assert (tmp_path / "back").read_bytes() == content
    middle = read(secure, "keys", "big", ssec=key, offset=PART - 10, length=20)
    assert middle == content[PART - 10 : PART + 10]
    with pytest.raises(S3Error, match="AccessDenied"):
        read(secure, "keys", "big", ssec=other)
    with pytest.raises(S3Error, match="InvalidRequest"):
        read(secure, "keys", "big")
    secure.copy_object("keys", "copy", CopySource("keys", "big", ssec=key), sse=other)
    assert read(secure, "keys", "copy", ssec=other) == content
    sources = [ComposeSource("keys", "big", ssec=key), ComposeSource("keys", "copy", ssec=other)]
    secure.compose_object("keys", "joined", sources, sse=other)
    assert read(secure, "keys", "joined", ssec=other) == content * 2


def test_payloads_over_tls_are_not_signed(secure: Minio) -> None:
    secure.make_bucket("unsigned")
    said = io.StringIO()
    secure.trace_on(said)
    put(secure, "unsigned", "k", b"content")
    secure.trace_off()  # type: ignore[no-untyped-call]
    assert "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD" in said.getvalue()
    assert read(secure, "unsigned", "k") == b"content"


@pytest.fixture
def locked(secure: Minio, tmp_path: Path) -> str:
    """A bucket that keeps what it is told to keep. What is put comes with its MD5, as it must."""
    bucket = tmp_path.name.replace("_", "-")
    secure.make_bucket(bucket, object_lock=True)
    return bucket


def test_objects_are_kept_by_default(secure: Minio, locked: str) -> None:
    assert secure.get_object_lock_config(locked) == ObjectLockConfig(None, None, None)
    config = ObjectLockConfig(GOVERNANCE, 2, DAYS)
    secure.set_object_lock_config(locked, config)
    assert secure.get_object_lock_config(locked) == config
    version = put(secure, locked, "k", b"content")
    kept = secure.get_object_retention(locked, "k", version)
    assert kept is not None
    left = kept.retain_until_date - datetime.now(UTC)
    assert (kept.mode, round(left / timedelta(days=1))) == (GOVERNANCE, 2)
    gone = [DeleteObject("k", version)]
    assert [error.code for error in secure.remove_objects(locked, gone)] == ["AccessDenied"]
    assert read(secure, locked, "k") == b"content"
    assert list(secure.remove_objects(locked, gone, bypass_governance_mode=True)) == []
    secure.delete_object_lock_config(locked)
    assert secure.get_object_lock_config(locked) == ObjectLockConfig(None, None, None)


def test_retention(secure: Minio, locked: str) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    version = put(secure, locked, "k", b"content", retention=Retention(GOVERNANCE, until))
    assert secure.get_object_retention(locked, "k") == Retention(GOVERNANCE, until)
    longer = Retention(GOVERNANCE, until + timedelta(hours=1))
    secure.set_object_retention(locked, "k", longer)
    assert secure.get_object_retention(locked, "k", version) == longer
    for weaker in (Retention(GOVERNANCE, until), Retention(COMPLIANCE, until)):
        with pytest.raises(S3Error, match="AccessDenied"):
            secure.set_object_retention(locked, "k", weaker)
    assert secure.get_object_retention(locked, "k") == longer
    with pytest.raises(S3Error, match="AccessDenied"):
        secure.remove_object(locked, "k", version)
    put(secure, locked, "free", b"")
    assert secure.get_object_retention(locked, "free") is None


def test_legal_holds(secure: Minio, locked: str) -> None:
    version = put(secure, locked, "k", b"content", legal_hold=True)
    assert secure.is_object_legal_hold_enabled(locked, "k")
    with pytest.raises(S3Error, match="AccessDenied"):
        secure.remove_object(locked, "k", version)
    secure.disable_object_legal_hold(locked, "k", version)
    assert not secure.is_object_legal_hold_enabled(locked, "k")
    secure.enable_object_legal_hold(locked, "k")
    assert secure.is_object_legal_hold_enabled(locked, "k", version)
    secure.disable_object_legal_hold(locked, "k")
    secure.remove_object(locked, "k", version)
    assert list(secure.list_objects(locked, include_version=True)) == []
    put(secure, locked, "free", b"")
    assert not secure.is_object_legal_hold_enabled(locked, "free")


def test_what_is_to_be_kept_comes_with_a_digest(minio: Minio) -> None:
    """As on S3; this client sends none but over TLS."""
    minio.make_bucket("digests", object_lock=True)
    with pytest.raises(S3Error, match="InvalidRequest, message: Content-MD5 "):
        put(minio, "digests", "k", b"content", legal_hold=True)
    put(minio, "digests", "free", b"content")
    assert [one.object_name for one in minio.list_objects("digests")] == ["free"]
