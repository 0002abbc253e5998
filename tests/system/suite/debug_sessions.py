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
    timeout: float = 400.0      # of the host's clock: a loaded machine makes it slow
    skip: str = ""
    after: str = "target remote"    # gdb connects when the guest or the monitor has said this


# Why gdb watches in software: it steps, and looks after each step.
NO_WATCHPOINTS = {
    "riscv64": "KVM has no watchpoints for guests",
    "native": "KVM-PVM ignores watchpoints",
    "e500v2": "QEMU's Book3E debug registers do nothing",
    "e5500": "QEMU's Book3E debug registers do nothing",
    "e5500-32": "QEMU's Book3E debug registers do nothing",
}
# A system register that each architecture has, by its manual's name.
SYSTEM_REGISTER = {"aarch64": "vbar_el1", "riscv64": "stvec", "powerpc": "ivpr", "x86_64": "cr0"}
# What the Linux guest does meanwhile.
LINUX_FILES = {"etc/lab/debugged": b"while true; do echo tick >/dev/null; sleep 0.1; done\n"}
NOWHERE = "0x7000000000000000"
INTERRUPT_SOON = (
    "python import threading, time",
    "python threading.Thread(target=lambda: (time.sleep(1), gdb.post_event(lambda: gdb.execute('interrupt')))).start()",
    "continue")


def sessions(target):
    """All sessions of a target: one long one of a bare-metal guest, short ones, one of Linux."""
    guest = "debuggee.elf64" if target.guest_arch == "x86_64" else "debuggee.elf"
    common = {"guest": guest, "symbols": guest}
    nowhere = NOWHERE[:10] if target.guest_arch == "powerpc" else NOWHERE  # its samples have 32 bits
    return [
        Session(
            "program", **common,
            commands=("info threads", "monitor limits", "monitor help",
                      "break innermost", "continue", "bt", "print counter", "continue", "print counter",
                      "stepi", "stepi", "delete", "finish", "next", "step", "x/2i $pc",
                      "break inner", "continue", "delete", *watching(target, "counter"),
                      f"info registers {SYSTEM_REGISTER[target.guest_arch]}", "info registers system", "monitor registers",
                      f"python attempt('print *(int *) {nowhere}')", "monitor why",
                      "set var counter=7", "print counter", "set var finish=1"),
            says=("Thread 1 (CPU 0: ", "steps: ", "monitor commands:", "Breakpoint 1, innermost (step=", "#0", "innermost",
                  "#1", "in inner (step=", "#2", "in outer (step=", "#3", "in main ()", "= 0", "Breakpoint 1, innermost", "= 1",
                  "Value returned is", "Breakpoint 2, inner", "atchpoint 3: counter", "Old value = 2", "New value = 3",
                  *[f"{SYSTEM_REGISTER[target.guest_arch]} "] * (2 if target.guest_arch == "x86_64" else 3), "Cannot access memory", "is ", "= 7", "detached"),
            never=("No symbol", "Invalid register", "Remote connection closed"),
            guest_says=("debuggee: counting", "debuggee: finished, told so", "exit status 0")),
        Session(
            "interrupt", **common, options=(),
            commands=(*INTERRUPT_SOON, "info registers $pc", "print counter > 0", "set var finish=1"),
            says=("received signal SIGINT", "pc", "= 1", "detached"),
            guest_says=("debuggee: finished, told so", "exit status 0")),
        Session(
            "kill", **common,
            commands=("break innermost", "continue", "kill", "quit"),
            says=("Breakpoint 1, innermost", "killed"),
            guest_says=("exit status 106",)),
        _linux(target),
    ]


def watching(target, expression):
    """Commands that watch until a value has changed once."""
    hardware = not {target.name, target.arch} & NO_WATCHPOINTS.keys()
    return (f"set can-use-hw-watchpoints {int(hardware)}", f"watch {expression}", "continue", "delete")


def _linux(target):
    """Two CPUs. The periodic tick is what changes the clock's variable a few instructions behind do_timer."""
    low = "jiffies" if target.linux_arch == "ppc" else "jiffies_64"
    variable = f"*(unsigned long *)&{low}"
    return Session(
        "linux", guest="linux", symbols="vmlinux", after="lab-guest: up", timeout=900.0,
        options=("-i", "guest/initrd", "-m", "128", "-c", "2", "-p",
                 f"console={target.console} quiet nokaslr nohz=off highres=off lab.script=debugged"),
        commands=("info threads", "break vfs_write", "continue", "bt 3", "stepi", "stepi", "continue", "delete",
                  "break do_timer", "continue", "delete", f"print/x {variable}", *watching(target, variable),
                  *INTERRUPT_SOON, "info threads", "thread 2", "bt 1", "kill", "quit"),
        says=("Thread 1 (CPU 0: ", "Thread 2 (CPU 1: ", "Breakpoint 1, 0x", "vfs_write ()", "#0", "vfs_write", "#1",
              "ksys_write", "Breakpoint 1, 0x", "Breakpoint 2, 0x", "do_timer ()", "= 0x", "atchpoint 3: ", "Old value",
              "New value", "received signal SIGINT", "Thread 2 (CPU 1: ", "Switching to thread 2", "#0", "killed"),
        guest_says=("lab-guest: up", "exit status 106"),
        skip="KVM-PVM cannot boot Linux" if target.native else "")
