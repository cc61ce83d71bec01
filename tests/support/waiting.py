"""Waiting for what comes to be by itself."""

import asyncio
import time
from collections.abc import Callable

LOOK = 0.05  # seconds between looks, beside what a look takes
_TURN = 0.01  # seconds between looks of who shares a loop with what is looked at


async def no_pause() -> None:
    """Nobody else has to have a turn."""


def eventually(holds: Callable[[], object], seconds: float = 30) -> None:
    """Wait until it does; AssertionError."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it does not come to be"
        time.sleep(LOOK)


async def comes(holds: Callable[[], object], seconds: float = 10) -> bool:
    """Wait until it does; whether it did in this time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_TURN)
    return True
