"""Log lines: many alike are counted instead."""

import logging

from ocean.logs import Sparing


def record(text: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("ocean", logging.WARNING, "", 0, text, args, None)


def test_lines_alike_are_counted() -> None:
    now = 0.0
    sparing = Sparing(lambda: now)
    passed = [sparing.filter(record("request %s failed", number)) for number in range(1000)]
    assert passed == [True] * Sparing.LIMIT + [False] * (1000 - Sparing.LIMIT)
    assert sparing.filter(record("something else")), "of another kind"
    now = Sparing.PERIOD
    first = record("request %s failed", 1000)
    assert sparing.filter(first)
    assert first.getMessage() == "request 1000 failed (and 980 lines alike before)"
    again = record("request %s failed", 1001)
    assert sparing.filter(again)
    assert again.getMessage() == "request 1001 failed"


def test_few_lines_pass_as_they_are() -> None:
    now = 0.0
    sparing = Sparing(lambda: now)
    for _ in range(100):
        now += Sparing.PERIOD / 10
        line = record("100 %s", "%s")
        assert sparing.filter(line)
        assert line.getMessage() == "100 %s"


def raised(error: Exception) -> logging.LogRecord:
    made = record("request %s failed", 1)
    made.levelno = logging.ERROR
    try:
        raise error
    except ValueError:
        made.exc_info = (type(error), error, error.__traceback__)
    except OSError:
        made.exc_info = (type(error), error, error.__traceback__)
    return made


def test_a_flood_of_one_failure_hides_no_other() -> None:
    sparing = Sparing(lambda: 0.0)
    passed = [sparing.filter(raised(ValueError())) for _ in range(100)]
    assert sum(passed) == Sparing.LIMIT
    assert sparing.filter(raised(OSError()))


def test_errors_that_say_something_new_all_pass() -> None:
    sparing = Sparing(lambda: 0.0)
    for number in range(100):
        made = record("the bytes of %s are damaged", number)
        made.levelno = logging.ERROR
        assert sparing.filter(made)
