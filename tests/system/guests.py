"""Bare-metal guests: every sample of guest/, its output and its exit status."""

from suite.case import Case
from suite.shell import script


def run(guest, *options):
    """The words that run a sample."""
    return ["polyvisor", "run", "-k", f"guest/{guest}", *options]


def cases(target):
    """Every sample; on hosts that differ in the interrupt controller alone, what uses it."""
    found = _formats(target) + _processors(target)
    if target.full:
        found += _arguments(target) + _endings(target) + _flood() + _memory(target)
    return found


def _formats(target):
    found = []
    for ending in target.formats:
        title = ending.lstrip(".") or "plain"
        found += [Case(f"guests/hello-{title}", run(f"hello{ending}"), says=[
                      f"hello from polyvisor guest ({target.guest_arch})\n"]),
                  Case(f"guests/contract-{title}", run(f"contract{ending}"), timeout=120,
                       says=[f"boot contract of {target.guest_arch}", "ok   the clock advances",
                             " checks, 0 failed\n"], never=["FAIL"])]
    return found


def _processors(target):
    found = []
    for count in (1, 2, 4):
        says = [f"smp: {count} CPUs", f"smp: {count} of {count} CPUs up\n"]
        found.append(Case(f"guests/smp-{count}", run("smp", "-c", str(count)), says=says, timeout=120,
                          never=["refused", "believes"]))
    found += [
        Case("guests/timer", run("timer"), says=["tick 1 after", "tick 5 after", "timer: 5 ticks, 0 too early\n"]),
        Case("guests/echo", run("echo"), stdin=b"Ahoy, serial line\nsecond\nquit\n",
             says=["echo: ready", "Ahoy, serial line", "second", "quit", "echo: 30 bytes\n"]),
    ]
    return found


def _arguments(target):
    words = "one two=2 'three'"
    return [
        Case("guests/arguments", run("hello", "-p", words), says=[f"arguments: {words}\n"]),
        Case("guests/arguments-joined", run("hello", "-p", "a=1", "-p", "b=2"), says=["arguments: a=1 b=2\n"]),
        Case("guests/exitcode-0", run("exitcode", "-p", "code=0"), 0, says=["exitcode: 0\n"]),
        Case("guests/exitcode-1", run("exitcode", "-p", "code=1"), 1, says=["exitcode: 1\n"]),
        Case("guests/exitcode-42", run("exitcode"), 42, says=["exitcode: 42\n"]),
        Case("guests/exitcode-99", run("exitcode", "-p", "code=99"), 99, says=["exitcode: 99\n"]),
        # 100 and up are polyvisor's: a guest's own would be mistaken for them.
        Case("guests/exitcode-100", run("exitcode", "-p", "code=100"), 102,
             says=["exitcode: 100\n", "polyvisor: the guest reported a panic.\n"]),
    ]


def _endings(target):
    crash = 101 if target.arch == "x86_64" else (3, 101)
    found = [
        Case("guests/poweroff", run("poweroff"), 0, says=["poweroff: switching off\n"]),
        Case("guests/reset", run("reset"), 100,
             says=["reset: resetting\n", "polyvisor: the guest reset itself.\n"], check=_said_once),
        Case("guests/panic", run("panic"), 102,
             says=["panic: reporting\n", "polyvisor: the guest reported a panic.\n"]),
        Case("guests/reset-reboot", script(
            "polyvisor run --reboot guest/reset >tmp/reboots 2>&1 & pid=$!\n"
            "for i in $(seq 300); do [ $(grep -c resetting tmp/reboots) -ge 3 ] && break; sleep 0.1; done\n"
            "kill $pid; finished $pid it; echo times $(grep -c resetting tmp/reboots)"),
             says=["it ended with status 106\n", "times "], check=_restarted),
        Case("guests/fault", run("fault"), 3, separate=True, says=["fault: an undefined instruction follows\n"],
             never=["no exception came"]),
        Case("guests/nowhere", run("nowhere"), crash, says=["nowhere: jumping to"], never=["came back"]),
    ]
    if target.arch == "x86_64":
        found.append(Case("guests/triplefault", run("triplefault"), 101,
                          says=["no exception handlers from here on\n", "polyvisor: error: ", "triple fault"]))
    else:
        # The CPU takes the exception for ever, or KVM gives up: the monitor must stay in control.
        found.append(Case("guests/triplefault", _until("triplefault", "no exception handlers"),
                          says=["it ended with status 10", "no exception handlers from here on\n"], check=_gone))
    found.append(Case("guests/spin", _until("spin", "spin: "), says=["it ended with status 106\n"]))
    return found


def _until(guest, text):
    """Run a guest that never ends by itself until it says `text`, then end it by SIGTERM.

    A warning of the monitor's may come in the middle of a guest's line: they do not share a file.
    """
    return script(f"polyvisor run guest/{guest} >tmp/{guest} 2>tmp/{guest}.errors & pid=$!\n"
                  f"wait_for '{text}' tmp/{guest}; sleep 0.5; kill $pid; finished $pid it; "
                  f"cat tmp/{guest} tmp/{guest}.errors")


def _gone(result):
    status = int(result.text.split("it ended with status ", 1)[1].split()[0])
    assert status in (101, 106), f"status {status} is neither a crash nor an end from outside"
    assert status == 106 or "polyvisor: error: the guest crashed: CPU 0: " in result.text, "no reason is given"


def _said_once(result):
    assert result.text.count("resetting") == 1, "the guest ran again without --reboot"


def _restarted(result):
    times = int(result.text.rsplit("times ", 1)[1])
    assert times >= 3, f"the guest began {times} times within 30 s"


def _flood():
    def complete(result):
        lines = result.text.split("\n")
        assert len(lines) == 32 * 16 + 2, f"{len(lines) - 2} lines instead of {32 * 16}"
        for number, line in enumerate(lines[:-2]):
            expected = f"{number:08d} " + "".join(
                chr(ord("a") + (number + k) % 26) for k in range(9, 62))
            assert line == expected, f"line {number} is {line!r}"
    return [Case("guests/flood", run("flood", "-p", "kb=32"), says=["flood: 32768 bytes written\n"], check=complete,
                 timeout=120, separate=True)]


def _memory(target):
    # KVM-PVM emulates slowly; on riscv64 images lie 2 MiB above the start of RAM.
    small = "2" if target.native else "4"
    return [
        Case("guests/memtest", run("memtest", "-m", "64"), says=["memtest: passed\n"],
             check=_sees_memory(64), timeout=120),
        Case("guests/memtest-odd", run("memtest", "-m", "33M"), says=["memtest: passed\n"],
             check=_sees_memory(33), timeout=120),
        Case("guests/memtest-every-word", run("memtest", "-m", small, "-p", "step=8"),
             says=["memtest: passed\n"], timeout=120),
    ]


def _sees_memory(mebibytes):
    def check(result):
        total = 0
        for line in result.text.split("\n"):
            if line.startswith("RAM "):
                first, last = (int(word, 16) for word in line[4:].split(" to "))
                total += last + 1 - first
        missing = (mebibytes << 20) - total
        # x86: the hole below 1 MiB, and what the tables take.
        assert 0 <= missing <= 512 << 10, f"the guest was told of {total} bytes of RAM"
    return check
