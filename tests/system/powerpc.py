"""PowerPC Book3E alone: uImage, hypercalls, which access instructions KVM emulates, many boots."""

import re
import struct
import zlib

from polylab.arch import find_arch
from polylab.build import find_guests, find_monitor
from polylab.cache import Cache
from polylab.errors import LabError
from polylab.kernels import find_kernel
from suite.case import Case
from suite.shell import quoted, script

IMAGE = 105
BOOTS = 20
# The accesses to a device that end as a Program interrupt, everywhere and by host; docs/powerpc.md has the same list.
NOT_EMULATED = "lwarx lmw lswi lswx stmw stswi stswx dcbi icbtls"
NOT_EMULATED_BY = {
    "e500v2": "lfs lfsu lfsx lfd lfdu lfdx stfs stfsu stfsx stfd stfdu stfdx stfiwx evldd evlwhe evstdd",
    "e5500-32": "stfiwx ld ldu ldx ldux lwa lwax lwaux ldbrx std stdu stdx stdux ldarx stdbrx",
    "e5500": "ldbrx ldarx stdbrx lwepx stwepx",
}


def cases(target):
    """Nothing on other architectures."""
    if not target.powerpc:
        return []
    return _uimages(target) + _refused(target) + _small() + _narrow_monitor(target) + [
        Case("powerpc/hypercall", ["polyvisor", "run", "guest/hypercall"],
             says=["KVM_HC_FEATURES: status 0", "an unknown one: status 12"]),
        Case("powerpc/access-instructions", ["polyvisor", "run", "guest/widths", "--rng", "-p", "odd=1"],
             says=["widths: 0 wrong"], never=["MISNAMED"], check=_emulated(target.arch), timeout=120),
        # An instruction that KVM does not know is the guest's affair: it gets a Program interrupt.
        Case("powerpc/unknown-instruction", ["polyvisor", "run", "guest/fault"], 3,
             says=["exception on CPU 0: program", "illegal instruction 00000000 at "]),
        *_named(target.arch),
        Case("powerpc/fault-read", ["polyvisor", "run", "guest/fault", "-p", "kind=1"], 3,
             says=["exception on CPU 0: data TLB error", "read of address 7f000000"]),
        # Instructions out of a device, and out of nothing: the event is named, and what is known of its place.
        # Apart, because the monitor's warning comes while the guest still writes its line.
        *[Case(f"powerpc/machine-check-{name}", ["polyvisor", "run", "guest/machinecheck", "-p", f"at={address:#x}"], 3,
               separate=True,
               says=[f"machinecheck: jumping to {address:x}\n", "exception on CPU 0: machine check\n",
                     "  the hypervisor does not tell where", "  ctr d0000000  "], never=["program"])
          for name, address in (("device", 0xfe00b0000), ("nothing", 0x700000000))],
        Case("powerpc/boots", script(f"for i in $(seq {BOOTS}); do polyvisor run guest/hello --exit-stats; done"),
             says=["hello from polyvisor guest (powerpc)"], check=_same_exits, timeout=300),
    ]


def _named(host):
    """Refused instructions by name, with the address that they access; what an e500v2 has beside the common vectors."""
    refused = "the hypervisor does not emulate this access to address e00b0000"
    absent = "this processor does not have it, or not enabled"
    spe = ["SPE unavailable (MSR[SPE] is 0)\n", "  instruction 101e0301 at "]
    by_host = [["exception on CPU 0: program\n", "(dcbi) at ", refused],
               ["(lfs) at ", ", accessing RAM at ", absent] if host == "e500v2" else ["floating point unavailable\n"],
               spe if host == "e500v2" else ["(evldd) at ", ", accessing RAM at ", absent],
               ["exception on CPU 0: program\n", "(icbtls) at ", refused]]
    # Apart, because the monitor's warning may come while the guest still writes.
    return [Case(f"powerpc/refused-{name}", ["polyvisor", "run", "guest/refused", "-p", f"kind={kind}"], 3, separate=True,
                 says=by_host[kind], never=["critical input", "illegal instruction", "went through"])
            for kind, name in enumerate(("cache", "float", "spe", "lock"))]


def _small():
    """So little RAM that the tree finds no free 2 MiB below 64 MiB: it must not lie at address 0."""
    return [
        Case("powerpc/small-hello", ["polyvisor", "run", "guest/hello", "-m", "2"], timeout=20,
             says=["hello from polyvisor guest (powerpc)"]),
        Case("powerpc/small-contract", script("for g in contract contract.bin; do polyvisor run guest/$g -m 2 || exit; done"),
             says=[" checks, 0 failed\n", " checks, 0 failed\n"], never=["FAIL"]),
        Case("powerpc/small-smp", ["polyvisor", "run", "guest/smp", "-m", "2", "-c", "2"], timeout=20,
             says=["smp: 2 of 2 CPUs up"]),
    ]


def _narrow_monitor(target):
    """The 32-bit monitor under a 64-bit kernel: bare-metal guests, and Linux of 64 bits."""
    if target.linux_arch != "ppc64":
        return []
    monitor = find_monitor(find_arch("e5500-32"))
    if not monitor:
        return [Case("powerpc/32-bit-monitor", "", skip="the 32-bit monitor (preset powerpc) has not been built")]
    linux = ["in/polyvisor32", "run", "guest/linux", "-i", "guest/initrd", "-m", "256", "-p",
             f"console={target.console} quiet lab.script=reboot"]
    files = {"in/polyvisor32": monitor}
    return [
        Case("powerpc/32-bit-monitor", script("in/polyvisor32 run guest/hello && in/polyvisor32 run guest/contract -c 2 && "
             "in/polyvisor32 run guest/smp -c 2"), files=files, timeout=120, never=["FAIL"],
             says=["hello from polyvisor guest (powerpc)", " checks, 0 failed\n", "smp: 2 of 2 CPUs up"]),
        Case("powerpc/32-bit-monitor-linux", script(quoted(linux)), 100, files=files, timeout=300,
             says=["lab-guest: up: Linux", "on ppc64", "polyvisor: the guest reset itself."]),
    ]


def _refused(target):
    """A 64-bit kernel where guests have 32 bits; a uImage whose content is an ELF file."""
    wide = struct.pack(">4s5B7xHHI3QI6H", b"\x7fELF", 2, 2, 1, 0, 0, 2, 21, 1, 0x100000, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    wide += struct.pack(">II6Q", 1, 5, 0x78, 0x100000, 0x100000, 8, 8, 8) + bytes.fromhex("4800000048000000")
    found = [Case("powerpc/uimage-of-elf", ["polyvisor", "run", "in/uimage-of-elf"], IMAGE,
                  says=["a uImage around an ELF file"], files={"in/uimage-of-elf": uimage(wide, 0, 0)})]
    if target.linux_arch != "ppc64":
        why = "this host's processor has 32 bits" if target.arch == "e500v2" else "this host's kernel has 32 bits"
        found.append(Case("powerpc/64-bit-kernel", ["polyvisor", "run", "in/elf64"], IMAGE, timeout=20,
                          says=["is a 64-bit ELF file", why], files={"in/elf64": wide}))
        found.append(Case("powerpc/64-bit-kernel-inspected", ["polyvisor", "inspect", "in/elf64"], IMAGE,
                          says=["is a 64-bit ELF file"], files={"in/elf64": wide}))
    return found


def _emulated(host):
    """Each instruction that the guest tries ends as documented for this host."""
    expected = set(f"{NOT_EMULATED} {NOT_EMULATED_BY[host]}".split())

    def check(result):
        # The monitor's own remarks may come between.
        text = re.sub(r"polyvisor: [^\n]*\n", "", result.text)
        ends = dict(re.findall(r" (\w+):(ok|WRONG|program-interrupt)", text))
        assert len(ends) >= 60, f"only {len(ends)} instructions were tried"
        interrupts = {name for name, end in ends.items() if end == "program-interrupt"}
        assert interrupts == expected, \
            f"emulated: {sorted(expected - interrupts)}, not emulated: {sorted(interrupts - expected)}"
        if host != "e500v2":
            assert "what stfs wrote: an older value" in text, "this kernel's floating-point stores are right: say so"
    return check


def _same_exits(result):
    """Each of a program's runs ends with the same number of exits for its own accesses."""
    found = re.findall(r"^polyvisor: exits (\d+) \(([^)]*)\)", result.text, re.MULTILINE)
    assert len(found) == BOOTS, f"{len(found)} of {BOOTS} runs counted their exits"
    mmio = {re.sub(r"interrupted \d+(, )?", "", causes) for _, causes in found}
    assert len(mmio) == 1, f"the counts differ: {' / '.join(sorted(mmio))}"


def uimage(payload, load, entry, compression=0, arch=7, damage=False):
    """A uImage as U-Boot's mkimage makes it: a kernel for Linux."""
    def header(crc):
        return struct.pack(">7I4B32s", 0x27051956, crc, 0, len(payload), load, entry, zlib.crc32(payload),
                           5, arch, 2, compression, b"test")
    whole = header(zlib.crc32(header(0))) + payload
    return whole[:-1] + bytes([whole[-1] ^ 1]) if damage else whole


def _gzip(data):
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def _uimages(target):
    flat = find_guests(find_arch(target.arch)).get("hello.bin")
    if not flat:
        return [Case("powerpc/uimage", "", skip="the guests have not been built")]
    program = flat.read_bytes()
    hello = "hello from polyvisor guest (powerpc)"
    run = ["polyvisor", "run", "in/uimage"]
    return [
        Case("powerpc/uimage", run, says=[hello], files={"in/uimage": uimage(program, 0, 0)}),
        Case("powerpc/uimage-gzip", ["polyvisor", "run", "in/uimage-gzip"], says=[hello],
             files={"in/uimage-gzip": uimage(_gzip(program), 0, 0, 1)}),
        Case("powerpc/uimage-damaged", ["polyvisor", "run", "in/uimage-damaged"], IMAGE, says=["checksum"],
             never=[hello], files={"in/uimage-damaged": uimage(program, 0, 0, damage=True)}),
        Case("powerpc/uimage-for-arm", ["polyvisor", "run", "in/uimage-for-arm"], IMAGE, says=["Arm"],
             never=[hello], files={"in/uimage-for-arm": uimage(program, 0, 0, arch=2)}),
        *_linux_uimage(target),
    ]


def _linux_uimage(target):
    """The kernel as boards get it: its memory image, gzip, in a uImage; the ELF is what guest/linux is."""
    try:
        kernel = find_kernel(Cache(), find_arch(target.arch), "minimal", "guest").image
        data = memory_image(kernel.read_bytes())
    except (LabError, OSError, ValueError) as error:
        return [Case("powerpc/linux-uimage", "", skip=f"no kernel: {error}")]
    words = ["polyvisor", "run", "in/linux-uimage", "-i", "guest/initrd", "-m", "256", "-p",
             f"console={target.console} quiet lab.script=reboot"]
    return [Case("powerpc/linux-uimage", script(quoted(words)), 100, timeout=300,
                 says=["lab-guest: up: Linux", "polyvisor: the guest reset itself."],
                 files={"in/linux-uimage": uimage(_gzip(data), 0, 0, 1)})]


def memory_image(elf):
    """What the loaded segments of a big-endian ELF file hold, from physical address 0 on."""
    wide = elf[4] == 2
    offset, = struct.unpack_from(">Q" if wide else ">I", elf, 32 if wide else 28)
    size, count = struct.unpack_from(">HH", elf, 54 if wide else 42)
    image = bytearray()
    for number in range(count):
        if wide:
            kind, _, start, _, place, length = struct.unpack_from(">IIQQQQ", elf, offset + number * size)
        else:
            kind, start, _, place, length = struct.unpack_from(">5I", elf, offset + number * size)
        if kind != 1 or not length:
            continue
        if place + length > 64 << 20:
            raise ValueError(f"a segment lies at {place:#x}")
        image.extend(bytes(max(place + length - len(image), 0)))
        image[place:place + length] = elf[start:start + length]
    return bytes(image)
