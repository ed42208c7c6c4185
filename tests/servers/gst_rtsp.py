"""An RTSP server for tests, GStreamer's: run by the system's Python, not by ours.

Serves the video of one file without touching its pictures and prints the address it listens on
as its first line. It ends by itself, so that nothing is left behind when a test dies.

    /usr/bin/python3 gst_rtsp.py CLIP [--loop] [--login NAME:PASSWORD --auth digest]
                                 [--stall-after SECONDS] [--for SECONDS] [--port PORT]
                                 [--codec h264|hevc|mjpeg] [--sub CLIP]

--codec: what the file holds; looping and stalling are for H.264. --sub: served beside it as /sub.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402  # after the versions are chosen

# The payloader neither groups units (aggregate-mode) nor adds parameter sets by itself.
PAY = "rtph264pay name=pay0 pt=96 config-interval=0 aggregate-mode=none"
PARTS = {
    "h264": f"h264parse ! {PAY}",
    "hevc": "h265parse ! rtph265pay name=pay0 pt=96 config-interval=0 aggregate-mode=none",
    "mjpeg": "jpegparse ! rtpjpegpay name=pay0 pt=26",
}
CAPS = "video/x-h264,stream-format=byte-stream,alignment=au"


class Units:
    """A file's access units in memory, for looping and stalling."""

    def __init__(self, clip: str) -> None:
        pipeline = Gst.parse_launch(
            f'filesrc location="{clip}" ! qtdemux ! h264parse ! {CAPS} ! '
            "appsink name=out sync=false"
        )
        pipeline.set_state(Gst.State.PLAYING)
        out = pipeline.get_by_name("out")
        self.all: list[tuple[bytes, int, int]] = []
        self.caps: Any = None
        while (sample := out.emit("pull-sample")) is not None:
            self.caps = sample.get_caps()
            buffer = sample.get_buffer()
            dts = buffer.pts if buffer.dts == Gst.CLOCK_TIME_NONE else buffer.dts
            self.all.append((buffer.extract_dup(0, buffer.get_size()), int(buffer.pts), int(dts)))
        pipeline.set_state(Gst.State.NULL)
        if len(self.all) < 2:
            raise SystemExit(f"no H.264 access units in {clip}")
        first = min(pts for _, pts, _ in self.all)
        last = max(pts for _, pts, _ in self.all)
        self.duration_ns = (last - first) + (last - first) // (len(self.all) - 1)


class Feed:
    """Pushes units into one media's appsrc, again and again, until its stall."""

    def __init__(self, units: Units, source: Any, loop: bool, stall_after_ns: int | None) -> None:
        self.units, self.loop, self.stall_after_ns = units, loop, stall_after_ns
        self.next = 0
        source.set_property("caps", units.caps)
        source.set_property("format", Gst.Format.TIME)
        source.connect("need-data", self.push)

    def push(self, source: Any, _wanted: int) -> None:
        lap, index = divmod(self.next, len(self.units.all))
        if lap > 0 and not self.loop:
            source.emit("end-of-stream")
            return
        data, pts, dts = self.units.all[index]
        offset = lap * self.units.duration_ns
        if self.stall_after_ns is not None and pts + offset > self.stall_after_ns:
            return
        buffer = Gst.Buffer.new_wrapped(data)
        buffer.pts, buffer.dts = pts + offset, dts + offset
        self.next += 1
        source.emit("push-buffer", buffer)


class Factory(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]  # gi has no types
    def __init__(self, units: Units, loop: bool, stall_after_ns: int | None) -> None:
        super().__init__()
        self.units, self.loop, self.stall_after_ns = units, loop, stall_after_ns

    def do_create_element(self, _url: Any) -> Any:
        return Gst.parse_launch(
            f"( appsrc name=units is-live=false block=true ! h264parse ! {PAY} )"
        )

    def do_configure(self, media: Any) -> None:
        source = media.get_element().get_by_name_recurse_up("units")
        self.feed = Feed(self.units, source, self.loop, self.stall_after_ns)


def demand_login(server: Any, factory: Any, login: str, kind: str) -> None:
    name, password = login.split(":", 1)
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if kind == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(name, password, token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(name, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_role("viewer")
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)


def plain(clip: str, codec: str) -> Any:
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f'( filesrc location="{clip}" ! qtdemux ! {PARTS[codec]} )')
    return factory


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("clip")
    parser.add_argument("--port", default="0")
    parser.add_argument("--loop", action="store_true")
    parser.add_argument("--stall-after", type=float)
    parser.add_argument("--codec", choices=tuple(PARTS), default="h264")
    parser.add_argument("--sub")
    parser.add_argument("--login")
    parser.add_argument("--auth", choices=("basic", "digest"), default="digest")
    parser.add_argument("--for", dest="lasts", type=float, default=300.0)
    options = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(options.port)
    if options.loop or options.stall_after is not None:
        stall = None if options.stall_after is None else int(options.stall_after * Gst.SECOND)
        factory = Factory(Units(options.clip), options.loop, stall)
    else:
        factory = plain(options.clip, options.codec)
    if options.login:
        demand_login(server, factory, options.login, options.auth)
    server.get_mount_points().add_factory("/live", factory)
    if options.sub:
        server.get_mount_points().add_factory("/sub", plain(options.sub, options.codec))
    loop = GLib.MainLoop()
    if server.attach(None) == 0:
        raise SystemExit("no free port")
    GLib.timeout_add(int(options.lasts * 1000), loop.quit)
    sys.stdout.write(f"rtsp://127.0.0.1:{server.get_bound_port()}/live\n")
    sys.stdout.flush()
    loop.run()


if __name__ == "__main__":
    main()
