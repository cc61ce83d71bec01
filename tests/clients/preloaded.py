"""The AWS CLI without what starting it costs: hundreds of its commands in a minute."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.programs import Program

_FORKS = Path(__file__).with_name("aws_forks.py")


class Preloaded:
    """A process that has the AWS CLI loaded; a context manager, which ends it."""

    def __init__(self, folder: Path) -> None:
        self._stdout, self._stderr = folder / "stdout", folder / "stderr"
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_FORKS)],
            cwd=folder,
            env={"LANG": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, arguments: Sequence[str], variables: Mapping[str, str], folder: Path
    ) -> "subprocess.CompletedProcess[str]":
        """As `subprocess.run` does it with a process of its own."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {
            "arguments": arguments,
            "variables": dict(variables),
            "folder": str(folder),
            "stdout": str(self._stdout),
            "stderr": str(self._stderr),
        }
        print(json.dumps(order), file=self._process.stdin, flush=True)
        status = int(self._process.stdout.readline())
        told = self._stdout.read_text(), self._stderr.read_text()
        return subprocess.CompletedProcess(["aws", *arguments], status, *told)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()


class PreloadedAws(Program):
    """The program `aws`, run by a process that has it loaded."""

    def __init__(self, preloaded: Preloaded, folder: Path, variables: Mapping[str, str]) -> None:
        super().__init__(["aws"], folder, variables)
        self._preloaded = preloaded

    def _run(self, arguments: Sequence[str | Path]) -> "subprocess.CompletedProcess[str]":
        return self._preloaded.run([*map(str, arguments)], self._environment, self._folder)
