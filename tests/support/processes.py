"""Processes as /proc shows them."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any


def children(pid: int) -> dict[int, str]:
    """Command lines of all that a process started, and they in turn."""
    started = started_by(pid)
    for child in list(started):
        started |= children(child)
    return started


def started_by(pid: int) -> dict[int, str]:
    """Command lines of what a process started itself."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if parent == pid:
                found[int(folder.name)] = line
    return found


def alive(pids: Iterable[int]) -> list[int]:
    """Those that run still; one that has ended and that nobody waits for does not."""
    found = []
    for pid in pids:
        try:
            state = _state(Path(f"/proc/{pid}"))
        except OSError:
            continue
        if state != "Z":
            found.append(pid)
    return found


def pause(pid: int) -> None:
    """Return once a process stands still, with all its threads."""
    os.kill(pid, signal.SIGSTOP)
    while any(_state(thread) != "T" for thread in Path(f"/proc/{pid}/task").iterdir()):
        time.sleep(0.01)


def free_ports(count: int) -> list[int]:
    """Below the range that outgoing connections take, so that a port stays free between lives."""
    free: list[int] = []
    for port in random.SystemRandom().sample(range(12_000, 32_000), 1_000):
        if len(free) == count:
            break
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            free.append(port)
    return free


def wait_for_port(process: "subprocess.Popen[Any]", port: int, host: str = "127.0.0.1") -> None:
    """Until the process answers there; AssertionError when it ends, or after ten seconds."""
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((host, port), 1).close()
        except OSError:
            assert process.poll() is None, f"{process.args!r} ended"
            assert time.monotonic() < deadline, f"{process.args!r} does not answer"
            time.sleep(0.02)
        else:
            return


def threads(pid: int) -> int:
    """How many threads a process has."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def connections(pid: int, ports: set[int]) -> int:
    """How many TCP connections a process has to these ports of others."""
    ours = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            ours.add(target[8:-1])
    lines = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    return sum(row[9] in ours and int(row[2].rpartition(":")[2], 16) in ports for row in rows)


def _state(thread: Path) -> str:
    return (thread / "stat").read_text().rpartition(")")[2].split()[0]
