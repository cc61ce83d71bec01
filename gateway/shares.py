"""How many connections each worker has, in memory that their processes share."""

import mmap
import os

_NOBODY = (1 << 32) - 1  # where no worker listens: all others have fewer


def share_out(count: int) -> int:
    """A descriptor of memory for so many workers, none of which listens yet."""
    file = os.memfd_create("ocean-connections")
    os.write(file, _NOBODY.to_bytes(4, "little") * count)
    return file


class Share:
    """What one worker has. `file` is a descriptor that `share_out` made."""

    def __init__(self, file: int, slot: int) -> None:
        self._counts = memoryview(mmap.mmap(file, 0)).cast("I")
        self._slot = slot

    def set(self, connections: int) -> None:
        """It has so many now."""
        self._counts[self._slot] = connections

    def forget(self) -> None:
        """It does not listen."""
        self._counts[self._slot] = _NOBODY

    @property
    def large(self) -> bool:
        """Whether another worker has fewer."""
        return self._counts[self._slot] > min(self._counts)


def whole() -> Share:
    """The share of a worker that is alone."""
    file = share_out(1)
    try:
        return Share(file, 0)
    finally:
        os.close(file)
