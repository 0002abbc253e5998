"""QEMU for e5500 hosts: Debian's qemu 7.2 with the Book3E hypervisor category added, built once.

No QEMU emulates that category (Power ISA 2.06, E.HV), which KVM on e500mc and e5500 is made of;
lab/patches/qemu-7.2 holds what adds it. Only the one board is built, without optional features:
some 3.5 CPU minutes and 8 MB. What the build needs of glib, pixman and meson is unpacked from
Debian packages, not installed; ninja, gcc, pkg-config, zlib and libfdt are those of the machine.
"""

import os
import pathlib
import re
import shutil
import subprocess

from .build import PROJECT
from .cache import key_of
from .debian import Archive
from .errors import LabError
from .ports import source_package, unpack_source
from .progress import step
from .qemu import native

PATCHES = PROJECT / "lab/patches/qemu-7.2"
DEPENDENCIES = ["libglib2.0-dev", "libpixman-1-dev", "meson"]
CONFIGURE = ["--target-list=ppc64-softmmu", "--without-default-features",
             "--without-default-devices", "--with-devices-ppc64=e500only", "--enable-fdt=system",
             "--disable-werror", "--disable-docs", "--disable-tools", "--disable-guest-agent",
             "--enable-tcg", "--disable-kvm"]
DEVICES = "CONFIG_E500PLAT=y\n"
FIRMWARE = ()


class BookeQemu:
    """The emulator of our own building: command() and environment() as Qemu's."""

    def __init__(self, cache):
        self._libraries = _dependencies(cache)
        self._program = _build(cache, self._libraries)

    def command(self, program):
        """The beginning of a command line."""
        return [str(self._program), "-L", str(self._program.parent)]

    def environment(self):
        """The environment that it needs."""
        return dict(os.environ, LD_LIBRARY_PATH=_library_path(self._libraries))


def _dependencies(cache):
    architecture, _ = native()
    return Archive(cache, architecture, ["bookworm"]).unpacked(
        DEPENDENCIES, "what QEMU is built with", _closure, trim=_trim)


def _closure(archive, names):
    """The packages and what they need, less what the machine has to have anyway."""
    skip = re.compile(r"^(python3|libpython3|ninja|media-types|perl|ca-certificates|openssl|tzdata)")
    return [name for name in archive.closure(names) if not skip.match(name)]


def _trim(tree):
    for name in ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/gtk-doc"):
        shutil.rmtree(tree / name, ignore_errors=True)


def _library_path(tree):
    _, triple = native()
    return ":".join(str(tree / top / triple) for top in ("usr/lib", "lib"))


def _build_environment(tree):
    _, triple = native()
    machine = subprocess.run(["pkg-config", "--variable", "pc_path", "pkg-config"], check=False,
                             capture_output=True, text=True).stdout.strip()
    own = f"{tree}/usr/lib/{triple}/pkgconfig:{tree}/usr/share/pkgconfig"
    # The .pc files of the packages say /usr; the wrapper of pkg-config in the build folder says where.
    return dict(os.environ, LC_ALL="C", PKG_CONFIG_LIBDIR=f"{own}:{machine}",
                LD_LIBRARY_PATH=_library_path(tree), PYTHONPATH=f"{tree}/usr/lib/python3/dist-packages",
                PATH=f"{tree}/usr/bin:{os.environ.get('PATH', '/usr/bin:/bin')}")


def _relocate(tree, folder):
    """Copies of the packages' .pc files that name where the packages were unpacked."""
    _, triple = native()
    folder.mkdir()
    for path in [*tree.glob(f"usr/lib/{triple}/pkgconfig/*.pc"), *tree.glob("usr/share/pkgconfig/*.pc")]:
        text = path.read_text().replace("prefix=/usr", f"prefix={tree}/usr")
        (folder / path.name).write_text(text)
    return folder


def _build(cache, tree):
    package = source_package(cache, "qemu")
    patches = sorted(PATCHES.glob("*.patch"))
    for tool in ("gcc", "make", "ninja", "pkg-config", "patch", "python3"):
        if not shutil.which(tool):
            raise LabError(f"building QEMU needs {tool}; install the packages that lab/packages.txt lists")
    key = key_of("booke-qemu-1", package.name, tree.name, CONFIGURE, DEVICES,
                 *[path.read_bytes() for path in patches])

    def make(product):
        work = product.parent
        source, build = work / "qemu", work / "build"
        with step("unpacking QEMU's source"):
            unpack_source(package, source, work)
        log = work / "log"
        for path in patches:
            _run(["patch", "-p1", "-i", path], source, log)
        (source / "configs/devices/ppc64-softmmu/e500only.mak").write_text(DEVICES)
        build.mkdir()
        environment = _build_environment(tree)
        environment["PKG_CONFIG_LIBDIR"] = f"{_relocate(tree, work / 'pkgconfig')}:" + \
            environment["PKG_CONFIG_LIBDIR"]
        jobs = os.environ.get("POLYVISOR_JOBS") or str(os.cpu_count() or 1)
        compiler = "ccache gcc" if shutil.which("ccache") else "gcc"
        with step("building QEMU for e5500 (3.5 CPU minutes, once)"):
            _run([source / "configure", *CONFIGURE, f"--cc={compiler}", "--extra-cflags=-g0",
                  f"--extra-ldflags=-Wl,-rpath-link,{_library_path(tree)}",
                  f"--meson={tree}/usr/bin/meson", "--disable-strip"], build, log, environment)
            _run(["nice", "-n", "5", "ninja", f"-j{jobs}", "qemu-system-ppc64"], build, log, environment)
        product.mkdir()
        _run(["strip", "-o", product / "qemu-system-ppc64", build / "qemu-system-ppc64"], build, log)
        shutil.copy(source / "COPYING", product / "COPYING")
    folder = cache.get("programs", f"qemu-booke-{key}", make)
    return pathlib.Path(folder) / "qemu-system-ppc64"


def _run(command, folder, log, environment=None):
    with open(log, "ab") as output:
        done = subprocess.run(list(map(str, command)), cwd=folder, env=environment, stdout=output,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        tail = log.read_bytes()[-3000:].decode(errors="replace")
        raise LabError(f"{' '.join(map(str, command[:6]))} ... failed:\n{tail}")
