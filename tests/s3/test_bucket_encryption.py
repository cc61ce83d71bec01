"""Put, Get and DeleteBucketEncryption, and what follows for new objects.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html
"""

from typing import Any

import pytest

from tests.s3.encrypting import PLAIN, S3, Way, customers, named, new_key
from tests.s3.expect import headers, read, refused, status, upload
from tests.s3.store import Client, Store
from tests.s3.test_post_object import form


def rule(algorithm: str, key_id: str | None = None, **more: Any) -> dict[str, Any]:
    """A configuration of one rule."""
    default = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": key_id} if key_id else {})
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": default, **more}]}


def put(s3: Client, bucket: str, configuration: dict[str, Any]) -> None:
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=configuration)


def get(s3: Client, bucket: str) -> Any:
    return s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]


def test_life(s3: Client, bucket: str) -> None:
    with refused("ServerSideEncryptionConfigurationNotFoundError", 404):
        get(s3, bucket)
    put(s3, bucket, rule("AES256"))
    assert get(s3, bucket) == rule("AES256", BucketKeyEnabled=False)
    put(s3, bucket, rule("aws:kms", "a/key", BucketKeyEnabled=True))
    assert get(s3, bucket) == rule("aws:kms", "a/key", BucketKeyEnabled=True)
    put(s3, bucket, rule("aws:kms"))
    assert get(s3, bucket) == rule("aws:kms", BucketKeyEnabled=False)
    for _ in range(2):
        assert status(s3.delete_bucket_encryption(Bucket=bucket)) == 204
        with refused("ServerSideEncryptionConfigurationNotFoundError", 404):
            get(s3, bucket)


def test_only_who_may(s3: Client, other: Client, bucket: str) -> None:
    put(s3, bucket, rule("AES256"))
    for call in (
        lambda: put(other, bucket, rule("aws:kms")),
        lambda: get(other, bucket),
        lambda: other.delete_bucket_encryption(Bucket=bucket),
    ):
        with refused("AccessDenied", 403):
            call()
    assert get(s3, bucket) == rule("AES256", BucketKeyEnabled=False)


@pytest.mark.parametrize(
    ("configuration", "code"),
    [
        ({"Rules": []}, "MalformedXML"),
        ({"Rules": rule("AES256")["Rules"] * 2}, "MalformedXML"),
        ({"Rules": [{}]}, "MalformedXML"),
        ({"Rules": [{"BucketKeyEnabled": True}]}, "MalformedXML"),
        (rule(""), "MalformedXML"),
        (rule("AES192"), "MalformedXML"),
        (rule("aws:kms:dsse"), "NotImplemented"),
        (rule("AES256", "key"), "InvalidArgument"),
        (rule("aws:kms", "k" * 300), "InvalidArgument"),
        (rule("aws:kms", "ключ"), "InvalidArgument"),
        (rule("aws:kms", "a\r\nb: c"), "InvalidArgument"),
        (rule("AES256", BlockedEncryptionTypes={"EncryptionType": ["SSE-KMS"]}), "MalformedXML"),
    ],
)
def test_what_is_no_rule(s3: Client, bucket: str, configuration: dict[str, Any], code: str) -> None:
    with refused(code, 501 if code == "NotImplemented" else 400):
        put(s3, bucket, configuration)
    with refused("ServerSideEncryptionConfigurationNotFoundError", 404):
        get(s3, bucket)


def writes(store: Store, s3: Client, bucket: str, way: Way) -> None:
    """Every way to make an object whose request says nothing of encryption."""
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    way.check(s3.get_object(Bucket=bucket, Key="key"))
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "key"})
    upload(s3, bucket, "parts", b"x")
    assert form(store, s3.generate_presigned_post(bucket, "form"), b"x").status == 204
    for key in ("key", "copy", "parts", "form"):
        found = s3.get_object(Bucket=bucket, Key=key)
        way.check(found)
        assert found["Body"].read() == b"x"


def test_new_objects_are_encrypted(store: Store, s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="before", Body=b"x")
    way = named(new_key(store))
    for configuration, told in (
        (rule("AES256"), S3),
        (rule("aws:kms", way.put["SSEKMSKeyId"]), way),
    ):
        put(s3, bucket, configuration)
        writes(store, s3, bucket, told)
    s3.delete_bucket_encryption(Bucket=bucket)
    writes(store, s3, bucket, PLAIN)
    PLAIN.check(s3.head_object(Bucket=bucket, Key="before"))


def test_a_request_says_it_otherwise(store: Store, s3: Client, bucket: str) -> None:
    way, mine = named(new_key(store)), customers("mine")
    put(s3, bucket, rule("aws:kms", way.put["SSEKMSKeyId"]))
    for said in (S3, mine):
        s3.put_object(Bucket=bucket, Key="key", Body=b"x", **said.put)
        said.check(s3.head_object(Bucket=bucket, Key="key", **said.get))
    s3.put_object(Bucket=bucket, Key="key", Body=b"x", ServerSideEncryption="aws:kms")
    told = headers(s3.head_object(Bucket=bucket, Key="key"))
    assert "x-amz-server-side-encryption-aws-kms-key-id" not in told, "it is another key"


def test_a_copy_onto_itself_takes_the_rule_on(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    put(s3, bucket, rule("AES256"))
    itself = {"Bucket": bucket, "Key": "key", "CopySource": {"Bucket": bucket, "Key": "key"}}
    S3.check(s3.copy_object(**itself))
    assert read(s3, bucket, "key") == b"x"
    with refused("InvalidRequest", 400):
        s3.copy_object(**itself)


def test_a_key_that_is_not_there_is_found_missing_when_it_is_used(s3: Client, bucket: str) -> None:
    put(s3, bucket, rule("aws:kms", "no-such-key"))
    with refused("KMS.NotFoundException", 400):
        s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    s3.put_object(Bucket=bucket, Key="key", Body=b"x", **S3.put)


def test_customers_keys_can_be_blocked(s3: Client, bucket: str) -> None:
    mine = customers("mine")
    s3.put_object(Bucket=bucket, Key="before", Body=b"x", **mine.put)
    blocked: dict[str, Any] = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
    put(s3, bucket, {"Rules": [blocked]})
    assert get(s3, bucket) == {"Rules": [{"BucketKeyEnabled": False, **blocked}]}
    PLAIN.check(s3.put_object(Bucket=bucket, Key="plain", Body=b"x"))
    source = {"CopySource": {"Bucket": bucket, "Key": "plain"}}
    for call, options in (
        (s3.put_object, {"Body": b"x"}),
        (s3.create_multipart_upload, {}),
        (s3.copy_object, source),
    ):
        with refused("AccessDenied", 403):
            call(Bucket=bucket, Key="key", **options, **mine.put)
    assert read(s3, bucket, "before", **mine.get) == b"x"
    put(s3, bucket, rule("AES256"))
    assert get(s3, bucket) == rule("AES256", BucketKeyEnabled=False, **blocked), "it stays"
    put(s3, bucket, rule("AES256", BlockedEncryptionTypes={"EncryptionType": ["NONE"]}))
    assert get(s3, bucket) == rule("AES256", BucketKeyEnabled=False)
    s3.put_object(Bucket=bucket, Key="key", Body=b"x", **mine.put)
