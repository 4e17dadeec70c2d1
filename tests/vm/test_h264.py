"""A USB camera that gives H.264 (UVC's frame-based format), by the real uvcvideo: what the camera coded goes out untouched, and is
decoded for those who want something else."""

import io
import subprocess

import pytest
from PIL import Image

import clips
from usb import h264, pictures
from vm import wait_until

short, long = pytest.mark.short, pytest.mark.long
SOURCE = "v4l2:serial=SN-9?format=H264"
KEYFRAME_EVERY = 15  # a second
IDR, SPS, PPS = 5, 7, 8


@pytest.fixture
def h264_camera(guest, usb_camera):
    """h264_camera(clip, fps=15) → a camera with H.264 and MJPG of one size."""

    def plug(clip, fps=15):
        guest.put("/tmp/clip.h264", clip)
        modes = [(fourcc, clips.WIDTH, clips.HEIGHT, (fps,)) for fourcc in ("H264", "MJPG")]
        return usb_camera(serial="SN-9", modes=modes, h264="/tmp/clip.h264")

    return plug


def desk(server_lines=""):
    return f'{server_lines}[[camera]]\nid = "desk"\nsource = "{SOURCE}"\n'


def number_in(jpeg):
    grey = Image.open(io.BytesIO(jpeg)).convert("L")
    return pictures.read_number(lambda x, y: grey.getpixel((x, y)), grey.width)


def picture_parts(clip):
    """What must come out of each access unit: its slices. Parameter sets and messages may be added."""
    return [h264.slices(unit) for unit in h264.access_units(clip)]


def read_rtsp(url, count):
    """`count` pictures as they come, by ffmpeg, as an Annex B stream."""
    command = ["ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-c", "copy", "-frames:v", str(count), "-f", "h264", "-"]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=120).stdout


@short
def test_access_units_pass_through_untouched(h264_camera, v4l2_worker):
    clip = clips.clip(150, KEYFRAME_EVERY)
    h264_camera(clip)
    worker = v4l2_worker(SOURCE)
    worker.want({"codec": "h264"}, data=True)
    assert worker.wait_for("Opened")["mode"] == {"format": "H264", "width": clips.WIDTH, "height": clips.HEIGHT, "fps": 15}
    frames, expected = worker.frames(30), picture_parts(clip)
    first = expected.index(h264.slices(frames[0]["data"]))
    assert frames[0]["keyframe"] and first % KEYFRAME_EVERY == 0
    for frame in frames:  # the kernel counts what a slow machine missed, so its number says which one it must be
        at = (first + frame["sequence"] - frames[0]["sequence"]) % len(expected)
        assert h264.slices(frame["data"]) == expected[at]
        assert bool(frame["keyframe"]) == (at % KEYFRAME_EVERY == 0)


@long
@pytest.mark.usefixtures("camweave")
def test_the_mode_is_listed(guest, h264_camera):
    h264_camera(clips.clip(150, KEYFRAME_EVERY))
    assert "H264 320x240 15 fps" in guest.run("camweave", "cameras").out


@long
def test_mjpeg_is_decoded_of_it(h264_camera, v4l2_worker):
    h264_camera(clips.clip(150, KEYFRAME_EVERY))
    worker = v4l2_worker(SOURCE)
    worker.want({"quality": 90}, data=True)
    frames = worker.frames(45)
    first, begin, is_whole = number_in(frames[0]["data"]), frames[0]["sequence"], True
    checked = 0
    for before, frame in zip([frames[0], *frames], frames):
        at = (first + frame["sequence"] - begin) % 150
        # What a slow machine's kernel missed is missing to the decoder, too: until the next keyframe.
        is_whole = at % KEYFRAME_EVERY == 0 or (is_whole and frame["sequence"] - before["sequence"] <= 1)
        if is_whole:
            assert number_in(frame["data"]) == at
            checked += 1
    assert checked >= 5


@long
def test_without_a_format_it_is_the_cameras_jpeg(h264_camera, v4l2_worker):
    h264_camera(clips.clip(150, KEYFRAME_EVERY))
    assert v4l2_worker("v4l2:serial=SN-9").wait_for("Opened")["mode"]["format"] == "MJPEG"


@long
def test_rtsp_gives_exactly_the_cameras_access_units(h264_camera, camweave):
    clip = clips.clip(150, KEYFRAME_EVERY)
    h264_camera(clip)
    server = camweave(desk())
    server.wait_for_state("desk", "streaming")
    stream = read_rtsp(server.rtsp_url("desk"), 60)
    numbers = clips.numbers_in(stream)
    assert len(numbers) == 60 and numbers[0] % KEYFRAME_EVERY == 0
    assert numbers == [(numbers[0] + step) % 150 for step in range(60)]
    expected = picture_parts(clip)
    assert h264.slices(stream) == [part for number in numbers for part in expected[number]]
    assert server.json("/api/v1/cameras/desk/renditions")["renditions"][0]["encoder"] == "pass-through"
    assert number_in(server.request("/api/v1/cameras/desk/snapshot.jpg")) < 150  # decoded for this one


@long
@pytest.mark.parametrize("gop_cache", ("auto", "off"))
def test_who_comes_late_begins_with_a_keyframe(h264_camera, camweave, gop_cache):
    """Of 4 s between keyframes: `auto` begins with the last one, `off` waits for the next."""
    every, count = 40, 240
    camera = h264_camera(clips.clip(count, every), fps=10)
    server = camweave(desk(f'gop_cache = "{gop_cache}"\n'))
    server.wait_for_state("desk", "streaming")

    def joined():
        begun = lambda: camera.status()["access_units"]
        wait_until(lambda: 3 <= begun() % every <= 10, "the beginning of a GOP")
        last_keyframe = begun() // every * every % count
        numbers = clips.numbers_in(read_rtsp(server.rtsp_url("desk"), 5))
        assert numbers == [numbers[0] + step for step in range(5)] and numbers[0] % every == 0
        return numbers[0] == last_keyframe

    if gop_cache == "off":
        assert not joined()
    else:
        wait_until(joined, "a reader that asked before the next keyframe came", 90)


@long
@pytest.mark.parametrize("fault", ("torn", "unended", "error_bit"))
def test_a_torn_access_unit_costs_at_most_the_pictures_to_the_next_keyframe(h264_camera, v4l2_worker, fault):
    count = 300
    clip = clips.clip(count, KEYFRAME_EVERY)
    camera, expected = h264_camera(clip), picture_parts(clip)
    worker = v4l2_worker(SOURCE)
    worker.want({"codec": "h264"}, {"quality": 90}, data=True)
    first = worker.wait_for("Frame", rendition_id=1)
    offset = expected.index(h264.slices(first["data"])) - first["sequence"]
    access_unit = lambda frame: frame["sequence"] + offset  # the kernel counts what it lost, too
    camera.faults(**{fault: 1})
    wait_until(lambda: camera.status()["faults"][fault] == 0, "the fault")
    whole_again = camera.status()["access_units"] + KEYFRAME_EVERY
    jpegs = []
    while len(jpegs) < 5:
        frame = worker.wait_for("Frame")
        if frame["rendition_id"] == 2 and access_unit(frame) >= whole_again:
            jpegs.append(frame)
    assert [number_in(frame["data"]) for frame in jpegs] == [access_unit(frame) % count for frame in jpegs]
    coded = [message for message in worker.messages if message["type"] == "Frame" and message["rendition_id"] == 1]
    torn = [frame for frame in coded if h264.slices(frame["data"]) != expected[access_unit(frame) % count]]
    assert all(access_unit(frame) < whole_again for frame in torn) and len(torn) <= 1
    if fault == "error_bit":  # the one that the kernel knows of
        assert not torn and worker.wait_for("Status")["dropped"] >= 1


@long
def test_parameter_sets_that_came_once_are_put_before_each_keyframe(h264_camera, v4l2_worker):
    """Some cameras send them only when their stream starts: who comes later could not begin."""
    camera = h264_camera(clips.parameter_sets_once(clips.clip(150, KEYFRAME_EVERY)))
    worker = v4l2_worker(SOURCE)
    wait_until(lambda: camera.status()["access_units"] > 2 * KEYFRAME_EVERY, "a later keyframe")
    worker.want({"codec": "h264"}, data=True)
    frames = worker.frames(KEYFRAME_EVERY)
    kinds = [h264.nal_type(unit) for unit in h264.nal_units(frames[0]["data"])]
    assert kinds[:2] == [SPS, PPS] and kinds[-1] == IDR
    numbers = clips.numbers_in(b"".join(frame["data"] for frame in frames))
    assert len(numbers) == len(frames) and numbers[0] % KEYFRAME_EVERY == 0 and numbers[0] > 0
