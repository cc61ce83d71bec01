"""What is secret is compared in constant time, everywhere.

Negative test for Swift CVE-2014-0006 and RustFS GHSA-3p3x (the time of `==` tells how much of a
signature is right).
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("ocean", "gateway", "metastore", "blobstore")
SECRET = re.compile(
    r"(?:^|_)(?:sig|signature|signatures|token|secret|secrets|digest|hmac|mac)(?:_|$)"
)

# Compared with == although the name says otherwise, and why that may be.
ALLOWED = {
    "upload.digest != digest": "of a list of parts, which who compares knows anyway",
    "now.digest == digest": "of a list of parts, which who compares knows anyway",
}


def comparisons(source: str) -> Iterator[str]:
    """The == and != between names that sound secret; constants are written in capitals."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(
            isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops
        ):
            sides = [node.left, *node.comparators]
            if any(isinstance(side, ast.Constant) and side.value is None for side in sides):
                continue
            if any(map(_sounds_secret, sides)):
                yield ast.unparse(node)


def _sounds_secret(node: ast.expr) -> bool:
    """Whether the last name of an expression is one of a secret, in small letters."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
    return SECRET.search(name) is not None


def test_no_secret_is_compared_in_plain() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {text}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for text in comparisons(path.read_text())
        if text not in ALLOWED
    }
    assert found == set(), "use hmac.compare_digest"


def test_the_lint_sees_what_it_should() -> None:
    seen = [
        "signature == given",
        "given != self._signature",
        "claim.signature == computed",
        "digest() == given",
        "expected == row.secret",
        "tokens[0] == sent_token",
        "made.hex_digest == x",
        "x == hmac(key)",
    ]
    for text in seen:
        assert list(comparisons(text)) == [text]
    for text in ("name == 'x-amz-signature'", "a == SIGNATURE", "design == b", "token is None"):
        assert list(comparisons(text)) == []
