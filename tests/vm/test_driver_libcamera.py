import io, json
import pytest
from PIL import Image
pytestmark = pytest.mark.long
def brief(m): return {k: v for k, v in m.items() if k not in ("data","sha256")}
def test_usb(libcamera_guest, libcamera_worker, libcamera_list, usb_controller_with_firmware_node, libcamera_usb_camera):
    camera = libcamera_usb_camera(serial="SN-L1")
    found = libcamera_list()
    print(json.dumps(found)[:3500])
    worker = libcamera_worker("libcamera:Test Camera", size=(640, 480), fps=15)
    worker.want({}, data=True)
    print(json.dumps(worker.wait_for("Opened"))[:700])
    frames = worker.frames(15)
    for f in frames: print(brief(f))
    print(camera.controls())
    print(worker.set_controls(brightness=0.5, auto_exposure=False, exposure_us=20000))
    worker.frames(4)
    print(camera.controls())
    camera.unplug()
    print(worker.wait_for("Status", away=True))
    print(worker.log())
    camera.plug(port=camera.port)
    print(worker.wait_for("Status", away=False))
    print(brief(worker.wait_for("Frame")))
    print(camera.controls())
    print(worker.log())
