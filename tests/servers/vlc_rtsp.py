"""An RTSP server for tests, VLC's: serves one file again and again over RTP (UDP only).

VLC refuses to run as root, so root runs it as nobody. Its output has no TCP transport and sends
from its own start, whoever listens: a client joins in the middle. It ends by itself.

    python3 vlc_rtsp.py CLIP [--for SECONDS]
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

STARTS = 4


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("clip")
    parser.add_argument("--for", dest="lasts", type=float, default=300.0)
    options = parser.parse_args()
    for _ in range(STARTS):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with tempfile.TemporaryDirectory(prefix="vlc") as home:
            if serve(options.clip, port, home, options.lasts):
                return
    raise SystemExit("VLC did not start")


def serve(clip: str, port: int, home: str, lasts: float) -> bool:
    """Until its time is over; False when VLC ended at once, as when its port was just taken."""
    if os.geteuid() == 0:
        shutil.chown(home, "nobody")
    process = subprocess.Popen(
        command(clip, port, home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        if not is_announced(port, process):
            return False
        sys.stdout.write(f"rtsp://127.0.0.1:{port}/live\n")
        sys.stdout.flush()
        process.wait(timeout=lasts)
    except subprocess.TimeoutExpired:
        pass
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return True


def command(clip: str, port: int, home: str) -> list[str]:
    vlc = [
        "cvlc",
        "--intf",
        "dummy",
        "--quiet",
        "--loop",
        "--no-sout-audio",
        "--sout-keep",
        "--rtsp-timeout=0",
        clip,
        "--sout",
        f"#rtp{{sdp=rtsp://127.0.0.1:{port}/live}}",
    ]
    if os.geteuid() == 0:
        return ["runuser", "-u", "nobody", "--", "env", f"HOME={home}", *vlc]
    return vlc


def is_announced(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Whether a DESCRIBE is answered with 200 in time; False when VLC ends or hangs: try anew."""
    give_up = time.monotonic() + 25
    ask = f"DESCRIBE rtsp://127.0.0.1:{port}/live RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode()
    while time.monotonic() < give_up:
        if process.poll() is not None:
            return False
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
                sock.sendall(ask)
                if b" 200 " in sock.recv(200):
                    return True
        except OSError:
            pass
        time.sleep(0.1)
    return False


if __name__ == "__main__":
    main()
