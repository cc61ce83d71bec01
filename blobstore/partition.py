"""A partition: pools that fail together, apart from all others: a Ceph cluster, or a folder."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from blobstore.base import BlobError, BlobStore, Full, Unavailable
from blobstore.ids import BlobNames
from blobstore.placement import share
from blobstore.volumes import Volumes

SILENT = 2  # partitions that do not answer, after which a write is given up
FULL = 10.0  # seconds for which a partition that had no room is not asked again

_Result = TypeVar("_Result")


class State(StrEnum):
    """What a partition may be used for."""

    ACTIVE = "active"
    READ_ONLY = "read-only"
    DRAINING = "draining"  # read only, and what it holds is moved elsewhere
    OFFLINE = "offline"  # not even asked


@dataclass(frozen=True)
class Stores:
    """The pools of a partition: `small` for volumes that are written to, `settled` for those that
    are not any more (None: they stay), `large` for blobs of segments. `compacted` is `small` once
    more for what compaction writes, if that may use more of the room.
    """

    small: BlobStore
    large: BlobStore
    settled: BlobStore | None = None
    compacted: BlobStore | None = None

    def of_volumes(self) -> list[BlobStore]:
        """The pools that hold volumes."""
        return [self.small] if self.settled is None else [self.small, self.settled]

    def all(self) -> list[BlobStore]:
        """The pools, each once."""
        return list(dict.fromkeys((*self.of_volumes(), self.large)))


class Partition:
    """What this process knows and writes of one. `fullness` is the share of its room taken."""

    def __init__(
        self,
        name: str,
        stores: Stores,
        names: BlobNames,
        *,
        volume_limit: int = 64 << 20,
        weight: float = 1.0,
        state: State = State.ACTIVE,
        answers: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.stores = stores
        self.volumes = Volumes(stores.small, names, limit=volume_limit)
        compacted = stores.settled or stores.compacted or stores.small
        self.compacted = Volumes(compacted, names, limit=volume_limit)
        self.weight = weight
        self.state = state
        self.fullness = 0.0
        self._answers = answers
        self._clock = clock
        self._full_until = 0.0

    @property
    def share(self) -> float:
        """Its weight for new bytes; 0: it takes none now."""
        if self.state is not State.ACTIVE or not self._answers():
            return 0.0
        if self._clock() < self._full_until:
            return 0.0
        return share(self.weight, self.fullness)

    def found_full(self) -> None:
        """It had no room for something."""
        self._full_until = self._clock() + FULL

    async def close(self) -> None:
        """Wait for what was put, and close the pools."""
        await self.volumes.close()
        await self.compacted.close()
        for store in self.stores.all():
            await store.close()


async def first_of(
    candidates: Sequence[Partition],
    write: Callable[[Partition], Awaitable[_Result]],
    unknown: Callable[[Partition], None] = lambda _partition: None,
) -> _Result:
    """What `write` gives for the first partition that takes it; else the last error.

    One that is full is passed over at once; for one that does not answer the others are tried, but
    each costs its deadline, so not many. `unknown` is told where the write may yet come to be.
    """
    error: BlobError = Unavailable("there is no partition for new bytes")
    silent = 0
    for partition in candidates:
        try:
            return await write(partition)
        except Full as full:
            partition.found_full()
            error = full
        except Unavailable as unavailable:
            unknown(partition)
            error = unavailable
            silent += 1
            if silent == SILENT:
                break
    raise error
