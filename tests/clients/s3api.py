"""`aws s3api`: a command for every operation of S3, named as the operation is."""

import json
import re
from pathlib import Path
from typing import Any

from botocore import xform_name

from tests.support.programs import Program

_ERROR = re.compile(r"An error occurred \(([\w.]+)\) when calling the (\w+) operation[^:]*: (.*)")


def command_of(operation: str) -> str:
    """`put-object` for PutObject."""
    return str(xform_name(operation, "-"))


class S3Api:
    """The commands of one account."""

    def __init__(self, aws: Program) -> None:
        self._aws = aws

    def __call__(self, command: str, *arguments: str | Path) -> Any:
        """What it answered, None for nothing; AssertionError unless it succeeded."""
        told = self._aws("s3api", command, *arguments)
        return json.loads(told) if told.strip() else None

    def refused(self, code: str, command: str, *arguments: str | Path) -> str:
        """The message; AssertionError unless the server refused it with this code."""
        told = self._aws.refused("s3api", command, *arguments)
        found = _ERROR.search(told)
        assert found, told
        assert (found[1], command_of(found[2])) == (code, command), told
        return found[3]

    def rejected(self, command: str, *arguments: str | Path) -> str:
        """All it said; AssertionError unless the CLI itself refused it."""
        told = self._aws.refused("s3api", command, *arguments)
        assert not _ERROR.search(told), told
        return told
