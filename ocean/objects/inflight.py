"""Which writes of this process are between their bytes and their commit."""

from collections.abc import Iterator
from contextlib import contextmanager


class InFlight:
    """Tickets in ascending order: a volume that was sealed at ticket `now` holds no bytes of an
    uncommitted write once `oldest` has passed it.
    """

    def __init__(self) -> None:
        self._next = 0
        self._open: dict[int, None] = {}  # in the order of beginning

    @property
    def now(self) -> int:
        """The ticket that the next write will get."""
        return self._next

    @property
    def oldest(self) -> int:
        """The ticket of the oldest write under way; `now` when there is none."""
        return next(iter(self._open), self._next)

    @contextmanager
    def write(self) -> Iterator[None]:
        """One write, from before its first byte until its commit is known or given up."""
        ticket, self._next = self._next, self._next + 1
        self._open[ticket] = None
        try:
            yield
        finally:
            del self._open[ticket]
