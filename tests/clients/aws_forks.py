"""The AWS CLI, loaded once: each line of stdin is a command, run in a fork as `aws` would run it.

A line is the JSON of its arguments, variables, folder, and files for stdout and stderr; the answer
is a line with the exit status. Loading the CLI costs five times what a command does.
"""

import json
import os
import sys
from typing import Any

import awscli.clidriver
import awscli.handlers  # what every command loads


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
            sys.exit(awscli.clidriver.main())
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(order: dict[str, Any]) -> None:
    """Be as a process that was started for this command alone."""
    os.chdir(order["folder"])
    os.environ.update(order["variables"])
    sys.argv = order["arguments"]
    for descriptor, path in enumerate((os.devnull, order["stdout"], order["stderr"])):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)


if __name__ == "__main__":
    main()
