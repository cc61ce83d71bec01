"""The AWS CLI, loaded once: each line of stdin is a command, run in a fork as `aws` would run it.

A line is the JSON of its arguments, variables, folder, and files for stdout and stderr; the answer
is a line with the exit status. Loading the CLI costs ten times what a command does.
"""

import json
import os
import sys
from typing import Any

from awscli.clidriver import create_clidriver


def main() -> None:
    driver = _loaded()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            order = json.loads(line)
            _become(order)
            status = driver.main(order["arguments"])
            sys.stdout.flush()
            os._exit(status)  # to take apart what was loaded would cost twice the command
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _loaded() -> Any:
    """What `aws` makes at its start, with the data that every command for S3 would load."""
    driver = create_clidriver()
    loader = driver.session.get_component("data_loader")
    for name in ("service-2", "endpoint-rule-set-1", "paginators-1"):
        loader.load_service_model("s3", name)
    loader.load_data("endpoints")
    driver.session.get_available_services()
    return driver


def _become(order: dict[str, Any]) -> None:
    """Be as a process that was started for this command alone."""
    os.chdir(order["folder"])
    os.environ.update(order["variables"])
    for descriptor, path in enumerate((os.devnull, order["stdout"], order["stderr"])):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)


if __name__ == "__main__":
    main()
