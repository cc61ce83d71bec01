"""The /proc readers: parsing, trees, and clocks over processes that come and go."""

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.proc import (
    TICK_NS,
    ProcessStat,
    ProcessTree,
    TreeClock,
    descendants,
    parse_listeners,
    parse_memory,
    parse_stat,
    pids_of_port,
)

STAT = (
    "42 (a) b (c)) S 7 42 42 0 -1 4194304 98 0 0 0 {user} {system} {child_user} {child_system} "
    "20 0 1 0 {started} 3133440 380 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0"
)


@given(*[st.integers(0, 10**9)] * 5)
def test_stat_is_read_behind_any_command_name(
    user: int, system: int, child_user: int, child_system: int, started: int
) -> None:
    text = STAT.format(
        user=user,
        system=system,
        child_user=child_user,
        child_system=child_system,
        started=started,
    )
    own, reaped = (user + system) * TICK_NS, (child_user + child_system) * TICK_NS
    assert parse_stat(text) == ProcessStat(42, 7, started, own, reaped)


def test_memory_is_read_in_bytes_and_is_zero_when_there_is_none() -> None:
    memory = parse_memory("Name:\tx\nVmRSS:\t    380 kB\nRssAnon:\t   12 kB\nThreads:\t1\n")
    assert (memory.rss, memory.anonymous) == (380 * 1024, 12 * 1024)
    assert parse_memory("Name:\tkthread\n").rss == 0


def test_only_listening_sockets_of_the_port_are_found() -> None:
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid"
    line = "   0: 0100007F:{port} 00000000:0000 {state} 0:0 0:0 0 0 0 {inode} 1 0 100 0 0 10 0"
    rows = [
        line.format(port="2328", state="0A", inode=11),
        line.format(port="2328", state="01", inode=12),
        line.format(port="2329", state="0A", inode=13),
    ]
    assert parse_listeners("\n".join([head, *rows]), 0x2328) == {11}


def process(pid: int, parent: int, own: int = 0, reaped: int = 0) -> ProcessStat:
    return ProcessStat(pid, parent, pid * 10, own, reaped)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30))
def test_descendants_are_those_whose_line_of_parents_meets_a_root(parents: list[int]) -> None:
    stats = [process(pid, min(parent, pid - 1)) for pid, parent in enumerate(parents, 1)]
    parent_of = {stat.pid: stat.parent for stat in stats}

    def leads_to_root(pid: int) -> bool:
        while pid in parent_of and pid != 1:
            pid = parent_of[pid]
        return pid == 1

    assert descendants(stats, [1]) == {pid for pid in parent_of if leads_to_root(pid)}


def members(*stats: ProcessStat) -> dict[tuple[int, int], ProcessStat]:
    return {stat.identity: stat for stat in stats}


def test_a_reaped_child_is_counted_once() -> None:
    clock = TreeClock()
    before = clock.observe(members(process(1, 0, 100), process(2, 1, 50)))
    after = clock.observe(members(process(1, 0, 110, reaped=80)))
    assert after - before == 10 + 30
    assert clock.lost == 0


def test_a_child_nobody_waited_for_keeps_what_was_seen_of_it() -> None:
    clock = TreeClock()
    before = clock.observe(members(process(1, 0, 100), process(2, 1, 50)))
    assert clock.observe(members(process(1, 0, 100))) == before
    assert clock.lost == 50


def test_an_orphan_counts_on_when_its_parent_is_gone() -> None:
    clock = TreeClock()
    before = clock.observe(members(process(1, 0, 100), process(2, 1, 50)))
    orphan = replace(process(2, 1, 70), parent=1)
    assert clock.observe(members(orphan)) - before == 20


def test_a_pid_that_came_again_is_another_process() -> None:
    clock = TreeClock()
    before = clock.observe(members(process(1, 0, 100), process(2, 1, 50)))
    again = replace(process(2, 1, 5), started=999)
    assert clock.observe(members(process(1, 0, 100, reaped=60), again)) - before == 10 + 5


BURN = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass\n"


def test_the_cpu_of_children_that_live_and_die_in_between_is_seen() -> None:
    code = (
        "import subprocess, sys\n"
        f"burn = {BURN.format(0.15)!r}\n"
        "sys.stdin.readline()\n"
        "subprocess.run([sys.executable, '-S', '-c', burn], check=True)\n"
        "print('done', flush=True)\n"
        "sys.stdin.readline()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        tree = ProcessTree([child.pid])
        before = tree.cpu()
        print(file=child.stdin, flush=True)
        assert child.stdout.readline() == "done\n"
        used = tree.cpu() - before
        memory = tree.memory()
        child.stdin.close()
    assert 0.13e9 < used < 0.6e9
    assert memory.rss > memory.anonymous > 0


OWN_TIME = """
import os, time
from bench.proc import ProcessTree
tree = ProcessTree([os.getpid()])
before, began = tree.cpu(), time.process_time_ns()
while time.process_time_ns() - began < 50_000_000:
    pass
print(abs((tree.cpu() - before) - (time.process_time_ns() - began)))
"""


def test_our_own_time_is_exact_to_the_scheduler() -> None:
    """Of a process that has no others below it, as that of the tests may have."""
    done = subprocess.run(
        [sys.executable, "-c", OWN_TIME], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 25_000_000


def test_a_process_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ProcessLookupError):
        ProcessTree([2**22 + 1])


def test_the_owner_of_a_port_is_found() -> None:
    code = (
        "import socket\n"
        "s = socket.create_server(('127.0.0.1', 0))\n"
        "print(s.getsockname()[1], flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-S", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        port = int(child.stdout.readline())
        found = pids_of_port(port)
        child.stdin.write("\n")
        child.stdin.flush()
    assert found == [child.pid]
