"""`make test`: see to the Debian packages that real servers and browsers need, then pytest.

Under CI the packages are installed (as root) and a missing one is a failure; elsewhere the one
command is printed and the tests that need them are skipped by name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "tests" / "servers" / "PACKAGES.txt"


def packages_wanted() -> list[str]:
    lines = PACKAGES.read_text(encoding="utf-8").splitlines()
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def packages_missing(names: list[str]) -> list[str]:
    if shutil.which("dpkg-query") is None:
        return names
    missing = []
    for name in names:
        found = subprocess.run(
            ["dpkg-query", "-W", "-f=${Status}", name], capture_output=True, text=True, check=False
        )
        if "install ok installed" not in found.stdout:
            missing.append(name)
    return missing


def install(names: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
    subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *names],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def main() -> int:
    missing = packages_missing(packages_wanted())
    is_ci = bool(os.environ.get("CI"))
    if missing and is_ci and os.geteuid() == 0:
        print(f"installing {len(missing)} Debian packages for the server and browser tests")
        install(missing)
    elif missing:
        print(
            "Some tests need real servers or a browser and will be skipped. To run them:\n"
            f"  sudo apt-get install -y --no-install-recommends {' '.join(missing)}",
            flush=True,
        )
    pytest = [str(ROOT / ".venv" / "bin" / "python"), "-m", "pytest", "-m", "not long", "-n", "2"]
    return subprocess.run(
        [*pytest, "--dist", "loadgroup", *sys.argv[1:]], cwd=ROOT, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
