"""Make `.venv-peers`: other people's programs that the benches stand beside, and nothing of ours.

They want libraries that clash with Fairview's own, so they never share an interpreter with it:
benches start them as programs. Locked and hashed as everything else. Standard library only.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".venv-peers"


def main() -> int:
    locked = ROOT / "requirements" / "peers.txt"
    ready = PEERS / ".ready"
    if ready.exists() and ready.stat().st_mtime >= locked.stat().st_mtime:
        return 0
    if not (PEERS / "bin" / "python").exists():
        venv.create(PEERS, with_pip=True)
    pip = [str(PEERS / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    print("setting up .venv-peers (once; about 600 MB)", flush=True)
    subprocess.run([*pip, "--quiet", "--require-hashes", "-r", str(locked)], check=True)
    ready.touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
