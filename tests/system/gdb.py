"""The gdb stub without gdb: packets through netcat, as a client sends them that is none.

What gdb itself makes of it is tests/system/debugger's business.
"""

from suite.case import Case
from suite.shell import script

# debugged NAME GUEST [OPTIONS]: a VM in the background that waits for gdb; $pid, $port.
# What stays behind for a while must not have descriptor 3: some netcats wait for its end.
# talk PACKETS: one connection that sends and closes. line: one that stays, written to by `exec 3>`.
FUNCTIONS = r"""ifconfig lo 127.0.0.1 up 2>/dev/null
debugged() {
  name=$1; guest=$2; shift; shift
  polyvisor run guest/$guest --gdb tcp:0 --log-level info "$@" >tmp/$name.out 2>&1 & pid=$!
  wait_for 'target remote' tmp/$name.out
  port=$(sed -n 's/.*target remote :\([0-9]*\).*/\1/p' tmp/$name.out)
}
command -v nc >/dev/null || nc() { python3 -c "$netcat" "$@"; }
netcat='
import os, socket, sys, threading
line = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def send():
    while block := os.read(0, 4096):
        line.sendall(block)
    line.shutdown(socket.SHUT_WR)
threading.Thread(target=send, daemon=True).start()
while block := line.recv(4096):
    os.write(1, block)
'
talk() { printf '%s' "$1" | nc 127.0.0.1 $port; echo; }
line() { rm -f tmp/line; mkfifo tmp/line; nc 127.0.0.1 $port <tmp/line >tmp/said & other=$!; exec 3>tmp/line; }
"""


def packet(data):
    """As it goes over the line."""
    return f"${data}#{sum(data.encode()) % 256:02x}"


def packets(*several):
    """Packets, quoted for the shell."""
    return "'" + "".join(map(packet, several)) + "'"


def command(line):
    """What `monitor LINE` sends."""
    return "qRcmd," + line.encode().hex()


def said(text):
    """How a line of the monitor's answer begins on the wire."""
    return "$O" + text.encode().hex()


def cases(target):
    """The same code everywhere: once for each architecture that runs guests."""
    if not target.full:
        return []
    return [_wait(), _packets(target), _second(), _reset(), _monitor_reset()]


def _wait():
    """A connection that closes at once does not let a guest go that waits for gdb."""
    return Case("gdb/wait", script(FUNCTIONS + "debugged wait hello --gdb-wait\n"
        "for turn in 1 2 3; do talk ''; done; wait_for 'the guest waits for the next' tmp/wait.out\n"
        f"talk {packets('?', 'g', 'm0,4')} >/dev/null\n"
        "grep -c 'hello from' tmp/wait.out; echo not yet\n"
        f"talk {packets('?', 'D')}\nfinished $pid wait; cat tmp/wait.out"),
        says=["0\nnot yet\n", "T05thread:1;", "$OK#9a", "wait ended with status 0", "hello from"], never=["TIMEOUT"],
        timeout=300)


def _packets(target):
    """Requests that cannot be met are errors; the guest is none the worse."""
    nowhere = {"x86_64": "fffffffffffff000", "powerpc": "70000000"}.get(target.guest_arch, "7fffffff00000000")
    whole = "$G" + "0" * 64
    return Case("gdb/packets", script(FUNCTIONS + "debugged packets hello --gdb-wait\n"
        f"talk {packets('G' + '0' * 64)}; talk {packets('Gzz')}; talk {packets('P0=00')}; talk {packets('pffff')}\n"
        f"echo MEMORY; talk {packets(f'm{nowhere},4')}; talk {packets(f'M{nowhere},1:00')}\n"
        f"echo WHY; talk {packets(f'm{nowhere},4', command('why'))}\n"
        f"echo LIST; talk {packets(command('help'))}\n"
        "echo NOISE; cat guest/hello guest/debuggee guest/contract | nc 127.0.0.1 $port >/dev/null\n"
        f"talk {packets('vCont;x', 'Z9,0,0', 'vCont;c:77', 'Hgffffffffffffffffff')}\n"
        f"talk {packets('D')}\nfinished $pid packets; cat tmp/packets.out"),
        says=["+$E01#a6", "+$E01#a6", "+$E01#a6", "+$E01#a6", "MEMORY", "+$E0e", "+$E0e", "WHY", "+$E0e", "$O",
              "LIST", said("monitor commands:\n"), "NOISE", "+$E01#a6", "packets ended with status 0", "hello from"],
        never=[whole, "TIMEOUT"], timeout=300)


def _second():
    """A second client is turned away, and the first goes on."""
    return Case("gdb/second", script(FUNCTIONS + "debugged second hello --gdb-wait\n"
        f"line; printf '%s' {packets('?')} >&3; wait_for T05 tmp/said\n"
        f"talk {packets('?')} >tmp/turned; wait_for 'a second gdb wanted' tmp/second.out; grep -c T05 tmp/turned\n"
        f"printf '%s' {packets('vCont;c')} >&3; wait_for 'hello from' tmp/second.out\n"
        "finished $pid second 3>&-; wait_for W00 tmp/said; exec 3>&-; wait $other; cat tmp/said"),
        says=["0\n", "second ended with status 0", "$W00#b7"], never=["TIMEOUT"], timeout=300)


def _reset():
    """The connection outlives the guest's reset: a stop at the first instruction of the next boot."""
    again = f"printf '%s' {packets('vCont;c')} >&3"
    return Case("gdb/reset", script(FUNCTIONS + "debugged reset reset --gdb-wait --reboot\n"
        f"line; {again}; wait_for T05 tmp/said; {again}; wait_for 'T05.*T05' tmp/said\n"
        "grep -c 'reset: resetting' tmp/reset.out\n"
        f"printf '%s' {packets('k')} >&3; finished $pid reset 3>&-; exec 3>&-; wait $other; cat tmp/said"),
        says=["2\n", "reset ended with status 106", said("The guest has reset itself and stands"), "$T05thread:1;"],
        never=["TIMEOUT"], timeout=300)


def _monitor_reset():
    """`monitor reset` begins another boot for the same client."""
    return Case("gdb/monitor-reset", script(FUNCTIONS + "debugged again hello --gdb-wait --reboot\n"
        f"line; printf '%s' {packets(command('reset'))} >&3; wait_for '#9a' tmp/said\n"
        f"printf '%s' {packets('?')} >&3; wait_for T05 tmp/said; grep -c 'hello from' tmp/again.out\n"
        f"printf '%s' {packets('vCont;c')} >&3; wait_for W00 tmp/said\n"
        "finished $pid again 3>&-; exec 3>&-; wait $other; cat tmp/again.out"),
        says=["0\n", "again ended with status 0", "hello from"], never=["TIMEOUT"], timeout=300)
