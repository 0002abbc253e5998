"""What polyvisor diagnose knows of Linux guests: their log, read out of memory."""

from suite.case import Case
from suite.shell import quoted, script

# Without a console the guest's init would end at once.
SILENT = "console=null loglevel=8 rdinit=/bin/sleep -- 1000"


def cases(target):
    """Where interrupt controllers differ, nothing of this does."""
    if not target.full or target.native:
        return []
    return [_silent(target)]


def _linux(name, params, *options, kernel="guest/linux"):
    words = ["polyvisor", "run", "-k", kernel, "-i", "guest/initrd", "-m", "256", "-p", params, "--name", name, *options]
    return f"{quoted(words)} </dev/null >tmp/{name}.out 2>&1 & pid=$!\n"


def _until(name, text, *options):
    """Diagnose again and again, until the report has `text`."""
    return (f"for turn in $(seq 60); do {quoted(['polyvisor', 'diagnose', name, '--samples', '3', *options])} >tmp/{name}.report; "
            f"grep -q '{text}' tmp/{name}.report && break; sleep 1; done\n")


def _silent(target):
    """A kernel without any console: what it said is read out of its memory."""
    return Case("guest-linux/silent", script(
        _linux("g-silent", SILENT) + _until("g-silent", "bin/sleep as init process", "--log") +
        "cat tmp/g-silent.report; echo it printed $(wc -c <tmp/g-silent.out) bytes\n"
        "polyvisor stop -n g-silent; finished $pid it"), timeout=400,
        says=["The end of the guest's kernel log", "[    0.000000] Linux version ", "console=null loglevel=8",
              "Run /bin/sleep as init process", "The log has", "it printed 0 bytes", "it ended with status 106"],
        never=["Kernel panic", "TIMEOUT"])
