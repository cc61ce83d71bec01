"""Signature Version 4: AWS's examples, every kind of refusal, and the two ends of validity."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest

from gateway.wire import authorization, claims, dates
from gateway.wire.claims import Claim, Payload
from gateway.wire.sigv4 import (
    EMPTY_SHA256,
    Identity,
    Scope,
    Seed,
    SigningKeys,
    presign,
    sign,
    signing_key,
)
from gateway.wire.target import Domains, parse
from ocean.errors import (
    AccessDenied,
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    InvalidArgument,
    InvalidRequest,
    RequestTimeTooSkewed,
    S3Error,
    SignatureDoesNotMatch,
)

ALICE = Identity("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NOW = 1369353600  # 2013-05-24T00:00:00Z
REGION = "us-east-1"
EXAMPLES = "https://examplebucket.s3.amazonaws.com"


def verify(
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    now: float = NOW,
    secret: str = ALICE.secret,
) -> Seed:
    """What a server does with the request that a client sends to `url`."""
    parts = urlsplit(url)
    headers = {"host": parts.netloc, **headers}
    target = parse(parts._replace(scheme="", netloc="").geturl(), parts.netloc, Domains())
    claim = authorization.claim(target, headers)
    assert isinstance(claim, Claim)
    assert claim.access_key == ALICE.access_key
    return claims.verify(
        claim, method, target, headers, secret=secret, keys=SigningKeys(), now=now, region=REGION
    )


EMPTY = EMPTY_SHA256
WELCOME = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


@pytest.mark.parametrize(
    ("method", "url", "headers", "payload", "signature"),
    [
        (
            *("GET", EXAMPLES + "/test.txt", {"Range": "bytes=0-9"}, EMPTY),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            *("PUT", EXAMPLES + "/test$file.text"),
            {
                "Date": "Fri, 24 May 2013 00:00:00 GMT",
                "x-amz-storage-class": "REDUCED_REDUNDANCY",
            },
            WELCOME,
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            *("GET", EXAMPLES + "/?lifecycle", {}, EMPTY),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            *("GET", EXAMPLES + "/?max-keys=2&prefix=J", {}, EMPTY),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
        (
            *("PUT", "https://s3.amazonaws.com/examplebucket/chunkObject.txt"),
            {
                "x-amz-storage-class": "REDUCED_REDUNDANCY",
                "Content-Encoding": "aws-chunked",
                "x-amz-decoded-content-length": "66560",
                "Content-Length": "66824",
            },
            STREAMING,
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        ),
        (
            *("PUT", "https://s3.amazonaws.com/examplebucket/chunkObject.txt"),
            {
                "x-amz-storage-class": "REDUCED_REDUNDANCY",
                "Content-Encoding": "aws-chunked",
                "x-amz-decoded-content-length": "66560",
                "x-amz-trailer": "x-amz-checksum-crc32c",
            },
            STREAMING + "-TRAILER",
            "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        ),
    ],
    ids=["get", "put", "lifecycle", "list", "chunked", "trailer"],
)
def test_examples_of_headers(
    method: str, url: str, headers: dict[str, str], payload: str, signature: str
) -> None:
    """AWS's documentation prints these signatures."""
    signed = sign(ALICE, REGION, method, url, headers, now=NOW, payload=payload)
    assert signed["authorization"].endswith("Signature=" + signature)
    assert verify(method, url, signed).signature == signature


def test_example_of_presigned() -> None:
    """AWS's documentation prints this signature."""
    url = presign(ALICE, REGION, "GET", EXAMPLES + "/test.txt", {}, now=NOW, expires=86400)
    signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    assert url.endswith("X-Amz-Signature=" + signature)
    assert verify("GET", url, {}, now=NOW + 86399).signature == signature


URL = "http://localhost:9000/bucket/a%20key?versionId=1&x"
SENT = {"x-amz-meta-a": "b", "content-type": "text/plain"}


def signed_headers(**changes: str) -> dict[str, str]:
    return sign(ALICE, REGION, "PUT", URL, SENT, now=NOW) | changes


def presigned(expires: int = 60) -> str:
    return presign(ALICE, REGION, "PUT", URL, SENT, now=NOW, expires=expires)


@pytest.mark.parametrize("mode", Payload)
def test_wrong_secret_in_every_mode(mode: Payload) -> None:
    payload = "0" * 64 if mode is Payload.HASHED else mode.value
    signed = sign(ALICE, REGION, "PUT", URL, {}, now=NOW, payload=payload)
    verify("PUT", URL, signed)
    with pytest.raises(SignatureDoesNotMatch) as caught:
        verify("PUT", URL, signed, secret="other")
    assert caught.value.details["AWSAccessKeyId"] == ALICE.access_key
    url = presign(ALICE, REGION, "PUT", URL, {"x-amz-content-sha256": payload}, now=NOW)
    verify("PUT", url, {"x-amz-content-sha256": payload})
    with pytest.raises(SignatureDoesNotMatch):
        verify("PUT", url, {"x-amz-content-sha256": payload}, secret="other")


def test_details_of_a_refusal() -> None:
    with pytest.raises(SignatureDoesNotMatch) as caught:
        verify("PUT", URL, signed_headers(), secret="other")
    details = caught.value.details
    assert details["CanonicalRequest"].startswith("PUT\n/bucket/a%20key\nversionId=1&x=\n")
    text = details["StringToSign"]
    assert bytes.fromhex(details["StringToSignBytes"]).decode() == text
    assert text.startswith(
        "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
    )


def test_every_changed_byte_of_the_header_form_is_refused() -> None:
    signed = signed_headers()
    verify("PUT", URL, signed)
    with pytest.raises(S3Error):
        verify("POST", URL, signed)
    for name, value in signed.items():
        for place, letter in enumerate(value):
            changed = value[:place] + chr(ord(letter) ^ 1) + value[place + 1 :]
            if "Credential=" in value and place < value.index("/2013"):
                continue  # the access key chooses the secret, and is checked with it
            with pytest.raises(S3Error):
                verify("PUT", URL, {**signed, name: changed})
        with pytest.raises(S3Error):
            verify("PUT", URL, {other: signed[other] for other in signed if other != name} | BARE)


BARE = {"authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE"}


def test_every_changed_byte_of_a_presigned_url_is_refused() -> None:
    url = presigned()
    verify("PUT", url, SENT)
    start = url.index("/bucket")
    for place in range(start + 1, len(url)):
        changed = url[:place] + chr(ord(url[place]) ^ 1) + url[place + 1 :]
        try:
            verify("PUT", changed, SENT)
        except (S3Error, AssertionError):
            continue
        # %2F and %2f are the same.
        assert changed.lower() == url.lower()
    with pytest.raises(SignatureDoesNotMatch):
        verify("PUT", url, {**SENT, "x-amz-meta-a": "c"})
    with pytest.raises(SignatureDoesNotMatch):
        verify("PUT", url, {"content-type": "text/plain"})


@pytest.mark.parametrize("name", ["x-amz-copy-source", "x-amz-acl", "x-amz-meta-b"])
def test_every_header_of_s3_must_be_signed(name: str) -> None:
    for url, headers in ((URL, signed_headers()), (presigned(), SENT)):
        with pytest.raises(AccessDenied) as caught:
            verify("PUT", url, {**headers, name: "x"})
        assert caught.value.details == {"HeadersNotSigned": name}


def test_host_must_be_signed() -> None:
    authorized = signed_headers()["authorization"].replace("host;", "")
    with pytest.raises(AccessDenied) as caught:
        verify("PUT", URL, signed_headers(authorization=authorized))
    assert caught.value.details == {"HeadersNotSigned": "host"}


def test_header_signed_empty_may_not_vanish() -> None:
    signed = sign(ALICE, REGION, "PUT", URL, {"x-amz-meta-a": ""}, now=NOW)
    verify("PUT", URL, signed)
    del signed["x-amz-meta-a"]
    with pytest.raises(SignatureDoesNotMatch):
        verify("PUT", URL, signed)


@pytest.mark.parametrize(("late", "valid"), [(899, True), (900, True), (901, False)])
def test_skew(late: int, valid: bool) -> None:
    for now in (NOW - late, NOW + late):
        if valid:
            verify("PUT", URL, signed_headers(), now=now)
            continue
        with pytest.raises(RequestTimeTooSkewed) as caught:
            verify("PUT", URL, signed_headers(), now=now)
        assert caught.value.details["MaxAllowedSkewMilliseconds"] == "900000"
        assert caught.value.details["ServerTime"] == dates.iso(now)


def test_presigned_validity() -> None:
    verify("PUT", presigned(), SENT, now=NOW + 59.9)
    verify("PUT", presigned(604_800), SENT, now=NOW + 604_799)
    verify("PUT", presigned(), SENT, now=NOW - 900)
    for now, expires in ((NOW + 60, 60), (NOW + 61, 60), (NOW, 0)):
        with pytest.raises(AccessDenied, match="Request has expired") as caught:
            verify("PUT", presigned(expires), SENT, now=now)
        assert caught.value.details["X-Amz-Expires"] == str(expires)
    with pytest.raises(AccessDenied, match="not yet valid"):
        verify("PUT", presigned(), SENT, now=NOW - 901)


@pytest.mark.parametrize("expires", ["-1", "-" + "9" * 5000])
def test_expired_before_it_was_signed(expires: str) -> None:
    url = re.sub("X-Amz-Expires=60", "X-Amz-Expires=" + expires, presigned())
    with pytest.raises(AuthorizationQueryParametersError, match="non-negative"):
        verify("PUT", url, SENT)


@pytest.mark.parametrize(
    "expires", ["604801", "9" * 30, "9" * 5000, "", "1.5", "+1", "0x1", "٣", "%201"]
)
def test_expires_that_are_no_span(expires: str) -> None:
    url = re.sub("X-Amz-Expires=60", "X-Amz-Expires=" + expires, presigned())
    with pytest.raises(AuthorizationQueryParametersError):
        verify("PUT", url, SENT)


def test_wrong_region() -> None:
    signed = sign(ALICE, "eu-west-1", "PUT", URL, {}, now=NOW)
    with pytest.raises(AuthorizationHeaderMalformed, match="'eu-west-1' is wrong") as caught:
        verify("PUT", URL, signed)
    assert caught.value.details == {"Region": REGION}
    url = presign(ALICE, "eu-west-1", "PUT", URL, {}, now=NOW)
    with pytest.raises(AuthorizationQueryParametersError) as caught_query:
        verify("PUT", url, {})
    assert caught_query.value.details == {"Region": REGION}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("20130524/", "20130525/"),
        ("/s3/", "/ec2/"),
        ("aws4_request", "aws5_request"),
        ("Credential=AKIAIOSFODNN7EXAMPLE/", "Credential="),
        ("Credential=AKIAIOSFODNN7EXAMPLE/20130524/", "Credential="),
        ("SignedHeaders=", "Signed="),
        ("Signature=", "Signature=0,Signature="),
        ("Credential=", "Credential"),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"),
        ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256"),
    ],
)
def test_malformed_header(old: str, new: str) -> None:
    authorized = signed_headers()["authorization"].replace(old, new)
    with pytest.raises(AuthorizationHeaderMalformed):
        verify("PUT", URL, signed_headers(authorization=authorized))


@pytest.mark.parametrize(
    "name", ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"]
)
def test_presigned_parameters_once_each(name: str) -> None:
    url = presigned()
    [given] = re.findall(f"X-Amz-{name}=[^&]*", url)
    for changed in (url.replace(given, "x=1"), f"{url}&{given}"):
        with pytest.raises(AuthorizationQueryParametersError):
            verify("PUT", changed, SENT)


def test_dates_that_are_none() -> None:
    headers = signed_headers()
    headers["x-amz-date"] = "yesterday"
    with pytest.raises(AccessDenied, match="valid Date"):
        verify("PUT", URL, headers)
    del headers["x-amz-date"]
    with pytest.raises(AccessDenied, match="valid Date"):
        verify("PUT", URL, headers)
    with pytest.raises(AuthorizationQueryParametersError):
        verify("PUT", presigned().replace("20130524T", "20130532T"), SENT)


def test_payload_hash_is_required() -> None:
    headers = signed_headers()
    del headers["x-amz-content-sha256"]
    with pytest.raises(InvalidRequest, match="x-amz-content-sha256"):
        verify("PUT", URL, headers)
    for value in ("", "0" * 63, "g" * 64, "STREAMING-X", "unsigned-payload"):
        with pytest.raises(InvalidArgument):
            verify("PUT", URL, signed_headers(**{"x-amz-content-sha256": value}))


@pytest.mark.parametrize(
    "changes",
    [
        {"authorization": "AWS4-ECDSA-P256-SHA256 Credential=x"},
        {"x-amz-content-sha256": "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"},
        {"x-amz-content-sha256": "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"},
    ],
)
def test_ecdsa_is_not_implemented(changes: dict[str, str]) -> None:
    with pytest.raises(S3Error) as caught:
        verify("PUT", URL, signed_headers(**changes))
    assert caught.value.code == "NotImplemented"


def test_one_mechanism_only() -> None:
    both = f"{URL}&AWSAccessKeyId=a&Signature=b&Expires=1"
    for url, headers in (
        (presigned(), signed_headers()),
        (both, signed_headers()),
        (presigned() + "&Signature=x", SENT),
        (URL + "&X-Amz-Signature=0", signed_headers()),
    ):
        with pytest.raises(InvalidArgument, match="Only one auth mechanism"):
            verify("PUT", url, headers)


def test_unknown_schemes_are_not_anonymous() -> None:
    for value in ("", "Basic eDp5", "Bearer x", "AWS", "aws4-hmac-sha256 x"):
        with pytest.raises(InvalidArgument):
            verify("PUT", URL, {"authorization": value})
    assert authorization.claim(parse("/b/k?acl", "h", Domains()), {"host": "h"}) is None


def test_session_token() -> None:
    alice = Identity(ALICE.access_key, ALICE.secret, "token")
    signed = sign(alice, REGION, "GET", URL, {}, now=NOW)
    verify("GET", URL, signed)
    url = presign(alice, REGION, "GET", URL, {}, now=NOW)
    verify("GET", url, {})
    target = parse(url.removeprefix("http://localhost:9000"), "", Domains())
    for claim in (
        authorization.claim(target, {"host": ""}),
        authorization.claim(parse("/b", "", Domains()), signed),
    ):
        assert claim is not None
        assert claim.token == "token"


def test_signing_keys_are_bounded_and_follow_the_secret() -> None:
    keys = SigningKeys(limit=2)
    scopes = [Scope("a", f"2013052{day}", REGION) for day in range(3)]
    for scope in scopes:
        assert keys.get(scope, "one") == signing_key("one", scope.day, REGION)
        assert keys.get(scope, "two") == signing_key("two", scope.day, REGION)
    assert len(keys._keys) == 2
    assert scopes[0] not in keys._keys


def test_secrets_are_not_shown() -> None:
    seed = Seed(signing_key("secret", "20130524", REGION), "", "scope", "")
    assert ALICE.secret not in repr(ALICE)
    assert repr(seed.key) not in repr(seed)
