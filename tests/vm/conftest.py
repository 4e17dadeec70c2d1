"""Fixtures for tests on a real kernel: `guest` (a VM for the whole session), `usb_camera` and `vivid` (cameras for one
test), `libcamera_guest` (Debian 13 with libcamera, only for long tests)."""

import contextlib
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from cameras import UsbCamera, UsbRig, Vivid  # noqa: E402
from server import CamweaveServer  # noqa: E402
from vm import Vm, missing_programs  # noqa: E402
from worker import Worker, list_cameras  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "short: part of ./test")
    config.addinivalue_line("markers", "long: part of ./test --all only")
    config.stash[_figures] = {}


_figures = pytest.StashKey()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    setattr(item, f"report_{report.get_result().when}", report.get_result())


def pytest_terminal_summary(terminalreporter, config):
    for name, value in config.stash[_figures].items():
        terminalreporter.write_line(f"{name}: {value}")


def _image(name):
    done = subprocess.run([sys.executable, HERE / "build_image", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    sys.stderr.write(done.stderr)
    if done.returncode:
        pytest.fail(f"no VM image: {done.stderr.strip()}", pytrace=False)
    return Path(done.stdout.strip())


def _require_host():
    if platform.machine() != "x86_64":
        pytest.skip(f"the VM is x86-64; this machine is {platform.machine()}")
    if lacking := missing_programs():
        pytest.skip(f"not installed: {', '.join(lacking)} (tests/vm/packages.txt)")


def _boot(config, image_name, files=None, **options):
    _require_host()
    started = time.monotonic()
    image = _image(image_name)
    config.stash[_figures][f"image {image_name}, s"] = round(time.monotonic() - started, 1)
    logs = Path(os.environ.get("CAMWEAVE_VM_LOGS") or tempfile.mkdtemp(prefix="camweave-vm-logs-")) / image_name
    vm = Vm(image, logs, files, **options).boot()
    config.stash[_figures][f"boot {image_name}, s"] = round(vm.boot_seconds, 1)
    return vm


def _end(vm, request):
    vm.save_logs()
    if request.session.testsfailed:
        request.config.stash[_figures]["logs of the VM"] = vm.work
    assert vm.power_off(), f"the VM had to be killed; see {vm.console.path}"


def _program_files(variable="CAMWEAVE_BIN"):
    """Camweave's programs for the guest, from the build that the variable names; none is fine for tests that use none."""
    folder = os.environ.get(variable)
    return {f"bin/{path.name}": path for path in Path(folder).glob("camweave*") if path.is_file()} if folder else {}


@pytest.fixture(scope="session")
def guest(request):
    vm = _boot(request.config, "base", _program_files())
    yield vm
    _end(vm, request)


@pytest.fixture(scope="session")
def libcamera_guest(request):
    # Debian 13's programs, not this machine's.
    vm = _boot(request.config, "libcamera", _program_files("CAMWEAVE_BIN_TRIXIE"))
    yield vm
    _end(vm, request)


@pytest.fixture(scope="session")
def systemd_guest(request):
    """A machine with systemd; Camweave's tree, as far as registering a service needs it, is in /payload."""
    root = HERE.parent.parent
    files = _program_files() | {"scripts/register_service.sh": root / "scripts/register_service.sh",
                                "deploy/camweave.service.in": root / "deploy/camweave.service.in"}
    vm = _boot(request.config, "systemd", files, kernel_options="camweave.init=systemd")
    vm.run("systemctl", "set-environment", "LD_LIBRARY_PATH=/payload/lib")  # libraries that the image has not got
    yield vm
    _end(vm, request)


@pytest.fixture(scope="session")
def usb_rig(guest):
    rig = UsbRig(guest)
    yield rig
    rig.stop()


@pytest.fixture(scope="session")
def libcamera_usb_rig(libcamera_guest):
    rig = UsbRig(libcamera_guest)
    yield rig
    rig.stop()


def _plugged_cameras(rig):
    """plug(name="a", port=None, **Options) → a plugged-in UsbCamera; all are unplugged when the test ends."""
    made = {}

    def plug(name="a", port=None, **options):
        made[name] = UsbCamera(rig, name, **options).plug(port)
        return made[name]

    yield plug
    for camera in made.values():
        if camera.status()["plugged"]:
            camera.unplug()


@pytest.fixture
def usb_camera(usb_rig):
    """usb_camera(name="a", port=None, **Options) → a plugged-in UsbCamera of the guest's."""
    yield from _plugged_cameras(usb_rig)


@pytest.fixture
def libcamera_usb_camera(libcamera_usb_rig):
    """The same in the guest with libcamera."""
    yield from _plugged_cameras(libcamera_usb_rig)


@pytest.fixture
def vivid(guest):
    """vivid(count=1, inputs=(INPUT_WEBCAM,), multiplanar=False, **module parameters) → Vivid, loaded until the test ends."""
    loaded = []

    def load(**options):
        loaded.append(Vivid(guest, **options))
        return loaded[-1]

    yield load
    if loaded:
        loaded[-1].unload()


@pytest.fixture
def v4l2_worker(guest):
    """v4l2_worker(source, **options) → Worker of the driver v4l2, ended with the test."""
    _require_program("camweave-capture-v4l2")
    with contextlib.ExitStack() as workers:
        yield lambda source, **options: workers.enter_context(Worker(guest, "v4l2", source, **options))


@pytest.fixture
def v4l2_list(guest):
    """v4l2_list(user=None) → {source: camera} as the driver v4l2 lists them."""
    _require_program("camweave-capture-v4l2")
    return lambda **options: list_cameras(guest, "v4l2", **options)


@pytest.fixture
def camweave(guest):
    """camweave(configuration) → a running CamweaveServer, ended with the test."""
    _require_program("camweave")
    with contextlib.ExitStack() as servers:
        yield lambda config: servers.enter_context(CamweaveServer(guest, config))


def _require_program(name, variable="CAMWEAVE_BIN"):
    if f"bin/{name}" not in _program_files(variable):
        pytest.skip(f"{name} is not in the folder that {variable} names ({os.environ.get(variable, 'not set')})")


# libcamera.

_VIRTUAL_CAMERAS = """
"Front":
  supported_formats:
    - {width: 640, height: 480, frame_rates: [30, 60]}
    - {width: 1280, height: 720, frame_rates: [30]}
  test_pattern: "bars"
  location: "CameraLocationFront"
  model: "Virtual Front"
"Back":
  supported_formats:
    - {width: 640, height: 480, frame_rates: [30]}
  test_pattern: "lines"
  location: "CameraLocationBack"
  model: "Virtual Back"
"""
_VIRTUAL_FILE = "/usr/share/libcamera/pipeline/virtual/virtual.yaml"


@pytest.fixture
def virtual_cameras(libcamera_guest):
    libcamera_guest.put(_VIRTUAL_FILE, _VIRTUAL_CAMERAS.encode())
    yield
    libcamera_guest.run("rm", _VIRTUAL_FILE)


# libcamera names a USB camera after the controller's node in the firmware (ACPI or device tree), which the virtual controller
# has not got. So its folder in sysfs gets covered by one that has: everything in it leads to the original.
_FIRMWARE_NODE = r"""
set -e
controller=/sys/devices/platform/vhci_hcd.0
modprobe vhci_hcd
mkdir -p /run/vhci
mount --bind $controller /run/vhci
mount -t tmpfs vhci $controller
for path in /run/vhci/*; do
  name=${path##*/}
  if [ -d "$path" ] && [ ! -L "$path" ]; then
    mkdir $controller/$name
    mount --bind "$path" $controller/$name
  elif [ -L "$path" ]; then
    ln -s "$(readlink "$path")" $controller/$name
  else
    ln -s "$path" $controller/$name
  fi
done
mkdir $controller/firmware_node
echo '\_SB_.PCI0.XHCI' > $controller/firmware_node/path
"""


@pytest.fixture(scope="session")
def usb_controller_with_firmware_node(libcamera_guest):
    libcamera_guest.shell(_FIRMWARE_NODE)


@pytest.fixture
def libcamera_worker(libcamera_guest):
    """libcamera_worker(source, **options) → Worker of the driver libcamera, ended with the test."""
    _require_program("camweave-capture-libcamera", "CAMWEAVE_BIN_TRIXIE")
    with contextlib.ExitStack() as workers:
        yield lambda source, **options: workers.enter_context(Worker(libcamera_guest, "libcamera", source, **options))


@pytest.fixture
def libcamera_list(libcamera_guest):
    """libcamera_list(user=None) → {source: camera} as the driver libcamera lists them."""
    _require_program("camweave-capture-libcamera", "CAMWEAVE_BIN_TRIXIE")
    return lambda **options: list_cameras(libcamera_guest, "libcamera", **options)
