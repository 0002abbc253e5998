"""Linux: Debian's stock kernel boots, finds its devices, and ends the run as it says."""

import re
import shutil
import struct
import subprocess
import time

from polylab import LabError
from polylab.arch import find_arch
from polylab.cache import Cache
from polylab.kernels import find_kernel
from suite import native
from suite.case import Case, contains
from suite.shell import quoted, script

DISK = b"polyvisor-system-test-disk\n".ljust(1 << 20, b"\0")


def linux(params, *options, kernel="guest/linux"):
    """The words that boot Linux with these kernel parameters."""
    return ["polyvisor", "run", "-k", kernel, "-i", "guest/initrd", "-m", "256", "-p", params, *options]


def cases(target):
    """The full set, or one boot where only the interrupt controller differs."""
    if target.native:
        return _on_pvm()
    found = [_devices(target)]
    if target.full:
        found += _endings(target) + [_virtio_console(target), _piped_early(target), _shrinking_disk(target)]
    if "user" in target.irqchips and (target.full or target.irqchips[0] == "user"):
        found.append(_own_gic(target))
    return found + (_pvh(target) if target.arch == "x86_64" else [])


def _devices(target):
    """One boot that looks at everything: two CPUs, disk, entropy, clock, shared interrupts."""
    commands = ("cat /proc/cpuinfo | grep -c ^processor", "head -n1 /dev/vda",
                "echo written by the guest >/dev/vdb", "sync",
                "echo ro=$(cat /sys/block/vda/ro) rw=$(cat /sys/block/vdb/ro)",
                "echo sectors=$(cat /sys/block/vda/size)",
                "echo rng=$(cat /sys/class/misc/hw_random/rng_current)",
                "echo random=$(dd if=/dev/hwrng bs=16 count=1 2>/dev/null | wc -c)",
                "grep MemTotal /proc/meminfo")
    if target.clock:
        commands += ("echo rtc=$(cat /sys/class/rtc/rtc0/since_epoch)", "echo now=$(date +%s)")
    if target.cpu_name:
        commands += ("grep ^cpu /proc/cpuinfo",)
    params = f"console={target.console} quiet lab.run=\"{'; '.join(commands)}\""
    words = linux(params, "-c", "2", "-d", "tmp/linux-a,ro", "-d", "tmp/linux-b", "--rng")
    commands = (f"cp in/linux-disk tmp/linux-a; cp in/linux-disk tmp/linux-b; echo host=$(date +%s)\n"
                f"{quoted(words)}\ns=$?; echo after=$(head -n1 tmp/linux-b); exit $s")
    return Case("linux/boot", script(commands), timeout=400, files={"in/linux-disk": DISK},
                says=[f"on {target.linux_arch}, 2 cpus", "lab-guest: exit status 0"], parts={
                    "two-cpus": contains("cpus\n2\n"),
                    "disk-content": contains("polyvisor-system-test-disk"),
                    "disk-size": contains("sectors=2048"),
                    "disk-read-only": contains("ro=1 rw=0"),
                    "disk-written": contains("after=written by the guest"),
                    "hwrng": contains("rng=virtio_rng", "random=16"),
                    "memory": _memory, **_of_this_machine(target)})


def _own_gic(target):
    """Two CPUs on an interrupt controller in user space: timers, calls between CPUs, virtio."""
    params = f"console={target.console} quiet lab.run=\"cat /proc/interrupts; head -n1 /dev/vda; nproc\""
    chosen = [] if target.irqchips[0] == "user" else ["--irqchip", "user"]
    words = linux(params, "-c", "2", *chosen, "-d", "tmp/linux-gic,ro")
    return Case("linux/irqchip-user", f"cp in/linux-disk tmp/linux-gic; {quoted(words)}", timeout=400,
                files={"in/linux-disk": DISK}, says=["polyvisor-system-test-disk", "\n2\n", "lab-guest: exit status 0"],
                check=_own_gic_counts)


def _own_gic_counts(result):
    """Each CPU has had timer interrupts and calls from the other, the disk has interrupted."""
    for name in ("arch_timer", "Rescheduling interrupts|Function call interrupts"):
        lines = [line.split() for line in result.text.splitlines() if re.search(name, line)]
        for cpu in (1, 2):
            assert sum(int(line[cpu]) for line in lines) > 0, f"{name}: none on CPU {cpu - 1}"
    assert re.search(r"GIC-0 .*virtio", result.text), "no virtio interrupt through the GICv2"


def _of_this_machine(target):
    """Further parts: the clock where there is one, the processor's name where it matters."""
    parts = {"clock": _clock} if target.clock else {}
    if target.cpu_name:
        parts["cpu-name"] = contains(f": {target.cpu_name}")
    return parts


def _number(result, name):
    return int(result.text.split(f"\n{name}=", 1)[1].split("\n", 1)[0])


def _clock(result):
    host = int(result.text.split("host=", 1)[1].split("\n", 1)[0])
    for name in ("rtc", "now"):
        ahead = _number(result, name) - host
        assert -2 <= ahead <= result.seconds + 2, f"the guest's {name} is {ahead} s ahead of the host"
    assert abs(host - time.time()) < 86400, "the host itself has no time"


def _memory(result):
    total = int(result.text.split("MemTotal:", 1)[1].split()[0])
    assert 170 << 10 <= total <= 256 << 10, f"MemTotal is {total} KiB of 256 MiB"


def _endings(target):
    console = f"console={target.console}"
    return [
        Case("linux/reboot", linux(f"{console} quiet lab.script=reboot"), 100, timeout=300,
             says=["lab-guest: up: Linux", f"on {target.linux_arch}, 1 cpus"], never=["Kernel panic"]),
        # A shell on the console, which is typed into once it is there.
        Case("linux/shell", script(
            f"mkfifo tmp/keys; {quoted(linux(f'{console} quiet'))} <tmp/keys >tmp/shell 2>&1 & pid=$!\n"
            "exec 9>tmp/keys\n"
            "for i in $(seq 1200); do grep -q 'guest:~#' tmp/shell && break; sleep 0.1; done\n"
            "echo 'echo $((6 * 7)); poweroff' >&9; wait $pid; s=$?; cat tmp/shell; exit $s"), 0, timeout=300,
             says=["lab-guest: up", "\n42\n"], never=["Kernel panic"]),
        # Debian's kernels for arm64 and riscv64, and ours, have no pvpanic driver: with panic=-1 they reset at once.
        Case("linux/panic", linux(f"{console} quiet panic=-1 lab.script=panic"),
             102 if target.arch == "x86_64" else 100, timeout=300,
             says=["lab-guest: up", "Kernel panic - not syncing: sysrq triggered crash"]),
    ]


def _virtio_console(target):
    """Much memory and the virtio console; standard input is at its end from the beginning.

    A 32-bit Linux without high memory sees 768 MiB.
    """
    mebibytes = 512 if target.powerpc else 1024
    return Case("linux/virtio-console", linux(
        "console=hvc0 quiet lab.run=\"echo console: $(cat /sys/class/tty/console/active); grep MemTotal /proc/meminfo\"",
        "--console", "virtio", "-m", f"{mebibytes}M"), timeout=300,
        says=["lab-guest: up", "console: ", "hvc0", "lab-guest: exit status 0"], check=_much(mebibytes))


def _piped_early(target):
    """Input that is there before the driver: Linux throws away what comes before it has made its terminal."""
    return Case("linux/virtio-console-piped", linux("console=hvc0 quiet", "--console", "virtio"), timeout=300,
                stdin=b"echo early-$((6 * 7))\npoweroff\n", says=["lab-guest: up", "\nearly-42\n"])


def _much(mebibytes):
    def check(result):
        total = int(result.text.split("MemTotal:", 1)[1].split()[0])
        whole = mebibytes << 10
        assert whole * 7 // 8 <= total <= whole, f"MemTotal is {total} of {whole} KiB"
    return check


def _shrinking_disk(target):
    """The host cuts the file while the guest runs: the guest gets an I/O error, the monitor lives."""
    params = (f"console={target.console} quiet lab.run=\"echo cut it now; sleep 5; "
              "dd if=/dev/vda of=/dev/null bs=4096 skip=200 count=8 && echo read past the end; "
              "head -n1 /dev/vda; echo still here\"")
    words = linux(params, "-d", "tmp/shrinks")
    return Case("linux/disk-shrinks", script(
        f"cp in/linux-disk tmp/shrinks; {quoted(words)} >tmp/shrinks.out 2>&1 & pid=$!\n"
        "for i in $(seq 2400); do grep -q 'cut it now' tmp/shrinks.out && break; sleep 0.1; done\n"
        "truncate -s 64K tmp/shrinks; wait $pid; s=$?; cat tmp/shrinks.out; exit $s"), timeout=400,
        files={"in/linux-disk": DISK}, says=["cut it now", "polyvisor-system-test-disk", "still here"],
        never=["read past the end", "Kernel panic"])


def _pvh(target):
    """The ELF inside Debian's bzImage has the note that PVH asks for."""
    name = "linux/pvh"
    try:
        image = find_kernel(Cache(), find_arch(target.arch), "debian", "guest").image
        vmlinux = elf_in(image.read_bytes())
    except (LabError, OSError, ValueError) as error:
        return [Case(name, "", skip=f"no vmlinux: {error}")]
    return [Case(name, linux(f"console={target.console} lab.script=poweroff", "--log-level", "debug",
                             kernel="in/vmlinux"), timeout=300, files={"in/vmlinux": vmlinux},
                 says=["by PVH", "lab-guest: up: Linux", "lab-guest: exit status 0"])]


def elf_in(image):
    """The kernel's ELF file in a bzImage (boot.rst: payload_offset, payload_length)."""
    start = (image[0x1f1] or 4) * 512 + 512
    offset, length = struct.unpack_from("<II", image, 0x248)
    payload = image[start + offset:start + offset + length]
    tool = {b"\x02\x21\x4c\x18": "lz4", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zX": "xz", b"\x1f\x8b\x08\0": "gzip"}
    name = tool.get(payload[:4])
    if not name:
        raise ValueError(f"its payload begins with {payload[:4].hex()}")
    if not shutil.which(name):
        raise ValueError(f"{name} is not installed")
    # The payload ends with its length unpacked, which the tools take for garbage.
    done = subprocess.run([name, "-dc"], input=payload[:-4], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=60)
    if not done.stdout.startswith(b"\x7fELF"):
        raise ValueError(f"{name} unpacks no ELF file")
    return done.stdout


def _on_pvm():
    """This machine's KVM may be one that cannot run Linux: it says so and names a way out."""
    name = "linux/refused-on-kvm-pvm"
    if not native.is_pvm():
        return [Case(name, "", skip="this machine's KVM is not KVM-PVM")]
    try:
        kernel = native.linux_kernel()
    except LabError as error:
        return [Case(name, "", skip=f"no kernel: {error}")]
    return [Case(name, ["polyvisor", "run", str(kernel), "-p", "console=ttyS0"], 103,
                 says=["polyvisor: error: ", "KVM-PVM", "cannot run Linux", "hint: ", "lab/lab"])]
