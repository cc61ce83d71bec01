"""How a long command tells on stderr how it goes on."""

import sys
import time

_QUIET_SECONDS = 2.0  # before a terminal shows anything
_RENEW_SECONDS = 0.2


class Progress:
    """On a terminal one line, renewed, once it takes long; elsewhere one line for each step.

    `unit` is "rows", or "bytes" to be shown as MiB.
    """

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._begun = time.monotonic()
        self._shown = 0.0
        self._step = ""
        self._done = 0

    def step(self, text: str) -> None:
        """A new step begins."""
        self._step, self._done = text, 0
        if not self._terminal:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def count(self, amount: int) -> None:
        """So many more bytes of this step are done."""
        self._done += amount
        self._show(f"{self._done / (1 << 20):.0f} MiB")

    def rows(self, done: int) -> None:
        """So many rows of this step are done."""
        self._show(f"{done} rows")

    def end(self) -> None:
        """Leave the terminal's line to what follows."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _show(self, amount: str) -> None:
        now = time.monotonic()
        if not self._terminal or now - self._begun < _QUIET_SECONDS:
            return
        if now - self._shown > _RENEW_SECONDS:
            self._shown = now
            sys.stderr.write(f"\r{self._step}: {amount}\x1b[K")
            sys.stderr.flush()
