"""scripts/register_service.sh on a machine with systemd: the service starts, keeps the watchdog fed, shows pictures, survives a
restart, and reaches nothing but its devices and directories."""

import io
import json
import re
import signal
import urllib.request

import pytest
from PIL import Image

from cameras import UsbCamera, UsbRig
from vm import wait_until

pytestmark = pytest.mark.long
PORT = 8123
REGISTER = ("env", "CAMWEAVE_BIN=/payload/bin", "/payload/scripts/register_service.sh")


def show(guest, *properties, unit="front.service"):
    """systemctl show, as a dictionary."""
    text = guest.run("systemctl", "show", unit, *(f"--property={name}" for name in properties)).out
    return dict(line.split("=", 1) for line in text.splitlines())


def get(guest, path, port=PORT):
    with urllib.request.urlopen(f"http://127.0.0.1:{guest.forward(port)}{path}", timeout=30) as answer:
        return answer.read()


def camera_streams(guest, camera_id):
    return json.loads(get(guest, f"/api/v1/cameras/{camera_id}"))["state"] == "streaming"


@pytest.fixture(scope="module")
def service(systemd_guest):
    """The service `front` on PORT, without a configuration; each test leaves it like that."""
    done = systemd_guest.run(*REGISTER, "front", PORT, timeout_s=120)
    assert f":{PORT}/" in done.out
    yield "front.service"


def in_its_place(guest, *command):
    """Runs a program with the very sandbox of the service, as a second one made from the same unit; its exit status and words."""
    unit = guest.get("/etc/systemd/system/front.service").decode()
    unit = re.sub(r"^Type=.*$", "Type=oneshot", unit, flags=re.M)
    unit = re.sub(r"^(ExecReload|Restart|RestartSec|RestartPreventExitStatus|WatchdogSec)=.*\n", "", unit, flags=re.M)
    unit = re.sub(r"^ExecStart=.*$", "ExecStart=/bin/sh /run/probe.sh", unit, flags=re.M)
    guest.put("/etc/systemd/system/probe.service", unit.encode())
    guest.put("/run/probe.sh", f"exec 2>&1; {command[0]}\n".encode())
    guest.run("systemctl", "daemon-reload")
    done = guest.run("systemctl", "start", "probe.service", check=False, timeout_s=60)
    status = int(show(guest, "ExecMainStatus", unit="probe.service")["ExecMainStatus"])
    words = guest.run("journalctl", "-u", "probe.service", "-o", "cat", "-n", "20", "--no-pager").out
    assert (done.status == 0) == (status == 0), words
    return status, words


def test_it_is_ready_enabled_and_shows_pictures(systemd_guest, service):
    facts = show(systemd_guest, "ActiveState", "SubState", "Type", "UnitFileState", "WatchdogUSec", "NRestarts", "MainPID")
    assert (facts["ActiveState"], facts["SubState"], facts["UnitFileState"]) == ("active", "running", "enabled")
    assert (facts["Type"], facts["WatchdogUSec"]) == ("notify", "30s")  # so READY=1 has come
    wait_until(lambda: camera_streams(systemd_guest, "cam0"), "the first picture", 60)
    picture = Image.open(io.BytesIO(get(systemd_guest, "/api/v1/cameras/cam0/snapshot.jpg")))
    assert picture.size[0] >= 640
    assert json.loads(get(systemd_guest, "/health")) == {"status": "ok"}
    status = systemd_guest.run("cat", f"/proc/{facts['MainPID']}/status").out
    assert re.search(r"^Uid:\s+6\d{4}", status, re.M), "a user of its own"
    assert re.search(r"^CapEff:\s+0+$", status, re.M) and re.search(r"^NoNewPrivs:\s+1$", status, re.M)
    assert re.search(r"^Seccomp:\s+2$", status, re.M)


def test_a_server_that_hangs_is_started_anew_by_the_watchdog(systemd_guest, service):
    systemd_guest.run("mkdir", "-p", "/etc/systemd/system/front.service.d")
    systemd_guest.put("/etc/systemd/system/front.service.d/quick.conf", b"[Service]\nWatchdogSec=4\n")
    systemd_guest.run("systemctl", "daemon-reload")
    systemd_guest.run("systemctl", "restart", service, timeout_s=60)
    first = show(systemd_guest, "MainPID", "WatchdogTimestampMonotonic")
    wait_until(lambda: show(systemd_guest, "WatchdogTimestampMonotonic") != {"WatchdogTimestampMonotonic": first["WatchdogTimestampMonotonic"]},
               "WATCHDOG=1 to arrive")
    assert show(systemd_guest, "MainPID", "NRestarts") == {"MainPID": first["MainPID"], "NRestarts": "0"}
    systemd_guest.run("kill", f"-{int(signal.SIGSTOP)}", first["MainPID"])
    wait_until(lambda: show(systemd_guest, "NRestarts")["NRestarts"] == "1", "the watchdog to start it anew", 60)
    wait_until(lambda: show(systemd_guest, "SubState")["SubState"] == "running", "the new one", 60)
    assert get(systemd_guest, "/health")
    systemd_guest.run("rm", "-r", "/etc/systemd/system/front.service.d")
    systemd_guest.run("systemctl", "daemon-reload")


def test_settings_survive_a_restart_and_an_update(systemd_guest, service):
    body = json.dumps({"gap": 5, "cameras": {"cam0": {"order": 2, "rotation": 90}, "cam1": {"order": 1, "rotation": 0}},
                       "stream": {"resolution": [320, 240], "quality": 70, "fps": 10}}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{systemd_guest.forward(PORT)}/config", body, {"Content-Type": "application/json"})
    assert urllib.request.urlopen(request, timeout=30).status == 200
    old = show(systemd_guest, "MainPID")
    systemd_guest.run(*REGISTER, "front", PORT + 1, timeout_s=120)
    assert show(systemd_guest, "MainPID") != old
    assert json.loads(get(systemd_guest, "/config", PORT + 1))["gap"] == 5
    systemd_guest.run(*REGISTER, "front", PORT, timeout_s=120)


def test_it_writes_nowhere_but_in_its_own_directory(systemd_guest, service):
    places = "/etc /usr /var /var/lib /root /home /opt /usr/local/lib/camweave/front /etc/systemd/system /boot /sys/kernel"
    # What the service has in /tmp is its own.
    systemd_guest.run("touch", "/tmp/of_others")
    status, words = in_its_place(systemd_guest, f"""
        echo mine >$STATE_DIRECTORY/probe && echo "state: $(cat $STATE_DIRECTORY/probe)"
        for place in {places}; do touch $place/probe 2>/dev/null && echo "WROTE to $place"; done
        test -e /tmp/of_others && echo "SAW the /tmp of others"
        for secret in /etc/shadow /dev/vda /dev/kmsg; do head -c1 $secret >/dev/null 2>&1 && echo "READ $secret"; done
        ls /root >/dev/null 2>&1 && test -n "$(ls -A /root)" && echo "SAW /root"
        mount -t tmpfs x /mnt 2>/dev/null && echo "MOUNTED"
        true""")
    assert status == 0 and "state: mine" in words, words
    assert not re.search("WROTE|SAW|READ|MOUNTED", words), words


def test_a_camera_plugged_in_later_is_its_to_use(systemd_guest, service):
    """The modules of USB cameras are loaded when the first is plugged in, long after the service has started."""
    guest = systemd_guest
    guest.put("/etc/camweave/front.toml", b'[[camera]]\nid = "usb"\nsource = "v4l2:serial=SN-9"\nsize = "640x480"\n')
    guest.run(*REGISTER, "front", PORT, timeout_s=120)
    wait_until(lambda: json.loads(get(guest, "/api/v1/cameras/usb"))["state"] == "away", "the camera to be missed", 60)
    rig = UsbRig(guest)
    try:
        camera = UsbCamera(rig, "a", serial="SN-9").plug()
        wait_until(lambda: camera_streams(guest, "usb"), "pictures of the camera", 60)
        picture = Image.open(io.BytesIO(get(guest, "/api/v1/cameras/usb/snapshot.jpg")))
        assert picture.size == (640, 480)
        guest.run("systemctl", "stop", service, timeout_s=30)
        camera.unplug()
    finally:
        rig.stop()
        guest.run("rm", "/etc/camweave/front.toml")
        guest.run(*REGISTER, "front", PORT, timeout_s=120)


def test_a_wrong_configuration_is_said_and_not_tried_again(systemd_guest):
    guest = systemd_guest
    guest.put("/etc/camweave/back.toml", b"[server]\nprot = 8000\n")
    done = guest.run(*REGISTER, "back", 8124, check=False, timeout_s=60)
    assert done.status == 1 and "prot" in done.err and "back.toml:2" in done.err, done.err
    assert show(guest, "ActiveState", "NRestarts", unit="back.service") == {"ActiveState": "failed", "NRestarts": "0"}
    guest.run(*REGISTER, "--remove", "back", timeout_s=60)
    guest.run("rm", "/etc/camweave/back.toml")


def test_a_service_of_somebody_else_is_left_alone(systemd_guest):
    done = systemd_guest.run(*REGISTER, "camweave-agent", PORT, check=False)
    assert done.status == 1 and "is not Camweave's" in done.err


def test_removed_it_is_gone_and_its_settings_are_kept(systemd_guest, service):
    """Last in this file: the others need the service."""
    guest = systemd_guest
    guest.run(*REGISTER, "--remove", "front", timeout_s=60)
    assert show(guest, "LoadState")["LoadState"] == "not-found"
    assert guest.run("test", "-e", "/usr/local/lib/camweave/front", check=False).status != 0
    assert guest.run("test", "-d", "/var/lib/private/camweave/front", check=False).status == 0
    again = guest.run(*REGISTER, "--remove", "front", check=False)
    assert again.status == 1 and "there is no" in again.err
