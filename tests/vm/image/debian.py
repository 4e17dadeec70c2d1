"""Debian packages without root and without touching this machine's apt: where the machine's mirror is, and an Apt that
resolves and downloads for any Debian release from that mirror, into a folder of its own.

Signatures are checked as usual (debian-archive-keyring). The mirror is read from this machine's configuration, never
hard-coded; CAMWEAVE_DEBIAN_MIRROR names one where the machine has none (another distribution)."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SUITE_ENDINGS = ("", "-updates", "-security")


class ImageError(Exception):
    """Why an image can't be built, in one line for the user."""


def read_list(path):
    """The words of a list file, one per line, without comments."""
    lines = (line.split("#")[0].strip() for line in Path(path).read_text().splitlines())
    return [line for line in lines if line]


def host_release():
    """This machine's Debian release, as bookworm or trixie; None on another distribution."""
    text = Path("/etc/os-release").read_text()
    fields = dict(re.findall(r'^([A-Z_]+)="?([^"\n]*)"?$', text, re.M))
    return fields.get("VERSION_CODENAME") if fields.get("ID") in ("debian", "raspbian") else None


def _one_line_entries(text):
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)", line)
        if match and "main" in match["components"].split():
            yield match["uri"], match["suite"]


def _deb822_entries(text):
    for paragraph in re.split(r"\n\s*\n", text):
        paragraph = re.sub(r"^#.*\n?", "", paragraph, flags=re.M)
        fields = {key.lower(): value.split() for key, value in re.findall(r"^(\S+):((?:.*(?:\n[ \t].*)*))", paragraph, re.M)}
        if "deb" not in fields.get("types", []) or "main" not in fields.get("components", []):
            continue
        if fields.get("enabled") == ["no"]:
            continue
        for uri in fields.get("uris", []):
            for suite in fields.get("suites", []):
                yield uri, suite


def host_mirrors(etc=Path("/etc/apt")):
    """{suite ending: [URI]} of the Debian release that this machine's apt is set up for."""
    entries = []
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        if path.suffix == ".list" and path.is_file():
            entries += _one_line_entries(path.read_text())
        elif path.suffix == ".sources":
            entries += _deb822_entries(path.read_text())
    mirrors = {}
    for uri, suite in entries:
        match = re.fullmatch(r"(bookworm|trixie|stable)(-updates|-security)?/?", suite)
        if match:
            mirrors.setdefault(match[2] or "", []).append(uri)
    given = os.environ.get("CAMWEAVE_DEBIAN_MIRROR")
    if given:
        mirrors = {"": [given]}
    if "" not in mirrors:
        raise ImageError("no Debian mirror in /etc/apt; set CAMWEAVE_DEBIAN_MIRROR to one's address")
    return mirrors


class Apt:
    """One Debian release, seen as on a machine with no package installed. Everything lives under `folder`."""

    def __init__(self, release, mirrors, folder):
        self.folder = Path(folder)
        for name in ("lists/partial", "cache/archives/partial"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "status").touch()
        signed = f"[signed-by={KEYRING}] " if Path(KEYRING).exists() else ""
        lines = [f"deb {signed}{uri} {release}{ending} main" for ending in SUITE_ENDINGS for uri in mirrors.get(ending, [])]
        (self.folder / "sources.list").write_text("\n".join(lines) + "\n")
        settings = {
            "Dir::State": self.folder, "Dir::State::status": self.folder / "status", "Dir::State::lists": self.folder / "lists",
            "Dir::Cache": self.folder / "cache", "Dir::Etc::sourcelist": self.folder / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null", "Dir::Etc::preferencesparts": "/dev/null", "Dir::Etc::preferences": "/dev/null",
            "APT::Sandbox::User": "root", "APT::Architecture": "amd64", "APT::Architectures": "amd64",
            "Acquire::Languages": "none", "Acquire::Retries": "3", "APT::Install-Recommends": "false",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        }
        self._options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        self._run("apt-get", "update")

    def _run(self, program, *arguments):
        run = subprocess.run([program, *self._options, *map(str, arguments)], cwd=self.folder, text=True,
                             capture_output=True, env=os.environ | {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"})
        if run.returncode:
            raise ImageError(f"{program} {arguments[0]} failed: {run.stderr.strip().splitlines()[-1:]}")
        return run.stdout

    def download_with_dependencies(self, packages):
        """The .deb files of `packages` and of everything they need."""
        self._run("apt-get", "install", "--yes", "--download-only", *packages)
        return sorted((self.folder / "cache/archives").glob("*.deb"))

    def newest_kernel(self):
        """The .deb of the kernel that linux-image-amd64 stands for."""
        names = re.findall(r"^Depends:.*?(linux-image-\d[^ ,]*-amd64)", self._run("apt-cache", "show", "linux-image-amd64"), re.M)
        if not names:
            raise ImageError("the mirror has no linux-image-amd64")
        numbers = lambda name: [int(n) for n in re.findall(r"\d+", name)]
        name = max(names, key=numbers)
        self._run("apt-get", "download", name)
        return next(self.folder.glob(f"{name}_*.deb"))


def unpack(debs, root, leave_out=()):
    """Unpacks packages into `root` without running their scripts."""
    exclude = [f"--exclude={pattern}" for pattern in leave_out]

    def unpack_one(deb):
        tar = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE)
        done = subprocess.run(["tar", "-x", "-C", root, "--keep-directory-symlink", "--no-same-owner", *exclude], stdin=tar.stdout)
        if tar.wait() or done.returncode:
            raise ImageError(f"{deb.name} could not be unpacked")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(unpack_one, debs))
