"""capstone 5 as a static library for a compiler: polyvisor-debug disassembles with it.

Debian 12 has capstone 4, which knows no RISC-V; the sources are trixie's. Only the architectures
that polyvisor knows are compiled: 20 CPU seconds, once for each compiler.
"""

import concurrent.futures
import os
import shutil
import subprocess

from .cache import key_of
from .errors import LabError
from .ports import source_package, unpack_source
from .progress import step

ARCHITECTURES = {"AArch64": "ARM64", "RISCV": "RISCV", "PowerPC": "POWERPC", "X86": "X86"}
FLAGS = ("-Os", "-g0", "-ffunction-sections", "-fdata-sections", "-DCAPSTONE_USE_SYS_DYN_MEM",
         *(f"-DCAPSTONE_HAS_{name}" for name in ARCHITECTURES.values()))


def library(cache, compiler="gcc", flags=()):
    """The cached folder with include/capstone, lib/libcapstone.a and licences, made by `compiler`."""
    prefix = compiler[:-len("gcc")] if compiler.endswith("gcc") else ""
    archiver = f"{prefix}ar"
    for tool in (compiler, archiver):
        if not shutil.which(tool):
            raise LabError(f"{tool} is missing")
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout
    package = source_package(cache, "capstone", "trixie")
    key = key_of("capstone-2", compiler, flags, FLAGS, package.name, version.partition("\n")[0])

    def make(product):
        source, objects = product.parent / "capstone", product.parent / "objects"
        unpack_source(package, source, product.parent)
        files = sorted([*source.glob("*.c"), *(path for folder in ARCHITECTURES
                                               for path in source.glob(f"arch/{folder}/*.c"))])
        objects.mkdir()
        (product / "lib").mkdir(parents=True)

        def compile_one(numbered):
            number, path = numbered
            done = subprocess.run(
                [compiler, *FLAGS, *flags, f"-ffile-prefix-map={source}=.", f"-I{source / 'include'}",
                 "-c", path, "-o", objects / f"{number}-{path.stem}.o"],
                capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise LabError(f"{path.name} does not compile:\n{done.stderr[-2000:]}")

        jobs = int(os.environ.get("JOBS") or os.cpu_count() or 1)
        with step(f"compiling capstone with {compiler} (20 CPU seconds, once)"):
            with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
                list(pool.map(compile_one, enumerate(files)))
            subprocess.run([archiver, "rcsD", product / "lib/libcapstone.a", *sorted(objects.glob("*.o"))],
                           check=True)
        shutil.copytree(source / "include/capstone", product / "include/capstone")
        (product / "licences").write_bytes(b"\n".join(
            (source / name).read_bytes() for name in ("LICENSE.TXT", "LICENSE_LLVM.TXT")))
    return cache.get("capstone", key, make)
