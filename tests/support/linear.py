"""Whether a history of one key can be explained by operations that happened at one instant each.

The search of Wing and Gong with a memory of what was tried. The model of a key is what S3 says:
a list of versions, newest first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

PENDING = float("inf")


class Entry(NamedTuple):
    """One version: `value` None is a delete marker; `vid` "null", an id, or "?" if not known."""

    value: str | None
    vid: str
    tag: str = ""


State = tuple[Entry, ...]


@dataclass(slots=True)
class Operation:
    """What was asked, when, and what was answered; `result` is Unknown until it is known."""

    kind: str
    begun: float
    args: tuple[Any, ...] = ()
    ended: float = PENDING
    result: Any = field(default=...)

    def __str__(self) -> str:
        ended = "" if self.ended == PENDING else self.ended
        return f"{self.begun}-{ended} {self.kind}{self.args} -> {self.result}"


def explains(history: list[Operation], initial: State = ()) -> bool:
    """Whether some order, in which what ended before another began comes first, gives it all."""
    operations = sorted(history, key=lambda one: one.begun)
    required = sum(1 << n for n, one in enumerate(operations) if one.ended != PENDING)
    seen: set[tuple[int, State]] = set()
    stack: list[tuple[int, State]] = [(0, initial)]
    while stack:
        done, state = stack.pop()
        if done & required == required:
            return True
        if (done, state) in seen:
            continue
        seen.add((done, state))
        horizon = min(
            (one.ended for n, one in enumerate(operations) if not done >> n & 1), default=PENDING
        )
        for n, one in enumerate(operations):
            if one.begun > horizon:
                break
            if not done >> n & 1:
                stack += [(done | 1 << n, after) for after in applied(state, one)]
    return False


def applied(state: State, one: Operation) -> Iterator[State]:
    """The states that an operation with its result may lead to; none if it cannot be."""
    return _KINDS[one.kind](state, one)


def _put(state: State, one: Operation) -> Iterator[State]:
    value, condition, *_ = one.args
    current = state[0] if state else None
    there = current.value if current is not None else None
    fits = condition is None or condition == there or (condition == "*" and there is None)
    if condition == "*" and there is not None:
        fits = False
    if one.result == "failed":
        if not fits:
            yield state
    elif fits:
        vids = ["null", "?"] if one.result is ... else [one.result]
        yield from (_made(state, Entry(value, vid)) for vid in vids)


def _made(state: State, entry: Entry) -> State:
    if entry.vid == "null":
        state = tuple(old for old in state if old.vid != "null")
    return (entry, *state)


def _delete(state: State, one: Operation) -> Iterator[State]:
    """A marker, or in a bucket that never was versioned the end of the null version."""
    if one.result in {..., "gone"}:
        yield tuple(old for old in state if old.vid != "null")
    if one.result != "gone":
        vids = ["null", "?"] if one.result is ... else [one.result]
        yield from (_made(state, Entry(None, vid)) for vid in vids)


def _erase(state: State, one: Operation) -> Iterator[State]:
    (vid,) = one.args
    there = any(old.vid == vid for old in state)
    if one.result is ... or one.result == there:
        yield tuple(old for old in state if old.vid != vid)


def _tag(state: State, one: Operation) -> Iterator[State]:
    vid, tag = one.args
    for at, old in enumerate(state):
        if old.value is not None and (old.vid == vid or (vid is None and at == 0)):
            if one.result != "failed":
                yield (*state[:at], old._replace(tag=tag), *state[at + 1 :])
            return
    if one.result in {"failed", ...}:
        yield state


def _get(state: State, one: Operation) -> Iterator[State]:
    (vid,) = one.args
    found = next((old for old in state if old.vid == vid or vid is None), None)
    shown = (found.value, found.tag) if found and found.value is not None else None
    if one.result == shown:
        yield state


def _list(state: State, one: Operation) -> Iterator[State]:
    listed: tuple[Entry, ...] = one.result
    if len(listed) == len(state) and all(
        (a.value, a.tag) == (b.value, b.tag) and b.vid in {a.vid, "?"}
        for a, b in zip(listed, state, strict=True)
    ):
        yield state


_KINDS = {
    "put": _put,
    "delete": _delete,
    "erase": _erase,
    "tag": _tag,
    "get": _get,
    "list": _list,
}
