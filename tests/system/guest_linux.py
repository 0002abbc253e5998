"""What polyvisor diagnose knows of Linux guests: their log and names, read out of memory."""

import re
import struct

from polylab.arch import find_arch
from polylab.cache import Cache
from polylab.kernels import find_kernel
from suite.case import Case, contains
from suite.shell import quoted, script

# Without a console the guest's init would end at once.
SILENT = "console=null loglevel=8 rdinit=/bin/sleep -- 1000"
NO_ROOT = "quiet rdinit=/nothing root=/dev/none panic=0"
# Functions that a CPU with nothing to do is in, and those by whose names a moved kernel is recognised.
IDLE = r"(cpu_do_idle|arch_cpu_idle|default_idle|native_safe_halt|e500_idle|ppc\w*_idle|do_idle|cpuidle\w*)\+0x"
ANCHORS = {"aarch64": "vectors", "riscv64": "handle_exception", "x86_64": "asm_exc_page_fault"}
HOW = {"aarch64": "VBAR_EL1 is its vectors", "riscv64": "stvec is its handle_exception",
       "x86_64": "the IDT has its asm_exc_page_fault"}


def cases(target):
    """Where interrupt controllers differ, nothing of this does."""
    if not target.full or target.native:
        return []
    found = [_silent(target), _panicked(target)]
    if target.guest_arch in ANCHORS:
        found.append(_symbols(target))
    if target.guest_arch == "aarch64":
        found.append(_unwritten())
    return found


def _linux(name, params, *options, kernel="guest/linux"):
    words = ["polyvisor", "run", "-k", kernel, "-i", "guest/initrd", "-m", "256", "-p", params, "--name", name, *options]
    return f"{quoted(words)} </dev/null >tmp/{name}.out 2>&1 & pid=$!\n"


def _until(name, text, *options):
    """Diagnose again and again, until the report has `text`."""
    words = quoted(["polyvisor", "diagnose", name, "--samples", "3", *options])
    return (f"for turn in $(seq 60); do {words} >tmp/{name}.report; status=$?; "
            f"grep -q '{text}' tmp/{name}.report && break; sleep 1; done\ncat tmp/{name}.report; echo diagnosed $status\n")


def _end(name):
    return f"polyvisor stop -n {name}; finished $pid it"


def _section(result, title):
    """The lines under a heading of the report."""
    return result.text.split(f"\n{title}:\n", 1)[1].split("\n\n", 1)[0]


def _silent(target):
    """A kernel without a console (PowerPC's has an early one): what it said is read out of its memory, its functions have names."""
    silence = () if target.guest_arch == "powerpc" else ("it printed 0 bytes",)

    def idles(result):
        calls = _section(result, "Called from")
        assert re.search(IDLE, calls), f"no name of an idle function in: {calls}"
    return Case("guest-linux/silent", script(
        _linux("g-silent", SILENT) + _until("g-silent", "bin/sleep as init process", "--log") +
        "for turn in $(seq 60); do polyvisor diagnose g-silent --samples 3 >tmp/g-idle; grep -q '(idle)' tmp/g-idle && break; sleep 1; done\n"
        "echo; cat tmp/g-idle; echo it printed $(wc -c <tmp/g-silent.out) bytes\n" + _end("g-silent")), timeout=600,
        says=["The end of the guest's kernel log", "[    0.000000] Linux version ", "console=null loglevel=8",
              "Run /bin/sleep as init process", "The log has", *silence, "it ended with status 106"],
        never=["Kernel panic", "TIMEOUT"], parts={"names": lambda result: _idle_names(result, idles)})


def _idle_names(result, idles):
    assert "of the guest's own table (kallsyms)." in result.text, "the kernel's own names were not found"
    result.output = result.output.rpartition(b"\nVERDICT")[2]
    idles(result)


def _panicked(target):
    """panic() without a reboot: the verdict has the log's words, the call chain the functions that led there (not while it prints)."""
    def chain(result):
        calls = result.text[result.text.index("Called from"):]
        for name in ("panic", "kernel_init"):
            assert re.search(rf"\b{name}\+0x", calls), f"{name} is not in the call chain"
    return Case("guest-linux/panicked", script(
        _linux("g-panic", f"console={target.console} {NO_ROOT}") + _until("g-panic", " panic+0x") + _end("g-panic")),
        timeout=400, says=["VERDICT (panic): the kernel has panicked: ", "Kernel panic - not syncing: VFS: Unable to mount root fs",
                           "Called from", "The end of the guest's kernel log", "end Kernel panic", "diagnosed 1",
                           "it ended with status 106"], parts={"chain": chain})


def _symbols(target):
    """--symbols: a map that was made without KASLR names a kernel that may have been moved."""
    names = f"{ANCHORS[target.guest_arch]}|do_idle|default_idle|cpu_do_idle|arch_cpu_idle|cpu_startup_entry|schedule"
    show = f"console={target.console} quiet nokaslr \"lab.run=grep -E ' [tT] ({names})$' /proc/kallsyms\""
    first = quoted(["polyvisor", "run", "-k", "guest/linux", "-i", "guest/initrd", "-m", "256", "-p", show])
    return Case("guest-linux/symbols", script(
        f"{first} </dev/null >tmp/g-first 2>&1\ngrep -E '^[0-9a-f]{{16}} [tT] ' tmp/g-first | tr -d '\\r' >tmp/g-map; cat tmp/g-map\n" +
        _linux("g-moved", f"console={target.console} quiet \"lab.run=echo it is up; sleep 1000\"") +
        "wait_for 'it is up' tmp/g-moved.out\n" + _until("g-moved", "(idle)", "--symbols", "tmp/g-map") + _end("g-moved")),
        timeout=600, says=["Called from", "symbols of the file, ", HOW[target.guest_arch], "it ended with status 106"],
        never=["taken as they stand", "TIMEOUT"])


def _without_percpu_register():
    """Debian's kernel, in which no instruction writes TPIDR_EL1: what it finds there is from before it began."""
    image = bytearray(find_kernel(Cache(), find_arch("aarch64"), "debian", "guest").image.read_bytes())
    assert image[0x38:0x3c] == b"ARM\x64", "the kernel is no plain Image"
    writes = [at for at in range(0, len(image) - 3, 4)
              if image[at + 3] == 0xd5 and struct.unpack_from("<I", image, at)[0] & 0xffff_ffe0 == 0xd518_d080]
    assert writes, "nothing writes TPIDR_EL1"
    for at in writes:
        struct.pack_into("<I", image, at, 0xd503_201f)  # nop
    return bytes(image)


def _unwritten():
    """A real Linux that reads TPIDR_EL1 before it was written."""
    return Case("guest-linux/unwritten", script(
        _linux("g-percpu", "console=ttyAMA0 earlycon", kernel="in/patched-linux") +
        _until("g-percpu", "VERDICT (unwritten-register)") +
        "polyvisor diagnose g-percpu --differential; echo compared $?\n" + _end("g-percpu")), timeout=600,
        files={"in/patched-linux": _without_percpu_register()},
        says=["VERDICT (unwritten-register): TPIDR_EL1 was never written", "0x1de7ec7edbadc0de", "diagnosed 1"],
        parts={"names": contains("Called from", "+0x", "of the guest's own table (kallsyms)"),
               "differential": contains("compared 1")})
