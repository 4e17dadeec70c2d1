"""The Python camera server that most tutorials end with: FastAPI, OpenCV, one generator per client.

Kept as people write it, with the one mercy that a thread reads the camera for all clients.
"""

import sys
import threading

import cv2
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


class Camera:
    def __init__(self, device: str, width: int, height: int, fps: int):
        self.capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
        self.capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter_fourcc(*"MJPG"))
        self.capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        self.capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        self.capture.set(cv2.CAP_PROP_FPS, fps)
        self.frame = None
        self.number = 0
        self.arrived = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self) -> None:
        while True:
            ok, frame = self.capture.read()
            if not ok:
                break
            with self.arrived:
                self.frame, self.number = frame, self.number + 1
                self.arrived.notify_all()

    def after(self, number: int):
        with self.arrived:
            self.arrived.wait_for(lambda: self.number > number)
            return self.frame, self.number


def generate_frames():
    number = 0
    while True:
        frame, number = app.state.camera.after(number)
        ok, buffer = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 80])
        if not ok:
            continue
        yield b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + buffer.tobytes() + b"\r\n"


@app.get("/video_feed")
def video_feed():
    return StreamingResponse(generate_frames(), media_type="multipart/x-mixed-replace; boundary=frame")


if __name__ == "__main__":
    device, port, width, height, fps = sys.argv[1], *map(int, sys.argv[2:6])
    app.state.camera = Camera(device, width, height, fps)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
