"""Every place where a store on HBase, memcached and Ceph may keep bytes, searched for some.

What is removed while it is looked for is passed over.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from blobstore.ceph.session import driver
from metastore.engine import Table
from metastore.hbase import calls
from metastore.hbase.address import parse
from metastore.hbase.connection import Connection
from tests.support.ceph import Ceph
from tests.support.memcached import Memcached

ROWS = 500  # of HBase read at once
PIECE = 1 << 24  # bytes of memory read at once


def found(
    needles: Sequence[bytes], places: Iterator[tuple[str, bytes]], stem: bytes = b""
) -> dict[bytes, set[str]]:
    """Where each of the needles is, if anywhere; those with `stem` are looked for where it is."""
    seen: dict[bytes, set[str]] = {}
    alike = [needle for needle in needles if stem and needle.startswith(stem)]
    others = [needle for needle in needles if needle not in alike]
    for place, content in places:
        for needle in (*others, *(alike if stem in content else ())):
            if needle in content:
                seen.setdefault(needle, set()).add(place)
    return seen


def rados(cluster: Ceph) -> Iterator[tuple[str, bytes]]:
    """Each object of each pool, whole, with its attributes."""
    with cluster.connected() as connected:
        for pool in connected.list_pools():
            with connected.open_ioctx(pool) as context:
                for one in context.list_objects():
                    with suppress(driver().ObjectNotFound):
                        yield f"pool {pool}", _whole(context, one.key)


def _whole(context: Any, name: str) -> bytes:
    size, _ = context.stat(name)
    attributes = [value for _, value in context.get_xattrs(name)]
    return b"\0".join([context.read(name, size), *attributes])


def rows(url: str) -> Iterator[tuple[str, bytes]]:
    """Each row of HBase."""
    address = parse(url)
    connection = Connection(address, 20)
    try:
        for table in Table:
            start = b""
            while some := calls.scan(connection, address.table(table), start, None, ROWS):
                yield from ((f"table {table.value}", row.key + b"\0" + row.value) for row in some)
                start = some[-1].key + b"\0"
    finally:
        connection.close()


def memory(cache: Memcached) -> Iterator[tuple[str, bytes]]:
    """All that memcached has in memory and may write to: what it keeps, and its buffers."""
    process = Path(f"/proc/{cache.process.pid}")
    with (process / "mem").open("rb", 0) as content:
        for line in (process / "maps").read_text().splitlines():
            span, rights, *_ = line.split()
            if rights.startswith("rw"):
                start, stop = (int(one, 16) for one in span.split("-"))
                content.seek(start)
                for _ in range(start, stop, PIECE):
                    yield "memcached", content.read(min(PIECE, stop - content.tell()))


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Each file below a folder."""
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):
            yield f"file {path.relative_to(folder)}", path.read_bytes()
