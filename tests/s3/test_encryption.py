"""Server-side encryption: SSE-S3, SSE-KMS and SSE-C, alone and from one to another.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html
"""

import base64
import hashlib
import json
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from tests.s3.encrypting import CHUNK, CUSTOMER, PLAIN, S3, SSE, Way, customers, named, new_key
from tests.s3.expect import (
    MIB,
    PART,
    SIZES,
    checksum,
    data,
    headers,
    md5,
    md5_header,
    multipart_etag,
    read,
    refused,
)
from tests.s3.store import Client, Store
from tests.s3.test_post_object import form

NAMES = ("none", "S3", "KMS", "C")
PAIRS = list(product(NAMES, NAMES))
ATTRIBUTES = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]

Ways = dict[str, Way]


@pytest.fixture(scope="module")
def ways(store: Store) -> Ways:
    """Each way, with keys of its own."""
    return {"none": PLAIN, "S3": S3, "KMS": named(new_key(store)), "C": customers("mine")}


@pytest.fixture(scope="module")
def others(store: Store) -> Ways:
    """The same with other keys."""
    return {"none": PLAIN, "S3": S3, "KMS": named(new_key(store)), "C": customers("another")}


# --- objects --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", NAMES[1:])
def test_every_size_comes_back(s3: Client, bucket: str, ways: Ways, mode: str, size: int) -> None:
    way, body = ways[mode], data(size)
    made = s3.put_object(
        Bucket=bucket, Key="key", Body=body, ContentMD5=md5_header(body), **way.put
    )
    way.check(made)
    assert (made["ETag"] == md5(body)) is (mode == "S3")
    for found in (
        s3.head_object(Bucket=bucket, Key="key", **way.get),
        s3.get_object(Bucket=bucket, Key="key", **way.get),
    ):
        way.check(found)
        assert (found["ContentLength"], found["ETag"]) == (size, made["ETag"])
    assert found["Body"].read() == body
    (listed,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert (listed["Size"], listed["ETag"]) == (size, made["ETag"])


@pytest.mark.parametrize("mode", NAMES[1:])
def test_attributes_and_checksums_are_of_what_clients_see(
    s3: Client, bucket: str, ways: Ways, mode: str
) -> None:
    way, body = ways[mode], data(200_000)
    s3.put_object(Bucket=bucket, Key="key", Body=body, ChecksumAlgorithm="SHA256", **way.put)
    found = s3.get_object_attributes(
        Bucket=bucket, Key="key", ObjectAttributes=ATTRIBUTES, **way.get
    )
    assert found["ObjectSize"] == 200_000
    assert found["Checksum"]["ChecksumSHA256"] == checksum("SHA256", body)
    shown = s3.get_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED", **way.get)
    assert shown["ChecksumSHA256"] == checksum("SHA256", body)
    assert shown["Body"].read() == body, "which boto3 compares with its checksum"


def edges(size: int) -> list[tuple[int, int]]:
    """First and last byte of ranges around the ends of what is encrypted at once."""
    near = {0, 1, size - 1, *(n * CHUNK + d for n in (1, 2, 16, 17) for d in (-1, 0, 1))}
    places = sorted(place for place in near if 0 <= place < size)
    return [
        (a, b) for a, b in product(places, places) if a <= b and b - a in (0, 1, 2, b, size - 1)
    ]


@pytest.mark.parametrize("size", [1, CHUNK, CHUNK + 1, 2 * CHUNK, MIB + 2 * CHUNK + 5])
@pytest.mark.parametrize("mode", NAMES[1:])
def test_ranges(s3: Client, bucket: str, ways: Ways, mode: str, size: int) -> None:
    way, body = ways[mode], data(size)
    s3.put_object(Bucket=bucket, Key="key", Body=body, **way.put)
    for first, last in edges(size):
        found = s3.get_object(Bucket=bucket, Key="key", Range=f"bytes={first}-{last}", **way.get)
        assert found["Body"].read() == body[first : last + 1], (first, last)
        assert headers(found)["content-range"] == f"bytes {first}-{last}/{size}"
    assert read(s3, bucket, "key", Range="bytes=-1", **way.get) == body[-1:]
    with refused("InvalidRange", 416):
        read(s3, bucket, "key", Range=f"bytes={size}-", **way.get)


def test_the_same_bytes_have_another_tag_under_each_key(
    s3: Client, bucket: str, ways: Ways
) -> None:
    """Else it would tell whether somebody has the same bytes."""
    for name in ("KMS", "C"):
        tags = {
            s3.put_object(Bucket=bucket, Key=key, Body=b"same", **ways[name].put)["ETag"]
            for key in ("a", "a", "b")
        }
        assert len(tags) == 3


def test_conditions_are_of_the_tag_that_was_told(s3: Client, bucket: str, ways: Ways) -> None:
    way = ways["KMS"]
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"x", **way.put)["ETag"]
    assert read(s3, bucket, "key", IfMatch=etag) == b"x"
    with refused("304", 304):
        s3.get_object(Bucket=bucket, Key="key", IfNoneMatch=etag)
    s3.put_object(Bucket=bucket, Key="key", Body=b"y", IfMatch=etag, **way.put)
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="key", Body=b"z", IfMatch=etag)


def test_each_version_has_its_own_way(s3: Client, versioned: str, ways: Ways) -> None:
    made = {
        name: s3.put_object(Bucket=versioned, Key="key", Body=name.encode(), **way.put)["VersionId"]
        for name, way in ways.items()
    }
    for name, way in ways.items():
        found = s3.get_object(Bucket=versioned, Key="key", VersionId=made[name], **way.get)
        way.check(found)
        assert found["Body"].read() == name.encode()
    s3.put_object_tagging(
        Bucket=versioned,
        Key="key",
        VersionId=made["KMS"],
        Tagging={"TagSet": [{"Key": "a", "Value": "b"}]},
    )
    assert read(s3, versioned, "key", VersionId=made["KMS"]) == b"KMS", "after it was amended"


def test_a_damaged_upload_is_refused(s3: Client, bucket: str, ways: Ways) -> None:
    for name, size in product(NAMES[1:], (10, 200_000)):
        with refused("BadDigest", 400):
            s3.put_object(
                Bucket=bucket, Key="key", Body=data(size), ContentMD5=md5_header(b"x"),
                **ways[name].put,
            )  # fmt: skip
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


# --- uploads in parts -----------------------------------------------------------------------------

PARTS = (PART, PART + 1, PART + CHUNK, 3)


def begin(s3: Client, bucket: str, way: Way, **options: Any) -> dict[str, Any]:
    started = s3.create_multipart_upload(Bucket=bucket, Key="key", **way.put, **options)
    way.check(started)
    return {"Bucket": bucket, "Key": "key", "UploadId": started["UploadId"]}


def send(s3: Client, upload: dict[str, Any], way: Way, number: int, body: bytes) -> dict[str, Any]:
    sent = s3.upload_part(**upload, PartNumber=number, Body=body, **way.parts)
    way.check(sent)
    return {"PartNumber": number, "ETag": sent["ETag"]}


def complete(s3: Client, upload: dict[str, Any], way: Way, parts: list[dict[str, Any]]) -> Any:
    return s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **way.parts)


@pytest.mark.parametrize("mode", NAMES[1:])
def test_parts_of_several_sizes_of_which_one_is_sent_again(
    s3: Client, bucket: str, ways: Ways, mode: str
) -> None:
    way, bodies = ways[mode], [data(size, str(size)) for size in PARTS]
    upload = begin(s3, bucket, way)
    send(s3, upload, way, 2, data(PART, "replaced"))
    parts = [send(s3, upload, way, number, body) for number, body in enumerate(bodies, 1)]
    listed = s3.list_parts(**upload, **way.parts)["Parts"]
    assert [(one["Size"], one["ETag"]) for one in listed] == [
        (size, part["ETag"]) for size, part in zip(PARTS, parts, strict=True)
    ]
    made = complete(s3, upload, way, parts)
    way.check(made)
    assert (made["ETag"] == multipart_etag(*bodies)) is (mode == "S3")
    whole = b"".join(bodies)
    assert read(s3, bucket, "key", **way.get) == whole
    ends = [sum(PARTS[:count]) for count in range(1, len(PARTS))]
    spans = [(end + a, end + b) for end in ends for a, b in ((-1, 0), (0, 0), (-1, -1))]
    spans += [(0, len(whole) - 1), (5, ends[2] + 1), (ends[0] + CHUNK - 1, ends[1] + CHUNK)]
    for first, last in spans:
        found = read(s3, bucket, "key", Range=f"bytes={first}-{last}", **way.get)
        assert found == whole[first : last + 1], (first, last)
    for number, body in enumerate(bodies, 1):
        part = s3.get_object(Bucket=bucket, Key="key", PartNumber=number, **way.get)
        way.check(part)
        assert part["PartsCount"] == len(PARTS)
        assert part["Body"].read() == body
    found = s3.get_object_attributes(
        Bucket=bucket, Key="key", ObjectAttributes=ATTRIBUTES, **way.get
    )
    assert found["ObjectSize"] == len(whole)
    assert [one["Size"] for one in found["ObjectParts"]["Parts"]] == list(PARTS)


def test_an_upload_keeps_to_the_key_that_it_was_begun_with(
    s3: Client, bucket: str, ways: Ways, others: Ways
) -> None:
    mine, wrong = ways["C"], others["C"]
    upload = begin(s3, bucket, mine)
    for options in ({}, wrong.parts, {"SSECustomerAlgorithm": "AES256"}):
        with refused("InvalidArgument" if len(options) == 1 else "InvalidRequest", 400):
            s3.upload_part(**upload, PartNumber=1, Body=b"x", **options)
        if options:
            with refused("InvalidArgument" if len(options) == 1 else "InvalidRequest", 400):
                s3.complete_multipart_upload(
                    **upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "x"}]}, **options
                )
    with refused("InvalidRequest", 400):
        s3.list_parts(**upload, **wrong.parts)
    part = send(s3, upload, mine, 1, b"x")
    assert [one["PartNumber"] for one in s3.list_parts(**upload)["Parts"]] == [1]
    complete(s3, upload, mine, [part])
    assert read(s3, bucket, "key", **mine.get) == b"x"
    for name in ("none", "S3", "KMS"):
        upload = begin(s3, bucket, ways[name])
        with refused("InvalidRequest", 400):
            s3.upload_part(**upload, PartNumber=1, Body=b"x", **mine.parts)


def test_the_key_is_needed_to_complete_parts_with_checksums(
    s3: Client, bucket: str, ways: Ways
) -> None:
    """Of others clients such as rclone do not send it, and AWS does not ask for it."""
    way, plain = ways["C"], ways["none"]
    upload = begin(s3, bucket, way)
    part = send(s3, upload, way, 1, b"x")
    complete(s3, upload, plain, [part])
    assert read(s3, bucket, "key", **way.get) == b"x"
    upload = begin(s3, bucket, way, ChecksumAlgorithm="CRC32")
    sent = s3.upload_part(**upload, PartNumber=1, Body=b"y", ChecksumAlgorithm="CRC32", **way.parts)
    part = {"PartNumber": 1, "ETag": sent["ETag"], "ChecksumCRC32": sent["ChecksumCRC32"]}
    with refused("InvalidRequest", 400):
        complete(s3, upload, plain, [part])
    complete(s3, upload, way, [part])
    assert read(s3, bucket, "key", **way.get) == b"y"


def test_what_is_said_again_with_parts(store: Store, s3: Client, bucket: str, ways: Ways) -> None:
    """Some clients repeat what AWS refuses there; what is not so is refused here, too."""
    said = {"S3": "AES256", "KMS": "aws:kms"}
    for name, (again, value) in product(NAMES, said.items()):
        upload = begin(s3, bucket, ways[name])
        query = {"partNumber": "1", "uploadId": upload["UploadId"]}
        sent = {SSE: value}
        if name == "C":
            sent |= {
                f"{CUSTOMER}algorithm": "AES256",
                f"{CUSTOMER}key": ways[name].get["SSECustomerKey"],
                f"{CUSTOMER}key-MD5": ways[name].get["SSECustomerKeyMD5"],
            }
        answer = store.send("PUT", f"/{bucket}/key", query=query, headers=sent, body=b"x")
        if name == again:
            assert (answer.status, answer.headers[SSE]) == (200, value)
        else:
            assert (answer.status, answer.error()) == (400, "InvalidArgument")


def test_a_complete_that_is_repeated(s3: Client, bucket: str, ways: Ways) -> None:
    for name in NAMES[1:]:
        upload = begin(s3, bucket, ways[name])
        parts = [send(s3, upload, ways[name], 1, b"x")]
        first, second = (complete(s3, upload, ways[name], parts) for _ in range(2))
        assert first["ETag"] == second["ETag"]
        assert headers(first).get(SSE) == headers(second).get(SSE)


# --- copies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 5, 200_000])
@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_copies(
    s3: Client, bucket: str, ways: Ways, others: Ways, before: str, after: str, size: int
) -> None:
    source, target, body = ways[before], others[after], data(size)
    s3.put_object(Bucket=bucket, Key="from", Body=body, **source.put)
    named_source = {"CopySource": {"Bucket": bucket, "Key": "from"}}
    made = s3.copy_object(Bucket=bucket, Key="to", **named_source, **target.put, **source.source)
    target.check(made)
    found = s3.get_object(Bucket=bucket, Key="to", **target.get)
    target.check(found)
    assert found["Body"].read() == body
    assert found["ETag"] == made["CopyObjectResult"]["ETag"]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_copies_of_parts(
    s3: Client, bucket: str, ways: Ways, others: Ways, before: str, after: str
) -> None:
    source, target, body = ways[before], others[after], data(PART + 3 * CHUNK)
    s3.put_object(Bucket=bucket, Key="from", Body=body, **source.put)
    upload = begin(s3, bucket, target)
    parts = []
    ranges = ((0, PART - 1), (CHUNK - 1, CHUNK + PART), (PART, PART + CHUNK))
    for number, (first, last) in enumerate(ranges, 1):
        copied = s3.upload_part_copy(
            **upload,
            PartNumber=number,
            CopySource={"Bucket": bucket, "Key": "from"},
            CopySourceRange=f"bytes={first}-{last}",
            **target.parts,
            **source.source,
        )
        target.check(copied)
        parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
    complete(s3, upload, target, parts)
    wanted = b"".join(body[first : last + 1] for first, last in ranges)
    assert read(s3, bucket, "key", **target.get) == wanted


def test_a_copy_needs_the_key_of_its_source(
    s3: Client, bucket: str, ways: Ways, others: Ways
) -> None:
    s3.put_object(Bucket=bucket, Key="C", Body=b"x", **ways["C"].put)
    s3.put_object(Bucket=bucket, Key="none", Body=b"x")
    for key, options, code in (
        ("C", {}, "InvalidRequest"),
        ("C", others["C"].source, "AccessDenied"),
        ("C", {"CopySourceSSECustomerAlgorithm": "AES256"}, "InvalidArgument"),
        ("none", ways["C"].source, "InvalidRequest"),
    ):
        with refused(code, 403 if code == "AccessDenied" else 400):
            s3.copy_object(
                Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": key}, **options
            )


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_a_copy_onto_itself_is_a_change_of_encryption(
    s3: Client, bucket: str, ways: Ways, others: Ways, before: str, after: str
) -> None:
    source, target = ways[before], others[after]
    s3.put_object(
        Bucket=bucket,
        Key="key",
        Body=b"mine",
        Metadata={"a": "b"},
        ContentType="text/x",
        **source.put,
    )
    itself = {"Bucket": bucket, "Key": "key", "CopySource": {"Bucket": bucket, "Key": "key"}}
    if before == after == "none":
        with refused("InvalidRequest", 400):
            s3.copy_object(**itself)
        return
    s3.copy_object(**itself, **target.put, **source.source)
    found = s3.get_object(Bucket=bucket, Key="key", **target.get)
    target.check(found)
    assert (found["Body"].read(), found["Metadata"], found["ContentType"]) == (
        b"mine",
        {"a": "b"},
        "text/x",
    )


# --- encryption by named keys ---------------------------------------------------------------------


def test_a_context_is_kept_and_told_to_who_writes(s3: Client, bucket: str, ways: Ways) -> None:
    context = base64.b64encode(json.dumps({"who": "me", "ü": ""}).encode()).decode()
    options = {**ways["KMS"].put, "SSEKMSEncryptionContext": context, "BucketKeyEnabled": True}
    told = ways["KMS"].told | {f"{SSE}-bucket-key-enabled": "true"}
    made = s3.put_object(Bucket=bucket, Key="key", Body=b"x", **options)
    found = s3.get_object(Bucket=bucket, Key="key")
    assert found["Body"].read() == b"x"
    assert {n: v for n, v in headers(found).items() if n.startswith(SSE)} == told
    upload = s3.create_multipart_upload(Bucket=bucket, Key="key", **options)
    copied = s3.copy_object(
        Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "key"}, **options
    )
    for answer in (made, upload, copied):
        assert headers(answer)[f"{SSE}-context"] == context


def test_without_a_key_id_the_store_has_one(s3: Client, bucket: str) -> None:
    made = s3.put_object(Bucket=bucket, Key="key", Body=b"x", ServerSideEncryption="aws:kms")
    assert made["ServerSideEncryption"] == "aws:kms"
    assert read(s3, bucket, "key") == b"x"
    assert made["ETag"] != md5(b"x")


def test_a_key_that_is_not_there(s3: Client, bucket: str) -> None:
    for key_id in ("no-such-key", "arn:aws:kms:us-east-1:1:key/none", "alias/none", "a:b", "*"):
        options = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id}
        with refused("KMS.NotFoundException", 400):
            s3.put_object(Bucket=bucket, Key="key", Body=b"x", **options)
        with refused("KMS.NotFoundException", 400):
            s3.create_multipart_upload(Bucket=bucket, Key="key", **options)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_an_alias_or_an_arn_names_a_key(s3: Client, store: Store, bucket: str) -> None:
    name = new_key(store)
    for key_id in (f"alias/{name}", f"arn:aws:kms:us-east-1:111122223333:key/{name}"):
        way = named(key_id)
        way.check(s3.put_object(Bucket=bucket, Key="key", Body=b"x", **way.put))
        assert read(s3, bucket, "key") == b"x"


def test_a_disabled_key_writes_nothing(store: Store, s3: Client, bucket: str) -> None:
    assert store.server is not None
    name = new_key(store)
    done = store.server.run("encryption-key", "set-state", name, "disabled")
    assert done.returncode == 0
    with refused("KMS.DisabledException", 400):
        s3.put_object(Bucket=bucket, Key="key", Body=b"x", **named(name).put)


def test_a_rotated_key_reads_what_was_before_and_after_it_is_wrapped_anew(
    store: Store, s3: Client, bucket: str
) -> None:
    assert store.server is not None
    name = new_key(store)
    way = named(name)
    upload = begin(s3, bucket, way)
    part = send(s3, upload, way, 1, b"part")
    s3.put_object(Bucket=bucket, Key="before", Body=b"before", **way.put)
    for words in (("rotate", name), ("rewrap", name, "--json"), ("rewrap", name, "--json")):
        done = store.server.run("encryption-key", *words)
        assert done.returncode == 0, done.stderr
        if words[0] == "rewrap":
            told = json.loads(done.stdout)
            assert told["failed"] == 0
            assert told["rewrapped"] == (2 if told["passes"] > 1 else 0)
    s3.put_object(Bucket=bucket, Key="after", Body=b"after", **way.put)
    complete(s3, upload, way, [part])
    for key, wanted in (("before", b"before"), ("after", b"after"), ("key", b"part")):
        assert read(s3, bucket, key) == wanted


# --- forms ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", NAMES[1:])
def test_forms(store: Store, s3: Client, bucket: str, ways: Ways, mode: str) -> None:
    way = ways[mode]
    fields = {
        "S3": {SSE: "AES256"},
        "KMS": {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": way.put.get("SSEKMSKeyId", "")},
        "C": {
            f"{CUSTOMER}algorithm": "AES256",
            f"{CUSTOMER}key": way.put.get("SSECustomerKey", ""),
            f"{CUSTOMER}key-MD5": way.put.get("SSECustomerKeyMD5", ""),
        },
    }[mode]
    presigned = s3.generate_presigned_post(
        bucket, "key", Fields=fields, Conditions=[{n: v} for n, v in fields.items()]
    )
    for size in (3, 200_000):
        answer = form(store, presigned, data(size))
        assert answer.status == 204
        told = {n: v for n, v in answer.headers.items() if n.startswith(SSE)}
        assert told == way.told
        assert read(s3, bucket, "key", **way.get) == data(size)


# --- what is refused ------------------------------------------------------------------------------

KEY = base64.b64encode(bytes(range(32))).decode()
KEY_MD5 = base64.b64encode(hashlib.md5(bytes(range(32))).digest()).decode()
RIGHT = {f"{CUSTOMER}algorithm": "AES256", f"{CUSTOMER}key": KEY, f"{CUSTOMER}key-MD5": KEY_MD5}
BAD: list[tuple[dict[str, str], str]] = [
    ({SSE: "AES192"}, "InvalidArgument"),
    ({SSE: ""}, "InvalidArgument"),
    ({SSE: "aes:kms"}, "InvalidArgument"),
    ({SSE: "aws:kms:dsse"}, "NotImplemented"),
    ({SSE: "aws:fsx"}, "NotImplemented"),
    ({f"{SSE}-aws-kms-key-id": "k"}, "InvalidArgument"),
    ({SSE: "AES256", f"{SSE}-aws-kms-key-id": "k"}, "InvalidArgument"),
    ({SSE: "aws:kms", f"{SSE}-aws-kms-key-id": ""}, "InvalidArgument"),
    ({SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "k" * 300}, "InvalidArgument"),
    ({f"{SSE}-context": "e30="}, "InvalidArgument"),
    ({SSE: "AES256", f"{SSE}-context": "e30="}, "InvalidArgument"),
    *(
        ({SSE: "aws:kms", f"{SSE}-context": text}, "InvalidArgument")
        for text in ("", "x", "W10=", "eyJhIjoxfQ==", "eyJhIjp7fX0=", "/w==", "e30=" * 1000)
    ),
    ({SSE: "aws:kms", f"{SSE}-bucket-key-enabled": "perhaps"}, "InvalidArgument"),
    (RIGHT | {SSE: "AES256"}, "InvalidArgument"),
    (RIGHT | {SSE: "aws:kms"}, "InvalidArgument"),
    (RIGHT | {f"{SSE}-aws-kms-key-id": "k"}, "InvalidArgument"),
    (RIGHT | {f"{CUSTOMER}algorithm": "AES128"}, "InvalidEncryptionAlgorithmError"),
    *(({n: v for n, v in RIGHT.items() if n != missing}, "InvalidArgument") for missing in RIGHT),
    *(({n: v}, "InvalidArgument") for n, v in RIGHT.items()),
    *(
        (RIGHT | {f"{CUSTOMER}key": key}, "InvalidArgument")
        for key in ("", "x", "AAAA", KEY[:-4], f"{KEY}AAAA", "ü")
    ),
    *(
        (RIGHT | {f"{CUSTOMER}key-MD5": text}, "InvalidArgument")
        for text in ("", "x", "AAAAAAAAAAAAAAAAAAAAAA==", KEY)
    ),
]


@pytest.mark.parametrize(("sent", "code"), BAD)
def test_what_cannot_be_asked_for(
    store: Store, s3: Client, bucket: str, sent: dict[str, str], code: str
) -> None:
    s3.put_object(Bucket=bucket, Key="there", Body=b"x")
    copy = {"x-amz-copy-source": f"/{bucket}/there"}
    for method, query, more in (("PUT", {}, {}), ("POST", {"uploads": ""}, {}), ("PUT", {}, copy)):
        answer = store.send(method, f"/{bucket}/key", query=query, headers=sent | more)
        assert (answer.status, answer.error()) == (501 if code == "NotImplemented" else 400, code)
        assert KEY.encode() not in answer.body
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["there"]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_reading_needs_the_key_and_no_other(
    s3: Client, bucket: str, ways: Ways, others: Ways
) -> None:
    for name, way in ways.items():
        s3.put_object(Bucket=bucket, Key=name, Body=b"x", **way.put)

    def attributes(**options: Any) -> Any:
        return s3.get_object_attributes(ObjectAttributes=["ETag"], **options)

    reads: list[tuple[Callable[..., Any], bool]] = [
        (s3.get_object, True),
        (s3.head_object, False),
        (attributes, True),
    ]
    for (call, tells), name in product(reads, NAMES):
        wrong = [({}, 400, "InvalidRequest"), (others["C"].get, 403, "AccessDenied")]
        if name != "C":
            wrong = [(ways["C"].get, 400, "InvalidRequest")]
        for options, status, code in wrong:
            with refused(code if tells else str(status), status):
                call(Bucket=bucket, Key=name, **options)
        call(Bucket=bucket, Key=name, **ways[name].get)


@pytest.mark.parametrize("mode", NAMES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_who_reads_does_not_say_how_it_was_written(
    store: Store, s3: Client, bucket: str, ways: Ways, method: str, mode: str
) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"x", **ways[mode].put)
    for sent in ({SSE: "AES256"}, {SSE: "aws:kms"}, {f"{SSE}-aws-kms-key-id": "k"}):
        answer = store.send(method, f"/{bucket}/key", headers=sent)
        assert answer.status == 400
        if method != "HEAD":
            assert answer.error() == "InvalidArgument"
    assert read(s3, bucket, "key", **ways[mode].get) == b"x"


def test_presigned(store: Store, s3: Client, bucket: str, ways: Ways) -> None:
    way = ways["C"]
    sent = {f"{CUSTOMER}{name}": value for name, value in
            zip(("algorithm", "key", "key-MD5"), way.get.values(), strict=True)}  # fmt: skip
    signer = store.client(signature_version="s3v4")
    named_key = {"Bucket": bucket, "Key": "key"}
    url = signer.generate_presigned_url("put_object", Params={**named_key, **way.put})
    assert store.plain("PUT", url, headers=sent, body=b"x").status == 200
    assert read(s3, bucket, "key", **way.get) == b"x"
    url = signer.generate_presigned_url("get_object", Params={**named_key, **way.get})
    assert store.plain("GET", url, headers=sent).body == b"x"
    plain = signer.generate_presigned_url("get_object", Params=named_key)
    assert store.plain("GET", plain).error() == "InvalidRequest"
    url = signer.generate_presigned_url("put_object", Params={**named_key, **S3.put})
    answer = store.plain("PUT", url, headers={SSE: "AES256"}, body=b"y")
    assert (answer.status, answer.headers[SSE]) == (200, "AES256")
    assert read(s3, bucket, "key") == b"y"
