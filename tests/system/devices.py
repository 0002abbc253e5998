"""virtio devices and the devices that every machine has, from bare-metal guests, good and hostile."""

from suite.case import Case, everything
from suite.shell import script

SECTOR = 512
MARK = b"0123456789abcdef"
DISK = MARK + b"\x5a" * ((1 << 20) - len(MARK))     # 2048 sectors
PATTERN = bytes((i * 7 + 1) & 0xff for i in range(SECTOR))    # what the sample writes
MARK_LINE = "sector 0 begins with " + " ".join(f"{byte:02x}" for byte in MARK)
FILES = {"in/disk": DISK}


def with_disk(name, words, then=""):
    """A script that copies the disk to tmp/NAME, runs the words, does `then`, keeps the status."""
    return script(f"cp in/disk tmp/{name}\npolyvisor run {words}\ns=$?\n{then}\nexit $s")


def cases(target):
    """All of them; the hostile guests are where other interrupt controllers may show."""
    found = [_both(target)]
    if target.full:
        found += _disks(target)
    if target.arch == "aarch64":
        found += _undescribed(target)
    return found + _hostile(target)


def _told(result):
    """The warning; on a pipe it may overtake the console's lines."""
    for text in ("ldxr is an exclusive load or store; the guest got a data abort", "ldaxr is an exclusive"):
        assert f"cannot complete it: {text}" in everything(result), f"does not say {text!r}"


def _undescribed(target):
    """aarch64: accesses that the processor does not describe are completed, or refused by name."""
    # The kernel's GIC takes no such access, ours does.
    refused = "refused=1 gic=0" if target.irqchips[0] == "user" else "refused=1"
    # Separate: warnings come between the console's bytes.
    run = ["polyvisor", "run", "guest/nisv", "--rng"]
    done = ["nisv: plainly: 0 wrong", "nisv: from a second mapping: 0 wrong", "nisv: big-endian: 0 wrong",
            "nisv: this line came by such stores", ": 32 bytes, sum "]
    end = "nisv: 64 loads, 29 stores, 0 wrong"
    return [
        Case("devices/nisv", run, timeout=120, separate=True, says=[*done, end], never=["FAIL"]),
        Case("devices/nisv-refused", [*run, "-p", refused], timeout=120, separate=True, never=["FAIL"], check=_told,
             says=[*done, "nisv: refused: 0 wrong", end]),
        Case("devices/nisv-stop", [*run, "--nisv", "stop", "-p", "refused=1"], 101, timeout=120, separate=True,
             says=[*done, "error: the guest crashed: CPU 0: the instruction 0x885f7c",
                   "accessed 0x9000fe0, outside RAM, and polyvisor cannot complete it: ldxr is an exclusive"],
             never=["FAIL", end]),
    ]


def _both(target):
    def content(result):
        data = bytes.fromhex(result.text.split("SECTOR:", 1)[1].split("\n", 1)[0])
        assert data == PATTERN, f"the file's sector 7 begins with {data[:16].hex()}"
        random = result.text.split("32 bytes:", 1)[1].split("\n", 1)[0]
        assert len(set(bytes.fromhex(random))) > 8, f"32 random bytes are {random}"
    return Case("devices/disk-and-rng", with_disk(
        "both", "guest/virtio -d tmp/both --rng -p write=7",
        "echo SECTOR:$(dd if=tmp/both bs=512 skip=7 count=1 2>/dev/null | od -An -v -tx1 | tr -d ' \\n')\n"
        "echo size $(wc -c <tmp/both)"), files=FILES, check=content,
        says=["2048 sectors", MARK_LINE, "sector 7 written and read back: same", "entropy: ",
              "virtio: 2 devices, 0 broken", f"size {len(DISK)}"])


def _disks(target):
    found = [
        Case("devices/disk-ro", with_disk("ro", "guest/virtio -d tmp/ro,ro -p write=7",
                                          "cmp in/disk tmp/ro && echo unchanged"), 1, files=FILES,
             says=[MARK_LINE, "request type 1, sector 7: answered, status 1", "1 devices, 1 broken", "unchanged"]),
        Case("devices/disk-ro-reads", with_disk("ro2", "guest/virtio -d tmp/ro2,ro"), files=FILES,
             says=[MARK_LINE, "1 devices, 0 broken"]),
        Case("devices/disk-past-end", with_disk("end", "guest/virtio -d tmp/end -p write=2048",
                                                "echo size $(wc -c <tmp/end)"), 1, files=FILES,
             says=["sector 2048: answered, status 1", f"size {len(DISK)}"]),
        Case("devices/three-disks", with_disk("one", "guest/virtio -d tmp/one -d in/disk,ro -d tmp/two",
                                              "").replace("cp in/disk tmp/one", "cp in/disk tmp/one; cp in/disk tmp/two"),
             files=FILES, says=[MARK_LINE, MARK_LINE, MARK_LINE, "virtio: 3 devices, 0 broken"]),
        Case("devices/disk-in-use", script(
            "cp in/disk tmp/used; start holder -d tmp/used\n"
            "polyvisor run guest/virtio -d tmp/used; s=$?; kill $pid; finished $pid holder; exit $s"),
             103, files=FILES, says=["polyvisor: error: disk 0: ", "in use", "holder ended with status 106"]),
        Case("devices/disk-shared-ro", script(
            "cp in/disk tmp/shared; start reader -d tmp/shared,ro\n"
            "polyvisor run guest/virtio -d tmp/shared,ro; s=$?; kill $pid; finished $pid reader; exit $s"),
             files=FILES, says=[MARK_LINE, "reader ended with status 106"]),
        Case("devices/none", ["polyvisor", "run", "guest/virtio"], 9, says=["virtio: 0 devices, 0 broken"]),
    ]
    if target.native:
        found.append(Case("devices/disk-direct", with_disk(
            "direct", "guest/virtio -d tmp/direct,direct -p write=7"), (0, 103), files=FILES, check=_direct))
    return found


def _direct(result):
    """Works, or the file system cannot do it and the hint says so."""
    if result.status == 103:
        assert "leave out \"direct\"" in result.text, "no hint about \"direct\""
    else:
        assert "written and read back: same" in result.text, "the sector was not written"


def _hostile(target):
    # KVM-PVM emulates a guest's ring 0 slowly.
    some = " random=20" if target.native else ""
    return [
        Case("devices/badvirtq-block", with_disk(
            "bad", f"guest/badvirtq -d tmp/bad -p 'seed=7{some}'"), files=FILES, timeout=200,
            says=["badvirtq: 1 devices, 66 cases each, 0 failed"], never=["FAIL"]),
        Case("devices/badvirtq-rng", ["polyvisor", "run", "guest/badvirtq", "--rng", "-p", f"seed=8{some}"],
             timeout=200, says=["badvirtq: 1 devices, 66 cases each, 0 failed"], never=["FAIL"]),
        Case("devices/scribble", with_disk(
            "scribble", "guest/scribble -c 2 --rng -d tmp/scribble -p aligned=1", "echo size $(wc -c <tmp/scribble)"),
             files=FILES, timeout=200, says=["scribble: survived; ", f"size {len(DISK)}"]),
        Case("devices/scribble-other-seed", ["polyvisor", "run", "guest/scribble", "-p", "seed=99 count=1500 aligned=1"],
             timeout=200, says=["scribble: survived; "]),
        # KVM on riscv64 gives up at a misaligned access: then the run ends with that sentence.
        Case("devices/scribble-misaligned", ["polyvisor", "run", "guest/scribble", "-p", "seed=7 count=1000"],
             (0, 101) if target.arch == "riscv64" else 0, timeout=200, check=_survived_or_told),
        Case("devices/widths", with_disk("widths", "guest/widths --rng -d tmp/widths"), files=FILES, timeout=120,
             says=["virtio magic at", "4: 0x74726976", "block capacity at", "widths: 0 wrong"], never=["FAIL"]),
        # Loads that the processor does not decode for KVM: carried out, an exception, or a clear end.
        Case("devices/widths-odd", ["polyvisor", "run", "guest/widths", "--rng", "-p", "odd=1"],
             0 if target.arch in ("x86_64", "aarch64") else (0, 101), timeout=120, check=_odd, never=["FAIL"]),
    ]


def _survived_or_told(result):
    _finished_or_told(result, "scribble: survived; ")


def _odd(result):
    _finished_or_told(result, "widths: 0 wrong")


def _finished_or_told(result, end):
    expected = end if result.status == 0 else "polyvisor: error: the guest crashed: CPU 0: the "
    assert expected in result.text, f"does not say {expected!r}"
