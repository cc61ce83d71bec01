"""The benchmark's bare swaps: as many as it says, and none left behind."""

import os

from bench.swaps import Pace, run_swaps
from metastore.engine import Table
from metastore.hbase import calls
from metastore.hbase.address import parse
from metastore.hbase.connection import Connection
from tests.support import hbase


def test_bare_swaps_keep_their_rate_and_leave_nothing() -> None:
    address = parse(hbase.fresh())
    figures = run_swaps(address, Pace(4, 100, 2.0, 0.5), [os.getpid()])
    assert figures.errors == {}
    assert 100 < figures.operations <= 252  # what was due before the window may come in it
    assert figures.server is not None
    connection = Connection(address, 20)
    assert calls.scan(connection, address.table(Table.OBJECTS), b"", None, 10) == []
    connection.close()
