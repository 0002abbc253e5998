"""Whether a host could boot without building or downloading anything large first."""

from .arch import find_arch
from .cache import NotCached, WarmCache
from .images import busybox
from .kernels import find_kernel
from .qemu import find_qemu


def is_ready(name, cache=None):
    """Whether the cache has the emulator, the kernel and busybox of this host."""
    arch, cache = find_arch(name), cache or WarmCache()
    try:
        find_qemu(cache, arch)
        find_kernel(cache, arch, "debian", "host")
        busybox(cache, arch)
    except NotCached:
        return False
    return True
