"""Camweave's driver `libcamera` in Debian 13 with libcamera 0.4: its worker alone, with the test in the server's place. Two
virtual cameras, and a USB camera through libcamera's UVC handler. Programs come from CAMWEAVE_BIN_TRIXIE."""

import io
import itertools
import json

import pytest
from PIL import Image

from usb import pictures
from worker import controls_by_name

pytestmark = pytest.mark.long

BARS = ((255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255), (255, 0, 0), (0, 0, 255), (0, 0, 0))
USB_ID = r"\_SB_.PCI0.XHCI-1:1.0-1d6b:0104"


def number_in(jpeg):
    grey = Image.open(io.BytesIO(jpeg)).convert("L")
    return pictures.read_number(lambda x, y: grey.getpixel((x, y)), grey.width)


def without_exif(jpeg):
    """The camera's own bytes: the driver puts one APP1 segment behind SOI."""
    assert jpeg[2:4] == b"\xff\xe1"
    return jpeg[:2] + jpeg[4 + int.from_bytes(jpeg[4:6], "big"):]


def assert_rising(numbers):
    assert numbers == sorted(set(numbers)), numbers


def nearest_bar(pixel):
    distance, bar = min((max(abs(a - b) for a, b in zip(pixel, colour)), number) for number, colour in enumerate(BARS))
    return bar if distance <= 6 else None  # None: on an edge


def bars_in(jpeg):
    """The bars from left to right, by their place in BARS; the handler moves them with each picture."""
    picture = Image.open(io.BytesIO(jpeg)).convert("RGB")
    row = [nearest_bar(picture.getpixel((x, picture.height // 2))) for x in range(picture.width)]
    runs = [(bar, len(list(run))) for bar, run in itertools.groupby(row)]
    return [bar for bar, length in runs if bar is not None and length >= 16]


def assert_bars(jpeg):
    seen = bars_in(jpeg)
    assert len(seen) >= 8 and all((b - a) % 8 == 1 for a, b in zip(seen, seen[1:])), seen


# Listing.


def test_cameras_are_listed_with_modes_and_controls(libcamera_list, virtual_cameras):
    found = libcamera_list()
    assert list(found) == ["libcamera:Front", "libcamera:Back"]
    front = found["libcamera:Front"]
    assert (front["model"], front["problem"]) == ("Virtual Front", "")
    assert {"format": "NV12", "width": 640, "height": 480, "fps": 30} in front["modes"]
    rate = controls_by_name(front)["frame_rate"]
    assert (rate["min"], rate["max"], rate["unit"]) == (30, 60, "fps")
    assert controls_by_name(found["libcamera:Back"])["frame_rate"]["read_only"]


def test_a_camera_that_another_program_has_is_busy(libcamera_guest, libcamera_list, usb_controller_with_firmware_node, libcamera_usb_camera):
    camera = libcamera_usb_camera(serial="SN-L1")
    with libcamera_guest.spawn("cam", "-c1", "-C", name="busy"):
        camera.wait_event("streaming")
        assert "in use by another program" in libcamera_list()[f"libcamera:{USB_ID}"]["problem"]


def test_without_permission_it_names_the_group(libcamera_list, usb_controller_with_firmware_node, libcamera_usb_camera, libcamera_guest):
    libcamera_usb_camera(serial="SN-L1")
    done = libcamera_guest.run("/payload/bin/camweave-capture-libcamera", "--list", user="nobody", check=False)
    assert done.status == 1 and "'video'" in done.err, (done.out, done.err)


def test_v4l2_and_libcamera_look_at_once_and_find_the_same_device(libcamera_guest, usb_controller_with_firmware_node, libcamera_usb_camera):
    """What `camweave cameras` does; that it then offers V4L2's alone is find_cameras_test.cpp's."""
    if libcamera_guest.run("test", "-x", "/payload/bin/camweave-capture-v4l2", check=False).status:
        pytest.skip("camweave-capture-v4l2 is not in the folder that CAMWEAVE_BIN_TRIXIE names")
    camera = libcamera_usb_camera(serial="SN-L1")
    both = "camweave-capture-libcamera --list >/tmp/l & for i in 1 2 3 4 5; do camweave-capture-v4l2 --list; done; wait; cat /tmp/l"
    *v4l2, libcamera = [json.loads(line)[0] for line in libcamera_guest.shell(both).out.splitlines()]
    assert all((found["source"], found["problem"], found["devices"]) == ("v4l2:serial=SN-L1", "", [camera.device]) for found in v4l2)
    assert libcamera["problem"] == "" and camera.device in libcamera["devices"]


# The virtual cameras.


def test_two_cameras_at_once_by_pixels_at_their_rate(libcamera_worker, virtual_cameras):
    front = libcamera_worker("libcamera:model=Virtual Front", size=(640, 480), fps=30)
    back = libcamera_worker("libcamera:1", size=(640, 480), fps=30)
    for worker in (front, back):
        worker.want({"quality": 95}, data=True)
        opened = worker.wait_for("Opened")
        assert opened["mode"] == {"format": "NV12", "width": 640, "height": 480, "fps": 30} and opened["mode_note"] == ""
    assert (front.messages[-1]["identity"], back.messages[-1]["identity"]) == ("libcamera:Front", "libcamera:Back")
    for _ in range(8):
        assert_bars(front.wait_for("Frame")["data"])
    lines = back.wait_for("Frame")["data"]
    assert set(bars_in(lines)) == {0, 7}  # white and black only
    # The handler completes requests at once: the driver holds them to the rate when it finds them 1.3 times too fast.
    frames = front.frames(120)[-60:]
    assert_rising([frame["sequence"] for frame in frames])
    assert_rising([frame["capture_ns"] for frame in frames])
    steps = frames[-1]["sequence"] - frames[0]["sequence"]
    assert frames[-1]["capture_ns"] - frames[0]["capture_ns"] > steps * 0.95 / (1.3 * 30) * 1e9
    # It tells nothing true of a frame, and nothing untrue comes out.
    assert all(f["exposure_us"] == 0 and f["gain"] == 0 and f["lux"] == 0 for f in frames)
    assert front.stop() == back.stop() == 0


def test_a_size_that_is_not_there_is_adjusted_and_said(libcamera_worker, virtual_cameras):
    worker = libcamera_worker("libcamera:Front?rotation=90", size=(800, 600), fps=30)
    opened = worker.wait_for("Opened")
    assert (opened["mode"]["width"], opened["mode"]["height"]) == (1280, 720)
    assert "the camera took NV12 1280x720" in opened["mode_note"]


def test_a_format_that_is_not_there_is_refused(libcamera_worker, virtual_cameras):
    failed = libcamera_worker("libcamera:Front?format=MJPEG").wait_for("Failed")
    assert "Front: the camera has no MJPEG mode" in failed["error"]


def test_the_frame_rate_is_a_control(libcamera_worker, virtual_cameras):
    worker = libcamera_worker("libcamera:Front", size=(640, 480), fps=30)
    worker.want({})
    worker.frames(3)
    assert worker.set_controls(frame_rate=60)["applied"] == {"frame_rate": 60}
    assert any(m["type"] == "Opened" and m["mode"]["fps"] == 60 for m in worker.messages) or worker.wait_for("Opened")["mode"]["fps"] == 60
    assert worker.set_controls(frame_rate=61)["errors"][0]["type"] == "less_than_equal"


def test_a_still_has_the_full_resolution_and_the_stream_goes_on(libcamera_worker, virtual_cameras):
    worker = libcamera_worker("libcamera:Front", size=(640, 480), fps=30)
    worker.want({}, data=True)
    worker.frames(3)
    worker.send("StillRequest", request_id=7, quality=90)
    still = worker.wait_for("Frame", request_id=7)
    assert (still["width"], still["height"]) == (1280, 720)
    assert_bars(still["data"])
    after = worker.frames(3)[-1]
    assert (after["width"], after["height"]) == (640, 480) and after["sequence"] > still["sequence"]


def test_a_camera_that_is_not_here_is_away_and_others_are_named(libcamera_worker, virtual_cameras):
    reason = libcamera_worker("libcamera:imx708").wait_for("Status", away=True)["away_reason"]
    assert "no camera 'imx708'" in reason and "Front" in reason


# A USB camera through libcamera's UVC handler.


@pytest.fixture
def usb(usb_controller_with_firmware_node, libcamera_usb_camera):
    return libcamera_usb_camera(serial="SN-L1")


def test_jpegs_pass_through_untouched(usb, libcamera_worker):
    worker = libcamera_worker(f"libcamera:{USB_ID}", size=(640, 480))
    worker.want({}, data=True)
    assert worker.wait_for("Opened")["mode"]["format"] == "MJPEG"
    frames = worker.frames(10)
    numbers = [number_in(frame["data"]) for frame in frames]
    assert_rising(numbers)
    assert_rising([frame["sequence"] for frame in frames])
    assert all(without_exif(frame["data"]) == pictures.jpeg(640, 480, number) for frame, number in zip(frames, numbers))


def test_yuyv_is_encoded_from_the_cameras_own_memory(usb, libcamera_worker):
    worker = libcamera_worker("libcamera:Test Camera?format=YUYV", size=(320, 240))
    worker.want({"quality": 90}, data=True)
    assert worker.wait_for("Opened")["mode"]["format"] == "YUYV"
    assert_rising([number_in(frame["data"]) for frame in worker.frames(5)])
    picture = Image.open(io.BytesIO(worker.messages[-1]["data"])).convert("RGB")
    white, black = picture.getpixel((8, 200)), picture.getpixel((312, 200))
    assert min(white) >= 245 and max(black) <= 10, (white, black)


def test_torn_pictures_are_dropped_and_counted(usb, libcamera_worker):
    worker = libcamera_worker(f"libcamera:{USB_ID}", size=(640, 480))
    worker.want({}, data=True)
    worker.frames(3)
    usb.faults(torn=3)
    while worker.wait_for("Status")["dropped"] < 3:
        pass
    assert all(frame["data"].endswith(b"\xff\xd9") for frame in worker.frames(5))


def test_controls_reach_the_device_and_survive_unplugging(usb, libcamera_worker):
    worker = libcamera_worker(f"libcamera:{USB_ID}", size=(640, 480))
    worker.want({})
    before = worker.frames(3)[-1]
    reply = worker.set_controls(brightness=0.5, auto_exposure=False, exposure_us=20000)
    assert reply["applied"] == {"brightness": 0.5, "auto_exposure": False, "exposure_us": 20000}
    usb.wait_event("control", name="exposure_time_absolute", value=200)
    assert usb.controls()["brightness"] == 32 and usb.controls()["auto_exposure"] == 1
    assert worker.set_controls(gain=100)["errors"]
    usb.unplug()
    assert "unplugged" in worker.wait_for("Status", away=True)["away_reason"]
    mark = usb.mark()
    usb.plug(port=usb.port)
    worker.wait_for("Status", away=False)
    assert worker.wait_for("Frame")["sequence"] > before["sequence"]
    usb.wait_event("control", after=mark, name="exposure_time_absolute", value=200)
    assert usb.controls()["brightness"] == 32
