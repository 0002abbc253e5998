"""QEMU 10 of bookworm-backports, unpacked beside whatever the system has.

The unpacked folder holds QEMU, its firmware and every shared library that QEMU needs beyond
Debian's base system, so nothing has to be installed.
"""

import os
import platform

from .cache import remove
from .debian import Archive
from .errors import LabError

PACKAGES = ["qemu-system-arm", "qemu-system-misc", "qemu-system-x86"]
PPC_PACKAGES = ["qemu-system-ppc"]      # apart from the others: who has no use for it needs no 50 MB
EMULATORS = {"qemu-system-aarch64", "qemu-system-riscv64", "qemu-system-x86_64", "qemu-system-ppc"}
NATIVE = {"x86_64": ("amd64", "x86_64-linux-gnu"), "aarch64": ("arm64", "aarch64-linux-gnu")}


def native():
    """(Debian's name, compiler triple) of the machine that the lab runs on."""
    try:
        return NATIVE[platform.machine()]
    except KeyError:
        raise LabError(f"the lab runs on x86_64 and aarch64, not {platform.machine()}") from None


class Qemu:
    """An unpacked QEMU: command() and environment() run one of its emulators."""

    def __init__(self, cache, packages=None):
        architecture, self._triple = native()
        archive = Archive(cache, architecture, ["bookworm", "bookworm-backports"])
        self.tree = archive.unpacked(packages or PACKAGES, "QEMU 10", Archive.closure, trim=_trim)

    def command(self, program):
        """The beginning of a command line."""
        return [str(self.tree / "usr/bin" / program), "-L", str(self.tree / "usr/share/qemu"),
                "-L", str(self.tree / "usr/share/seabios")]

    def environment(self):
        """The environment that it needs."""
        folders = [str(self.tree / top / self._triple) for top in ("usr/lib", "lib")]
        return dict(os.environ, LD_LIBRARY_PATH=":".join(folders),
                    QEMU_MODULE_DIR=str(self.tree / "usr/lib" / self._triple / "qemu"))


def find_qemu(cache, arch):
    """The emulator that hosts of this architecture run on."""
    if arch.qemu_source == "booke":
        from .booke_qemu import BookeQemu
        return BookeQemu(cache)
    return Qemu(cache, PPC_PACKAGES if arch.port else None)


def _trim(tree):
    """Drop what no emulator of ours reads: documentation, other emulators, tools."""
    keep = {"usr/bin", "usr/lib", "usr/share"}
    for folder in [*tree.glob("usr/*"), *tree.glob("etc"), *tree.glob("sbin"), *tree.glob("bin"),
                   *tree.glob("var")]:
        if str(folder.relative_to(tree)) not in keep:
            remove(folder)
    for folder in tree.glob("usr/share/*"):
        if folder.name not in ("qemu", "seabios"):
            remove(folder)
    for program in tree.glob("usr/bin/*"):
        if program.name not in EMULATORS:
            remove(program)
