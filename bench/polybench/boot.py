"""Boots of Linux in a deterministic lab host, counted from exec of the monitor to the guest's init.

One host runs every monitor in turn: a warm-up round, then the rounds that count. The plugin elcount
(lab/plugin) prints the counters where bench/launch.cpp is about to exec the monitor (mark 1) and
where the guest's init executes its first instruction (mark 15). What a launch of nothing costs
(mark 1 to mark 2) is reported apart and not subtracted.
"""

import dataclasses
import re
import statistics

from . import BENCH
from polylab import Command, Host, LabError, peers, plugin
from polylab.arch import find_arch
from polylab.build import find_monitor
from polylab.cache import Cache, key_of
from polylab.cpio import Archive as Cpio
from polylab.images import guest_initrd
from polylab.kernels import find_kernel
from polylab.toolchain import compiled

CLASSES = ("monitor", "host", "guest", "other")
GUEST_MEMORY = 128  # MiB
COMMAND_LINE = "panic=-1"
QEMU_MACHINE = {"aarch64": "virt,gic-version=3,accel=kvm", "riscv64": "virt,accel=kvm"}


@dataclasses.dataclass
class Run:
    """One boot: instructions by class, and the console's output."""

    counts: dict
    console: bytes
    blocks: list = dataclasses.field(default_factory=list)  # (class, address, instructions)

    @property
    def sum(self):
        return sum(self.counts.values())


@dataclasses.dataclass
class Row:
    """The runs that count of one monitor."""

    name: str
    runs: list

    @property
    def median(self):
        """The run whose sum is the median (the lower one of two): its columns add up."""
        return sorted(self.runs, key=lambda run: run.sum)[(len(self.runs) - 1) // 2]

    def spread(self, name):
        """(lowest, highest) of one class."""
        values = [run.counts[name] for run in self.runs]
        return min(values), max(values)


# An entropy device attached in two ways: what the transport costs.
TRANSPORTS = {"rng by mmio": "mmio", "rng by pci": "pci"}


def launcher(cache, arch):
    """The program that marks and execs."""
    return compiled(cache, arch, "launch", [BENCH / "launch.cpp"], ["-nostdlib", "-ffreestanding"])


def initramfs(cache, arch, kernel, kind="libc"):
    """The guests' initramfs, whose /init marks and powers off.

    `bare` holds /dev/console and an /init without C library of a few instructions, `libc` an /init
    that is an ordinary static program, `lab` the bare /init amid the lab's guest user space (1.9 MB).
    """
    bare = plugin.marking_init(cache, arch)
    if kind == "lab":
        return guest_initrd(cache, arch, kernel, init=bare)
    init = bare if kind == "bare" else compiled(cache, arch, "libc-init", [BENCH / "init.cpp"])

    def make(product):
        image = Cpio()
        image.node("dev/console", 5, 1)
        image.file("init", init, 0o755)
        product.write_bytes(image.data())
    return cache.get("images", f"boot-{arch.name}-{key_of('boot-1', init.read_bytes())}", make)


def command(name, arch, parameters):
    """The words that boot guest/linux."""
    if name in TRANSPORTS:
        return [*command("polyvisor", arch, parameters), "--rng", "--exit-stats", "--transport", TRANSPORTS[name]]
    if name == "polyvisor":
        return ["/bin/polyvisor", "run", "-k", "/bench/linux", "-i", "/bench/initrd", "-c", "1",
                "-m", str(GUEST_MEMORY), "-p", parameters]
    return [f"/usr/bin/{arch.qemu}", "-M", QEMU_MACHINE[arch.name], "-cpu", "host", "-smp", "1",
            "-m", str(GUEST_MEMORY), "-nodefaults", "-no-user-config", "-display", "none",
            "-serial", "stdio", "-no-reboot", "-kernel", "/bench/linux", "-initrd", "/bench/initrd",
            "-append", parameters]


def sections(text):
    """[(mark, counters, [(class, address, instructions)])] in QEMU's standard error."""
    found = []
    for line in text.splitlines():
        if line.startswith("elcount mark="):
            [(name, counters)] = plugin.counts(line)
            found.append((name, counters, []))
        elif line.startswith("elcount block=") and found:
            match = re.match(r"elcount block=(\w+) class=(\w+) instructions=(\d+)", line)
            found[-1][2].append((match[2], int(match[1], 16), int(match[3])))
    return found


def _run_of(result, start, end):
    if (start[0], end[0]) != ("1", "15"):
        raise LabError(f"a boot did not reach the guest's init: {' '.join(result.command.words())}\n"
                       f"status {result.status} ({result.kind}), it said:\n{result.text[-2000:]}")
    counts = {name: end[1][name] - start[1][name] for name in CLASSES}
    return Run(counts, result.output, end[2])


def pair(results, marks, empty):
    """[(Result, start mark, end mark)]: `empty` launches of nothing come last."""
    paired, marks = [], [mark for mark in marks if mark[0] != "end"]
    for result in results:
        start = marks.pop(0) if marks else ("none", {}, [])
        end = marks.pop(0) if marks and marks[0][0] != "1" else ("none", {}, [])
        paired.append((result, start, end))
    if marks or any(end[0] != "2" for _, _, end in paired[len(paired) - empty:]):
        raise LabError("the marks do not fit the runs; was the plugin loaded?")
    return paired


class Bench:
    """Measures boots on one architecture's lab host."""

    def __init__(self, arch, *, monitor=None, only=None, runs=3, host_kernel="minimal",
                 guest_kernel="minimal", initrd="libc", blocks=False, cache=None):
        self.cache, self.arch = cache or Cache(), find_arch(arch)
        if self.arch.name not in QEMU_MACHINE:
            raise LabError(f"boots are counted on {' and '.join(QEMU_MACHINE)} hosts")
        self.monitor = find_monitor(self.arch, monitor)
        self.names = list(TRANSPORTS) if only == "transports" else [only] if only else ["polyvisor", "qemu"]
        if self.names != ["qemu"] and not self.monitor:
            raise LabError(f"no monitor for {self.arch.name} in build/: tools/build {self.arch.preset}, "
                           "or name one with --monitor")
        self.runs, self.blocks, self.initrd = runs, blocks, initrd
        self.host_kernel = find_kernel(self.cache, self.arch, host_kernel, "host")
        self.guest_kernel = find_kernel(self.cache, self.arch, guest_kernel, "guest")
        self.host_kernel_name = host_kernel
        self.host = None

    def _files(self):
        files = {"bin/launch": launcher(self.cache, self.arch), "bench/linux": self.guest_kernel.image,
                 "bench/initrd": initramfs(self.cache, self.arch, self.guest_kernel, self.initrd)}
        if "qemu" in self.names:
            files.update(peers.debian_qemu(self.cache, self.arch))
        return files

    def measure(self, quiet=True):
        """([Row], counters of a launch of nothing)."""
        parameters = f"{COMMAND_LINE} quiet" if quiet else COMMAND_LINE
        launches = [(name, Command(["/bin/launch", *command(name, self.arch, parameters)],
                                   capture="file", timeout=60))
                    for _ in range(self.runs + 1) for name in self.names]
        empty = [Command(["/bin/launch", "/bin/launch"], capture="file") for _ in range(2)]
        options = ",blocks=on" if self.blocks else ""
        self.host = Host(self.arch.name, deterministic=True, kernel=self.host_kernel_name,
                         monitor=self.monitor, cache=self.cache, files=self._files(),
                         plugins=[f"{plugin.elcount(self.cache)}{options}"])
        results = self.host.run_all([one for _, one in launches] + empty)
        paired = pair(results, sections(self.host.qemu_output.decode(errors="replace")), len(empty))
        rows = {name: Row(name, []) for name in self.names}
        for index, ((name, _), triple) in enumerate(zip(launches, paired)):
            run = _run_of(*triple)
            if index >= len(self.names):
                rows[name].runs.append(run)
        _, start, end = paired[-1]
        return list(rows.values()), {name: end[1][name] - start[1][name] for name in CLASSES}


def median_console(row):
    """Bytes on the console of the median run."""
    return int(statistics.median(len(run.console) for run in row.runs))
