"""One of Camweave's workers in the guest, with the test in the server's place: a driver tested on a real kernel by itself."""

import base64
import json
import time

from vm import VmError


class Worker:
    """`driver`: as v4l2. Use as a context. Messages are those of src/ipc/messages.h, as dictionaries with "type"."""

    def __init__(self, vm, driver, source, size=(0, 0), fps=0, on_demand=False, controls=None):
        self._vm = vm
        self._program = vm.spawn("python3", "/payload/guest/worker_client.py", f"/payload/bin/camweave-capture-{driver}", name=f"worker-{driver}")
        self._requests = 0
        self.messages = []  # all that came, frames included
        self.send("Start", camera_id="test", source=source, width=size[0], height=size[1], fps_milli=round(fps * 1000), on_demand=on_demand,
                  first_sequence=0, controls=controls or {})

    def send(self, kind, **fields):
        self._program.send_line(json.dumps({"type": kind} | fields))

    def want(self, *renditions, data=False):
        """Renditions by fields of Rendition; none: nobody watches. `data`: with the frames' bytes."""
        whole = {"codec": "jpeg", "width": 0, "height": 0, "fps_milli": 0, "quality": 0, "kbps": 0, "rotation": 0}
        self.send("want_data", on=data)
        self.send("Renditions", wanted=[{"id": number} | whole | rendition for number, rendition in enumerate(renditions, 1)])

    def next(self, timeout_s=30):
        line = self._program.read_line(timeout_s)
        if line is None:
            raise VmError(f"the worker's client ended; its log:\n{self.log()[-2000:]}")
        message = json.loads(line)
        if "data" in message:
            message["data"] = base64.b64decode(message["data"])
        self.messages.append(message)
        return message

    def wait_for(self, kind, timeout_s=30, **fields):
        """The next message of this type with these fields; what comes before it stays in `messages`."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            message = self.next(timeout_s)
            if message["type"] == kind and fields.items() <= message.items():
                return message
            if message["type"] == "exit":
                break
        last = [{k: v for k, v in m.items() if k not in ("controls", "modes", "data")} for m in self.messages[-5:]]
        raise VmError(f"no {kind} {fields}; the last messages: {last}; log:\n{self.log()[-1500:]}")

    def frames(self, count):
        return [self.wait_for("Frame") for _ in range(count)]

    def set_controls(self, **values):
        self._requests += 1
        self.send("SetControls", request_id=self._requests, values=values)
        return self.wait_for("Reply", request_id=self._requests)

    def reset_controls(self):
        self._requests += 1
        self.send("ResetControls", request_id=self._requests)
        return self.wait_for("Reply", request_id=self._requests)

    def log(self):
        return self._program.log()

    def stop(self):
        """Asks it to stop; its exit status."""
        self.send("Stop")
        return self.wait_for("exit")["status"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Ends it as the server's death would, and waits until it has let go of the device: a USB camera that is pulled out
        while its stream is being ended can leave vhci_hcd with a transfer that never comes back."""
        try:
            if not any(message["type"] == "exit" for message in self.messages):
                self._program.end_input()
                self.wait_for("exit")
        finally:
            self._program.stop()


def controls_by_name(message):
    return {control["name"]: control for control in message["controls"]}


def list_cameras(vm, driver, **options):
    """What `camweave-capture-DRIVER --list` prints: {source: camera}."""
    found = json.loads(vm.run(f"/payload/bin/camweave-capture-{driver}", "--list", **options).out)
    return {camera["source"]: camera for camera in found}
