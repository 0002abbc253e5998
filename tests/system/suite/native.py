"""Runs tests on this machine's own /dev/kvm, in a folder that looks like a lab host's root."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from polylab import Result
from polylab.arch import find_arch
from polylab.build import find_guests, find_monitor

from . import shell, terminal

ARCH = "x86_64"
KVM_CREATE_VM = 0xae01


def missing():
    """Why nothing can run here; empty when it can."""
    import fcntl
    if os.uname().machine != ARCH:
        return f"this machine is no {ARCH}"
    try:
        kvm = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        return f"/dev/kvm: {error.strerror}"
    try:
        os.close(fcntl.ioctl(kvm, KVM_CREATE_VM, 0))
    except OSError as error:
        return f"/dev/kvm makes no VM: {error.strerror}"
    finally:
        os.close(kvm)
    return ""


def is_pvm():
    """Whether this machine's KVM is KVM-PVM, on which Linux guests cannot run."""
    return pathlib.Path("/sys/module/kvm_pvm").exists()


def linux_kernel():
    """The kernel that the lab would give an x86_64 guest."""
    from polylab.cache import Cache
    from polylab.kernels import find_kernel
    return find_kernel(Cache(), find_arch(ARCH), "debian", "guest").image


class _Keeper:
    """Kills the process group of the test that runs when we end, however that is."""

    SCRIPT = 'while read -r group; do last=$group; done; [ -z "$last" ] || kill -9 "-$last"'

    def __init__(self):
        self._process = subprocess.Popen(["/bin/sh", "-c", self.SCRIPT], stdin=subprocess.PIPE, start_new_session=True,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def watch(self, group):
        """This group from now on; None: nothing runs."""
        self._process.stdin.write(b"%s\n" % (b"" if group is None else b"%d" % group))
        self._process.stdin.flush()

    def end(self):
        """What is still watched is killed."""
        self._process.stdin.close()
        self._process.wait()


def run_all(cases):
    """{name: result} of all cases, one after the other."""
    monitor = find_monitor(find_arch(ARCH))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="polyvisor-system-"))
    keeper = _Keeper()
    try:
        _furnish(folder, monitor, cases)
        return {case.name: _run(folder, case, keeper) for case in cases}
    finally:
        keeper.end()
        shutil.rmtree(folder, ignore_errors=True)


def _furnish(folder, monitor, cases):
    for name in ("bin", "guest", "tmp", "runtime"):
        (folder / name).mkdir(mode=0o700)
    for name in ("polyvisor", "lkvm", "crosvm"):
        (folder / "bin" / name).symlink_to(monitor.resolve())
    for name, path in find_guests(find_arch(ARCH)).items():
        (folder / "guest" / name).symlink_to(path.resolve())
    for name, content in shell.files_of(cases).items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else pathlib.Path(content).read_bytes())


def _environment(folder):
    return {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "TERM": "dumb",
            "XDG_RUNTIME_DIR": str(folder / "runtime"), "HOME": str(folder)}


def _run(folder, case, keeper):
    """One command in a session of its own; what it leaves behind in it is killed."""
    command = case.lab_command()
    result = Result(command)
    begun = time.monotonic()
    options = {"cwd": folder, "env": _environment(folder)}
    if case.terminal:
        child, status, result.output = terminal.run(command.words(), case.terminal, case.keys, case.timeout,
                                                    keeper.watch, **options)
        _settle(child, status, result)
    else:
        _run_piped(case, result, keeper, options)
    keeper.watch(None)
    result.seconds = time.monotonic() - begun
    return result


def _run_piped(case, result, keeper, options):
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as output, \
            tempfile.TemporaryFile() as errors:
        source.write(case.stdin or b"")
        source.seek(0)
        child = subprocess.Popen(result.command.words(), start_new_session=True, stdout=output,
                                 stdin=source if case.stdin else subprocess.DEVNULL,
                                 stderr=errors if case.separate else output, **options)
        keeper.watch(child.pid)
        try:
            status = child.wait(case.timeout)
        except subprocess.TimeoutExpired:
            status = None
        _settle(child, status, result)
        output.seek(0)
        errors.seek(0)
        result.output, result.errors = output.read(), errors.read()


def _settle(child, status, result):
    """Note how it ended, and end what it left running."""
    if status is None:
        result.kind, result.status = "timeout", 124
    else:
        result.kind = "exit" if status >= 0 else "signal"
        result.status = status if status >= 0 else 128 - status
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()
