"""Refuses calls while HBase does not answer, but for one now and then that finds out.

Without it each request would wait for its own time-out, and all threads with them.
"""

import time
from collections.abc import Callable

FAILURES = 3  # in a row, after which calls are refused
REST = 0.5  # seconds between the calls that are let through nevertheless


class Breaker:
    """Of one engine, told and asked by all its threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._next = 0.0  # when a call may try again

    def admits(self) -> bool:
        """Whether a call may be made now."""
        if self._failures < FAILURES:
            return True
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + REST
        return True

    def answered(self) -> None:
        """There was an answer, be it an error."""
        self._failures = 0

    def failed(self) -> None:
        """A server could not be reached, or did not answer in time."""
        self._failures += 1
        if self._failures == FAILURES:
            self._next = self._clock() + REST
