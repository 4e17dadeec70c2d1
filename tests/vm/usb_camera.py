#!/usr/bin/env python3
"""USB cameras without hardware: plugs USB Video Class devices into this kernel through vhci_hcd (USB/IP), so that the real
uvcvideo driver, and everything above it, sees webcams. Root; `modprobe -a vhci_hcd uvcvideo`.

  usb_camera.py [--serial S] [--name N] [--port N] [--detail N] [--mode MJPG:1280x720@30]… [PICTURE.jpg…]
      plugs one camera in and keeps it until standard input ends
  usb_camera.py --rig
      begins with none

Commands come as JSON lines on standard input, each answered by one JSON line with the same "id"; what happens to the
cameras is reported by lines with "event". {"id": 1, "op": "plug", "camera": "a", "options": {"serial": "SN-7"}, "port": 3}
and so on: the operations are the methods of Rig whose names do not begin with an underscore. README.md shows them all."""

import argparse
import json
import os
import selectors
import socket
import sys
import time
from dataclasses import asdict

from usb.usbip import Link, Vhci
from usb.uvc_camera import DEFAULT_MODES, Options, UvcCamera

_KERNEL_EVENTS = 1  # netlink multicast group of the kernel's own device events


class Rig:
    """Any number of cameras, one loop, no threads. Public methods are the commands: each takes the command's fields and
    returns what is added to the answer; what they raise becomes the answer's "error"."""

    def __init__(self, vhci, report):
        self._vhci, self._report = vhci, report
        self._cameras = {}  # name → UvcCamera
        self._ports = {}  # name → port while plugged in
        self._bus_ids = {}  # name → the kernel's name for where it is, or was last
        self._selector = selectors.DefaultSelector()
        self._ended = False
        self._kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 15)  # NETLINK_KOBJECT_UEVENT
        self._kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._kernel.bind((0, _KERNEL_EVENTS))
        self._selector.register(self._kernel, selectors.EVENT_READ, self._kernel_event)

    # Commands.

    def plug(self, camera, options=None, port=None):
        """Makes a camera (or takes the one of that name again, as it was) and plugs it in."""
        if camera in self._ports:
            raise ValueError(f"camera {camera} is plugged in already")
        if options is not None or camera not in self._cameras:
            emit = lambda event: self._camera_event(camera, event)
            self._cameras[camera] = UvcCamera(Options(**(options or {})), emit, time.monotonic)
        port = self._vhci.free_port(wanted=port)
        bus_id = self._vhci.bus_id(port)
        self._bus_ids = {name: at for name, at in self._bus_ids.items() if at != bus_id} | {camera: bus_id}
        self._ports[camera] = port
        device = self._cameras[camera]
        began = time.monotonic()
        device.link = Link(self._vhci.plug(port))
        self._selector.register(device.link, selectors.EVENT_READ, lambda: self._receive(camera))
        return {"port": port, "bus": bus_id, "at": began}

    def unplug(self, camera):
        self._vhci.unplug(self._ports[camera])
        self._forget(camera)
        return {}

    def vanish(self, camera):
        """The connection breaks, without a word to the kernel."""
        self._forget(camera)
        return {}

    def faults(self, camera, **faults):
        """Sets fields of Faults: torn, torn_fraction, unended, error_bit, usb_errors, stalled, vanish."""
        self._cameras[camera].set_faults(**faults)
        return {}

    def hang(self, camera):
        """The camera answers nothing any more, control requests included, until it is plugged in anew."""
        self._cameras[camera].hung = True
        return {}

    def options(self, camera, **options):
        """Changes what may change on a plugged camera: detail, huffman_tables, padding_bytes."""
        wrong = set(options) - {"detail", "huffman_tables", "padding_bytes"}
        if wrong:
            raise ValueError(f"these are fixed when the camera is plugged in: {sorted(wrong)}")
        for name, value in options.items():
            setattr(self._cameras[camera].options, name, value)
        return {}

    def change_control(self, camera, name, value):
        """The camera changes a control by itself; "told": whether the host listened."""
        return {"told": self._cameras[camera].change_control(name, value)}

    def press_button(self, camera, pressed=True):
        return {"told": self._cameras[camera].press_button(pressed)}

    def controls(self, camera):
        return {"controls": {name: control.value for name, control in self._cameras[camera].controls.by_name.items()}}

    def status(self, camera):
        device = self._cameras[camera]
        return {"number": device.number, "access_units": device.access_units_begun, "plugged": camera in self._ports, "faults": asdict(device.faults)}

    # The loop.

    def _run(self, commands_fd):
        pending = bytearray()
        self._selector.register(commands_fd, selectors.EVENT_READ, lambda: self._commands(commands_fd, pending))
        while not self._ended:
            due = [camera.next_due for name, camera in self._cameras.items() if name in self._ports]
            due = min((at for at in due if at is not None), default=None)
            timeout = None if due is None else max(0.0, due - time.monotonic())
            for key, _ in self._selector.select(timeout):
                key.data()
            for name in list(self._ports):
                self._cameras[name].tick()
        for name in list(self._ports):
            self.unplug(name)

    def _commands(self, commands_fd, pending):
        data = os.read(commands_fd, 1 << 16)
        self._ended = not data
        pending += data
        while (end := pending.find(b"\n")) >= 0:
            line = bytes(pending[:end])
            del pending[:end + 1]
            self._report(self._obey(line))

    def _obey(self, line):
        number = None
        try:
            command = json.loads(line)
            number = command.pop("id", None)
            operation = command.pop("op")
            if operation.startswith("_") or not callable(getattr(self, operation, None)):
                raise ValueError(f"no operation {operation}")
            return {"id": number} | getattr(self, operation)(**command)
        except (OSError, ValueError, KeyError, TypeError) as error:
            return {"id": number, "error": f"{type(error).__name__}: {error}"}

    def _receive(self, name):
        device = self._cameras[name]
        messages = device.link.receive() if device.link else []
        if messages is None:
            self._forget(name)
            self._report({"event": "unplugged", "camera": name})
            return
        for message in messages:
            if device.link:  # a message before may have made it vanish
                device.handle(message)

    def _forget(self, name):
        device = self._cameras[name]
        self._ports.pop(name)
        self._selector.unregister(device.link)
        device.link.close()
        # Everything but its settings is gone with the power.
        replacement = UvcCamera(device.options, lambda event: self._camera_event(name, event), time.monotonic)
        device.link = None
        self._cameras[name] = replacement

    def _camera_event(self, name, event):
        if event["event"] == "vanish":
            self._forget(name)
        self._report(event | {"camera": name, "at": time.monotonic()})

    def _kernel_event(self):
        """Tells which video device the kernel made of a camera, or took away."""
        came = time.monotonic()
        head, *lines = self._kernel.recv(1 << 16).split(b"\0")
        fields = dict(line.decode().split("=", 1) for line in lines if b"=" in line)
        if fields.get("SUBSYSTEM") != "video4linux":
            return
        for name, bus_id in self._bus_ids.items():
            if f"/{bus_id}/" in fields["DEVPATH"]:
                self._report({"event": "video_" + fields["ACTION"], "camera": name, "device": "/dev/" + fields["DEVNAME"], "at": came}
                             | _video_index(fields))


def _video_index(fields):
    """0: pictures, 1: their metadata. Not known any more when the device is gone."""
    try:
        with open(f"/sys{fields['DEVPATH']}/index") as file:
            return {"index": int(file.read())}
    except OSError:
        return {}


def _parse_mode(text):
    fourcc, _, rest = text.partition(":")
    size, _, rate = rest.partition("@")
    width, height = map(int, size.split("x"))
    return [fourcc, width, height, [float(rate or 30)]]


def _print(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rig", action="store_true")
    parser.add_argument("--serial", default="SN-0001")
    parser.add_argument("--name", default="Test Camera")
    parser.add_argument("--port", type=int)
    parser.add_argument("--detail", type=int, default=0)
    parser.add_argument("--mode", action="append", type=_parse_mode)
    parser.add_argument("--h264", metavar="FILE", help="Annex B with access unit delimiters, for modes of format H264")
    parser.add_argument("pictures", nargs="*")
    given = parser.parse_args()
    rig = Rig(Vhci(), _print)
    if not given.rig:
        options = {"serial": given.serial, "name": given.name, "detail": given.detail, "modes": given.mode or list(DEFAULT_MODES),
                   "pictures": given.pictures or None, "h264": given.h264}
        _print(rig.plug("camera", options, given.port))
    rig._run(sys.stdin.fileno())


if __name__ == "__main__":
    main()
