"""Passes over buckets: when they begin, and how far they are, in a row for each bucket."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from metastore import codec
from metastore.engine import Engine, Table
from metastore.listing import Cursor
from ocean.lifecycle.walk import FIRST, Position
from ocean.rules.lifecycle import DAY_MS

LOOK = 60.0  # seconds at most between looks at whether a pass is due
HOUR_MS = 3_600_000

_ROWS = b"lifecycle\0"
_BEHIND = b"lifecycle\1"


class Tally(msgspec.Struct, frozen=True, array_like=True):
    """What was done: rows read, and actions by their names.

    `locked` were due and stay because a retention or legal hold protects them; `failed` could not
    be read or changed. `overdue_ms` is how long the oldest of what was due had been so.
    """

    rows: int = 0
    actions: dict[str, int] = {}
    locked: int = 0
    failed: int = 0
    overdue_ms: int = 0

    def __str__(self) -> str:
        """As a log has it."""
        done = [f"{count} times {name}" for name, count in sorted(self.actions.items())]
        left = [("locked", self.locked), ("failed", self.failed)]
        parts = done + [f"{count} {why}" for why, count in left if count]
        return f"{self.rows} rows read, {', '.join(parts) or 'nothing due'}"


def total(tallies: Sequence[Tally]) -> Tally:
    """All of them as one."""
    actions: Counter[str] = Counter()
    for one in tallies:
        if one.actions:
            actions.update(one.actions)
    return Tally(
        sum(one.rows for one in tallies),
        dict(actions),
        sum(one.locked for one in tallies),
        sum(one.failed for one in tallies),
        max((one.overdue_ms for one in tallies), default=0),
    )


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """How far the pass over a bucket is that began at `begun_ms` (0: there was none yet).

    Unless it is `done`, `table` and `row` come next. `full_ms` is when the last one began that was
    done, and `overdue_ms` what it found.
    """

    begun_ms: int = 0
    done: bool = True
    table: Table = FIRST.table
    row: bytes = FIRST.row
    tally: Tally = Tally()
    full_ms: int = 0
    overdue_ms: int = 0

    @property
    def position(self) -> Position:
        """What comes next."""
        return Position(self.table, self.row)

    def begun(self, now_ms: int) -> "Progress":
        """At the beginning of another pass."""
        return Progress(now_ms, done=False, full_ms=self.full_ms, overdue_ms=self.overdue_ms)

    def moved(self, to: Position | None, tally: Tally) -> "Progress":
        """After some more rows; None: they were the last."""
        found = total([self.tally, tally])
        if to is not None:
            return replace(self, table=to.table, row=to.row, tally=found)
        full_ms, overdue_ms = self.begun_ms, found.overdue_ms
        return replace(self, done=True, tally=found, full_ms=full_ms, overdue_ms=overdue_ms)


class Timing(NamedTuple):
    """When passes begin, and how many rows a second a process reads (0: any).

    One begins after each midnight UTC, when periods of days end, and `hours` after the last one
    began at the latest; where a day is a short one, for tests, there are at least two in it.
    """

    hours: float = 24.0
    rate: int = 0
    day_ms: int = DAY_MS

    @property
    def look(self) -> float:
        """Seconds between looks at whether one is due."""
        return min(LOOK, self.next_ms(0) / 4000)

    def next_ms(self, begun_ms: int) -> int:
        """When the pass after the one that began at `begun_ms` begins."""
        short = self.day_ms < DAY_MS
        wait_ms = self.day_ms // 2 if short else DAY_MS - begun_ms % DAY_MS
        return begun_ms + min(int(self.hours * HOUR_MS), wait_ms)

    def due(self, last: Progress, now_ms: int) -> bool:
        """Whether another pass begins, or the last one goes on.

        What began in the future, by a clock that was wrong, is no reason to wait.
        """
        began_ms = last.begun_ms
        return not last.done or not began_ms - HOUR_MS <= now_ms < self.next_ms(began_ms)


async def noted(engine: Engine) -> dict[bytes, Progress]:
    """How far passes are, by bucket id."""
    return {
        row.key[len(_ROWS) :]: codec.decode(Progress, row.value)
        async for row in Cursor(engine, Table.JOBS, _ROWS, _BEHIND, 500)
    }


async def of_bucket(engine: Engine, bucket_id: bytes) -> Progress:
    """How far the pass over one bucket is."""
    data = await engine.get(Table.JOBS, _ROWS + bucket_id)
    return Progress() if data is None else codec.decode(Progress, data)


async def note(engine: Engine, bucket_id: bytes, progress: Progress) -> None:
    """Store how far it is."""
    await engine.write(Table.JOBS, [(_ROWS + bucket_id, codec.encode(progress))])


async def forget(engine: Engine, bucket_ids: Iterable[bytes]) -> None:
    """Of buckets that are gone or have no rules any more."""
    rows: list[tuple[bytes, bytes | None]] = [(_ROWS + one, None) for one in bucket_ids]
    if rows:
        await engine.write(Table.JOBS, rows)
