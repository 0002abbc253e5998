"""`polyvisor inspect`: kernel files explained, and held against what `run` then does."""

import json
import re

from polylab.arch import ARCHES
from polylab.cache import NotCached, WarmCache
from polylab.kernels import find_kernel
from suite.case import Case
from suite.shell import script

# By the lab's name: what polyvisor calls the machine, and what it says of the lab's kernel.
MACHINES = {"aarch64": ("aarch64", "an arm64 Linux Image", "x0 = 0x4fe00000 (device tree)"),
            "riscv64": ("riscv64", "a RISC-V Linux Image", "a1 = 0x8fe00000 (device tree)"),
            "x86_64": ("x86_64", "an x86 Linux bzImage", "rsi = boot_params"),
            "e500v2": ("powerpc", "a 32-bit ELF file for 32-bit PowerPC", "r3 = 0x3e00000 (device tree)"),
            "e5500": ("powerpc", "a 64-bit ELF file for 64-bit PowerPC", "r3 = 0x3e00000 (device tree)")}


def cases(target):
    """The files of the target's own lab; on this machine those of all."""
    if not target.full:
        return []
    found = _guests(target)
    return found + (_every_architecture() if target.native else _own(target))


def _own(target):
    machine, what, register = MACHINES[target.arch]
    return [
        Case("images/kernel", ["polyvisor", "inspect", "guest/linux"], says=[
            f"guest/linux: {what}", "Linux version", f"architecture           {machine}",
            f"on polyvisor's {machine} machine with 256 MiB", register], never=["suspicious"]),
        Case("images/refused-in-json", "polyvisor inspect --json guest/hello /dev/null", 105, separate=True, check=_refused_in_json),
        Case("images/initrd", ["polyvisor", "inspect", "guest/initrd"], 105, says=[
            "a cpio archive (an initramfs)", "/init", "is there", "not a kernel: it is no kernel: give it with --initrd"]),
    ]


def _refused_in_json(result):
    read, refused = json.loads(result.output)
    assert read["file"] == "guest/hello" and read["starts"], read
    assert refused["file"] == "/dev/null" and not refused["starts"] and refused["refusal"], refused


def _guests(target):
    """What inspect foretells of entry point and device tree is what run reports."""
    files = " ".join(f"guest/hello{ending}" for ending in target.formats)
    return [Case("images/foretells-run", script(
        f"for f in {files}; do polyvisor inspect --json --arch {target.guest_arch} $f || exit 90; "
        "polyvisor run --log-level info $f 2>&1 || exit 91; done"), check=_agrees(len(target.formats)))]


def _agrees(count):
    def check(result):
        reports = [json.loads(line)[0] for line in result.text.split("\n") if line.startswith("[{")]
        runs = re.findall(r"kernel: .* entry (0x\w+);.*?(?:bytes at (0x\w+))?$", result.text, re.MULTILINE)
        assert len(reports) == len(runs) == count, f"{len(reports)} reports, {len(runs)} runs"
        for report, (entry, tree) in zip(reports, runs):
            assert report["starts"], f"{report['file']}: would not start"
            assert report["entry"] == int(entry, 16), f"{report['file']}: entry {report['entry']:#x}, ran at {entry}"
            if "device_tree" in report:
                found = report["device_tree"]["address"]
                assert found == int(tree, 16), f"{report['file']}: tree at {found:#x}, was at {tree}"
    return check


def _every_architecture():
    """The lab's guest kernels of all architectures, as far as the cache has them."""
    found = []
    for name, (machine, what, register) in MACHINES.items():
        title = f"images/kernel-of-{name}"
        try:
            image = find_kernel(WarmCache(), ARCHES[name], "debian", "guest").image
        except NotCached as error:
            found.append(Case(title, "", skip=str(error)))
            continue
        found.append(Case(title, ["polyvisor", "inspect", f"in/kernel-{name}"], files={f"in/kernel-{name}": image},
                          says=[what, "Linux version", "6.", f"architecture           {machine}", register],
                          never=["suspicious"]))
    return found
