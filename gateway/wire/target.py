"""The request target: which bucket and key a request names, and its query. Pure.

Invariant: nothing is normalized (`//`, `..` and a trailing slash are part of a key), and the
bucket and key are read from the same decoded path that a signature covers.
"""

import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

import msgspec

from ocean.errors import InvalidBucketName, InvalidURI, KeyTooLongError

Pairs = list[tuple[str, str]]

MAX_KEY = 1024  # bytes of UTF-8
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PORT = re.compile(r":[0-9]*\Z")


class Target(msgspec.Struct, frozen=True):
    """What a request names: a bucket, or None for the service; a key, or None for the bucket.

    `pairs` is the decoded query in the order received, `query` the same by name, of repeated names
    the first. `raw_path` and `raw_query` are as received, `path` is the decoded path. `bucket_path`
    is what SigV2 signs before the raw path: `/bucket` for a bucket named by the host, else empty.
    """

    bucket: str | None
    key: str | None
    path: str
    raw_path: str
    raw_query: str
    pairs: Pairs
    query: dict[str, str]
    bucket_path: str = ""


class Domains:
    """The names under which buckets are virtual hosts, such as `s3.example.com` or `*.localhost`.

    A name may have a port, which is then ignored. The longest matching name decides.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        plain = {_PORT.sub("", name.lower().removeprefix("*.")) for name in names}
        self._plain = frozenset(plain)
        self._suffixes = tuple("." + name for name in sorted(plain, key=len, reverse=True))

    def bucket(self, host: str) -> str | None:
        """The bucket that a Host header names, None when the path names it."""
        if not self._suffixes:
            return None
        name = _PORT.sub("", host.lower()).rstrip(".")
        if name in self._plain:
            return None
        for suffix in self._suffixes:
            if name.endswith(suffix):
                return name.removesuffix(suffix)
        return None


def parse(target: str, host: str, domains: Domains) -> Target:
    """Read the target of a request line, and its Host header.

    Octets that are no UTF-8 are expected as surrogate escapes. Raises InvalidURI,
    InvalidBucketName (an empty one) or KeyTooLongError.
    """
    if not target.startswith("/"):
        target = _origin_form(target, host)
    raw_path, _, raw_query = target.partition("?")
    path = decode(raw_path)
    pairs = parse_query(raw_query) if raw_query else []
    query = dict(pairs) if len(pairs) < 2 else dict(reversed(pairs))
    bucket = domains.bucket(host)
    if bucket is None:
        bucket, _, key = path[1:].partition("/")
        bucket_path = ""
    else:
        bucket_path, key = "/" + bucket, path[1:]
    if not bucket and (key or bucket_path):
        raise InvalidBucketName(BucketName="")
    if len(key) > MAX_KEY // 4:
        _check_length(key)
    return Target(bucket or None, key or None, path, raw_path, raw_query, pairs, query, bucket_path)


def parse_query(raw: str) -> Pairs:
    """The names and values of a query; `+` is a space, as in forms; a lone name has value ""."""
    pairs = []
    for part in raw.split("&"):
        if part:
            name, _, value = part.partition("=")
            if "%" in part or "+" in part or not part.isascii():
                name, value = decode(name.replace("+", " ")), decode(value.replace("+", " "))
            pairs.append((name, value))
    return pairs


def decode(text: str) -> str:
    """Undo percent-encoding; raises InvalidURI for what is no escape or no UTF-8."""
    plain = text.replace("%2F", "/")  # the only escape of most credentials and prefixes
    if "%" not in plain and plain.isascii():
        return plain
    if _BAD_ESCAPE.search(text):
        raise InvalidURI(URI=_printable(text))
    try:
        return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode()
    except UnicodeError:
        raise InvalidURI(URI=_printable(text)) from None


def _origin_form(target: str, host: str) -> str:
    """The path and query of an absolute-form target; its authority must be the Host header.

    RFC 9112 3.2.2 would let the authority win, but it is the Host header that is signed.
    """
    scheme, separator, rest = target.partition("://")
    if not separator or scheme.lower() not in {"http", "https"}:
        raise InvalidURI(URI=_printable(target))
    end = min(index for index in (rest.find("/"), rest.find("?"), len(rest)) if index >= 0)
    if rest[:end].lower() != host.lower():
        raise InvalidURI(URI=_printable(target))
    origin = rest[end:]
    return origin if origin.startswith("/") else "/" + origin


def _printable(text: str) -> str:
    """Text that may stand in an error message whatever the client sent."""
    return text[:MAX_KEY].encode("ascii", "backslashreplace").decode()


def _check_length(key: str) -> None:
    size = len(key.encode())
    if size > MAX_KEY:
        raise KeyTooLongError(Size=str(size), MaxSizeAllowed=str(MAX_KEY))
