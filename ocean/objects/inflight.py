"""Which writes of this process are between their bytes and their commit."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from blobstore.extents import Extent, Layout, Place
from metastore.errors import StoreError
from ocean.objects.label import Label


class Doubt(NamedTuple):
    """A write of which nobody knows whether it was committed; `places` are of segments.

    Or bytes that were being moved: then rows of versions and parts may yet come to name a copy.
    """

    bucket_id: bytes
    key: str
    places: tuple[Place, ...]
    owner: Label | None = None  # of bytes that were being moved


class InFlight:
    """Tickets in ascending order: a volume that was sealed at ticket `now` holds no bytes of an
    uncommitted write once `oldest` has passed it.

    A write in doubt keeps its ticket until it is settled: until then its bytes must stay.
    """

    def __init__(self) -> None:
        self._next = 0
        self._open: dict[int, None] = {}  # in the order of beginning
        self.doubts: dict[int, Doubt] = {}  # by ticket

    @property
    def now(self) -> int:
        """The ticket that the next write will get."""
        return self._next

    @property
    def oldest(self) -> int:
        """The ticket of the oldest write under way; `now` when there is none."""
        return next(iter(self._open), self._next)

    @contextmanager
    def write(self) -> Iterator[int]:
        """One write, from before its first byte until its commit is known, given up or in doubt."""
        ticket, self._next = self._next, self._next + 1
        self._open[ticket] = None
        try:
            yield ticket
        finally:
            if ticket not in self.doubts:
                del self._open[ticket]

    def doubt(self, ticket: int, bucket_id: bytes, key: str, extents: Iterable[Extent]) -> None:
        """The commit of a write under way has no known outcome."""
        places = tuple(extent.place for extent in extents if extent.layout is Layout.SEGMENTS)
        self.doubts[ticket] = Doubt(bucket_id, key, places)

    @contextmanager
    def move(self, owner: Label, copies: list[Extent]) -> Iterator[None]:
        """One move of bytes of `owner`, from before `copies` are made until rows name them or
        certainly will not."""
        with self.write() as ticket:
            try:
                yield
            except StoreError:
                raise
            except BaseException:
                places = tuple(one.place for one in copies if one.layout is Layout.SEGMENTS)
                self.doubts[ticket] = Doubt(owner.bucket_id, owner.key, places, owner)
                raise

    def settle(self, ticket: int) -> None:
        """What a write in doubt left has been judged."""
        del self.doubts[ticket], self._open[ticket]
