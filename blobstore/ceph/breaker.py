"""Whether a cluster answers: after failures in a row it is taken not to, until it does. Pure."""

FAILURES = 3  # in a row


class Breaker:
    """Told of every outcome."""

    def __init__(self) -> None:
        self._failures = 0

    def closed(self) -> bool:
        """Whether operations may be sent."""
        return self._failures < FAILURES

    def answered(self) -> None:
        """There was an answer, be it an error."""
        self._failures = 0

    def failed(self) -> None:
        """The cluster could not be reached, or did not answer in time."""
        self._failures += 1
