"""What is persisted of a bucket's lifecycle configuration, as immutable records. Pure.

`metastore.records.Bucket` holds them; the fields are named after the elements of S3's document.
"""

import msgspec


class LifecycleFilter(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Which objects a rule is for: those that meet every condition; without any, all of them.

    A condition that was not given is None or empty. Sizes are in bytes, both bounds excluded.
    """

    prefix: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    object_size_greater_than: int | None = None
    object_size_less_than: int | None = None


class LifecycleRule(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One rule, as given, without what is not built (transitions).

    It has a `filter`, or the `prefix` that came before filters: a document says one of them, and
    is answered as it was put. An action that was not given is None; `expiration_date_ms` is Unix
    time.
    """

    id: str
    enabled: bool
    prefix: str | None = None
    filter: LifecycleFilter | None = None
    expiration_days: int | None = None
    expiration_date_ms: int | None = None
    expired_object_delete_marker: bool | None = None
    noncurrent_days: int | None = None
    newer_noncurrent_versions: int | None = None
    days_after_initiation: int | None = None
