"""The guest's second disk: what changes from run to run (the tests' own programs, Camweave's), so that a new build needs
no new image. Made anew for each VM in a fraction of a second, mounted read-only on /payload in the guest."""

import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
_GUEST_FILES = ("guest", "usb", "usb_camera.py")
_SPARE_KB = 4096


def shared_libraries(program):
    """Paths of the libraries that `program` loads on this machine."""
    lines = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout.splitlines()
    return [Path(words[2]) for line in lines if len(words := line.split()) >= 3 and words[1] == "=>" and words[2].startswith("/")]


def copy_program(source, target):
    """Without debug information where the tools to take it out are here: it is most of a program's bytes."""
    if shutil.which("strip"):
        done = subprocess.run(["strip", "-g", "-o", target, source], check=False, capture_output=True)
        if done.returncode == 0:
            return
    shutil.copy2(source, target)


def fill(folder, files, image_libraries):
    """Lays out the disk in `folder`. `files`: guest path relative to /payload → host path of a file or folder. Programs' libraries
    that the image has not got come along in lib/."""
    ignore = shutil.ignore_patterns("__pycache__")
    for name in _GUEST_FILES:
        copy = shutil.copytree if (HERE / name).is_dir() else shutil.copy2
        copy(HERE / name, folder / name, **({"ignore": ignore} if copy is shutil.copytree else {}))
    missing = {}
    for to, source in files.items():
        target = folder / to
        target.parent.mkdir(parents=True, exist_ok=True)
        if Path(source).is_dir():
            shutil.copytree(source, target, ignore=ignore, symlinks=True)
        elif os.access(source, os.X_OK):
            copy_program(source, target)
            missing |= {library.name: library for library in shared_libraries(source) if library.name not in image_libraries}
        else:
            shutil.copy2(source, target)
    (folder / "lib").mkdir(exist_ok=True)
    for name, library in missing.items():
        shutil.copy2(library, folder / "lib" / name)


def write_disk(folder, path):
    size_kb = int(subprocess.run(["du", "-sk", folder], capture_output=True, text=True, check=True).stdout.split()[0])
    subprocess.run(["/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal,^metadata_csum", "-m", "0", "-d", str(folder),
                    str(path), f"{int(size_kb * 1.1) + _SPARE_KB}k"], check=True, stdout=subprocess.DEVNULL)
