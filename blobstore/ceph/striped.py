"""A blob store in one pool of a Ceph cluster: blobs striped over RADOS objects.

What a call has written is on all copies when it returns. The first stripe is there before any
other and goes last, so a listing of first stripes misses nothing; others come and go in order, but
for those of the few operations under way at once.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from blobstore.base import BlobError, Buffer, Corrupt, Full, NotFound, Unavailable
from blobstore.ceph.session import Session, driver
from blobstore.ceph.stripes import Run, blob_of, object_name, runs
from blobstore.counters import Counters

IN_FLIGHT = 4  # operations of one call, and appends to one blob, under way at once
AHEAD = 16 << 20  # bytes at most by which one append under way is before another
WRITERS = 20_000  # blobs whose sizes are kept in mind

_Begin = Callable[[Any, Callable[..., None]], None]
_Result = TypeVar("_Result")


class Striped:
    """Blobs in `pool`, in RADOS objects of `stripe` bytes, which never changes for a pool."""

    def __init__(self, session: Session, pool: str, *, name: str, stripe: int) -> None:
        self.counters = Counters()
        self._session = session
        self._pool = pool
        self._name = name
        self._stripe = stripe
        self._gap = IN_FLIGHT + -(-AHEAD // stripe)
        # Of the blobs that this process wrote last; or why it is not known where one ends.
        self._sizes: dict[str, int | BlobError] = {}
        self._reach: dict[str, int] = {}  # up to where it may have written them

    @property
    def name(self) -> str:
        return self._name

    @property
    def in_flight(self) -> int:
        return IN_FLIGHT

    # ------------------------------------------------------------------------------- writing

    async def create(self, blob: str, data: Buffer) -> None:
        view = memoryview(data).cast("B")
        first = bytes(view[: self._stripe])
        await self._operate(_creation(object_name(blob, 0), first))
        self._count_write(len(first))
        self._remember(blob, len(view))
        try:
            await self._write(blob, len(first), view[len(first) :])
        except Full:  # certainly not all of it; elsewhere there may be room
            with suppress(BlobError):
                await self.delete(blob)
            raise

    async def append(self, blob: str, offset: int, data: Buffer) -> None:
        view = memoryview(data).cast("B")
        size = self._sizes.get(blob)
        if isinstance(size, BlobError):  # of another append, perhaps one that began with this
            raise type(size)(str(size))
        if size is None:
            size = await self.size(blob)
        if offset != size:
            raise ValueError(f"append at {offset} to {blob}, which has {size} bytes")
        self._remember(blob, size + len(view))
        await self._write(blob, offset, view)

    async def sync(self, blob: str) -> None:
        """What was written is durable."""

    async def delete(self, blob: str, *, size: int | None = None) -> None:
        self._sizes.pop(blob, None)
        count = await self._stripes(blob) if size is None else -(-size // self._stripe)
        # A write without an answer may land behind a stripe that is gone, and after this as well:
        # who deletes again finds it.
        count = max(count, -(-self._reach.get(blob, 0) // self._stripe))
        for stop in range(count, 1, -IN_FLIGHT):
            await _all(self._remove(blob, n) for n in range(max(stop - IN_FLIGHT, 1), stop))
        await self._remove(blob, 0)

    async def _write(self, blob: str, offset: int, view: memoryview) -> None:
        where = list(runs(offset, len(view), self._stripe))
        try:
            for first in range(0, len(where), IN_FLIGHT):
                some = where[first : first + IN_FLIGHT]
                await _all(self._write_run(blob, run, view) for run in some)
        except BlobError as error:
            self._sizes[blob] = type(error)(str(error))  # without what it was raised in
            raise

    async def _write_run(self, blob: str, run: Run, view: memoryview) -> None:
        data = bytes(view[run.start : run.stop])
        name = object_name(blob, run.stripe)
        await self._operate(
            lambda context, done: context.aio_write(name, data, run.offset, oncomplete=done)
        )
        self._count_write(len(data))

    async def _remove(self, blob: str, index: int) -> None:
        name = object_name(blob, index)
        with suppress(NotFound):
            await self._operate(lambda context, done: context.aio_remove(name, oncomplete=done))

    def _remember(self, blob: str, size: int) -> None:
        for known in (self._sizes, self._reach):
            known.pop(blob, None)
            if len(known) >= WRITERS:
                del known[next(iter(known))]
        self._sizes[blob] = self._reach[blob] = size

    def _count_write(self, length: int) -> None:
        self.counters.writes += 1
        self.counters.bytes_written += length

    # ------------------------------------------------------------------------------- reading

    async def read(self, blob: str, offset: int, length: int) -> Buffer:
        where = list(runs(offset, length, self._stripe))
        if len(where) == 1:
            data = await self._read_run(blob, where[0])
        else:
            found: list[bytes] = []
            for first in range(0, len(where), IN_FLIGHT):
                some = where[first : first + IN_FLIGHT]
                found += await _all(self._read_run(blob, run) for run in some)
            data = b"".join(found)
        self.counters.reads += 1
        self.counters.bytes_read += length
        return data

    async def size(self, blob: str) -> int:
        """By the last stripe: one that is lost takes those behind it from sight."""
        low = await self._stripe_size(blob, 0)
        if low is None:
            raise NotFound(blob)
        last, high = 0, 1  # that is there; that may be
        while low == self._stripe:
            found = await self._stripe_size(blob, high)
            if found is None:
                break
            low, last, high = found, high, 2 * high
        while high - last > 1 and low == self._stripe:
            middle = (last + high) // 2
            found = await self._stripe_size(blob, middle)
            if found is None:
                high = middle
            else:
                low, last = found, middle
        return last * self._stripe + low

    async def list(self, after: str = "") -> AsyncIterator[str]:
        """As every store does; the names are collected before the first is given: some 100 bytes
        each."""
        for blob in await self._session.listed(self._pool, lambda context: _names(context, after)):
            yield blob

    async def close(self) -> None:
        """The session stays."""

    async def _read_run(self, blob: str, run: Run) -> bytes:
        length = run.stop - run.start
        name = object_name(blob, run.stripe)
        try:
            count, data = await self._operate(
                lambda context, done: context.aio_read(name, length, run.offset, done)
            )
        except NotFound:
            if run.stripe == 0 or await self._stripe_size(blob, 0) is None:
                raise NotFound(blob) from None
            raise Corrupt(f"{blob} has no stripe {run.stripe}") from None
        if count != length:  # what librados gives for no bytes has the length asked for
            raise Corrupt(f"{name} ends before {run.offset + length}")
        return data  # type: ignore[no-any-return]

    async def _stripe_size(self, blob: str, index: int) -> int | None:
        name = object_name(blob, index)
        try:
            _, size, _ = await self._operate(lambda context, done: context.aio_stat(name, done))
        except NotFound:
            return None
        return size  # type: ignore[no-any-return]

    async def _stripes(self, blob: str) -> int:
        """Stripes up to the last one, whatever lacks of a write that was broken off."""
        first = 1
        width = 1
        while found := await self._found(blob, first, first + max(width, self._gap)):
            first, width = found + 1, min(2 * width, 64)
        return first

    async def _found(self, blob: str, start: int, stop: int) -> int:
        """The last stripe of some that is there; 0 for none."""
        sizes = await _all(self._stripe_size(blob, index) for index in range(start, stop))
        there = [start + number for number, size in enumerate(sizes) if size is not None]
        return there[-1] if there else 0

    async def _operate(self, begin: _Begin) -> Any:
        return await self._session.operate(self._pool, begin)


def _creation(name: str, data: bytes) -> _Begin:
    rados = driver()

    def begin(context: Any, done: Callable[..., None]) -> None:
        with rados.WriteOpCtx() as operation:
            operation.new(rados.LIBRADOS_CREATE_EXCLUSIVE)
            operation.write(data, 0)
            context.operate_aio_write_op(operation, name, oncomplete=done)

    return begin


def _names(context: Any, after: str) -> list[str]:
    """In a thread: the blobs of a pool."""
    found = (blob_of(listed.key) for listed in context.list_objects())
    return sorted(blob for blob in found if blob is not None and blob > after)


async def _all(work: Iterable[Coroutine[Any, Any, _Result]]) -> list[_Result]:
    """What all give, once all have ended: none may outlive what the caller does next.

    Of several errors one that leaves the outcome unknown is raised.
    """
    found = await asyncio.gather(*work, return_exceptions=True)
    errors = [one for one in found if isinstance(one, BaseException)]
    if errors:
        raise next((one for one in errors if isinstance(one, Unavailable)), errors[0])
    return found  # type: ignore[return-value]
