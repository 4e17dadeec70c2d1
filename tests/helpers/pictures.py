"""Pictures as arrays of pixels, and how alike two are."""

import io
import json
import math
import subprocess

import numpy
from PIL import Image


def decode(jpeg):
    """Height × width × 3, RGB. Fails for a JPEG that is cut off."""
    with Image.open(io.BytesIO(jpeg)) as image:
        image.load()
        return numpy.asarray(image.convert("RGB"))


def psnr_db(a, b):
    error = numpy.mean((a.astype(numpy.float64) - b.astype(numpy.float64)) ** 2)
    return math.inf if error == 0 else 10 * math.log10(255 ** 2 / error)


def best_psnr_db(picture, candidates):
    """How close the picture comes to the one that it is most like."""
    return max(psnr_db(picture, candidate) for candidate in candidates)


def frames_by_ffmpeg(path, size, count=None, start=0):
    """The video's frames as ffmpeg decodes them, as an array of count × height × width × 3."""
    width, height = size
    limit = ["-frames:v", str(count)] if count else []
    raw = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-vf", f"select=gte(n\\,{start})", "-vsync", "0", *limit,
                          "-s", f"{width}x{height}", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True).stdout
    return numpy.frombuffer(raw, numpy.uint8).reshape(-1, height, width, 3)


def exif(jpeg):
    """What exiftool reads from the JPEG, numbers as numbers."""
    done = subprocess.run(["exiftool", "-json", "-n", "-"], input=jpeg, capture_output=True, check=True)
    return json.loads(done.stdout)[0]
