"""The barest PyAV recorder: a thread per camera that muxes what it demuxes. A peer, not ours."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

import av


def record(url: str, place: Path, stop: threading.Event) -> None:
    # FFmpeg's own time-out: PyAV's takes the interpreter's lock at every read of the socket,
    # which costs a fifth of all this. A peer is measured at its best.
    source = av.open(url, options={"rtsp_transport": "tcp", "timeout": "10000000"})
    sink = av.open(str(place), "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov"})
    stream = source.streams.video[0]
    out = sink.add_stream_from_template(stream)
    first: int | None = None
    for packet in source.demux(stream):
        if stop.is_set():
            break
        if packet.dts is None or packet.pts is None:
            continue
        first = packet.dts if first is None else first
        packet.pts, packet.dts = packet.pts - first, packet.dts - first
        packet.stream = out
        sink.mux(packet)
    sink.close()
    source.close()


def main() -> None:
    folder, urls = Path(sys.argv[1]), sys.argv[2:]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threads = [
        threading.Thread(target=record, args=(url, folder / f"{number}.mp4", stop))
        for number, url in enumerate(urls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
