from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_the_runtime_of_models_leaves_no_device_identity(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    told = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run(
        [sys.executable, "-c", "import fairview.analyse.detectors.graph"],
        check=True,
        env=told | home,
        timeout=60,
    )
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
