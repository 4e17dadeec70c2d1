"""The V4L2 shim: a program that knows nothing of it sees a camera that delivers the given pictures."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.media import Content
from peers.ustreamer import device, shim_environment


def test_a_program_sees_a_camera(context, pictures):
    env = {**os.environ, **shim_environment(context, Content(pictures, 640, 360, 100))}
    program = Path(__file__).with_name("shim_client.py")
    done = subprocess.run([sys.executable, str(program), device(context)], env=env, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["driver"] == "uvcvideo"
    assert all(frame["soi"] == "ffd8" and frame["eoi"] == "ffd9" for frame in seen["frames"])
    sequences = [frame["sequence"] for frame in seen["frames"]]
    assert sequences == sorted(set(sequences))


@pytest.mark.parametrize("operation, pixel_format", (("take", "MJPEG"), ("copy", "MJPEG"), ("take", "YUYV"), ("encode", "YUYV")))
def test_the_least_camera_program_gets_its_frames(context, pictures, operation, pixel_format):
    env = {**os.environ, **shim_environment(context, Content(pictures, 640, 360, 100), pixel_format)}
    done = subprocess.run([context.tool("bench_camera"), operation, device(context), "0.3"], env=env, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0
