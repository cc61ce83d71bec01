"""Names and entries of rows in memcached."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metastore.cache import entry
from metastore.cache.entry import BARRIER, Foreign
from metastore.engine import Table

TABLES = st.sampled_from([Table.OBJECTS, Table.BUCKETS])
KEYS = st.binary(min_size=1, max_size=300)


@given(TABLES, KEYS, st.none() | st.binary(min_size=1, max_size=2_000))
def test_an_entry_gives_its_row(table: Table, key: bytes, value: bytes | None) -> None:
    assert entry.decode(table, key, entry.encode(table, key, value)) == value


@given(TABLES, KEYS, TABLES, KEYS, st.binary(min_size=1, max_size=50))
def test_an_entry_gives_no_other_row(
    table: Table, key: bytes, other: Table, asked: bytes, value: bytes
) -> None:
    if (table, key) != (other, asked):
        with pytest.raises(Foreign):
            entry.decode(other, asked, entry.encode(table, key, value))


@given(KEYS, st.binary(min_size=1, max_size=50), st.data())
def test_altered_bytes_give_nothing(key: bytes, value: bytes, data: st.DataObject) -> None:
    whole = bytearray(entry.encode(Table.OBJECTS, key, value))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Foreign):
        entry.decode(Table.OBJECTS, key, bytes(whole))


@given(st.binary(max_size=100))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Foreign):
        entry.decode(Table.OBJECTS, b"key", data)
    assert data != BARRIER or len(data) == 1


@given(st.sets(KEYS, min_size=2, max_size=50))
def test_names_are_words_of_their_own(keys: set[bytes]) -> None:
    names = {entry.name(space, Table.OBJECTS, key) for key in keys for space in (b"a", b"b")}
    assert len(names) == 2 * len(keys)
    assert all(len(name) == 32 and name.isalnum() for name in names)
