"""A terminal of our own for native tests: types keys when the text that each waits for has come."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time


def run(words, size, keys, timeout, started, **options):
    """(process, status or None when it took too long, output). keys: [(text to wait for, bytes to type)].

    `started` is told the process id, which is that of its session and group too."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    child = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                             preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), **options)
    started(child.pid)
    os.close(slave)
    output, left, limit = b"", list(keys), time.monotonic() + timeout
    try:
        seen = 0
        while time.monotonic() < limit:
            if select.select([master], [], [], 0.2)[0]:
                try:
                    output += os.read(master, 65536)
                except OSError:     # nobody has the terminal open any more
                    break
            while left and left[0][0] in output[seen:]:
                text, typed = left.pop(0)
                seen = output.index(text, seen) + len(text)
                os.write(master, typed)
        status = child.wait(max(limit - time.monotonic(), 0.5))
    except subprocess.TimeoutExpired:
        status = None
    finally:
        os.close(master)
    return child, status, output
