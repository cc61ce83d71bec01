"""Many waiting swaps, one transaction: the only writer of the embedded engine's file.

A batch runs on the loop's thread, since each statement is short, and sqlite3 gives up the
interpreter lock at each: in a thread beside a busy loop every one would wait for it to come back.
What blocks is done in one thread: waiting for the other processes, COMMIT with its fsync, and the
checkpoint. The two never use the connection at the same time:

    idle -> _begin -> [thread: _wait ->] _apply -> thread: _commit -> _settle -> idle
"""

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from queue import SimpleQueue
from time import monotonic, perf_counter

from metastore.engine import Counters, EngineError, Failed, Full, Swap, Table, Unavailable
from metastore.reserve import Reserve
from metastore.sqlite_file import PAGE, Options, for_each_table
from metastore.turnstile import Turnstile

_ROWS = 64  # of one change
_SLICE = 0.001  # seconds that one batch may keep the loop
_SPARE_PAGES = 1024  # free pages in the file that let writes go on while the reserve is released
_GRANT = 0.0001  # seconds that the loop lets go of the interpreter for the thread
_SLACK = 64  # bytes by which a row may grow and still count as taking no room: an edit id or two
_REMOVED_BYTES = 128  # that a removed row adds to the log, about
_TIGHT_LOG = 64  # pages in the log before a checkpoint meanwhile
_INSERT = for_each_table("INSERT INTO {} VALUES (?, ?) ON CONFLICT DO NOTHING")
_UPDATE = for_each_table("UPDATE {} SET value = ? WHERE key = ? AND value = ?")
_DELETE = for_each_table("DELETE FROM {} WHERE key = ? AND value = ?")
_ABSENT = for_each_table("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM {} WHERE key = ?)")
_PUT = for_each_table("REPLACE INTO {} VALUES (?, ?)")
_REMOVE = for_each_table("DELETE FROM {} WHERE key = ?")
_REMOVE_RANGE = for_each_table("DELETE FROM {} WHERE key >= ? AND key < ?")


class Change:
    """One statement, and who waits for it: resolved with whether it changed a row.

    With `rows` it is run for each of them.
    """

    __slots__ = ("again", "frugal", "future", "parameters", "rows", "size", "statement")

    def __init__(
        self,
        statement: str,
        parameters: tuple[bytes, ...],
        new: bytes | None,
        old: bytes | None = None,
    ) -> None:
        self.statement = statement
        self.parameters = parameters
        self.rows: Sequence[tuple[bytes, ...]] = ()
        # It takes no room, so it goes through on a full disk: not only removals, but also the swap
        # of a Head that deletes its object, and the heartbeat without which a process must end.
        self.frugal = new is None or (old is not None and len(new) <= len(old) + _SLACK)
        self.again = False  # came back after a full disk
        self.size = 0 if new is None else len(new)
        self.future: asyncio.Future[bool]

    @property
    def pages(self) -> int:
        """About how many pages it adds to the log."""
        return max(len(self.rows), 1) + self.size // PAGE


def swap_change(swap: Swap) -> Change:
    table, key, old, new = swap
    if old is None:
        if new is None:
            return Change(_ABSENT[table], (key,), new)
        return Change(_INSERT[table], (key, new), new)
    if new is None:
        return Change(_DELETE[table], (key, old), new)
    return Change(_UPDATE[table], (new, key, old), new, old)


def put_changes(table: Table, rows: Iterable[tuple[bytes, bytes | None]]) -> list[Change]:
    """Puts and removals; many rows share a change, which costs a third of one for each."""
    changes = []
    for removes, some in groupby(rows, key=lambda row: row[1] is None):
        group = list(some)
        for first in range(0, len(group), _ROWS):
            part = group[first : first + _ROWS]
            change = Change(_REMOVE[table] if removes else _PUT[table], (), None)
            change.rows = [(key,) if value is None else (key, value) for key, value in part]
            change.size = sum(len(value or b"") for _, value in part)
            change.frugal = removes
            changes.append(change)
    return changes


def removal(table: Table, start: bytes, stop: bytes, *, rows: int) -> Change:
    """Removal of a range of about so many rows."""
    change = Change(_REMOVE_RANGE[table], (start, stop), None)
    change.size = rows * _REMOVED_BYTES
    return change


class GroupCommit:
    """The queue of changes and the thread that makes them durable."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        turnstile: Turnstile,
        reserve: Reserve,
        counters: Counters,
        options: Options,
        on_failure: Callable[[Failed], None],
    ) -> None:
        self._connection = connection
        self._turnstile = turnstile
        self._reserve = reserve
        self._counters = counters
        self._options = options
        self._on_failure = on_failure
        self._queue: deque[Change] = deque()
        self._batch: list[tuple[Change, bool]] = []
        self._busy = False  # a batch is under way
        self._busy_since: float | None = None  # a foreign program holds the file
        self._log_limit = options.checkpoint_pages
        self._log_pages = 0  # about how many this process wrote since its last checkpoint
        self._idle = asyncio.Event()
        self._idle.set()
        self._failure: Failed | None = None
        self._closed = False
        self._loop: asyncio.AbstractEventLoop
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._timer: asyncio.TimerHandle | None = None  # of the next grant
        self._started = threading.Lock()  # free: the thread took up its task
        self._started.acquire()
        self._resting = threading.Lock()  # free: the thread has no task
        self._thread = threading.Thread(target=self._work, name="group-commit", daemon=True)
        self._thread.start()

    def submit(self, changes: Iterable[Change]) -> None:
        """Queue changes, in order; each one's `future` then tells how it ended.

        Raises:
            Failed: the engine has stopped.
            Unavailable: it is closed.
        """
        if self._failure is not None:
            raise Failed(*self._failure.args)
        if self._closed:
            raise Unavailable("the engine is closed")
        loop = self._loop = asyncio.get_running_loop()
        for change in changes:
            change.future = loop.create_future()
            self._queue.append(change)
        self._resume()

    async def close(self) -> None:
        """Finish what is queued, then end the thread."""
        self._closed = True
        await self._idle.wait()
        self._tasks.put(None)
        await asyncio.to_thread(self._thread.join)

    # On the loop.

    def _resume(self) -> None:
        if not self._busy and self._queue:
            self._busy = True
            self._idle.clear()
            # Not at once: what the other tasks of this turn of the loop submit comes along.
            self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        if self._turnstile.try_enter():
            self._apply()
        else:
            self._hand_over(self._wait)

    def _hand_over(self, task: Callable[[], None]) -> None:
        """Have the thread do it, and see that it gets the interpreter.

        A loop that never rests may take the interpreter lock back before a waiting thread wakes
        up, again and again; without this the worst swaps took several times as long.
        """
        self._resting.acquire()
        self._tasks.put(task)
        self._started.acquire(timeout=10 * _GRANT)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(0.005, self._grant, 0.002)

    def _grant(self, pause: float) -> None:
        if self._resting.acquire(timeout=_GRANT):
            self._resting.release()
        else:
            self._timer = self._loop.call_later(pause, self._grant, min(2 * pause, 0.008))

    def _apply(self) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            self._turnstile.leave()
            self._not_begun(error)
            return
        self._busy_since = None
        before = self._connection.total_changes
        try:
            self._run_batch()
        except sqlite3.Error as error:
            self._roll_back()
            self._turnstile.leave()
            self._settle_and_go_on(error)
            return
        if self._connection.total_changes == before:
            self._commit_nothing()
        else:
            self._hand_over(self._commit)

    def _run_batch(self) -> None:
        batch, queue, execute = self._batch, self._queue, self._connection.execute
        tight = not self._roomy()
        # The log must not eat the space that was given back for frugal changes.
        self._log_limit = _TIGHT_LOG if tight else self._options.checkpoint_pages
        deadline = perf_counter() + _SLICE
        while queue:
            change = queue.popleft()
            if tight and not change.frugal:
                _reject(change, Full("the disk is full"))
                continue
            batch.append((change, False))
            if change.rows:
                cursor = self._connection.executemany(change.statement, change.rows)
            else:
                cursor = execute(change.statement, change.parameters)
            changed = cursor.rowcount > 0 or (cursor.rowcount < 0 and bool(cursor.fetchone()))
            batch[-1] = (change, changed)
            if perf_counter() > deadline:
                break

    def _roomy(self) -> bool:
        """Whether changes that take room may be tried: the reserve is not for them."""
        if self._reserve.restore():
            return True
        free: int = self._connection.execute("PRAGMA freelist_count").fetchone()[0]
        return free > _SPARE_PAGES

    def _not_begun(self, error: sqlite3.Error) -> None:
        """Try again while a foreign program has the file locked; anything else is a failure."""
        if _code(error) != sqlite3.SQLITE_BUSY:
            self._settle_and_go_on(error)
            return
        now = monotonic()
        self._busy_since = self._busy_since or now
        if now - self._busy_since < self._options.patience:
            self._loop.call_later(0.01, self._begin)
            return
        self._busy_since = None
        while self._queue:
            _reject(self._queue.popleft(), Unavailable("another program has locked the file"))
        self._next()

    def _commit_nothing(self) -> None:
        self._roll_back()
        self._turnstile.leave()
        self._resolve()
        self._next()

    def _settle(self, error: sqlite3.Error | None) -> None:
        """The commit ended so: tell those who wait."""
        if error is None:
            self._counters.commits += 1
            self._counters.fsyncs += self._options.durability == "full"
            self._resolve()
        elif _code(error) == sqlite3.SQLITE_FULL:
            self._make_room()
        else:
            self._fail(error)

    def _settle_and_go_on(self, error: sqlite3.Error | None) -> None:
        self._settle(error)
        self._next()

    def _checkpointed(self, error: sqlite3.Error | None) -> None:
        self._counters.fsyncs += 3  # the log, the file, and the header of the log begun anew
        if error is not None and _code(error) == sqlite3.SQLITE_FULL:
            self._reserve.release()
        elif error is not None:
            self._fail(error)
        self._next()

    def _resolve(self) -> None:
        for change, changed in self._batch:
            if not change.future.done():  # its caller may have gone
                change.future.set_result(changed)
        self._batch.clear()

    def _next(self) -> None:
        self._busy = False
        self._resume()
        if not self._busy:
            self._idle.set()

    def _make_room(self) -> None:
        """Refuse the batch but for what is frugal, which comes again with the reserve's space."""
        held = self._reserve.held
        self._reserve.release()
        again = []
        for change, _ in self._batch:
            if change.frugal and held and not change.again:
                change.again = True
                again.append(change)
            else:
                _reject(change, Full("the disk is full"))
        self._batch.clear()
        self._queue.extendleft(reversed(again))

    def _fail(self, error: sqlite3.Error) -> None:
        """Stop for good: after a failed fsync no later one proves anything (the kernel forgets)."""
        first = self._failure is None
        failure = self._failure = self._failure or Failed(f"{error} ({_name(error)})")
        waiting = [change for change, _ in self._batch] + list(self._queue)
        self._batch.clear()
        self._queue.clear()
        for change in waiting:
            _reject(change, Failed(*failure.args))
        if first:
            self._on_failure(failure)

    # In the thread; the loop does not touch the connection meanwhile.

    def _work(self) -> None:
        for task in iter(self._tasks.get, None):
            if self._started.locked():
                self._started.release()
            task()
            self._resting.release()

    def _wait(self) -> None:
        self._turnstile.enter()
        self._loop.call_soon_threadsafe(self._apply)

    def _commit(self) -> None:
        pages = sum(change.pages for change, changed in self._batch if changed)
        try:
            self._connection.commit()
        except sqlite3.Error as error:
            self._roll_back()
            self._turnstile.leave()
            self._loop.call_soon_threadsafe(self._settle_and_go_on, error)
            return
        self._log_pages += pages
        if self._log_pages < self._log_limit:
            self._turnstile.leave()
            self._loop.call_soon_threadsafe(self._settle_and_go_on, None)
        else:
            self._loop.call_soon_threadsafe(self._settle, None)
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Bring the log home and let the next commit begin it anew, so that it stays short.

        RESTART and not PASSIVE: it waits for the readers of old pages, which take microseconds.
        """
        failure: sqlite3.Error | None = None
        self._log_pages = 0  # also if it did not get through: then not again at every commit
        try:
            self._connection.execute("PRAGMA busy_timeout = 100")
            self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
            self._connection.execute("PRAGMA busy_timeout = 0")
        except sqlite3.Error as error:
            failure = error
        self._turnstile.leave()
        self._loop.call_soon_threadsafe(self._checkpointed, failure)

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.rollback()


def _reject(change: Change, error: EngineError) -> None:
    if not change.future.done():
        change.future.set_exception(error)


def _code(error: sqlite3.Error) -> int:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF


def _name(error: sqlite3.Error) -> str:
    return getattr(error, "sqlite_errorname", type(error).__name__)
