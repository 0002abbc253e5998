"""Lets gdb on this machine talk to a polyvisor: directly, or through a lab host's serial line."""

import socket
import subprocess

from polylab import Command
from polylab.terminal import Source

from .shell import quoted

PORT = 4567
GDB_SETTINGS = ("set pagination off", "set confirm off", "set height 0", "set width 0",
                "set style enabled off", "set remotetimeout 1000", "set tcp auto-retry on")
# For a command that must fail: a script ends at the first that does.
ATTEMPT = """python
def attempt(line):
    try:
        gdb.execute(line)
    except gdb.error as error:
        print(error)
end"""


def start_gdb(session, folder, guests, address):
    """gdb in the background; what it says goes into a file."""
    script = folder / "script.gdb"
    lines = [*GDB_SETTINGS, ATTEMPT, f"target remote {address}", *session.commands, "detach"]
    script.write_text("\n".join(lines) + "\n")
    output = open(folder / "gdb.out", "w+b")
    words = ["gdb-multiarch", "-q", "-nx", "-batch", "-x", str(script)]
    if session.symbols:
        words.append(str(guests.get(session.symbols, session.symbols)))
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    return process, output


def finish(process, output, patience):
    """What gdb has said."""
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    output.seek(0)
    said = output.read().decode(errors="replace")
    output.close()
    return said


class Native:
    """A polyvisor on this machine."""

    def __init__(self, monitor, guests, folder):
        self._monitor, self._guests, self._folder = monitor, guests, folder

    def run(self, session, guests):
        """(what gdb said, what the guest and the monitor said)"""
        words = [str(self._monitor), "run", *session.options, "--gdb", f"tcp:{PORT}"]
        words += ["-k", str(self._guests[session.guest])]
        with open(self._folder / "guest.out", "w+b") as output:
            monitor = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT)
            try:
                process, said = start_gdb(session, self._folder, guests, f"127.0.0.1:{PORT}")
                text = finish(process, said, session.timeout)
                monitor.wait(60)
            except subprocess.TimeoutExpired:
                pass
            finally:
                monitor.kill()
                monitor.wait()
            output.seek(0)
            return text, output.read().decode(errors="replace") + f"exit status {monitor.returncode}\n"


class Lab:
    """A polyvisor in a lab host: relay.cpp there and a socket here are the ends of the line."""

    def __init__(self, host, folder):
        self._host, self._folder = host, folder

    def run(self, session, guests):
        """(what gdb said, what the guest and the monitor said)"""
        words = ["polyvisor", "run", *session.options, "--gdb", "unix:tmp/gdb.socket",
                 "-k", f"guest/{session.guest}"]
        script = f"""cd / && mkdir -p tmp
{quoted(words)} </dev/null >tmp/gdb.out 2>&1 & pid=$!
for turn in $(seq {int(10 * session.timeout)}); do
  grep -q '{session.after}' tmp/gdb.out && break; kill -0 $pid || break; sleep 0.1
done
relay tmp/gdb.socket
( sleep 60; kill -9 $pid ) >/dev/null 2>&1 & guard=$!
wait $pid; echo "exit status $?" >&2; kill $guard 2>/dev/null
cat tmp/gdb.out >&2
"""
        listener = socket.create_server(("127.0.0.1", 0))
        process, said = start_gdb(session, self._folder, guests,
                                  f"127.0.0.1:{listener.getsockname()[1]}")
        listener.settimeout(240)    # a loaded machine may take its time to start gdb
        line, _ = listener.accept()
        errors = bytearray()

        def forward(_result, kind, payload):
            if kind == "O":
                try:
                    line.sendall(payload)
                except OSError:
                    pass
            else:
                errors.extend(payload)
        try:
            self._host.on_output = forward
            self._host.run(Command(script, timeout=session.timeout, separate=True, live=True),
                           source=Source(line.fileno()))
        finally:
            self._host.on_output = None
            line.close()
            listener.close()
        return finish(process, said, 60), errors.decode(errors="replace")
