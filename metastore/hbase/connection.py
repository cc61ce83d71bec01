"""One thread's connections to the Thrift servers: opened when needed, closed on any error.

A connection that timed out is poisoned: the answer that was given up comes in time for the next
question, and get(b) returns a's row. So nothing is ever read from a connection after an error.
"""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import thriftpy2
from happybase import Connection as HappyConnection
from thriftpy2.protocol import TCyBinaryProtocolFactory
from thriftpy2.rpc import make_client
from thriftpy2.thrift import TException
from thriftpy2.transport import TCyBufferedTransportFactory, TTransportException

from metastore.engine import Unavailable
from metastore.hbase.address import Address
from metastore.hbase.breaker import Breaker
from metastore.hbase.wire import Malformed, Refused

IDLE = 30.0  # seconds; the servers close a connection after 60
_ERRORS = (TException, OSError, EOFError, Refused, Malformed)
_BROKEN = (TTransportException, OSError, EOFError)  # unlike what the server answered

thrift2: Any = thriftpy2.load(
    str(Path(__file__).with_name("thrift2.thrift")), module_name="ocean_hbase_thrift2_thrift"
)

_Result = TypeVar("_Result")


class Lost(Exception):
    """A call was sent and failed: what it asked for may have been done, or may yet be."""


class Starved(Unavailable):
    """No connection was free in time: others have waited for long."""

    def __init__(self) -> None:
        super().__init__("HBase keeps all connections waiting")


class _Kept(NamedTuple):
    """A connection, and when it was used last, by time.monotonic."""

    connection: Any
    used: float


class Connection:
    """To both Thrift servers, for one thread. `timeout` in seconds bounds each wait for bytes.

    `breaker` is told how calls end; it is for others to ask it before.
    """

    def __init__(self, address: Address, timeout: float, breaker: Breaker | None = None) -> None:
        self._address = address
        self._timeout = timeout
        self._breaker = breaker or Breaker()
        self._kept: dict[Callable[[], Any], _Kept] = {}  # by what opened it

    def call(self, ask: Callable[["Connection"], _Result], *, again: bool) -> _Result:
        """What `ask` returns.

        `again`: the call may be repeated, once and on a fresh connection, when the one that was
        kept turned out to be broken.

        Raises:
            Unavailable: nothing was sent.
            Lost: something was.
        """
        kept = bool(self._kept)
        try:
            answer = ask(self)
        except _ERRORS as error:
            self.close()
            self._tell(error, kept=kept)
            # repr: to say what a TApplicationException is, str fails
            if again and kept and isinstance(error, _BROKEN) and not _timed_out(error):
                try:
                    return self.call(ask, again=False)
                except Unavailable as unsent:  # but the first time something was
                    raise Lost(str(unsent)) from error
            raise Lost(f"HBase at {self._address}: {error!r}") from error
        except BaseException:
            self.close()
            raise
        self._breaker.answered()
        return answer

    def _tell(self, error: Exception, *, kept: bool) -> None:
        """A kept connection that is closed says nothing about a server started anew."""
        if not isinstance(error, _BROKEN):
            self._breaker.answered()
        elif not kept or _timed_out(error):
            self._breaker.failed()

    @property
    def first(self) -> HappyConnection:
        """happybase's connection, to Thrift 1."""
        return self._use(self._open_first)

    @property
    def second(self) -> Any:
        """The client of Thrift 2, with the calls of thrift2.thrift."""
        return self._use(self._open_second)

    @property
    def bare(self) -> socket.socket:
        """A socket, connected to Thrift 2, for calls that are bytes."""
        bare: socket.socket = self._use(self._open_bare)
        return bare

    def _use(self, open_: Callable[[], Any]) -> Any:
        now = time.monotonic()
        kept = self._kept.get(open_)
        if kept is not None and now - kept.used > IDLE:
            self.close()
            kept = None
        try:
            connection = open_() if kept is None else kept.connection
        except _ERRORS as error:
            self._breaker.failed()
            raise Unavailable(f"HBase at {self._address} cannot be reached: {error!r}") from error
        self._kept[open_] = _Kept(connection, now)
        return connection

    def _open_first(self) -> HappyConnection:
        host, port, milliseconds = *self._address[:2], int(self._timeout * 1000)
        return HappyConnection(
            host, port, timeout=milliseconds, transport="buffered", protocol="binary"
        )

    def _open_second(self) -> Any:
        return make_client(
            thrift2.THBaseService,
            self._address.host,
            self._address.second,
            proto_factory=TCyBinaryProtocolFactory(),  # type: ignore[no-untyped-call]
            trans_factory=TCyBufferedTransportFactory(),
            timeout=int(self._timeout * 1000),
        )

    def _open_bare(self) -> socket.socket:
        address = self._address.host, self._address.second
        bare = socket.create_connection(address, self._timeout)
        bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return bare

    def close(self) -> None:
        """Close all; the next call opens them again."""
        kept, self._kept = self._kept, {}
        for connection, _ in kept.values():
            connection.close()


def _timed_out(error: Exception) -> bool:
    return isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError)
