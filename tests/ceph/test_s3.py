"""The S3 suite's core on HBase, memcached and three partitions of real Ceph clusters."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.hbase.test_s3 import CORE, SUITE, environment
from tests.support.ceph import Ceph

ROOT = Path(__file__).parents[2]
PARTITIONS = ("test_get_object.py", "test_upload_part.py", "test_upload_part_copy.py")


@pytest.mark.timeout(600)
def test_core(east: Ceph, west: Ceph, tmp_path: Path) -> None:
    clusters = f"{east.conf} {west.conf} {west.conf}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "--basetemp"]
    done = subprocess.run(
        [*command, str(tmp_path / "t"), *(str(SUITE / name) for name in (*CORE, *PARTITIONS))],
        cwd=ROOT,
        env={**environment("cached"), "OCEAN_TEST_CEPH": clusters},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
