"""Log lines on stderr, as text or JSON, one for each event."""

import json
import logging
import sys
import time
from collections.abc import Callable

from ocean.config.schema import Log


class Line(logging.Formatter):
    """`2026-11-22T03:15:05.123Z WARNING worker 1: what happened`."""

    def __init__(self, process: str, form: str) -> None:
        super().__init__()
        self._process = process
        self._json = form == "json"

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        moment = f"{stamp}.{int(record.msecs):03d}Z"
        message = record.getMessage()
        if record.exc_info:
            message = f"{message}\n{self.formatException(record.exc_info)}"
        if not self._json:
            return f"{moment} {record.levelname} {self._process}: {message}"
        return json.dumps(
            {
                "time": moment,
                "level": record.levelname.lower(),
                "process": self._process,
                "logger": record.name,
                "message": message,
            }
        )


class Sparing(logging.Filter):
    """Lets `LIMIT` lines of one kind through in `PERIOD` seconds; the first behind it says how many
    did not pass. A kind is a place in the code: a lost partition fails every request alike. Of
    errors only those with a traceback are kinds, by where it ends: others each say something new.
    """

    LIMIT = 20
    PERIOD = 10.0
    KINDS = 1000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._counts: dict[tuple[object, ...], tuple[float, int]] = {}  # begin, lines since

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if record.levelno >= logging.ERROR and error is None:
            return True
        kind = (record.name, record.levelno, str(record.msg), type(error), _raised_at(error))
        now = self._clock()
        if len(self._counts) > self.KINDS:
            self._counts.clear()
        begun, count = self._counts.get(kind, (now, 0))
        if now - begun >= self.PERIOD:
            if count > self.LIMIT:
                record.msg = f"{record.msg} (and {count - self.LIMIT:,} lines alike before)"
            begun, count = now, 0
        self._counts[kind] = (begun, count + 1)
        return count < self.LIMIT


def _raised_at(error: BaseException | None) -> tuple[str, int] | None:
    trace = error.__traceback__ if error is not None else None
    if trace is None:
        return None
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_filename, trace.tb_lineno


def set_up(settings: Log, process: str) -> None:
    """Send this process's log to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line(process, settings.format))
    handler.addFilter(Sparing())
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
