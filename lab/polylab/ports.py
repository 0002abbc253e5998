"""What Debian has no packages of: static libraries and busybox for big-endian PowerPC.

Debian 12 has cross compilers, the C library and libstdc++ for powerpc and powerpc64, but no
archive of these architectures. The rest is compiled from Debian's source packages, patches
applied, with flags for the cores that run it: e500v2 (and e5500 under a 32-bit kernel) has no
lwsync, which g++ emits for plain -mcpu=powerpc; with -mcpu=8548 it emits sync. The C library and
libstdc++ hold lwsync all the same (792 of them in libstdc++.a): Linux emulates it on cores
without, and the floating point too (MATH_EMULATION): the ABI is the hard-float one.
"""

import dataclasses
import os
import pathlib
import shutil
import subprocess

from .cache import key_of
from .debian import Archive
from .errors import LabError
from .progress import step
from .qemu import native

SUITE = "bookworm"


@dataclasses.dataclass(frozen=True)
class Target:
    """Who the things are compiled for."""

    triple: str
    flags: tuple


TARGETS = {
    "powerpc": Target("powerpc-linux-gnu", ("-mcpu=8548",)),
    "powerpc64": Target("powerpc64-linux-gnu", ("-mcpu=e5500",)),
}


@dataclasses.dataclass(frozen=True)
class Library:
    """Static libraries of one source package: {name: patterns of sources}, headers, flags."""

    package: str
    archives: dict
    headers: tuple              # (pattern, folder under usr/include)
    flags: tuple = ()
    upstream: str = ""          # the suite whose upstream archive is taken, without Debian's patches


LIBRARIES = (
    Library("device-tree-compiler", {"fdt": ("libfdt/fdt*.c",)},
            (("libfdt/fdt.h", ""), ("libfdt/libfdt*.h", "")), ("-Ilibfdt",),
            "trixie"),   # the same release as the riscv64 build has; Debian patches nothing in libfdt
    Library("zlib", {"z": ("*.c",)}, (("zlib.h", ""), ("zconf.h", "")),
            ("-DHAVE_UNISTD_H", "-DHAVE_STDARG_H", "-DHAVE_HIDDEN")),
    Library("libzstd", {"zstd": ("lib/common/*.c", "lib/compress/*.c", "lib/decompress/*.c")},
            (("lib/zstd.h", ""), ("lib/zstd_errors.h", "")), ("-DZSTD_DISABLE_ASM", "-Ilib")),
    Library("googletest", {"gtest": ("googletest/src/gtest-all.cc",),
                           "gtest_main": ("googletest/src/gtest_main.cc",)},
            (("googletest/include/gtest/*.h", "gtest"),
             ("googletest/include/gtest/internal/*.h", "gtest/internal"),
             ("googletest/include/gtest/internal/custom/*.h", "gtest/internal/custom")),
            ("-Igoogletest/include", "-Igoogletest", "-std=c++17")),
)


def source_package(cache, package, suite=SUITE):
    """A cached folder with a Debian source package: .dsc and archives."""
    return Archive(cache, native()[0], [suite], source=True).source_package(
        package, f"{package}'s source package")


def _package(cache, library):
    if not library.upstream:
        return source_package(cache, library.package)
    return Archive(cache, native()[0], [library.upstream], source=True).source_files(
        library.package, f"{library.package}'s upstream archive")


def unpack_source(folder, target, work):
    """Unpack the source package in `folder` into `target`, with Debian's patches if it has them."""
    descriptions = sorted(pathlib.Path(folder).glob("*.dsc"))
    if not descriptions:
        tars = sorted(pathlib.Path(folder).glob("*.orig.tar.*"))
        if not tars:
            raise LabError(f"{folder} holds no source package")
        target.mkdir()
        _run(["tar", "-xf", tars[0], "--strip-components=1", "-C", target], work)
        return
    if not shutil.which("dpkg-source"):
        raise LabError("dpkg-source is missing; on Debian: apt install dpkg-dev")
    _run(["dpkg-source", "--no-check", "-x", descriptions[0], target], work)


def _run(command, folder, environment=None):
    done = subprocess.run(list(map(str, command)), cwd=folder, env=environment, capture_output=True,
                          text=True, errors="replace", stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        tail = (done.stdout + done.stderr)[-3000:]
        raise LabError(f"{' '.join(map(str, command[:8]))} ... failed:\n{tail}")
    return done.stdout


def _tool(target, name):
    command = f"{target.triple}-{name}"
    if not shutil.which(command):
        raise LabError(f"{command} is missing; on Debian: apt install g++-{target.triple}")
    return command


def _version(target):
    return _run([_tool(target, "g++"), "--version"], None).splitlines()[0]


def _compile(target, library, source, archive, patterns, folder):
    """Compile `patterns` of `source` into `folder`/lib`archive`.a."""
    files = sorted(path for pattern in patterns for path in source.glob(pattern))
    if not files:
        raise LabError(f"{library.package} holds nothing like {patterns}")
    objects = folder / f"objects-{archive}"
    objects.mkdir()
    plain = any(path.suffix == ".c" for path in files)
    include = [f"-I{source / flag[2:]}" if flag.startswith("-I") else flag for flag in library.flags]
    _run([_tool(target, "gcc" if plain else "g++"), "-O2", "-g0", *target.flags, *include,
          f"-ffile-prefix-map={source}=.", "-ffunction-sections", "-fdata-sections", "-c", *files],
         objects)
    _run([_tool(target, "ar"), "rcsD", folder / f"lib{archive}.a", *sorted(objects.glob("*.o"))], objects)
    shutil.rmtree(objects)


def sysroot(cache, name):
    """The cached folder usr/include, usr/lib/<triple> with the libraries for target `name`."""
    target = TARGETS[name]
    packages = [_package(cache, library) for library in LIBRARIES]
    key = key_of("sysroot-1", name, target.flags, [str(library) for library in LIBRARIES],
                 [path.name for path in packages], _version(target))

    def make(product):
        include, folder = product / "usr/include", product / "usr/lib" / target.triple
        for path in (include, folder):
            path.mkdir(parents=True)
        for library, package in zip(LIBRARIES, packages):
            source = product.parent / library.package
            with step(f"compiling {library.package} for {name}"):
                unpack_source(package, source, product.parent)
                for archive, patterns in library.archives.items():
                    _compile(target, library, source, archive, patterns, folder)
                for pattern, place in library.headers:
                    (include / place).mkdir(parents=True, exist_ok=True)
                    for path in source.glob(pattern):
                        shutil.copy(path, include / place / path.name)
    return cache.get("sysroots", f"{name}-{key}", make)


def busybox(cache, name):
    """A static busybox for target `name`: busybox's own defaults."""
    target = TARGETS[name]
    package = source_package(cache, "busybox")
    # tc needs kernel headers that newer kernels dropped; what is built in need not run itself.
    wanted = {"CONFIG_STATIC": "y", "CONFIG_TC": "n", "CONFIG_FEATURE_PREFER_APPLETS": "y",
              "CONFIG_FEATURE_SH_STANDALONE": "y"}
    key = key_of("busybox-1", name, target.flags, wanted, package.name, _version(target))

    def make(product):
        source = product.parent / "busybox"
        unpack_source(package, source, product.parent)
        jobs = os.environ.get("POLYVISOR_JOBS") or str(os.cpu_count() or 1)
        command = ["nice", "-n", "19", "make", "-s", f"-j{jobs}", "ARCH=powerpc",
                   f"CROSS_COMPILE={target.triple}-", "SKIP_STRIP=n",
                   f"EXTRA_CFLAGS={' '.join(target.flags)}"]
        if shutil.which("ccache"):
            command.append(f"CC=ccache {_tool(target, 'gcc')}")
        with step(f"compiling busybox for {name}"):
            _run([*command, "defconfig"], source)
            config = source / ".config"
            lines = [line for line in config.read_text().splitlines()
                     if not any(f"{option}=" in line or f"{option} " in line for option in wanted)]
            lines += [f"{option}={value}" if value != "n" else f"# {option} is not set"
                      for option, value in wanted.items()]
            config.write_text("\n".join(lines) + "\n")
            _run(["sh", "-c", f"yes '' | {' '.join(command[:5])} ARCH=powerpc "
                  f"CROSS_COMPILE={target.triple}- oldconfig"], source)
            _run([*command, "busybox"], source)
        shutil.copy(source / "busybox", product)
    return cache.get("programs", f"busybox-{name}-{key}", make)
