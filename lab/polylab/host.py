"""A lab host: one boot of QEMU that runs commands and says how each of them went.

    from polylab import Host, Command
    results = Host("riscv64").run_all(["uname -a", Command(["polyvisor", "--version"], timeout=20)])
    with Host("aarch64", machine={"gic-version": "2"}, cpu="cortex-a57") as host:
        assert host.run("kvmprobe").status == 0

lab/README.md describes every option.
"""

import ctypes
import dataclasses
import hashlib
import os
import pathlib
import secrets
import selectors
import signal
import subprocess
import tempfile
import time

from . import device_tree, frames
from .arch import find_arch
from .build import find_guests, find_monitor
from .cache import Cache
from .cpio import Archive as Cpio
from .errors import LabError
from .images import guest_initrd, host_base, is_executable
from .kernels import find_kernel
from .plan import plan, request
from .progress import step
from .qemu import find_qemu

MONITOR_NAMES = ("polyvisor", "lkvm", "crosvm")
FIXED_CLOCK = 1704067200        # 2024-01-01, as -rtc base= of deterministic hosts
INPUT_WINDOW = 1024             # bytes of live input on their way at most


@dataclasses.dataclass
class Command:
    """What to run: a list of words, or one string for the shell.

    stdin: None for end of file at once, bytes for that content. separate: standard error apart
    from standard output. capture: "pipe" streams, "file" keeps the output in the host's RAM until
    the command has ended, so that nothing else runs meanwhile (for counting). timeout: seconds
    inside the host; then SIGTERM, two seconds later SIGKILL. terminal: its own terminal of
    (rows, columns). live: standard input is fed by `Host.interact`.
    """

    argv: list | str
    timeout: float = 120.0
    stdin: bytes | None = None
    separate: bool = False
    capture: str = "pipe"
    terminal: tuple | None = None
    live: bool = False
    folder: str = "/"

    def words(self):
        """The words to execute."""
        return ["/bin/sh", "-c", self.argv] if isinstance(self.argv, str) else list(self.argv)

    def mode(self):
        """The agent's letter for where the output goes."""
        if self.terminal:
            return "t"
        return "f" if self.capture == "file" else "s" if self.separate else "m"


@dataclasses.dataclass
class Result:
    """How a command went. `status` is the exit status, 128 + N after signal N, 124 on timeout."""

    command: Command
    status: int = -1
    kind: str = "lost"          # exit, signal, timeout; lost: the host died before it ended
    output: bytes = b""
    errors: bytes = b""
    seconds: float = 0.0        # elapsed, user and system time by the host's clock
    user: float = 0.0
    system: float = 0.0
    maxrss: int = 0             # KiB, of the largest process

    @property
    def text(self):
        """The output as text, lines ended by newline alone."""
        return self.output.decode(errors="replace").replace("\r\n", "\n")


class HostDied(LabError):
    """The host ended before its commands did; `results` holds what there is."""

    def __init__(self, message, results, given_up=False):
        super().__init__(message)
        self.results = results
        self.given_up = given_up    # by us, after a command's timeout: no command was running


class Host:
    """A KVM host of one architecture; see the module's description and lab/README.md."""

    def __init__(self, arch, *, cpus=None, memory=None, cpu=None, machine=None, append="",
                 kernel="debian", guest_kernel=None, monitor=None, modules=(), files=None,
                 guest_files=None, guest_modules=(),
                 environment=None, deterministic=False, qemu_args=(), plugins=(), hide=(), log=None,
                 one_timeout=False, boot_timeout=300.0, cache=None):
        self.arch = find_arch(arch)
        self.cache = cache or Cache()
        self.deterministic = deterministic
        self.console = b""      # what the host's kernel and firmware said
        self.qemu_output = b""  # QEMU's standard error (plugins report there)
        self.boot_seconds = 0.0  # kernel start to agent, by the host's clock
        self.boot_wall = 0.0
        self.cpu_seconds = 0.0  # of QEMU, once it has ended
        self.notes = []         # what the agent had to say
        self._options = {
            "cpus": 1 if deterministic else cpus or self.arch.cpus,
            "memory": memory, "cpu": cpu or self.arch.cpu, "machine": machine or {},
            "append": append, "qemu_args": list(qemu_args), "plugins": list(plugins)}
        self._kernel_name = kernel
        self._guest_kernel = guest_kernel or ("minimal" if kernel == "minimal" else "debian")
        self._monitor = monitor
        self._modules = tuple(self.arch.modules) + tuple(modules)
        self._files = dict(files or {})
        self._guest_files = dict(guest_files or {})
        self._guest_modules = tuple(guest_modules)
        self._environment = {"PATH": "/bin:/usr/bin", "HOME": "/root", "TERM": "dumb",
                             "USER": "root", "SHELL": "/bin/sh", **(environment or {})}
        self._hide = tuple(hide)
        self._one_timeout = one_timeout
        self._log = pathlib.Path(log) if log else None
        self._boot_timeout = boot_timeout
        self._process = None
        self._pipe_errors = None
        self._results = []
        self._current = None
        self._ended = 0
        self._ready = False
        self.on_output = None   # called with (result, kind "O" or "E", bytes) as output arrives

    # -- what is inside ----------------------------------------------------------------------

    def carry(self, outside, inside=None):
        """Have the file `outside` in the host; returns its name there. Before the boot only."""
        outside = pathlib.Path(outside)
        if inside is None:
            inside, number = f"/in/{outside.name}", 1
            while inside in self._files and pathlib.Path(self._files[inside]) != outside:
                inside, number = f"/in/{number}/{outside.name}", number + 1
        self._files[inside] = outside
        return inside

    def inside_names(self):
        """Names of files that every host of this kind has (without leading slash)."""
        kernel = find_kernel(self.cache, self.arch, self._kernel_name, "host")
        base = host_base(self.cache, self.arch, kernel, self._modules)
        names = set((base / "names").read_text().split("\n"))
        names |= {f"guest/{name}" for name in find_guests(self.arch)}
        names |= {"guest/linux", "guest/initrd"} | {f"bin/{name}" for name in MONITOR_NAMES}
        return names

    def _overlay(self, commands, serve):
        """The archive of this run: plan, monitor, guests and carried files."""
        image = Cpio()
        monitor = find_monitor(self.arch, self._monitor)
        if monitor:
            image.file("usr/bin/polyvisor", monitor, 0o755)
            for name in MONITOR_NAMES:
                image.link(f"bin/{name}", "/usr/bin/polyvisor")
        for name, path in find_guests(self.arch).items():
            image.file(f"guest/{name}", path, 0o755)
        words = " ".join(word for command in commands for word in command.words())
        if serve or any(command.terminal for command in commands) or "guest/" in words:
            kernel = find_kernel(self.cache, self.arch, self._guest_kernel, "guest")
            image.file("guest/linux", kernel.image)
            image.file("guest/initrd", guest_initrd(
                self.cache, self.arch, kernel, self._guest_files, modules=self._guest_modules))
        for name, content in self._files.items():
            program = not isinstance(content, bytes) and is_executable(content)
            image.file(name, content, 0o755 if program else 0o644)
        return image

    def _archive(self, base, commands, serve):
        image = self._overlay(commands, serve)
        requests = []
        for index, command in enumerate(commands):
            if command.stdin:
                image.file(f"lab/stdin/{index}", command.stdin)
            requests.append(self._request(command, f"/lab/stdin/{index}" if command.stdin else ""))
        seed = hashlib.sha256(b"".join(requests)).hexdigest()
        self._token = seed[:8] if self.deterministic else secrets.token_hex(4)
        modules = (base / "modules").read_text().split("\n")[:-1]
        image.file("lab/plan", plan(f"/dev/{self.arch.console}", self._token, requests, modules,
                                    self._environment, f"lab-{self.arch.name}", serve=serve,
                                    clock=FIXED_CLOCK if self.deterministic else int(time.time())))
        return image.data()

    @staticmethod
    def _request(command, stdin):
        return request(command.words(), command.mode(), command.timeout,
                       "-" if command.live else stdin, command.folder, command.terminal or (0, 0))

    # -- the machine -------------------------------------------------------------------------

    def command_line(self, qemu, size):
        """QEMU's command line for this host, with room for an initramfs of `size` bytes."""
        arch, options = self.arch, self._options
        machine = dict(arch.machine_options)
        if self.deterministic:
            machine.update(arch.deterministic_machine)
        machine.update(options["machine"])
        # In steps of 64 MiB: ppce500 takes no others.
        memory = options["memory"] or max(arch.memory, -(-(512 + 4 * size // (1 << 20)) // 64) * 64)
        line = qemu.command(arch.qemu)
        line += ["-M", ",".join([arch.machine, *(f"{k}={v}" for k, v in machine.items())]),
                 "-cpu", options["cpu"], "-smp", str(options["cpus"]), "-m", str(memory),
                 "-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none",
                 "-no-reboot", "-chardev", "stdio,id=line,signal=off", "-serial", "chardev:line"]
        line += list(arch.deterministic) if self.deterministic else \
            ["-accel", arch.accel]
        if arch.firmware:
            suite, package, path = arch.firmware
            from .debian import Archive
            tree = Archive(self.cache, arch.debian, [suite]).unpacked([package], package)
            line += ["-bios", str(tree / path)]
        for plugin in options["plugins"]:
            line += ["-plugin", str(plugin)]
        return [*line, *arch.qemu_args, *map(str, options["qemu_args"])]

    def _boot_options(self, kernel, initrd):
        append = f"console={self.arch.console} quiet panic=-1 {self.arch.append} {self._options['append']}"
        return ["-kernel", str(kernel), "-initrd", initrd, "-append", append.strip()]

    def _device_tree(self, line, environment):
        """A descriptor of the host's device tree with what `hide` names left out."""
        tree = device_tree.emulated(line, environment)
        for one in self._hide:
            node, _, name = one.rpartition("/")
            tree = device_tree.without(tree, node, name)
        return _unnamed_file("dtb", tree)

    def _start(self, commands, serve):
        qemu = find_qemu(self.cache, self.arch)
        kernel = find_kernel(self.cache, self.arch, self._kernel_name, "host")
        base = host_base(self.cache, self.arch, kernel, self._modules)
        archive = self._archive(base, commands, serve)
        size = (base / "archive").stat().st_size + len(archive)
        files = [_unnamed_file("initramfs", (base / "archive").read_bytes(), archive)]
        line = self.command_line(qemu, size)
        if self._hide:
            files.append(self._device_tree(line, qemu.environment()))
            line += ["-dtb", f"/proc/self/fd/{files[1]}"]
        line += self._boot_options(kernel.image, f"/proc/self/fd/{files[0]}")
        self._pipe_errors = tempfile.TemporaryFile()
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._pipe_errors,
            env=qemu.environment(), pass_fds=files, bufsize=0, start_new_session=True,
            preexec_fn=_die_with_parent)
        for file in files:
            os.close(file)
        os.set_blocking(self._process.stdout.fileno(), False)
        self._parser = frames.Parser(self._token)
        self._results = [Result(command) for command in commands]
        self._current, self._ended, self._ready = None, 0, False

    def _send(self, kind, payload=b""):
        try:
            self._process.stdin.write(frames.encode(kind, payload))
        except (BrokenPipeError, ValueError):
            pass

    def _receive(self, data):
        for kind, payload in self._parser.feed(data):
            if kind == frames.NOISE:
                self.console += payload
                if self._log:
                    with open(self._log, "ab") as log:
                        log.write(payload)
            elif kind == "R":
                self._ready = True
                self.boot_seconds = float(payload)
                self.boot_wall = time.monotonic() - self._started
            elif kind == "B":
                self._current = self._results[int(payload)]
            elif kind in "OE" and self._current:
                if kind == "O" or not self._current.command.separate:
                    self._current.output += payload
                else:
                    self._current.errors += payload
                if self.on_output:
                    self.on_output(self._current, kind, payload)
            elif kind == "A":
                self._unacknowledged -= int(payload)
            elif kind == "M":
                self.notes.append(payload.decode(errors="replace"))
            elif kind == "X":
                self._finish(payload.decode().split())

    def _finish(self, fields):
        result = self._results[int(fields[0])]
        value = int(fields[2])
        result.kind = fields[1]
        result.status = {"exit": value, "signal": 128 + value, "timeout": 124}[fields[1]]
        result.seconds = int(fields[3]) / 1e9
        result.user, result.system = int(fields[4]) / 1e6, int(fields[5]) / 1e6
        result.maxrss = int(fields[6])
        self._ended += 1
        self._current = None
        if result.kind == "timeout" and self._one_timeout and self._ended < len(self._results):
            raise self._died("was given up", given_up=True)

    _unacknowledged = 0

    def _pump(self, done, deadline, source=None):
        """Handle the line (and live input from `source`) until `done()`; False at the end of it."""
        output = self._process.stdout.fileno()
        with selectors.PollSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while not done():
                wants = source is not None and self._unacknowledged < INPUT_WINDOW and \
                    source.active and self._ready and self._current is not None
                self._watch(selector, source, wants)
                left = None if deadline is None else deadline() - time.monotonic()
                if left is not None and left <= 0:
                    raise self._died("took too long")
                for key, _ in selector.select(left and min(left, 1000.0)):
                    if key.fd == output:
                        data = os.read(output, 65536)
                        if not data:
                            return False
                        self._receive(data)
                    else:
                        self._unacknowledged += source.forward(self._send)
        return True

    @staticmethod
    def _watch(selector, source, wants):
        if source is None:
            return
        known = [key for key in selector.get_map().values() if key.data == "input"]
        if wants and not known:
            selector.register(source.fd, selectors.EVENT_READ, "input")
        elif known and not wants:
            selector.unregister(source.fd)

    def _died(self, why, given_up=False):
        self.close(kill=True)
        tail = self.console[-2000:].decode(errors="replace").replace("\r", "").strip()
        errors = self.qemu_output[-1500:].decode(errors="replace").strip()
        where = "while booting" if not self._ready else f"after {self._ended} of " \
            f"{len(self._results)} commands"
        message = f"the {self.arch.name} host {why} {where}"
        for title, text in (("its console", tail), ("QEMU", errors)):
            if text:
                message += f"\n-- {title} said last:\n{text}"
        return HostDied(message, self._results, given_up)

    def _await_boot(self):
        limit = self._started + self._boot_timeout
        with step(f"booting the {self.arch.name} host"):
            if not self._pump(lambda: self._ready, lambda: limit):
                raise self._died("ended")

    def _command_deadline(self):
        """A guard on top of the agent's own timeouts, should the host hang as a whole."""
        state = {"ended": -1, "limit": 0.0}

        def limit():
            if state["ended"] != self._ended and self._ended < len(self._results):
                timeout = self._results[self._ended].command.timeout
                state["ended"] = self._ended
                scale = 20 if self.deterministic else 1
                state["limit"] = time.monotonic() + (timeout * scale + 60 if timeout else 1e9)
            return state["limit"]
        return limit

    # -- what callers use --------------------------------------------------------------------

    def run_all(self, commands, on_output=None, source=None):
        """Boot, run the commands one after the other, power off; returns their results."""
        commands = [one if isinstance(one, Command) else Command(one) for one in commands]
        self.on_output = on_output
        try:
            self._start(commands, serve=False)
            self._await_boot()
            if not self._pump(lambda: self._ended == len(commands), self._command_deadline(), source):
                raise self._died("ended")
        finally:
            self.close(kill=self._ended != len(commands))
        return self._results

    def __enter__(self):
        self._start([], serve=True)
        try:
            self._await_boot()
        except BaseException:
            self.close(kill=True)
            raise
        return self

    def __exit__(self, kind, value, trace):
        if self._process:
            self._send("Q")
        self.close(kill=kind is not None)

    def run(self, command, source=None, **options):
        """Run one more command on a host that was entered with `with`; returns its result.

        source: what a live command reads (terminal.Source).
        """
        if not isinstance(command, Command):
            command = Command(command, **options)
        if not self._process:
            raise LabError("this host is not running")
        if command.stdin:
            raise LabError("a command on a running host takes no stdin content; use run_all")
        self._results.append(Result(command))
        data = self._request(command, "")
        if len(data) > 4000:
            raise LabError("this command line is too long for a running host; carry a script in")
        self._send("C", data)
        count = len(self._results)
        self._unacknowledged = 0
        if not self._pump(lambda: self._ended == count, self._command_deadline(), source):
            raise self._died("ended")
        return self._results[-1]

    def resize(self, rows, columns):
        """Tell the running command's terminal its new size."""
        self._send("W", f"{rows} {columns}".encode())

    def close(self, kill=False):
        """End QEMU: wait for the power-off, or kill it."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            if kill:
                process.kill()
            else:
                limit = time.monotonic() + 30
                self._process = process
                try:
                    self._pump(lambda: False, lambda: limit)
                finally:
                    self._process = None
        except LabError:
            process.kill()
        finally:
            for stream in (process.stdin, process.stdout):
                stream.close()
            self._reap(process)

    def _reap(self, process):
        try:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.cpu_seconds = usage.ru_utime + usage.ru_stime
        except ChildProcessError:
            process.wait()
        self._pipe_errors.seek(0)
        self.qemu_output = self._pipe_errors.read()
        self._pipe_errors.close()


def _unnamed_file(what, *parts):
    """A descriptor of a file in memory: nothing to clean up after a kill."""
    file = os.memfd_create(what)
    with open(file, "wb", closefd=False) as target:
        for part in parts:
            target.write(part)
    return file


def _die_with_parent():
    """Between fork and exec: QEMU ends when the lab does, however that comes about."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
