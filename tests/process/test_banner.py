"""The lines that a server prints work as pasted."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("banner")) as running:
        running.client().create_bucket(Bucket="shown-by-the-banner")
        yield running


@pytest.mark.parametrize("program", ["aws", "s3cmd", "python3"])
def test_a_pasted_line_lists_the_buckets(server: Server, program: str, tmp_path: Path) -> None:
    (line,) = [text for text in server.banner.splitlines() if f"{program} -" in text]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    assert shutil.which(program, path=path), f"{program} is not installed"
    ended = subprocess.run(
        ["sh", "-c", line],
        env={"PATH": path, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "shown-by-the-banner" in ended.stdout
