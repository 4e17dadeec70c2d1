"""The floor serves every protocol correctly, and its sendfile and tee twins never tear a frame, however slow the readers and
however small its memory."""

import json
import subprocess

import pytest

from harness.process import Process


def check(context, floor_options, load_options, pictures, tmp_path):
    """A floor and a generator that reads, decodes and compares every byte."""
    command = [str(context.tool("bench_floor")), "--frames", str(pictures), *floor_options]
    with Process(command, tmp_path / "floor.log") as floor:
        port = floor.wait_for_line("port").split()[1]
        load = [str(context.tool("bench_load")), "--port", port, "--mode", "check", "--decode", "yes"]
        load += ["--reference", str(pictures), "--warmup", "0", "--seconds", "1", *load_options]
        done = subprocess.run(load, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("send", ["sendmsg", "sendfile", "tee"])
@pytest.mark.parametrize("protocol", ["mjpeg", "websocket", "raw", "bundle"])
def test_every_protocol(context, pictures, tmp_path, protocol, send):
    result = check(context, ["--protocol", protocol, "--send", send], ["--protocol", protocol, "--clients", "4"], pictures, tmp_path)
    assert result["frames"] > 0 and result["torn"] == result["wrong"] == 0, result


@pytest.mark.parametrize("send", ["sendmsg", "sendfile", "tee"])
def test_slow_readers_and_little_memory_tear_nothing(context, pictures, tmp_path, send):
    floor = ["--send", send, "--fps", "200", "--slots", "4", "--protocol", "raw"]
    load = ["--protocol", "raw", "--clients", "8", "--slow", "6", "--slow-bps", "3e6", "--connect-timeout", "10"]
    result = check(context, floor, load, pictures, tmp_path)
    assert result["slow"]["frames"] > 0 and result["gaps"] > 0, result
    assert result["torn"] == result["wrong"] == 0, result
