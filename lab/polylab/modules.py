"""Kernel modules: which files a module needs, in the order to load them.

Debian's kernel packages come without modules.dep (depmod writes it on installation), so the
dependencies are read from the modules themselves: the `depends=` line of their .modinfo.
"""

import lzma
import pathlib
import re

from .errors import LabError


def module_name(path):
    """The kernel's name of the module in this file: kvm-amd.ko.xz -> kvm_amd."""
    return re.sub(r"\.ko(\.xz)?$", "", pathlib.Path(path).name).replace("-", "_")


def read_module(path):
    """The module's ELF file, uncompressed."""
    data = pathlib.Path(path).read_bytes()
    return lzma.decompress(data) if str(path).endswith(".xz") else data


def depends_of(elf):
    """Names of the modules that this one needs loaded before it."""
    match = re.search(rb"\0depends=([^\0]*)\0", elf)
    text = match[1].decode() if match else ""
    return [name.replace("-", "_") for name in text.split(",") if name]


class Modules:
    """The modules of one kernel, by name."""

    def __init__(self, folder):
        self._files = {}
        self._builtin = set()
        if folder is None:
            return
        for path in sorted(pathlib.Path(folder).rglob("*.ko*")):
            self._files[module_name(path)] = path
        builtin = pathlib.Path(folder) / "modules.builtin"
        if builtin.exists():
            self._builtin = {module_name(line) for line in builtin.read_text().split()}

    def closure(self, names, optional=False):
        """[(file name, content)] of the modules and all they need, in loading order.

        What is built into the kernel is left out. A kernel without any modules has everything
        built in. `optional` leaves out what the kernel does not have instead of failing.
        """
        ordered, seen = [], set()

        def visit(name):
            name = name.replace("-", "_")
            if name in seen or name in self._builtin:
                return
            seen.add(name)
            if name not in self._files:
                if optional or not self._files:
                    return
                raise LabError(f"this kernel has no module {name}")
            elf = read_module(self._files[name])
            for needed in depends_of(elf):
                visit(needed)
            ordered.append((f"{name}.ko", elf))
        for name in names:
            visit(name)
        return ordered
