"""Headers in the query of a presigned URL."""

from gateway.wire.hoisting import unhoist

SIGNED = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "c",
    "X-Amz-Date": "d",
    "X-Amz-Expires": "60",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Signature": "s",
    "X-Amz-Security-Token": "t",
    "versionId": "v",
}


def test_a_plain_presigned_url_adds_nothing() -> None:
    headers = {"host": "h"}
    assert unhoist(headers, SIGNED) is headers
    assert unhoist(headers, {}) is headers


def test_headers_in_the_query_count() -> None:
    query = SIGNED | {"x-amz-meta-A": "1", "X-Amz-Tagging": "k=v", "x-amz-acl": "private"}
    assert unhoist({"host": "h", "x-amz-acl": "real"}, query) == {
        "host": "h",
        "x-amz-meta-a": "1",
        "x-amz-tagging": "k=v",
        "x-amz-acl": "real",
    }


def test_checksums_in_the_query_do_not_count() -> None:
    """Whoever signed the URL did not have the body."""
    query = SIGNED | {
        "x-amz-checksum-crc32": "AAAAAA==",
        "X-Amz-Checksum-Sha256": "s",
        "x-amz-sdk-checksum-algorithm": "CRC32",
    }
    sent = {"host": "h", "x-amz-checksum-sha256": "real"}
    assert unhoist(sent, query) == sent
    assert unhoist({}, query | {"x-amz-checksum-mode": "ENABLED"}) == {
        "x-amz-checksum-mode": "ENABLED"
    }
