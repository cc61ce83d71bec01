"""Transitions of a Head against what S3 says: a list of versions, newest first."""

from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from metastore import versions
from metastore.records import NO_OP, Head, Kind, Ranges, Trash, Version, Versioning
from metastore.retention_records import Retention, RetentionMode


class Model(NamedTuple):
    """The versions as (seq, kind, null), and the seqs whose bytes are trash."""

    listed: tuple[tuple[int, Kind, bool], ...] = ()
    gone: frozenset[int] = frozenset()

    def put(self, seq: int, kind: Kind, null: bool) -> "Model":
        kept = tuple(one for one in self.listed if not (null and one[2]))
        gone = {one[0] for one in self.listed} - {one[0] for one in kept}
        return Model(((seq, kind, null), *kept), self.gone | gone)

    def erase(self, seq: int) -> "Model":
        kept = tuple(one for one in self.listed if one[0] != seq)
        return Model(kept, self.gone | {seq} if len(kept) < len(self.listed) else self.gone)


class Key:
    """A Head with its rows, kept as the store keeps them."""

    def __init__(self) -> None:
        self.head = Head()
        self.rows: dict[int, Version] = {}
        self.trash: set[int] = set()

    def commit(self, plan: versions.Plan) -> None:
        for copy in plan.copies:
            self.rows[copy.seq] = copy
        self.become(plan.head)

    def become(self, head: Head) -> None:
        for entry in head.trash:
            self.trash.add(entry.seq or int(entry.manifest))
        self.head = versions.without_trash(head, head.trash)

    def listed(self) -> tuple[tuple[int, Kind, bool], ...]:
        head = self.head
        live = [v for seq, v in self.rows.items() if versions.contains(head.live, seq)]
        found = sorted(live, key=lambda v: -v.seq)
        if head.current is not None:
            found.insert(0, head.current)
        return tuple((v.seq, v.kind, v.null) for v in found)


steps = st.lists(
    st.tuples(st.sampled_from(["put", "remove", "erase", "prune"]), st.integers(0, 5)), max_size=25
)
modes = st.sampled_from([(Versioning.OFF,), (Versioning.ENABLED, Versioning.SUSPENDED)])


@given(steps, modes, st.data())
def test_a_head_and_a_list_of_versions_say_the_same(
    script: list[tuple[str, int]], allowed: tuple[Versioning, ...], data: st.DataObject
) -> None:
    key, model = Key(), Model()
    for step, which in script:
        mode = data.draw(st.sampled_from(allowed))
        seq = key.head.last + 1
        draft = Version(op=NO_OP, manifest=str(seq).encode())
        marker = Version(kind=Kind.MARKER, manifest=str(seq).encode())
        null = mode is not Versioning.ENABLED
        if step == "put":
            key.commit(versions.put(key.head, draft, mode))
            model = model.put(seq, Kind.OBJECT, null)
        elif step == "remove":
            plan = versions.remove(key.head, marker, mode)
            assert (plan is None) == (mode is Versioning.OFF and not model.listed)
            if plan is not None:
                key.commit(plan)
            if mode is not Versioning.OFF:
                model = model.put(seq, Kind.MARKER, null)
            elif model.listed:
                model = model.erase(model.listed[0][0])
        elif step == "prune":
            model = prune(key, model, which)
        elif model.listed:
            victim = model.listed[which % len(model.listed)][0]
            model = model.erase(victim)
            current = key.head.current
            if current is not None and current.seq == victim:
                key.commit(versions.erase(key.head))
            else:  # its row was made none, with its trash
                key.trash.add(victim)
                key.become(versions.drop(key.head, victim))
        agree(key, model)


def prune(key: Key, model: Model, which: int) -> Model:
    """Two thirds of the noncurrent versions go at once."""
    below = model.listed[key.head.current is not None :]
    victims = sorted(seq for seq, _, _ in below if (seq + which) % 3)
    key.become(versions.prune(key.head, victims))
    for victim in victims:
        model = model.erase(victim)
    return model


def agree(key: Key, model: Model) -> None:
    head = key.head
    assert key.listed() == model.listed
    assert key.trash == model.gone
    nulls = [seq for seq, _, null in model.listed if null]
    current = head.current.seq if head.current is not None else 0
    assert head.null_seq == next((seq for seq in nulls if seq != current), 0)
    expected = head.current.kind if head.current else Kind.REFERENCE if model.listed else Kind.NONE
    assert head.kind is expected
    assert versions.removable(head) == (not model.listed)


@given(st.sets(st.integers(1, 40)), st.data())
def test_ranges_without_some_of_theirs(seqs: set[int], data: st.DataObject) -> None:
    out = data.draw(st.sets(st.sampled_from(sorted(seqs)))) if seqs else set()
    ranges: Ranges = ()
    one_by_one: Ranges = ()
    for seq in sorted(seqs):
        ranges = one_by_one = versions.added(ranges, seq)
    for seq in out:
        one_by_one = versions.dropped(one_by_one, seq)
    assert versions.without(ranges, sorted(out)) == one_by_one


def test_only_what_a_swap_that_fails_leaves_alone_goes_before_it() -> None:
    rows = tuple(Trash(op=b"", seq=seq) for seq in range(1, versions.TRASH_ENTRIES + 1))
    old, new = Trash(b"o" * 12, b"old"), Trash(b"n" * 12, b"new")
    before, after = Head(trash=(old,)), Head(trash=(old, new, *rows))
    assert versions.spillable(before, after) == (old, *rows)
    assert versions.without_trash(after, (old, *rows)).trash == (new,)
    assert versions.spillable(before, Head(trash=(old, new))) == ()


@given(st.lists(st.integers(1, 40), unique=True), st.lists(st.integers(1, 40)))
def test_ranges_are_sets(seqs: list[int], out: list[int]) -> None:
    ranges: Ranges = ()
    for seq in sorted(seqs):
        ranges = versions.added(ranges, seq)
    for seq in out:
        ranges = versions.dropped(ranges, seq)
    left = set(seqs) - set(out)
    assert {seq for seq in range(50) if versions.contains(ranges, seq)} == left
    assert all(first <= last for first, last in ranges)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(ranges))


@given(st.sampled_from(["put", "remove"]))
def test_an_old_view_of_the_bucket_destroys_no_version(step: str) -> None:
    """A bucket is never OFF again: who still thinks so meets a key with version ids."""
    head = versions.put(Head(), Version(manifest=b"1"), Versioning.ENABLED).head
    marker = Version(kind=Kind.MARKER)
    plan = (
        versions.put(head, marker, Versioning.OFF)
        if step == "put"
        else versions.remove(head, marker, Versioning.OFF)
    )
    assert plan is not None
    assert plan.head.live == ((1, 1),)
    assert plan.head.trash == ()
    assert plan.version is not None
    assert not plan.version.null


@given(
    st.sampled_from(["put", "remove"]),
    st.sampled_from([Versioning.OFF, Versioning.SUSPENDED]),
    st.sampled_from(
        [
            {"legal_hold": True},
            {"legal_hold": False},
            {"retention": Retention(RetentionMode.GOVERNANCE, 0)},
        ]
    ),
)
def test_a_null_version_that_ever_had_a_lock_is_not_replaced(
    step: str, mode: Versioning, lock: dict[str, Any]
) -> None:
    """Under object lock a bucket keeps versions, whatever an old view of it says."""
    head = versions.put(Head(), Version(manifest=b"1"), Versioning.OFF).head
    assert head.current is not None
    head = versions.amend(head, replace(head.current, **lock))
    make = versions.put if step == "put" else versions.remove
    plan = make(head, Version(), mode)
    assert plan is not None
    assert (plan.head.live, plan.head.null_seq, plan.head.trash) == (((1, 1),), 1, ())
    assert plan.version is not None
    assert not plan.version.null


def test_a_trail_keeps_the_last_edits() -> None:
    head = Head()
    for number in range(60):
        head = versions.edited(head, bytes([number]))
    assert head.trail == tuple(bytes([number]) for number in range(60 - versions.TRAIL, 60))


def test_a_change_in_place_leaves_the_old_bytes_as_trash() -> None:
    head = versions.put(Head(), Version(manifest=b"old"), Versioning.OFF).head
    assert head.current is not None
    moved = Version(seq=1, manifest=b"new")
    assert versions.amend(head, moved).trash == (Trash(NO_OP, b"old"),)
    assert versions.moved(head, moved).trash == ()
