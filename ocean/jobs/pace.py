"""How fast jobs go: at a rate in bytes a second, and never without letting others have the loop."""

import asyncio
import time
from collections.abc import Callable


class Rate:
    """Keeps to a rate, in bytes a second, that may change meanwhile; 0: none."""

    def __init__(self, rate: Callable[[], int]) -> None:
        self._rate = rate

    async def spend(self, size: int) -> None:
        """Wait for as long as so many bytes may take."""
        left = float(size)
        while left > 0 and (rate := self._rate()):
            await asyncio.sleep(min(left / rate, 1.0))
            left -= rate


class Pace:
    """Keeps to a rate in bytes a second, over longer than an instant; 0: none."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._ahead = 0.0  # seconds of work done before its time
        self._last = time.monotonic()

    async def spend(self, size: int) -> None:
        """Wait until so many bytes more were due."""
        if not self._rate:
            await asyncio.sleep(0)
            return
        now = time.monotonic()
        self._ahead = max(self._ahead - (now - self._last), 0.0) + size / self._rate
        self._last = now
        await asyncio.sleep(self._ahead)


async def turn() -> None:
    """Let others have the loop."""
    await asyncio.sleep(0)
