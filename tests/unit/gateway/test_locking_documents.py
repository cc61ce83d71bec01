"""Object lock: documents to records and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ops.shapes.locking import (
    ObjectLockConfiguration,
    ObjectLockLegalHold,
    ObjectLockRetention,
    PutObjectLegalHoldInput,
    PutObjectLockConfigurationInput,
    PutObjectRetentionInput,
    configuration_of,
    lock_of,
    retention_document,
    retention_of,
)
from gateway.wire.bind import Input, binder
from gateway.wire.xml import decode, encode
from metastore.retention_records import BucketLock, LockDefault, Retention, RetentionMode
from ocean import errors
from ocean.errors import InvalidArgument, MalformedXML, S3Error
from ocean.rules.retention import LATEST_MS, InvalidRetentionPeriod

NOW = 1_790_000_000_000
ENABLED = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>"
HOLD = "<DefaultEventHold><Days>1</Days></DefaultEventHold>"


def lock(inside: str) -> BucketLock:
    text = f"<ObjectLockConfiguration>{inside}</ObjectLockConfiguration>"
    return lock_of(decode(ObjectLockConfiguration, text.encode(), limit=1 << 16))


def default(inside: str) -> BucketLock:
    return lock(f"{ENABLED}<Rule><DefaultRetention>{inside}</DefaultRetention></Rule>")


def retained(inside: str) -> Retention | None:
    text = f"<Retention>{inside}</Retention>"
    return retention_of(decode(ObjectLockRetention, text.encode(), limit=1 << 16), now_ms=NOW)


def test_a_lock_has_a_default_or_none() -> None:
    assert lock(ENABLED) == BucketLock()
    assert default("<Mode>GOVERNANCE</Mode><Days>1</Days>") == BucketLock(
        LockDefault(RetentionMode.GOVERNANCE, days=1)
    )
    assert default("<Mode>COMPLIANCE</Mode><Years>2</Years>") == BucketLock(
        LockDefault(RetentionMode.COMPLIANCE, years=2)
    )


@pytest.mark.parametrize(
    ("inside", "error"),
    [
        ("<Days>1</Days>", MalformedXML),
        ("<Mode>GOVERNANCE</Mode>", MalformedXML),
        ("<Mode>governance</Mode><Years>1</Years>", MalformedXML),
        ("<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>", MalformedXML),
        ("<Mode>GOVERNANCE</Mode><Days>0</Days>", InvalidRetentionPeriod),
        ("<Mode>GOVERNANCE</Mode><Years>-1</Years>", InvalidRetentionPeriod),
        ("<Mode>GOVERNANCE</Mode><Days>36501</Days>", InvalidArgument),
        (f"<Mode>GOVERNANCE</Mode><Days>1</Days>{HOLD}", errors.NotImplemented),
        (HOLD, errors.NotImplemented),
        ("", MalformedXML),
    ],
)
def test_defaults_that_are_refused(inside: str, error: type[S3Error]) -> None:
    with pytest.raises(error):
        default(inside)


@pytest.mark.parametrize(
    "inside",
    ["", "<Rule/>", f"{ENABLED}<Rule/>", "<ObjectLockEnabled>Disabled</ObjectLockEnabled>"],
)
def test_locks_that_are_malformed(inside: str) -> None:
    with pytest.raises(MalformedXML):
        lock(inside)


def test_an_empty_retention_is_none() -> None:
    assert retained("") is None


@pytest.mark.parametrize(
    ("inside", "error"),
    [
        ("<Mode>GOVERNANCE</Mode>", MalformedXML),
        ("<RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate>", MalformedXML),
        (
            "<Mode>abc</Mode><RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate>",
            MalformedXML,
        ),
        ("<Mode>GOVERNANCE</Mode><RetainUntilDate>soon</RetainUntilDate>", MalformedXML),
        (
            "<Mode>GOVERNANCE</Mode><RetainUntilDate>2026-01-01T00:00:00Z</RetainUntilDate>",
            InvalidArgument,
        ),
        ("<EventHold>OFF</EventHold>", errors.NotImplemented),
        ("<EventHoldDuration><Days>1</Days></EventHoldDuration>", errors.NotImplemented),
    ],
)
def test_retentions_that_are_refused(inside: str, error: type[S3Error]) -> None:
    with pytest.raises(error):
        retained(inside)


def test_a_legal_hold_has_a_status() -> None:
    held = ObjectLockLegalHold(status="ON")
    assert decode(ObjectLockLegalHold, encode(held), limit=1 << 16) == held
    for inside in ("", "<Status>abc</Status>", "<Status>on</Status>"):
        with pytest.raises(MalformedXML):
            decode(ObjectLockLegalHold, f"<LegalHold>{inside}</LegalHold>".encode(), limit=999)


@pytest.mark.parametrize(
    "kind", [PutObjectLockConfigurationInput, PutObjectRetentionInput, PutObjectLegalHoldInput]
)
def test_no_document_is_malformed(kind: type[Input]) -> None:
    with pytest.raises(MalformedXML):
        binder(kind)({}, {}, b"")


modes = st.sampled_from(RetentionMode)
defaults = st.builds(LockDefault, modes, days=st.integers(1, 36_500)) | st.builds(
    LockDefault, modes, years=st.integers(1, 100)
)


@given(st.builds(BucketLock, st.none() | defaults))
def test_a_lock_is_answered_as_it_was_put(found: BucketLock) -> None:
    data = encode(configuration_of(found))
    assert lock_of(decode(ObjectLockConfiguration, data, limit=1 << 16)) == found


@given(st.builds(Retention, modes, st.integers(NOW + 1, LATEST_MS)))
def test_a_retention_is_answered_as_it_was_put(found: Retention) -> None:
    data = encode(retention_document(found))
    assert retention_of(decode(ObjectLockRetention, data, limit=1 << 16), now_ms=NOW) == found
