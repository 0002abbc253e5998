"""What one test is: a command, and what must be true of its exit status and output.

A theme (guests.py, linux.py, ...) has `cases(target)`, which returns a list of these. The output
that is judged is standard output and standard error together unless the test keeps them apart.
"""

import dataclasses
from collections.abc import Callable

from polylab import Command

from . import shell


@dataclasses.dataclass
class Case:
    """One test.

    command: words, or one string for the shell. status: the exit status, or a tuple of the
    allowed ones. says: texts that the output must contain, in this order; never: texts that it
    must not contain. check: called with the polylab Result, raises AssertionError. parts: further
    tests judged from the same run, as {name: check}; for what is dear to run, as a boot of Linux.
    files: {name inside: bytes or path outside} that this test needs. keys: what is typed
    at the terminal of a native test, as (text to wait for, bytes). skip: why it is not run.
    """

    name: str
    command: list | str
    status: int | tuple = 0
    says: tuple | list = ()
    never: tuple | list = ()
    check: Callable | None = None
    parts: dict = dataclasses.field(default_factory=dict)
    files: dict = dataclasses.field(default_factory=dict)
    timeout: float = 60.0
    stdin: bytes | None = None
    separate: bool = False
    terminal: tuple | None = None
    keys: tuple | list = ()
    skip: str = ""

    def lab_command(self):
        """What the lab is told to run."""
        return Command(shell.alone(Command(self.command).words()), timeout=self.timeout, stdin=self.stdin,
                       separate=self.separate, terminal=self.terminal)

    def judge(self, result):
        """What is wrong with this result, in words; nothing when it is as it must be."""
        if result.kind == "lost":
            return ["the host died before this command ended"]
        wrong = []
        if result.kind == "timeout":
            wrong.append(f"not finished after {self.timeout:.0f} s")
        allowed = self.status if isinstance(self.status, tuple) else (self.status,)
        if result.status not in allowed:
            wrong.append(f"exit status {result.status}, expected {' or '.join(map(str, allowed))}")
        wrong += missing(result, self.says)
        whole = everything(result)
        wrong += [line for line in whole.split("\n") if line.startswith(shell.LEFT_BEHIND)]
        wrong += [f"says {text!r}" for text in self.never if text in whole]
        if self.check:
            wrong += failure(self.check, result)
        return wrong


def everything(result):
    """Standard output and standard error as text."""
    return result.text + result.errors.decode(errors="replace")


def missing(result, texts):
    """Which of the texts do not follow one another in the output."""
    whole, position = everything(result), 0
    for text in texts:
        found = whole.find(text, position)
        if found < 0:
            return [f"does not say {text!r}" + (" at its place" if text in whole else "")]
        position = found + len(text)
    return []


def failure(check, result):
    """[what the check objects to], or nothing. A check that breaks down is a failure too."""
    try:
        check(result)
    except AssertionError as error:
        return [str(error) or "a check failed"]
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        return [f"the output cannot be read: {type(error).__name__}: {error}"]
    return []


def contains(*texts):
    """A check for `parts`: these texts, in this order."""
    def check(result):
        wrong = missing(result, texts)
        assert not wrong, "; ".join(wrong)
    return check
