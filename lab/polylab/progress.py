"""Progress on standard error: a line for every step that takes longer than a second.

A step is silent when it is quick. After one second it says what it is doing, then repeats
itself every ten seconds, and says at the end how long it took.
"""

import contextlib
import os
import sys
import threading
import time

FIRST_LINE_AFTER = 1.0
REPEAT_EVERY = 10.0


def say(message):
    """Write one line to standard error, whatever state the terminal is in."""
    end = "\r\n" if os.isatty(2) else "\n"
    try:
        sys.stderr.write(f"lab: {message}{end}")
        sys.stderr.flush()
    except OSError:
        pass


@contextlib.contextmanager
def step(what):
    """Report `what` while the body runs, if that takes longer than a second."""
    finished = threading.Event()
    shown = threading.Event()
    start = time.monotonic()

    def report():
        delay = FIRST_LINE_AFTER
        while not finished.wait(delay):
            seconds = time.monotonic() - start
            say(f"{what} ..." if not shown.is_set() else f"{what} ... {seconds:.0f} s")
            shown.set()
            delay = REPEAT_EVERY

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
        if shown.is_set():
            say(f"{what}: {time.monotonic() - start:.1f} s")
