"""The process that starts the workers, replaces those that die and ends them all.

It binds both ports once and never touches a request.
"""

import asyncio
import ctypes
import logging
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import ocean
from gateway.orders import READY, Orders, encode_orders
from gateway.shares import Share, share_out
from ocean.config import Config
from ocean.starting import START_FAILED, STORE_FAILED

_HEALTHY_SECONDS = 10.0  # a worker that lived so long is replaced at once
_FIRST_DELAY = 0.1
_LAST_DELAY = 5.0
_ATTEMPTS = 5  # to get the first worker going
_KILL_SECONDS = 5.0  # beyond the drain, for a worker to end by itself
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)

log = logging.getLogger(__name__)


class Supervisor:
    """Keeps `count` workers on two bound sockets. `inherited` are descriptors they hold open."""

    def __init__(
        self,
        config: Config,
        count: int,
        sockets: tuple[socket.socket, socket.socket],
        inherited: tuple[int, ...],
        ready: Callable[[], None],
    ) -> None:
        self._config = config
        self._count = count
        self._sockets = sockets
        self._inherited = inherited
        self._shares = share_out(count)
        self._say_ready = ready
        self._serving: set[int] = set()
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._end = asyncio.Event()
        self._status = 0
        self._was_ready = False

    async def run(self) -> int:
        """Serve until a signal or a failure of the store; the exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked_to_end)
        async with asyncio.TaskGroup() as group:
            for slot in range(self._count):
                group.create_task(self._keep(slot))
            await self._end.wait()
            await self._end_workers()
        return self._status

    def _asked_to_end(self) -> None:
        if self._end.is_set():  # asked twice: do not wait for requests in flight
            for process in self._processes.values():
                process.kill()
        self._end.set()

    async def _keep(self, slot: int) -> None:
        """Run the worker of one slot again and again."""
        delay = 0.0
        attempts = 0
        while not self._end.is_set():
            began = time.monotonic()
            status = await self._run_worker(slot)
            if self._end.is_set():
                return
            attempts += 1
            hopeless = not self._was_ready and attempts >= _ATTEMPTS
            if status in (START_FAILED, STORE_FAILED) or hopeless:
                self._status = status if status > 0 else 1
                self._end.set()
                return
            lived = time.monotonic() - began
            healthy = lived > _HEALTHY_SECONDS
            delay = 0.0 if healthy else min(max(2 * delay, _FIRST_DELAY), _LAST_DELAY)
            log.warning("worker %d ended (%s) and is replaced", slot, _told(status))
            await self._pause(delay)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._end.wait()
        except TimeoutError:
            return

    async def _run_worker(self, slot: int) -> int:
        """One life of a worker; its exit status, negative for a signal."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003
        with ours:
            with theirs:
                process = await self._spawn(theirs.fileno())
            self._processes[slot] = process
            try:
                await self._watch(slot, ours)
                return await process.wait()
            finally:
                self._serving.discard(slot)
                Share(self._shares, slot).forget()
                del self._processes[slot]
                self._forget_gauges(process.pid)

    async def _spawn(self, control: int) -> asyncio.subprocess.Process:
        """The worker runs from where this process was imported, whatever the working folder.

        It cannot outlive this process for a moment, not even while it is still importing: it has
        the lock of the data folder, and the next server waits for that.
        """
        numbers = (control, *(sock.fileno() for sock in self._sockets), self._shares)
        root = str(Path(ocean.__file__).parent.parent)
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "ocean", "worker", *map(str, numbers)),
            pass_fds=(*numbers, *self._inherited),
            preexec_fn=_end_with_parent,
            env={**os.environ, "PYTHONPATH": root},
        )

    async def _watch(self, slot: int, control: socket.socket) -> None:
        """Give orders, note readiness, return when the worker is gone."""
        loop = asyncio.get_running_loop()
        orders = Orders(supervisor=os.getpid(), slot=slot, config=self._config)
        try:
            await loop.sock_sendall(control, encode_orders(orders))
            while (await loop.sock_recv(control, 1)) == READY:
                self._serving.add(slot)
                if len(self._serving) == self._count and not self._was_ready:
                    self._was_ready = True
                    self._say_ready()
        except ConnectionError:
            return

    async def _end_workers(self) -> None:
        """SIGTERM, time to drain, SIGKILL. Nobody is left waiting in the ports' queues."""
        for sock in self._sockets:
            sock.close()
        for process in self._processes.values():
            process.terminate()
        seconds = self._config.limits.drain_seconds + _KILL_SECONDS
        ends = [asyncio.create_task(process.wait()) for process in self._processes.values()]
        if ends:
            await asyncio.wait(ends, timeout=seconds)
        for process in self._processes.values():
            log.warning("worker %d did not end in time and is killed", process.pid)
            process.kill()

    def _forget_gauges(self, pid: int) -> None:
        """A dead worker has no connections; its counters stay in the sums."""
        for file in metrics_folder(self._config).glob(f"gauge_live*_{pid}.db"):
            file.unlink(missing_ok=True)


def metrics_folder(config: Config) -> Path:
    """Where all processes of one server count: several servers may share a data folder."""
    return config.data / "run" / f"metrics-{os.getpid()}"


def clean_metrics(config: Config) -> None:
    """Counters begin at zero with each server. Sets the variable that the workers inherit."""
    folder = metrics_folder(config)
    for old in folder.parent.glob("metrics*"):
        pid = old.name.rpartition("-")[2]
        if old == folder or not Path(f"/proc/{pid}").exists():
            shutil.rmtree(old, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder.absolute())


def _end_with_parent() -> None:
    """prctl(2); what it sets outlives the exec that follows."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _told(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    return f"signal {signal.Signals(-status).name}"
