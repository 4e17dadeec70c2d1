"""Camweave's driver `v4l2` on a real kernel: its worker alone, with the test in the server's place."""

import io

import pytest
from PIL import Image

from cameras import INPUT_HDMI, get_control, set_control, v4l2_ctl
from usb import pictures
from vm import wait_until
from worker import controls_by_name

short, long = pytest.mark.short, pytest.mark.long


def number_in(jpeg, original_width=None):
    grey = Image.open(io.BytesIO(jpeg)).convert("L")
    return pictures.read_number(lambda x, y: grey.getpixel((x, y)), grey.width, original_width)


def without_exif(jpeg):
    """The camera's own bytes: the driver puts one APP1 segment behind SOI."""
    assert jpeg[2:4] == b"\xff\xe1"
    return jpeg[:2] + jpeg[4 + int.from_bytes(jpeg[4:6], "big"):]


def assert_rising(numbers):
    assert numbers == sorted(set(numbers)), numbers


@short
def test_jpegs_pass_through_untouched(usb_camera, v4l2_worker):
    usb_camera(serial="SN-9")
    worker = v4l2_worker("v4l2:serial=SN-9", size=(640, 480), fps=15)
    worker.want({}, data=True)
    opened = worker.wait_for("Opened")
    assert opened["mode"] == {"format": "MJPEG", "width": 640, "height": 480, "fps": 15} and opened["mode_note"] == ""
    assert (opened["model"], opened["serial"]) == ("Test Camera", "SN-9")
    frames = worker.frames(10)
    numbers = [number_in(frame["data"]) for frame in frames]
    assert_rising(numbers)
    assert_rising([frame["sequence"] for frame in frames])
    assert all(without_exif(frame["data"]) == pictures.jpeg(640, 480, number) for frame, number in zip(frames, numbers))
    assert worker.stop() == 0


@short
def test_unplugged_and_back_under_another_number(usb_camera, v4l2_worker):
    camera = usb_camera(serial="SN-9")
    first_device = camera.device
    worker = v4l2_worker("v4l2:serial=SN-9", size=(640, 480))
    worker.want({})
    before = worker.frames(3)[-1]
    assert worker.set_controls(auto_exposure=False, exposure_us=20000)["applied"] == {"auto_exposure": False, "exposure_us": 20000}
    assert camera.controls()["exposure_time_absolute"] == 200
    camera.unplug()
    assert "unplugged" in worker.wait_for("Status", away=True)["away_reason"]
    usb_camera("other", serial="SN-OTHER")
    camera.plug(port=5)
    assert camera.device != first_device
    worker.wait_for("Status", away=False)
    after = worker.wait_for("Frame")
    assert after["sequence"] > before["sequence"]
    assert camera.controls()["exposure_time_absolute"] == 200




@short
def test_vivids_colour_bars_as_jpeg(guest, vivid, v4l2_worker):
    device = vivid().device
    set_control(guest, device, "osd_text_mode", 2)
    worker = v4l2_worker(f"v4l2:{device}", size=(640, 360), fps=15)
    worker.want({"quality": 90}, data=True)
    picture = Image.open(io.BytesIO(worker.wait_for("Frame")["data"])).convert("RGB")
    assert picture.size == (640, 360)
    bars = ((191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191), (0, 0, 0))
    seen = [picture.getpixel((bar * 80 + 40, 180)) for bar in range(8)]
    assert all(abs(a - b) <= 6 for one, colour in zip(seen, bars) for a, b in zip(one, colour)), seen


@short
def test_vivids_disconnect(guest, vivid, v4l2_worker):
    device = vivid().device
    worker = v4l2_worker(f"v4l2:{device}", size=(320, 180), fps=15)
    worker.want({})
    worker.frames(2)
    set_control(guest, device, "disconnect", 1)
    worker.wait_for("Status", away=True)


# Listing.


@long
def test_cameras_are_listed_with_serial_modes_and_controls(usb_camera, v4l2_list):
    usb_camera("a", serial="SN-1")
    usb_camera("b", serial="SN-2")
    found = v4l2_list()
    assert set(found) == {"v4l2:serial=SN-1", "v4l2:serial=SN-2"}
    camera = found["v4l2:serial=SN-1"]
    assert (camera["model"], camera["serial"], camera["problem"]) == ("Test Camera", "SN-1", "")
    assert {"format": "MJPEG", "width": 1280, "height": 720, "fps": 30} in camera["modes"]
    assert {"format": "YUYV", "width": 640, "height": 480, "fps": 15} in camera["modes"]
    controls = controls_by_name(camera)
    exposure = controls["exposure_us"]
    assert (exposure["min"], exposure["max"], exposure["step"], exposure["value"], exposure["auto_partner"]) == (100, 1000000, 100, 15600, "auto_exposure")
    assert not exposure["available"] and exposure["why"] == "auto_exposure is on"
    assert controls["power_line_frequency"]["options"] == ["Disabled", "50 Hz", "60 Hz"]


@long
def test_a_busy_camera_names_who_has_it(guest, usb_camera, v4l2_list):
    camera = usb_camera(serial="SN-1")
    with guest.spawn("v4l2-ctl", "-d", camera.device, "--stream-mmap", name="busy"):
        camera.wait_event("streaming")
        problem = v4l2_list()["v4l2:serial=SN-1"]["problem"]
    assert "in use by v4l2-ctl (" in problem and "camweave" not in problem


@long
def test_without_permission_it_names_the_group(usb_camera, v4l2_list):
    camera = usb_camera()
    found = v4l2_list(user="nobody")
    assert "'video'" in found[f"v4l2:{camera.device}"]["problem"]
    assert f"v4l2:{camera.metadata_device}" not in found


@long
def test_without_permission_and_udev_metadata_is_no_camera(guest, usb_camera, v4l2_list):
    """As in a container: only sysfs tells the two nodes of a camera apart."""
    cameras = [usb_camera(name, serial=f"SN-{name}") for name in "ab"]
    guest.shell("mv /run/udev/data /run/udev/hidden")
    try:
        found = v4l2_list(user="nobody")
    finally:
        guest.shell("mv /run/udev/hidden /run/udev/data")
    assert set(found) == {f"v4l2:{camera.device}" for camera in cameras}
    assert all("'video'" in camera["problem"] for camera in found.values())


# Controls.


@long
def test_a_refused_control_says_why_and_changes_nothing(usb_camera, v4l2_worker):
    camera = usb_camera(serial="SN-9")
    worker = v4l2_worker("v4l2:serial=SN-9")
    worker.wait_for("Opened")
    reply = worker.set_controls(gain=50, exposure_us=20000)
    assert reply["errors"] and reply["errors"][0]["name"] == "exposure_us" and "auto_exposure" in reply["errors"][0]["message"]
    assert camera.controls()["gain"] == 16
    for wrong in ({"gain": 1000}, {"gain": "much"}, {"gian": 1}):
        assert worker.set_controls(**wrong)["errors"][0]["name"] == next(iter(wrong))


@long
def test_changes_by_others_are_told(guest, usb_camera, v4l2_worker):
    camera = usb_camera(serial="SN-9")
    worker = v4l2_worker("v4l2:serial=SN-9")
    worker.want({})
    worker.frames(1)
    set_control(guest, camera.device, "gain", 99)
    while controls_by_name(worker.wait_for("ControlsChanged"))["gain"]["value"] != 99:
        pass
    assert camera.change_control("exposure_time_absolute", 700)  # by the camera's own automatic exposure
    while controls_by_name(worker.wait_for("ControlsChanged"))["exposure_us"]["value"] != 70000:
        pass


@long
def test_controls_are_reset(guest, usb_camera, v4l2_worker):
    camera = usb_camera(serial="SN-9")
    worker = v4l2_worker("v4l2:serial=SN-9")
    worker.wait_for("Opened")
    worker.set_controls(gain=50, brightness=-9, auto_white_balance=False)
    assert get_control(guest, camera.device, "gain") == 50
    assert worker.reset_controls()["ok"]
    values = camera.controls()
    assert (values["gain"], values["brightness"], values["white_balance_automatic"]) == (16, 0, 1)


# Faults.


@long
@pytest.mark.parametrize("mode, fault", (("MJPG", "torn"), ("MJPG", "unended"), ("MJPG", "error_bit"), ("YUYV", "torn")))
def test_broken_pictures_are_dropped_and_counted(usb_camera, v4l2_worker, mode, fault):
    camera = usb_camera(serial="SN-9", modes=[(mode, 640, 480, (15,))])
    worker = v4l2_worker("v4l2:serial=SN-9")
    worker.want({}, data=True)
    worker.frames(3)
    dropped_before = worker.wait_for("Status")["dropped"]
    camera.faults(**{fault: 3})
    wait_until(lambda: worker.wait_for("Status")["dropped"] >= dropped_before + 3, "the drops to be counted")
    frames = [message for message in worker.messages if message["type"] == "Frame"] + worker.frames(2)
    for frame in frames:
        Image.open(io.BytesIO(frame["data"])).load()  # every picture that came is whole
    seen = [(frame["sequence"], number_in(frame["data"])) for frame in frames]
    assert [sequence for sequence, _ in seen] == sorted({sequence for sequence, _ in seen}), seen
    assert_rising([number for _, number in seen])


@long
def test_missing_huffman_tables_are_put_in(usb_camera, v4l2_worker):
    usb_camera(serial="SN-9", huffman_tables=False, padding_bytes=512)
    worker = v4l2_worker("v4l2:serial=SN-9", size=(640, 480))
    worker.want({}, data=True)
    frame = worker.wait_for("Frame")["data"]
    assert b"\xff\xc4" in frame and frame.endswith(b"\xff\xd9")
    assert number_in(frame) > 0


@long
def test_after_usb_errors_a_new_worker_has_pictures_again(usb_camera, v4l2_worker):
    """uvcvideo never says that a stream broke: no more frames come, the server sees a stall and starts a new worker."""
    camera = usb_camera(serial="SN-9")
    worker = v4l2_worker("v4l2:serial=SN-9")
    worker.want({})
    worker.frames(2)
    camera.faults(usb_errors=5)
    last = [worker.wait_for("Status")["last_frame_ns"]]
    while len(last) < 3 or last[-1] != last[-3]:
        last.append(worker.wait_for("Status")["last_frame_ns"])
    assert worker.stop() == 0
    camera.faults(usb_errors=0)
    second = v4l2_worker("v4l2:serial=SN-9")
    second.want({})
    second.frames(3)


@long
def test_vanished_in_the_middle_of_a_picture(usb_camera, v4l2_worker):
    camera = usb_camera(serial="SN-9")
    worker = v4l2_worker("v4l2:serial=SN-9")
    worker.want({}, data=True)
    worker.frames(2)
    mark = camera.mark()
    camera.faults(vanish=True)
    worker.wait_for("Status", away=True)
    camera.wait_gone(mark)
    camera.plug()
    worker.wait_for("Status", away=False)
    Image.open(io.BytesIO(worker.wait_for("Frame")["data"])).load()


@long
def test_vivids_fatal_error_ends_the_worker(guest, vivid, v4l2_worker):
    device = vivid().device
    worker = v4l2_worker(f"v4l2:{device}", size=(320, 180), fps=15)
    worker.want({})
    worker.frames(2)
    set_control(guest, device, "inject_fatal_streaming_error", 1)
    assert device in worker.wait_for("Failed")["error"]


@long
def test_vivids_dropped_buffers_are_counted(guest, vivid, v4l2_worker):
    device = vivid().device
    worker = v4l2_worker(f"v4l2:{device}", size=(320, 180), fps=25)
    worker.want({})
    worker.frames(2)
    set_control(guest, device, "percentage_of_dropped_buffers", 50)
    wait_until(lambda: worker.wait_for("Status")["dropped"] > 5, "drops")


# Formats and modes.


@long
@pytest.mark.parametrize("fourcc", ("YUYV", "NV12", "GREY"))
def test_raw_formats_of_a_usb_camera(usb_camera, v4l2_worker, fourcc):
    usb_camera(serial="SN-9", modes=[(fourcc, 640, 480, (10,))])
    worker = v4l2_worker("v4l2:serial=SN-9")
    worker.want({"quality": 90}, data=True)
    frames = worker.frames(3)
    assert_rising([number_in(frame["data"]) for frame in frames])
    picture = Image.open(io.BytesIO(frames[-1]["data"])).convert("RGB")
    edges = pictures.bar_edges(640)
    for colour, left, right in zip(pictures.BAR_COLOURS, edges, edges[1:]):
        if fourcc == "GREY":
            colour = [pictures.full_range_ycc(colour)[0]] * 3  # monochrome sensors use the full range
        seen = picture.getpixel(((left + right) // 2, 300))
        assert all(abs(a - b) <= 6 for a, b in zip(seen, colour)), (seen, colour)


@long
@pytest.mark.parametrize("multiplanar", (False, True))
def test_both_planar_interfaces_of_vivid(guest, vivid, v4l2_worker, multiplanar):
    device = vivid(multiplanar=multiplanar).device
    worker = v4l2_worker(f"v4l2:{device}", size=(640, 360), fps=10)
    worker.want({}, data=True)
    assert worker.wait_for("Opened")["mode"]["width"] == 640
    assert Image.open(io.BytesIO(worker.wait_for("Frame")["data"])).size == (640, 360)


@long
def test_a_mode_that_is_not_there_is_adjusted_and_said(usb_camera, v4l2_worker):
    usb_camera(serial="SN-9")
    worker = v4l2_worker("v4l2:serial=SN-9", size=(1000, 700), fps=30)
    note = worker.wait_for("Opened")["mode_note"]
    assert "1000x700" in note and "no such size" in note


@long
def test_on_demand_nothing_is_captured_while_nobody_watches(usb_camera, v4l2_worker):
    camera = usb_camera(serial="SN-9")
    worker = v4l2_worker("v4l2:serial=SN-9", on_demand=True)
    worker.wait_for("Opened")
    worker.wait_for("Status")
    assert not camera.events(event="streaming")
    worker.want({})
    camera.wait_event("streaming")
    worker.frames(2)
    worker.want()
    camera.wait_event("stopped")


@long
def test_hdmi_source_changes_are_followed(guest, vivid, v4l2_worker):
    device = vivid(inputs=(INPUT_HDMI,)).device
    worker = v4l2_worker(f"v4l2:{device}")
    worker.want({"quality": 80}, data=True)
    mode = worker.wait_for("Opened")["mode"]
    assert (mode["width"], mode["height"], mode["fps"]) == (1280, 720, 60)
    worker.frames(2)
    v4l2_ctl(guest, device, "--set-ctrl=dv_timings_signal_mode=4")  # what dv_timings says: 640×480 at 59.94 Hz
    assert worker.wait_for("Opened")["mode"]["fps"] == 59.94
    worker.frames(2)


@long
def test_hdmi_source_gives_the_size(guest, vivid, v4l2_worker):
    device = vivid(inputs=(INPUT_HDMI,)).device
    v4l2_ctl(guest, device, "--set-ctrl=dv_timings_signal_mode=4")
    mode = v4l2_worker(f"v4l2:{device}").wait_for("Opened")["mode"]
    assert (mode["width"], mode["height"]) == (640, 480)
