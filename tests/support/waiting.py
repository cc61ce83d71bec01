"""Waiting for what comes to be by itself."""

import time
from collections.abc import Callable

LOOK = 0.05  # seconds between looks, beside what a look takes


def eventually(holds: Callable[[], object], seconds: float = 30) -> None:
    """Wait until it does; AssertionError."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it does not come to be"
        time.sleep(LOOK)
