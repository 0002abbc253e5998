"""What gdb does in tests/system/debugger, and what it must say."""

import dataclasses


@dataclasses.dataclass
class Session:
    """One connection of gdb to one run of a guest.

    guest: a file of the host's guest/ folder; options: of `polyvisor run`. symbols: the file that
    gdb reads, a guest's name or a path. says, never: of gdb; guest_says: of the guest and monitor.
    """

    name: str
    guest: str
    commands: tuple
    says: tuple = ()
    never: tuple = ()
    guest_says: tuple = ()
    options: tuple = ("--gdb-wait",)
    symbols: str = ""
    timeout: float = 120.0
    skip: str = ""
    after: str = "target remote"    # gdb connects when the guest or the monitor has said this


# Why a host's gdb cannot use watchpoints; the others can.
NO_WATCHPOINTS = {
    "riscv64": "KVM has no watchpoints for guests there",
    "native": "KVM-PVM ignores watchpoints",
    "e500v2": "QEMU's Book3E debug registers do nothing",
    "e5500": "QEMU's Book3E debug registers do nothing",
}
# What the Linux guest does meanwhile.
LINUX_FILES = {"etc/lab/debugged": b"while true; do echo tick >/dev/null; sleep 0.1; done\n"}
STEPS = ("stepi",) * 4


def sessions(target):
    """All sessions of a target."""
    guest = "debuggee.elf64" if target.guest_arch == "x86_64" else "debuggee.elf"
    watches = target.name not in NO_WATCHPOINTS and target.arch not in NO_WATCHPOINTS
    common = {"guest": guest, "symbols": guest}
    yield Session(
        "stack", **common,
        commands=("info threads", "monitor limits", "break innermost", "continue", "bt",
                  "print counter", "continue", "print counter", "delete", "set var finish=1"),
        says=("Thread 1 (CPU 0: ", "steps: ", "Breakpoint 1, innermost (step=", "in inner (step=",
              "in outer (step=", "in main ()", "= 0", "Breakpoint 1, innermost", "= 1", "detached"),
        guest_says=("debuggee: counting", "debuggee: finished, told so", "exit status 0"))
    yield Session(
        "steps", **common,
        commands=("break inner", "continue", *STEPS, "delete", "finish", "next", "step",
                  "x/2i $pc", "info registers", "set var finish=1"),
        says=("Breakpoint 1, inner", "Value returned is"),
        never=("Cannot", "No symbol", "error"),
        guest_says=("debuggee: finished, told so", "exit status 0"))
    yield Session(
        "watch", **common,
        commands=("break outer", "continue", "delete", "watch counter", "continue", "continue",
                  "delete", "set var finish=1"),
        says=("Hardware watchpoint 2: counter", "Old value = 0", "New value = 1", "Old value = 1",
              "New value = 2"),
        guest_says=("exit status 0",),
        skip="" if watches else NO_WATCHPOINTS.get(target.name) or NO_WATCHPOINTS[target.arch])
    yield Session(
        "interrupt", **common, options=(),
        commands=("python import threading, time",
                  "python threading.Thread(target=lambda: (time.sleep(3), "
                  "gdb.post_event(lambda: gdb.execute('interrupt')))).start()",
                  "continue", "info registers $pc", "print counter > 1000", "set var finish=1"),
        says=("received signal SIGINT", "pc", "= 1"),
        guest_says=("debuggee: finished, told so", "exit status 0"))
    yield Session(
        "detach", **common,
        commands=("break innermost", "continue"),
        says=("Breakpoint 1, innermost", "detached"),
        guest_says=("debuggee: counting",))
    yield Session(
        "kill", **common,
        commands=("break innermost", "continue", "kill", "quit"),
        says=("Breakpoint 1, innermost", "killed"),
        guest_says=("exit status",))
    yield Session(
        "refusals", **common,
        commands=("python attempt('print *(int *) 0x7000000000000000')", "monitor why", "monitor translate 0x1000",
                  "monitor", "break innermost", "continue", "delete", "set var finish=1"),
        says=("Cannot access memory", "is ", "monitor commands", "Breakpoint 1, innermost"),
        guest_says=("exit status 0",))
    variable = "jiffies" if target.guest_arch == "powerpc" else "jiffies_64"
    watching = (f"watch *(unsigned long *)&{variable}", "continue", "delete") if watches else ()
    yield Session(
        "linux", guest="linux", symbols="vmlinux", after="lab-guest: up", timeout=280.0,
        options=("-i", "guest/initrd", "-m", "128", "-p",
                 f"console={target.console} quiet nokaslr lab.script=debugged"),
        commands=("info threads", "break vfs_write", "continue", "bt 3", "stepi", "stepi", "continue",
                  "delete", f"print/x *(unsigned long *)&{variable}", *watching, "kill", "quit"),
        says=("Thread 1 (CPU 0: ", "Breakpoint 1, 0x", " in vfs_write ()", "#0", "vfs_write", "#1", "ksys_write",
              "Breakpoint 1, 0x", "= 0x", *(("Old value", "New value") if watches else ()), "killed"),
        guest_says=("lab-guest: up", "exit status 106"),
        skip="KVM-PVM cannot boot Linux" if target.native else "")
