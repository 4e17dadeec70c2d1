"""A camera that is pushed to another RTSP server, what the API says of the push, and the pictures that came out at the far end."""

import json
import subprocess

from PIL import Image

from helpers.pattern_reader import read_time_code
from helpers.processes import wait_until
from helpers.server import PATIENCE

CAMERA = """
[[camera]]
id = "front"
source = "pattern:bars?size=320x240&fps=30"
"""


def push_to(url, name="cam", more=""):
    return f'[publish.{name}]\ncamera = "front"\nurl = "{url}"\nsize = "320x240"\nbitrate_kbps = 1000\n{more}\n'


def push_of(server, name="cam"):
    return next(push for push in server.json("/api/v1/publish")["publish"] if push["name"] == name)


def wait_for_push(server, name="cam", within_s=15, **wanted):
    def matches():
        push = push_of(server, name)
        return all(value(push[key]) if callable(value) else push[key] == value for key, value in wanted.items())
    wait_until(matches, within_s * PATIENCE, f"the push is {wanted}: {push_of(server, name)}")
    return push_of(server, name)


def numbers_in(path, folder):
    """The frame numbers drawn into a recording's pictures, in their order."""
    folder.mkdir()
    subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-fps_mode", "passthrough", folder / "%05d.png"], check=True, timeout=60)
    codes = [read_time_code(Image.open(picture)) for picture in sorted(folder.iterdir())]
    return [code.sequence for code in codes if code]


def assert_none_is_missing(numbers, server, at_least=1):
    """Every picture that the camera's process encoded is there: what is missing are those that it counts as dropped, as a
    busy machine does."""
    assert len(numbers) >= at_least and numbers == sorted(set(numbers)), numbers
    missing = numbers[-1] - numbers[0] + 1 - len(numbers)
    # The count comes with the camera's next word.
    wait_until(lambda: missing <= (camera := server.camera("front")).get("health", camera)["dropped"], 5 * PATIENCE, f"{missing} missing in {numbers}")


def first_packet_is_key(path):
    probed = subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-show_entries", "packet=flags", path], check=True,
                            capture_output=True, timeout=60)
    return json.loads(probed.stdout)["packets"][0]["flags"].startswith("K")
