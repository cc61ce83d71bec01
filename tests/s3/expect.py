"""What tests here say again and again: material, headers, refusals."""

import base64
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from awscrt import checksums
from botocore.exceptions import ClientError

KIB = 1 << 10
MIB = 1 << 20
PART = 5 * MIB  # the least size of a part but the last
ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")

# Around what matters on the way down: blocks of 64 KiB, small objects up to 128 KiB, segments of
# 1 MiB, and a little more than a few of those.
SIZES = (
    0,
    1,
    64 * KIB - 1,
    64 * KIB,
    64 * KIB + 1,
    128 * KIB - 1,
    128 * KIB,
    128 * KIB + 1,
    MIB - 1,
    MIB,
    MIB + 1,
    8 * MIB + 17,
)


def data(size: int, seed: str = "") -> bytes:
    """`size` bytes that look random, the same for the same seed."""
    return hashlib.shake_128(f"{size} {seed}".encode()).digest(size)


def headers(answer: Any) -> dict[str, str]:
    """The headers of what boto3 gave back."""
    found: dict[str, str] = answer["ResponseMetadata"]["HTTPHeaders"]
    return found


def status(answer: Any) -> int:
    """The HTTP status of what boto3 gave back."""
    found: int = answer["ResponseMetadata"]["HTTPStatusCode"]
    return found


@contextmanager
def refused(code: str, expected_status: int = 0) -> Iterator[SimpleNamespace]:
    """The S3 error that the block must meet; afterwards `.response` is all of it."""
    caught = SimpleNamespace(response={})
    with pytest.raises(ClientError) as error:
        yield caught
    caught.response = error.value.response
    found = caught.response["Error"]
    got = caught.response["ResponseMetadata"]["HTTPStatusCode"]
    assert found["Code"] == code, caught.response
    assert expected_status in (0, got), caught.response


def md5(body: bytes) -> str:
    """The ETag of a body, in quotes."""
    return f'"{hashlib.md5(body).hexdigest()}"'


def md5_header(body: bytes) -> str:
    """A body's Content-MD5."""
    return base64.b64encode(hashlib.md5(body).digest()).decode()


def multipart_etag(*parts: bytes) -> str:
    """The ETag of an object uploaded in these parts, in quotes."""
    joined = b"".join(hashlib.md5(part).digest() for part in parts)
    return f'"{hashlib.md5(joined).hexdigest()}-{len(parts)}"'


def raw_checksum(algorithm: str, body: bytes) -> bytes:
    """A checksum's bytes, big endian."""
    match algorithm:
        case "CRC32":
            return zlib.crc32(body).to_bytes(4, "big")
        case "CRC32C":
            return bytes(checksums.crc32c(body).to_bytes(4, "big"))
        case "CRC64NVME":
            return bytes(checksums.crc64nvme(body).to_bytes(8, "big"))
        case _:
            return hashlib.new(algorithm, body).digest()


def checksum(algorithm: str, body: bytes) -> str:
    """A body's checksum as headers have it."""
    return base64.b64encode(raw_checksum(algorithm, body)).decode()


def composite(algorithm: str, *parts: bytes) -> str:
    """The checksum of the checksums of parts."""
    joined = b"".join(raw_checksum(algorithm, part) for part in parts)
    return f"{checksum(algorithm, joined)}-{len(parts)}"


def read(client: Any, bucket: str, key: str, **options: Any) -> bytes:
    """The bytes of an object."""
    body: bytes = client.get_object(Bucket=bucket, Key=key, **options)["Body"].read()
    return body


def keys(page: Any) -> list[str]:
    """The keys of a page of a listing."""
    return [one["Key"] for one in page.get("Contents", [])]


def prefixes(page: Any) -> list[str]:
    """The common prefixes of a page of a listing."""
    return [one["Prefix"] for one in page.get("CommonPrefixes", [])]


def upload(client: Any, bucket: str, key: str, *parts: bytes, **options: Any) -> Any:
    """An object uploaded in these parts; the answer to its completion."""
    upload_id = client.create_multipart_upload(Bucket=bucket, Key=key, **options)["UploadId"]
    done = [
        send_part(client, bucket, key, upload_id, number, part)
        for number, part in enumerate(parts, 1)
    ]
    return client.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": done}
    )


def send_part(
    client: Any, bucket: str, key: str, upload_id: str, number: int, body: bytes
) -> dict[str, Any]:
    """Upload one part; what Complete wants to hear of it."""
    answer = client.upload_part(
        Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=body
    )
    return {"PartNumber": number, "ETag": answer["ETag"]}
