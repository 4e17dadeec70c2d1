"""libcamera 0.4 on Debian 13 in the VM: its Virtual pipeline handler, and USB cameras of ours through its UVC handler."""

import re

import pytest

pytestmark = pytest.mark.long

VIRTUAL_CAMERAS = """
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
VIRTUAL_FILE = "/usr/share/libcamera/pipeline/virtual/virtual.yaml"


@pytest.fixture
def virtual_cameras(libcamera_guest):
    libcamera_guest.put(VIRTUAL_FILE, VIRTUAL_CAMERAS.encode())
    yield
    libcamera_guest.run("rm", VIRTUAL_FILE)


# libcamera names a USB camera after the controller's node in the firmware (ACPI or device tree), which the virtual controller
# has not got. So its folder in sysfs gets covered by one that has: everything in it leads to the original.
FIRMWARE_NODE = r"""
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
    libcamera_guest.shell(FIRMWARE_NODE)


def test_two_virtual_cameras_are_listed_and_captured(libcamera_guest, virtual_cameras):
    listing = libcamera_guest.run("cam", "-l").out
    assert len(re.findall(r"^\d+: Internal (front|back) camera", listing, re.M)) == 2, listing
    for index in (1, 2):
        done = libcamera_guest.run("cam", f"-c{index}", "-C10", "--stream", "width=640,height=480,pixelformat=NV12")
        # The handler says nothing true about a frame but that it is there: bytesused is 0, the sequence anything.
        assert len(re.findall(r"stream0 seq:", done.out)) == 10, done.out


def test_a_usb_camera_through_libcamera(libcamera_guest, usb_controller_with_firmware_node, libcamera_usb_camera):
    libcamera_usb_camera(serial="SN-L1")
    assert "Test Camera" in libcamera_guest.run("cam", "-l").out
    libcamera_guest.run("cam", "-c1", "-C5", "--stream", "width=640,height=480,pixelformat=MJPEG", "--file=/tmp/usb-#.jpg")
    names = libcamera_guest.shell("ls /tmp/usb-*.jpg").out.split()
    assert len(names) == 5
    assert all(libcamera_guest.get(name).startswith(b"\xff\xd8") for name in names)
