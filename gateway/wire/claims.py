"""Claims of Signature Version 4: what a request presents, and whether it is true. Pure.

Invariant: `verify` accepts what the holder of the secret signed and nothing else: a changed
method, path, query, signed header, payload hash, date or scope is refused, and so is a header
that S3 would heed but the signature does not cover. The caller tells the time.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import hmac
import re
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache

import msgspec

from gateway.wire import dates
from gateway.wire.sigv4 import (
    ALGORITHM,
    SERVICE,
    TERMINAL,
    UNSIGNED_PAYLOAD,
    Scope,
    Seed,
    SigningKeys,
    canonical_request,
    signature,
    string_to_sign,
)
from gateway.wire.target import Target
from ocean import errors
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

MAX_SKEW = 900  # seconds
MAX_EXPIRES = 604_800  # seconds

_ECDSA = "AWS4-ECDSA-P256-SHA256"
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_EXPIRES = re.compile(r"-?[0-9]+")
_HEADER_PARTS = {"Credential", "SignedHeaders", "Signature"}
_QUERY_PARTS = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)
QUERY_NAMES = frozenset(_QUERY_PARTS)


class Payload(Enum):
    """How the body is covered by the signature; except for HASHED, as in x-amz-content-sha256."""

    HASHED = "a SHA-256 in hexadecimal"
    UNSIGNED = UNSIGNED_PAYLOAD
    SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    SIGNED_CHUNKS_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    UNSIGNED_CHUNKS_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


_PAYLOADS = {mode.value: mode for mode in Payload if mode is not Payload.HASHED}


class Claim(msgspec.Struct, frozen=True):
    """A signature as the request states it, not yet verified.

    `timestamp` is the request's date as signed, `date` the same in seconds; `expires` is the
    seconds that a presigned URL is valid, None of the header form; `payload` is the last line of
    the canonical request, `mode` its meaning.
    """

    scope: Scope
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    date: int
    expires: int | None
    payload: str
    mode: Payload
    token: str | None

    @property
    def access_key(self) -> str:
        return self.scope.access_key


def from_header(authorization: str, headers: Mapping[str, str]) -> Claim:
    """The claim of an Authorization header that begins with AWS4-.

    Raises AuthorizationHeaderMalformed, AccessDenied (no date), InvalidRequest (no payload hash),
    InvalidArgument or NotImplemented (ECDSA).
    """
    algorithm, _, rest = authorization.partition(" ")
    _check_algorithm(algorithm, _header_malformed)
    parts = dict([part.strip().partition("=")[::2] for part in rest.split(",")])
    if parts.keys() != _HEADER_PARTS or rest.count(",") != 2:
        raise _header_malformed("it needs one each of Credential, SignedHeaders and Signature.")
    timestamp, date = _header_date(headers)
    payload = headers.get("x-amz-content-sha256")
    if payload is None:
        raise InvalidRequest("Missing required header for this request: x-amz-content-sha256")
    return Claim(
        parse_scope(parts["Credential"], _header_malformed),
        tuple(parts["SignedHeaders"].split(";")),
        parts["Signature"],
        timestamp,
        date,
        None,
        payload,
        payload_mode(payload),
        headers.get("x-amz-security-token"),
    )


def from_query(target: Target, headers: Mapping[str, str]) -> Claim:
    """The claim of a presigned URL.

    Raises AuthorizationQueryParametersError, InvalidArgument or NotImplemented (ECDSA).
    """
    query = target.query
    if not query.keys() >= QUERY_NAMES or _repeated(target):
        raise AuthorizationQueryParametersError(
            "Query-string authentication version 4 requires the "
            f"{', '.join(_QUERY_PARTS[:-1])}, and {_QUERY_PARTS[-1]} parameters."
        )
    _check_algorithm(query["X-Amz-Algorithm"], _query_malformed)
    date = dates.parse_basic(query["X-Amz-Date"])
    if date is None:
        raise AuthorizationQueryParametersError(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        )
    payload = query.get("X-Amz-Content-Sha256") or headers.get("x-amz-content-sha256")
    return Claim(
        parse_scope(query["X-Amz-Credential"], _query_malformed),
        tuple(query["X-Amz-SignedHeaders"].split(";")),
        query["X-Amz-Signature"],
        query["X-Amz-Date"],
        date,
        _expires(query["X-Amz-Expires"]),
        payload or UNSIGNED_PAYLOAD,
        payload_mode(payload or UNSIGNED_PAYLOAD),
        query.get("X-Amz-Security-Token") or headers.get("x-amz-security-token"),
    )


def _repeated(target: Target) -> bool:
    """Whether a parameter of the signature comes twice."""
    if len(target.pairs) == len(target.query):
        return False
    names = [name for name, _ in target.pairs]
    return any(names.count(name) > 1 for name in _QUERY_PARTS)


@lru_cache(maxsize=1024)
def parse_scope(credential: str, malformed: "Malformed") -> Scope:
    """Read `ACCESS-KEY/YYYYMMDD/REGION/s3/aws4_request`; raises what `malformed` makes."""
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or not parts[0]:
        raise malformed(
            "the Credential is mal-formed; "
            f'expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/{TERMINAL}".'
        )
    access_key, day, region, service, terminal = parts
    if service != SERVICE:
        raise malformed(f'incorrect service "{service}". This endpoint belongs to "{SERVICE}".')
    if terminal != TERMINAL:
        raise malformed(f'incorrect terminal "{terminal}". This endpoint uses "{TERMINAL}".')
    return Scope(access_key, day, region)


class Malformed:
    """Makes the error of one form of authentication, its text after the form's own words."""

    def __init__(self, error: type[S3Error], prefix: str) -> None:
        self._error = error
        self._prefix = prefix

    def __call__(self, text: str, **details: str) -> S3Error:
        return self._error(self._prefix + printable(text), headers=None, **details)


_header_malformed = Malformed(
    AuthorizationHeaderMalformed, "The authorization header is malformed; "
)
_query_malformed = Malformed(
    AuthorizationQueryParametersError, "Error parsing the X-Amz-Credential parameter; "
)


def printable(text: str) -> str:
    """Text that encodes as UTF-8 whatever octets the client sent."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _check_algorithm(algorithm: str, malformed: Malformed) -> None:
    if algorithm == _ECDSA:
        raise errors.NotImplemented("Signatures with ECDSA (SigV4A) are not implemented.")
    if algorithm != ALGORITHM:
        raise malformed(f'the algorithm is not "{ALGORITHM}".')


def _header_date(headers: Mapping[str, str]) -> tuple[str, int]:
    timestamp = headers.get("x-amz-date")
    if timestamp is not None:
        date = dates.parse_basic(timestamp)
    else:
        date = dates.parse_http(headers.get("date", ""))
        timestamp = "" if date is None else dates.basic(date)
    if date is None:
        raise AccessDenied("AWS authentication requires a valid Date or x-amz-date header")
    return timestamp, date


def payload_mode(payload: str) -> Payload:
    """What x-amz-content-sha256 says; NotImplemented (ECDSA), InvalidArgument."""
    mode = _PAYLOADS.get(payload)
    if mode is not None:
        return mode
    if _SHA256.fullmatch(payload):
        return Payload.HASHED
    if payload.startswith("STREAMING-AWS4-ECDSA-"):
        raise errors.NotImplemented("Signatures with ECDSA (SigV4A) are not implemented.")
    raise InvalidArgument(
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD "
        "or a valid sha256 value.",
        ArgumentName="x-amz-content-sha256",
        ArgumentValue=printable(payload),
    )


def _expires(text: str) -> int:
    if _EXPIRES.fullmatch(text) is None:
        raise AuthorizationQueryParametersError("X-Amz-Expires should be a number")
    if text.startswith("-"):
        raise AuthorizationQueryParametersError("X-Amz-Expires must be non-negative")
    # The length first: int() refuses thousands of digits with an error of its own.
    if len(text) > 20 or int(text) > MAX_EXPIRES:
        raise AuthorizationQueryParametersError(
            "X-Amz-Expires must be less than a week (in seconds); "
            f"that is, the given X-Amz-Expires must be less than {MAX_EXPIRES} seconds"
        )
    return int(text)


def verify(
    claim: Claim,
    method: str,
    target: Target,
    headers: Mapping[str, str],
    *,
    secret: str,
    keys: SigningKeys,
    now: float,
    region: str,
) -> Seed:
    """Check a claim against the request it came with, at `now` seconds since 1970.

    Raises SignatureDoesNotMatch, RequestTimeTooSkewed, AccessDenied (expired, or headers that are
    not signed), AuthorizationHeaderMalformed or AuthorizationQueryParametersError (wrong scope).
    """
    check_scope(
        claim.scope,
        claim.timestamp,
        region,
        _header_malformed if claim.expires is None else _query_malformed,
    )
    _check_time(claim, now)
    _check_signed_headers(claim.signed_headers, headers)
    pairs = target.pairs
    if claim.expires is not None:
        pairs = pairs.copy()
        pairs.remove(("X-Amz-Signature", claim.signature))  # it comes once
    canonical = canonical_request(
        method, target.path, pairs, headers, claim.signed_headers, claim.payload
    )
    scope = str(claim.scope)
    text = string_to_sign(claim.timestamp, scope, canonical)
    key = keys.get(claim.scope, secret)
    check_signature(signature(key, text), claim.signature, claim.access_key, text, canonical)
    return Seed(key, claim.timestamp, scope, claim.signature)


def check_scope(scope: Scope, timestamp: str, region: str, malformed: Malformed) -> None:
    """The scope must be of this region and of the day of the request."""
    if scope.region != region:
        raise malformed(
            f"the region '{scope.region}' is wrong; expecting '{region}'", Region=region
        )
    if scope.day != timestamp[:8]:
        raise malformed(
            f'Invalid credential date "{scope.day}". '
            f'This date is not the same as X-Amz-Date: "{timestamp[:8]}".'
        )


def same_signature(computed: str, provided: str) -> bool:
    """Compare in constant time; a signature that is not ASCII is none."""
    return provided.isascii() and hmac.compare_digest(computed, provided)


def check_signature(
    computed: str, provided: str, access_key: str, text: str, canonical: str | None = None
) -> None:
    """Compare in constant time; the error shows the client what it should have signed."""
    if same_signature(computed, provided):
        return
    text = printable(text)
    details = {
        **({"AWSAccessKeyId": printable(access_key)} if access_key else {}),
        "StringToSign": text,
        "SignatureProvided": printable(provided),
        "StringToSignBytes": text.encode().hex(" "),
    }
    if canonical is not None:
        details["CanonicalRequest"] = printable(canonical)
        details["CanonicalRequestBytes"] = canonical.encode("utf-8", "surrogateescape").hex(" ")
    raise SignatureDoesNotMatch(headers=None, **details)


def check_skew(date: int, text: str, now: float) -> None:
    """A request without an end of its own is valid for 15 minutes around its date."""
    if abs(now - date) > MAX_SKEW:
        raise RequestTimeTooSkewed(
            RequestTime=printable(text),
            ServerTime=dates.iso(now),
            MaxAllowedSkewMilliseconds=str(MAX_SKEW * 1000),
        )


def _check_time(claim: Claim, now: float) -> None:
    if claim.expires is None:
        check_skew(claim.date, claim.timestamp, now)
    elif now < claim.date - MAX_SKEW:
        raise AccessDenied("Request is not yet valid", ServerTime=dates.iso(now))
    elif now >= claim.date + claim.expires:
        raise AccessDenied(
            "Request has expired",
            headers=None,
            **{
                "X-Amz-Expires": str(claim.expires),
                "Expires": dates.iso(claim.date + claim.expires),
                "ServerTime": dates.iso(now),
            },
        )


def _check_signed_headers(signed: tuple[str, ...], headers: Mapping[str, str]) -> None:
    unsigned = [name for name in headers if name.startswith("x-amz-") and name not in signed]
    if "host" not in signed:
        unsigned.append("host")
    # A signed header that was taken away reads as empty: it must not pass for one sent empty.
    missing = [name for name in signed if name not in headers]
    if unsigned or missing:
        _refuse_headers(unsigned, missing)


def _refuse_headers(unsigned: list[str], missing: list[str]) -> None:
    if unsigned:
        raise AccessDenied(
            "There were headers present in the request which were not signed",
            HeadersNotSigned=printable(", ".join(sorted(unsigned))),
        )
    raise SignatureDoesNotMatch(
        f"Headers that are signed are not in the request: {printable(', '.join(missing))}"
    )
