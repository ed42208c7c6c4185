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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("clip")
    parser.add_argument("--for", dest="lasts", type=float, default=300.0)
    options = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="vlc") as home:
        if os.geteuid() == 0:
            shutil.chown(home, "nobody")
        process = subprocess.Popen(
            command(options.clip, port, home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        try:
            wait_for(port, process)
            sys.stdout.write(f"rtsp://127.0.0.1:{port}/live\n")
            sys.stdout.flush()
            process.wait(timeout=options.lasts)
        except subprocess.TimeoutExpired:
            pass
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


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


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until the stream is announced: a DESCRIBE is answered with 200."""
    give_up = time.monotonic() + 60
    ask = f"DESCRIBE rtsp://127.0.0.1:{port}/live RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode()
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise SystemExit("VLC did not start")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
                sock.sendall(ask)
                if b" 200 " in sock.recv(200):
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit("VLC did not announce its stream")


if __name__ == "__main__":
    main()
