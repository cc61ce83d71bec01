"""How a blob lies in a pool: striped over RADOS objects of one size. Pure.

Invariant: the runs of successive ranges of a blob, put one behind the other, are the blob; all
objects but the last are full.
"""

from collections.abc import Iterator
from typing import NamedTuple

_FIRST = ".00000000"


class Run(NamedTuple):
    """Bytes `start` to `stop` (exclusive) of what was asked for: at `offset` of stripe `stripe`."""

    stripe: int
    offset: int
    start: int
    stop: int


def object_name(blob: str, index: int) -> str:
    """The RADOS object that holds stripe `index` of a blob."""
    return f"{blob}.{index:08x}"


def blob_of(name: str) -> str | None:
    """The blob whose first stripe an object holds; None for any other object."""
    return name[: -len(_FIRST)] if name.endswith(_FIRST) else None


def runs(offset: int, length: int, stripe: int) -> Iterator[Run]:
    """Where `length` bytes at `offset` of a blob lie, in objects of `stripe` bytes."""
    done = 0
    while done < length:
        index, within = divmod(offset + done, stripe)
        count = min(length - done, stripe - within)
        yield Run(index, within, done, done + count)
        done += count


def aligned(stripe: int, data_chunks: int, unit: int = 4096) -> int:
    """The largest size up to `stripe` that erasure coding fills without padding.

    `data_chunks` is K of K+M, 1 for replicas; `unit` is Ceph's stripe unit in bytes.
    """
    width = data_chunks * unit
    return stripe // width * width
