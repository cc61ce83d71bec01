"""README tells the truth: its table is the schema's, and each of its commands runs."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.compatibility import operations_table
from ocean.config.table import settings_table
from tests.conformance.exclusions import parse, plain
from tests.conformance.report import table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
# These install or start what the test does in its own way, or contain this test.
ELSEWHERE = {"make run", "make test"}


def shown(name: str) -> str:
    """What README has between `<!-- name -->` and `<!-- /name -->`."""
    return README.split(f"<!-- {name} -->\n")[1].split(f"<!-- /{name} -->")[0].strip()


def test_the_table_of_settings_is_the_schema_s() -> None:
    assert shown("settings") == settings_table()


def test_the_table_of_operations_is_the_registry_s() -> None:
    assert shown("operations") == operations_table()


def test_the_table_of_cases_counts_the_published_lists() -> None:
    lists = ROOT / "tests" / "conformance"
    passed = plain((lists / "passed.txt").read_text())
    excluded = parse((lists / "excluded.txt").read_text()).cases
    assert excluded.keys().isdisjoint(passed)
    peer = plain((lists / "radosgw-16.2.txt").read_text())
    assert shown("cases") == table(passed, excluded, peer)


def test_what_shows_a_feature_is_there() -> None:
    for row in shown("features").splitlines()[2:]:
        proofs = re.findall(r"`(\S+)`", row.split(" | ")[-1])
        assert proofs, row
        assert all((ROOT / "tests" / name).is_file() for name in proofs), row


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)", README)) - {"it"} <= targets | {"is"}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_commands_run_in_order(tmp_path: Path) -> None:
    """`make run` on a copy of the project with this environment, then every other command."""
    for name in ("ocean", "gateway", "metastore", "blobstore"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "pyproject.toml", "requirements.txt", "README.md"):
        shutil.copy2(ROOT / name, tmp_path / name)
    _lend_environment(tmp_path)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OCEAN_")},
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "OCEAN_LISTEN": "127.0.0.1:19990",
        "OCEAN_ADMIN_LISTEN": "127.0.0.1:19991",
    }
    server = subprocess.Popen(
        ["make", "run"], cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True
    )
    try:
        _await_banner(server)
        commands = [line for block in BLOCKS for line in block.splitlines() if line]
        assert set(commands) >= ELSEWHERE
        for command in commands:
            if command not in ELSEWHERE:
                subprocess.run(["bash", "-ec", command], cwd=tmp_path, env=environ, check=True)
    finally:
        server.terminate()
        server.communicate(timeout=30)


def _lend_environment(folder: Path) -> None:
    """An installed `.venv` that leads to this interpreter's packages."""
    binaries = folder / ".venv" / "bin"
    binaries.mkdir(parents=True)
    for name, module in (("python", ""), ("ocean", "-m ocean ")):
        script = binaries / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} {module}"$@"\n')
        script.chmod(0o755)
    installed = folder / ".venv" / ".installed"
    installed.touch()
    os.utime(installed, (time.time() + 60, time.time() + 60))


def _await_banner(server: "subprocess.Popen[str]") -> None:
    assert server.stdout is not None
    for line in server.stdout:
        if "python3 -c" in line:
            return
    raise AssertionError("the server ended without its banner")
