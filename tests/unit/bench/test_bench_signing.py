"""The benchmark's signer against botocore's."""

from datetime import UTC, datetime
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from bench.requests import Payload, RequestBuilder, Signing
from bench.signing import Signer, encode_path, encode_query

TIME = datetime(2026, 11, 22, 3, 14, 15, tzinfo=UTC)
SIGNER = Signer("127.0.0.1:9000", "AKID", "secret", TIME.strftime("%Y%m%dT%H%M%SZ"))
KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)
QUERIES = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True), st.text(max_size=12), max_size=4
)
CREDENTIALS = Credentials("AKID", "secret")


def frozen_time() -> "mock._patch[mock.MagicMock]":
    return mock.patch("botocore.auth.get_current_datetime", return_value=TIME)


@given(KEYS, QUERIES)
def test_presigned_targets_are_those_of_botocore(key: str, query: dict[str, str]) -> None:
    path = f"/bucket/{encode_path(key)}"
    url = f"http://{SIGNER.host}{path}" + (f"?{encode_query(query)}" if query else "")
    request = AWSRequest("GET", url)
    with frozen_time():
        S3SigV4QueryAuth(CREDENTIALS, "s3", "us-east-1", expires=3600).add_auth(request)
    theirs = dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
    ours = dict(
        parse_qsl(urlsplit(SIGNER.presign("GET", path, query)).query, keep_blank_values=True)
    )
    assert ours == theirs


@given(KEYS, QUERIES, st.binary(max_size=64))
def test_header_signatures_are_those_of_botocore(
    key: str, query: dict[str, str], content: bytes
) -> None:
    path, payload = f"/bucket/{encode_path(key)}", Payload(content)
    url = f"http://{SIGNER.host}{path}" + (f"?{encode_query(query)}" if query else "")
    request = AWSRequest("PUT", url, data=content)
    request.context["payload_signing_enabled"] = True
    with frozen_time():
        S3SigV4Auth(CREDENTIALS, "s3", "us-east-1").add_auth(request)
    ours = SIGNER.header("PUT", path, query, payload.sha256)
    assert ours["x-amz-content-sha256"] == request.headers["X-Amz-Content-SHA256"]
    assert ours["Authorization"] == request.headers["Authorization"]


@pytest.mark.parametrize("signing", ["presigned", "unsigned-payload", "signed-payload"])
def test_a_head_is_whole(signing: Signing) -> None:
    build = RequestBuilder(SIGNER, "bucket", signing)
    payload = Payload(b"content")
    head = build.put("a key", payload).head.decode()
    assert head.endswith("\r\n\r\n")
    assert head.startswith("PUT /bucket/a%20key")
    assert "\r\nHost: 127.0.0.1:9000\r\n" in head
    assert "\r\nContent-Length: 7\r\n" in head
    assert ("X-Amz-Signature=" in head) == (signing == "presigned")
    assert (payload.sha256 in head) == (signing == "signed-payload")
    assert ("UNSIGNED-PAYLOAD" in head) == (signing == "unsigned-payload")
