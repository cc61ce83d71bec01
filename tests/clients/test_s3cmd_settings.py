"""s3cmd of Debian: settings of buckets, encryption, uploads in parts, and what is refused."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.clients.programs import s3cmd_of
from tests.support.files import digests, make_tree, stored, write
from tests.support.programs import Program
from tests.support.server import Server

pytestmark = pytest.mark.slow

CORS = b"""<CORSConfiguration><CORSRule>
<AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://example.org</AllowedOrigin>
</CORSRule></CORSConfiguration>"""
LIFECYCLE = b"""<LifecycleConfiguration><Rule>
<ID>old</ID><Prefix>logs/</Prefix><Status>Enabled</Status><Expiration><Days>9</Days></Expiration>
</Rule></LifecycleConfiguration>"""


@pytest.fixture
def s3cmd(store: Server, tmp_path: Path) -> Program:
    return s3cmd_of(store, tmp_path)


@pytest.fixture
def url(bucket: str) -> str:
    """The bucket as s3cmd names it."""
    return f"s3://{bucket}"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write(tmp_path / "small", b"small")


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A document of no kind."""
    return write(tmp_path / "bad.xml", b"<Nonsense/>")


def rules(client: Any, bucket: str) -> list[dict[str, Any]]:
    found = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    return [{name: value for name, value in rule.items() if name != "ID"} for rule in found]


def test_lifecycle(
    s3cmd: Program, client: Any, bucket: str, url: str, bad: Path, tmp_path: Path
) -> None:
    assert "Expiration Rule: none\n" in s3cmd("info", url)
    s3cmd("setlifecycle", write(tmp_path / "rules.xml", LIFECYCLE), url)
    rule = {"Prefix": "logs/", "Status": "Enabled", "Expiration": {"Days": 9}}
    assert rules(client, bucket) == [rule]
    assert "<ID>old</ID>" in s3cmd("getlifecycle", url)
    assert "'logs/' will expire in '9' day(s)" in s3cmd("info", url)
    assert "MalformedXML" in s3cmd.refused("setlifecycle", bad, url)
    assert rules(client, bucket) == [rule]
    s3cmd("dellifecycle", url)
    assert "NoSuchLifecycleConfiguration" in s3cmd.refused("getlifecycle", url)


def test_expiration(s3cmd: Program, client: Any, bucket: str, url: str) -> None:
    """Its own command: a rule by days or by date."""
    s3cmd("expire", "--expiry-days=5", "--expiry-prefix=a/", url)
    (rule,) = rules(client, bucket)
    assert (rule["Filter"], rule["Expiration"]) == ({"Prefix": "a/"}, {"Days": 5})
    s3cmd("expire", "--expiry-date=2030-01-01", url)
    assert "will expire in '2030-01-01T00:00:00.000Z'" in s3cmd("info", url)
    s3cmd("expire", url)
    assert "Expiration Rule: none\n" in s3cmd("info", url)


def test_cors(
    s3cmd: Program, client: Any, bucket: str, url: str, bad: Path, tmp_path: Path
) -> None:
    s3cmd("setcors", write(tmp_path / "cors.xml", CORS), url)
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.org"]}
    assert client.get_bucket_cors(Bucket=bucket)["CORSRules"] == [rule]
    assert "<AllowedOrigin>https://example.org</AllowedOrigin>" in s3cmd("info", url)
    assert "MalformedXML" in s3cmd.refused("setcors", bad, url)
    s3cmd("delcors", url)
    assert "CORS:      none\n" in s3cmd("info", url)


def test_encryption(
    store: Server, s3cmd: Program, client: Any, bucket: str, url: str, small: Path, tmp_path: Path
) -> None:
    key_id = f"key-{uuid.uuid4().hex[:12]}"
    made = store.run("encryption-key", "create", key_id)
    assert made.returncode == 0, made.stderr
    named = f"--server-side-encryption-kms-id={key_id}"
    s3cmd("put", "--server-side-encryption", small, f"{url}/s3")
    s3cmd("put", "--server-side-encryption", named, small, f"{url}/kms")
    assert "SSE:       AES256\n" in s3cmd("info", f"{url}/s3")
    assert "SSE:       aws:kms\n" in s3cmd("info", f"{url}/kms")
    assert client.head_object(Bucket=bucket, Key="kms")["SSEKMSKeyId"] == key_id
    s3cmd("get", f"{url}/kms", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"small"
    s3cmd("cp", "--server-side-encryption", f"{url}/kms", f"{url}/copy")
    assert client.head_object(Bucket=bucket, Key="copy")["ServerSideEncryption"] == "AES256"
    s3cmd("modify", named, "--add-header=x-amz-meta-n:1", f"{url}/copy")
    head = client.head_object(Bucket=bucket, Key="copy")
    assert (head["SSEKMSKeyId"], head["Metadata"]["n"]) == (key_id, "1")
    assert len(set(stored(client, bucket).values())) == 1, "the same content, however encrypted"


def test_encrypted_in_parts(
    s3cmd: Program, client: Any, bucket: str, url: str, big: Path, tmp_path: Path
) -> None:
    s3cmd("put", "--server-side-encryption", "--multipart-chunk-size-mb=5", big, f"{url}/big")
    head = client.head_object(Bucket=bucket, Key="big")
    assert (head["ServerSideEncryption"], head["ETag"][-3:]) == ("AES256", '-5"')
    s3cmd("get", f"{url}/big", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == big.read_bytes()


def test_uploads_in_parts(s3cmd: Program, client: Any, bucket: str, url: str) -> None:
    upload = client.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"]
    named = {"Bucket": bucket, "Key": "key", "UploadId": upload}
    etag = client.upload_part(**named, PartNumber=3, Body=b"x" * 7)["ETag"]
    assert s3cmd("multipart", url).split()[-2:] == [f"{url}/key", upload]
    assert s3cmd("listmp", f"{url}/key", upload).split()[-3:] == ["3", etag, "7"]
    s3cmd("abortmp", f"{url}/key", upload)
    assert "NoSuchUpload" in s3cmd.refused("listmp", f"{url}/key", upload)
    assert "NoSuchUpload" in s3cmd.refused("abortmp", f"{url}/key", upload)
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)


def test_buckets_are_synced(
    s3cmd: Program, client: Any, bucket: str, url: str, tmp_path: Path
) -> None:
    expected = make_tree(tmp_path / "tree", count=4, size=1000)
    s3cmd("put", "--recursive", f"{tmp_path}/tree/", f"{url}/")
    other = f"{bucket}-copy"
    s3cmd("mb", f"s3://{other}")
    s3cmd("sync", f"{url}/", f"s3://{other}/")
    assert stored(client, other) == expected
    s3cmd("rm", f"{url}/empty")
    told = s3cmd("sync", "--delete-removed", f"{url}/", f"s3://{other}/")
    assert told.count("delete: ") == 1
    assert stored(client, other) == stored(client, bucket)
    back = tmp_path / "back"
    back.mkdir()
    s3cmd("get", "--recursive", f"s3://{other}/", f"{back}/")
    assert digests(back) == {n: one for n, one in expected.items() if n != "empty"}
    size = sum(one["Size"] for one in client.list_objects_v2(Bucket=other)["Contents"])
    assert s3cmd("du", f"s3://{other}").split()[:2] == [str(size), str(len(expected) - 1)]


def test_names_are_fixed(s3cmd: Program, client: Any, bucket: str, url: str) -> None:
    """Keys with control characters, which s3cmd cannot list, get names that it can."""
    client.put_object(Bucket=bucket, Key="od\x01d", Body=b"x")
    assert "renamed to 'od^Ad'" in s3cmd("fixbucket", url)
    assert list(stored(client, bucket)) == ["od^Ad"]
    assert f"{url}/od^Ad\n" in s3cmd("ls", url)


@pytest.mark.parametrize(
    ("words", "operation"),
    [
        (("accesslog",), "GetBucketLogging"),
        (("payer", "--requester-pays"), "PutBucketRequestPayment"),
        (("ws-create",), "PutBucketWebsite"),
        (("ws-delete",), "DeleteBucketWebsite"),
        (("getnotification",), "GetBucketNotificationConfiguration"),
        (("delnotification",), "PutBucketNotificationConfiguration"),
    ],
)
def test_what_is_planned_is_named(
    s3cmd: Program, url: str, words: tuple[str, ...], operation: str
) -> None:
    assert f"(NotImplemented): {operation} " in s3cmd.refused(*words, url)
