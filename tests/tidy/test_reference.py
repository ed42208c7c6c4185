"""The generated reference pages say what the code says."""

from __future__ import annotations

import subprocess
import sys

from tests.tidy.tree import ROOT


def test_reference_pages_are_current() -> None:
    done = subprocess.run(
        [sys.executable, "tools/reference.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr + "run make docs"
