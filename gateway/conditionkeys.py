"""What a request says to the conditions of policies: the values of condition keys.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import unquote

from gateway.http import Headers, Request
from gateway.wire import dates
from gateway.wire.target import Target
from metastore.records import Bucket, Version
from ocean.errors import S3Error
from ocean.identity.records import Account
from ocean.rules import retention, tags

Values = tuple[str, ...]
NOTHING: Mapping[str, Values] = {}
_EXISTING = "s3:existingobjecttag/"
TAGS, LOCK = "s3:requestobjecttag", "s3:object-lock-"  # how keys of these begin
_CREATING = frozenset({"PutObject", "CopyObject", "CompleteMultipartUpload", "PostObject"})
_V4, _V2 = "AWS4-HMAC-SHA256", "AWS"


class Facts(NamedTuple):
    """What is known of a request: see Context, whose names these are."""

    request: Request
    target: Target
    given: Headers
    operation: str
    region: str
    account: Account | None
    bucket: Bucket | None
    requested: Mapping[str, Values] | None


class ConditionKeys:
    """Values by condition key in lower case; None for one that the request does not have.

    `found` is the object that is asked for, `also` what stands for keys of another request.
    """

    __slots__ = ("_also", "_facts", "_found")

    def __init__(
        self, facts: Facts, found: Version | None = None, also: Mapping[str, Values] = NOTHING
    ) -> None:
        self._facts = facts
        self._found = found
        self._also = also

    def __call__(self, key: str) -> Values | None:
        if key in self._also:
            return self._also[key]
        if key.startswith(_EXISTING):
            return self._existing(key[len(_EXISTING) :])
        if key.startswith((TAGS, LOCK)):
            return _requested(self._facts).get(key)
        if key.startswith("s3:x-amz-") and key not in _KEYS:
            value = self._facts.given.get(key[3:])
        else:
            make = _KEYS.get(key)
            value = make(self._facts) if make is not None else None
        return None if value is None else (value,)

    def _existing(self, name: str) -> Values | None:
        pairs = self._found.tags if self._found is not None else ()
        return next(((value,) for key, value in pairs if key == name), None)


def of_tags(pairs: Collection[tuple[str, str]]) -> dict[str, Values]:
    """What policies may ask of the tags that a request would set."""
    if not pairs:
        return {}
    found: dict[str, Values] = {f"{TAGS}/{name}": (value,) for name, value in pairs}
    return found | {f"{TAGS}keys": tuple([name for name, _ in pairs])}


def of_lock(lock: retention.Lock, now_ms: int) -> dict[str, Values]:
    """What policies may ask of the lock that a request would set; days that began count whole."""
    found: dict[str, Values] = {}
    if lock.retention is not None:
        until = lock.retention.until_ms
        found[f"{LOCK}mode"] = (lock.retention.mode.name,)
        found[f"{LOCK}retain-until-date"] = (retention.date_text(until),)
        found[f"{LOCK}remaining-retention-days"] = (str(-((now_ms - until) // retention.DAY_MS)),)
    if lock.legal_hold is not None:
        found[f"{LOCK}legal-hold"] = ("ON" if lock.legal_hold else "OFF",)
    return found


def _requested(it: Facts) -> Mapping[str, Values]:
    """What the request would set of an object: as its document says, if it has one, or headers."""
    if it.requested is not None:
        return it.requested
    now_ms = int(_now(it).timestamp() * 1000)
    try:
        pairs = tags.parse_header(it.given.get("x-amz-tagging", "")).items()
        lock = retention.asked(*map(it.given.get, retention.HEADERS), now_ms=now_ms)
    except S3Error:
        return NOTHING  # it will be refused for that
    return of_tags(pairs) | of_lock(lock, now_ms)


def _now(_it: Facts) -> datetime:
    return datetime.now(UTC)


def _account(it: Facts) -> str | None:
    return None if it.account is None else it.account.id


def _owner(it: Facts) -> str | None:
    return None if it.bucket is None else it.bucket.owner


def _arn(it: Facts) -> str | None:
    account = it.account
    return None if account is None else f"arn:aws:iam::{account.id}:user/{account.name}"


def _copied(it: Facts) -> str | None:
    source = it.given.get("x-amz-copy-source")
    return None if source is None else unquote(source).removeprefix("/")


def _canned(it: Facts) -> str | None:
    return it.given.get("x-amz-acl", it.given.get("acl"))


def _signature(it: Facts) -> tuple[str, str]:
    """How the request was signed: authentication type and version of the signature."""
    if it.given is not it.request.headers:
        return "POST", _V4 if "x-amz-signature" in it.given else _V2
    authorization = it.request.headers.get("authorization")
    if authorization is not None:
        return "REST-HEADER", _V4 if authorization.startswith(_V4) else _V2
    return "REST-QUERY-STRING", _V4 if "X-Amz-Signature" in it.target.query else _V2


def _age(it: Facts) -> str | None:
    """Milliseconds since the request was signed."""
    text = it.target.query.get("X-Amz-Date") or it.request.headers.get("x-amz-date", "")
    signed = dates.parse_basic(text)
    return None if signed is None else str(max(int((_now(it).timestamp() - signed) * 1000), 0))


_KEYS: dict[str, Callable[[Facts], str | None]] = {
    "aws:currenttime": lambda it: _now(it).isoformat().replace("+00:00", "Z"),
    "aws:epochtime": lambda it: str(int(_now(it).timestamp())),
    "aws:principalaccount": lambda it: _account(it),
    "aws:principalarn": _arn,
    "aws:principaltype": lambda it: "Anonymous" if it.account is None else "User",
    "aws:referer": lambda it: it.request.headers.get("referer"),
    "aws:requestedregion": lambda it: it.region,
    "aws:resourceaccount": lambda it: _owner(it),
    "aws:securetransport": lambda it: "true" if it.request.secure else "false",
    "aws:sourceip": lambda it: it.request.peer or None,
    "aws:useragent": lambda it: it.request.headers.get("user-agent"),
    "aws:userid": lambda it: _account(it),
    "aws:username": lambda it: it.account.name if it.account else None,
    "s3:authtype": lambda it: _signature(it)[0] if it.account else None,
    "s3:delimiter": lambda it: it.target.query.get("delimiter"),
    "s3:if-match": lambda it: it.given.get("if-match"),
    "s3:if-none-match": lambda it: it.given.get("if-none-match"),
    "s3:max-keys": lambda it: it.target.query.get("max-keys"),
    "s3:objectcreationoperation": lambda it: "true" if it.operation in _CREATING else "false",
    "s3:prefix": lambda it: it.target.query.get("prefix"),
    "s3:resourceaccount": lambda it: _owner(it),
    "s3:signatureage": lambda it: _age(it) if it.account else None,
    "s3:signatureversion": lambda it: _signature(it)[1] if it.account else None,
    "s3:versionid": lambda it: it.target.query.get("versionId"),
    "s3:x-amz-acl": _canned,
    "s3:x-amz-copy-source": _copied,
}
