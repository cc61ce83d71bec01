"""Watching lives: one's own heartbeat, and the end of those whose heart stands still."""

import asyncio
import logging
import time

from metastore.engine import EngineError, Failed
from metastore.lease import BEAT, DEAD
from metastore.records import Life, LifeState
from metastore.store import MetaStore

log = logging.getLogger(__name__)


class Watch:
    """Beats, and ends lives that have not beaten for `dead` seconds by this process's clock."""

    def __init__(self, meta: MetaStore, *, beat: float = BEAT, dead: float = DEAD) -> None:
        self._meta = meta
        self._beat = beat
        self._dead = dead
        self._seen: dict[int, tuple[int, float]] = {}  # epoch: beats, when they were first seen
        self._looked = float("-inf")
        self.lives: list[Life] = []

    @property
    def leads(self) -> bool:
        """Whether this process does what one process of all should do: the oldest living does."""
        living = [life.epoch for life in self.lives if life.state is LifeState.LIVE]
        return bool(living) and living[0] == self._meta.life.epoch

    async def run(self) -> None:
        """Beat and observe for ever; Failed when another process has ended this life."""
        while True:
            try:
                await self.once()
            except Failed:
                raise
            except EngineError as error:
                log.warning("the heartbeat was not written: %s", error)
            await asyncio.sleep(self._beat)

    async def once(self) -> None:
        """One heartbeat and one look at the others."""
        await self._meta.lease.renew()
        self.lives = await self._meta.lives.list()
        now = time.monotonic()
        if now - self._looked > self._dead / 2:
            self._seen.clear()  # while we could not look, the others could perhaps not beat
        self._looked = now
        for life in self.lives:
            if life.state is not LifeState.LIVE or life.epoch == self._meta.life.epoch:
                self._seen.pop(life.epoch, None)
                continue
            beats, since = self._seen.get(life.epoch, (-1, now))
            if beats != life.beats:
                self._seen[life.epoch] = (life.beats, now)
            elif now - since > self._dead:
                log.warning("the process with epoch %d has died", life.epoch)
                await self._meta.lives.change(life, LifeState.ENDED, life.beats)
