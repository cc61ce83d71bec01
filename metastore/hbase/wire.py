"""`checkAndPut` as bytes, by the IDL that happybase carries: what is asked and what is answered.

Answers are not read with thriftpy2: of one that has not come as a whole it makes up the rest.
"""

import re
from typing import Any

from happybase.batch import Mutation
from happybase.connection import Hbase
from thriftpy2.protocol import TCyBinaryProtocolFactory
from thriftpy2.thrift import TMessageType
from thriftpy2.transport import TCyMemoryBuffer

_NAME = "checkAndPut"
_binary: Any = TCyBinaryProtocolFactory()  # type: ignore[no-untyped-call]

# Version 1 of the binary protocol: the kind of message, name, number of the call; then the fields.
_REPLY, _EXCEPTION = b"\x80\x01\0\2", b"\x80\x01\0\3"
_HEAD = _REPLY + len(_NAME).to_bytes(4, "big") + _NAME.encode() + bytes(4)
_OUTCOMES = {_HEAD + b"\2\0\0" + bytes([done]) + b"\0": bool(done) for done in (0, 1)}
_SIZE = len(_HEAD) + 5
_TOLD = 400  # characters of an error


class Refused(Exception):
    """HBase answered with an error."""


class Malformed(Exception):
    """Not an answer to what was asked."""


def ask(table: bytes, key: bytes, column: bytes, old: bytes | None, new: bytes) -> bytes:
    """The bytes of a call: put `new` if the cell holds `old` (None: if there is none)."""
    buffer = TCyMemoryBuffer()
    protocol = _binary.get_protocol(buffer)
    protocol.write_message_begin(_NAME, TMessageType.CALL, 0)
    change = Mutation(column=column, value=new)
    Hbase.checkAndPut_args(table, key, column, old, change, {}).write(protocol)
    protocol.write_message_end()
    buffer.flush()
    data: bytes = buffer.getvalue()
    return data


def answer(data: bytes) -> bool | None:
    """Whether it was put; None: the answer is not complete yet. Refused, Malformed.

    An error is raised with the part that is there: nothing more is read from its connection.
    """
    done = _OUTCOMES.get(data)
    if done is not None:
        return done
    if len(data) < _SIZE:
        return None
    if data.startswith(_EXCEPTION) or (data.startswith(_HEAD) and data[len(_HEAD)] == 0x0C):
        text = re.sub(rb"[^ -~]+", b" ", data[_SIZE:]).decode()
        raise Refused(text.strip()[:_TOLD])
    raise Malformed(repr(data[:_TOLD]))
