"""libcamera 0.4 on Debian 13 in the VM: its Virtual pipeline handler, and USB cameras of ours through its UVC handler."""

import re

import pytest

pytestmark = pytest.mark.long

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
