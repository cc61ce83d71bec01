"""The embedded engine in one process: format, batches, a full disk, the end."""

import asyncio
import fcntl
import shutil
import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from metastore import open_engine
from metastore.engine import Corrupt, EngineError, Failed, Full, Swap, Table, Unavailable
from metastore.memory import MemoryEngine
from metastore.reserve import Reserve
from metastore.sqlite import SqliteEngine
from metastore.sqlite_file import PAGE, Options
from metastore.turnstile import Turnstile
from tests.support.waiting import comes

T = Table.OBJECTS
QUICK = Options(reserve=8 * PAGE)


def open_at(
    path: Path, options: Options = QUICK, failures: list[Failed] | None = None
) -> SqliteEngine:
    seen = [] if failures is None else failures
    engine = open_engine(f"sqlite:{path}", options=options, on_failure=seen.append)
    assert isinstance(engine, SqliteEngine)
    return engine


def log_size(path: Path) -> int:
    return Path(f"{path}-wal").stat().st_size


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "meta.db"


@pytest.fixture
async def engine(path: Path) -> AsyncIterator[SqliteEngine]:
    opened = open_at(path)
    yield opened
    await opened.close()


class Broken:
    """A connection whose commit fails as told."""

    def __init__(self, connection: sqlite3.Connection, code: int, times: int = 10**9) -> None:
        self._connection = connection
        self._code = code
        self._times = times

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def commit(self) -> None:
        if self._times > 0:
            self._times -= 1
            error = sqlite3.OperationalError("told so")
            error.sqlite_errorcode = self._code
            error.sqlite_errorname = "TOLD"
            raise error
        self._connection.commit()


def break_commits(engine: SqliteEngine, code: int, times: int = 10**9) -> None:
    engine._commits._connection = Broken(engine._writer, code, times)  # type: ignore[assignment]


# Opening.


@pytest.mark.parametrize(
    "url", ["mysql://x/y", "", "sqlite:", "sqlite://host/path", "sqlite:///", "memory", "memory:x"]
)
def test_unknown_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"sqlite:///"):
        open_engine(url)


def test_memory_url() -> None:
    assert isinstance(open_engine("memory:"), MemoryEngine)


async def test_rows_are_there_after_reopening(path: Path) -> None:
    engine = open_at(path)
    await engine.write(T, [(b"k", b"v")])
    await engine.close()
    engine = open_at(path)
    assert await engine.get(T, b"k") == b"v"
    await engine.close()


async def test_two_engines_see_each_other(engine: SqliteEngine, path: Path) -> None:
    other = open_at(path)
    assert await engine.swap(Swap(T, b"k", None, b"1"))
    assert await other.get(T, b"k") == b"1"
    assert await other.swap(Swap(T, b"k", b"1", b"2"))
    assert await engine.get(T, b"k") == b"2"
    assert not await engine.swap(Swap(T, b"k", b"1", b"3"))
    await other.close()


@pytest.mark.parametrize("first", [True, False])
async def test_a_newer_format_is_refused_by_name(path: Path, first: bool) -> None:
    engine = open_at(path)
    engine._writer.execute("PRAGMA user_version = 7")
    if first:
        await engine.close()
    with pytest.raises(EngineError, match=r"format 7; .* up to 1"):
        open_at(path)
    if not first:
        await engine.close()


async def test_the_database_of_another_program_is_refused(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE accounts (id)")
    other.close()
    with pytest.raises(Corrupt, match="another program"):
        open_at(path)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"no database at all " * 100)
    with pytest.raises(Corrupt):
        open_at(path)


async def test_a_missing_directory_is_refused(path: Path) -> None:
    with pytest.raises(Unavailable):
        open_at(path / "missing" / "meta.db")


async def test_the_first_opener_brings_the_log_home(path: Path) -> None:
    engine = open_at(path)
    await engine.write(T, [(b"k", b"v")])
    killed = path.with_name("killed.db")
    for end in ("", "-wal"):
        shutil.copyfile(f"{path}{end}", f"{killed}{end}")
    await engine.close()
    assert log_size(killed) > PAGE
    engine = open_at(killed)
    assert log_size(killed) == 0
    assert await engine.get(T, b"k") == b"v"
    await engine.close()


async def test_durability_is_told_and_relaxed_syncs_less(path: Path) -> None:
    engine = open_at(path, Options(durability="relaxed"))
    await engine.write(T, [(b"k", b"v")])
    assert engine.durability == "relaxed"
    assert (engine.counters.commits, engine.counters.fsyncs) == (1, 0)
    await engine.close()


# Batches.


async def test_swaps_of_one_row_are_done_in_order_in_one_commit(engine: SqliteEngine) -> None:
    chain = [Swap(T, b"k", b"%d" % n if n else None, b"%d" % (n + 1)) for n in range(10)]
    outcomes = await asyncio.gather(*(engine.swap(swap) for swap in chain), engine.swap(chain[3]))
    assert outcomes == [True] * 10 + [False]
    assert engine.counters.commits == 1


async def test_sixty_four_at_once_share_their_fsyncs(engine: SqliteEngine) -> None:
    async def task(name: int) -> None:
        for number in range(10):
            assert await engine.swap(Swap(T, b"%d-%d" % (name, number), None, b"v" * 400))

    await asyncio.gather(*(task(name) for name in range(64)))
    assert engine.counters.swaps == 640
    assert engine.counters.fsyncs <= 640 / 8


async def test_a_refused_swap_costs_no_commit(engine: SqliteEngine) -> None:
    assert not await engine.swap(Swap(T, b"k", b"1", b"2"))
    assert (engine.counters.commits, engine.counters.fsyncs) == (0, 0)


async def test_close_finishes_what_is_queued(path: Path) -> None:
    engine = open_at(path)
    swaps = [
        asyncio.create_task(engine.swap(Swap(T, b"%d" % n, None, b"v" * 300))) for n in range(300)
    ]
    await asyncio.sleep(0)
    await engine.close()
    assert await asyncio.gather(*swaps) == [True] * 300
    with pytest.raises(Unavailable):
        await engine.swap(Swap(T, b"k", None, b"1"))


async def test_the_log_stays_short_beside_constant_readers(path: Path) -> None:
    engine = open_at(path, Options(checkpoint_pages=50, reserve=0))
    stop = False

    def read() -> None:
        connection = sqlite3.connect(path)
        while not stop:
            connection.execute("SELECT count(*) FROM objects").fetchall()
        connection.close()

    readers = [asyncio.create_task(asyncio.to_thread(read)) for _ in range(2)]
    for turn in range(40):
        await engine.write(T, [(b"%d-%d" % (n, turn), b"v" * 400) for n in range(40)])
    stop = True
    await asyncio.gather(*readers)
    assert log_size(path) < 40 * 40 * PAGE / 4
    assert engine.counters.fsyncs > engine.counters.commits
    await engine.close()


async def test_a_foreign_lock_is_waited_for_and_then_told(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    engine = open_at(path, Options(patience=30))
    other.execute("BEGIN IMMEDIATE")
    swap = asyncio.create_task(engine.swap(Swap(T, b"k", None, b"1")))
    await asyncio.sleep(0.05)
    other.execute("COMMIT")
    assert await swap
    await engine.close()
    engine = open_at(path, Options(patience=0.3))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        await engine.swap(Swap(T, b"k", b"1", b"2"))
    other.execute("COMMIT")
    other.close()
    assert await engine.swap(Swap(T, b"k", b"1", b"2"))
    await engine.close()


# Failure.


async def test_the_first_failure_is_the_last(path: Path) -> None:
    failures: list[Failed] = []
    engine = open_at(path, failures=failures)
    await engine.write(T, [(b"old", b"1")])
    break_commits(engine, sqlite3.SQLITE_IOERR_FSYNC, times=1)
    first = await asyncio.gather(
        *(engine.swap(Swap(T, b"%d" % n, None, b"1")) for n in range(3)), return_exceptions=True
    )
    assert [type(outcome) for outcome in first] == [Failed] * 3
    for _ in range(2):
        with pytest.raises(Failed, match="TOLD"):
            await engine.write(T, [(b"k", b"v")])
    assert len(failures) == 1
    assert await engine.get_many(T, [b"old", b"0"]) == [b"1", None]
    await engine.close()


# A full disk.


async def test_a_full_disk_refuses_what_takes_room(engine: SqliteEngine) -> None:
    await engine.write(T, [(b"%d" % n, b"1") for n in range(4)])
    break_commits(engine, sqlite3.SQLITE_FULL, times=1)
    outcomes = await asyncio.gather(
        engine.swap(Swap(T, b"new", None, b"1")),
        engine.swap(Swap(T, b"0", b"1", None)),
        engine.swap(Swap(T, b"1", b"1", b"2" * 100)),
        engine.write(T, [(b"2", None)]),
        engine.swap(Swap(T, b"3", b"1", b"2" * 9)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [Full, bool, Full, type(None), bool]
    rows = await engine.get_many(T, [b"new", b"0", b"1", b"2", b"3"])
    assert rows == [None, None, b"1", None, b"2" * 9]


async def test_while_the_reserve_is_missing_only_removals_go(
    engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await engine.write(T, [(b"a", b"1"), (b"b", b"1")])
    engine._reserve.release()
    monkeypatch.setattr(Reserve, "restore", lambda self: self.held)
    with pytest.raises(Full):
        await engine.swap(Swap(T, b"k", None, b"1"))
    assert await engine.swap(Swap(T, b"a", b"1", None))
    monkeypatch.undo()
    assert await engine.swap(Swap(T, b"k", None, b"1"))
    assert engine._reserve.held


async def test_a_disk_that_stays_full_refuses_removals_too(engine: SqliteEngine) -> None:
    await engine.write(T, [(b"a", b"1")])
    break_commits(engine, sqlite3.SQLITE_FULL)
    with pytest.raises(Full):
        await engine.swap(Swap(T, b"a", b"1", None))
    assert await engine.get(T, b"a") == b"1"


async def test_reserve_takes_and_gives_space(tmp_path: Path) -> None:
    reserve, other = (Reserve(str(tmp_path / "reserve"), 2**20) for _ in range(2))
    assert not reserve.held
    assert reserve.restore()
    assert other.held
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= 2**20
    other.release()
    assert not reserve.held
    for each in (reserve, other):
        each.close()


def is_locked(path: Path) -> bool:
    """Whether somebody waits behind who is in: by the lock that it holds meanwhile."""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


async def test_the_turnstile_lets_the_waiting_one_in_first(tmp_path: Path) -> None:
    first, second = (Turnstile(str(tmp_path / "q"), str(tmp_path / "l")) for _ in range(2))
    assert first.try_enter()
    assert not second.try_enter()
    waiting = asyncio.create_task(asyncio.to_thread(second.enter))
    assert await comes(partial(is_locked, tmp_path / "q"))
    assert not first.try_enter()
    first.leave()
    assert not first.try_enter()
    await waiting
    assert not first.try_enter()
    second.leave()
    assert first.try_enter()
    for each in (first, second):
        each.close()
