"""How a blob lies in RADOS objects."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blobstore.base import Full, Unavailable
from blobstore.ceph.striped import _all
from blobstore.ceph.stripes import aligned, blob_of, object_name, runs


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 70))
def test_runs_in_a_row_are_the_range(offset: int, length: int, stripe: int) -> None:
    found = list(runs(offset, length, stripe))
    assert [run.start for run in found] == [0, *(run.stop for run in found)][: len(found)]
    assert (found[-1].stop if found else 0) == length
    for run in found:
        assert run.stripe * stripe + run.offset == offset + run.start
        assert run.offset + run.stop - run.start <= stripe


@given(st.text("abc.0-", min_size=1))
def test_only_the_first_stripe_names_its_blob(blob: str) -> None:
    assert blob_of(object_name(blob, 0)) == blob
    assert blob_of(object_name(blob, 1)) is None
    assert blob_of("format") is None


@pytest.mark.parametrize(("chunks", "size"), [(1, 8 << 20), (2, 8 << 20), (3, 682 * 12288)])
def test_stripes_fill_whole_chunks(chunks: int, size: int) -> None:
    assert aligned(8 << 20, chunks) == size


async def test_an_unknown_outcome_outweighs_others() -> None:
    async def fail(error: Exception) -> None:
        await asyncio.sleep(0)
        raise error

    with pytest.raises(Unavailable):
        await _all([fail(Full("x")), fail(Unavailable("x")), fail(Full("x"))])
