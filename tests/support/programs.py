"""Real programs as tests call them: an empty environment, every line kept, failures told whole."""

import fcntl
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

_SECONDS = 90.0
_PIPE = 4096  # bytes, the least that there is
_TROUBLE = re.compile(r"Traceback|checksum.*(?:warn|mismatch)|warn.*checksum|panic:", re.IGNORECASE)


class Program:
    """One client with its fixed arguments, run in `folder` with nothing inherited but PATH."""

    def __init__(
        self, command: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None
    ) -> None:
        self._command = [_found(command[0]), *command[1:]]
        self._folder = folder
        self._environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            **(variables or {}),
        }

    def __call__(self, *arguments: str | Path) -> str:
        """What it printed on stdout; AssertionError unless it succeeded without trouble."""
        done = self._run(arguments)
        told = f"{done.args}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, f"exit status {done.returncode} of {told}"
        assert not _TROUBLE.search(done.stdout + done.stderr), told
        return done.stdout

    def refused(self, *arguments: str | Path) -> str:
        """All it printed; AssertionError unless it failed, and without a traceback."""
        done = self._run(arguments)
        output = done.stdout + done.stderr
        assert done.returncode != 0, f"it succeeded: {done.args}\n{output}"
        assert not _TROUBLE.search(output), f"{done.args}\n{output}"
        return output

    def begin(self, *arguments: str | Path) -> "Running":
        """Start it and return while it works."""
        return Running(
            subprocess.Popen(
                self._full(arguments),
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )

    def _run(self, arguments: Sequence[str | Path]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self._full(arguments),
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )

    def _full(self, arguments: Sequence[str | Path]) -> list[str]:
        return [*self._command, *map(str, arguments)]


class Running:
    """A program at work; its output (stdout and stderr together) is kept as it comes."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.output = ""

    def after(self, pattern: str, count: int, act: Callable[[], object]) -> None:
        """Do `act` once `count` lines matched `pattern`; AssertionError if it ends before.

        The program does not run far ahead of us: with more to say, it waits until we read.
        """
        assert self.process.stdout is not None
        with suppress(OSError):  # it has said more than that already
            fcntl.fcntl(self.process.stdout, fcntl.F_SETPIPE_SZ, _PIPE)
        seen = 0
        for line in self._lines():
            seen += bool(re.search(pattern, line))
            if seen == count:
                act()
                return
        self.process.wait(_SECONDS)
        raise AssertionError(f"only {seen} lines of {pattern!r} in:\n{self.output}")

    def finish(self) -> int:
        """Read on to its end; the exit status."""
        for _ in self._lines():
            pass
        return self.process.wait(_SECONDS)

    def give_up(self) -> None:
        """Kill it: a client that would try for hours does not know that its server is gone."""
        self.process.kill()
        self.finish()

    def matches(self, pattern: str) -> list[str]:
        """The first group of every match in what it printed so far."""
        return re.findall(pattern, self.output)

    def _lines(self) -> Iterator[str]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            yield line


def _found(name: str) -> str:
    """Beside this interpreter (what pip installed) or in PATH; the test fails without it."""
    beside = Path(sys.executable).with_name(name)
    path = str(beside) if beside.exists() else shutil.which(name)
    if path is None:
        pytest.fail(f"the program {name} is missing; .ci/run installs what tests need")
    return path
