"""The command `lab/lab`."""

import argparse
import os
import pathlib
import sys

from . import terminal
from .arch import ARCHES, find_arch
from .build import find_guests, find_monitor
from .cache import Cache
from .errors import LabError
from .host import Command, Host, HostDied
from .images import guest_initrd
from .kernels import find_kernel

NO_CARRY = ("/proc/", "/sys/", "/dev/", "/run/")


def _parser():
    parser = argparse.ArgumentParser(
        prog="lab", description="KVM hosts of every architecture, emulated by QEMU.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="the architectures, and what is in the cache for each")
    kernel = actions.add_parser("kernel", help="print the path of a kernel, making it if needed")
    kernel.add_argument("arch")
    kernel.add_argument("--minimal", action="store_true",
                        help="built from Debian's source with kernel/<arch>/*.config")
    role = kernel.add_mutually_exclusive_group()
    role.add_argument("--host", dest="role", action="store_const", const="host", default="guest")
    role.add_argument("--guest", dest="role", action="store_const", const="guest")
    initrd = actions.add_parser("initrd", help="print the path of the guest initramfs")
    initrd.add_argument("arch")
    initrd.add_argument("--minimal", action="store_true", help="for the minimal kernel")
    for name, text in (("shell", "a shell on a host"), ("run", "run a command on a host")):
        action = actions.add_parser(name, help=text)
        _host_options(action)
        action.add_argument("arch")
        if name == "run":
            action.add_argument("words", nargs="*", metavar="-- CMD...")
    return parser


def _host_options(action):
    action.add_argument("--cpus", type=int, help="the host's processors")
    action.add_argument("--mem", type=int, metavar="MIB", help="the host's memory")
    action.add_argument("--cpu", help="QEMU's processor model")
    action.add_argument("--machine", action="append", default=[], metavar="OPTION=VALUE",
                        help="an option of QEMU's machine, e.g. gic-version=2, aia=aplic-imsic")
    action.add_argument("--hide", action="append", default=[], metavar="NODE/PROPERTY",
                        help="leave this out of the host's device tree, e.g. intc/interrupts")
    action.add_argument("--minimal", action="store_true", help="minimal kernels, host and guest")
    action.add_argument("--kernel", help="the host's kernel image")
    action.add_argument("--guest-kernel", help="the image that is guest/linux inside")
    action.add_argument("--monitor", help="the monitor's binary (default: from build/)")
    action.add_argument("--module", action="append", default=[], help="load this kernel module too")
    action.add_argument("--append", default="", help="added to the host kernel's command line")
    action.add_argument("--file", action="append", default=[], metavar="INSIDE=OUTSIDE",
                        help="carry a file in")
    action.add_argument("--qemu", action="append", default=[], metavar="ARG",
                        help="one more argument for QEMU")
    action.add_argument("--plugin", action="append", default=[], help="a QEMU plugin with options")
    action.add_argument("--deterministic", action="store_true",
                        help="count instructions: two runs are the same to the letter")
    action.add_argument("--timeout", type=float, default=0.0, metavar="S",
                        help="end the command after so many seconds of the host's time")
    action.add_argument("--log", help="append the host's own console to this file")


def _host(options):
    machine = dict(one.partition("=")[::2] for one in options.machine)
    files = {}
    for one in options.file:
        inside, equals, outside = one.partition("=")
        if not equals:
            inside, outside = f"/in/{pathlib.Path(one).name}", one
        if not pathlib.Path(outside).is_file():
            raise LabError(f"no file {outside}")
        files[inside] = pathlib.Path(outside)
    return Host(options.arch, cpus=options.cpus, memory=options.mem, cpu=options.cpu, machine=machine,
                kernel=options.kernel or ("minimal" if options.minimal else "debian"),
                guest_kernel=options.guest_kernel or ("minimal" if options.minimal else None),
                monitor=options.monitor, modules=options.module, append=options.append, files=files,
                qemu_args=options.qemu, plugins=options.plugin, hide=options.hide,
                deterministic=options.deterministic,
                log=options.log, environment={"TERM": os.environ.get("TERM", "dumb")})


def carry_in(host, words):
    """The words with the names of files outside replaced by their names inside.

    A word is a file name as a whole, up to a comma (disk options), or after the `=` of an option.
    A name that the host has itself (guest/hello, /bin/sh) is left alone.
    """
    inside = host.inside_names()

    def one(word):
        option, equals, rest = word.partition("=") if word.startswith("-") else ("", "", word)
        name, comma, tail = rest.partition(",")
        plain = os.path.normpath(name).lstrip("/") if name else ""
        if not name or plain in inside or name.startswith(NO_CARRY) or not os.path.isfile(name):
            return word
        return f"{option}{equals}{host.carry(os.path.abspath(name))}{comma}{tail}"
    return [one(word) for word in words]


def _write_output(_result, kind, data):
    target = sys.stdout.buffer if kind == "O" else sys.stderr.buffer
    target.write(data)
    target.flush()


def _errors_apart():
    """Whether our standard error goes elsewhere than our standard output."""
    try:
        return not os.path.sameopenfile(1, 2)
    except OSError:
        return True


def _run(options, words):
    host = _host(options)
    words = carry_in(host, words)
    interactive = sys.stdin is not None and sys.stdin.isatty()
    if interactive:
        command = Command(words, timeout=options.timeout, terminal=terminal.size(), live=True)
        with terminal.raw(on_resize=host.resize):
            source = terminal.Source(0, terminal.Escape())
            return host.run_all([command], _write_output, source)[0].status
    live = sys.stdin is not None and not options.deterministic
    command = Command(words, timeout=options.timeout, live=live, separate=_errors_apart())
    source = terminal.Source(0) if live else None
    return host.run_all([command], _write_output, source)[0].status


def _list():
    cache = Cache()
    for arch in ARCHES.values():
        monitor = find_monitor(arch)
        minimal = [path.name for path in (cache.folder / "kernels").glob(f"*-{arch.name}-*")]
        if arch.stock:
            have = any((cache.folder / "packages").glob(f"{arch.stock.meta}-{arch.debian}-*"))
            kernel = f"{arch.stock.meta} ({arch.stock.suite}){' cached' if have else ''}"
        else:
            kernel = f"of {arch.source.package} ({arch.source.suite})"
        print(f"{arch.name:8}  kernel {kernel}{', minimal cached' if minimal else ''}; "
              f"monitor {monitor or 'not built'}; {len(find_guests(arch))} guest files")
    return 0


def parse(arguments):
    """The options; what follows the first `--` is the command, whatever it looks like."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    options = _parser().parse_args(arguments[:cut])
    if hasattr(options, "words"):
        options.words += arguments[cut + 1:]
    elif cut < len(arguments):
        raise SystemExit(f"lab: {options.action} takes no command")
    return options


def main(arguments=None):
    """Run the command; returns the exit status (125: the lab itself failed)."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    options = parse(arguments)
    try:
        if options.action == "list":
            return _list()
        if options.action == "kernel":
            which = "minimal" if options.minimal else "debian"
            print(find_kernel(Cache(), find_arch(options.arch), which, options.role).image)
            return 0
        if options.action == "initrd":
            which = "minimal" if options.minimal else "debian"
            cache, arch = Cache(), find_arch(options.arch)
            print(guest_initrd(cache, arch, find_kernel(cache, arch, which, "guest")))
            return 0
        if options.action == "shell":
            return _run(options, ["/bin/sh", "-l"])
        if not options.words:
            raise LabError("run what? lab/lab run ARCH -- CMD...")
        return _run(options, options.words)
    except HostDied as error:
        print(f"lab: {error}", file=sys.stderr)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 141
    return 125
