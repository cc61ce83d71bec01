"""One connection to one Ceph cluster: operations of librados as awaitables, each with a deadline.

librados answers in threads of its own. What it answered meanwhile reaches the loop by one wake-up.
"""

import asyncio
import contextlib
import errno
import importlib
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from blobstore.base import BlobError, Corrupt, Exists, Full, NotFound, Unavailable
from blobstore.ceph.breaker import Breaker

INSTALL = "apt install python3-rados, then make install"
TRY = 2.0  # seconds after an operation that got no answer, until one is sent again
PROBE = 0.5  # seconds between looks at a cluster that does not answer
# By default librados asks for a newer map of the OSDs when an operation has had no answer for 10
# seconds, looking every 5, and then waits up to 15 to connect again: with our deadlines it would
# never learn where the OSDs of a cluster that came back are.
_WATCHFUL = {"objecter_timeout": "1", "objecter_tick_interval": "0.5", "ms_max_backoff": "1"}
_FULL = (errno.ENOSPC, errno.EDQUOT)

_Result = TypeVar("_Result")

log = logging.getLogger(__name__)


class Address(NamedTuple):
    """Where a cluster is and who we are there: `mon_host` as in ceph.conf, `user` without
    `client.`, `key` as in a keyring; `options` are further settings of the client."""

    mon_host: str
    user: str
    key: str
    options: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Address({self.mon_host!r}, {self.user!r}, key masked)"


def driver() -> Any:
    """The module rados; Unavailable, saying what to install, where there is none."""
    try:
        return importlib.import_module("rados")
    except ImportError as error:
        raise Unavailable(f"Ceph needs the module rados: {INSTALL} ({error})") from error


class Session:
    """Connects when it is first needed, and again for as long as that fails.

    `seconds` is the deadline of every operation, and `limit` how many are under way at once. While
    the cluster does not answer, operations are refused at once; a look at it now and then finds out
    when it does again.
    """

    def __init__(self, address: Address, *, name: str, seconds: float, limit: int) -> None:
        self._address = address
        self._name = name
        self._seconds = seconds
        self._slots = asyncio.Semaphore(limit)
        self._breaker = Breaker()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix=f"{name}-ceph")
        self._cluster: Any = None
        self._contexts: dict[str, Any] = {}
        self._opening: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[None] | None = None
        self._answers: deque[tuple[asyncio.Future[Any], Any]] = deque()
        self._woken = False
        self._next_try = 0.0

    def answers(self) -> bool:
        """Whether the cluster answered when it was last asked."""
        return self._breaker.closed()

    # -------------------------------------------------------------------------- operations

    async def operate(self, pool: str, begin: Callable[[Any, Callable[..., None]], Any]) -> Any:
        """The outcome of an asynchronous operation on `pool`: its code and results, or its error.

        `begin` gets the pool's context and what librados shall call with the completion and, for
        some operations, results.
        """
        if not self._breaker.closed() and not self._tries():
            raise Unavailable(f"{self._name}: the cluster does not answer")
        if self._slots.locked():
            await self._slot()
        else:
            await self._slots.acquire()
        try:
            return await self._judged(pool, begin)
        finally:
            self._slots.release()

    def _tries(self) -> bool:
        """Whether this operation may find out what a look at one object cannot: other placement
        groups may be served."""
        now = asyncio.get_running_loop().time()
        if now < self._next_try:
            return False
        self._next_try = now + TRY
        return True

    async def _judged(self, pool: str, begin: Callable[[Any, Callable[..., None]], Any]) -> Any:
        try:
            context = self._contexts.get(pool) or await self._context(pool)
            result = await self._begun(context, begin)
        except Unavailable:
            self._breaker.failed()
            self._next_try = asyncio.get_running_loop().time() + TRY
            if not self._breaker.closed() and self._probing is None:
                log.warning("%s: the cluster does not answer", self._name)
                self._probing = asyncio.create_task(self._probe(pool))
            raise
        except BlobError:
            self._answered()
            raise
        self._answered()
        return result

    def _answered(self) -> None:
        if not self._breaker.closed():
            log.warning("%s: the cluster answers again", self._name)
            self._next_try = 0.0
        self._breaker.answered()

    async def _slot(self) -> None:
        """One of those that are taken, once there is one."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise Unavailable(f"{self._name}: too many operations wait") from None

    async def _begun(self, context: Any, begin: Callable[[Any, Callable[..., None]], Any]) -> Any:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def completed(completion: Any, *results: Any) -> None:  # in a thread of librados
            self._answers.append((future, (completion.get_return_value(), *results)))
            if not self._woken:
                self._woken = True
                with contextlib.suppress(RuntimeError):  # the loop was closed without us
                    loop.call_soon_threadsafe(self._settle)

        try:
            begin(context, completed)
        except Exception as error:
            raise self._translated(error) from error
        outcome = await future
        if outcome[0] < 0:
            raise self._error(-outcome[0], "")
        return outcome

    def _settle(self) -> None:
        self._woken = False  # what comes from here on wakes again
        while self._answers:
            future, outcome = self._answers.popleft()
            if not future.done():
                future.set_result(outcome)

    def _translated(self, error: Exception) -> BlobError:
        code = getattr(error, "errno", None)
        if code is None:
            return Unavailable(f"{self._name}: {error!r}")
        return self._error(abs(code), f" ({error})")

    def _error(self, code: int, more: str) -> BlobError:
        text = f"{self._name}: {errno.errorcode.get(code, code)}{more}"
        if code == errno.ENOENT:
            return NotFound(text)
        if code == errno.EEXIST:
            return Exists(text)
        if code in _FULL:
            return Full(text)
        if code == errno.EIO:
            return Corrupt(text)
        return Unavailable(text)

    # ---------------------------------------------------------------------- connecting

    async def blocking(self, call: Callable[[Any], _Result]) -> _Result:
        """What `call` gives, in a thread, for the connected cluster: for what has no asynchronous
        form. Unavailable, NotFound."""
        if self._cluster is None:
            await self._opened()
        return await self._in_thread(call, self._cluster)

    async def listed(self, pool: str, names: Callable[[Any], _Result]) -> _Result:
        """The same for a pool's context."""
        return await self._in_thread(names, await self._context(pool))

    async def _in_thread(self, call: Callable[..., _Result], *args: Any) -> _Result:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, call, *args)
        except BlobError:
            raise
        except Exception as error:
            raise self._translated(error) from error

    async def _context(self, pool: str) -> Any:
        if pool not in self._contexts:
            await self._opened()
            context = await self._in_thread(self._open_pool, pool)
            self._contexts.setdefault(pool, context)
        return self._contexts[pool]

    def _open_pool(self, pool: str) -> Any:
        try:
            context = self._cluster.open_ioctx(pool)
        except Exception as error:
            if getattr(error, "errno", None) == errno.ENOENT:
                raise Unavailable(f"{self._name}: there is no pool {pool}") from error
            raise
        context.set_osdmap_full_try()  # without it a write to a full pool waits for room
        return context

    async def _opened(self) -> None:
        """Connected; all who wait for it share one attempt."""
        if self._cluster is not None:
            return
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(self._end_of_opening)
        await asyncio.shield(self._opening)

    def _end_of_opening(self, task: asyncio.Task[None]) -> None:
        self._opening = None
        if not task.cancelled():
            task.exception()

    async def _open(self) -> None:
        self._cluster = await self._in_thread(self._connect)

    def _connect(self) -> Any:
        rados = driver()
        seconds = f"{self._seconds:g}"
        settings = {
            "mon_host": self._address.mon_host,
            "key": self._address.key,
            "rados_osd_op_timeout": seconds,
            "rados_mon_op_timeout": seconds,
            "client_mount_timeout": seconds,
            "log_file": "/dev/null",
            **_WATCHFUL,
            **dict(self._address.options),
        }
        try:
            cluster = rados.Rados(rados_id=self._address.user, conf=settings)
            try:
                cluster.connect(timeout=self._seconds)
            except Exception:
                cluster.shutdown()
                raise
        except Exception as error:  # whatever it is, no blob is missing
            raise Unavailable(f"{self._name}: the cluster cannot be reached: {error}") from error
        return cluster

    # --------------------------------------------------------------------- its health

    async def _probe(self, pool: str) -> None:
        """Look until the cluster answers."""
        try:
            while not self._breaker.closed():
                await asyncio.sleep(PROBE)
                try:
                    context = await self._context(pool)
                    await self._begun(context, _look)
                except Unavailable:
                    continue
                except BlobError:
                    pass  # an answer
                self._answered()
        finally:
            self._probing = None

    async def close(self) -> None:
        """End the connection; what is under way is waited for, up to its deadline."""
        tasks = [task for task in (self._probing, self._opening) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        loop = asyncio.get_running_loop()
        if self._cluster is not None:
            await loop.run_in_executor(None, self._shut_down)
        self._threads.shutdown(wait=False)

    def _shut_down(self) -> None:
        for context in self._contexts.values():
            context.close()
        self._cluster.shutdown()


def _look(context: Any, completed: Callable[..., None]) -> None:
    context.aio_stat("format", completed)
