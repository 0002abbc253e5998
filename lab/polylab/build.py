"""Finds what the build made for an architecture: the monitor and the bare-metal guests.

Looked for in $POLYVISOR_BUILD when it is set (a build folder of that architecture, or a folder
of build folders), else in the project's build/. The CMake presets are named `release` (native),
`aarch64`, `riscv64`, `powerpc` and `powerpc64`.
"""

import os
import pathlib

from .errors import LabError

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent


def build_folders(arch, environment=os.environ):
    """Folders that may hold a build for `arch`, best first."""
    roots = [pathlib.Path(environment["POLYVISOR_BUILD"])] if environment.get("POLYVISOR_BUILD") \
        else [PROJECT / "build"]
    names = [arch.preset, f"release-{arch.name}", arch.name, arch.second_preset]
    folders = []
    for root in roots:
        folders += [root / name for name in names if name]
        if environment.get("POLYVISOR_BUILD"):
            folders.append(root)
    return folders


def is_for(path, arch):
    """Whether this file is an ELF program for `arch`."""
    try:
        with open(path, "rb") as source:
            head = source.read(20)
    except OSError:
        return False
    if len(head) < 20 or head[:4] != b"\x7fELF":
        return False
    order = "little" if head[5] == 1 else "big"
    return int.from_bytes(head[18:20], order) in (arch.elf_machine, *arch.runs_too)


def find_monitor(arch, given=None):
    """The monitor's binary for `arch`, or None when it has not been built."""
    if given:
        path = pathlib.Path(given)
        if not is_for(path, arch):
            raise LabError(f"{given} is no program for {arch.name}")
        return path
    for folder in build_folders(arch):
        for path in (folder / "src/polyvisor", folder / "polyvisor"):
            if is_for(path, arch):
                return path
    return None


def find_guests(arch):
    """{name: path} of the bare-metal guests for `arch`."""
    roots = [*build_folders(arch), PROJECT / "build"]
    for root in roots:
        folder = root / "guest" / (arch.guests or arch.name)
        if folder.is_dir():
            return {path.name: path for path in sorted(folder.iterdir())
                    if path.is_file() and not path.name.endswith((".d", ".o"))}
    return {}
