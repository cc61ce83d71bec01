"""Every test marked nightly belongs to exactly one part of `make nightly`, and README names all."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = re.findall(r"^NIGHTLY := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split()
_MARK = re.compile(r"pytest\.mark\.nightly(?:\(part='([a-z-]+)'\))?")


def marked() -> Iterator[tuple[str, list[str]]]:
    """Tests with nightly marks, of their own or their module's, and what parts these name."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text())
        shared = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Assign)]
        shared = [text for text in shared if text.startswith("pytestmark =")]
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                marks = [*shared, *map(ast.unparse, node.decorator_list)]
                if parts := _MARK.findall(" ".join(marks)):
                    yield f"{path.name}::{node.name}", parts


def test_each_nightly_test_is_in_one_part() -> None:
    tests = dict(marked())
    lost = {test: parts for test, parts in tests.items() if len(parts) > 1 or parts[0] not in PARTS}
    assert lost == {}
    assert {parts[0] for parts in tests.values()} == set(PARTS), "a part is empty"


def test_readme_names_each_part() -> None:
    readme = (ROOT / "README.md").read_text()
    table = readme.split("<!-- nightly -->\n")[1].split("<!-- /nightly -->")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == PARTS
