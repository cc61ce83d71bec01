"""What scripts that start programs on this machine share: how these end, and free ports."""

import ctypes
import os
import random
import signal
import socket

PORTS = range(12_000, 32_000)  # below those that outgoing connections take
_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Let the kernel kill this process as soon as the one that started it has ended."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended in between
        os.kill(os.getpid(), signal.SIGKILL)


def free_ports(count: int, pairs: int = 0) -> list[int]:
    """Ports that nobody listens on: `count` of them, then `pairs` whose next is free as well.

    Below those that outgoing connections take: they stay free while a program is started again.
    """
    found: list[int] = []
    while len(found) < count + pairs:
        port = random.SystemRandom().choice(PORTS)
        wanted = {port, port + 1} if len(found) >= count else {port}
        if all(map(is_free, wanted)) and not wanted & {*found, *(one + 1 for one in found)}:
            found.append(port)
    return found


def is_free(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def serves(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex((host, port)) == 0
