"""Make `.venv` from the locked, hashed requirements. Standard library only."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON_MIN = (3, 11)


def main() -> int:
    if sys.version_info < PYTHON_MIN:
        found = ".".join(str(part) for part in sys.version_info[:3])
        print(f"Fairview needs Python 3.11 or newer; this is {found}.", file=sys.stderr)
        return 2
    if not (VENV / "bin" / "python").exists():
        try:
            venv.create(VENV, with_pip=True)
        except (subprocess.CalledProcessError, ImportError):
            print(
                "Python's venv module is missing. Install it with:\n"
                "  sudo apt install python3-venv\nthen run make again.",
                file=sys.stderr,
            )
            return 2
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    print("setting up .venv (once; a few minutes on a slow link)", flush=True)
    locked = str(ROOT / "requirements" / "test.txt")
    subprocess.run([*pip, "--quiet", "--require-hashes", "-r", locked], check=True)
    subprocess.run(
        [*pip, "--quiet", "--no-deps", "--no-build-isolation", "-e", str(ROOT)], check=True
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
