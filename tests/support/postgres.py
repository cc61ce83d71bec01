"""A real PostgreSQL for tests: one database cluster on a socket in a folder of its own.

PostgreSQL refuses to run as root: where tests do, it runs as the user that Debian made for it.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support.programs import Program
from tests.support.waiting import eventually

_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
_USER = "postgres"
_AS_USER = (f"--reuid={_USER}", f"--regid={_USER}", "--init-groups")
_WITH_US = ("setpriv", "--pdeathsig=KILL")  # it ends even with a process of tests that is killed
_END_SECONDS = 30.0


class Postgres:
    """One database cluster; all that it keeps is in `folder`, which becomes its user's.

    `settings` are of postgresql.conf. What is acknowledged outlives its processes, not the machine.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder),
            "fsync": "off",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._under = [*_WITH_US]
        if os.geteuid() == 0:
            shutil.chown(folder, _USER, _USER)
            self._under += _AS_USER
        where = ("--host", str(folder), "--username=postgres")
        self._psql = self.program(str(_PROGRAMS / "psql"), *where, "--no-psqlrc", "-At", "-c")

    def program(self, *command: str) -> Program:
        """A program that the cluster's user calls in its folder."""
        return Program([*self._under, *command], self.folder)

    def make(self) -> None:
        """A new, empty cluster whose pages carry checksums."""
        made = self.program(str(_PROGRAMS / "initdb"), "--no-sync", "--auth=trust")
        made("--username=postgres", "--data-checksums", "--pgdata", self.data)

    def start(self) -> None:
        """Wait until it has recovered and takes changes; AssertionError with its log otherwise."""
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        server = [str(_PROGRAMS / "postgres"), "-D", str(self.data), *options]
        with (self.folder / "postgres.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._under, *server], stdout=log, stderr=log, cwd=self.folder
            )
        eventually(self._takes_changes)

    def sql(self, statement: str) -> str:
        """What it answers, without the newline at its end."""
        return self._psql(statement).removesuffix("\n")

    def stop(self) -> None:
        """Let it write and archive all it has, and end."""
        self._end(signal.SIGINT)

    def wipe(self) -> None:
        """Lose all its files; it must have ended."""
        shutil.rmtree(self.data)

    def close(self) -> None:
        """End it at once, for good."""
        if self._process is not None and self._process.poll() is None:
            self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None, "it was not started"
        self._process.send_signal(how)
        self._process.wait(_END_SECONDS)

    def _takes_changes(self) -> bool:
        assert self._process is not None
        log = (self.folder / "postgres.log").read_text()
        assert self._process.poll() is None, f"PostgreSQL ended:\n{log}"
        try:
            return self.sql("SELECT pg_is_in_recovery()") == "f"
        except AssertionError:
            return False
