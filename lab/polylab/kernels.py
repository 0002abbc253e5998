"""Kernels for hosts and guests: Debian's stock packages, or minimal ones (see minimal.py)."""

import dataclasses
import pathlib

from .debian import Archive
from .errors import LabError
from .modules import Modules


@dataclasses.dataclass
class Kernel:
    """A kernel image, and the folder of its modules (None: everything is built in)."""

    image: pathlib.Path
    modules_folder: pathlib.Path | None
    description: str

    def modules(self):
        """Its modules, ready to be asked."""
        return Modules(self.modules_folder)


def stock(cache, arch):
    """Debian's kernel for this architecture."""
    archive = Archive(cache, arch.debian, [arch.stock.suite])

    def newest(source, names):
        return [source.dependency(names[0], r"linux-image-[0-9]\S+")]
    tree = archive.unpacked([arch.stock.meta], f"Debian's kernel for {arch.name}", newest)
    images = sorted([*tree.glob("boot/vmlinuz-*"), *tree.glob("boot/vmlinux-*")])
    folders = [*tree.glob("usr/lib/modules/*"), *tree.glob("lib/modules/*")]
    if not images:
        raise LabError(f"{arch.stock.meta} holds no kernel image")
    return Kernel(images[0], folders[0] if folders else None, images[0].name.partition("-")[2])


def find_kernel(cache, arch, which, role):
    """`which` is "debian", "minimal" or the path of an image; `role` is "host" or "guest".

    An architecture without kernels in Debian has the minimal ones for both.
    """
    if which == "debian" and arch.stock is None:
        which = "minimal"
    if which == "debian":
        return stock(cache, arch)
    if which == "minimal":
        from .minimal import build
        role = "host" if arch.one_kernel else role
        return Kernel(build(cache, arch, role), None, f"minimal {role}")
    path = pathlib.Path(which)
    if not path.is_file():
        raise LabError(f"no kernel image {which}")
    return Kernel(path, None, str(path))
