"""FastAPI + OpenCV, written as people write it today (fastapi_server.py), run by the system's Python."""

import subprocess
from contextlib import contextmanager
from pathlib import Path

from harness.load import Target
from harness.network import free_port
from harness.process import Process
from peers.contender import Contender, Running
from peers.ustreamer import device, shim_environment

PYTHON = "/usr/bin/python3"


class FastApi(Contender):
    name = "FastAPI + OpenCV"

    def missing(self, context):
        check = subprocess.run([PYTHON, "-c", "import cv2, fastapi, uvicorn"], stderr=subprocess.DEVNULL, timeout=60)
        return None if check.returncode == 0 else "not here: apt install python3-fastapi python3-uvicorn python3-opencv"

    @contextmanager
    def serve(self, context, content, protocol, cpus):
        port = free_port()
        program = Path(__file__).with_name("fastapi_server.py")
        size = [str(content.width), str(content.height), str(content.fps)]
        command = [PYTHON, str(program), device(context), str(port), *size]
        env = shim_environment(context, content)
        with Process(command, context.work / f"fastapi-{port}.log", cpus, env) as process:
            process.wait_for_port(port)
            yield Running([process], Target("mjpeg", port, ("/video_feed",), http="1.0"))
