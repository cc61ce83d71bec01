"""A fair mutual exclusion between processes of one machine, which the kernel ends with its holder.

Two flocks: who wants the inner one first waits for the outer one, and gives that back only once it
has the inner one. So a process that leaves and comes again at once queues behind the one that waits
(flock alone wakes the waiters and lets the newcomer win).
"""

import fcntl
import os


class Turnstile:
    """`try_enter` never blocks; after it said False, `enter` blocks. Then `leave`."""

    def __init__(self, outer: str, inner: str) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._outer = os.open(outer, flags, 0o600)
        self._inner = os.open(inner, flags, 0o600)

    def try_enter(self) -> bool:
        try:
            fcntl.flock(self._outer, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        try:
            fcntl.flock(self._inner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            fcntl.flock(self._outer, fcntl.LOCK_UN)
        return True

    def enter(self) -> None:
        fcntl.flock(self._outer, fcntl.LOCK_EX)
        fcntl.flock(self._inner, fcntl.LOCK_EX)
        fcntl.flock(self._outer, fcntl.LOCK_UN)

    def leave(self) -> None:
        fcntl.flock(self._inner, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._outer)
        os.close(self._inner)
