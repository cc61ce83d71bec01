"""Log lines on stderr, as text or JSON, one for each event."""

import json
import logging
import sys
import time

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


def set_up(settings: Log, process: str) -> None:
    """Send this process's log to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line(process, settings.format))
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
