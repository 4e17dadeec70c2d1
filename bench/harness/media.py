"""The pictures that every contender serves: made once from real footage by ffmpeg, kept under build/bench-media."""

import gzip
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

FOOTAGE = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
FRAMES = 60
GOP_S = 2  # of the H.264 clip
FINEST_Q, COARSEST_Q = 2, 31


@dataclass(frozen=True)
class Content:
    """A folder of numbered JPEGs."""

    folder: Path
    width: int
    height: int
    fps: int

    @property
    def frame_bytes(self) -> float:
        sizes = [path.stat().st_size for path in self.folder.glob("*.jpg")]
        return sum(sizes) / len(sizes)


def _footage(root: Path) -> list[str]:
    """ffmpeg's input: opencv-doc's people walking, packed or not, else a noisy test picture."""
    packed, unpacked = FOOTAGE.with_name("vtest.avi.gz"), root / "vtest.avi"
    if FOOTAGE.exists():
        return ["-i", str(FOOTAGE)]
    if not packed.exists():
        return ["-f", "lavfi", "-i", "testsrc2,noise=alls=20:allf=t"]
    if not unpacked.exists():
        root.mkdir(parents=True, exist_ok=True)
        with gzip.open(packed) as source, unpacked.open("wb") as target:
            shutil.copyfileobj(source, target)
    return ["-i", str(unpacked)]


def _encode(folder: Path, width: int, height: int, q: int) -> float:
    """Writes the pictures at libavcodec's quantiser `q`; their mean size."""
    source = _footage(folder.parent)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = ["ffmpeg", "-v", "error", "-y", *source, "-vf", f"scale={width}:{height}", "-frames:v", str(FRAMES)]
    subprocess.run([*command, "-q:v", str(q), str(folder / "%04d.jpg")], check=True, timeout=120)
    return Content(folder, width, height, 30).frame_bytes


def prepare(root: Path, width: int, height: int, target_bytes: int) -> Content:
    """Pictures whose mean size is the nearest to the target that the quantiser's steps allow."""
    folder = root / f"{width}x{height}-{target_bytes // 1000}k"
    content = Content(folder, width, height, 30)
    if len(list(folder.glob("*.jpg"))) == FRAMES:
        return content
    low, high = FINEST_Q, COARSEST_Q
    while low < high:  # the smallest q whose pictures are no larger than the target
        middle = (low + high) // 2
        if _encode(folder, width, height, middle) > target_bytes:
            low = middle + 1
        else:
            high = middle
    here = _encode(folder, width, height, low)
    if low > FINEST_Q and abs(_encode(folder, width, height, low - 1) - target_bytes) > target_bytes - here:
        _encode(folder, width, height, low)
    return content


def prepare_h264(path: Path, seconds: int = 20, fps: int = 30) -> Path:
    """The footage at 720p, 4 Mbit/s, as a camera would encode it."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part.mp4")
        command = ["ffmpeg", "-v", "error", "-y", "-stream_loop", "-1", *_footage(path.parent), "-t", str(seconds)]
        command += ["-vf", f"scale=1280:720,fps={fps}", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-bf", "0"]
        command += ["-b:v", "4M", "-maxrate", "4M", "-bufsize", "2M"]
        command += ["-g", str(fps * GOP_S), "-keyint_min", str(fps * GOP_S), "-sc_threshold", "0", "-an", str(unfinished)]
        subprocess.run(command, check=True, timeout=180)
        unfinished.rename(path)
    return path
