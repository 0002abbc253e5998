"""Options of `polyvisor run` and the words about itself."""

import json

from suite.case import Case
from suite.shell import script

HELLO = "hello from polyvisor guest"


def cases(target):
    """The command line is the same everywhere: in full once for each architecture."""
    if not target.full:
        return []
    return _forms(target) + _config() + _android(target) + _monitor(target) + _words(target)


def _forms(target):
    two = "smp: 2 of 2 CPUs up"
    return [
        Case("options/long-equals", ["polyvisor", "run", "--kernel=guest/smp", "--cpus=2"], says=[two]),
        Case("options/long-word", ["polyvisor", "run", "--cpus", "2", "--mem", "64M", "guest/smp"], says=[two]),
        Case("options/short-joined", ["polyvisor", "run", "-c2", "-m64", "-kguest/smp"], says=[two]),
        Case("options/end-of-options", ["polyvisor", "run", "-c", "2", "--", "guest/smp"], says=[two]),
        # Another name may mean another board: what is not linked to an address runs on any.
        Case("options/called-lkvm", ["lkvm", "run", "-k", _movable(target)], says=[HELLO]),
        Case("options/called-crosvm", ["crosvm", "run", _movable(target)], says=[HELLO]),
        Case("options/gzip", script("gzip -c guest/hello%s >tmp/packed && polyvisor run tmp/packed" %
                                    (".img" if ".img" in target.formats else "")), says=[HELLO]),
    ]


def _movable(target):
    return "guest/hello.img" if ".img" in target.formats else "guest/hello"


def _config():
    options = ("guest/exitcode -c 2 -m 96M -p 'code=17' --rng -d tmp/config.img,ro --name round "
               "--log-level error --exit-stats")
    return [
        Case("options/config-round-trip", script(
            "head -c 65536 /dev/zero >tmp/config.img\n"
            f"polyvisor run {options} --print-config >tmp/a.json || exit 90\n"
            "polyvisor run --config tmp/a.json --print-config >tmp/b.json || exit 91\n"
            "cmp tmp/a.json tmp/b.json || exit 92\ncat tmp/b.json\n"
            "polyvisor run --config tmp/a.json"), 17, says=[
                '"name": "round"', '"cpus": 2', '"memory": "96M"', '"read_only": true', '"exit_stats": true',
                "exitcode: 17", "exits "]),
        Case("options/config-overridden", script(
            'printf \'{"kernel": "guest/hello", "cpus": 3, "params": "from-file"}\' >tmp/c.json\n'
            "polyvisor run -k guest/smp --config tmp/c.json; polyvisor run -p from-option --config tmp/c.json"),
            says=["smp: 3 of 3 CPUs up", "arguments: from-file from-option"]),
        Case("options/print-config-starts-nothing", ["polyvisor", "run", "guest/hello", "--print-config"],
             says=['"kernel": "guest/hello"'], never=[HELLO]),
    ]


def _android(target):
    """A VM configuration of Android's Virtualization Framework, as its users write them."""
    document = {"name": "android", "kernel": _movable(target), "params": "android.said=this", "bootloader": None,
                "disks": [{"image": "tmp/avf.img", "partitions": [], "writable": True}], "protected": False,
                "memory_mib": 128, "cpu_topology": "match_host", "platform_version": "~1.0", "debuggable": True,
                "console_out": True, "connect_console": True, "console_input_device": "ttyS0"}
    board = ['"board": "crosvm"'] if target.arch == "aarch64" else []

    def written(name, **changes):
        return f"cat >tmp/{name}.json <<'END'\n{json.dumps({**document, **changes})}\nEND\n"

    def refused(name, says, **changes):
        return Case(f"options/android-{name}", script(f"{written(name, **changes)}polyvisor run --config tmp/{name}.json"), 104,
                    says=[f"tmp/{name}.json: {says}"], never=[HELLO])
    return [
        Case("options/android", script(
            f"head -c 65536 /dev/zero >tmp/avf.img\n{written('avf')}polyvisor run --config tmp/avf.json --print-config\n"
            "polyvisor run --config tmp/avf.json -c 1"), says=[
                '"memory": "128M"', '"path": "tmp/avf.img"', '"read_only": false', *board, HELLO, "arguments: android.said=this"]),
        refused("protected", "protected: a protected guest's memory is closed to the monitor", protected=True),
        refused("bootloader", "bootloader: firmware is not started yet", bootloader="u-boot.bin"),
        refused("partitions", "disks[0].partitions: disks composed of partitions",
                disks=[{"partitions": [{"label": "boot", "path": "boot.img"}]}]),
        refused("type", "memory_mib: expected a whole number", memory_mib="128M"),
    ]


def _monitor(target):
    disk = "head -c 65536 /dev/zero >tmp/open.img\n"
    return [
        Case("options/disable-sandbox", script(disk + "polyvisor run guest/virtio --disable-sandbox --rng "
                                               "-d tmp/open.img -p write=3"), says=["virtio: 2 devices, 0 broken"]),
        Case("options/sandboxed", script(
            "start sealed --rng; grep -E '^(Seccomp|NoNewPrivs):' /proc/$pid/status; polyvisor stop -n sealed\n"
            "finished $pid sealed; start bare --disable-sandbox; grep Seccomp: /proc/$pid/status\n"
            "polyvisor stop -n bare; finished $pid bare"),
            says=["NoNewPrivs:\t1", "Seccomp:\t2", "sealed ended with status 106", "Seccomp:\t0",
                  "bare ended with status 106"]),
        Case("options/exit-stats", ["polyvisor", "run", "guest/hello", "--exit-stats"],
             says=[HELLO, "polyvisor: exits "], check=_counts),
        Case("options/log-level", ["polyvisor", "run", "guest/hello", "--log-level", "debug"], separate=True,
             says=["polyvisor: kernel: "], check=_console_apart),
        Case("options/hello-is-quiet", ["polyvisor", "run", "guest/hello"], separate=True, check=_nothing_more(target)),
    ]


def _counts(result):
    line = result.text.split("polyvisor: exits ", 1)[1].split("\n", 1)[0]
    total, _, causes = line.partition(" (")
    named = sum(int(cause.split()[-1]) for cause in causes.partition(")")[0].split(", "))
    assert 0 < int(total) == named, f"{total} exits, {named} by cause"


def _console_apart(result):
    assert result.output.startswith(HELLO.encode()) and b"polyvisor:" not in result.output, \
        "standard output carries what is not the guest's"


def _nothing_more(target):
    def check(result):
        assert result.text == f"{HELLO} ({target.guest_arch})\n", "standard output is not the guest's line alone"
        assert not result.errors, "standard error is not empty"
    return check


def _words(target):
    commands = ["run", "list", "stat", "stop", "pause", "resume"]
    found = [
        Case("options/version", ["polyvisor", "--version"], says=["polyvisor ", target.guest_arch]),
        Case("options/help", ["polyvisor", "--help"], says=commands),
        Case("options/man", ["polyvisor", "--man"], says=[".TH", "polyvisor"]),
        Case("options/completion", ["polyvisor", "--completion", "bash"], says=["complete "]),
    ]
    found += [Case(f"options/help-{name}", ["polyvisor", name, "--help"], says=[f"polyvisor {name}"])
              for name in commands]
    return found
