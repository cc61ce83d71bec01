"""The rules of the tree: what is pure, how large things may be, and whose names these are."""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("ocean", "gateway", "metastore", "blobstore")
MAX_LINES = 500
MAX_FUNCTION = 60

PURE = (
    "gateway/wire",
    "ocean/rules",
    "ocean/body",
    "ocean/objects/manifest.py",
    "ocean/objects/label.py",
    "metastore/keys.py",
    "metastore/codec.py",
    "metastore/lifecycle_records.py",
    "metastore/records.py",
    "metastore/retention_records.py",
    "metastore/versions.py",
    "blobstore/extents.py",
    "blobstore/frames.py",
    "blobstore/ids.py",
    "blobstore/ceph/breaker.py",
    "blobstore/ceph/policy.py",
    "blobstore/ceph/stripes.py",
)
IMPURE_MODULES = {
    "asyncio",
    "logging",
    "os",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "threading",
    "time",
}


def sources(*packages: str) -> list[Path]:
    return sorted(path for name in packages for path in (ROOT / name).rglob("*.py"))


def pure_sources() -> Iterator[Path]:
    for name in PURE:
        path = ROOT / name
        assert path.exists(), f"{name} is gone: correct the list"
        yield from path.rglob("*.py") if path.is_dir() else [path]


@pytest.mark.parametrize("path", sorted(pure_sources()), ids=lambda path: path.stem)
def test_pure_modules_have_no_effects(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await), f"{path}:{node}"
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            assert name.partition(".")[0] not in IMPURE_MODULES, f"{path.name} imports {name}"


def test_files_are_small() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources(*PACKAGES, "bench")
        if (lines := len(path.read_text().splitlines())) > MAX_LINES
    }
    assert not long


def test_functions_are_small() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.name}: {node.end_lineno - node.lineno + 1}"
        for path in sources(*PACKAGES, "bench")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION
    ]
    assert not long


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in sources(*PACKAGES, "bench")
        if (source := path.read_text()).strip() and ast.get_docstring(ast.parse(source)) is None
    ]
    assert not silent


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_are_ours(name: str) -> None:
    """Short names might be shadowed by another distribution."""
    found = importlib.util.find_spec(name)
    assert found is not None
    assert found.origin is not None
    assert Path(found.origin).parents[1] == ROOT


def test_top_level_holds_what_was_agreed() -> None:
    agreed = {
        "CHANGELOG.md",
        "Makefile",
        "README.md",
        "bench",
        "blobstore",
        "deploy",
        "gateway",
        "metastore",
        "ocean",
        "pyproject.toml",
        "requirements-test.txt",
        "requirements.txt",
        "tests",
    }
    made = {"build", "data"}
    there = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert there - made - agreed == {name for name in there if name.endswith(".egg-info")}
