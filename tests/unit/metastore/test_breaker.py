"""When calls of HBase are refused."""

from metastore.hbase.breaker import FAILURES, REST, Breaker


def test_calls_are_refused_after_failures_in_a_row_and_one_now_and_then_is_not() -> None:
    now = 100.0
    breaker = Breaker(lambda: now)
    for _ in range(FAILURES):
        assert breaker.admits()
        breaker.failed()
    assert not breaker.admits()
    for _ in range(3):
        now += REST
        assert breaker.admits()
        assert not breaker.admits()
        breaker.failed()
    now += REST
    assert breaker.admits()
    breaker.answered()
    assert all(breaker.admits() for _ in range(10))


def test_failures_between_answers_refuse_nothing() -> None:
    breaker = Breaker(lambda: 0.0)
    for _ in range(3 * FAILURES):
        breaker.failed()
        breaker.answered()
        breaker.failed()
        assert breaker.admits()
        breaker.answered()
