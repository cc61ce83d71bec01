"""Signature Version 2: claims, their verification, and signing as old clients do. Pure.

Invariant: what `sign` and `presign` make `verify` accepts. The signature covers the method, path,
date or expiry, Content-MD5, Content-Type, every x-amz- header, sent as one or in the query, and the
sub-resources listed here; it does not cover other query parameters, so an operation that another
parameter selects must not be run on its strength (`uncovered` names them).

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
"""

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

import msgspec

from gateway.wire import dates
from gateway.wire.claims import check_signature, check_skew, printable, same_signature
from gateway.wire.hoisting import hoisted
from gateway.wire.sigv4 import Identity
from gateway.wire.target import Pairs, Target, decode
from ocean.errors import AccessDenied, InvalidArgument

# fmt: off
SUBRESOURCES = frozenset((
    "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory",
    "lifecycle", "location", "logging", "metrics", "notification", "object-lock", "partNumber",
    "policy", "replication", "requestPayment", "response-cache-control",
    "response-content-disposition", "response-content-encoding", "response-content-language",
    "response-content-type", "response-expires", "restore", "select", "select-type",
    "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning",
    "versions", "website",
))
# fmt: on
_EXPIRES = re.compile(r"[0-9]{1,15}")


class Claim(msgspec.Struct, frozen=True):
    """A signature as the request states it, not yet verified.

    `expires` is when a presigned URL ends, in seconds since 1970, None of the header form.
    `timestamp` is the line of the date as signed; `date` the request's date in seconds, 0 of the
    query form.
    """

    access_key: str
    signature: str
    timestamp: str
    date: int
    expires: int | None
    token: str | None


def from_header(authorization: str, headers: Mapping[str, str]) -> Claim:
    """The claim of `AWS ACCESS-KEY:SIGNATURE`; raises InvalidArgument or AccessDenied."""
    access_key, separator, signature = authorization.removeprefix("AWS ").strip().rpartition(":")
    if not separator or not access_key or not signature:
        raise InvalidArgument(
            "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
            ArgumentName="Authorization",
            ArgumentValue=printable(authorization),
        )
    stated = headers.get("x-amz-date", headers.get("date", ""))
    date = dates.parse_http(stated)
    if date is None:
        date = dates.parse_basic(stated)
    if date is None or date < 0:
        raise AccessDenied("AWS authentication requires a valid Date or x-amz-date header")
    # The date is signed once: as the x-amz- header if it is there.
    timestamp = "" if "x-amz-date" in headers else stated
    token = headers.get("x-amz-security-token")
    return Claim(access_key, signature, timestamp, date, None, token)


def from_query(target: Target, headers: Mapping[str, str]) -> Claim:
    """The claim of a presigned URL; raises AccessDenied."""
    names = [name for name, _ in target.pairs]
    if any(names.count(name) != 1 for name in ("AWSAccessKeyId", "Signature", "Expires")):
        raise AccessDenied(
            "Query-string authentication requires the Signature, Expires and "
            "AWSAccessKeyId parameters"
        )
    query = target.query
    expires = query["Expires"]
    if _EXPIRES.fullmatch(expires) is None:
        raise AccessDenied(f"Invalid date (should be seconds since epoch): {printable(expires)}")
    token = query.get("x-amz-security-token") or headers.get("x-amz-security-token")
    # A client that did not escape the base64 meant "+".
    signature = query["Signature"].replace(" ", "+")
    return Claim(query["AWSAccessKeyId"], signature, expires, 0, int(expires), token)


def string_to_sign(
    method: str, resource: str, query: str, headers: Mapping[str, str], timestamp: str
) -> str:
    """What is signed; `resource` is the raw path, behind `/bucket` for a virtual host.

    The query is raw: `?acl` and `?acl=` are signed as they are written.
    """
    lines = [
        f"{name}:{' '.join(value.split())}\n"
        for name, value in sorted(headers.items())
        if name.startswith("x-amz-")
    ]
    md5 = headers.get("content-md5", "").strip()
    content_type = headers.get("content-type", "").strip()
    return (
        f"{method}\n{md5}\n{content_type}\n{timestamp}\n"
        f"{''.join(lines)}{resource}{_subresources(query)}"
    )


def _subresources(query: str) -> str:
    chosen = []
    for part in query.split("&") if query else ():
        name, separator, value = part.partition("=")
        # Names are decoded, or an escaped one would select an operation without being covered.
        name = decode(name.replace("+", " "))
        if name in SUBRESOURCES:
            chosen.append((name, f"{name}{separator}{decode(value)}"))
    return "?" + "&".join([text for _, text in sorted(chosen)]) if chosen else ""


def signature(secret: str, text: str) -> str:
    """The signature of a string to sign, in base64."""
    octets = text.encode("utf-8", "surrogateescape")
    return b64encode(hmac.digest(secret.encode(), octets, "sha1")).decode()


def uncovered(pairs: Pairs) -> list[str]:
    """The query parameters that a signature does not cover, other than its own.

    Nor does it cover `list-type`, which asks for the same listing in another form.
    """
    own = {"AWSAccessKeyId", "Signature", "Expires", "list-type"}
    return [
        name
        for name, _ in pairs
        if name not in SUBRESOURCES and name not in own and not name.startswith("x-amz-")
    ]


def verify(
    claim: Claim,
    method: str,
    target: Target,
    headers: Mapping[str, str],
    *,
    secret: str,
    now: float,
) -> None:
    """Check a claim against the request it came with, at `now` seconds since 1970.

    Raises SignatureDoesNotMatch, RequestTimeTooSkewed or AccessDenied (expired).
    """
    if claim.expires is None:
        check_skew(claim.date, headers.get("x-amz-date", claim.timestamp), now)
    elif now >= claim.expires:
        raise AccessDenied(
            "Request has expired",
            Expires=dates.iso(claim.expires) if claim.expires < 2**36 else str(claim.expires),
            ServerTime=dates.iso(now),
        )
    headers = _with_query(claim, target.query, headers)
    for path in _resources(target):
        text = string_to_sign(method, path, target.raw_query, headers, claim.timestamp)
        computed = signature(secret, text)
        if same_signature(computed, claim.signature):
            return
    check_signature(computed, claim.signature, claim.access_key, text)


def _resources(target: Target) -> tuple[str, ...]:
    """The paths that may be signed, the one sent last: botocore sends `/b` and signs `/b/`."""
    path = target.bucket_path + target.raw_path
    bare = target.bucket is not None and target.key is None and not path.endswith("/")
    return (path + "/", path) if bare else (path,)


def _with_query(
    claim: Claim, query: Mapping[str, str], headers: Mapping[str, str]
) -> Mapping[str, str]:
    """The headers that are signed: clients that presign with headers put them into the query.

    What has a meaning there is read as `unhoist` reads it, or something could be added that acts
    and is not signed. The request's own headers win.
    """
    if not query:
        return headers
    named = hoisted(query)
    if claim.expires is not None:
        named |= {name: query[name] for name in ("content-md5", "content-type") if name in query}
    return named | dict(headers)


def sign(
    identity: Identity, method: str, url: str, headers: Mapping[str, str], *, now: float
) -> dict[str, str]:
    """The headers to send, in lower case, with Date and Authorization, for a path-style URL."""
    parts = urlsplit(url)
    signed = {name.lower(): value for name, value in headers.items()}
    signed["date"] = dates.http(now)
    if identity.token is not None:
        signed["x-amz-security-token"] = identity.token
    timestamp = "" if "x-amz-date" in signed else signed["date"]
    text = string_to_sign(method, parts.path or "/", parts.query, signed, timestamp)
    signed["authorization"] = f"AWS {identity.access_key}:{signature(identity.secret, text)}"
    return signed


def presign(
    identity: Identity, method: str, url: str, headers: Mapping[str, str], *, expires: int
) -> str:
    """A path-style URL valid until `expires`, seconds since 1970; send `headers` with it."""
    parts = urlsplit(url)
    signed = {name.lower(): value for name, value in headers.items()}
    added = [("AWSAccessKeyId", identity.access_key), ("Expires", str(expires))]
    if identity.token is not None:
        signed["x-amz-security-token"] = identity.token
        added.append(("x-amz-security-token", identity.token))
    text = string_to_sign(method, parts.path or "/", parts.query, signed, str(expires))
    added.append(("Signature", signature(identity.secret, text)))
    query = "&".join(filter(None, (parts.query, urlencode(added))))
    return parts._replace(query=query).geturl()
