"""Initramfs images: a host's (agent, busybox, modules, then what a run adds) and a guest's."""

import os

from . import ports
from .cache import key_of
from .cpio import Archive as Cpio
from .debian import Archive
from .errors import LabError
from .toolchain import LAB, agent, kvmprobe

FOLDERS = ("bin", "dev", "etc", "guest", "lab", "mnt", "proc", "root", "run", "sys", "tmp", "var",
           "usr/bin")
GUEST_MODULES = ("virtio_mmio", "virtio_pci", "virtio_blk", "virtio_console", "virtio_rng", "pvpanic_mmio")


def busybox(cache, arch):
    """The path of a static busybox for `arch`."""
    if not arch.busybox_suite:
        return ports.busybox(cache, arch.port)
    archive = Archive(cache, arch.debian, [arch.busybox_suite])
    tree = archive.unpacked(["busybox-static"], f"busybox for {arch.name}")
    for place in ("bin/busybox", "usr/bin/busybox"):
        if (tree / place).exists():
            return tree / place
    raise LabError("busybox-static holds no busybox")


def applets(program):
    """The names that a busybox binary answers to, read out of it (it may not run here)."""
    start = program.find(b"[\0[[\0")
    end = program.find(b"\0\0", start)
    if start < 0 or end < 0:
        raise LabError("this busybox does not hold its list of applets where it was expected")
    return [name.decode() for name in program[start:end].split(b"\0")]


def _base(cache, arch):
    image = Cpio()
    for name in FOLDERS:
        image.folder(name, 0o1777 if name == "tmp" else 0o755)
    image.node("dev/console", 5, 1)
    image.node("dev/null", 1, 3, 0o666)
    program = busybox(cache, arch).read_bytes()
    image.file("bin/busybox", program, 0o755)
    for name in applets(program):
        if name not in ("busybox", "init", "linuxrc"):
            image.link(f"bin/{name}", "busybox")
    image.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    image.file("etc/group", b"root:x:0:\nnogroup:x:65534:\n")
    image.file("etc/hosts", b"127.0.0.1 localhost\n")
    return image


def _modules(image, kernel, names, optional):
    """Pack modules; returns their file names in loading order."""
    ordered = kernel.modules().closure(names, optional=optional)
    for name, content in ordered:
        image.file(f"lib/modules/{name}", content)
    return [name for name, _ in ordered]


def host_base(cache, arch, kernel, modules):
    """(cached archive file, module paths): what every run on this host kernel begins with."""
    program, probe = agent(cache, arch), kvmprobe(cache, arch)
    key = key_of("host-base-2", arch.name, str(kernel.image), list(modules), program.name, probe.name,
                 str(busybox(cache, arch)))

    def make(product):
        product.mkdir()
        image = _base(cache, arch)
        image.file("init", program, 0o755)
        image.file("bin/kvmprobe", probe, 0o755)
        names = _modules(image, kernel, modules, optional=False)
        (product / "modules").write_text("".join(f"/lib/modules/{name}\n" for name in names))
        (product / "names").write_text("".join(f"{name}\n" for name in sorted(image.names)))
        (product / "archive").write_bytes(image.data())
    return cache.get("images", f"host-{arch.name}-{key}", make)


def guest_initrd(cache, arch, kernel, files=None, init=None, modules=()):
    """The path of a guest's initramfs: busybox, our init, the kernel's virtio modules.

    `files` ({name inside: bytes or path}) are added, `init` (bytes or path) replaces /init,
    `modules` are loaded after the virtio ones, e.g. ("ext4",).
    """
    extra = {name: content if isinstance(content, bytes) else open(content, "rb").read()
             for name, content in sorted((files or {}).items())}
    if init is not None:
        extra["init"] = init if isinstance(init, bytes) else open(init, "rb").read()
    scripts = {"init": LAB / "image/guest-init", "etc/lab/smoke": LAB / "image/smoke"}
    own = {name: path.read_bytes() for name, path in scripts.items()}
    own["etc/lab/poweroff"] = b":\n"
    own["etc/lab/reboot"] = b"reboot -f\n"
    own["etc/lab/panic"] = b"echo c >/proc/sysrq-trigger\n"
    own.update(extra)
    key = key_of("guest-3", arch.name, [*GUEST_MODULES, *modules], str(kernel.image), str(busybox(cache, arch)),
                 sorted(own), *[own[name] for name in sorted(own)])

    def make(product):
        image = _base(cache, arch)
        names = _modules(image, kernel, (*GUEST_MODULES, *modules), optional=True)
        image.file("lib/modules/order", "".join(f"{name}\n" for name in names).encode())
        for name in sorted(own):
            program = name == "init" or own[name][:4] == b"\x7fELF" or own[name][:2] == b"#!"
            image.file(name, own[name], 0o755 if program else 0o644)
        product.write_bytes(image.data())
    return cache.get("images", f"guest-{arch.name}-{key}", make)


def is_executable(path):
    """Whether a file that is carried in should be executable inside."""
    return os.access(path, os.X_OK)
