"""The x-amz-copy-source header: bucket, key and version to copy from. Pure.

Invariant: the key is decoded once and not normalized, so `..` and `%2e` name no other bucket.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from ocean.errors import InvalidArgument, S3Error

_VERSION = "?versionId="


class CopySource(NamedTuple):
    """What a copy is made of; `version_id` None is the current version."""

    bucket: str
    key: str
    version_id: str | None


def parse(header: str) -> CopySource:
    """Read `[/]bucket/key[?versionId=id]`, percent-encoded; InvalidArgument."""
    path, marker, version_id = header.partition(_VERSION)
    try:
        decoded = unquote_to_bytes(path.encode("utf-8", "surrogateescape")).decode()
    except UnicodeError:
        raise _invalid(header) from None
    bucket, _, key = decoded.removeprefix("/").partition("/")
    if not bucket or not key or (marker and not version_id):
        raise _invalid(header)
    return CopySource(bucket, key, version_id or None)


def _invalid(header: str) -> S3Error:
    return InvalidArgument(
        "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
        ArgumentName="x-amz-copy-source",
        ArgumentValue=header,
    )
