"""The lease on one's own life: a process whose heartbeat stood still must not commit."""

import time
from collections.abc import Awaitable, Callable

from metastore.engine import Failed
from metastore.lives import Lives
from metastore.records import Life, LifeState

BEAT = 5.0  # seconds between heartbeats
FRESH = 15.0  # seconds after a heartbeat for which commits need no new one
DEAD = 30.0  # seconds without a heartbeat after which an observer ends a life


class Lease:
    """Keeps this process's life; Failed once another process has ended it."""

    def __init__(
        self, lives: Lives, life: Life, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lives = lives
        self._life = life
        self._clock = clock
        self.beside: Callable[[], Awaitable[None]] | None = None  # done before each heartbeat
        self._renewed = clock()

    @property
    def life(self) -> Life:
        """This process's life as last written."""
        return self._life

    async def ensure(self) -> None:
        """Return at once after a recent heartbeat; after a pause, make sure of being alive.

        Asked before every attempt of a commit: whoever judges the blobs of an ended life fences
        the keys first, so the attempt that was under way fails, and the next one ends here. Asked
        again before an acknowledgment where there may have been no row that a fence could stand in.
        """
        if self._clock() - self._renewed > FRESH:
            await self.renew()

    async def renew(self) -> None:
        """One heartbeat."""
        begun = self._clock()
        if self.beside is not None:
            await self.beside()
        life = await self._lives.beat(self._life.epoch)
        if life is None:
            raise Failed("this process was judged dead while it paused, and must end")
        self._life, self._renewed = life, begun

    async def end(self) -> None:
        """The end of a life that left nothing unresolved."""
        await self._lives.change(self._life, LifeState.CLEAN, self._life.beats)
