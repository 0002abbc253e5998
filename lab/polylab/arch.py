"""The architectures of lab hosts, as one table. A new one is a row here plus kernel fragments.

What each row says was measured; see lab/README.md. The PowerPC rows have no packages in Debian:
their kernels, busybox and libraries come from source packages (minimal.py, ports.py), and e5500
needs a QEMU of our own building (booke_qemu.py).
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
    patches: str = ""           # a folder under lab/patches


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
    stock: Stock | None         # None: only minimal kernels
    source: Source
    busybox_suite: str          # "": compiled, see ports.py
    deterministic: tuple        # QEMU options of --deterministic
    deterministic_machine: dict
    qemu_args: tuple = ()
    firmware: tuple = ()        # (suite, package, path) of -bios
    preset: str = ""            # the CMake preset that builds the monitor
    second_preset: str = ""     # whose monitor does as well
    guest_console: str = ""     # console= of a guest
    guests: str = ""            # the folder of bare-metal guests, where it is not `name`
    kernels: tuple = ()         # folders of kernel/ whose fragments are joined, where not `name`
    one_kernel: bool = False    # the host's minimal kernel is the guest's too
    port: str = ""              # the target in ports.py
    runs_too: tuple = ()        # further e_machine that its kernel executes
    accel: str = "tcg,thread=multi"
    qemu_source: str = ""       # "": a package; "booke": built, see booke_qemu.py
    cflags: tuple = ()          # for the lab's own programs


_CLOCK = ("-rtc", "clock=vm,base=2024-01-01", "-seed", "1")
# What the hosts on QEMU's ppce500 board have in common.
_BOOKE = {
    "debian": "powerpc", "machine": "ppce500", "machine_options": {}, "cpus": 2, "memory": 1024,
    "console": "ttyS0", "append": "", "modules": (), "stock": None, "busybox_suite": "",
    "deterministic": ("-icount", "shift=0,sleep=off", *_CLOCK), "deterministic_machine": {},
    "guest_console": "ttyS0", "guests": "powerpc", "one_kernel": True,
}

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
        console="ttyS0", append="nokaslr mitigations=off tsc=reliable no_timer_check", modules=("kvm-amd",),
        stock=Stock("bookworm", "linux-image-cloud-amd64"),
        source=Source("bookworm", "linux-source-6.1", "x86_64", "arch/x86/boot/bzImage"),
        busybox_suite="bookworm",
        deterministic=("-icount", "shift=1,sleep=off", *_CLOCK),
        deterministic_machine={},
        preset="release", guest_console="ttyS0"),
    Arch(
        name="e500v2", cpu="e500v2_v30", elf_machine=20, triple="powerpc-linux-gnu",
        qemu="qemu-system-ppc", accel="tcg", kernels=("powerpc", "e500v2"), preset="powerpc",
        port="powerpc", cflags=("-mcpu=8548",), **_BOOKE,
        source=Source("bookworm", "linux-source-6.1", "powerpc", "vmlinux", "linux-6.1")),
    Arch(
        name="e5500", cpu="e5500", elf_machine=21, triple="powerpc64-linux-gnu", runs_too=(20,),
        qemu="qemu-system-ppc64", kernels=("powerpc", "e5500"), preset="powerpc64",
        second_preset="powerpc",
        port="powerpc", cflags=("-mcpu=e5500",), qemu_source="booke", accel="tcg,thread=single", **_BOOKE,
        source=Source("bookworm", "linux-source-6.1", "powerpc", "vmlinux", "linux-6.1")),
    Arch(
        name="e5500-32", cpu="e5500", elf_machine=20, triple="powerpc-linux-gnu",
        qemu="qemu-system-ppc64", kernels=("powerpc", "e5500-32"), preset="powerpc",
        port="powerpc", cflags=("-mcpu=8548",), qemu_source="booke", accel="tcg,thread=single", **_BOOKE,
        source=Source("bookworm", "linux-source-6.1", "powerpc", "vmlinux", "linux-6.1")),
)}


def find_arch(name):
    """The row of this name; Debian's names are understood too."""
    for arch in ARCHES.values():
        if name in (arch.name, arch.debian):
            return arch
    raise LabError(f"no lab host for the architecture {name!r}; there are {', '.join(ARCHES)}")
