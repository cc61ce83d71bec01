"""Starting, replacing and ending real processes."""

import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.server import SECRET_KEY, Server
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Nothing is stored in it, so there is nothing to check at its end."""
    with Server(tmp_path, sound=False) as running:
        yield running


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def alive(pid: int) -> bool:
    """Whether a process runs, zombies not counted."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def sockets(pid: int) -> int:
    """How many a process has open."""
    found = 0
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since
            found += str(file.readlink()).startswith("socket:")
    return found


def wait_gone(pids: list[int], seconds: float) -> None:
    """Assert that processes end within a time."""
    deadline = time.monotonic() + seconds
    while left := [pid for pid in pids if alive(pid)]:
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.01)


def refused(process: subprocess.Popen[str]) -> str:
    """What a server that could not start said: one line, no traceback, exit status 2."""
    out, error = process.communicate(timeout=30)
    assert process.returncode == 2, (out, error)
    assert out == ""
    (line,) = error.splitlines()
    assert line.startswith("ocean: ")
    return line


def test_ready_means_serving(server: Server) -> None:
    assert get(server.admin_port, "/health") == (200, b'{"status":"ok"}\n')
    assert get(server.admin_port, "/ready")[0] == 200
    assert get(server.port, "/")[0] in (403, 501)
    assert len(server.workers) == 2


def test_everything_is_in_the_supervisor_s_session_and_group(server: Server) -> None:
    pids = [server.process.pid, *server.workers]
    assert {os.getsid(pid) for pid in pids} == {server.process.pid}
    assert {os.getpgid(pid) for pid in pids} == {server.process.pid}


def taken(server: Server) -> list[int]:
    """How many of twenty connections each worker takes."""
    before = {pid: sockets(pid) for pid in server.workers}
    opened = []
    for _ in range(20):
        opened.append(socket.create_connection(("127.0.0.1", server.port)))
        time.sleep(0.05)  # on a busy machine a worker may not be given its turn at once
    eventually(lambda: sum(map(sockets, before)) == sum(before.values()) + 20)
    counts = [sockets(pid) - count for pid, count in before.items()]
    for one in opened:
        one.close()
    eventually(lambda: sum(map(sockets, before)) == sum(before.values()))
    return counts


def test_connections_are_shared_out_between_the_workers(server: Server) -> None:
    tries = [taken(server)]
    while min(tries[-1]) < 7 and len(tries) < 3:  # a worker may stand still, but hardly each time
        tries.append(taken(server))
    assert min(tries[-1]) >= 7, tries


def test_a_worker_that_hangs_does_not_keep_others_from_taking_connections(server: Server) -> None:
    first, _ = server.workers
    os.kill(first, signal.SIGSTOP)
    try:
        for _ in range(20):
            assert get(server.port, "/")[0] == 403
    finally:
        os.kill(first, signal.SIGCONT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_of_it(server: Server, number: signal.Signals) -> None:
    pids = server.workers
    os.killpg(server.process.pid, number)  # as a terminal does
    assert server.process.wait(20) == 0
    wait_gone(pids, 10)


def test_sigterm_drains_requests_in_flight(server: Server) -> None:
    """A request whose body is still on its way is answered; nobody else is let in."""
    head = b"POST /v1/users HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"

    def refuses() -> bool:
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
        except ConnectionRefusedError:
            return True
        return False

    with socket.create_connection(("127.0.0.1", server.admin_port), timeout=10) as client:
        client.sendall(head + b"Expect: 100-continue\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 100 "), "it waits for the body"
        client.sendall(b"ab")
        server.process.send_signal(signal.SIGTERM)
        eventually(refuses, 10)
        time.sleep(0.5)
        assert server.process.poll() is None
        client.sendall(b"cd")
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"Connection: close" in answer
    assert server.process.wait(15) == 0


def test_a_worker_that_dies_is_replaced(server: Server) -> None:
    before = server.workers
    os.kill(before[0], signal.SIGKILL)

    eventually(lambda: len(now := server.workers) == 2 and before[0] not in now)
    assert before[1] in server.workers
    assert "SIGKILL" in server.said()
    for _ in range(20):
        assert get(server.admin_port, "/health")[0] == 200


def test_requests_go_on_while_workers_die(server: Server) -> None:
    """Every new connection is served by whoever lives."""
    failures: list[object] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                if get(server.admin_port, "/ready")[0] != 200:
                    failures.append("status")
            except OSError:
                failures.append("connection")

    thread = threading.Thread(target=ask)
    thread.start()
    for _ in range(3):
        os.kill(server.workers[0], signal.SIGKILL)
        time.sleep(1)
    done.set()
    thread.join()
    assert len(failures) <= 3  # at most the request that the dead worker had


def test_no_worker_outlives_a_killed_supervisor(server: Server) -> None:
    pids = server.workers
    server.process.kill()
    wait_gone(pids, 10)


def test_a_stopped_supervisor_that_is_killed_leaves_nothing(server: Server) -> None:
    pids = server.workers
    server.process.send_signal(signal.SIGSTOP)
    server.process.kill()
    wait_gone(pids, 10)


def test_a_worker_that_only_starts_does_not_outlive_a_killed_supervisor(server: Server) -> None:
    """Stopped while it imports, it can do nothing for its end itself."""
    before = server.workers
    os.kill(before[0], signal.SIGKILL)
    started: list[int] = []

    def executed() -> bool:
        started[:] = set(server.workers) - set(before)
        return any(b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in started)

    eventually(executed)
    os.kill(started[0], signal.SIGSTOP)
    try:
        server.process.kill()
        wait_gone(started, 10)
    finally:
        with suppress(ProcessLookupError):
            os.kill(started[0], signal.SIGKILL)


def test_a_second_server_on_the_same_data_is_refused(server: Server) -> None:
    line = refused(server.launch())
    assert str(server.data) in line
    assert f"pid {server.process.pid}" in line
    assert alive(server.process.pid)


def test_a_killed_server_s_data_can_be_served_at_once(server: Server) -> None:
    for _ in range(3):
        server.process.kill()
        server.process.wait()
        server.start()
    assert get(server.admin_port, "/ready")[0] == 200


def test_a_second_start_costs_little(server: Server) -> None:
    """Ready within 2 s on two free cores: counted in CPU, which other load does not change."""
    assert server.stop() == 0
    server.start()
    assert sum(cpu_seconds(pid) for pid in (server.process.pid, *server.workers)) < 2


def test_a_busy_port_is_one_line(server: Server, tmp_path: Path) -> None:
    line = refused(Server(tmp_path / "other", {"OCEAN_LISTEN": server.host}).launch())
    assert server.host in line
    assert "in use" in line


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"OCEAN_DATA": "/proc/no/such/folder"}, "/proc/no/such/folder"),
        ({"OCEAN_NONSENSE": "1"}, "OCEAN_NONSENSE: unknown variable"),
        ({"OCEAN_WORKERS": "x"}, "OCEAN_WORKERS: workers is wrong"),
        ({"OCEAN_MASTER_KEY_FILE": "/dev/null"}, "/dev/null"),
        ({"OCEAN_METASTORE": "nonsense"}, "nonsense"),
        ({"OCEAN_LISTEN": "203.0.113.1:0"}, "cannot listen"),
        ({"OCEAN_TLS_CERTIFICATE": "/nope", "OCEAN_TLS_KEY": "/nope"}, "tls.certificate"),
        ({"OCEAN_LISTEN": "0.0.0.0:0", "OCEAN_ROOT_SECRET_KEY": "short-secret"}, "under 16"),
        (
            {
                "OCEAN_ADMIN_LISTEN": "0.0.0.0:0",
                "OCEAN_ROOT_ACCESS_KEY": "minioadmin",
                "OCEAN_ROOT_SECRET_KEY": "minioadmin",
            },
            "known from documentation",
        ),
    ],
)
def test_what_prevents_a_start_is_one_line(
    tmp_path: Path, environ: dict[str, str], words: str
) -> None:
    line = refused(Server(tmp_path, environ).launch())
    assert words in line
    assert environ.get("OCEAN_ROOT_SECRET_KEY", SECRET_KEY) not in line.replace("minioadmin", "")


def test_a_weak_pair_is_fine_on_loopback(tmp_path: Path) -> None:
    environ = {"OCEAN_ROOT_ACCESS_KEY": "minioadmin", "OCEAN_ROOT_SECRET_KEY": "minioadmin"}
    with Server(tmp_path, environ) as server:
        assert get(server.admin_port, "/ready")[0] == 200


def test_generated_credentials_are_kept_and_shown(tmp_path: Path) -> None:
    environ = {"OCEAN_ROOT_ACCESS_KEY": "", "OCEAN_ROOT_SECRET_KEY": ""}
    server = Server(tmp_path, environ)
    assert "start the server" in server.run("credentials").stderr or not server.data.exists()
    with server:
        shown = [line for line in server.banner.splitlines() if " key: " in line]
        running = server.run("credentials").stdout
        server.stop()
    stopped = server.run("credentials").stdout
    assert running == stopped
    assert [line.split()[-1] for line in shown] == [
        line.split()[-1] for line in stopped.splitlines()
    ]
    with server:
        assert [line for line in server.banner.splitlines() if " key: " in line] == shown


def test_metrics_sum_all_workers_and_survive_a_death(tmp_path: Path) -> None:
    with Server(tmp_path, {"OCEAN_METRICS_PUBLIC": "true"}) as server:
        assert get(server.admin_port, "/metrics")[0] == 200


def test_users_and_keys_by_the_command_line(server: Server) -> None:
    made = server.run("admin", "user", "create", "alice", "--email", "a@example.com", "--json")
    assert '"email": "a@example.com"' in made.stdout
    pair = server.run("admin", "access-key", "create", "alice", "--access-key", "ALICEKEY")
    assert "ALICEKEY" in pair.stdout
    assert "ALICEKEY" in server.run("admin", "access-key", "list", "alice").stdout
    again = server.run("admin", "user", "create", "alice")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr == "ocean: user alice exists (Taken)\n"
    assert "alice" in server.run("admin", "user", "list").stdout
    assert server.run("admin", "user", "delete", "alice").returncode == 0
    assert "no user alice" in server.run("admin", "user", "show", "alice").stderr


def test_the_command_line_without_a_server_is_one_line(server: Server) -> None:
    server.stop()
    ended = server.run("admin", "user", "list")
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert "no server answers" in line
