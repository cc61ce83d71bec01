"""How fast jobs go: at a rate in bytes a second, and never without letting others have the loop."""

import asyncio
import time
from collections.abc import Callable

LOOK = 1.0  # seconds after which a rate that changed is kept to


class Pace:
    """Keeps to a rate in bytes a second, which may change meanwhile; 0: none."""

    def __init__(self, rate: Callable[[], int]) -> None:
        self._rate = rate
        self._ahead = 0.0  # bytes of work done before their time
        self._last = time.monotonic()

    async def spend(self, size: int) -> None:
        """Wait until so many bytes more were due."""
        await turn()
        self._ahead += size
        while rate := self._rate():
            now = time.monotonic()
            self._ahead = max(self._ahead - (now - self._last) * rate, 0.0)
            self._last = now
            if self._ahead < 1:
                return
            await asyncio.sleep(min(self._ahead / rate, LOOK))
        self._ahead, self._last = 0.0, time.monotonic()


async def turn() -> None:
    """Let others have the loop."""
    await asyncio.sleep(0)
