"""Rows of a format that a newer release writes: this one refuses them, and loses nothing.

It happens where gateways of two releases run together and a step of the upgrade was left out.
"""

from pathlib import Path
from struct import pack
from zlib import crc32

import pytest

from metastore.codec import FORMAT
from metastore.engine import Row, Table
from ocean.objects.verify import FaultKind
from tests.faults.operations import prepare
from tests.faults.store import Store, opened
from tests.faults.test_fsck_faults import TABLES, fill_every_table

_COPY = {"x-amz-copy-source": "/plain/newer"}
_DELETE = b"<Delete><Object><Key>newer</Key></Object></Delete>"
_REQUESTS: list[tuple[str, str, bytes, dict[str, str]]] = [
    ("PUT", "/plain/newer", b"mine", {}),
    ("PUT", "/plain/newer", b"mine", {"if-none-match": "*"}),
    ("GET", "/plain/newer", b"", {}),
    ("HEAD", "/plain/newer", b"", {}),
    ("DELETE", "/plain/newer", b"", {}),
    ("PUT", "/plain/newer?tagging", b"<Tagging><TagSet/></Tagging>", {}),
    ("PUT", "/plain/copy", b"", _COPY),
    ("GET", "/plain?list-type=2", b"", {}),
    ("GET", "/plain?versions", b"", {}),
]


async def rows(store: Store, table: Table, end: bytes = b"") -> list[Row]:
    """Those whose keys end so."""
    found = store.ocean.meta.engine.scan(table, b"", None, limit=10**6)
    return [row async for row in found if row.key.endswith(end)]


async def write_anew(store: Store, table: Table, old: list[Row]) -> list[Row]:
    """Give rows a format that this release does not know, by which only its byte means anything."""
    head = bytes([0, FORMAT + 1] if table in {Table.OBJECTS, Table.VERSIONS} else [FORMAT + 1])
    newer = []
    for key, value in old:
        data = head + value[len(head) : -4]
        newer.append(Row(key, data + pack(">I", crc32(data))))
    await store.ocean.meta.engine.write(table, newer)
    return newer


@pytest.mark.slow
async def test_a_row_of_a_newer_release_stays_as_it_is(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as store:
        await prepare(store)
        await store.do("PUT", "/plain/newer", b"of a newer release")
        await store.do("PUT", "/plain/other", b"of this one")
        await store.do("PUT", "/sole")
        await store.do("PUT", "/sole/newer", b"all that is there")
        old = await rows(store, Table.OBJECTS, b"newer")
        before = await write_anew(store, Table.OBJECTS, old)
        assert len(before) == 2
    async with opened(tmp_path / "data") as store:  # which remembers nothing
        for method, target, body, headers in _REQUESTS:
            answer = await store.ask(method, target, body, headers)
            assert answer.status == 500, (method, target, answer)
        answer = await store.ask("POST", "/plain?delete", _DELETE)
        assert b"<Code>InternalError</Code>" in answer.body, answer
        assert (await store.ask("DELETE", "/sole")).status == 409  # as long as it holds a row
        assert (await store.do("GET", "/plain/other")).body == b"of this one"
        await store.tidy()
        assert await rows(store, Table.OBJECTS, b"newer") == before
        faults, _ = await store.fsck()
        assert f"format {FORMAT + 1}" in faults[0].what
        assert all(fault.kind is FaultKind.ROW for fault in faults)


@pytest.mark.slow
@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("table", TABLES)
async def test_housekeeping_takes_nothing_that_newer_rows_name(
    tmp_path: Path, table: Table, every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of a table, or every second: what is trash is still collected later."""
    monkeypatch.setattr("ocean.objects.multipart.MIN_PART", 0)
    async with opened(tmp_path / "data") as store:
        await fill_every_table(store)
        state = await store.state()
        before = (await rows(store, table))[::every]
        assert before
        newer = await write_anew(store, table, before)
    for _ in range(2):
        async with opened(tmp_path / "data") as store:
            await store.tidy(8)
    async with opened(tmp_path / "data") as store:
        kept = await rows(store, table)
        assert [row for row in newer if row not in kept] == []
        await store.ocean.meta.engine.write(table, before)
    async with opened(tmp_path / "data") as store:
        assert await store.state() == state
        await store.tidy()
        assert await store.fsck() == ([], (await store.fsck())[1])
