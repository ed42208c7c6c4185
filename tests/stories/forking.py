"""Runs commands in processes of their own, forked from one that has imported everything.

The same `main`, words, folder, environment and streams as at a prompt, without a second of imports
for each. One JSON line asks, one answers: {"argv", "cwd", "environment", "out"} → exit code.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from fairview.cli.main import main


def run(asked: dict[str, Any]) -> int:
    """The exit code of one command; its output is in the file `out`."""
    child = os.fork()
    if child == 0:
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        out = os.open(asked["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for stream in (1, 2):
            os.dup2(out, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.argv = ["fairview", *asked["argv"]]
        try:
            main()
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 0
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(f"{run(json.loads(line))}\n")
        sys.stdout.flush()
