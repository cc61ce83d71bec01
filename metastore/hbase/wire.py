"""Calls as bytes: what is asked and, of `checkAndPut`, what is answered.

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
_TOLD = 400  # characters of an error


class Refused(Exception):
    """HBase answered with an error."""


class Malformed(Exception):
    """Not an answer to what was asked."""


def reply(name: str) -> bytes:
    """How the answer to a call begins; then come its fields."""
    return _REPLY + len(name).to_bytes(4, "big") + name.encode() + bytes(4)


def call(name: str, arguments: Any) -> bytes:
    """The bytes of a call. `arguments`: its struct, as thriftpy2 makes it of the IDL."""
    buffer = TCyMemoryBuffer()
    protocol = _binary.get_protocol(buffer)
    protocol.write_message_begin(name, TMessageType.CALL, 0)
    arguments.write(protocol)
    protocol.write_message_end()
    buffer.flush()
    data: bytes = buffer.getvalue()
    return data


def failure(data: bytes, head: bytes) -> Exception:
    """What an answer says that is not what was asked for: Refused or Malformed.

    Of an error the part that is there is enough: nothing more is read from its connection.
    """
    if data.startswith(_EXCEPTION) or (data.startswith(head) and data[len(head)] == 0x0C):
        text = re.sub(rb"[^ -~]+", b" ", data[len(head) + 5 :]).decode()
        return Refused(text.strip()[:_TOLD])
    return Malformed(repr(data[:_TOLD]))


_HEAD = reply(_NAME)
_OUTCOMES = {_HEAD + b"\2\0\0" + bytes([done]) + b"\0": bool(done) for done in (0, 1)}
_SIZE = len(_HEAD) + 5


def ask(table: bytes, key: bytes, column: bytes, old: bytes | None, new: bytes) -> bytes:
    """The bytes of a call: put `new` if the cell holds `old` (None: if there is none)."""
    change = Mutation(column=column, value=new)
    return call(_NAME, Hbase.checkAndPut_args(table, key, column, old, change, {}))


def answer(data: bytes) -> bool | None:
    """Whether it was put; None: the answer is not complete yet. Refused, Malformed."""
    done = _OUTCOMES.get(data)
    if done is not None:
        return done
    if len(data) < _SIZE:
        return None
    raise failure(data, _HEAD)
