"""Object lock: retention and legal holds, what sets, changes and outlasts them. Pure.

Invariant: what is under a legal hold or a retention in COMPLIANCE mode is not deleted, nor that
retention weakened, by anyone; one in GOVERNANCE mode by nobody who does not bypass it.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html

Times are Unix time in milliseconds, up to the end of the year 9999.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from metastore.retention_records import BucketLock, LockDefault, Retention, RetentionMode
from ocean.errors import AccessDenied, InvalidArgument, InvalidRequest, MalformedXML, S3Error, code

MODE = "x-amz-object-lock-mode"
UNTIL = "x-amz-object-lock-retain-until-date"
LEGAL_HOLD = "x-amz-object-lock-legal-hold"
HEADERS = (MODE, UNTIL, LEGAL_HOLD)
MAX_DAYS = 36_500
MAX_YEARS = 100
DAYS_OF_YEAR = 365  # as S3 counts them, leap year or not
DAY_MS = 86_400_000
LATEST_MS = 253_402_300_799_999

InvalidRetentionPeriod = code(
    "InvalidRetentionPeriod", 400, "Default retention period must be a positive integer value."
)

_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_HOLDS = {"ON": True, "OFF": False}


class Lock(NamedTuple):
    """What protects a version. `legal_hold` is None for one that never had any."""

    retention: Retention | None = None
    legal_hold: bool | None = None


NONE = Lock()


def check_enabled(lock: BucketLock | None) -> None:
    """Raise InvalidRequest for a bucket without object lock."""
    if lock is None:
        raise InvalidRequest("Bucket is missing Object Lock Configuration")


def asked(mode: str | None, until: str | None, legal_hold: str | None, *, now_ms: int) -> Lock:
    """The lock that an upload asks for in its headers; InvalidArgument."""
    if mode is None and until is None and legal_hold is None:
        return NONE
    return Lock(_asked_retention(mode, until, now_ms), _asked_hold(legal_hold))


def retention_of_new(
    given: Retention | None, bucket: BucketLock | None, now_ms: int
) -> Retention | None:
    """The retention of a version that is made now: what was asked for, or its bucket's default."""
    if given is not None or bucket is None or bucket.default is None:
        return given
    return default_retention(bucket.default, now_ms)


def _asked_retention(mode: str | None, until: str | None, now_ms: int) -> Retention | None:
    if mode is None and until is None:
        return None
    if mode is None or until is None:
        raise InvalidArgument(
            f"{UNTIL} and {MODE} must both be supplied",
            ArgumentName=MODE if mode is None else UNTIL,
        )
    if mode not in RetentionMode.__members__:
        raise _invalid(MODE, mode, "Unknown wormMode directive.")
    moment = _parsed(until)
    if moment is None:
        raise _invalid(UNTIL, until, "The retain until date must be provided in ISO 8601 format")
    return new_retention(RetentionMode[mode], moment, now_ms=now_ms, name=UNTIL)


def _asked_hold(text: str | None) -> bool | None:
    if text is not None and text not in _HOLDS:
        raise _invalid(LEGAL_HOLD, text, "Legal Hold must be either of 'ON' or 'OFF'")
    return None if text is None else _HOLDS[text]


def _parsed(text: str) -> datetime | None:
    """The moment of an ISO 8601 text, in UTC unless it says otherwise; None if it is not one."""
    if _ISO.fullmatch(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def new_retention(
    mode: RetentionMode, until: datetime, *, now_ms: int, name: str = "RetainUntilDate"
) -> Retention:
    """A new retention; InvalidArgument, with the argument's name, unless it ends in the future."""
    until_ms = (until - _EPOCH) // _MILLISECOND
    if until_ms <= now_ms:
        raise _invalid(name, date_text(until_ms), "The retain until date must be in the future!")
    return Retention(mode, until_ms)


def date(until_ms: int) -> datetime:
    """The moment at which a retention ends."""
    return _EPOCH + until_ms * _MILLISECOND


def date_text(until_ms: int) -> str:
    """The same as headers have it: `2030-01-01T00:00:00.000Z`."""
    return date(until_ms).isoformat("T", "milliseconds")[:23] + "Z"


def default_retention(default: LockDefault, now_ms: int) -> Retention:
    """The retention of a version that is made now."""
    days = default.days or DAYS_OF_YEAR * (default.years or 0)
    return Retention(default.mode, min(now_ms + days * DAY_MS, LATEST_MS))


def check_default(default: LockDefault) -> None:
    """Raise MalformedXML, InvalidRetentionPeriod or InvalidArgument for a default S3 refuses."""
    if (default.days is None) == (default.years is None):
        raise MalformedXML
    for name, period, most in (
        ("Days", default.days, MAX_DAYS),
        ("Years", default.years, MAX_YEARS),
    ):
        if period is not None and period < 1:
            raise InvalidRetentionPeriod(ArgumentName=name, ArgumentValue=str(period))
        if period is not None and period > most:
            raise _invalid(name, str(period), "Default retention period too large.")


def is_protected(retention: Retention | None, *, legal_hold: bool | None, now_ms: int) -> bool:
    """Whether a version cannot be deleted for good without a bypass."""
    return bool(legal_hold) or (retention is not None and retention.until_ms > now_ms)


def check_delete(
    retention: Retention | None, *, legal_hold: bool | None, now_ms: int, bypass: bool
) -> None:
    """Raise AccessDenied for a version that must not be deleted for good.

    `bypass` says that the caller may bypass GOVERNANCE mode, and asks to.
    """
    if legal_hold or not _yields(retention, now_ms=now_ms, bypass=bypass):
        raise _denied()


def check_change(
    old: Retention | None, new: Retention | None, *, now_ms: int, bypass: bool
) -> None:
    """Raise AccessDenied unless a version's retention may be replaced, or removed (None).

    One may always be extended in its mode. Everything else, a change from GOVERNANCE to COMPLIANCE
    too, is as hard as deleting the version.
    """
    extends = (
        old is not None
        and new is not None
        and new.mode is old.mode
        and new.until_ms >= old.until_ms
    )
    if not extends and not _yields(old, now_ms=now_ms, bypass=bypass):
        raise _denied()


def _yields(retention: Retention | None, *, now_ms: int, bypass: bool) -> bool:
    """Whether a retention is none, over, or bypassed."""
    if retention is None or retention.until_ms <= now_ms:
        return True
    return bypass and retention.mode is RetentionMode.GOVERNANCE


def _denied() -> S3Error:
    return AccessDenied("Access Denied because object protected by object lock.")


def _invalid(name: str, value: str, message: str) -> S3Error:
    return InvalidArgument(message, ArgumentName=name, ArgumentValue=value)
