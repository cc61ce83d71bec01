"""Names of blobs: unique because no two process lives share an epoch. Pure.

Invariant: parse(name) gives back what the name was made of; names ascend in the order of making.
"""

from itertools import count
from typing import NamedTuple


class BlobName(NamedTuple):
    """`epoch` is the process life that made the blob, `counter` its how-manieth."""

    epoch: int
    counter: int


class BlobNames:
    """Fresh names for one process life."""

    def __init__(self, epoch: int) -> None:
        if not 0 <= epoch < 1 << 32:
            raise ValueError(f"an epoch has 32 bits, not {epoch}")
        self.epoch = epoch
        self._counter = count()

    def fresh(self) -> str:
        return f"{self.epoch:08x}-{next(self._counter):012x}"


def parse(name: str) -> BlobName:
    """The parts of a name; ValueError for one that BlobNames did not make."""
    epoch, counter = int(name[:8], 16), int(name[9:], 16)
    if name != f"{epoch:08x}-{counter:012x}" or len(name) != 21:
        raise ValueError(f"{name!r} is not the name of a blob")
    return BlobName(epoch, counter)
