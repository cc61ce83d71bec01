"""The S3 suite through two gateways on HBase, with memcached and without."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.hbase import running

ROOT = Path(__file__).parents[2]
SUITE = ROOT / "tests" / "s3"
PROCESSES = 2  # more make tables in one small HBase at once than it makes in time
CORE = (
    "test_bucket_versioning.py",
    "test_complete_multipart_upload.py",
    "test_conditional_writes.py",
    "test_copy_object.py",
    "test_create_bucket.py",
    "test_delete_bucket.py",
    "test_delete_object.py",
    "test_delete_objects.py",
    "test_list_objects.py",
    "test_list_object_versions.py",
    "test_put_object.py",
)


def environment(engine: str) -> dict[str, str]:
    """What has the suite run on an engine, of the HBase of this process."""
    url = running().url("")[:-1]
    return {**os.environ, "OCEAN_TEST_METASTORE": engine, "OCEAN_TEST_HBASE_URL": url}


def run(engine: str, folder: Path, *files: str) -> None:
    """The suite, or some of its files, in a process of its own."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "--basetemp"]
    done = subprocess.run(
        [*command, str(folder / "t"), *(str(SUITE / name) for name in files or [""])],
        cwd=ROOT,
        env=environment(engine),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", ["cached", "hbase"])
def test_core(engine: str, tmp_path: Path) -> None:
    if engine == "cached":
        run(engine, tmp_path, *CORE)
    else:  # what the cache leaves alone is asked once
        run(engine, tmp_path, *CORE[:1], *CORE[-3:])


@pytest.mark.nightly(part="suite")
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("engine", ["cached", "hbase"])
def test_all_of_it(engine: str, tmp_path: Path) -> None:
    """In several processes with gateways of their own: changes of buckets mostly wait."""
    files = sorted(path.name for path in SUITE.glob("test_*.py"))
    with ThreadPoolExecutor(PROCESSES) as pool:
        runs = [
            pool.submit(run, engine, tmp_path / str(n), *files[n::PROCESSES])
            for n in range(PROCESSES)
        ]
    for one in runs:
        one.result()
