"""Command lines of kvmtool's and crosvm's users as they wrote them, and what is said of options that are missing."""

import pathlib

from linux import DISK
from polylab.arch import find_arch
from polylab.cache import Cache
from polylab.toolchain import compiled
from suite.case import Case
from suite.shell import script

HELLO = "hello from polyvisor guest"
HANDOVER = pathlib.Path(__file__).resolve().parent / "handover.cpp"
LINKS = "ln -sf $(command -v polyvisor) tmp/lkvm; ln -sf $(command -v polyvisor) tmp/crosvm\n"

# From a user's notes of 2019 and of 2023, to the letter.
LKVM = '{0} run -m 1024 -c 2 --console serial -p "console=ttyS0 earlycon=uart8250,mmio,0x3f8" -k ./apps/Image'
CROSVM = (
    "{0} --extended-status --log-level info,disk=off run --disable-sandbox{1} --no-balloon --cpus 1 "
    "--serial=type=file,path=/proc/self/fd/17,hardware=serial,num=1 --serial=type=file,path=/proc/self/fd/8,hardware=serial,num=2 "
    "--serial=type=file,path=/proc/self/fd/17,hardware=virtio-console,num=1 --serial=type=file,path=/proc/self/fd/21,hardware=virtio-console,num=2 "
    "--serial=type=file,path=/proc/self/fd/18,hardware=virtio-console,num=3 --initrd /proc/self/fd/23 --params root=/dev/vda "
    "/proc/self/fd/22 --socket /proc/self/fd/9 --params crashkernel=17M")
STDOUT = (
    "{0} --extended-status --log-level debug,disk=off run --disable-sandbox --no-balloon --cpus 1 "
    "--serial=type=stdout,hardware=serial,num=1,stdin,console --serial=type=stdout,hardware=serial,num=2 "
    "--serial=type=stdout,hardware=virtio-console,num=1 --serial=type=stdout,hardware=virtio-console,num=2 "
    "--serial=type=stdout,hardware=virtio-console,num=3 --disk image.wic {1}")


def cases(target):
    """The refusals everywhere; each command line on the host that it was written for."""
    if not target.full:
        return []
    return _refusals() + _statuses(target) + _lkvm(target) + _crosvm(target)


def _refusals():
    def refused(name, words, says):
        return Case(f"personalities/{name}", script(f"{LINKS}tmp/crosvm --extended-status run guest/hello {words}"), 35,
                    says=says, never=[HELLO])
    return [
        refused("protected-vm", "--protected-vm", ["--protected-vm is an option of crosvm", "pKVM"]),
        refused("cid", "--cid 5", ["--cid is an option of crosvm", "vsock"]),
        refused("bios", "--bios u-boot.bin", ["--bios is an option of crosvm", "firmware"]),
        refused("bad-serial", "--serial type=tape", ["--serial: type: \"tape\" is not known"]),
        Case("personalities/lkvm-refuses", script(f"{LINKS}tmp/lkvm run --9p /tmp,tag -k guest/hello"), 104,
             says=["--9p is an option of kvmtool"]),
        Case("personalities/log-level", script("polyvisor --log-level info,disk=off run guest/hello"),
             says=["--log-level disk=off: messages are not divided", HELLO]),
    ]


def _statuses(target):
    """crosvm's exit statuses, each under its own name and under ours."""
    ending = ".img" if ".img" in target.formats else ""

    def ends(name, guest, status, *says):
        command = f"--extended-status run guest/{guest}"
        return Case(f"personalities/extended-{name}", script(
            f"{LINKS}tmp/crosvm {command}; echo crosvm ends with $?; polyvisor {command}; echo polyvisor ends with $?"),
            says=[*says, f"crosvm ends with {status}", *says, f"polyvisor ends with {status}"], timeout=240)
    found = [
        ends("poweroff", f"poweroff{ending}", 0),
        ends("code", f"exitcode{ending} -p code=17", 17),
        ends("reset", f"reset{ending}", 32, "resetting"),
        ends("panic", f"panic{ending}", 34, "reporting"),
        ends("bad-arguments", f"hello{ending} --cpus none", 35, "--cpus"),
        ends("watchdog", f"hang{ending} -p kind=4 --watchdog 2,action=stop", 36, "VERDICT (spinning)", "the watchdog ended the run"),
    ]
    if target.arch == "x86_64":
        found.append(ends("crash", "triplefault", 33, "the guest crashed"))
    elif target.arch == "aarch64":
        found.append(ends("crash", "nisv.img --rng --nisv stop -p refused=1", 33, "the guest crashed"))
    return found


def _until(command, text, output, then=":"):
    """Run in the background until `output` has `text`, do `then`, and end it by SIGTERM."""
    return (f"{command} >tmp/words 2>&1 </dev/null & pid=$!\n"
            f"for i in $(seq 6000); do grep -q '{text}' {output} 2>/dev/null && break; kill -0 $pid || break; sleep 0.1; done\n"
            f"{then}; kill $pid; finished $pid it; cat tmp/words; [ {output} = tmp/words ] || cat {output}\n")


def _lkvm(target):
    """Without an initrd Linux gets as far as looking for a root file system."""
    if target.arch != "riscv64":
        return []
    place = "mkdir -p apps; ln -sf $(command -v polyvisor) apps/lkvm-static; ln -sf ../guest/linux apps/Image\n"
    def boots(name, program, *says):
        return Case(f"personalities/{name}", script(place + _until(LKVM.format(program), "Unable to mount root", "tmp/words")),
                    timeout=900, says=["it ended with status 106", *says, "Unable to mount root"])
    return [
        boots("lkvm-line", "./apps/lkvm-static", "Linux version", "earlycon: uart8250 at MMIO 0x00000000000003f8",
              "at MMIO 0x3f8"),
        # The same words without kvmtool's name: QEMU's board, whose first UART is elsewhere, so that the
        # early console's lines go nowhere.
        boots("lkvm-line-as-polyvisor", "polyvisor", "console [ttyS0] enabled"),
    ]


def _crosvm(target):
    if target.arch != "aarch64":
        return []
    helper = compiled(Cache(), find_arch("aarch64"), "handover", [HANDOVER])
    files = {"in/handover": helper}
    opened = (LINKS + "rm -f tmp/console tmp/failure tmp/ramdump tmp/vm; cp in/handover tmp/handover; chmod 755 tmp/handover\n"
              "exec 17>>tmp/console 8>>tmp/failure 21>>tmp/ramdump 18>>tmp/vm 22<guest/linux 23<guest/initrd\n")
    handed = "tmp/handover 9 tmp/control "
    def line(name, program, console):
        # The lab's guest ends by itself when its shell's input ends; crosvm's line gives it none, so it stays.
        command = handed + CROSVM.format(program, "")
        asked = "tmp/handover ask tmp/control 'polyvisor/1 stat'"
        return Case(f"personalities/{name}", script(opened + _until(command, "lab-guest: up", "tmp/console", asked)), timeout=900,
                    files=files, says=["polyvisor/1 ok", "state running", "it ended with status 0", "Linux version", console,
                                       "lab-guest: up"])

    def refused(name, command, *says):
        return Case(f"personalities/{name}", script(opened + handed + command), 35, files=files, says=says, never=["Linux version"])
    return [
        refused("crosvm-line", CROSVM.format("tmp/crosvm", " --cid 2051"), "--cid is an option of crosvm", "no vsock"),
        refused("crosvm-line-refused-by-polyvisor", CROSVM.format("polyvisor", " --cid 2051"), "--cid is an option of crosvm", "no vsock"),
        line("crosvm-line-without-cid", "tmp/crosvm", "root=/dev/vda crashkernel=17M"),
        line("crosvm-line-as-polyvisor", "polyvisor", "root=/dev/vda crashkernel=17M"),
        refused("crosvm-stdout-line", STDOUT.format("tmp/crosvm", "--bios u-boot.bin"), "--bios is an option of crosvm", "give the kernel itself"),
        refused("crosvm-stdout-line-refused-by-polyvisor", STDOUT.format("polyvisor", "--bios u-boot.bin"),
                "--bios is an option of crosvm", "give the kernel itself"),
        *_stdout_lines(),
        Case("personalities/socket", script(
            "cp in/handover tmp/handover; chmod 755 tmp/handover\n"
            "tmp/handover 9 tmp/control polyvisor run guest/idle --name handed --socket /proc/self/fd/9 >tmp/idle 2>&1 & pid=$!\n"
            "wait_for 'idle: asleep' tmp/idle; tmp/handover ask tmp/control 'polyvisor/1 stat'; tmp/handover ask tmp/control 'polyvisor/1 stop'\n"
            "finished $pid it"), files=files, says=["polyvisor/1 ok", "pid ", "it ended with status 106"]),
    ]


def _stdout_lines():
    """The line with `--bios u-boot.bin`, a kernel in its place: it boots under both names, each with its own board's UARTs."""
    def boots(name, program, driver, first, second):
        commands = (f"cat /proc/tty/driver/{driver}", "echo disk=$(head -n1 /dev/vda)", f"echo two >/dev/{second}",
                    "echo three >/dev/hvc0", "echo four >/dev/hvc1", "echo five >/dev/hvc2")
        kernel = f"guest/linux --initrd guest/initrd --params 'quiet lab.run=\"{'; '.join(commands)}\"'"
        return Case(f"personalities/{name}", script(
            f"{LINKS}cp in/linux-disk image.wic\n{STDOUT.format(program, kernel)} </dev/null"), timeout=400,
            files={"in/linux-disk": DISK}, check=_all_ports,
            says=["lab-guest: up", first, "disk=polyvisor-system-test-disk", "lab-guest: exit status 0"])
    return [
        boots("crosvm-stdout-line-with-a-kernel", "tmp/crosvm", "serial", "mmio:0x000003F8", "ttyS1"),
        boots("crosvm-stdout-line-with-a-kernel-as-polyvisor", "polyvisor", "ttyAMA", "mmio:0x09000000", "ttyAMA1"),
    ]


def _all_ports(result):
    """The first UART carries the rest of the output; each of the others has said its word, on a line of its own."""
    for word in ("two", "three", "four", "five"):
        assert f"\n{word}\r\n" in result.text or f"\n{word}\n" in result.text, f"no line {word!r}"
