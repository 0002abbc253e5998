"""The terminal: raw while the guest has it, restored afterwards; the keys; input that ends."""

from suite.case import Case
from suite.shell import script

HELP, LEAVE, AWAY = b"\x01h", b"\x01x", b"\x01\x01"
SIZE = (30, 100)


def cases(target):
    """Keys are typed where there is a terminal of ours; restoring is tested on every architecture."""
    found = _input(target)
    if target.full:
        found += _restored()
    return found + (_keys() if target.native else [])


def _input(target):
    if not target.full:
        return []
    return [
        # Standard input is at its end from the beginning: the guest runs on.
        Case("console/end-of-input", script("polyvisor run guest/timer </dev/null"), says=["timer: 5 ticks"]),
        Case("console/closed-input", script("polyvisor run guest/timer <&-"), says=["timer: 5 ticks"]),
        Case("console/pipe", script("{ sleep 1; echo from a pipe; echo quit; } | polyvisor run guest/echo"),
             says=["from a pipe", "echo: 17 bytes"]),
        # More than the UART's FIFO holds, less than the guest's own buffer of 1024 bytes.
        Case("console/much-input", script(
            "{ for i in $(seq 20); do echo line $i is longer than the FIFO of any UART; done; echo quit; } >tmp/much\n"
            "polyvisor run guest/echo <tmp/much >tmp/much.out; s=$?; tail -n1 tmp/much.out\n"
            "grep -c 'is longer than the FIFO of any UART' tmp/much.out; wc -c <tmp/much; exit $s"),
             says=["echo: "], check=_all_echoed),
        Case("console/full-disk", script("polyvisor run guest/flood >/dev/full; echo status $?"), check=_no_hang),
        Case("console/reader-leaves", script("polyvisor run guest/flood | head -n1; echo done"),
             says=["00000000", "done"]),
    ]


def _all_echoed(result):
    lines = result.text.rstrip("\n").split("\n")
    assert lines[-2:] == ["20", lines[0].split()[1]], f"lines, bytes: {lines[-2:]}; the guest: {lines[0]}"


def _no_hang(result):
    status = int(result.text.rsplit("status ", 1)[1])
    assert status in (0, 103), f"status {status}"


def _restored():
    """The terminal's settings: other ones while the guest runs, the same ones afterwards."""
    def around(name, end, status):
        run = "polyvisor run guest/idle --name tty"
        return Case(f"console/restored-{name}", script(
            f"stty -a >tmp/before; rm -f tmp/during; tty=$(tty)\n( for i in $(seq 300); do polyvisor stat -n tty >/dev/null 2>&1 && "
            f"break; sleep 0.2; done; sleep 0.5; stty -a <$tty >tmp/during; {end} ) 2>/dev/null &\n"
            f"{run}; echo status $?; stty -a >tmp/after; cmp tmp/before tmp/after && echo restored\n"
            "cmp -s tmp/before tmp/during || echo raw; grep -o -e '-icanon' tmp/during"),
            terminal=SIZE, says=["idle: asleep", f"status {status}", "restored", "raw", "-icanon"], timeout=120)
    process = "$(polyvisor stat -n tty | sed -n 's/^pid //p')"
    return [around("stop", "polyvisor stop -n tty", 106), around("sigterm", f"kill {process}", 106),
            around("sigint", f"kill -INT {process}", 106),
            Case("console/restored-at-the-end", script(
                "stty -a >tmp/before; polyvisor run guest/hello; stty -a >tmp/after; cmp tmp/before tmp/after && "
                "echo restored"), terminal=SIZE, says=["hello from", "restored"]),
            Case("console/restored-after-crash", script(
                "stty -a >tmp/before; polyvisor run guest/fault; echo status $?; stty -a >tmp/after\n"
                "cmp tmp/before tmp/after && echo restored"), terminal=SIZE, says=["status 3", "restored"])]


def _keys():
    def typed(name, words, keys, says, **more):
        return Case(f"console/{name}", script(
            f"stty -a >tmp/before; {words}; echo status $?; stty -a >tmp/after; cmp tmp/before tmp/after && "
            "echo restored"), terminal=SIZE, keys=keys, says=[*says, "restored"], **more)
    echo, ready = "polyvisor run guest/echo", b"line `quit` ends"
    return [
        typed("leave", echo, [(ready, LEAVE)], ["echo: ready", "status 106"]),
        typed("help", echo, [(ready, HELP), (b"Ctrl-a x", b"quit\r")], ["Ctrl-a x", "echo: 5 bytes", "status 0"]),
        typed("ctrl-a", echo, [(ready, AWAY + b"quit\r\rquit\r")], ["echo: 12 bytes", "status 0"]),
        typed("ctrl-a-other", echo, [(ready, b"\x01z\rquit\r")], ["echo: 8 bytes", "status 0"]),
        # Raw mode: Ctrl-c and Ctrl-d are the guest's.
        typed("ctrl-c", echo, [(ready, b"\x03\x04\x1a\rquit\r")], ["echo: 9 bytes", "status 0"]),
        typed("background", "polyvisor run guest/timer & wait $!", [], ["timer: 5 ticks", "status 0"]),
        typed("leave-spinning", "polyvisor run guest/spin", [(b"spin", LEAVE)], ["status 106"]),
    ]
