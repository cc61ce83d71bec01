"""How long a refusal takes tells nothing of the right signature.

Negative tests for Swift CVE-2014-0006 and RustFS GHSA-3p3x, beside the lint of comparisons.
"""

import hmac
import time
from collections.abc import Callable

import pytest

from gateway.wire.claims import same_signature
from tests.attacks.test_signature_matrix import _last, store
from tests.support.signing import FORMS, Choices

SIZE = 4 << 20  # so long that what a comparison skips is time
RIGHT = "a" * SIZE
WRONG_AT_ONCE, WRONG_AT_THE_END = "b" + RIGHT[1:], RIGHT[:-1] + "b"


def seconds(same: Callable[[str, str], bool], provided: str) -> float:
    """The least of nine times; whatever else runs on the machine only adds to it."""
    times = []
    for _ in range(9):
        begun = time.perf_counter()
        assert not same(RIGHT, provided)
        times.append(time.perf_counter() - begun)
    return min(times)


def advantage(same: Callable[[str, str], bool]) -> float:
    """How many times as long a signature takes of which all but the end is right."""
    return seconds(same, WRONG_AT_THE_END) / seconds(same, WRONG_AT_ONCE)


def test_a_nearly_right_signature_takes_as_long_as_a_wrong_one() -> None:
    assert advantage(str.__eq__) > 10, "a plain comparison shows in this test"
    assert advantage(same_signature) < 3


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_is_compared_in_constant_time(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []
    compare = hmac.compare_digest

    def noted(a: str, b: str) -> bool:
        compared.append(b)
        return compare(a, b)

    gateway = await store()
    wrong = _last(FORMS[form]("GET", "/bucket", {}, Choices()))
    monkeypatch.setattr(hmac, "compare_digest", noted)
    answer = await gateway.ask("GET", *wrong)
    assert answer.status == 403
    sent = wrong.headers.get("authorization", wrong.target).replace("%2B", "+").replace("%2F", "/")
    assert any(isinstance(text, str) and text[:20] in sent for text in compared)
