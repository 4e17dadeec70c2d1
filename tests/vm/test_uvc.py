"""The real uvcvideo driver with USB cameras of ours: the rig that Camweave's own tests stand on is what it claims to be."""

import re

import pytest

from cameras import capture, get_control, set_control, v4l2_ctl
from usb import pictures
from usb.uvc_camera import DEFAULT_MODES
from vm import VmError, wait_until

short, long = pytest.mark.short, pytest.mark.long


def jpeg_numbers(width, height, up_to=2000, **options):
    """{bytes of a picture: its number}"""
    return {pictures.jpeg(width, height, number, **options): number for number in range(up_to)}


def assert_rising(numbers):
    """Frames may be missed on a slow machine; they never come twice or in another order."""
    assert numbers == sorted(set(numbers)), numbers


@short
def test_every_mode_is_listed(guest, usb_camera):
    camera = usb_camera()
    text = v4l2_ctl(guest, camera.device, "--list-formats-ext").out
    listed, fourcc = set(), None
    for kind, value in re.findall(r"(\]: '|Discrete )([\w.]+x?\w*)", text):
        if kind != "Discrete ":
            fourcc = value
        elif "x" in value:
            listed.add((fourcc, *map(int, value.split("x"))))
    assert listed == {mode[:3] for mode in DEFAULT_MODES}
    assert "(60.000 fps)" in text and "(5.000 fps)" in text


@short
def test_forty_jpegs_arrive_byte_for_byte(guest, usb_camera):
    camera = usb_camera()
    numbers = jpeg_numbers(640, 480, level=128)
    frames = capture(guest, camera.device, "MJPG", 640, 480, 40, fps=30)
    assert_rising([numbers[frame.data] for frame in frames])
    started = camera.wait_event("streaming")
    assert (started["width"], started["height"], started["fps"]) == (640, 480, 30.0)
    camera.wait_event("stopped")


@short
def test_a_control_reaches_the_camera_and_is_read_back(guest, usb_camera):
    camera = usb_camera()
    set_control(guest, camera.device, "brightness", -20)
    camera.wait_event("control", name="brightness", value=-20)
    assert get_control(guest, camera.device, "brightness") == -20
    assert camera.controls()["brightness"] == -20
    frame = capture(guest, camera.device, "YUYV", 320, 240, 1)[0]
    assert frame.data == pictures.yuyv(320, 240, pictures.read_raw_number("YUYV", frame.data, 320), level=88)


@short
def test_exposure_is_refused_while_it_is_automatic(guest, usb_camera):
    camera = usb_camera()
    assert "inactive" in re.search("exposure_time_absolute.*", v4l2_ctl(guest, camera.device, "--list-ctrls").out)[0]
    assert set_control(guest, camera.device, "exposure_time_absolute", 500, check=False).status != 0
    set_control(guest, camera.device, "auto_exposure", 1)
    set_control(guest, camera.device, "exposure_time_absolute", 500)
    assert camera.controls()["exposure_time_absolute"] == 500


@short
def test_unplugged_while_it_streams_and_back_under_another_number(guest, usb_camera):
    camera = usb_camera(serial="SN-A")
    first_device = camera.device
    with guest.spawn("v4l2-ctl", "-d", camera.device, "--stream-mmap", name="stream") as reader:
        camera.wait_event("streaming")
        camera.unplug()
        assert reader.wait() is not None  # ENODEV ended it
    other = usb_camera("b", port=camera.port, serial="SN-B")
    assert other.device == first_device
    camera.plug(port=4)
    assert camera.device != first_device
    link = guest.shell("readlink -f /dev/v4l/by-id/*SN-A-video-index0").out.strip()
    assert link == camera.device
    assert len(capture(guest, camera.device, "MJPG", 640, 480, 3)) == 3


@short
def test_two_of_one_name_are_told_apart_by_serial_and_bus(guest, usb_camera):
    a, b = usb_camera("a", serial="SN-0001"), usb_camera("b", serial="SN-0002")
    cards = [re.search(r"Card type\s*: (.*)", v4l2_ctl(guest, camera.device, "--info").out)[1] for camera in (a, b)]
    assert cards[0] == cards[1]
    for camera, serial in ((a, "SN-0001"), (b, "SN-0002")):
        text = guest.run("udevadm", "info", "--query=property", camera.device).out
        assert f"ID_SERIAL_SHORT={serial}" in text
        assert guest.run("cat", f"/sys/bus/usb/devices/{camera.bus}/serial").out.strip() == serial
    set_control(guest, b.device, "gain", 77)
    assert (a.controls()["gain"], b.controls()["gain"]) == (16, 77)


@long
@pytest.mark.parametrize("fourcc, width, height", [mode[:3] for mode in DEFAULT_MODES] + [("NV12", 640, 480), ("GREY", 640, 480)])
def test_every_mode_arrives_byte_for_byte(guest, usb_camera, fourcc, width, height):
    modes = list(DEFAULT_MODES) + [("NV12", 640, 480, (15,)), ("GREY", 640, 480, (15,))]
    camera = usb_camera(modes=modes)
    frames = capture(guest, camera.device, fourcc, width, height, 10)
    if fourcc == "MJPG":
        known = jpeg_numbers(width, height, 400)
        numbers = [known[frame.data] for frame in frames]
    else:
        numbers = [pictures.read_raw_number(fourcc, frame.data, width) for frame in frames]
        assert all(frame.data == pictures.picture(fourcc, width, height, number) for frame, number in zip(frames, numbers))
    assert_rising(numbers)


@long
def test_frame_rates_are_kept(guest, usb_camera):
    camera = usb_camera()
    for fps in (5, 15, 30):
        frames = capture(guest, camera.device, "MJPG", 640, 480, 8, fps=fps)
        known = jpeg_numbers(640, 480)
        numbers = [known[frame.data] for frame in frames]
        # By the camera's own count of pictures, so that a slow machine that misses some decides nothing.
        seconds = (frames[-1].timestamp_s - frames[0].timestamp_s) / (numbers[-1] - numbers[0])
        assert 0.5 / fps < seconds < 2 / fps
        assert camera.events(event="streaming")[-1]["fps"] == fps


@long
def test_every_control_is_set_and_read_back(guest, usb_camera):
    camera = usb_camera()
    manual = {"auto_exposure": 1, "focus_automatic_continuous": 0, "white_balance_automatic": 0}
    values = manual | {"exposure_time_absolute": 321, "focus_absolute": 125, "white_balance_temperature": 3210, "zoom_absolute": 250,
                       "exposure_dynamic_framerate": 1, "privacy": 1, "brightness": 33, "contrast": 44, "saturation": 55, "hue": -66,
                       "sharpness": 7, "gamma": 222, "gain": 99, "backlight_compensation": 2, "power_line_frequency": 2}
    for name, value in values.items():
        set_control(guest, camera.device, name, value)
    assert {name: get_control(guest, camera.device, name) for name in values} == values
    assert camera.controls() == values
    assert set_control(guest, camera.device, "privacy", 0).status == 0
    assert camera.controls()["privacy"] == 0


@long
def test_what_the_camera_changes_by_itself_is_an_event(guest, usb_camera):
    camera = usb_camera()
    # Again and again: v4l2-ctl has the device open, and the driver listens, before it has asked for events.
    with guest.spawn("v4l2-ctl", "-d", camera.device, "--wait-for-event=ctrl=exposure_time_absolute", name="event") as waiting:
        values = iter(range(700, 10000))
        wait_until(lambda: waiting.wait(0.3) is not None or camera.change_control("exposure_time_absolute", next(values)) is None, "the event")
        assert "exposure_time_absolute" in waiting.read_line()
    assert get_control(guest, camera.device, "exposure_time_absolute") == camera.controls()["exposure_time_absolute"] >= 700


@long
def test_the_cameras_button_is_an_input_event(guest, usb_camera):
    camera = usb_camera()
    node = guest.shell(f"ls -d /sys/bus/usb/devices/{camera.bus}/{camera.bus}:1.0/input/input*/event*").out.strip().split("/")[-1]
    with guest.spawn("v4l2-ctl", "-d", camera.device, "--wait-for-event=eos", name="keeps-it-open"), \
            guest.spawn("dd", f"if=/dev/input/{node}", "bs=24", "count=1", "of=/tmp/key", name="key") as key:
        wait_until(lambda: camera.press_button(True), "the driver to listen")
        wait_until(lambda: key.wait(0.2) is not None or not camera.press_button(False) or camera.press_button(True), "the key")
        assert key.wait(10) == 0
    assert int.from_bytes(guest.get("/tmp/key")[18:20], "little") == 212  # KEY_CAMERA


@long
def test_torn_pictures(guest, usb_camera):
    camera = usb_camera()
    camera.faults(torn=3, torn_fraction=0.5)
    frames = capture(guest, camera.device, "MJPG", 640, 480, 8)
    known = jpeg_numbers(640, 480, 100)
    torn = [frame for frame in frames if frame.data not in known]
    assert torn and len(torn) <= 3
    assert all(any(whole.startswith(frame.data) for whole in known) for frame in torn)


@pytest.fixture
def no_drop(guest):
    """uvcvideo hands broken pictures on, flagged, instead of dropping them: as newer kernels do by themselves."""
    parameter = "/sys/module/uvcvideo/parameters/nodrop"
    guest.run("modprobe", "uvcvideo")
    before = guest.get(parameter)
    guest.shell(f"echo 1 > {parameter}")
    yield
    guest.shell(f"echo {before.decode().strip()} > {parameter}")


@long
@pytest.mark.parametrize("fourcc, fault", (("YUYV", "torn"), ("MJPG", "error_bit")))
def test_a_broken_picture_is_a_gap_in_the_sequence(guest, usb_camera, fourcc, fault):
    camera = usb_camera()
    camera.faults(**{fault: 1})
    frames = capture(guest, camera.device, fourcc, 640, 480, 3)
    assert frames[0].sequence == 1


@long
@pytest.mark.parametrize("fourcc, fault", (("YUYV", "torn"), ("MJPG", "error_bit")))
def test_a_broken_picture_is_flagged(guest, no_drop, usb_camera, fourcc, fault):
    camera = usb_camera()
    camera.faults(**{fault: 1})
    size = f"--set-fmt-video=width=640,height=480,pixelformat={fourcc}"
    log = v4l2_ctl(guest, camera.device, size, "--stream-mmap", "--stream-count=2", "--verbose").err
    flags = re.findall(r"cap dqbuf:.*\((.*)\)", log)
    assert ["error" in text for text in flags] == [True, False, False]


@long
def test_a_picture_without_an_end(guest, usb_camera):
    camera = usb_camera()
    camera.faults(unended=2)
    known = jpeg_numbers(640, 480, 400)
    frames = capture(guest, camera.device, "MJPG", 640, 480, 6)
    assert any(frame.data not in known for frame in frames) and frames[-1].data in known


@long
def test_no_huffman_tables_and_padding(guest, usb_camera):
    camera = usb_camera(huffman_tables=False, padding_bytes=512)
    frames = capture(guest, camera.device, "MJPG", 640, 480, 3)
    known = jpeg_numbers(640, 480, 100, with_tables=False)
    for frame in frames:
        assert b"\xff\xc4" not in frame.data and frame.data.endswith(bytes(512)) and frame.data[:-512] in known
    camera.set_options(huffman_tables=True, padding_bytes=0)
    assert pictures.huffman_segments() in capture(guest, camera.device, "MJPG", 640, 480, 2)[-1].data


@long
def test_a_stall_and_the_end_of_it(guest, usb_camera):
    camera = usb_camera()
    camera.faults(stalled=True)
    with guest.spawn("v4l2-ctl", "-d", camera.device, "--stream-mmap", "--stream-count=5", name="stall") as reader:
        camera.wait_event("streaming")
        assert reader.wait(1) is None and camera.status()["number"] == 0
        camera.faults(stalled=False)
        assert reader.wait(20) == 0


@long
def test_usb_errors_end_the_stream_until_it_is_started_anew(guest, usb_camera):
    camera = usb_camera()
    with guest.spawn("v4l2-ctl", "-d", camera.device, "--stream-mmap", "--verbose", name="eproto"):
        camera.wait_event("streaming")
        camera.faults(usb_errors=5)
        wait_until(lambda: "Non-zero status (-71)" in guest.kernel_log(), "the driver to see the errors")
    camera.faults(usb_errors=0)
    assert len(capture(guest, camera.device, "MJPG", 640, 480, 3)) == 3


@long
@pytest.mark.parametrize("in_a_picture", (False, True))
def test_a_camera_that_vanishes(guest, usb_camera, in_a_picture):
    camera = usb_camera()
    with guest.spawn("v4l2-ctl", "-d", camera.device, "--stream-mmap", name="vanish") as reader:
        camera.wait_event("streaming")
        if in_a_picture:
            mark = camera.mark()
            camera.faults(vanish=True)
            camera.wait_gone(mark)
        else:
            camera.unplug("vanish")
        assert reader.wait(20) is not None
    camera.plug()
    assert len(capture(guest, camera.device, "MJPG", 640, 480, 3)) == 3


@long
def test_a_camera_that_hangs_is_still_unplugged(guest, usb_camera):
    camera = usb_camera()
    camera.hang()
    # uvcvideo gives a control request 5 s.
    assert set_control(guest, camera.device, "gain", 5, check=False).status != 0
    camera.unplug()


@long
def test_four_cameras_stream_at_once(guest, usb_camera):
    cameras = [usb_camera(name, serial=f"SN-{name}") for name in "abcd"]
    readers = [guest.spawn("v4l2-ctl", "-d", camera.device, "--set-fmt-video=width=320,height=240,pixelformat=MJPG", "--set-parm=15",
                           "--stream-mmap", "--stream-count=20", name=f"reader-{camera.name}") for camera in cameras]
    assert [reader.wait(60) for reader in readers] == [0, 0, 0, 0]


@long
def test_more_noise_makes_bigger_pictures(guest, usb_camera):
    camera = usb_camera(detail=6)
    frames = capture(guest, camera.device, "MJPG", 1920, 1080, 3)
    assert all(100_000 < len(frame.data) < 150_000 for frame in frames)


@long
def test_the_rig_says_what_it_cannot_do(usb_rig, usb_camera):
    camera = usb_camera()
    for operation, fields in (("fly", {}), ("plug", {}), ("faults", {"colour": 1}), ("options", {"serial": "X"})):
        with pytest.raises(VmError, match="ValueError"):
            usb_rig.command(operation, camera=camera.name, **fields)
    with pytest.raises(VmError, match="Error"):
        usb_rig.command("unplug", camera="nobody")
