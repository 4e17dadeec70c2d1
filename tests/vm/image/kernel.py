"""Debian 13's kernel for a VM: the bzImage, the few modules that the tests need, unpacked, and the order in which the
initramfs loads its own. A kernel is independent of the userland above it, so every image gets this one."""

import lzma
import shutil
import subprocess
from pathlib import Path

from image.debian import ImageError, read_list


def read_module_list(path):
    """(modules for the initramfs, all modules) of modules.txt."""
    words = [line.split() for line in read_list(path)]
    return [w[-1] for w in words if w[0] == "boot"], [w[-1] for w in words]


class ModuleTree:
    """The modules of an unpacked kernel package."""

    def __init__(self, unpacked):
        self.tree = next((unpacked / "usr/lib/modules").iterdir())
        self.version = self.tree.name
        self._paths = {self._name(path): path for path in self.tree.rglob("*.ko*")}
        self._builtin = {self._name(Path(line)) for line in (self.tree / "modules.builtin").read_text().splitlines()}

    @staticmethod
    def _name(path):
        return path.name.split(".")[0].replace("-", "_")

    def with_dependencies(self, names):
        """`names` and what they need, in the order of loading."""
        order = []

        def visit(name):
            name = name.replace("-", "_")
            if name in order or name in self._builtin:
                return
            if name not in self._paths:
                raise ImageError(f"kernel {self.version} has no module {name}")
            depends = subprocess.run(["/sbin/modinfo", "-F", "depends", self._paths[name]], capture_output=True, text=True, check=True)
            for needed in filter(None, depends.stdout.strip().split(",")):
                visit(needed)
            order.append(name)

        for name in names:
            visit(name)
        return order

    def copy(self, names, root):
        """Puts modules into root/usr/lib/modules, unpacked (the VM's CPU is slow), with modprobe's tables."""
        target = root / "usr/lib/modules" / self.version
        for name in names:
            source = self._paths[name]
            to = target / source.relative_to(self.tree).with_name(source.name.removesuffix(".xz"))
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(lzma.decompress(source.read_bytes()) if source.suffix == ".xz" else source.read_bytes())
        for table in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            shutil.copy(self.tree / table, target)
        subprocess.run(["/sbin/depmod", "-b", root / "usr", self.version] if not (root / "lib").exists()
                       else ["/sbin/depmod", "-b", root, self.version], check=True)
        return target


def write_initramfs(path, init, module_files, scratch):
    """A cpio archive of busybox, `init` and the modules, numbered in loading order. Not packed: loading is cheaper."""
    for folder in ("bin", "dev", "proc", "sys", "root", "modules"):
        (scratch / folder).mkdir(parents=True)
    shutil.copy("/bin/busybox", scratch / "bin/busybox")
    (scratch / "bin/sh").symlink_to("busybox")
    shutil.copy(init, scratch / "init")
    (scratch / "init").chmod(0o755)
    for number, module in enumerate(module_files):
        shutil.copy(module, scratch / f"modules/{number:02}-{module.name}")
    names = "\n".join(sorted(str(p.relative_to(scratch)) for p in scratch.rglob("*")))
    archive = subprocess.run(["/bin/busybox", "cpio", "-o", "-H", "newc"], cwd=scratch, input=names.encode(), capture_output=True, check=True)
    path.write_bytes(archive.stdout)
