"""Lock what is installed: hashes, no addresses. Needs uv beside this interpreter's environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETS: dict[str, list[str] | None] = {
    "test": ["census"],
    "run": [],
    "opendata": ["census"],
    "peers": None,
}
"""Extras of Fairview that each set holds; None: other people's programs only, without Fairview.
What a node runs with (run) is what was tested (test)."""


def main() -> int:
    for name, extras in SETS.items():
        source = ROOT / "requirements" / f"{name}.in"
        if not source.exists():
            continue
        command = [
            str(ROOT / ".venv" / "bin" / "uv"),
            "pip",
            "compile",
            "--quiet",
            "--universal",
            "--python-version",
            "3.11",
            "--generate-hashes",
            "--no-emit-index-url",
            "--no-emit-find-links",
            "--no-header",
            "--no-annotate",
            "--no-emit-package",
            "fairview",
            str(source.relative_to(ROOT)),
            "--output-file",
            f"requirements/{name}.txt",
        ]
        if name == "run":
            command += ["--constraint", "requirements/test.txt"]
        if extras is not None:
            for extra in extras:
                command += ["--extra", extra]
            command.append("pyproject.toml")
        subprocess.run(command, cwd=ROOT, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
