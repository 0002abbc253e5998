"""Where tests run: one row for each kind of host."""

import dataclasses

from polylab.ready import is_ready


@dataclasses.dataclass(frozen=True)
class Target:
    """One kind of host, and what is true of guests on it.

    formats: the endings of the bare-metal guests' files. console: Linux's name of the serial
    console. irqchips: the values of --irqchip that this host can do, the default first; foreign:
    one that belongs to another architecture. full: all tests, else only those that a different
    interrupt controller can break. guests: the architecture as guests and the monitor spell it,
    uname: as Linux does; both where it is not `arch`, the lab's name. cpu_name: what Linux calls
    the processor, where a test asks. clock: whether the board has a real-time clock. append: added
    to the host kernel's command line. hide: left out of its device tree. themes: the only ones that this host is for; no guest runs on some.
    """

    name: str
    arch: str
    formats: tuple
    console: str
    irqchips: tuple
    foreign: str
    machine: dict = dataclasses.field(default_factory=dict)
    cpu: str | None = None
    cpus: int | None = None
    full: bool = True
    native: bool = False
    device_tree: bool = True
    guests: str = ""
    uname: str = ""
    cpu_name: str = ""
    clock: bool = True
    append: str = ""
    hide: tuple = ()
    themes: tuple = ()

    def host_options(self):
        """What polylab.Host is told besides the architecture."""
        return {"machine": self.machine, "cpu": self.cpu, "cpus": self.cpus, "append": self.append, "hide": self.hide}

    @property
    def guest_arch(self):
        """The architecture as bare-metal guests and the monitor spell it."""
        return self.guests or self.arch

    @property
    def linux_arch(self):
        """What `uname -m` says in a guest."""
        return self.uname or self.arch

    @property
    def powerpc(self):
        """Whether this is a Book3E host."""
        return self.guests == "powerpc"


FDT_FORMATS = ("", ".elf", ".img", ".bin")
X86_FORMATS = ("", ".elf", ".elf64", ".bin")
PPC_FORMATS = ("", ".elf", ".bin")
_BOOKE = {"guests": "powerpc", "clock": False}

# Hosts on a QEMU that is built first (7 CPU minutes, then 10 for a kernel): by name, `tests/system/run
# e5500 e5500-32`, and with all the others where the cache has these already.
BY_NAME = (
    Target("e5500", "e5500", PPC_FORMATS, "ttyS0", ("mpic",), "gicv3", uname="ppc64",
           cpu_name="e5500", full=False, **_BOOKE),
    Target("e5500-32", "e5500-32", PPC_FORMATS, "ttyS0", ("mpic",), "gicv3", uname="ppc",
           cpu_name="e5500", full=False, **_BOOKE),
)

# The slowest first: hosts run two at a time.
TARGETS = (
    Target("riscv64", "riscv64", FDT_FORMATS, "ttyS0", ("plic",), "gicv3"),
    Target("aarch64", "aarch64", FDT_FORMATS, "ttyAMA0", ("gicv3", "user"), "plic"),
    Target("x86_64", "x86_64", X86_FORMATS, "ttyS0", (), "gicv3", device_tree=False),
    Target("riscv64-aia", "riscv64", FDT_FORMATS, "ttyS0", ("aia", "plic"), "gicv2", full=False,
           machine={"aia": "aplic-imsic"}),
    Target("aarch64-gicv2", "aarch64", FDT_FORMATS, "ttyAMA0", ("gicv2", "user"), "aia", full=False,
           machine={"gic-version": "2"}, cpu="cortex-a57"),
    # As a Raspberry Pi 3 is: `auto` finds no virtual GIC.
    Target("aarch64-no-vgic", "aarch64", FDT_FORMATS, "ttyAMA0", ("user",), "aia", full=False,
           machine={"gic-version": "2"}, cpu="cortex-a53", hide=("intc/interrupts",)),
    Target("e500v2", "e500v2", PPC_FORMATS, "ttyS0", ("mpic",), "gicv3", uname="ppc",
           cpu_name="e500v2", **_BOOKE),
    # Hosts that the doctor has something to say about.
    Target("aarch64-protected", "aarch64", FDT_FORMATS, "ttyAMA0", ("gicv3",), "plic", full=False,
           append="kvm-arm.mode=protected", themes=("doctor", "selftest")),
    Target("aarch64-el1", "aarch64", FDT_FORMATS, "ttyAMA0", (), "plic", full=False,
           machine={"virtualization": "off"}, themes=("doctor", "selftest")),
    Target("aarch64-none", "aarch64", FDT_FORMATS, "ttyAMA0", (), "plic", full=False,
           append="kvm-arm.mode=none", themes=("doctor", "selftest")),
    Target("riscv64-without-h", "riscv64", FDT_FORMATS, "ttyS0", (), "gicv3", full=False,
           cpu="rv64,h=false", themes=("doctor", "selftest")),
    Target("native", "x86_64", X86_FORMATS, "ttyS0", (), "plic", native=True, device_tree=False),
)


def names():
    """The names of all targets."""
    return [target.name for target in TARGETS + BY_NAME]


def not_ready():
    """The targets that an ordinary run leaves out because much would have to be built first."""
    return [target for target in BY_NAME if not is_ready(target.arch)]


def choose(wanted):
    """The targets of these names; an architecture's name stands for all of its lab hosts."""
    if not wanted:
        return [*TARGETS, *(target for target in BY_NAME if is_ready(target.arch))]
    chosen = []
    for name in wanted:
        found = [target for target in TARGETS + BY_NAME
                 if target.name == name or target.arch == name and not target.native]
        if not found:
            raise ValueError(f"no target {name}; there are {', '.join(names())}")
        chosen += [target for target in found if target not in chosen]
    return chosen
