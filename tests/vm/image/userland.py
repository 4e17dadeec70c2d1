"""A Debian userland as a folder, from unpacked packages: no debootstrap, no root, no package scripts. The few things
that those scripts would do and that the tests need are done here."""

import os
import subprocess

from image.debian import unpack

LEFT_OUT = ("./usr/share/doc", "./usr/share/man", "./usr/share/locale", "./usr/share/info", "./usr/share/lintian",
            "./usr/share/bug", "./usr/include", "./usr/share/icons", "./usr/share/zoneinfo", "./usr/lib/udev/hwdb.d",
            "./usr/share/i18n", "./usr/share/mime", "./usr/lib/x86_64-linux-gnu/gconv", "./usr/share/qt5",
            "./usr/share/perl", "./usr/share/bash-completion")
UNITS = "./usr/lib/systemd/system"


def merged_usr(root):
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")


def accounts(root):
    masters = root / "usr/share/base-passwd"
    for name in ("passwd", "group"):
        (root / "etc" / name).write_text((masters / f"{name}.master").read_text().replace(":*:", "::"))
    # Groups that udev's rules name and that its package script would add.
    with open(root / "etc/group", "a") as groups:
        groups.write("".join(f"{name}:x:{number}:\n" for number, name in enumerate(("input", "sgx", "kvm", "render"), 990)))


def compile_python(root):
    """Byte code for the standard library, made by the guest's own Python: it starts three times as fast in the VM."""
    libraries = root / "usr/lib/x86_64-linux-gnu"
    python = next(p for p in sorted((root / "usr/bin").glob("python3.*")) if p.name.split(".")[1].isdigit())
    tree = root / "usr/lib" / python.name
    unused = "lib2to3|idlelib|test/|turtle|tkinter|distutils|ensurepip|pydoc|unittest|sqlite3|xmlrpc"
    subprocess.run([root / "usr/lib64/ld-linux-x86-64.so.2", "--library-path", libraries, python, "-I", "-S", "-m", "compileall",
                    "-q", "--invalidation-mode", "unchecked-hash", "-x", unused, "-s", root, "-p", "/", tree],
                   env={"PYTHONHOME": str(root / "usr"), "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}, check=True)


def build(debs, root, with_units=False):
    root.mkdir()
    merged_usr(root)
    unpack(debs, root, LEFT_OUT if with_units else (*LEFT_OUT, UNITS))
    for name in ("dev", "proc", "sys", "run", "tmp", "payload", "var/tmp", "var/log"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    (root / "etc/hostname").write_text("camweave-vm\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost camweave-vm\n")
    (root / "etc/resolv.conf").write_text("nameserver 10.0.2.3\n")
    accounts(root)
    compile_python(root)
    subprocess.run(["/sbin/ldconfig", "-r", root], check=True)


def write_disk(root, path, free_mb=200):
    """`root` as an ext4 image whose files belong to root. No journal: every VM throws its changes away."""
    used_kb = int(subprocess.run(["du", "-sk", root], capture_output=True, text=True, check=True).stdout.split()[0])
    size_kb = int(used_kb * 1.08) + free_mb * 1024
    command = ["/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal,^metadata_csum", "-E", "root_owner=0:0,lazy_itable_init=1",
               "-m", "0", "-d", str(root), str(path), f"{size_kb}k"]
    subprocess.run(command if os.geteuid() == 0 else ["fakeroot", *command], check=True, stdout=subprocess.DEVNULL)
