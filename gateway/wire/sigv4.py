"""Signature Version 4: canonical requests, signing keys, and signing as a client does. Pure.

Invariant: what `sign` and `presign` make, claims.py accepts; the canonical request is the same
however the client escaped its path and query.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlsplit

import msgspec

from gateway.wire import dates
from gateway.wire.target import Pairs, decode, parse_query

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "s3"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
TERMINAL = "aws4_request"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()

_BLANKS = re.compile(r"[ \t]+")
_UNRESERVED = re.compile(r"[A-Za-z0-9\-._~]*")
_UNRESERVED_PATH = re.compile(r"[A-Za-z0-9\-._~/]*")


class Identity(msgspec.Struct, frozen=True):
    """What a client signs with; `token` is the session token of temporary credentials."""

    access_key: str
    secret: str
    token: str | None = None

    def __repr__(self) -> str:
        return f"Identity({self.access_key!r})"


class Scope(msgspec.Struct, frozen=True):
    """The credential scope: whose key, for which day (`YYYYMMDD`) and region."""

    access_key: str
    day: str
    region: str

    def __str__(self) -> str:
        return f"{self.day}/{self.region}/{SERVICE}/{TERMINAL}"


class Seed(msgspec.Struct, frozen=True):
    """What the signature of the first chunk continues from; `key` is the signing key."""

    key: bytes
    timestamp: str
    scope: str
    signature: str

    def __repr__(self) -> str:
        return f"Seed({self.scope!r})"


class SigningKeys:
    """The signing keys used last, at most `limit` of them."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._keys: OrderedDict[Scope, tuple[str, bytes]] = OrderedDict()

    def get(self, scope: Scope, secret: str) -> bytes:
        """The key of `scope`, derived again when the secret is not the one it was derived from."""
        found = self._keys.get(scope)
        if found is not None and (
            found[0] is secret or hmac.compare_digest(found[0].encode(), secret.encode())
        ):
            self._keys.move_to_end(scope)
            return found[1]
        key = signing_key(secret, scope.day, scope.region)
        self._keys[scope] = (secret, key)
        self._keys.move_to_end(scope)
        if len(self._keys) > self._limit:
            self._keys.popitem(last=False)
        return key


def signing_key(secret: str, day: str, region: str) -> bytes:
    """The key that signs for one day, one region and S3."""
    key = ("AWS4" + secret).encode()
    for part in (day, region, SERVICE, TERMINAL):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def canonical_request(
    method: str,
    path: str,
    pairs: Pairs,
    headers: Mapping[str, str],
    signed_headers: Sequence[str],
    payload: str,
) -> str:
    """The canonical request of a decoded path and query; absent headers count as empty."""
    if _UNRESERVED_PATH.fullmatch(path) is None:
        path = quote(path, safe="/~")
    lines = "".join([f"{name}:{headers.get(name, '')}\n" for name in signed_headers])
    if "  " in lines or ": " in lines or "\t" in lines or " \n" in lines:
        lines = "".join([f"{name}:{_trim(headers.get(name, ''))}\n" for name in signed_headers])
    query = canonical_query(pairs) if pairs else ""
    return f"{method}\n{path}\n{query}\n{lines}\n{';'.join(signed_headers)}\n{payload}"


def canonical_query(pairs: Pairs) -> str:
    """The canonical query of decoded names and values."""
    query = dict(pairs)
    if (
        len(query) == len(pairs)
        and _UNRESERVED.fullmatch("".join(query))
        and _UNRESERVED_PATH.fullmatch("".join(query.values()))
    ):
        # As of every presigned URL: the names decide the order, and only slashes need an escape.
        return "&".join(map("=".join, sorted(pairs))).replace("/", "%2F")
    encoded = [(_quote(name), _quote(value)) for name, value in pairs]
    encoded.sort()
    return "&".join([f"{name}={value}" for name, value in encoded])


def _quote(text: str) -> str:
    if _UNRESERVED.fullmatch(text):
        return text
    # Credentials and prefixes have slashes and mostly nothing else: quote() takes five times that.
    if _UNRESERVED_PATH.fullmatch(text):
        return text.replace("/", "%2F")
    return quote(text, safe="~")


def _trim(value: str) -> str:
    """Without blanks around, and one for each run of blanks inside."""
    return _BLANKS.sub(" ", value).strip(" ")


def string_to_sign(timestamp: str, scope: str, canonical: str) -> str:
    """The string to sign of a canonical request."""
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n{digest}"


def signature(key: bytes, text: str) -> str:
    """The signature of a string to sign, in hexadecimal."""
    return hmac.digest(key, text.encode("utf-8", "surrogateescape"), "sha256").hex()


def sign(
    identity: Identity,
    region: str,
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    now: float,
    payload: str = UNSIGNED_PAYLOAD,
) -> dict[str, str]:
    """The headers to send, in lower case, with Host, the date, the payload and Authorization."""
    parts = urlsplit(url)
    timestamp = dates.basic(now)
    signed = {name.lower(): value for name, value in headers.items()}
    signed.setdefault("host", parts.netloc)
    signed["x-amz-date"] = timestamp
    signed["x-amz-content-sha256"] = payload
    if identity.token is not None:
        signed["x-amz-security-token"] = identity.token
    names = sorted(signed)
    pairs = parse_query(parts.query)
    canonical = canonical_request(method, decode(parts.path or "/"), pairs, signed, names, payload)
    scope = Scope(identity.access_key, timestamp[:8], region)
    key = signing_key(identity.secret, scope.day, region)
    signed["authorization"] = (
        f"{ALGORITHM} Credential={scope.access_key}/{scope}, SignedHeaders={';'.join(names)}, "
        f"Signature={signature(key, string_to_sign(timestamp, str(scope), canonical))}"
    )
    return signed


def presign(
    identity: Identity,
    region: str,
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    now: float,
    expires: int = 3600,
) -> str:
    """The URL with a signature in its query; `headers` must be sent as given with it."""
    parts = urlsplit(url)
    signed = {"host": parts.netloc} | {name.lower(): value for name, value in headers.items()}
    names = sorted(signed)
    timestamp = dates.basic(now)
    scope = Scope(identity.access_key, timestamp[:8], region)
    pairs = parse_query(parts.query)
    pairs += [
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{scope.access_key}/{scope}"),
        ("X-Amz-Date", timestamp),
        ("X-Amz-Expires", str(expires)),
        ("X-Amz-SignedHeaders", ";".join(names)),
    ]
    if identity.token is not None:
        pairs.append(("X-Amz-Security-Token", identity.token))
    payload = signed.get("x-amz-content-sha256", UNSIGNED_PAYLOAD)
    canonical = canonical_request(method, decode(parts.path or "/"), pairs, signed, names, payload)
    key = signing_key(identity.secret, scope.day, region)
    made = signature(key, string_to_sign(timestamp, str(scope), canonical))
    query = f"{canonical_query(pairs)}&X-Amz-Signature={made}"
    return parts._replace(query=query).geturl()
