"""What all tests of faults share."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.shim import Control

ROOT = Path(__file__).resolve().parents[2]
_MEMORY = Path("/dev/shm")
Program = Callable[..., dict[str, Any]]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for many small stores: in memory, where fsync costs nothing."""
    fast = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    made = Path(tempfile.mkdtemp(prefix="ocean-faults-", dir=fast))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def program(folder: Path) -> Program:
    """Run a module of tests.faults under the shim; the document it prints."""
    control = Control(folder / "control")

    def run(name: str, *arguments: object) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", f"tests.faults.{name}", str(folder), *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, **control.environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    return run
