"""Signature Version 2: AWS's examples, refusals and validity."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest

from gateway.wire import authorization, dates, sigv2
from gateway.wire.hoisting import unhoist
from gateway.wire.sigv4 import Identity
from gateway.wire.target import Domains, parse
from ocean.errors import (
    AccessDenied,
    InvalidArgument,
    RequestTimeTooSkewed,
    S3Error,
    SignatureDoesNotMatch,
)

ALICE = Identity("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
DOMAINS = Domains(("s3.amazonaws.com",))
URL = "http://localhost:9000/bucket/a%20key?versionId=1"
NOW = 1_175_024_202


def verify(
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    now: float = NOW,
    secret: str = ALICE.secret,
) -> None:
    parts = urlsplit(url)
    headers = {"host": parts.netloc, **headers}
    target = parse(parts._replace(scheme="", netloc="").geturl(), parts.netloc, DOMAINS)
    claim = authorization.claim(target, headers)
    assert isinstance(claim, sigv2.Claim)
    sigv2.verify(claim, method, target, headers, secret=secret, now=now)


@pytest.mark.parametrize(
    ("method", "target", "date", "headers", "signature"),
    [
        ("GET", "/photos/puppy.jpg", "19:36:42", {}, "bWq2s1WEIj+Ydj0vQ697zp+IXMU="),
        (
            *("PUT", "/photos/puppy.jpg", "21:15:45"),
            {"content-type": "image/jpeg", "content-length": "94328"},
            "MyyxeRY7whkBe+bq8fHCL/2kKUg=",
        ),
        (
            *("GET", "/?prefix=photos&max-keys=50&marker=puppy", "19:42:41"),
            {"user-agent": "Mozilla/5.0"},
            "htDYFYduRNen8P9ZfE/s9SuKy0U=",
        ),
        ("GET", "/?acl", "19:44:46", {}, "c2WLPFtWHVgbEmeEG93a4cG37dM="),
    ],
)
def test_examples(
    method: str, target: str, date: str, headers: dict[str, str], signature: str
) -> None:
    """AWS's documentation prints these signatures."""
    stated = {
        **headers,
        "date": f"Tue, 27 Mar 2007 {date} +0000",
        "authorization": f"AWS {ALICE.access_key}:{signature}",
    }
    now = dates.parse_http(stated["date"])
    assert now is not None
    verify(method, "http://johnsmith.s3.amazonaws.com" + target, stated, now=now)
    with pytest.raises(SignatureDoesNotMatch):
        verify("POST", "http://johnsmith.s3.amazonaws.com" + target, stated, now=now)


def test_example_of_query() -> None:
    """AWS's documentation prints this signature."""
    url = (
        "http://johnsmith.s3.amazonaws.com/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE"
        "&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620"
    )
    verify("GET", url, {})
    verify("GET", url.replace("%2B", "+"), {})
    verify("GET", url, {}, now=1175139619)
    for now in (1175139620, 1175139621):
        with pytest.raises(AccessDenied, match="expired"):
            verify("GET", url, {}, now=now)


def test_every_changed_byte_is_refused() -> None:
    sent = {"x-amz-meta-a": "b", "content-type": "text/plain", "content-md5": "abc"}
    signed = sigv2.sign(ALICE, "PUT", URL, sent, now=NOW)
    verify("PUT", URL, signed)
    access_key_end = len("AWS " + ALICE.access_key)
    for name, value in signed.items():
        start = access_key_end if name == "authorization" else 0
        for place in range(start, len(value)):
            changed = value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
            with pytest.raises(S3Error):
                verify("PUT", URL, {**signed, name: changed})
    for place in range(URL.index("/bucket") + 1, len(URL)):
        with pytest.raises(S3Error):
            verify("PUT", URL[:place] + chr(ord(URL[place]) ^ 1) + URL[place + 1 :], signed)
    with pytest.raises(SignatureDoesNotMatch):
        verify("PUT", URL, {**signed, "x-amz-acl": "public-read"})
    with pytest.raises(SignatureDoesNotMatch):
        verify("PUT", URL + "&acl", signed)
    with pytest.raises(SignatureDoesNotMatch):
        verify("PUT", URL + "&%61cl", signed)


def test_presign() -> None:
    url = sigv2.presign(ALICE, "PUT", URL, {"x-amz-meta-a": "b"}, expires=NOW + 60)
    verify("PUT", url, {"x-amz-meta-a": "b"})
    with pytest.raises(SignatureDoesNotMatch):
        verify("PUT", url, {"x-amz-meta-a": "c"})
    with pytest.raises(SignatureDoesNotMatch):
        verify("PUT", url, {"x-amz-meta-a": "b"}, secret="other")


def test_a_bucket_signed_with_a_slash() -> None:
    """Botocore sends `/bucket` and signs `/bucket/`; of a key they are two different ones."""
    for path, valid in (("/bucket", True), ("/bucket/key", False)):
        url = f"http://localhost:9000{path}"
        signed = sigv2.sign(ALICE, "PUT", f"{url}/", {}, now=NOW)
        verify("PUT", f"{url}/", signed)
        if valid:
            verify("PUT", url, signed)
        else:
            with pytest.raises(SignatureDoesNotMatch):
                verify("PUT", url, signed)
        with pytest.raises(SignatureDoesNotMatch):
            verify("DELETE", url, signed)


def test_a_date_before_the_epoch() -> None:
    with pytest.raises(AccessDenied, match="valid Date"):
        verify("GET", URL, {"date": "Tue, 07 Jul 1950 21:53:04 GMT", "authorization": "AWS a:b"})


@pytest.mark.parametrize(("late", "valid"), [(900, True), (901, False)])
def test_skew(late: int, valid: bool) -> None:
    signed = sigv2.sign(ALICE, "GET", URL, {}, now=NOW)
    for now in (NOW - late, NOW + late):
        if valid:
            verify("GET", URL, signed, now=now)
        else:
            with pytest.raises(RequestTimeTooSkewed):
                verify("GET", URL, signed, now=now)


@pytest.mark.parametrize("name", ["date", "x-amz-date"])
def test_the_date_of_amazon_wins(name: str) -> None:
    signed = sigv2.sign(ALICE, "GET", URL, {"x-amz-date": dates.http(NOW)}, now=0)
    verify("GET", URL, signed)
    with pytest.raises(AccessDenied, match="valid Date"):
        verify("GET", URL, {**signed, "x-amz-date": ""})


def test_malformed() -> None:
    for value in ("AWS ", "AWS x", "AWS :x", "AWS x:"):
        with pytest.raises(InvalidArgument):
            verify("GET", URL, {"authorization": value, "date": dates.http(NOW)})
    with pytest.raises(AccessDenied, match="valid Date"):
        verify("GET", URL, {"authorization": "AWS a:b"})
    full = {"AWSAccessKeyId": "a", "Signature": "b", "Expires": "1"}
    for name in full:
        query = "&".join(f"{other}=1" for other in full if other != name)
        if query != "Expires=1":
            with pytest.raises(AccessDenied):
                verify("GET", f"{URL}&{query}", {})
    for expires in ("", "x", "-1", "1.5", "9" * 16):
        with pytest.raises(AccessDenied, match="Invalid date"):
            verify("GET", f"{URL}&AWSAccessKeyId=a&Signature=b&Expires={expires}", {})


ADDED = [
    "x-amz-tagging=a%3Db",
    "X-Amz-Tagging=a%3Db",
    "X-Amz-Copy-Source=other/secret",
    "%58-amz-copy-source=other/secret",
    "x-amz-meta-a=2",
    "X-Amz-Meta-A=2",
    "x-amz-Meta-A=2",
]


@pytest.mark.parametrize("added", ADDED)
def test_nothing_that_acts_can_be_added_to_the_query(added: str) -> None:
    """What the rest of the gateway takes for headers is what is compared with the signature."""
    plain = sigv2.presign(ALICE, "PUT", URL, {}, expires=NOW + 9)
    with_header = sigv2.presign(ALICE, "PUT", URL, {"x-amz-meta-a": "1"}, expires=NOW + 9)
    with_header += "&x-amz-meta-a=1"
    signed = sigv2.sign(ALICE, "PUT", URL, {}, now=NOW)
    verify("PUT", plain, {})
    verify("PUT", with_header, {})
    verify("PUT", URL, signed)
    for url, headers in ((plain, {}), (with_header, {}), (URL, signed)):
        path, _, query = url.partition("?")
        for changed in (f"{path}?{query}&{added}", f"{path}?{added}&{query}"):
            _unmoved_or_refused(changed, url, headers)


def _unmoved_or_refused(changed: str, url: str, headers: Mapping[str, str]) -> None:
    """What is accepted acts as what was signed."""
    try:
        verify("PUT", changed, headers)
    except SignatureDoesNotMatch:
        return
    before, after = (parse(one.removeprefix("http://localhost:9000"), "", DOMAINS).query
                     for one in (url, changed))  # fmt: skip
    assert unhoist({}, after) == unhoist({}, before)


def test_uncovered() -> None:
    names = parse("/b?acl&retention&AWSAccessKeyId=a&Signature=b&Expires=1&x-amz-a=1", "", DOMAINS)
    assert sigv2.uncovered(names.pairs) == ["retention"]
