"""The tests' cameras, seen from the host: USB cameras of ours (usb_camera.py in the guest) and the kernel's own vivid."""

import itertools
import json
import re
import threading
from dataclasses import dataclass

from vm import VmError, wait_until


class UsbRig:
    """The program in the guest that plays USB cameras. Thread-safe."""

    def __init__(self, vm):
        self.vm = vm
        vm.run("modprobe", "-a", "vhci_hcd", "uvcvideo", "evdev")
        self._program = vm.spawn("python3", "/payload/usb_camera.py", "--rig", name="usb_camera")
        self._ids = itertools.count(1)
        self._changed = threading.Condition()
        self._answers = {}
        self._events = []
        self._ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while (line := self._program.read_line(timeout_s=None)) is not None:
                message = json.loads(line)
                with self._changed:
                    if "event" in message:
                        self._events.append(message)
                    else:
                        self._answers[message["id"]] = message
                    self._changed.notify_all()
        except (OSError, ValueError):
            pass  # stopped
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def command(self, operation, timeout_s=30, **fields):
        number = next(self._ids)
        self._program.send_line(json.dumps({"id": number, "op": operation} | fields))
        with self._changed:
            if not self._changed.wait_for(lambda: number in self._answers or self._ended, timeout_s) or self._ended:
                raise VmError(f"no answer to {operation}; the rig's log:\n{self._program.log()[-2000:]}")
            answer = self._answers.pop(number)
        if "error" in answer:
            raise VmError(f"{operation}: {answer['error']}")
        return answer

    def mark(self):
        """A place in the events: those after it are looked at by wait_event(after=…)."""
        with self._changed:
            return len(self._events)

    def events(self, after=0, **fields):
        with self._changed:
            return [event for event in self._events[after:] if fields.items() <= event.items()]

    def wait_event(self, timeout_s=30, after=0, **fields):
        """The first event with these fields, past or coming."""
        with self._changed:
            found = self._changed.wait_for(lambda: next((e for e in self._events[after:] if fields.items() <= e.items()), None), timeout_s)
        if not found:
            raise VmError(f"no event {fields} within {timeout_s} s; there were {self.events(after)[-10:]}")
        return found

    def stop(self):
        self._program.stop()


class UsbCamera:
    """One USB camera. `options`: fields of usb.uvc_camera.Options."""

    def __init__(self, rig, name, **options):
        self.rig, self.name, self.options = rig, name, options
        self.device = self.metadata_device = self.bus = self.port = None
        self.plugged_at = self.added_at = None  # by the guest's clock: the order to plug in, the kernel's word of the video device
        self._since = rig.mark()  # what a camera of the same name did in another test is not this one's doing

    def plug(self, port=None, anew=True):
        """Plugs it in and waits for its video device. `anew` False: with the options that it had before, or was changed to."""
        mark = self.rig.mark()
        answer = self.rig.command("plug", camera=self.name, port=port, **({"options": self.options} if anew else {}))
        self.bus, self.port, self.plugged_at = answer["bus"], answer["port"], answer["at"]
        added = {"event": "video_add", "camera": self.name}
        pictures = self.rig.wait_event(after=mark, index=0, **added)
        self.device, self.added_at = pictures["device"], pictures["at"]
        self.metadata_device = self.rig.wait_event(after=mark, index=1, **added)["device"]
        self.rig.vm.run("udevadm", "settle")
        return self

    def unplug(self, how="unplug"):
        """Unplugs it and waits until its video device is gone; `how` = "vanish": without telling the kernel."""
        mark = self.rig.mark()
        self.rig.command(how, camera=self.name)
        self.wait_gone(mark)

    def wait_gone(self, after):
        for device in (self.device, self.metadata_device):
            self.rig.wait_event(after=after, event="video_remove", camera=self.name, device=device)
        self.device = self.metadata_device = None

    def faults(self, **faults):
        self.rig.command("faults", camera=self.name, **faults)

    def set_options(self, **options):
        self.rig.command("options", camera=self.name, **options)

    def change_control(self, name, value):
        return self.rig.command("change_control", camera=self.name, name=name, value=value)["told"]

    def press_button(self, pressed=True):
        return self.rig.command("press_button", camera=self.name, pressed=pressed)["told"]

    def controls(self):
        return self.rig.command("controls", camera=self.name)["controls"]

    def status(self):
        return self.rig.command("status", camera=self.name)

    def hang(self):
        self.rig.command("hang", camera=self.name)

    def mark(self):
        return self.rig.mark()

    def events(self, after=0, **fields):
        return self.rig.events(after or self._since, camera=self.name, **fields)

    def wait_event(self, event, after=0, timeout_s=30, **fields):
        return self.rig.wait_event(timeout_s, after or self._since, event=event, camera=self.name, **fields)


INPUT_WEBCAM, INPUT_TV, INPUT_SVIDEO, INPUT_HDMI = range(4)
_VIDEO_CAPTURE_NODE = 0x1


class Vivid:
    """The kernel's virtual video driver: `count` capture devices with the given inputs. Loaded anew for each test."""

    def __init__(self, vm, count=1, inputs=(INPUT_WEBCAM,), multiplanar=False, **parameters):
        self.vm = vm
        kinds = sum(kind << 2 * place for place, kind in enumerate(inputs))
        each = lambda value: ",".join([str(value)] * count)
        vm.run("modprobe", "vivid", f"n_devs={count}", f"node_types={each(hex(_VIDEO_CAPTURE_NODE))}", f"num_inputs={each(len(inputs))}",
               f"input_types={each(hex(kinds))}", f"multiplanar={each(2 if multiplanar else 1)}",
               *(f"{name}={value}" for name, value in parameters.items()))
        found = vm.shell("cd /sys/class/video4linux && grep -H . */name").out
        self.devices = [f"/dev/{node}" for node, _ in sorted(re.findall(r"^(video\d+)/name:(vivid-\d+-vid-cap)$", found, re.M), key=lambda p: p[1])]
        if len(self.devices) != count:
            raise VmError(f"vivid made {self.devices} of {count} devices; there are:\n{found}")
        vm.run("udevadm", "settle")

    @property
    def device(self):
        return self.devices[0]

    def unload(self):
        """Fails while a program still holds a device open."""
        wait_until(lambda: self.vm.run("modprobe", "-r", "vivid", check=False).status == 0, "everybody to let go of vivid")


@dataclass
class CapturedFrame:
    """A frame as v4l2-ctl took it from the kernel."""
    sequence: int
    timestamp_s: float
    flags: str
    data: bytes


_DQBUF = re.compile(r"cap dqbuf: *\d+ seq: *(\d+) bytesused: *(\d+) ts: *([\d.]+)(.*)")


def v4l2_ctl(vm, device, *arguments, **options):
    return vm.run("v4l2-ctl", "-d", device, *arguments, **options)


def get_control(vm, device, name):
    return int(v4l2_ctl(vm, device, "--get-ctrl", name).out.split(":")[1].split()[0])


def set_control(vm, device, name, value, check=True):
    return v4l2_ctl(vm, device, "--set-ctrl", f"{name}={value}", check=check)


def parse_frames(log, data):
    """v4l2-ctl's --verbose output and what it wrote, as frames."""
    frames, at = [], 0
    for sequence, size, timestamp, flags in _DQBUF.findall(log):
        frames.append(CapturedFrame(int(sequence), float(timestamp), flags, data[at:at + int(size)]))
        at += int(size)
    return frames


def capture(vm, device, fourcc, width, height, count, fps=None):
    """`count` frames by v4l2-ctl. An error unless all of them came."""
    output = f"/tmp/{device.split('/')[-1]}.raw"
    rate = [f"--set-parm={fps}"] if fps else []
    size = f"--set-fmt-video=width={width},height={height},pixelformat={fourcc}"
    done = v4l2_ctl(vm, device, size, *rate, "--stream-mmap=4", f"--stream-count={count}", f"--stream-to={output}", "--verbose", timeout_s=120)
    frames = parse_frames(done.out + done.err, vm.get(output))
    vm.run("rm", output)
    if len(frames) != count:
        raise VmError(f"{len(frames)} of {count} frames from {device}:\n{(done.out + done.err)[-1500:]}")
    return frames
