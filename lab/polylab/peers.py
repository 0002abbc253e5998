"""Debian's own QEMU for a lab host's architecture, to carry into the host and compare with.

Only what the emulator needs is taken: the program, the shared libraries that it and they name
(DT_NEEDED), the dynamic loader.
"""

import pathlib
import re
import subprocess

from .debian import Archive
from .errors import LabError

PACKAGES = {"aarch64": ("trixie", "qemu-system-arm", "qemu-system-aarch64"),
            "riscv64": ("trixie", "qemu-system-riscv", "qemu-system-riscv64"),
            "x86_64": ("bookworm", "qemu-system-x86", "qemu-system-x86_64")}


def _needed(path):
    """(loader, [library]) that this ELF file names."""
    done = subprocess.run(["readelf", "-ld", path], capture_output=True, text=True, check=False)
    loader = re.search(r"interpreter: (\S+)\]", done.stdout)
    return loader[1] if loader else None, re.findall(r"NEEDED.*\[(.+?)\]", done.stdout)


def needed_files(tree, program):
    """{name inside: path} of `program` and all libraries that it needs, found under `tree`."""
    libraries = {}
    for pattern in ("lib/*/*.so*", "usr/lib/*/*.so*", "lib/*.so*", "usr/lib/*.so*"):
        for path in tree.glob(pattern):
            libraries.setdefault(path.name, path)
    files, waiting = {f"usr/bin/{program.name}": program}, [program]
    while waiting:
        loader, names = _needed(waiting.pop())
        if loader:
            files[loader] = libraries[pathlib.Path(loader).name].resolve()
        for name in names:
            inside = f"usr/lib/{name}"
            if name not in libraries:
                raise LabError(f"{program.name} needs {name}, and no package unpacked here holds it")
            if inside not in files:
                files[inside] = libraries[name].resolve()
                waiting.append(libraries[name])
    return files


def debian_qemu(cache, arch):
    """{name inside: path outside} of Debian's QEMU for `arch`, for Host(files=...).

    Run it as `LD_LIBRARY_PATH=/usr/lib qemu-system-... -nodefaults ...`.
    """
    suite, package, name = PACKAGES[arch.name]
    archive = Archive(cache, arch.debian, [suite])

    def everything(source, names):
        return source.closure(names, everywhere=frozenset())

    tree = archive.unpacked([package], f"Debian's QEMU for {arch.name}", everything)
    files = needed_files(tree, tree / "usr/bin" / name)
    for path in (tree / "usr/share/qemu").glob("*"):
        if path.is_file() and path.suffix in (".rom", ".bin") and path.stat().st_size < 1 << 20:
            files[f"usr/share/qemu/{path.name}"] = path
    return files
