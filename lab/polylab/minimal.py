"""Minimal kernels, built from Debian's linux-source packages with the fragments in kernel/.

allnoconfig plus kernel/<arch>/guest.config; a host kernel takes kernel/<arch>/host.config too.
PowerPC's rows join the fragments of two folders and apply the patches of lab/patches/.
The result is cached by the fragments' options, the patches, the source and the compiler.
"""

import os
import pathlib
import platform
import shutil
import subprocess

from .build import PROJECT
from .cache import key_of
from .debian import Archive
from .errors import LabError
from .progress import say, step
from .qemu import native

TOOLS = ("make", "gcc", "flex", "bison", "bc", "tar", "xz", "patch")


def options(arch, role, project=PROJECT):
    """The option lines of this kernel, comments left out; later lines win."""
    names = ["guest.config"] + (["host.config"] if role == "host" else [])
    lines = []
    for folder, name in ((folder, name) for name in names for folder in arch.kernels or (arch.name,)):
        path = project / "kernel" / folder / name
        try:
            text = path.read_text()
        except OSError as error:
            raise LabError(f"no fragment {path}") from error
        lines += [line.strip() for line in text.splitlines()
                  if line.strip() and not line.startswith("#")]
    last = {line.partition("=")[0]: line for line in lines}
    return sorted(last.values())


def missing_options(wanted, config):
    """Options of `wanted` that the finished configuration does not have as asked."""
    have = set(config.splitlines())
    lost = []
    for line in wanted:
        name, _, value = line.partition("=")
        if value == "n":
            if any(one.startswith(f"{name}=") for one in have):
                lost.append(line)
        elif line not in have:
            lost.append(line)
    return lost


def build(cache, arch, role):
    """The path of the kernel image for `role` ("host" or "guest"), built when it is not cached."""
    wanted = options(arch, role)
    cross = "" if platform.machine() == arch.name else f"{arch.triple}-"
    compiler = f"{cross}gcc"
    for tool in (*TOOLS, compiler):
        if not shutil.which(tool):
            raise LabError(f"building a kernel needs {tool}; install the packages that "
                           "lab/packages.txt lists")
    version = subprocess.run([compiler, "-dumpfullversion"], capture_output=True, text=True,
                             check=False).stdout.strip()
    # The source package is the same for all; PowerPC has no lists of its own to find it in.
    debian = arch.debian if arch.stock else native()[0]
    source = Archive(cache, debian, [arch.source.suite]).unpacked(
        [arch.source.package], f"{arch.source.package} of Debian {arch.source.suite}")
    tars = sorted(source.glob("usr/src/linux-source-*.tar.xz"))
    if not tars:
        raise LabError(f"{arch.source.package} holds no source archive")
    patches = sorted((PROJECT / "lab/patches" / arch.source.patches).glob("*.patch")) \
        if arch.source.patches else []
    # What a patch says before the change itself may be reworded without building anew.
    changes = [path.read_bytes().partition(b"\n--- ")[2] for path in patches]
    key = key_of("kernel-1", arch.name, role, wanted, source.name, version, *changes)

    def make(product):
        work = product.parent / "source"
        work.mkdir()
        with step(f"unpacking {tars[0].name}"):
            _run(["tar", "-xf", tars[0], "--strip-components=1", "-C", work], work, product)
        for path in patches:
            _run(["patch", "-p1", "-i", path], work, product)
        fragment = product.parent / "fragment"
        fragment.write_text("".join(f"{line}\n" for line in wanted))
        ccache = "ccache " if shutil.which("ccache") else ""
        jobs = os.environ.get("POLYVISOR_JOBS") or str(os.cpu_count() or 1)
        make_command = ["nice", "-n", "19", "make", "-s", f"-j{jobs}", f"ARCH={arch.source.make_arch}",
                        f"CROSS_COMPILE={cross}", f"CC={ccache}{compiler}", "KBUILD_BUILD_USER=lab",
                        "KBUILD_BUILD_HOST=lab", "KBUILD_BUILD_TIMESTAMP=2024-01-01 00:00:00 +0000"]
        environment = dict(os.environ, KCONFIG_ALLCONFIG=str(fragment), LC_ALL="C")
        with step(f"building the minimal {role} kernel for {arch.name} (5 to 11 CPU minutes, once)"):
            _run([*make_command, "allnoconfig"], work, product, environment)
            lost = missing_options(wanted, (work / ".config").read_text())
            _run([*make_command, arch.source.image.rpartition("/")[2]], work, product, environment)
        if lost:
            say('this kernel does not know or allow: ' + ' '.join(lost))
        product.mkdir()
        if arch.source.image == "vmlinux":
            _run([f"{cross}strip", "-o", product / "image", work / "vmlinux"], work, product)
        else:
            shutil.copy(work / arch.source.image, product / "image")
        for name, path in {"config": ".config",
                           "System.map": "System.map", "vmlinux": "vmlinux"}.items():
            shutil.copy(work / path, product / name)
    folder = cache.get("kernels", f"{role}-{arch.name}-{key}", make)
    return pathlib.Path(folder) / "image"


def _run(command, folder, product, environment=None):
    log = product.parent / "log"
    with open(log, "ab") as output:
        done = subprocess.run(list(map(str, command)), cwd=folder, env=environment, stdout=output,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        tail = log.read_bytes()[-3000:].decode(errors="replace")
        raise LabError(f"{' '.join(map(str, command[:8]))} ... failed:\n{tail}")
