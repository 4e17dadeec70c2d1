"""opencv_jpeg.py encode|thumb FOLDER SECONDS: CPU milliseconds per frame of the OpenCV way, on one thread."""

import sys
import time
from pathlib import Path

try:
    import cv2
    import numpy
except ImportError:
    sys.exit("not here: apt install python3-opencv")

QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 80]


def yuyv_of(picture: numpy.ndarray) -> numpy.ndarray:
    """The picture as a camera would deliver it: height × width × 2."""
    ycrcb = cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb)
    yuyv = numpy.empty((*picture.shape[:2], 2), numpy.uint8)
    yuyv[:, :, 0] = ycrcb[:, :, 0]
    yuyv[:, 0::2, 1] = ycrcb[:, 0::2, 2]
    yuyv[:, 1::2, 1] = ycrcb[:, 0::2, 1]
    return yuyv


def encode(yuyv: numpy.ndarray) -> None:
    cv2.imencode(".jpg", cv2.cvtColor(yuyv, cv2.COLOR_YUV2BGR_YUYV), QUALITY)


def thumb(jpeg: numpy.ndarray) -> None:
    picture = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    cv2.imencode(".jpg", cv2.resize(picture, (640, 480), interpolation=cv2.INTER_AREA), QUALITY)


def main(operation: str, folder: str, seconds: float) -> None:
    cv2.setNumThreads(1)
    jpegs = [numpy.fromfile(path, numpy.uint8) for path in sorted(Path(folder).glob("*.jpg"))[:10]]
    if operation == "encode":
        inputs, work = [yuyv_of(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)) for jpeg in jpegs], encode
    else:
        inputs, work = jpegs, thumb
    work(inputs[0])
    frames, began, end = 0, time.thread_time(), time.monotonic() + seconds
    while time.monotonic() < end:
        work(inputs[frames % len(inputs)])
        frames += 1
    print(1e3 * (time.thread_time() - began) / frames)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
