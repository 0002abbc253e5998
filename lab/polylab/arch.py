"""The architectures of lab hosts, as one table. A new one is a row here plus kernel fragments.

What each row says was measured; see lab/README.md. `powerpc` rows will need a QEMU and kernels
of our own building, which is why `qemu` and `stock` are plain data.
"""

import dataclasses

from .errors import LabError


@dataclasses.dataclass(frozen=True)
class Stock:
    """A kernel in a Debian package: the meta package names the newest real one."""

    suite: str
    meta: str


@dataclasses.dataclass(frozen=True)
class Source:
    """Linux source in a Debian package, for the minimal kernels."""

    suite: str
    package: str
    make_arch: str
    image: str


@dataclasses.dataclass(frozen=True)
class Arch:
    """One architecture of hosts."""

    name: str
    debian: str                 # Debian's name
    triple: str                 # of the cross compiler
    elf_machine: int            # e_machine, to refuse files of another architecture early
    qemu: str
    machine: str                # QEMU's -M type
    machine_options: dict       # options of -M, overridable one by one
    cpu: str
    cpus: int
    memory: int                 # MiB
    console: str                # the host's serial tty
    append: str                 # added to the host kernel's command line
    modules: tuple              # what a host loads, where it is not built in
    stock: Stock
    source: Source
    busybox_suite: str
    deterministic: tuple        # QEMU options of --deterministic
    deterministic_machine: dict
    qemu_args: tuple = ()
    firmware: tuple = ()        # (suite, package, path) of -bios
    preset: str = ""            # the CMake preset that builds the monitor
    guest_console: str = ""     # console= of a guest


_CLOCK = ("-rtc", "clock=vm,base=2024-01-01", "-seed", "1")

ARCHES = {arch.name: arch for arch in (
    Arch(
        name="aarch64", debian="arm64", triple="aarch64-linux-gnu", elf_machine=183,
        qemu="qemu-system-aarch64", machine="virt",
        machine_options={"virtualization": "on", "gic-version": "3"},
        cpu="max,pauth-impdef=on,sve=off,lpa2=off", cpus=2, memory=1024,
        console="ttyAMA0", append="nokaslr", modules=("kvm",),
        stock=Stock("bookworm", "linux-image-cloud-arm64"),
        source=Source("bookworm", "linux-source-6.1", "arm64", "arch/arm64/boot/Image"),
        busybox_suite="bookworm",
        deterministic=("-icount", "shift=0,sleep=off", *_CLOCK),
        deterministic_machine={"dtb-randomness": "off"},
        preset="aarch64", guest_console="ttyS0"),
    Arch(
        name="riscv64", debian="riscv64", triple="riscv64-linux-gnu", elf_machine=243,
        qemu="qemu-system-riscv64", machine="virt", machine_options={},
        cpu="rv64,h=true", cpus=1, memory=1024,
        console="ttyS0", append="nokaslr", modules=("kvm",),
        stock=Stock("trixie", "linux-image-riscv64"),
        source=Source("trixie", "linux-source-6.12", "riscv", "arch/riscv/boot/Image"),
        busybox_suite="trixie",
        deterministic=("-icount", "shift=0,sleep=off", *_CLOCK),
        deterministic_machine={},
        firmware=("trixie", "opensbi", "usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin"),
        preset="riscv64", guest_console="ttyS0"),
    Arch(
        name="x86_64", debian="amd64", triple="x86_64-linux-gnu", elf_machine=62,
        qemu="qemu-system-x86_64", machine="q35", machine_options={},
        cpu="EPYC,+svm,+npt,-nrip-save,-xsavec", cpus=2, memory=1024,
        console="ttyS0", append="nokaslr mitigations=off tsc=reliable", modules=("kvm-amd",),
        stock=Stock("bookworm", "linux-image-cloud-amd64"),
        source=Source("bookworm", "linux-source-6.1", "x86_64", "arch/x86/boot/bzImage"),
        busybox_suite="bookworm",
        deterministic=("-icount", "shift=1,sleep=off", *_CLOCK),
        deterministic_machine={},
        preset="release", guest_console="ttyS0"),
)}


def find_arch(name):
    """The row of this name; Debian's names are understood too."""
    for arch in ARCHES.values():
        if name in (arch.name, arch.debian):
            return arch
    raise LabError(f"no lab host for the architecture {name!r}; there are {', '.join(ARCHES)}")
