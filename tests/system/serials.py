"""Serial ports and boards: several UARTs, virtio-console ports, shared files, readers that are slow or gone."""

import re

from linux import DISK, linux
from suite.boards import other_boards
from suite.case import Case
from suite.shell import quoted, script

HELLO = "hello from polyvisor guest"


def cases(target):
    """Bare-metal guests speak on the first UART; Linux on all of them."""
    if not target.full:
        return []
    found = _outputs() + _boards(target)
    if not target.native:
        found += [_linux(target), *_placed(target)]
    return found


def _outputs():
    hello = "polyvisor run guest/hello --serial "
    return [
        Case("serials/file", script(f"rm -f tmp/lines; {hello} type=file,path=tmp/lines; {hello} type=file,path=tmp/lines\n"
                                    "echo lines $(grep -c hello tmp/lines)"), says=["lines 2"], never=[HELLO]),
        Case("serials/timestamps", script(hello + "type=stdout,out-timestamp"), says=[HELLO], check=_stamped),
        Case("serials/descriptor", script(f"exec 3>tmp/three; {hello} type=file,path=/proc/self/fd/3; cat tmp/three"),
             says=[HELLO]),
        Case("serials/pipe", script(hello + "type=file,path=/proc/self/fd/3 3>&1 >/dev/null | cat"), says=[HELLO]),
        Case("serials/sink", script(hello + "type=sink; echo status $?"), says=["status 0"], never=[HELLO]),
        Case("serials/second-is-silent", script(
            hello + "type=stdout --serial type=file,path=tmp/two,num=2; wc -c <tmp/two"), says=[HELLO, "0"]),
        # More than a FIFO of 64 KiB holds, and nobody reads; then a reader that dies.
        Case("serials/nobody-reads", script(
            "rm -f tmp/fifo; mkfifo tmp/fifo\n"
            "polyvisor run guest/flood -p kb=80 --serial type=file,path=tmp/fifo; echo status $?"),
             says=["nobody reads", "status 0"], timeout=180),
        Case("serials/reader-dies", script(
            "{ polyvisor run guest/flood --serial type=file,path=/proc/self/fd/3; echo status $? >tmp/died; } "
            "3>&1 >/dev/null 2>&1 | head -n1; cat tmp/died"), says=["00000000", "status 0"]),
        Case("serials/input", script(
            "printf 'from a file\\nquit\\n' >tmp/typed; polyvisor run guest/echo --serial type=stdout,input=tmp/typed"),
             says=["from a file", "echo: 17 bytes"]),
        Case("serials/no-such-descriptor", script(hello + "type=file,path=/proc/self/fd/77; echo status $?"),
             says=["serial 1", "/proc/self/fd/77", "status 103"]),
        # Its number is soon one of the monitor's own descriptors.
        Case("serials/closed-descriptors", script(
            "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-\nfor n in 3 4 5 6 7 8 9; do "
            f"{hello} type=file,path=/proc/self/fd/$n; echo status $?; "
            "polyvisor run guest/hello -i /proc/self/fd/$n >/dev/null 2>&1; echo status $?; "
            "polyvisor run guest/hello -d /dev/fd/$n >/dev/null 2>&1; echo status $?; "
            "polyvisor run guest/hello --socket /proc/self/fd/$n >/dev/null 2>&1; echo status $?; done"),
             says=["descriptor 3 has to be open", "descriptor 9 has to be open"], never=[HELLO], check=_all_refused),
        Case("serials/into-its-own-files", script(
            "cp $(ls guest/hello) tmp/kernel; cp tmp/kernel tmp/before; truncate -s 1M tmp/disk\n"
            "polyvisor run tmp/kernel --serial type=file,path=tmp/kernel; echo status $?\n"
            "polyvisor run tmp/kernel -d tmp/disk --serial type=file,path=tmp/disk; echo status $?\n"
            "cmp tmp/kernel tmp/before && echo same $(wc -c <tmp/disk)"),
             says=["tmp/kernel is used for something else", "tmp/disk is used for something else", "same 1048576"],
             never=[HELLO]),
        Case("serials/wrong-key", script(hello + "type=file,colour=red"), 104,
             says=["--serial: ", "colour", "is not a key"]),
    ]


def _all_refused(result):
    found = re.findall(r"^status (\d+)$", result.text, re.MULTILINE)
    assert len(found) == 28 and not {"0", "101"} & set(found), f"statuses {found}"


def _stamped(result):
    line = next(line for line in result.text.split("\n") if HELLO in line)
    assert re.match(r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] hello", line), line


def _boards(target):
    found = []
    for board in other_boards(target.arch):
        def run(guest, *more):
            return ["polyvisor", "run", f"guest/{guest}", "--board", board, *more]
        found += [
            Case(f"serials/board-{board}", run("hello.img"), says=[HELLO]),
            Case(f"serials/board-{board}-contract", run("contract.img"), timeout=120, says=[" checks, 0 failed\n"], never=["FAIL"]),
            Case(f"serials/board-{board}-flat", run("contract.bin"), timeout=120, says=[" checks, 0 failed\n"], never=["FAIL"]),
            Case(f"serials/board-{board}-smp", run("smp.img", "-c", "2"), says=["smp: 2 of 2 CPUs up\n"]),
            Case(f"serials/board-{board}-timer", run("timer.img"), says=["timer: 5 ticks, 0 too early\n"]),
            Case(f"serials/board-{board}-echo", run("echo.img"), stdin=b"by interrupt\nquit\n", says=["echo: 18 bytes\n"]),
            Case(f"serials/board-{board}-virtio", run("virtio.img", "--rng"), says=["virtio: 1 devices, 0 broken"]),
            Case(f"serials/board-{board}-exit", run("exitcode.img"), 42),
        ]
    return found + [Case("serials/no-such-board", ["polyvisor", "run", "guest/hello", "--board", "sifive_u"], 104,
                         says=["there is no board \"sifive_u\"", "virt"])]


def _placed(target):
    """PCI addresses of console and disk, and a channel through the smallest queues, both ways."""
    if target.powerpc:
        return []
    commands = ("cd /sys/bus/pci/devices", "for d in *; do echo pci $d $(cat $d/device); done", "echo disk=$(head -n1 /dev/vda)",
                "port=$(ls /dev/vport*p1)", "echo read=$(head -n500 $port | tail -n1)", "seq 400 >$port")
    words = linux(f"console={target.console} quiet lab.run=\"{'; '.join(commands)}\"", "--rng", "--transport", "pci",
                  "-d", "tmp/placed,ro,pci-address=00:05.0", "--serial", "type=stdout,stdin,console",
                  "--serial", "hardware=virtio-console,type=sink,pci-address=00:1e.0",
                  "--serial", "hardware=virtio-console,num=2,name=channel,type=file,path=tmp/placed-out,input=tmp/placed-in,max-queue-sizes=[2,1]")
    refused = "polyvisor run guest/hello --serial hardware=virtio-console,type=sink,"
    return [
        Case("serials/pci-address", script(
            f"cp in/linux-disk tmp/placed; rm -f tmp/placed-out; seq 500 >tmp/placed-in\n{quoted(words)} </dev/null; s=$?\n"
            "echo written=$(tail -n1 tmp/placed-out) of $(wc -l <tmp/placed-out); exit $s"), timeout=400, files={"in/linux-disk": DISK},
            says=["pci 0000:00:01.0 0x1044", "pci 0000:00:05.0 0x1042", "pci 0000:00:1e.0 0x1043", "disk=polyvisor-system-test-disk",
                  "read=500", "lab-guest: exit status 0", "written=400 of 400"]),
        Case("serials/pci-address-taken", script(refused + "pci-address=00:00.0 --transport pci"), 104,
             says=["serials[0].pci_address: 00:00.0 is taken by the host bridge"], never=[HELLO]),
        Case("serials/pci-address-without-pci", script(refused + "pci-address=00:05.0"), 104,
             says=["serials[0].pci_address: ", "--transport pci"], never=[HELLO]),
        Case("serials/queue-size", script(refused + "max-queue-sizes=[16,48]"), 104,
             says=["serials[0].max_queue_sizes: 48 is no power of two"], never=[HELLO]),
    ]


def _linux(target):
    """Linux writes to two UARTs, two terminals and a named channel; two of them share a file."""
    second = "/dev/ttyAMA1" if target.console == "ttyAMA0" else "/dev/ttyS1"
    commands = (f"echo second-uart >{second}", "echo first-terminal >/dev/hvc0", "echo second-terminal >/dev/hvc1",
                "echo name $(cat /sys/class/virtio-ports/vport*p2/name)",
                "echo named-channel >$(ls /dev/vport*p2)")
    words = ["polyvisor", "run", "-k", "guest/linux", "-i", "guest/initrd", "-m", "256",
             "-p", f"console={target.console} quiet lab.run=\"{'; '.join(commands)}\"",
             "--serial", "type=stdout,stdin,console", "--serial", "type=file,path=tmp/shared,num=2",
             "--serial", "hardware=virtio-console,type=file,path=tmp/shared,num=1",
             "--serial", "hardware=virtio-console,type=file,path=tmp/hvc1,num=2",
             "--serial", "hardware=virtio-console,type=file,path=tmp/channel,num=3,name=log"]
    return Case("serials/linux", script(
        f"rm -f tmp/shared tmp/hvc1 tmp/channel; {quoted(words)} </dev/null; s=$?\n"
        "for f in shared hvc1 channel; do echo in $f; cat tmp/$f; done; exit $s"), timeout=300,
        says=["lab-guest: up", "name log", "in shared", "second-uart", "first-terminal", "in hvc1",
              "second-terminal", "in channel", "named-channel"])
