"""One worker process: everything of the server but the start and the end of its workers.

It lives as long as its supervisor: from its first moment the kernel kills it when the supervisor
dies (PR_SET_PDEATHSIG), and if that is not so, it sees the end of the control socket.
"""

import asyncio
import ctypes
import gc
import logging
import os
import resource
import signal
import socket
import sys

import uvloop

from gateway.fronts import bare, reference
from gateway.orders import READY, Orders, decode_orders
from gateway.services import open_services
from gateway.shares import Share
from gateway.sockets import tls_context
from metastore.engine import EngineError
from ocean.config import Config
from ocean.logs import set_up
from ocean.starting import START_FAILED, StartError

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3

log = logging.getLogger(__name__)


def main(control_fd: int, s3_fd: int, admin_fd: int, shares_fd: int) -> int:
    """Serve until told to end; the exit status."""
    control = socket.socket(fileno=control_fd)
    orders = _receive(control)
    if orders is None or os.getppid() != orders.supervisor:
        return 0
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the supervisor acts
    set_up(orders.config.log, f"worker {orders.slot}")
    _tune_allocator()
    _raise_file_limit()
    sockets = socket.socket(fileno=s3_fd), socket.socket(fileno=admin_fd)
    try:
        uvloop.run(_serve(orders.config, control, *sockets, Share(shares_fd, orders.slot)))
    except StartError as error:
        sys.stderr.write(f"ocean: {error}\n")
        return START_FAILED
    except EngineError as error:  # the supervisor tries again
        log.warning("the metadata cannot be used: %s", error)
        return 1
    return 0


async def _serve(
    config: Config, control: socket.socket, s3: socket.socket, admin: socket.socket, share: Share
) -> None:
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, end.set)
    control.setblocking(False)  # noqa: FBT003
    loop.add_reader(control, os._exit, 1)  # the supervisor says nothing more: this is its end
    tls = config.tls
    context = tls_context(str(tls.certificate), str(tls.key)) if tls.certificate else None
    services = await open_services(config)
    try:
        fronts: tuple[bare.Front | reference.Front, ...] = (
            bare.Front(services.s3, config.limits, tls=context, share=share),
            reference.Front(services.admin, config.limits, tls=context),
        )
        for front, sock in zip(fronts, (s3, admin), strict=True):
            await front.listen(sock)
        gc.collect()
        gc.freeze()  # what was imported stays: no collection needs to look at it again
        # Lists of thousands of parts or rows, several at once, are no garbage: looking through them
        # took 7 % of a LIST at 5,000.
        gc.set_threshold(50_000, 10, 10)
        control.send(READY)
        await end.wait()
        await asyncio.gather(*(front.drain(config.limits.drain_seconds) for front in fronts))
    finally:
        await services.close()


def _receive(control: socket.socket) -> Orders | None:
    """The orders; None when the supervisor ended before it gave any."""
    with control.makefile("rb") as file:
        line = file.readline()
    return decode_orders(line) if line.endswith(b"\n") else None


def _tune_allocator() -> None:
    """Keep freed memory: by default each large read is mapped, faulted in and unmapped again."""
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_MMAP_THRESHOLD, 64 << 20)
    libc.mallopt(_M_TRIM_THRESHOLD, 256 << 20)


def _raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
