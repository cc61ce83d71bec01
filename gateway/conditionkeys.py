"""What a request says to the conditions of policies: the values of condition keys.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from gateway.authenticate import Signing
from gateway.http import Headers, Request
from gateway.wire import copysource
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
OWNER = frozenset({"aws:resourceaccount", "s3:resourceaccount"})


class Facts(NamedTuple):
    """What is known of a request: see Context, whose names these are."""

    request: Request
    target: Target
    given: Headers
    operation: str
    region: str
    account: Account | None
    signing: Signing


class Asked(NamedTuple):
    """What a ruling is about: an action in a bucket, perhaps on a version and on an object that was
    found. `requested` is what the request would set of it, `also` stands for keys of the request.
    """

    bucket: Bucket | None = None
    version_id: str | None = None
    found: Version | None = None
    requested: Mapping[str, Values] | None = None
    also: Mapping[str, Values] = NOTHING


class ConditionKeys:
    """Values by condition key in lower case; None for one that the request does not have."""

    __slots__ = ("_asked", "_facts")

    def __init__(self, facts: Facts, asked: Asked) -> None:
        self._facts = facts
        self._asked = asked

    def __call__(self, key: str) -> Values | None:
        if key in self._asked.also:
            return self._asked.also[key]
        if key.startswith(_EXISTING):
            return self._existing(key[len(_EXISTING) :])
        if key.startswith((TAGS, LOCK)):
            requested = self._asked.requested
            if requested is None:
                requested = asked_for(self._facts.given, self._facts.operation)
            return requested.get(key)
        if key in OWNER:
            value = self._asked.bucket.owner if self._asked.bucket is not None else None
        elif key == "s3:versionid":
            value = self._asked.version_id
        elif key.startswith("s3:x-amz-") and key not in _KEYS:
            value = self._facts.given.get(key[3:])
        else:
            make = _KEYS.get(key)
            value = make(self._facts) if make is not None else None
        return None if value is None else (value,)

    def _existing(self, name: str) -> Values | None:
        pairs = self._asked.found.tags if self._asked.found is not None else ()
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


def asked_for(given: Mapping[str, str], operation: str) -> Mapping[str, Values]:
    """What the headers of a request, or the fields of its form, would set of an object."""
    text = given.get("x-amz-tagging", "")
    if operation == "CopyObject" and given.get("x-amz-tagging-directive") != "REPLACE":
        text = ""  # the tags are the source's
    try:
        return of_tags(tags.parse_header(text).items()) | of_lock_headers(given)
    except S3Error:
        return NOTHING  # it will be refused for that


def of_lock_headers(given: Mapping[str, str]) -> dict[str, Values]:
    """What policies may ask of the lock that headers or fields would set; S3Error."""
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    return of_lock(retention.asked(*map(given.get, retention.HEADERS), now_ms=now_ms), now_ms)


def _now(_it: Facts) -> datetime:
    return datetime.now(UTC)


def _account(it: Facts) -> str | None:
    return None if it.account is None else it.account.id


def _arn(it: Facts) -> str | None:
    account = it.account
    return None if account is None else f"arn:aws:iam::{account.id}:user/{account.name}"


def _copied(it: Facts) -> str | None:
    """`bucket/key`, without the version, however the header has it."""
    source = it.given.get("x-amz-copy-source")
    if source is None:
        return None
    try:
        named = copysource.parse(source)
    except S3Error:
        return source  # it will be refused for that
    return f"{named.bucket}/{named.key}"


def _age(it: Facts) -> str | None:
    """Milliseconds since the request was signed."""
    if it.signing.version == "AWS":
        return "0"
    signed = it.signing.date
    return None if signed is None else str(max(int((_now(it).timestamp() - signed) * 1000), 0))


_KEYS: dict[str, Callable[[Facts], str | None]] = {
    "aws:currenttime": lambda it: _now(it).isoformat().replace("+00:00", "Z"),
    "aws:epochtime": lambda it: str(int(_now(it).timestamp())),
    "aws:principalaccount": lambda it: _account(it),
    "aws:principalarn": _arn,
    "aws:principalisawsservice": lambda _it: "false",
    "aws:principaltype": lambda it: "Anonymous" if it.account is None else "User",
    "aws:referer": lambda it: it.request.headers.get("referer"),
    "aws:requestedregion": lambda it: it.region,
    "aws:securetransport": lambda it: "true" if it.request.secure else "false",
    "aws:sourceip": lambda it: it.request.peer or None,
    "aws:useragent": lambda it: it.request.headers.get("user-agent"),
    "aws:userid": lambda it: _account(it) or "anonymous",
    "aws:username": lambda it: it.account.name if it.account else None,
    "aws:viaawsservice": lambda _it: "false",
    "s3:authtype": lambda it: it.signing.auth_type,
    "s3:delimiter": lambda it: it.target.query.get("delimiter"),
    "s3:if-match": lambda it: it.given.get("if-match"),
    "s3:if-none-match": lambda it: it.given.get("if-none-match"),
    "s3:max-keys": lambda it: it.target.query.get("max-keys"),
    "s3:objectcreationoperation": lambda it: "true" if it.operation in _CREATING else "false",
    "s3:prefix": lambda it: it.target.query.get("prefix"),
    "s3:signatureage": _age,
    "s3:signatureversion": lambda it: it.signing.version,
    "s3:x-amz-content-sha256": lambda it: it.signing.sha256,
    "s3:x-amz-copy-source": _copied,
}
