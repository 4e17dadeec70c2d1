"""The kernel's virtual video driver in the VM: formats, pictures, sequence numbers, controls, injected faults, HDMI."""

import re

import pytest

from cameras import INPUT_HDMI, capture, get_control, set_control, v4l2_ctl
from vm import wait_until

short, long = pytest.mark.short, pytest.mark.long

# What Camweave takes (and vivid has): one format of each kind.
RAW_FORMATS = {"YUYV": 2, "UYVY": 2, "NV12": 1.5, "YU12": 1.5, "RGB3": 3, "GREY": 1, "RGGB": 1}
# vivid's 75 % colour bars from the left
BARS = ((191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191), (0, 0, 0))


def assert_bars(rgb, width, height):
    for y in (height // 8, height // 2, height - 8):
        for bar, colour in enumerate(BARS):
            at = (y * width + bar * width // 8 + width // 16) * 3
            seen = tuple(rgb[at:at + 3])
            assert all(abs(a - b) <= 6 for a, b in zip(seen, colour)), f"bar {bar} in row {y} is {seen}, not {colour}"


@short
def test_formats_are_listed(guest, vivid):
    text = v4l2_ctl(guest, vivid().device, "--list-formats").out
    assert set(RAW_FORMATS) <= set(re.findall(r"\]: '(\w+)", text))


@short
def test_forty_frames_in_sequence_with_colour_bars(guest, vivid):
    device = vivid().device
    set_control(guest, device, "osd_text_mode", 2)
    frames = capture(guest, device, "RGB3", 320, 180, 40, fps=25)
    sequence = [frame.sequence for frame in frames]
    assert sequence[0] == 0 and sequence == sorted(set(sequence))
    assert all(len(frame.data) == 320 * 180 * 3 for frame in frames)
    assert_bars(frames[0].data, 320, 180)
    assert_bars(frames[-1].data, 320, 180)


@short
def test_a_control_is_set_and_changes_the_picture(guest, vivid):
    device = vivid().device
    v4l2_ctl(guest, device, "--set-ctrl=test_pattern=6,osd_text_mode=2")  # white
    before = capture(guest, device, "GREY", 320, 180, 1)[0].data[5000]
    set_control(guest, device, "brightness", 40)
    assert get_control(guest, device, "brightness") == 40
    assert capture(guest, device, "GREY", 320, 180, 1)[0].data[5000] < before - 50


def streaming(guest, device, name):
    """v4l2-ctl that reads frames without end, already at it, every one of its calls in its log."""
    reader = guest.spawn("strace", "-e", "trace=ioctl", "v4l2-ctl", "-d", device, "--stream-mmap", name=name)
    wait_until(lambda: "VIDIOC_DQBUF" in reader.log(), "a frame")
    return reader


@short
def test_disconnect_ends_a_stream_with_no_such_device(guest, vivid):
    device = vivid().device
    with streaming(guest, device, "disconnect") as reader:
        set_control(guest, device, "disconnect", 1)
        assert reader.wait(20) is not None
        assert "ENODEV" in reader.log()
    # vivid plugs itself in again when the last program has closed it.
    assert len(capture(guest, device, "GREY", 320, 180, 2)) == 2


@long
@pytest.mark.parametrize("fourcc", RAW_FORMATS)
def test_a_frame_of_each_format(guest, vivid, fourcc):
    frames = capture(guest, vivid().device, fourcc, 320, 180, 2)
    assert all(len(frame.data) == 320 * 180 * RAW_FORMATS[fourcc] for frame in frames)


@long
def test_multiplanar(guest, vivid):
    device = vivid(multiplanar=True).device
    assert "Video Capture Multiplanar" in v4l2_ctl(guest, device, "--info").out
    v4l2_ctl(guest, device, "--set-fmt-video=width=320,height=180,pixelformat=NM12")
    text = v4l2_ctl(guest, device, "--get-fmt-video").out
    assert re.findall(r"Size Image\s*: (\d+)", text) == [str(320 * 180), str(320 * 90)]
    v4l2_ctl(guest, device, "--stream-mmap=4", "--stream-count=5", "--stream-to=/tmp/planes")
    assert len(guest.get("/tmp/planes")) == 5 * 320 * 270


@long
def test_dropped_buffers_are_gaps_in_the_sequence(guest, vivid):
    device = vivid().device
    set_control(guest, device, "percentage_of_dropped_buffers", 50)
    sequence = [frame.sequence for frame in capture(guest, device, "GREY", 320, 180, 30, fps=60)]
    assert sequence == sorted(set(sequence)) and sequence[-1] - sequence[0] > 35


@long
def test_the_sequence_number_wraps(guest, vivid):
    device = vivid().device
    set_control(guest, device, "wrap_sequence_number", 1)
    sequence = [frame.sequence for frame in capture(guest, device, "GREY", 320, 180, 140, fps=60)]
    wraps = [number for before, number in zip(sequence, sequence[1:]) if number < before]
    assert sequence[0] > 2 ** 31 and len(wraps) == 1 and wraps[0] < 10 and sequence[-1] < 200


@long
def test_a_buffer_with_the_error_flag(guest, vivid):
    device = vivid().device
    with guest.spawn("v4l2-ctl", "-d", device, "--set-parm=30", "--stream-mmap", "--stream-count=60", "--verbose", name="errors") as reader:
        while reader.wait(0.3) is None:
            set_control(guest, device, "inject_v4l2_buf_flag_error", 1)
        assert re.search(r"cap dqbuf.*error", reader.log())


@long
@pytest.mark.parametrize("control", ("inject_vidioc_reqbufs_error", "inject_vidioc_qbuf_error", "inject_vidioc_streamon_error"))
def test_injected_errors_fail_once(guest, vivid, control):
    device = vivid().device
    set_control(guest, device, control, 1)
    first, second = (v4l2_ctl(guest, device, "--stream-mmap", "--stream-count=2", check=False) for _ in range(2))
    failure = re.search(r"VIDIOC_\w+ returned -1", first.err)
    assert failure and control.split("_")[2].upper() in failure[0]
    assert second.status == 0 and "returned -1" not in second.err


@long
def test_a_fatal_streaming_error(guest, vivid):
    device = vivid().device
    with streaming(guest, device, "fatal") as reader:
        set_control(guest, device, "inject_fatal_streaming_error", 1)
        assert reader.wait(20) is not None
        assert re.search(r"VIDIOC_DQBUF.*EIO", reader.log())
    assert len(capture(guest, device, "GREY", 320, 180, 2)) == 2


@long
def test_two_devices(guest, vivid):
    devices = vivid(count=2).devices
    set_control(guest, devices[0], "contrast", 10)
    assert [get_control(guest, device, "contrast") for device in devices] == [10, 128]
    assert all(len(capture(guest, device, "YUYV", 320, 180, 3)) == 3 for device in devices)


# HDMI: vivid plays the cable and the source; a program sees what it would of a capture card.

CURRENT, NO_SIGNAL, NO_LOCK, OUT_OF_RANGE, SELECTED = range(5)


def detected_size(guest, device):
    found = v4l2_ctl(guest, device, "--query-dv-timings", check=False)
    size = re.findall(r"Active (?:width|height): (\d+)", found.out)
    return tuple(map(int, size)) if found.status == 0 and size else None


@pytest.fixture
def hdmi(guest, vivid):
    """A capture device with one HDMI input, its source sending 1280×720 at 60 Hz."""
    return vivid(inputs=(INPUT_HDMI,)).device


@long
def test_hdmi_source_changes_its_size(guest, hdmi):
    assert detected_size(guest, hdmi) == (1280, 720)
    menu = v4l2_ctl(guest, hdmi, "--list-ctrls-menus").out
    wanted = int(re.search(r"(\d+): 1920x1080p30", menu)[1])
    set_control(guest, hdmi, "dv_timings_signal_mode", SELECTED)
    with guest.spawn("v4l2-ctl", "-d", hdmi, "--wait-for-event=source_change=0", name="source") as waiting:
        while waiting.wait(0.3) is None:  # it may not have asked for events yet
            set_control(guest, hdmi, "dv_timings_signal_mode", CURRENT)
            v4l2_ctl(guest, hdmi, f"--set-ctrl=dv_timings_signal_mode={SELECTED}")
            set_control(guest, hdmi, "dv_timings", wanted)
        assert "source_change" in waiting.read_line()
    assert detected_size(guest, hdmi) == (1920, 1080)
    v4l2_ctl(guest, hdmi, "--set-dv-bt-timings=query")
    assert re.search(r"Width/Height\s*: 1920/1080", v4l2_ctl(guest, hdmi, "--get-fmt-video").out)
    v4l2_ctl(guest, hdmi, "--stream-mmap", "--stream-count=2")


@long
@pytest.mark.parametrize("mode, error", ((NO_SIGNAL, "ENOLINK"), (NO_LOCK, "ENOLCK"), (OUT_OF_RANGE, "ERANGE")))
def test_hdmi_without_a_usable_signal(guest, hdmi, mode, error):
    set_control(guest, hdmi, "dv_timings_signal_mode", mode)
    done = guest.run("strace", "-e", "trace=ioctl", "v4l2-ctl", "-d", hdmi, "--query-dv-timings", check=False)
    assert error in done.err
    set_control(guest, hdmi, "dv_timings_signal_mode", CURRENT)
    assert detected_size(guest, hdmi) == (1280, 720)
