"""Rows kept since the last commit: never older than what is committed, whoever commits."""

import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from metastore import recent_rows
from metastore.engine import Swap, Table, Unavailable
from metastore.sqlite import SqliteEngine
from metastore.sqlite_file import Options

T = Table.OBJECTS
# Commits the number on each line that it gets, then says so.
OTHER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for line in sys.stdin:
    connection.execute("REPLACE INTO objects VALUES (x'6e', ?)", (line.strip().encode(),))
    print("done", flush=True)
"""


def open_at(path: Path) -> SqliteEngine:
    return SqliteEngine(str(path), Options(), print)


def statements(engine: SqliteEngine) -> list[str]:
    """What the engine's reader executes from here on."""
    seen: list[str] = []
    engine._reader.set_trace_callback(seen.append)
    return seen


async def of_two_reads(engine: SqliteEngine) -> list[str]:
    """What reading a row twice executes."""
    await engine.write(T, [(b"a", b"1")])
    seen = statements(engine)
    for _ in range(2):
        assert await engine.get(T, b"a") == b"1"
    return seen


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "meta.db"


@pytest.fixture
async def engine(path: Path) -> AsyncIterator[SqliteEngine]:
    opened = open_at(path)
    await opened.write(T, [(b"a", b"1"), (b"b", b"2"), (b"long", b"v" * 1025)])
    yield opened
    await opened.close()


async def test_what_was_read_is_not_read_again(engine: SqliteEngine) -> None:
    seen = statements(engine)
    for _ in range(3):
        assert await engine.get(T, b"a") == b"1"
        assert await engine.get(T, b"none") is None
        assert await engine.get_many(T, [b"a", b"none"]) == [b"1", None]
    assert len(seen) == 2
    assert await engine.get(Table.VERSIONS, b"a") is None
    assert len(seen) == 3
    assert engine.counters.reads == 13, "each is a read, whatever it costs"


async def test_many_are_kept_for_one(engine: SqliteEngine) -> None:
    await engine.get_many(T, [b"a", b"b", b"none"])
    seen = statements(engine)
    assert [await engine.get(T, key) for key in (b"a", b"b", b"none")] == [b"1", b"2", None]
    assert not seen


async def test_an_own_commit_is_seen(engine: SqliteEngine) -> None:
    for old in range(1, 20):
        assert await engine.get(T, b"a") == b"%d" % old
        assert await engine.swap(Swap(T, b"a", b"%d" % old, b"%d" % (old + 1)))
    await engine.remove_range(T, b"a", b"b")
    assert await engine.get(T, b"a") is None


@pytest.fixture
def other(engine: SqliteEngine, path: Path) -> Iterator[Callable[[int], None]]:
    """Commits a number to row `n` in another process."""
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        asked, done = process.stdin, process.stdout
        assert asked is not None
        assert done is not None

        def commit(number: int) -> None:
            asked.write(f"{number}\n")
            asked.flush()
            assert done.readline() == "done\n"

        yield commit
        asked.close()


@pytest.mark.slow
async def test_a_commit_of_another_process_is_seen_at_once(
    engine: SqliteEngine, other: Callable[[int], None]
) -> None:
    for number in range(1000):
        await engine.get(T, b"n")
        other(number)
        assert await engine.get(T, b"n") == b"%d" % number


async def test_a_commit_between_reading_and_keeping_is_seen(
    engine: SqliteEngine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    read = engine._read

    def overtaken(table: Table, key: bytes) -> bytes | None:
        value = read(table, key)
        other.execute("UPDATE objects SET value = x'6e6577' WHERE key = ?", (key,))
        return value

    with monkeypatch.context() as patch:
        patch.setattr(engine, "_read", overtaken)
        assert await engine.get(T, b"a") == b"1"
        assert await engine.get_many(T, [b"b"]) == [b"2"]
    assert await engine.get(T, b"a") == b"new"
    assert await engine.get(T, b"b") == b"new"
    other.close()


async def test_what_is_kept_is_bounded(engine: SqliteEngine) -> None:
    rows = engine._recent
    for number in range(3 * recent_rows._ROWS):
        await engine.get(T, b"%d" % number)
    assert len(rows.now()) <= recent_rows._ROWS
    seen = statements(engine)
    for _ in range(2):
        assert await engine.get(T, b"long") == b"v" * 1025
    assert len(seen) == 2


async def test_nothing_is_kept_where_the_mapping_is_unknown(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_rows, "_mapped", lambda _: None)
    engine = open_at(path)
    assert len(await of_two_reads(engine)) == 2
    await engine.close()


async def test_a_closed_engine_touches_no_mapping(path: Path) -> None:
    engine = open_at(path)
    await engine.write(T, [(b"a", b"1")])
    assert await engine.get(T, b"a") == b"1"
    await engine.close()
    with pytest.raises(Unavailable):
        await engine.get(T, b"a")


@pytest.mark.parametrize("name", ["a b", "a\nb", "a\rb", "a\x0cb", "\x85\u2028", "(deleted)", "Å"])
async def test_rows_are_kept_whatever_the_folder_is_called(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    engine = open_at(tmp_path / name / "meta.db")
    assert len(await of_two_reads(engine)) == 1
    await engine.close()


def test_another_file_of_the_name_is_not_taken_for_it(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (x)")
    shared = Path(f"{path}-shm")
    assert recent_rows._mapped(str(shared)) is not None
    moved = shared.rename(f"{path}-moved")
    shared.write_bytes(bytes(32 << 10))
    assert recent_rows._mapped(str(shared)) is None
    moved.rename(shared)
    assert recent_rows._mapped(str(shared)) is not None
    connection.close()


def test_a_file_that_is_not_mapped(tmp_path: Path) -> None:
    assert recent_rows._mapped(str(tmp_path / "none")) is None
