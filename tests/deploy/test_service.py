"""The service files, and what they forbid held against what the node does."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.installed import ROOT

DEPLOY = ROOT / "deploy"
UNITS = ("fairview.service", "fairview-backup.service", "fairview-backup.timer")
EXPOSURE_MAX = {"fairview.service": 2.3, "fairview-backup.service": 1.0}
"""As `systemd-analyze security` counts, 0 (shut off) to 10. Higher than this needs a reason."""


def analyse() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("systemd-analyze is not installed: apt install systemd")
    return found


def settings(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / unit).read_text().splitlines():
        name, mark, value = line.partition("=")
        if mark and not line.startswith(("#", "[")):
            found.setdefault(name, []).append(value)
    return found


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """As installed, except that the program is one that every machine has."""
    for name in UNITS:
        text = (DEPLOY / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/fairview/bin/fairview", "/bin/true"))
    return tmp_path


def test_systemd_takes_every_word_of_the_units(units: Path) -> None:
    done = subprocess.run(
        [analyse(), "verify", "--man=no", *(str(units / name) for name in UNITS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", sorted(EXPOSURE_MAX))
def test_a_unit_is_no_more_exposed_than_said(unit: str, units: Path) -> None:
    done = subprocess.run(
        [analyse(), "security", "--offline=yes", "--no-pager", str(units / unit)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= EXPOSURE_MAX[unit]


def test_the_guide_says_how_exposed_the_node_is(units: Path) -> None:
    done = subprocess.run(
        [analyse(), "security", "--offline=yes", "--no-pager", str(units / "fairview.service")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found
    assert f"says {found[1]} " in (ROOT / "docs/guides/installing.md").read_text()


def test_the_node_keeps_usb_cameras_its_watchdog_and_nothing_of_root() -> None:
    said = settings("fairview.service")
    assert said["Type"] == ["notify"]
    assert said["DeviceAllow"] == ["char-video4linux rw"]
    assert "PrivateDevices" not in said
    assert (said["CapabilityBoundingSet"], said["NoNewPrivileges"]) == ([""], ["yes"])
    assert (said["User"], said["UMask"]) == (["fairview"], ["0077"])
    assert int(said["WatchdogSec"][0]) >= 30


def test_a_backup_can_reach_no_network() -> None:
    said = settings("fairview-backup.service")
    assert (said["PrivateNetwork"], said["RestrictAddressFamilies"]) == (["yes"], ["AF_UNIX"])


def test_every_user_and_folder_of_the_units_is_made() -> None:
    made = (DEPLOY / "sysusers.conf").read_text() + (DEPLOY / "tmpfiles.conf").read_text()
    for unit in UNITS[:2]:
        said = settings(unit)
        assert f"u {said['User'][0]} " in made
        for folder in " ".join(said.get("ReadWritePaths", [])).split():
            assert folder in made


@pytest.mark.slow
def test_nothing_the_node_loads_wants_memory_that_is_written_and_run() -> None:
    """What MemoryDenyWriteExecute= forbids, forbidden by the kernel (prctl PR_SET_MDWE)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(66, 0, 0, 0, 0) < 0:  # PR_GET_MDWE
        pytest.skip("this kernel knows no PR_SET_MDWE (6.3 and newer)")
    program = (
        "import ctypes, mmap\n"
        "assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0\n"
        "try:\n"
        "    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)\n"
        "    raise SystemExit('the kernel forbids nothing')\n"
        "except PermissionError:\n"
        "    pass\n"
        "import numpy, cv2, av, onnxruntime, argon2, cryptography, pyarrow, uvicorn\n"
        "import scipy.optimize, fairview.access.render_child\n"
        "import fairview.run.node, fairview.run.door_process, fairview.run.recorder_process\n"
        "import fairview.run.analyser_process, fairview.run.web_process\n"
        "argon2.PasswordHasher(time_cost=1, memory_cost=64).hash('x')\n"
        "from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey\n"
        "X25519PrivateKey.generate()\n"
        "context = av.CodecContext.create('libx264', 'w')\n"
        "context.width, context.height, context.pix_fmt = 64, 64, 'yuv420p'\n"
        "context.time_base = __import__('fractions').Fraction(1, 25)\n"
        "picture = av.VideoFrame.from_ndarray(numpy.zeros((96, 64), numpy.uint8), 'yuv420p')\n"
        "list(context.encode(picture)), list(context.encode(None))\n"
        "cv2.resize(numpy.zeros((64, 64, 3), numpy.uint8), (32, 32))\n"
        "session = onnxruntime.SessionOptions()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr


def test_the_container_runs_as_nobody_special_and_says_its_health() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    lines = re.sub(r"\\\n", " ", text).splitlines()
    words = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    assert [rest.split()[0] for word, _, rest in words if word == "FROM"] == [
        "python:3.11-slim-bookworm"
    ] * 2
    by_word = {word: rest for word, _, rest in words}
    assert by_word["USER"] == "10001:10001"
    assert by_word["VOLUME"] == "/data"
    assert "container_health.py" in by_word["HEALTHCHECK"]
    assert by_word["ENTRYPOINT"] == '["/opt/fairview/bin/fairview"]'
    for word, _, rest in words:
        if word == "COPY" and "--from" not in rest:
            source = rest.split()[0]
            assert source.startswith("dist/") or (ROOT / source).exists(), source


def test_what_a_container_installs_is_locked_and_is_what_was_tested() -> None:
    names = re.compile(r"^([a-z0-9_.-]+==\S+)", re.MULTILINE)
    run = set(names.findall((ROOT / "requirements/run.txt").read_text()))
    tested = set(names.findall((ROOT / "requirements/test.txt").read_text()))
    assert run <= tested
    assert not {one for one in run if one.startswith(("pytest", "hypothesis", "playwright"))}


def test_health_is_no_when_nobody_is_there() -> None:
    done = subprocess.run(
        [sys.executable, str(DEPLOY / "container_health.py")],
        env={"FAIRVIEW_SERVER__PORT": "1"},
        check=False,
        timeout=30,
    )
    assert done.returncode == 1
