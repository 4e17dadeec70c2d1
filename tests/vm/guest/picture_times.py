"""Reads an MJPEG stream of the server's in this machine and says when each picture was whole, by the machine's own clock (the
one of frames and of the cameras' events): picture_times.py URL → a JSON line for each, {"at": seconds, "sequence": N}."""

import json
import sys
import time
import urllib.request


def parts(answer):
    """(headers, body) of each part of multipart/x-mixed-replace."""
    while answer.readline():
        headers = {}
        while line := answer.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        if "content-length" in headers:
            yield headers, answer.read(int(headers["content-length"]))


def main():
    with urllib.request.urlopen(sys.argv[1], timeout=120) as answer:
        for headers, _ in parts(answer):
            sys.stdout.write(json.dumps({"at": time.monotonic(), "sequence": int(headers["x-sequence"])}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
