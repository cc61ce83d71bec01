"""Lifecycle rules do to any stack of versions what a slow reading of S3's documentation says."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from metastore.lifecycle_records import LifecycleFilter as Filter
from metastore.lifecycle_records import LifecycleRule as Rule
from metastore.records import Kind, Versioning
from ocean.rules.expiration import (
    Action,
    Due,
    StackVersion,
    due,
    expiry,
    next_due,
    upload_due,
)
from ocean.rules.lifecycle import DAY_MS

HALF = DAY_MS // 2
KEYS = ("", "a", "a/b", "b")
TAGS = (("k", "1"), ("k", "2"), ("l", "1"))

tags = st.lists(st.sampled_from(TAGS), max_size=2, unique=True).map(tuple)
small = st.none() | st.integers(0, 2)
some_days = st.none() | st.integers(1, 3)
filters = st.builds(
    Filter,
    prefix=st.none() | st.sampled_from(KEYS),
    tags=tags,
    object_size_greater_than=small,
    object_size_less_than=small,
)
ends = st.sampled_from(["nothing", "days", "date", "marker"])


@st.composite
def rule(draw: st.DrawFn, name: str) -> Rule:
    end = draw(ends)
    noncurrent = draw(some_days)
    wanted = draw(st.none() | st.just(Filter()) | filters)
    return Rule(
        id=name,
        enabled=draw(st.integers(0, 5)) > 0,
        prefix=draw(st.sampled_from(KEYS)) if wanted is None else None,
        filter=wanted,
        expiration_days=draw(st.integers(1, 3)) if end == "days" else None,
        expiration_date_ms=draw(st.integers(0, 9)) * DAY_MS if end == "date" else None,
        expired_object_delete_marker=draw(st.booleans()) if end == "marker" else None,
        noncurrent_days=noncurrent,
        newer_noncurrent_versions=draw(some_days) if noncurrent else None,
        days_after_initiation=draw(some_days),
    )


@st.composite
def rules(draw: st.DrawFn) -> list[Rule]:
    return [draw(rule(str(n))) for n in range(draw(st.integers(0, 4)))]


version = st.builds(
    StackVersion,
    kind=st.sampled_from([Kind.OBJECT, Kind.OBJECT, Kind.MARKER]),
    modified_ms=st.integers(0, 20).map(lambda halves: halves * HALF) | st.integers(0, 10 * DAY_MS),
    size=st.integers(0, 3),
    tags=tags,
    null=st.booleans(),
    protected=st.booleans(),
)


def plain(one: StackVersion) -> StackVersion:
    """A delete marker has no content, no tags and no lock."""
    bare = StackVersion(Kind.MARKER, one.modified_ms, null=one.null)
    return bare if one.kind is Kind.MARKER else one


stacks = st.lists(version.map(plain), max_size=7).map(
    lambda found: sorted(found, key=lambda one: -one.modified_ms)
)
keys = st.sampled_from(KEYS)
modes = st.sampled_from(list(Versioning))
lengths = st.sampled_from([DAY_MS, 10_000])


# --- the reference: one function for each sentence, times as dates --------------------------------


def later(since_ms: int, count: int, day_ms: int) -> int:
    """Some days later; if they are real, at the first midnight from then on."""
    if day_ms != DAY_MS:
        return since_ms + count * day_ms
    moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=since_ms, days=count)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if midnight < moment:
        midnight += timedelta(days=1)
    return round(midnight.timestamp()) * 1000


def is_for(one: Rule, key: str, found: StackVersion) -> bool:
    """Enabled, and every condition holds."""
    if one.filter is None:
        return one.enabled and key.startswith(one.prefix or "")
    above, below = one.filter.object_size_greater_than, one.filter.object_size_less_than
    return all(
        [
            one.enabled,
            one.filter.prefix is None or key.startswith(one.filter.prefix),
            all(tag in found.tags for tag in one.filter.tags),
            above is None or above < found.size,
            below is None or found.size < below,
        ]
    )


def ends_of_current(one: Rule, found: StackVersion, day_ms: int) -> list[int]:
    """Expiration by age or at a date."""
    times = []
    if one.expiration_date_ms is not None:
        times.append(one.expiration_date_ms)
    if one.expiration_days is not None:
        times.append(later(found.modified_ms, one.expiration_days, day_ms))
    return times


def ends_of_marker(
    one: Rule, stack: Sequence[StackVersion], found: StackVersion, day_ms: int
) -> list[int]:
    """A delete marker without other versions goes when an object would, or at once."""
    if len(stack) != 1:
        return []
    at_once = [found.modified_ms] if one.expired_object_delete_marker is True else []
    return at_once + ends_of_current(one, found, day_ms)


def ends_of_noncurrent(
    one: Rule, stack: Sequence[StackVersion], position: int, day_ms: int
) -> list[int]:
    """Days after the successor came, if so many noncurrent objects are newer."""
    newer = [other for other in stack[1:position] if other.kind is not Kind.MARKER]
    if one.noncurrent_days is None or len(newer) < (one.newer_noncurrent_versions or 0):
        return []
    return [later(stack[position - 1].modified_ms, one.noncurrent_days, day_ms)]


def is_barred(stack: Sequence[StackVersion], position: int, mode: Versioning) -> bool:
    """Whether a protected version would be removed for good."""
    if position > 0:
        return stack[position].protected
    if mode is Versioning.ENABLED:
        return False
    return True in [other.protected for other in stack if other.null]


def reference(
    given_rules: list[Rule],
    key: str,
    stack: list[StackVersion],
    mode: Versioning,
    day_ms: int,
) -> dict[int, Due]:
    """For each position what happens first."""
    result = {}
    for position, found in enumerate(stack):
        times: list[tuple[int, int, str]] = []
        for order, one in enumerate(given_rules):
            if not is_for(one, key, found):
                continue
            if position > 0:
                action, ends = Action.DELETE, ends_of_noncurrent(one, stack, position, day_ms)
            elif found.kind is Kind.MARKER:
                action, ends = Action.DELETE_MARKER, ends_of_marker(one, stack, found, day_ms)
            else:
                action, ends = Action.EXPIRE, ends_of_current(one, found, day_ms)
            times += [(time, order, one.id) for time in ends]
        if times:
            time, _, name = min(times)
            result[position] = Due(action, position, time, name, is_barred(stack, position, mode))
    return result


@given(rules(), keys, stacks, modes, lengths)
def test_what_is_due_is_what_the_reference_says(
    given_rules: list[Rule],
    key: str,
    stack: list[StackVersion],
    mode: Versioning,
    day_ms: int,
) -> None:
    found = next_due(given_rules, key, stack, mode, day_ms=day_ms)
    assert {one.position: one for one in found} == reference(given_rules, key, stack, mode, day_ms)
    assert [one.position for one in found] == sorted((one.position for one in found), reverse=True)
    for now_ms in {one.at_ms for one in found}:
        assert due(given_rules, key, stack, mode, now_ms, day_ms=day_ms) == [
            one for one in found if one.at_ms <= now_ms
        ]
        assert due(given_rules, key, stack, mode, now_ms - 1, day_ms=day_ms) == [
            one for one in found if one.at_ms < now_ms
        ]


@given(rules(), keys, version, lengths)
def test_the_header_of_an_object_says_when_it_goes(
    given_rules: list[Rule], key: str, found: StackVersion, day_ms: int
) -> None:
    stack = [found._replace(kind=Kind.OBJECT)]
    says = expiry(given_rules, key, found.tags, found.size, found.modified_ms, day_ms=day_ms)
    goes = next_due(given_rules, key, stack, Versioning.ENABLED, day_ms=day_ms)
    assert [(one.at_ms, one.rule_id) for one in goes] == ([says] if says else [])


@given(rules(), keys, st.integers(0, 5 * DAY_MS), lengths)
def test_uploads_are_aborted_as_the_reference_says(
    given_rules: list[Rule], key: str, initiated_ms: int, day_ms: int
) -> None:
    upload = StackVersion(Kind.OBJECT, initiated_ms)
    times = [
        (later(initiated_ms, one.days_after_initiation, day_ms), order, one.id)
        for order, one in enumerate(given_rules)
        if one.days_after_initiation is not None and is_for(one, key, upload)
    ]
    found = upload_due(given_rules, key, initiated_ms, day_ms=day_ms)
    assert found == ((min(times)[0], min(times)[2]) if times else None)


# --- what comes of it, day after day --------------------------------------------------------------


def after(
    stack: list[StackVersion], done: Sequence[Due], mode: Versioning, now_ms: int
) -> list[StackVersion]:
    """The stack when everything was done that may be done, in the order given."""
    alive: list[StackVersion | None] = list(stack)
    top: list[StackVersion] = []
    for one in done:
        if one.protected:
            continue
        if one.action is not Action.EXPIRE or mode is Versioning.OFF:
            alive[one.position] = None
        else:
            null = mode is Versioning.SUSPENDED
            top = [StackVersion(Kind.MARKER, now_ms, null=null)]
            if null:
                alive = [None if found and found.null else found for found in alive]
    return [*top, *(found for found in alive if found is not None)]


@given(rules(), keys, stacks, modes)
@example(
    given_rules=[Rule(id="0", enabled=True, expiration_date_ms=0, noncurrent_days=1)],
    key="",
    stack=[StackVersion(Kind.OBJECT, ms, 0) for ms in (DAY_MS // 2, 0, 0)],
    mode=Versioning.ENABLED,
)
def test_what_is_protected_stays_and_every_pass_comes_to_an_end(
    given_rules: list[Rule], key: str, stack: list[StackVersion], mode: Versioning
) -> None:
    if mode is Versioning.OFF:
        stack = [one._replace(null=True) for one in stack[:1] if one.kind is Kind.OBJECT]
    held = [one for one in stack if one.protected]
    for now_ms in range(0, 20 * DAY_MS, DAY_MS):
        for _ in range(len(stack) + 3):  # where clocks differ, one that goes may let the next go
            before = stack
            found = due(given_rules, key, stack, mode, now_ms)
            stack = after(stack, found, mode, now_ms)
        assert stack == before
        assert [one for one in stack if one.protected] == held
