"""The TCG plugin elcount and the programs that go with it (lab/plugin), built when first wanted.

qemu-plugin.h comes from QEMU's Debian source package, glib's headers from libglib2.0-dev.
"""

import subprocess
import tarfile

from .cache import key_of
from .debian import Archive
from .errors import LabError
from .progress import step
from .qemu import native
from .toolchain import LAB, compiled


def header(cache):
    """The folder with qemu-plugin.h of the QEMU that the lab runs."""
    archive = Archive(cache, native()[0], ["bookworm", "bookworm-backports"], source=True)
    files = archive.source_files("qemu/bookworm-backports", "QEMU's source package")
    sources = sorted(files.glob("qemu_*.orig.tar.*"))
    if not sources:
        raise LabError("QEMU's source package holds no orig.tar")

    def make(product):
        product.mkdir()
        with step("looking for qemu-plugin.h in QEMU's source"), tarfile.open(sources[0]) as source:
            for member in source:
                if member.name.endswith("include/qemu/qemu-plugin.h"):
                    (product / "qemu-plugin.h").write_bytes(source.extractfile(member).read())
                    return
        raise LabError("QEMU's source holds no qemu-plugin.h")
    return cache.get("headers", key_of("qemu-plugin", sources[0].name), make)


def elcount(cache):
    """The plugin as a shared library, for Host(plugins=[elcount(cache)])."""
    architecture, triple = native()
    glib = Archive(cache, architecture, ["bookworm"]).unpacked(["libglib2.0-dev"], "glib's headers")
    source = LAB / "plugin/elcount.c"
    include = [header(cache), glib / "usr/include/glib-2.0",
               glib / f"usr/lib/{triple}/glib-2.0/include"]
    key = key_of("elcount", source.read_bytes(), list(map(str, include)))

    def make(product):
        command = ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC",
                   *(f"-I{folder}" for folder in include), source, "-o", product]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LabError(f"cannot compile the plugin elcount:\n{done.stderr[-2000:]}")
    return cache.get("programs", f"elcount-{key}", make)


def mark(cache, arch):
    """The program `mark N`."""
    return compiled(cache, arch, "mark", ["plugin/mark.cpp"])


def marking_init(cache, arch):
    """A guest's /init that marks 15 as its first instruction and powers off."""
    return compiled(cache, arch, "marking-init", ["plugin/init.cpp"], ["-nostdlib", "-ffreestanding"])


def counts(text):
    """[(mark, {"monitor": n, "host": n, "guest": n, "other": n})] in QEMU's standard error."""
    found = []
    for line in text.splitlines():
        if line.startswith("elcount mark="):
            fields = dict(word.split("=") for word in line.split()[1:])
            name = fields.pop("mark")
            found.append((name, {key: int(value) for key, value in fields.items()}))
    return found
