"""Edit and operation ids: unique over all processes and never repeated."""

from itertools import count
from struct import Struct

_ID = Struct(">IQ")


class Edits:
    """Ids of one process life: its epoch and a counter."""

    __slots__ = ("_counter", "epoch")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self._counter = count(1)

    def next(self) -> bytes:
        """A fresh id of 12 bytes."""
        return _ID.pack(self.epoch, next(self._counter))


def epoch_of(op: bytes) -> int:
    """The epoch of the life that made an id."""
    epoch: int = _ID.unpack(op)[0]
    return epoch
