"""The user's side of a live command: our terminal in raw mode, or whatever standard input is.

Ctrl-] x ends the lab whatever the host is doing; Ctrl-] twice sends it once. The terminal is
put back at the end, also after SIGTERM and SIGHUP.
"""

import contextlib
import os
import signal
import sys
import termios
import tty

from .errors import LabError

ESCAPE = 0x1d   # Ctrl-]
READ_AT_MOST = 512


class Left(LabError):
    """The user left by Ctrl-] x."""


class Escape:
    """Finds the escape sequence in what is typed."""

    def __init__(self):
        self._armed = False

    def filter(self, data):
        """What to hand on; raises Left on Ctrl-] x."""
        out = bytearray()
        for byte in data:
            if self._armed:
                self._armed = False
                if byte in b"xXqQ":
                    raise Left("left by Ctrl-] x")
                out.append(byte)
            elif byte == ESCAPE:
                self._armed = True
            else:
                out.append(byte)
        return bytes(out)


class Source:
    """Live input for a command: `fd` to watch, `forward` to read some and send it."""

    def __init__(self, fd, escape=None):
        self.fd = fd
        self.active = True
        self._escape = escape

    def forward(self, send):
        """Read once and send; returns how many bytes the agent will acknowledge."""
        try:
            data = os.read(self.fd, READ_AT_MOST)
        except OSError:
            data = b""
        if not data:
            self.active = False
            if self._escape:
                send("K", str(int(signal.SIGHUP)).encode())
            else:
                send("Z", b"")
            return 0
        if self._escape:
            data = self._escape.filter(data)
        if data:
            send("I", data)
        return len(data)


def size(fd=0):
    """(rows, columns) of the terminal."""
    try:
        columns, rows = os.get_terminal_size(fd)
        return rows or 24, columns or 80
    except OSError:
        return 24, 80


@contextlib.contextmanager
def raw(fd=0, on_resize=None):
    """The terminal in raw mode while the body runs."""
    saved = termios.tcgetattr(fd)

    def leave(number, _frame):
        raise SystemExit(128 + number)
    previous = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    if on_resize:
        previous[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, lambda *_: on_resize(*size(fd)))
    try:
        tty.setraw(fd, termios.TCSADRAIN)
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        termios.tcsetattr(fd, termios.TCSADRAIN, saved)
        sys.stderr.flush()
