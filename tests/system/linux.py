"""Linux: Debian's stock kernel boots, finds its devices, and ends the run as it says."""

import time

from suite.case import Case, contains

DISK = b"polyvisor-system-test-disk\n".ljust(1 << 20, b"\0")


def linux(params, *options, kernel="guest/linux"):
    """The words that boot Linux with these kernel parameters."""
    return ["polyvisor", "run", "-k", kernel, "-i", "guest/initrd", "-m", "256", "-p", params, *options]


def cases(target):
    """The full set, or one boot where only the interrupt controller differs."""
    if target.native:
        return []
    found = [_devices(target)]
    if target.full:
        found += _endings(target) + [_virtio_console(target)]
    return found


def _devices(target):
    """One boot that looks at everything: two CPUs, disk, entropy, clock, shared interrupts."""
    commands = ("cat /proc/cpuinfo | grep -c ^processor", "head -n1 /dev/vda",
                "echo written by the guest >/dev/vdb", "sync",
                "echo ro=$(cat /sys/block/vda/ro) rw=$(cat /sys/block/vdb/ro)",
                "echo sectors=$(cat /sys/block/vda/size)",
                "echo rng=$(cat /sys/class/misc/hw_random/rng_current)",
                "echo random=$(dd if=/dev/hwrng bs=16 count=1 2>/dev/null | wc -c)",
                "echo rtc=$(cat /sys/class/rtc/rtc0/since_epoch)", "echo now=$(date +%s)",
                "grep MemTotal /proc/meminfo")
    params = f"console={target.console} quiet lab.run=\"{'; '.join(commands)}\""
    words = linux(params, "-c", "2", "-d", "tmp/linux-a,ro", "-d", "tmp/linux-b", "--rng")
    quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
    script = (f"cp in/linux-disk tmp/linux-a; cp in/linux-disk tmp/linux-b; echo host=$(date +%s)\n"
              f"{quoted}\ns=$?; echo after=$(head -n1 tmp/linux-b); exit $s")
    return Case("linux/boot", script, timeout=400, files={"in/linux-disk": DISK},
                says=[f"on {target.arch}, 2 cpus", "lab-guest: exit status 0"], parts={
                    "two-cpus": contains("cpus\n2\n"),
                    "disk-content": contains("polyvisor-system-test-disk"),
                    "disk-size": contains("sectors=2048"),
                    "disk-read-only": contains("ro=1 rw=0"),
                    "disk-written": contains("after=written by the guest"),
                    "hwrng": contains("rng=virtio_rng", "random=16"),
                    "clock": _clock, "memory": _memory})


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
             says=["lab-guest: up: Linux", f"on {target.arch}, 1 cpus"], never=["Kernel panic"]),
        # panic=-1: the kernel resets the machine at once, which is what the run reports.
        Case("linux/panic", linux(f"{console} quiet panic=-1 lab.script=panic"), (100, 102), timeout=300,
             says=["lab-guest: up", "Kernel panic - not syncing: sysrq triggered crash"]),
    ]


def _virtio_console(target):
    """1 GiB of memory and the virtio console; standard input is at its end from the beginning."""
    return Case("linux/virtio-console", linux(
        "console=hvc0 quiet lab.run=\"echo console: $(cat /sys/class/tty/console/active); grep MemTotal /proc/meminfo\"",
        "--console", "virtio", "-m", "1G"), timeout=300,
        says=["lab-guest: up", "console: ", "hvc0", "lab-guest: exit status 0"], check=_gibibyte)


def _gibibyte(result):
    total = int(result.text.split("MemTotal:", 1)[1].split()[0])
    assert 900 << 10 <= total <= 1 << 20, f"MemTotal is {total} KiB of 1 GiB"
