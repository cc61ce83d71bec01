"""What is persisted of object lock, as immutable records. Pure.

`metastore.records.Version` holds a Retention, `Bucket` a BucketLock.
"""

from enum import IntEnum

import msgspec


class RetentionMode(IntEnum):
    """Who may shorten a retention: who has the permission to bypass it, or nobody."""

    GOVERNANCE = 1
    COMPLIANCE = 2


class Retention(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Until when (Unix time) a version cannot be deleted for good."""

    mode: RetentionMode
    until_ms: int


class LockDefault(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The retention of new versions that come without their own: one of `days` and `years`."""

    mode: RetentionMode
    days: int | None = None
    years: int | None = None


class BucketLock(msgspec.Struct, frozen=True, array_like=True):
    """That a bucket has object lock, which is never taken away."""

    default: LockDefault | None = None
