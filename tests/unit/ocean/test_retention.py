"""Object lock: headers, defaults, changes and deletions."""

from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metastore import codec
from metastore.retention_records import BucketLock, LockDefault, Retention, RetentionMode
from ocean.errors import AccessDenied, InvalidArgument, InvalidRequest, MalformedXML, S3Error
from ocean.rules import retention
from ocean.rules.retention import (
    LATEST_MS,
    NONE,
    InvalidRetentionPeriod,
    Lock,
    check_change,
    check_default,
    check_delete,
    check_enabled,
    default_retention,
    is_protected,
    new_retention,
    retention_of_new,
)

GOVERNANCE, COMPLIANCE = RetentionMode.GOVERNANCE, RetentionMode.COMPLIANCE
DAY = 86_400_000
NOW = 1_790_000_000_000  # in 2026
LOCKED = BucketLock()


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1000


def asked(mode: str | None = None, until: str | None = None, hold: str | None = None) -> Lock:
    return retention.asked(mode, until, hold, now_ms=NOW)


# --- headers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "until_ms"),
    [
        ("2030-01-01T00:00:00Z", at("2030-01-01T00:00:00+00:00")),
        ("2030-01-01T00:00:00.000Z", at("2030-01-01T00:00:00+00:00")),
        ("2030-01-01T02:00:00+02:00", at("2030-01-01T00:00:00+00:00")),
        ("2030-01-01T00:00:00", at("2030-01-01T00:00:00+00:00")),
        ("2030-01-01", at("2030-01-01T00:00:00+00:00")),
        ("2030-01-01T00:00:00.123456Z", at("2030-01-01T00:00:00+00:00") + 123),
        ("2106-02-07T06:28:16Z", 2**32 * 1000),
        ("9999-12-31T23:59:59.999Z", LATEST_MS),
    ],
)
def test_a_date_is_kept_to_the_millisecond(text: str, until_ms: int) -> None:
    assert asked("GOVERNANCE", text) == Lock(Retention(GOVERNANCE, until_ms))


@given(st.integers(NOW + 1, LATEST_MS), st.sampled_from(RetentionMode))
def test_a_date_that_was_answered_is_taken_again(until_ms: int, mode: RetentionMode) -> None:
    text = retention.date_text(until_ms)
    assert asked(mode.name, text) == Lock(Retention(mode, until_ms))


@pytest.mark.parametrize(
    ("mode", "until", "hold", "argument", "part"),
    [
        ("GOVERNANCE", None, None, retention.UNTIL, "must both be supplied"),
        (None, "2030-01-01T00:00:00Z", None, retention.MODE, "must both be supplied"),
        ("governance", "2030-01-01T00:00:00Z", None, retention.MODE, "wormMode"),
        ("", "2030-01-01T00:00:00Z", None, retention.MODE, "wormMode"),
        ("COMPLIANCE", "abc", None, retention.UNTIL, "ISO 8601"),
        ("COMPLIANCE", "", None, retention.UNTIL, "ISO 8601"),
        ("COMPLIANCE", "20300101", None, retention.UNTIL, "ISO 8601"),
        ("COMPLIANCE", "2030-02-30T00:00:00Z", None, retention.UNTIL, "ISO 8601"),
        ("COMPLIANCE", "2030-01-01T00:00:60Z", None, retention.UNTIL, "ISO 8601"),
        ("COMPLIANCE", "10000-01-01T00:00:00Z", None, retention.UNTIL, "ISO 8601"),
        ("COMPLIANCE", "9999-12-31T23:59:59-01:00", None, retention.UNTIL, "ISO 8601"),
        ("COMPLIANCE", "0001-01-01T00:00:00+01:00", None, retention.UNTIL, "ISO 8601"),
        ("COMPLIANCE", "٢٠٣٠-01-01T00:00:00Z", None, retention.UNTIL, "ISO 8601"),
        ("COMPLIANCE", "2026-01-01T00:00:00Z", None, retention.UNTIL, "in the future!"),
        ("COMPLIANCE", "0001-01-01", None, retention.UNTIL, "in the future!"),
        (None, None, "on", retention.LEGAL_HOLD, "'ON' or 'OFF'"),
        (None, None, "", retention.LEGAL_HOLD, "'ON' or 'OFF'"),
    ],
)
def test_headers_that_are_refused(
    mode: str | None, until: str | None, hold: str | None, argument: str, part: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        asked(mode, until, hold)
    assert part in caught.value.message
    assert caught.value.details["ArgumentName"] == argument


def test_a_retention_ends_after_now() -> None:
    assert new_retention(GOVERNANCE, retention.date(NOW + 1), now_ms=NOW)
    with pytest.raises(InvalidArgument):
        new_retention(GOVERNANCE, retention.date(NOW), now_ms=NOW)


def test_a_legal_hold_is_on_or_off_or_was_never_there() -> None:
    assert asked(hold="ON") == Lock(legal_hold=True)
    assert asked(hold="OFF") == Lock(legal_hold=False)
    assert asked() == NONE


def test_a_bucket_without_object_lock_takes_none() -> None:
    with pytest.raises(InvalidRequest, match="Bucket is missing Object Lock Configuration"):
        check_enabled(None)
    check_enabled(LOCKED)


# --- defaults -------------------------------------------------------------------------------------


def test_a_new_version_gets_the_default_of_its_bucket_or_its_own() -> None:
    bucket = BucketLock(LockDefault(COMPLIANCE, days=2))
    own = Retention(GOVERNANCE, at("2030-01-01T00:00:00+00:00"))
    assert retention_of_new(None, bucket, NOW) == Retention(COMPLIANCE, NOW + 2 * DAY)
    assert retention_of_new(own, bucket, NOW) == own
    for without in (None, LOCKED):
        assert retention_of_new(None, without, NOW) is None
        assert retention_of_new(own, without, NOW) == own


def test_a_year_is_365_days() -> None:
    assert default_retention(LockDefault(GOVERNANCE, years=3), NOW) == Retention(
        GOVERNANCE, NOW + 3 * 365 * DAY
    )


@pytest.mark.parametrize(
    "default",
    [
        LockDefault(GOVERNANCE, days=1),
        LockDefault(COMPLIANCE, days=36_500),
        LockDefault(GOVERNANCE, years=1),
        LockDefault(COMPLIANCE, years=100),
    ],
)
def test_defaults_that_are_taken(default: LockDefault) -> None:
    check_default(default)
    assert default_retention(default, NOW).until_ms > NOW


@pytest.mark.parametrize(
    ("days", "years", "error"),
    [
        (None, None, MalformedXML),
        (1, 1, MalformedXML),
        (0, 0, MalformedXML),
        (0, None, InvalidRetentionPeriod),
        (-1, None, InvalidRetentionPeriod),
        (None, 0, InvalidRetentionPeriod),
        (None, -1, InvalidRetentionPeriod),
        (36_501, None, InvalidArgument),
        (None, 101, InvalidArgument),
        (10**18, None, InvalidArgument),
    ],
)
def test_defaults_that_are_refused(
    days: int | None, years: int | None, error: type[S3Error]
) -> None:
    with pytest.raises(error):
        check_default(LockDefault(GOVERNANCE, days, years))


# --- changes and deletions ------------------------------------------------------------------------

LATER, SOON, PAST = NOW + 2 * DAY, NOW + DAY, NOW


@pytest.mark.parametrize("bypass", [False, True])
@pytest.mark.parametrize(
    ("old", "new", "needs"),
    [
        (None, Retention(COMPLIANCE, SOON), "nothing"),
        (None, None, "nothing"),
        (Retention(COMPLIANCE, PAST), None, "nothing"),
        (Retention(COMPLIANCE, PAST), Retention(GOVERNANCE, SOON), "nothing"),
        (Retention(GOVERNANCE, SOON), Retention(GOVERNANCE, LATER), "nothing"),
        (Retention(GOVERNANCE, SOON), Retention(GOVERNANCE, SOON), "nothing"),
        (Retention(COMPLIANCE, SOON), Retention(COMPLIANCE, LATER), "nothing"),
        (Retention(COMPLIANCE, SOON), Retention(COMPLIANCE, SOON), "nothing"),
        (Retention(GOVERNANCE, LATER), Retention(GOVERNANCE, SOON), "bypass"),
        (Retention(GOVERNANCE, LATER), None, "bypass"),
        (Retention(GOVERNANCE, SOON), Retention(COMPLIANCE, SOON), "bypass"),
        (Retention(GOVERNANCE, SOON), Retention(COMPLIANCE, LATER), "bypass"),
        (Retention(GOVERNANCE, LATER), Retention(COMPLIANCE, SOON), "bypass"),
        (Retention(COMPLIANCE, LATER), Retention(COMPLIANCE, SOON), "the end"),
        (Retention(COMPLIANCE, SOON), Retention(GOVERNANCE, LATER), "the end"),
        (Retention(COMPLIANCE, SOON), None, "the end"),
    ],
)
def test_changing_a_retention(
    old: Retention | None, new: Retention | None, needs: str, bypass: bool
) -> None:
    if needs == "nothing" or (needs == "bypass" and bypass):
        check_change(old, new, now_ms=NOW, bypass=bypass)
    else:
        with pytest.raises(AccessDenied, match="protected by object lock"):
            check_change(old, new, now_ms=NOW, bypass=bypass)


@pytest.mark.parametrize("bypass", [False, True])
@pytest.mark.parametrize("hold", [None, False, True])
@pytest.mark.parametrize(
    ("held", "needs"),
    [
        (None, "nothing"),
        (Retention(GOVERNANCE, PAST), "nothing"),
        (Retention(COMPLIANCE, PAST), "nothing"),
        (Retention(GOVERNANCE, NOW + 1), "bypass"),
        (Retention(COMPLIANCE, NOW + 1), "the end"),
    ],
)
def test_deleting_a_version(
    held: Retention | None, needs: str, hold: bool | None, bypass: bool
) -> None:
    allowed = needs == "nothing" or (needs == "bypass" and bypass)
    if allowed and not hold:
        check_delete(held, legal_hold=hold, now_ms=NOW, bypass=bypass)
    else:
        with pytest.raises(AccessDenied, match="protected by object lock"):
            check_delete(held, legal_hold=hold, now_ms=NOW, bypass=bypass)
    assert is_protected(held, legal_hold=hold, now_ms=NOW) == (needs != "nothing" or bool(hold))


times = st.integers(NOW - 3, NOW + 3)
retentions = st.none() | st.builds(Retention, st.sampled_from(RetentionMode), times)


@given(retentions, st.lists(st.tuples(retentions, st.booleans(), times), max_size=6))
def test_no_chain_of_changes_weakens_compliance(
    first: Retention | None, changes: list[tuple[Retention | None, bool, int]]
) -> None:
    """Whatever was once promised in COMPLIANCE mode holds until its end, however often asked."""
    held, promised = first, 0
    for new, bypass, now_ms in sorted(changes, key=lambda change: change[2]):
        if held is not None and held.mode is COMPLIANCE:
            promised = max(promised, held.until_ms)
        with suppress(AccessDenied):
            check_change(held, new, now_ms=now_ms, bypass=bypass)
            held = new
        if promised > now_ms:
            with pytest.raises(AccessDenied):
                check_delete(held, legal_hold=None, now_ms=now_ms, bypass=True)


@given(st.none() | st.text(), st.none() | st.text(), st.none() | st.text())
def test_anything_is_answered_or_refused(
    mode: str | None, until: str | None, hold: str | None
) -> None:
    with suppress(S3Error):
        asked(mode, until, hold)
    with suppress(S3Error):
        asked("GOVERNANCE", until, hold)


@given(retentions.filter(bool))
def test_a_retention_is_persisted_as_it_is(held: Retention) -> None:
    assert codec.decode(Retention, codec.encode(held)) == held
    for lock in (LOCKED, BucketLock(LockDefault(held.mode, days=held.until_ms))):
        assert codec.decode(BucketLock, codec.encode(lock)) == lock
