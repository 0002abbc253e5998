"""Compiles the lab's own small programs for a host architecture; cached by what goes in."""

import pathlib
import platform
import shutil
import subprocess

from .cache import key_of
from .errors import LabError
from .progress import step

LAB = pathlib.Path(__file__).resolve().parent.parent
FLAGS = ["-std=c++20", "-static", "-O2", "-s", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra"]


def compiler(arch):
    """The command that compiles C++ for `arch` on this machine."""
    names = [f"{arch.triple}-g++"]
    if platform.machine() == arch.name:
        names.append("g++")
    for name in names:
        if shutil.which(name):
            return name
    raise LabError(f"{names[-1]} is missing; on Debian: apt install g++-{arch.triple}"
                   if len(names) == 1 else "g++ is missing; on Debian: apt install g++")


def compiled(cache, arch, name, sources, flags=()):
    """The static program `name` made of `sources` (under lab/), as a cached file."""
    paths = [LAB / source for source in sources]
    inputs = sorted({*paths, *(header for path in paths for header in path.parent.glob("*.h"))})
    command = [compiler(arch), *FLAGS, *arch.cflags, *flags]
    version = subprocess.run([command[0], "--version"], capture_output=True, text=True,
                             check=False).stdout.splitlines()[:1]
    key = key_of("program", name, command, version, *[path.read_bytes() for path in inputs])

    def make(product):
        with step(f"compiling {name} for {arch.name}"):
            done = subprocess.run([*command, *paths, "-o", product], capture_output=True, text=True,
                                  check=False)
        if done.returncode != 0:
            raise LabError(f"cannot compile {name} for {arch.name}:\n{done.stderr[-3000:]}")
    return cache.get("programs", f"{name}-{arch.name}-{key}", make)


def agent(cache, arch):
    """PID 1 of a lab host."""
    return compiled(cache, arch, "agent", [f"agent/{name}.cpp" for name in
                                           ("main", "link", "plan", "command")])


def kvmprobe(cache, arch):
    """The program that asks /dev/kvm whether it works."""
    return compiled(cache, arch, "kvmprobe", ["agent/kvmprobe/kvmprobe.cpp"])
