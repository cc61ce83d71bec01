"""What a commit does to a Head. Pure.

Invariant: applied to a list of versions and to a Head, each transition leaves both saying the
same; nothing becomes unreachable without being in the new Head's trash.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from metastore.records import Head, Kind, Ranges, Trash, Version, Versioning

ABSENT = Head()
TRAIL = 24  # edit ids kept: so many others may commit before a writer looks for its own
TRASH_ENTRIES = 32  # that a Head may carry; more move to a row of `trash`
TRASH_BYTES = 3 * 1024  # of their manifests


Guard = Callable[[Version | None], None]  # raises when the current version forbids the change


class Deletion(NamedTuple):
    """A key to delete without a version id, as Objects.delete takes it."""

    key: str
    marker: Version
    guard: Guard


class Plan(NamedTuple):
    """A commit to be: `copies` (the current version) go into `versions` before `head` is swapped.

    `displaced` is the version that was current, `version` the one that the commit makes, `pruned`
    has seq and size of the noncurrent objects that it deletes beside those.
    """

    head: Head
    copies: tuple[Version, ...] = ()
    displaced: Version | None = None
    version: Version | None = None
    pruned: tuple[tuple[int, int], ...] = ()

    @property
    def swap_only(self) -> bool:
        """Whether the swap of the Head is all that it takes."""
        uploaded = self.displaced is not None and self.displaced.upload
        return not (uploaded or self.copies or heavy(self.head.trash))


def contains(ranges: Ranges, seq: int) -> bool:
    """Whether `seq` is in one of `ranges` (ends included)."""
    return any(first <= seq <= last for first, last in ranges)


def added(ranges: Ranges, seq: int) -> Ranges:
    """`ranges` with `seq`, which is above all of them."""
    if ranges and ranges[-1][1] == seq - 1:
        return (*ranges[:-1], (ranges[-1][0], seq))
    return (*ranges, (seq, seq))


def dropped(ranges: Ranges, seq: int) -> Ranges:
    """`ranges` without `seq`."""
    result: list[tuple[int, int]] = []
    for first, last in ranges:
        if first <= seq <= last:
            result += [(a, b) for a, b in ((first, seq - 1), (seq + 1, last)) if a <= b]
        else:
            result.append((first, last))
    return tuple(result)


def without(ranges: Ranges, seqs: Sequence[int]) -> Ranges:
    """`ranges` without `seqs`, which ascend and are all in them."""
    result: list[tuple[int, int]] = []
    rest = iter(seqs)
    seq = next(rest, None)
    for first, last in ranges:
        while seq is not None and seq <= last:
            if first < seq:
                result.append((first, seq - 1))
            first = seq + 1
            seq = next(rest, None)
        if first <= last:
            result.append((first, last))
    return tuple(result)


def edited(head: Head, edit: bytes) -> Head:
    """`head` under a new edit id: what makes the bytes of every swap unique."""
    return replace(head, trail=(*head.trail, edit)[-TRAIL:])


def put(head: Head, draft: Version, mode: Versioning) -> Plan:
    """Make `draft` (an object, or a delete marker) the current version."""
    seq = head.last + 1
    version = replace(draft, seq=seq, null=_seen(head, mode) is not Versioning.ENABLED)
    displaced = head.current
    live, null_seq, trash = head.live, head.null_seq, head.trash
    copies: tuple[Version, ...] = ()
    if version.null and null_seq:
        live, trash = dropped(live, null_seq), (*trash, Trash(op=b"", seq=null_seq))
        null_seq = 0
    if displaced is not None:
        if version.null and displaced.null:
            trash += trash_of(displaced)
        else:
            copies = (displaced,)
            live = added(live, displaced.seq)
            null_seq = displaced.seq if displaced.null else null_seq
    after = Head(
        kind=version.kind,
        last=seq,
        current=version,
        live=live,
        null_seq=null_seq,
        trail=head.trail,
        trash=trash,
    )
    return Plan(after, copies, displaced, version)


def remove(head: Head, marker: Version, mode: Versioning) -> Plan | None:
    """Delete without a version id: a marker where the bucket is or was versioned.

    None when there is nothing to delete in a bucket that never was.
    """
    if _seen(head, mode) is not Versioning.OFF:
        return put(head, marker, mode)
    return None if head.current is None else erase(head)


def erase(head: Head) -> Plan:
    """Delete the current version for good; what is newest below it becomes current."""
    gone = head.current
    after = replace(
        head,
        kind=Kind.REFERENCE if head.live else Kind.NONE,
        current=None,
        last=head.last + 1,
        trash=head.trash + (trash_of(gone) if gone else ()),
    )
    return Plan(after, displaced=gone)


def gone(before: Head, after: Head) -> Version | None:
    """The object that was current and is stored no more; noncurrent ones who removes them knows."""
    was = before.current
    if was is None or was.kind is not Kind.OBJECT or contains(after.live, was.seq):
        return None
    return None if after.current is not None and after.current.seq == was.seq else was


def pruned(plan: Plan, null: Version | None) -> Sequence[int]:
    """Sizes of the noncurrent objects that a commit removes, given the null one in its own row."""
    sizes = dict(plan.pruned)
    made = plan.version
    if made is not None and made.null and null is not None and null.kind is Kind.OBJECT:
        sizes[null.seq] = null.size  # which may be pruned by the same commit
    return list(sizes.values())


def mode_above(null: Version | None, mode: Versioning) -> Versioning:
    """`mode`; ENABLED, whatever the bucket's record says, above a null version under a lock."""
    return Versioning.ENABLED if null is not None and bears_lock(null) else mode


def drop(head: Head, seq: int) -> Head:
    """Forget a noncurrent version whose row is none."""
    live = dropped(head.live, seq)
    kind = Kind.NONE if head.kind is Kind.REFERENCE and not live else head.kind
    null_seq = 0 if head.null_seq == seq else head.null_seq
    return replace(head, kind=kind, live=live, null_seq=null_seq)


def prune(head: Head, seqs: Sequence[int]) -> Head:
    """Delete noncurrent versions, of ascending `seqs`, for good: their rows are trash."""
    live = without(head.live, seqs)
    return replace(
        head,
        kind=Kind.NONE if head.kind is Kind.REFERENCE and not live else head.kind,
        live=live,
        null_seq=head.null_seq if contains(live, head.null_seq) else 0,
        trash=(*head.trash, *(Trash(op=b"", seq=seq) for seq in seqs)),
    )


def amend(head: Head, version: Version) -> Head:
    """The current version changed in place: tags, placement."""
    old = head.current
    trash = head.trash
    if old is not None and old.manifest != version.manifest:
        trash += trash_of(old)
    return replace(head, current=version, kind=version.kind, trash=trash)


def moved(head: Head, version: Version) -> Head:
    """The current version with its bytes elsewhere; the old place is not trash."""
    return replace(head, current=version)


def without_trash(head: Head, done: tuple[Trash, ...]) -> Head:
    """`head` without the trash entries that were dealt with."""
    gone = frozenset(done)
    return replace(head, trash=tuple(entry for entry in head.trash if entry not in gone))


def spillable(before: Head, after: Head) -> tuple[Trash, ...]:
    """What of the trash of `after`, if it is too much, may go elsewhere before the swap to it.

    What was trash already, and rows: who collects one looks whether the Head names it.
    """
    if not heavy(after.trash):
        return ()
    return tuple(entry for entry in after.trash if entry.seq or entry in before.trash)


def heavy(trash: tuple[Trash, ...]) -> bool:
    """Whether this is too much trash for a Head, which every reader of the key reads."""
    if len(trash) > TRASH_ENTRIES:
        return True
    return sum(len(entry.manifest) for entry in trash) > TRASH_BYTES


def removable(head: Head) -> bool:
    """Whether the row may go once the grace period is over."""
    return head.kind is Kind.NONE and not head.live and not head.trash


def trash_of(version: Version) -> tuple[Trash, ...]:
    """What is left of a version that is gone."""
    return (Trash(version.op, version.manifest),) if version.manifest else ()


def bears_lock(version: Version) -> bool:
    """Whether a retention or a legal hold was ever set, so that the bucket has object lock."""
    return version.retention is not None or version.legal_hold is not None


def _seen(head: Head, mode: Versioning) -> Versioning:
    """`mode`, unless the key shows that it is out of date.

    A bucket is never OFF again, and one with object lock is ENABLED for ever.
    """
    if head.current is not None and bears_lock(head.current):
        return Versioning.ENABLED
    versioned = head.live or (head.current is not None and not head.current.null)
    return Versioning.ENABLED if versioned and mode is Versioning.OFF else mode
