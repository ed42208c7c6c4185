"""A recorder loads what recording takes, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = ("numpy", "sqlalchemy", "pydantic", "av", "onnxruntime", "cv2", "rich", "asyncio", "ssl")
ANONYMOUS_KB_MAX = 24_000
"""A third more than it was when this was written."""

_PROGRAM = """
import json, sys
from fairview.run.slim import load_logging
load_logging()
import fairview.run.recorder_process
rollup = open("/proc/self/smaps_rollup").read().splitlines()
anonymous = next(int(line.split()[1]) for line in rollup if line.startswith("Anonymous:"))
print(json.dumps({"modules": sorted(sys.modules), "anonymous_kb": anonymous}))
"""


def loaded() -> tuple[set[str], int]:
    done = subprocess.run(
        [sys.executable, "-P", "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    return {name.partition(".")[0] for name in told["modules"]}, told["anonymous_kb"]


def test_a_recorder_loads_no_arrays_databases_or_codecs() -> None:
    modules, anonymous_kb = loaded()
    assert not modules.intersection(HEAVY)
    assert anonymous_kb < ANONYMOUS_KB_MAX


def test_logging_still_finds_what_was_hidden_while_it_was_loaded() -> None:
    program = (
        "from fairview.run.slim import load_logging\n"
        "load_logging()\n"
        "import asyncio, rich, structlog\n"
        "asyncio.run(asyncio.sleep(0))\n"
        "structlog.get_logger().info('a line', figure=1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True
    )
    assert "a line" in done.stdout
