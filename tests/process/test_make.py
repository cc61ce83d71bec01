"""What `make` says when it cannot."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    for name in ("Makefile", "pyproject.toml", "requirements.txt"):
        shutil.copy2(ROOT / name, folder / name)
    # As from a shell: inside `make test` it would call itself make[1].
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environ.pop("MFLAGS", None)
    return subprocess.run(
        ["make", "-s", *words],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def install(folder: Path, python: str) -> subprocess.CompletedProcess[str]:
    fake = folder / "python"
    fake.write_text(f"#!/bin/sh\n{python}\n")
    fake.chmod(0o755)
    return make(folder, "install", f"PYTHON={fake}")


def told(ended: subprocess.CompletedProcess[str]) -> list[str]:
    """What it said itself, without what make says of every failure."""
    return [line for line in ended.stderr.splitlines() if not line.startswith("make: ***")]


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ('[ "$1" = -V ] && echo Python 3.9.2; exit 1', "Python 3.11 or later is needed"),
        ('case "$2" in *ensurepip*) exit 1;; esac', "apt install python3-venv"),
        ('[ "$1" != -m ]', "cannot be made here"),
    ],
)
def test_what_is_missing_is_one_line(tmp_path: Path, python: str, words: str) -> None:
    ended = install(tmp_path, python)
    assert ended.returncode == 2
    (line,) = told(ended)
    assert words in line
    assert not (tmp_path / ".venv" / ".installed").exists()


def test_nothing_is_installed_twice(tmp_path: Path) -> None:
    installed = tmp_path / ".venv" / ".installed"
    installed.parent.mkdir()
    for name in ("pyproject.toml", "requirements.txt"):
        shutil.copy2(ROOT / name, tmp_path / name)
    installed.touch()
    ended = install(tmp_path, "exit 1")
    assert (ended.returncode, ended.stdout) == (0, "")


def test_an_unknown_part_of_the_night_is_one_line(tmp_path: Path) -> None:
    ended = make(tmp_path, "nightly", "PART=none")
    assert ended.returncode == 2
    (line,) = told(ended)
    assert line.startswith("make: nightly has no part none, but ")
    assert not (tmp_path / ".venv").exists()


def test_a_missing_package_is_one_line() -> None:
    ended = subprocess.run(
        [sys.executable, "-S", "-m", "ocean", "serve"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("ocean: the package ")
    assert "make install" in line
