"""The node of `fairview demo` for a bench: the same functions, and JSON on standard output.

python -m bench.demo_node FOLDER PORT
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

from fairview.core.time import SystemClock
from fairview.run.demo import DemoWish, demo_settings, run_demo
from fairview.run.logs import set_up_logs
from fairview.run.node import Announcement


def announce(told: Announcement) -> None:
    print(json.dumps({"url": told.address.url, "set_up_link": told.set_up_link}), flush=True)


def main() -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    data, port = Path(sys.argv[1]), int(sys.argv[2])
    set_up_logs(demo_settings(data, port).logs, process="node")
    wish = DemoWish(source=None, data=data, port=port)
    run_demo(wish, SystemClock(), stop, lambda _done, _what: None, announce)


if __name__ == "__main__":
    main()
