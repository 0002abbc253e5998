"""polyvisor diagnose: planted failures, each with its verdict, and healthy guests without a false alarm."""

import re

from linux import linux
from suite.case import Case
from suite.shell import quoted, script

ALL = ("aarch64", "riscv64", "powerpc", "x86_64")

# What hangs: name, guests/hang's kind, verdict, what the sentence says, architectures, further options.
PLANTED = (
    ("undefined", 1, "exception-loop", ("exception loop",), ALL, ""),
    ("data-fault", 2, "exception-loop", ("exception loop",), ("aarch64", "powerpc", "x86_64"), ""),
    ("no-handlers", 3, ("pc-at-nothing", "exception-loop"), (), ("aarch64", "powerpc"), ""),
    ("jump-to-itself", 4, "spinning", ("jumps to itself",), ALL, ""),
    ("jump-to-nothing", 5, ("pc-at-nothing", "exception-loop"), (), ("aarch64", "powerpc"), ""),
    ("device-memory", 6, "pc-at-nothing", ("exceptions go to 0x200",), ("aarch64",), ""),
    ("stack", 7, "stack-overflow", ("stack overflow",), ("aarch64", "powerpc"), ""),
    ("never-started", 8, "not-started", ("CPU 1 was never started",), ALL, "-c 2"),
    ("empty-handlers", 9, "pc-at-nothing", ("PC at nothing",), ("aarch64", "riscv64"), ""),
    ("polls", 11, "spinning", ("spinning",), ALL, ""),
    ("deadlock", 12, "spinning", ("spinning",), ALL, "-c 2"),
    ("asleep", 10, "waits-for-ever", ("waits for an interrupt that nobody will raise",), ALL, ""),
)
HEALTHY = (
    ("timer", 20, ""), ("timer-smp", 22, "-c 2"), ("computes", 21, "-c 2"), ("timer-computes", 23, ""), ("prints", 24, ""),
    ("loops", 25, ""), ("waits-for-cpu", 26, "-c 2"), ("asks-for-input", 27, ""),
)


# What a Book3E host with a hypervisor mode of its own may do differently.
SHORT = ("undefined", "stack", "never-started", "asleep", "healthy-timer", "healthy-timer-smp", "watchdog", "watchdog-healthy")


def cases(target):
    """Where interrupt controllers differ, nothing of this does."""
    if not target.full and not target.powerpc:
        return []
    found = [_hangs(*row) for row in PLANTED if target.guest_arch in row[4]] + [_lives(*row) for row in HEALTHY]
    found += _others(target) + ([] if target.native else [_linux(target)])
    return found if target.full else [case for case in found if case.name.removeprefix("diagnose/") in SHORT]


def _diagnosed(name, command, ready, then=""):
    return script(f"polyvisor run {command} --name {name} </dev/null >tmp/{name}.out 2>&1 & pid=$!\n"
                  f"wait_for '{ready}' tmp/{name}.out; sleep 0.3; {then}polyvisor diagnose {name}; echo diagnosed $?\n"
                  f"polyvisor stop -n {name}; finished $pid it")


def _verdict(*allowed):
    def check(result):
        found = re.search(r"^VERDICT \(([a-z-]+)\): (.*)", result.text, re.MULTILINE)
        assert found, "no verdict"
        assert found[1] in allowed, f"the verdict is {found[1]} ({found[2]}) instead of {' or '.join(allowed)}"
    return check


def _hangs(name, kind, verdict, says, _, options):
    allowed = (verdict,) if isinstance(verdict, str) else verdict
    return Case(f"diagnose/{name}", _diagnosed(f"d-{name}", f"guest/hang -p kind={kind} {options}", "hang: kind"),
                says=[*says, "diagnosed 1", "it ended with status 106"], timeout=300, check=_verdict(*allowed))


def _lives(name, kind, options):
    return Case(f"diagnose/healthy-{name}",
                _diagnosed(f"d-{name}", f"guest/hang -p kind={kind} {options}", "hang: kind"),
                says=["diagnosed 0", "it ended with status 106"], timeout=300, check=_verdict("busy", "idle"))


def _watchdog(name, kind, action, then):
    return script(f"polyvisor run guest/hang -p kind={kind} --name {name} --watchdog 2{action} </dev/null >tmp/{name}.out 2>&1 & pid=$!\n"
                  f"wait_for 'hang: kind' tmp/{name}.out; {then}; finished $pid it; cat tmp/{name}.out")


def _hung(target):
    """A monitor that neither answers nor ends when asked, as one that hangs: frozen with its control group. It is killed."""
    if target.native:   # whose control groups are not ours
        return []
    freeze = ("mkdir -p tmp/groups; mount -t cgroup2 none tmp/groups || exit 90; mkdir tmp/groups/frozen; sleep 4; "
              "echo $pid >tmp/groups/frozen/cgroup.procs; echo 1 >tmp/groups/frozen/cgroup.freeze")
    return [Case("diagnose/watchdog-hung", _watchdog("d-doghung", 20, ",action=stop", freeze) +
                 "\nrmdir tmp/groups/frozen; umount tmp/groups; polyvisor list; echo listed $?",
                 says=["it ended with status 137", "the monitor has not answered for", "the monitor does not end when asked: killed",
                       "listed 0"], never=["no sign of life"], timeout=180)]


def _linux(target):
    """Linux while it boots, idle and busy, beside a watchdog of little patience."""
    look = "polyvisor diagnose d-linux >tmp/d-linux.said; echo {0} $?; grep VERDICT tmp/d-linux.said"
    words = linux(f"console={target.console} quiet lab.run=\"echo now idle; sleep 30; echo now busy; while :; do :; done\"",
                  "--name", "d-linux", "--watchdog", "3")
    return Case("diagnose/healthy-linux", script(
        f"{quoted(words)} </dev/null >tmp/d-linux.out 2>&1 & pid=$!\n"
        "for turn in $(seq 300); do polyvisor stat d-linux >/dev/null 2>&1 && break; sleep 0.1; done\n"
        f"{look.format('booting')}; {look.format('booting')}\n"
        f"wait_for 'now idle' tmp/d-linux.out; sleep 1; {look.format('idle')}\n"
        f"wait_for 'now busy' tmp/d-linux.out; sleep 1; {look.format('busy')}\n"
        "polyvisor stop d-linux; finished $pid it; cat tmp/d-linux.out"), timeout=400,
        says=["booting 0", "booting 0", "idle 0", "busy 0", "it ended with status 106"], never=["watchdog:"])


def _others(target):
    found = [
        Case("diagnose/watchdog", _watchdog("d-dog", 4, "", "wait_for VERDICT tmp/d-dog.out; polyvisor stop -n d-dog"),
             says=["it ended with status 106", "watchdog: no sign of life for 2 s", "VERDICT (spinning)"], timeout=120),
        # It makes exits for ever: an alarm at the second look.
        Case("diagnose/watchdog-polls", _watchdog("d-dogpolls", 11, ",action=stop", "wait_for VERDICT tmp/d-dogpolls.out || wait_for VERDICT tmp/d-dogpolls.out"),
             says=["it ended with status 108", "watchdog: no sign of life for 4 s", "VERDICT (spinning)"], timeout=240),
        # A monitor that was stopped and goes on is left alone.
        Case("diagnose/watchdog-stopped", _watchdog(
            "d-dogstopped", 20, ",action=stop", "kill -STOP $pid; sleep 14; kill -CONT $pid; sleep 4; polyvisor stop d-dogstopped"),
            says=["it ended with status 106"], never=["watchdog:"], timeout=120),
        *_hung(target),
        Case("diagnose/watchdog-paused", _watchdog(
            "d-dogpaused", 20, "", "polyvisor pause d-dogpaused; sleep 6; polyvisor stop d-dogpaused"),
            says=["it ended with status 106"], never=["watchdog:"], timeout=120),
        Case("diagnose/watchdog-stop", _watchdog("d-dogstop", 4, ",action=stop", "wait_for VERDICT tmp/d-dogstop.out"),
             says=["it ended with status 108", "VERDICT (spinning)"], timeout=120),
        *(Case(f"diagnose/watchdog-{name}", _watchdog(f"d-dog{name}", f"{kind} {options}", ",action=stop", f"sleep 12; polyvisor stop -n d-dog{name}"),
               says=["it ended with status 106"], never=["VERDICT"], timeout=180)
          for name, kind, options in HEALTHY if name in ("loops", "waits-for-cpu", "asks-for-input")),
        Case("diagnose/watchdog-healthy", _watchdog("d-doghealthy", 20, "", "sleep 8; polyvisor stop -n d-doghealthy"),
             says=["it ended with status 106"], never=["VERDICT"], timeout=120),
        Case("diagnose/differential-same", script(
            "polyvisor run guest/hang -p kind=4 --name d-same </dev/null >tmp/d-same.out 2>&1 & pid=$!\n"
            "wait_for 'hang: kind' tmp/d-same.out; polyvisor diagnose d-same --differential; echo diagnosed $?\n"
            "polyvisor list; polyvisor stop -n d-same; finished $pid it"), timeout=120, never=["d-same-zeroed"],
            says=["NOT THE REASON", "diagnosed 1", "it ended with status 106"]),
        Case("diagnose/healthy-spin", _diagnosed("d-spin", "guest/spin", "spinning"), check=_verdict("busy"),
             says=["diagnosed 0"], timeout=120),
        Case("diagnose/healthy-paused", _diagnosed("d-paused", "guest/hang -p kind=4", "hang: kind",
                                                   "polyvisor pause -n d-paused; "),
             check=_verdict("paused"), says=["diagnosed 0"], timeout=120),
        # echo waits for input that could come.
        Case("diagnose/healthy-echo", script(
            "mkfifo tmp/d-line; polyvisor run guest/echo --name d-echo <tmp/d-line >tmp/d-echo.out 2>&1 & pid=$!\n"
            "exec 3>tmp/d-line; wait_for 'echo: ready' tmp/d-echo.out; polyvisor diagnose d-echo; echo diagnosed $?\n"
            "echo still here >&3; wait_for 'still here' tmp/d-echo.out; echo quit >&3; finished $pid it"),
            check=_verdict("idle", "busy"), says=["diagnosed 0", "it ended with status 0"], never=["TIMEOUT"], timeout=120),
        Case("diagnose/unknown", ["polyvisor", "diagnose", "nobody"], 107, says=['no VM named "nobody" is running']),
        # The report of many samples, read again, laid out anew; a dump that never comes.
        Case("diagnose/json-again", script(
            "polyvisor run guest/hang -p kind=4 --name d-json </dev/null >tmp/d-json.out 2>&1 & pid=$!\n"
            "wait_for 'hang: kind' tmp/d-json.out; polyvisor diagnose d-json --json >tmp/d-json.json; echo live $?\n"
            "polyvisor stop d-json; finished $pid it; sed 's/{/{\\n /g' tmp/d-json.json >tmp/d-json.again\n"
            "polyvisor diagnose --from-dump tmp/d-json.again; echo again $?"), timeout=120, check=_verdict("spinning"),
            says=["live 1", "it ended with status 106", "jumps to itself", "samples of the running guest", "again 1"]),
        Case("diagnose/silent-pipe", script(
            "mkfifo tmp/d-silent; polyvisor diagnose --from-dump tmp/d-silent; echo status $?"),
            says=["nothing came out of it for 10 seconds", "status 10"]),
        # gdb's own tests attach; here the guest waits for one that never comes.
        Case("diagnose/healthy-debugger", script(
            "polyvisor run guest/hang -p kind=4 --name d-gdb --gdb unix:tmp/d-gdb.sock --gdb-wait --watchdog 1 "
            "</dev/null >tmp/d-gdb.out 2>&1 & pid=$!\n"
            "wait_for 'gdb:' tmp/d-gdb.out; until polyvisor stat d-gdb | grep -q 'debugger.stopped 1'; do sleep 0.2; done\n"
            "polyvisor diagnose d-gdb; echo diagnosed $?; sleep 3; polyvisor stop d-gdb; finished $pid it; cat tmp/d-gdb.out"),
            timeout=120, check=_verdict("debugger"), never=["watchdog"],
            says=["a debugger", "diagnosed 0", "it ended with status 106"]),
        Case("diagnose/which", ["polyvisor", "diagnose"], 104, says=["diagnose needs to know which VM"]),
    ]
    if not target.native:  # where all processes of that name are this test's
        found.append(Case("diagnose/watchdog-sealed", _watchdog(
                "d-dogseal", 20, "", "for turn in $(seq 100); do for p in $(pidof polyvisor); do [ $p != $pid ] && grep -E 'Seccomp:|NoNewPrivs:' /proc/$p/status; "
            "done >tmp/d-seal; grep -q 'Seccomp:.2' tmp/d-seal && break; sleep 0.1; done; cat tmp/d-seal; "
            "polyvisor stop d-dogseal"),
                says=["NoNewPrivs:\t1", "Seccomp:\t2", "it ended with status 106"], timeout=120))
    if target.native:  # where there is Python: connecting halts the guest, as gdb does
        found.append(Case("diagnose/healthy-debugged", script(
            "polyvisor run guest/hang -p kind=4 --name d-held --gdb unix:tmp/d-held.sock </dev/null >tmp/d-held.out 2>&1 & pid=$!\n"
            "wait_for 'hang: kind' tmp/d-held.out; polyvisor diagnose d-held; echo alone $?\n"
            "python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect(\"tmp/d-held.sock\"); s.recv(1)' "
            "& until polyvisor stat d-held | grep -q 'debugger.stopped 1'; do sleep 0.2; done\n"
            "polyvisor diagnose d-held; echo held $?; polyvisor stop d-held; finished $pid it"), timeout=120,
            says=["VERDICT (spinning)", "alone 1", "VERDICT (debugger): stopped in a debugger", "held 0"]))
    if target.guest_arch == "aarch64":
        found.append(Case(
            "diagnose/percpu", _diagnosed("d-percpu", "guest/percpu", "per-CPU access follows"), timeout=120,
            check=_verdict("unwritten-register"),
            says=["TPIDR_EL1 was never written: a per-CPU access before it is set up", "0x1de7ec7edbadc0de",
                  "diagnosed 1"]))
        found.append(Case(
            "diagnose/percpu-zeroed", ["polyvisor", "run", "guest/percpu", "--reset-policy", "zero"],
            says=["TPIDR_EL1 happened to be 0"], never=["polyvisor:"]))
        found.append(Case("diagnose/percpu-differential", script(
            "polyvisor run guest/percpu --name d-diff </dev/null >tmp/d-diff.out 2>&1 & pid=$!\n"
            "wait_for 'access follows' tmp/d-diff.out; polyvisor diagnose d-diff --differential; echo diagnosed $?\n"
            "polyvisor stop -n d-diff; finished $pid it"), timeout=120,
            says=["VERDICT (unwritten-register)", "the copy ran to its end, status 0", "PROVEN", "diagnosed 1"]))
    return found
