"""Running VMs: list, stat, stop, pause, resume; names; signals; what is left behind."""

from suite.case import Case
from suite.shell import script


def cases(target):
    """The same monitor code everywhere: in full once for each architecture."""
    if not target.full:
        return []
    return _commands() + _names() + _signals() + _reboots() + ([] if target.native else _no_folder())


def _commands():
    return [
        Case("instances/two", script(
            "start anna; one=$pid; start bob -c 2; two=$pid\npolyvisor list; echo listed $?\n"
            "polyvisor stop -a; echo stopped $?\nfinished $one anna; finished $two bob\n"
            "polyvisor list; echo left:$(sockets)"), check=_listed, timeout=120, says=[
                "anna", "running", "bob", "running", "listed 0", "stopped 0", "anna ended with status 106",
                "bob ended with status 106", "left:\n"]),
        Case("instances/stat", script(
            "start carla -c 2 -m 64; polyvisor stat -n carla; echo pid is $pid; polyvisor stop --name carla\n"
            "finished $pid carla"), check=_stat, says=["name carla\nstate running\n", "carla ended with status 106"]),
        # A paused guest answers nothing; what it was sent waits for it.
        Case("instances/pause-resume", script(
            "mkfifo tmp/line; polyvisor run guest/echo --name dora <tmp/line >tmp/dora.out 2>&1 & pid=$!\n"
            "exec 3>tmp/line; wait_for 'echo: ready' tmp/dora.out; echo before >&3; wait_for before tmp/dora.out\n"
            "polyvisor pause -n dora; echo paused $?; polyvisor list; echo during >&3; sleep 1\n"
            "grep -c during tmp/dora.out; polyvisor resume -n dora; echo resumed $?; wait_for during tmp/dora.out\n"
            "echo quit >&3; finished $pid dora"), timeout=120, says=[
                "paused 0", "dora", "paused", "\n0\n", "resumed 0", "dora ended with status 0"], never=["TIMEOUT"]),
        Case("instances/stop-paused", script(
            "start emil; polyvisor pause emil; polyvisor stop emil; echo stopped $?; finished $pid emil\n"
            "echo left:$(sockets)"), says=["stopped 0", "emil ended with status 106", "left:\n"]),
        Case("instances/stop-spinning", script(
            "polyvisor run guest/spin --name fred -c 2 >tmp/fred.out 2>&1 & pid=$!\n"
            "for i in $(seq 300); do [ -S $runtime/polyvisor/fred.sock ] && break; sleep 0.1; done; sleep 0.5\n"
            "polyvisor stop -n fred; echo stopped $?; finished $pid fred"),
            says=["stopped 0", "fred ended with status 106"]),
        Case("instances/none", "polyvisor list; echo $?; polyvisor stop -a; echo $?; polyvisor stat -a; echo $?",
             check=lambda result: _equal([line for line in result.text.split("\n") if line.isdigit()], ["0"] * 3)),
        Case("instances/unknown", ["polyvisor", "stop", "-n", "nobody"], 107,
             says=['polyvisor: error: no VM named "nobody" is running.']),
        Case("instances/which", ["polyvisor", "stop"], 104, says=["polyvisor: error: "]),
    ]


def _equal(found, expected):
    assert found == expected, f"{found} instead of {expected}"


def _listed(result):
    last = result.text.rsplit("bob ended with status", 1)[1]
    assert "anna" not in last and "bob" not in last.split("\n", 1)[1], "ended VMs are listed"


def _stat(result):
    values = dict(line.split(" ", 1) for line in result.text.split("\n") if line.count(" ") == 1)
    _equal([values["cpus"], values["memory"]], ["2", str(64 << 20)])
    assert f"pid is {values['pid']}\n" in result.text, "another process id"
    assert int(values["uptime_ms"]) >= 0, "no uptime"


def _names():
    return [
        Case("instances/name-clash", script(
            "start gina; polyvisor run guest/hello --name gina; echo second $?; polyvisor stat -n gina | grep state\n"
            "polyvisor stop -n gina; finished $pid gina"), never=["hello from"], says=[
                'polyvisor: error: a VM named "gina" is already running.', "second 104", "state running",
                "gina ended with status 106"]),
        Case("instances/stale-name", script(
            "start hugo; kill -9 $pid; finished $pid hugo; echo left:$(sockets)\n"
            "polyvisor run guest/hello --name hugo; echo second $?; echo then:$(sockets)"), says=[
                "hugo ended with status 137", "left:hugo.sock\n", "hello from", "second 0", "then:\n"]),
        Case("instances/stale-list", script(
            "start ida; kill -9 $pid; finished $pid ida; polyvisor list; echo listed $?; echo left:$(sockets)"),
            check=lambda result: _equal("ida" in result.text.rsplit("137", 1)[1], False),
            says=["ida ended with status 137", "listed 0", "left:\n"]),
        Case("instances/stale-stop", script(
            "start jan; kill -9 $pid; finished $pid jan; polyvisor stop -n jan; echo stopped $?; echo left:$(sockets)"),
            says=["jan ended with status 137", "stopped 107", "left:\n"]),
        Case("instances/default-name", script(
            "polyvisor run guest/idle >tmp/default.out 2>&1 & pid=$!; wait_for asleep tmp/default.out\n"
            "[ $(polyvisor list | grep -c guest-$pid) = 1 ] && echo found; polyvisor stop -n guest-$pid\n"
            "finished $pid it"), says=["found", "it ended with status 106"]),
    ]


def _signals():
    # A background job of a shell ignores SIGINT; this is the foreground, as at a terminal.
    def killed(number):
        return script(f"( wait_for asleep tmp/s{number}.out; kill -{number} $$ ) >/dev/null 2>&1 &\n"
                      f"exec polyvisor run guest/idle --name s{number} >tmp/s{number}.out 2>&1")
    found = []
    for name, number in (("hup", 1), ("int", 2), ("term", 15)):
        found += [Case(f"instances/sig{name}", killed(number), 106),
                  Case(f"instances/sig{name}-leaves-nothing", script(f"cat tmp/s{number}.out; echo left:$(sockets)"),
                       says=["asleep", "left:\n"])]
    found.append(Case("instances/ignored-sighup", script(
        "trap '' HUP; start kurt; kill -HUP $pid; sleep 0.5; polyvisor stat -n kurt | grep state\n"
        "kill $pid; finished $pid kurt"), says=["state running", "kurt ended with status 106"]))
    return found


def _reboots():
    booting = "for i in $(seq 600); do [ -S $runtime/polyvisor/%s.sock ] && break; sleep 0.1; done\n"
    return [
        # A guest that resets itself as fast as it can is stopped at whatever point of a boot it is.
        Case("instances/reboot-stop", script(
            "for turn in 0 1 2 3 4; do polyvisor run --reboot --name nora guest/reset </dev/null >tmp/nora.out 2>&1 & pid=$!\n"
            + booting % "nora" + "sleep 0.$turn; polyvisor stop -n nora; echo stopped $?; finished $pid nora; done\n"
            "echo left:$(sockets)"), timeout=300, says=["left:\n"], check=lambda result: _equal(
                [result.text.count("stopped 0\n"), result.text.count("nora ended with status 106")], [5, 5])),
        # Between two boots the name stays taken.
        Case("instances/reboot-name", script(
            "polyvisor run --reboot guest/reset </dev/null >tmp/otto.out 2>&1 & pid=$!\n" + booting % "guest-$pid" +
            "for turn in 1 2 3; do polyvisor run --name guest-$pid guest/hello; echo second $?; done\n"
            "polyvisor stop -n guest-$pid; echo stopped $?; finished $pid otto"), timeout=120, never=["hello from"],
            says=["stopped 0", "otto ended with status 106"],
            check=lambda result: _equal(result.text.count("second 104"), 3)),
        Case("instances/reboot-ignored-sighup", script(
            "trap '' HUP; polyvisor run --reboot --name paul guest/reset </dev/null >tmp/paul.out 2>&1 & pid=$!\n"
            "wait_for resetting tmp/paul.out; kill -HUP $pid; sleep 0.5; kill -0 $pid && echo goes on\n"
            "kill $pid; finished $pid paul"), says=["goes on", "paul ended with status 106"]),
        Case("instances/reboot-killed", script(
            "polyvisor run --reboot --name quinn guest/idle </dev/null >tmp/quinn.out 2>&1 & pid=$!\n"
            "wait_for asleep tmp/quinn.out; kill -9 $pid; finished $pid quinn; sleep 1; polyvisor list; echo listed $?"),
            check=lambda result: _equal("quinn" in result.text.rsplit("137", 1)[1], False),
            says=["quinn ended with status 137", "listed 0"]),
    ]


def _no_folder():
    return [
        # The same folder by two names: no VM may appear twice.
        Case("instances/folder-twice", script(
            "XDG_RUNTIME_DIR=/run; export XDG_RUNTIME_DIR; start mona; echo lines $(polyvisor list | grep -c mona)\n"
            "polyvisor stop -a; echo stopped $?; finished $pid mona"),
            says=["lines 1\n", "stopped 0", "mona ended with status 106"]),
        Case("instances/no-folder", "unset XDG_RUNTIME_DIR; unshare -m sh -c 'mount -t tmpfs -o ro none /run && "
             "polyvisor run guest/hello'", says=["hello from"], never=["error"]),
        Case("instances/private-folder", script("start lisa; ls -ld $runtime/polyvisor; polyvisor stop -a\n"
                                                "finished $pid lisa"), says=["drwx------", "lisa ended"]),
    ]
