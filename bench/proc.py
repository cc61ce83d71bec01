"""CPU time and memory of a tree of processes, read from /proc (proc(5)).

What a process used is known twice: in clock ticks with its dead threads (stat), in nanoseconds
without them (schedstat of each thread). Both are lower bounds, so the greater one is taken.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROC = Path("/proc")
TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class ProcessStat:
    """The figures of one process; times in ns; (pid, started) names it even if pids recur."""

    pid: int
    parent: int
    started: int
    own: int
    reaped: int  # of children that ended and were waited for, and theirs

    @property
    def identity(self) -> tuple[int, int]:
        """A name no other process ever has."""
        return self.pid, self.started


@dataclass(frozen=True)
class Memory:
    """Resident bytes: all of them, and the anonymous ones (no mapped files)."""

    rss: int = 0
    anonymous: int = 0


def parse_stat(text: str) -> ProcessStat:
    """Parse /proc/PID/stat; the command name may hold spaces and parentheses."""
    pid = int(text[: text.index(" ")])
    fields = text[text.rindex(")") + 2 :].split()
    own, reaped = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return ProcessStat(pid, int(fields[1]), int(fields[19]), own * TICK_NS, reaped * TICK_NS)


def parse_memory(status: str) -> Memory:
    """Parse VmRSS and RssAnon of /proc/PID/status (kB there, bytes here)."""
    sizes = dict.fromkeys(("VmRSS", "RssAnon"), 0)
    for line in status.splitlines():
        name, _, size = line.partition(":")
        if name in sizes:
            sizes[name] = int(size.split()[0]) * 1024
    return Memory(sizes["VmRSS"], sizes["RssAnon"])


def parse_listeners(table: str, port: int) -> set[int]:
    """The socket inodes that listen on `port` in /proc/net/tcp or tcp6."""
    inodes = set()
    for line in table.splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
            inodes.add(int(fields[9]))
    return inodes


def descendants(stats: Iterable[ProcessStat], roots: Iterable[int]) -> set[int]:
    """The pids of `roots` that live and of all that descend from them."""
    children: dict[int, list[int]] = {}
    alive = set()
    for stat in stats:
        children.setdefault(stat.parent, []).append(stat.pid)
        alive.add(stat.pid)
    found: set[int] = set()
    waiting = [pid for pid in roots if pid in alive]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found


@dataclass
class TreeClock:
    """Adds up the CPU time of a changing set of processes; never runs backwards.

    A process that ended is normally counted on by its parent's `reaped`; where it was not
    (no parent left, or one that never waits) the last figure seen of it is kept in `lost`.
    """

    lost: int = 0
    _known: dict[tuple[int, int], ProcessStat] = field(default_factory=dict)

    def observe(self, members: Mapping[tuple[int, int], ProcessStat]) -> int:
        """The CPU ns of the tree so far, given its living members by identity."""
        vanished: dict[int, int] = {}
        for identity, stat in self._known.items():
            if identity not in members:
                vanished[stat.parent] = vanished.get(stat.parent, 0) + stat.own + stat.reaped
        grown = {
            stat.pid: stat.reaped - self._known[identity].reaped
            for identity, stat in members.items()
            if identity in self._known
        }
        self.lost += sum(max(0, gone - grown.get(pid, 0)) for pid, gone in vanished.items())
        self._known = dict(members)
        return self.lost + sum(stat.own + stat.reaped for stat in members.values())


class ProcessTree:
    """The processes given by pid with all their descendants, also once orphaned."""

    def __init__(self, roots: Iterable[int]) -> None:
        self._followed: set[tuple[int, int]] = set()
        self._clock = TreeClock()
        stats = {stat.pid: stat for stat in read_stats()}
        for pid in roots:
            if pid not in stats:
                raise ProcessLookupError(f"no process {pid}")
            self._followed.add(stats[pid].identity)

    def cpu(self) -> int:
        """CPU ns used by the tree since it began; only differences mean anything."""
        return self._clock.observe(self._members())

    def memory(self) -> Memory:
        """The resident memory of the tree now; pages shared by processes count in each."""
        each = [read_memory(pid) for pid, _ in self._followed]
        return Memory(sum(m.rss for m in each), sum(m.anonymous for m in each))

    def __len__(self) -> int:
        return len(self._followed)

    def _members(self) -> dict[tuple[int, int], ProcessStat]:
        stats = {stat.pid: stat for stat in read_stats()}
        alive = [pid for pid, started in self._followed if is_same(stats.get(pid), started)]
        chosen = [stats[pid] for pid in descendants(stats.values(), alive)]
        self._followed = {stat.identity for stat in chosen}
        return {stat.identity: with_schedstat(stat) for stat in chosen}


def is_same(stat: ProcessStat | None, started: int) -> bool:
    """Whether the process is still the one that started then."""
    return stat is not None and stat.started == started


def read_text(path: Path) -> str:
    """The text of a /proc file, empty when its process has ended or is not ours to see."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def read_stats() -> list[ProcessStat]:
    """The figures of all processes there are."""
    texts = (read_text(PROC / name / "stat") for name in os.listdir(PROC) if name.isdigit())
    return [parse_stat(text) for text in texts if text]


def read_memory(pid: int) -> Memory:
    """The resident memory of one process, 0 once it has ended."""
    return parse_memory(read_text(PROC / str(pid) / "status"))


def with_schedstat(stat: ProcessStat) -> ProcessStat:
    """The same figures with `own` made exact where the kernel counts nanoseconds."""
    tasks = PROC / str(stat.pid) / "task"
    try:
        texts = [read_text(tasks / name / "schedstat") for name in os.listdir(tasks)]
    except OSError:
        return stat
    exact = sum(int(text.split()[0]) for text in texts if text)
    own = max(stat.own, exact)
    return ProcessStat(stat.pid, stat.parent, stat.started, own, stat.reaped)


def pids_of_port(port: int) -> list[int]:
    """The processes that listen on a TCP port, with parents that run the same executable."""
    inodes = parse_listeners(read_text(PROC / "net/tcp"), port)
    inodes |= parse_listeners(read_text(PROC / "net/tcp6"), port)
    wanted = {f"socket:[{inode}]" for inode in inodes}
    stats = {stat.pid: stat for stat in read_stats()}
    owners = {pid for pid in stats if wanted & set(open_files(pid))}
    ours = {os.getpid(), *ancestors(stats, os.getpid())}
    for pid in list(owners):
        for parent in ancestors(stats, pid):
            if parent in ours or link(parent, "exe") != link(pid, "exe"):
                break
            owners.add(parent)
    return sorted(owners)


def ancestors(stats: Mapping[int, ProcessStat], pid: int) -> list[int]:
    """The parents of a process, nearest first."""
    found: list[int] = []
    while pid in stats and (pid := stats[pid].parent) > 1:
        found.append(pid)
    return found


def open_files(pid: int) -> list[str]:
    """What the descriptors of a process point to; empty where that is not ours to see."""
    try:
        names = os.listdir(PROC / str(pid) / "fd")
    except OSError:
        return []
    return [link(pid, f"fd/{name}") for name in names]


def link(pid: int, name: str) -> str:
    """The target of a symbolic link in a process's folder, empty when there is none."""
    try:
        return os.readlink(PROC / str(pid) / name)
    except OSError:
        return ""


def machine_busy() -> tuple[int, int]:
    """Ticks all processors have been busy, and all ticks, since boot."""
    fields = [int(text) for text in read_text(PROC / "stat").split("\n", 1)[0].split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def machine() -> dict[str, object]:
    """What a result must say of the machine it was made on."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in read_text(PROC / "cpuinfo").splitlines()
            if line.startswith("model name")
        ),
        "unknown",
    )
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": cpu,
        "kernel": os.uname().release,
        "memory": pages,
    }
