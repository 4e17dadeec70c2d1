#!/usr/bin/python3
"""GStreamer's RTSP server in RECORD mode, as a program: record_target.py PORT FILE [USER:PASSWORD]. Takes H.264 pushed to
rtsp://127.0.0.1:PORT/cam and writes it to FILE as it comes (Annex B, so that a file cut off anywhere still reads). With a
user it asks for Digest. Ends with its standard input."""
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402


def guard(server, factory, user, password):
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "publisher")
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    role = Gst.Structure.new_empty("publisher")
    for right in ("media.factory.access", "media.factory.construct"):
        role.set_value(right, True)
    factory.add_role_from_structure(role)


def main(port, path, credentials=None):
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    factory.set_latency(100)
    factory.set_launch(f"( rtph264depay name=depay0 ! h264parse ! video/x-h264,stream-format=byte-stream,alignment=au "
                       f"! filesink location={path} sync=false buffer-mode=unbuffered )")
    if credentials:
        guard(server, factory, *credentials.split(":"))
    server.get_mount_points().add_factory("/cam", factory)
    if server.attach(None) == 0:
        sys.exit(f"port {port} can't be had")
    loop = GLib.MainLoop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    print("ready", flush=True)
    loop.run()


main(*sys.argv[1:])
