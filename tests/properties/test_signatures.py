"""Signatures against botocore: what its signers make is accepted, and what ours make is equal."""

from collections.abc import Iterator
from datetime import UTC, datetime
from unittest.mock import patch
from urllib.parse import quote, urlencode, urlsplit

import pytest
from botocore.auth import HmacV1Auth, HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.wire import authorization, claims, sigv2, sigv4
from gateway.wire.target import Domains, Target, parse
from ocean.errors import S3Error

NOW = 1369353600
ALICE = sigv4.Identity("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
BOTO = Credentials(ALICE.access_key, ALICE.secret)
METHODS = st.sampled_from(["GET", "PUT", "HEAD", "DELETE", "POST"])
# A segment "." or ".." a client library may resolve before it signs.
KEYS = st.text(min_size=1, max_size=40).filter(
    lambda key: not any(part in {".", ".."} for part in key.split("/"))
)
PARAMETERS = st.dictionaries(
    st.sampled_from(["prefix", "delimiter", "uploadId", "x y", "é", "a.b", "a-b", "a"]),
    st.text(max_size=20),
)
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
HEADERS = st.dictionaries(
    st.sampled_from(["x-amz-meta-a", "X-Amz-Meta-B", "Content-Type", "Content-MD5", "Range"]),
    st.lists(VALUES, min_size=1, max_size=3).map("  ".join),
)
relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    moment = datetime.fromtimestamp(NOW, UTC)
    with (
        patch("botocore.auth.get_current_datetime", return_value=moment),
        patch("botocore.auth.formatdate", return_value="Fri, 24 May 2013 00:00:00 GMT"),
        patch("botocore.auth.time.time", return_value=NOW),
    ):
        yield


def url_of(key: str, parameters: dict[str, str]) -> str:
    query = urlencode(parameters, quote_via=quote, safe="")
    return f"http://localhost:9000/bucket/{quote(key, safe='/~')}" + ("?" + query if query else "")


def received(request: AWSRequest) -> tuple[Target, dict[str, str]]:
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in prepared.headers.items()
    }
    target = prepared.url.removeprefix("http://localhost:9000")
    return parse(target, "", Domains()), {"host": parts.netloc, **headers}


def check(request: AWSRequest) -> sigv4.Seed | None:
    target, headers = received(request)
    claim = authorization.claim(target, headers)
    if isinstance(claim, sigv2.Claim):
        sigv2.verify(claim, request.method, target, headers, secret=ALICE.secret, now=NOW)
        return None
    assert claim is not None
    return claims.verify(
        *(claim, request.method, target, headers),
        secret=ALICE.secret,
        keys=sigv4.SigningKeys(),
        now=NOW,
        region="us-east-1",
    )


@relaxed
@given(METHODS, KEYS, PARAMETERS, HEADERS, st.sampled_from(["url", "params"]))
def test_v4_header(
    method: str, key: str, parameters: dict[str, str], headers: dict[str, str], place: str
) -> None:
    """botocore's header signatures are accepted, and ours are the same."""
    whole = url_of(key, parameters)
    request = (
        AWSRequest(method, whole, headers, b"")
        if place == "url"
        else AWSRequest(method, url_of(key, {}), headers, b"", params=parameters)
    )
    S3SigV4Auth(BOTO, "s3", "us-east-1").add_auth(request)
    seed = check(request)
    assert seed is not None
    payload = request.headers["X-Amz-Content-SHA256"]
    ours = sigv4.sign(ALICE, "us-east-1", method, whole, headers, now=NOW, payload=payload)
    assert ours["authorization"].endswith(seed.signature)


@relaxed
@given(METHODS, KEYS, PARAMETERS, HEADERS)
def test_v4_query(
    method: str, key: str, parameters: dict[str, str], headers: dict[str, str]
) -> None:
    """botocore's presigned URLs are accepted."""
    request = AWSRequest(method, url_of(key, parameters), headers)
    S3SigV4QueryAuth(BOTO, "s3", "us-east-1", expires=60).add_auth(request)
    assert check(request) is not None


@relaxed
@given(METHODS, KEYS, PARAMETERS, HEADERS)
def test_v2_header(
    method: str, key: str, parameters: dict[str, str], headers: dict[str, str]
) -> None:
    """botocore's SigV2 headers are accepted, and ours are the same."""
    headers = {name: " ".join(value.split()) for name, value in headers.items()}
    request = AWSRequest(method, url_of(key, parameters), headers)
    HmacV1Auth(BOTO).add_auth(request)
    check(request)
    ours = sigv2.sign(ALICE, method, url_of(key, parameters), headers, now=NOW)
    assert ours["authorization"] == request.headers["Authorization"]


@relaxed
@given(METHODS, KEYS, PARAMETERS, HEADERS)
def test_v2_query(
    method: str, key: str, parameters: dict[str, str], headers: dict[str, str]
) -> None:
    """botocore's SigV2 presigned URLs are accepted, also with headers moved to the query."""
    headers = {name: " ".join(value.split()) for name, value in headers.items()}
    request = AWSRequest(method, url_of(key, parameters), headers)
    HmacV1QueryAuth(BOTO, expires=60).add_auth(request)
    check(request)
    for name in headers:
        del request.headers[name]
    check(request)


@given(METHODS, KEYS, PARAMETERS, HEADERS)
def test_ours(method: str, key: str, parameters: dict[str, str], headers: dict[str, str]) -> None:
    """What our client side signs, our server side accepts."""
    url = url_of(key, parameters)
    check(AWSRequest(method, url, sigv4.sign(ALICE, "us-east-1", method, url, headers, now=NOW)))
    signed = sigv4.presign(ALICE, "us-east-1", method, url, headers, now=NOW, expires=1)
    check(AWSRequest(method, signed, headers))
    check(AWSRequest(method, url, sigv2.sign(ALICE, method, url, headers, now=NOW)))
    signed = sigv2.presign(ALICE, method, url, headers, expires=NOW + 1)
    check(AWSRequest(method, signed, headers))


ANYTHING = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["a/20130524/us-east-1/s3/aws4_request", "20130524T000000Z", "host", "60"]),
    st.sampled_from(["AWS4-HMAC-SHA256", "AWS a:b", sigv4.UNSIGNED_PAYLOAD, "é" * 64]),
)
GARBAGE = st.dictionaries(
    st.sampled_from(
        ["host", "authorization", "x-amz-date", "date", "x-amz-content-sha256", "x-amz-a"]
    ),
    st.one_of(
        ANYTHING,
        st.tuples(ANYTHING, ANYTHING, ANYTHING).map(
            lambda parts: (
                f"AWS4-HMAC-SHA256 Credential={parts[0]},SignedHeaders={parts[1]},"
                f"Signature={parts[2]}"
            )
        ),
    ),
)
QUERIES = st.dictionaries(
    st.sampled_from(
        [f"X-Amz-{name}" for name in ("Algorithm", "Credential", "Date", "Expires", "Signature")]
        + ["X-Amz-SignedHeaders", "AWSAccessKeyId", "Signature", "Expires", "acl"]
    ),
    ANYTHING,
)


@given(GARBAGE, QUERIES)
def test_garbage(headers: dict[str, str], parameters: dict[str, str]) -> None:
    """A request that no secret signed is anonymous or refused with an S3 error, nothing else."""
    target = parse("/b/k?" + urlencode(parameters, quote_via=quote, safe=""), "", Domains())
    try:
        claim = authorization.claim(target, headers)
        if claim is None:
            assert "authorization" not in headers
            assert not parameters.keys() & {*authorization.V4_QUERY, *authorization.V2_QUERY}
            return
        if isinstance(claim, sigv2.Claim):
            sigv2.verify(claim, "GET", target, headers, secret="s", now=NOW)
        else:
            keys = sigv4.SigningKeys()
            claims.verify(
                *(claim, "GET", target, headers),
                secret="s",
                keys=keys,
                now=NOW,
                region="us-east-1",
            )
    except S3Error as error:
        str((error.message, error.details)).encode()
    else:
        raise AssertionError("accepted")
