"""The jobs of one process: started with it, and ended before its stores close."""

import asyncio
import logging
from collections.abc import Callable

from metastore.engine import EngineError
from ocean.jobs.collect import Collector
from ocean.jobs.counting import Counting
from ocean.jobs.custody import Custody
from ocean.jobs.drain import Drain
from ocean.jobs.expire import Expiring
from ocean.jobs.housekeeping import SETTLE, Housekeeping
from ocean.jobs.rebalance import Rebalancing
from ocean.jobs.scrubbing import Scrubbing
from ocean.jobs.watch import Watch
from ocean.lifecycle.passes import Timing
from ocean.store import Ocean

log = logging.getLogger(__name__)


class Jobs:
    """Collecting, watching and housekeeping.

    `grace` seconds pass before what commits left behind is deleted; `interval` seconds at least
    lie between passes; volumes of which less than `ratio` is live are compacted. A job that ends
    with an exception ends the process through `on_failure`.
    """

    def __init__(
        self,
        ocean: Ocean,
        on_failure: Callable[[Exception], None],
        *,
        grace: float,
        interval: float,
        ratio: float,
        settle: float = SETTLE,
        scrub: tuple[float, int] = (14.0, 0),
        lifecycle: Timing = Timing(),  # noqa: B008
    ) -> None:
        self._ocean = ocean
        self._on_failure = on_failure
        self.collector = Collector(ocean.discard, grace)
        self.watch = Watch(ocean.meta)
        self.housekeeping = Housekeeping(
            ocean, self.watch, self.collector, interval=interval, ratio=ratio, settle=settle
        )
        custody = Custody(ocean.meta, self.watch, ocean.inflight)
        self.drain = Drain(
            ocean.meta, ocean.blobs, self.watch, custody, ocean.topology, ocean.inflight
        )
        self.rebalancing = Rebalancing(
            ocean.meta,
            ocean.blobs,
            self.watch,
            custody,
            ocean.topology,
            ocean.place,
            ocean.inflight,
        )
        days, rate = scrub
        self.scrubbing = Scrubbing(ocean.meta, ocean.blobs, self.watch, days=days, rate=rate)
        self.expiring = Expiring(ocean.meta, ocean.discard, ocean.clock, lifecycle)
        self.counting = Counting(
            ocean.meta,
            ocean.quotas.ledger,
            self.watch,
            ocean.clock,
            grace=grace,
            interval=interval,
        )
        ocean.meta.objects.discarded = self.collector.add
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Look once at who else lives, then run in the background."""
        await self.watch.once()
        housekeeping = (
            self.housekeeping.run,
            self.drain.run,
            self.rebalancing.run,
            self.scrubbing.run,
            self.expiring.run,
            self.counting.run,
        )
        for run in (self.watch.run, self.collector.run, *housekeeping):
            task = asyncio.create_task(run())
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    async def stop(self) -> None:
        """End the jobs; a life that left nothing unresolved ends clean."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if not self._ocean.blobs.left_over and not self._ocean.inflight.doubts:
            try:
                await self._ocean.quotas.ledger.settle()
                await self._ocean.meta.lease.end()
            except EngineError as error:  # then others find that it beats no more
                log.warning("this life could not be ended: %s", error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, Exception):
            log.error("a job failed", exc_info=error)
            self._on_failure(error)
