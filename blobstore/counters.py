"""Units of work that a blob store did: for metrics, and for tests to assert growth on."""


class Counters:
    __slots__ = ("bytes_read", "bytes_written", "fsyncs", "reads", "writes")

    def __init__(self) -> None:
        self.reads = 0
        self.bytes_read = 0
        self.writes = 0  # calls that wrote: a short write and its continuation count twice
        self.bytes_written = 0
        self.fsyncs = 0  # of files and of folders
