"""What a user may get wrong: each is refused with one clear sentence and the documented status."""

import struct

from polylab.arch import ARCHES, find_arch
from polylab.build import find_guests
from suite.case import Case
from suite.shell import quoted, script

USAGE, IMAGE, HOST = 104, 105, 103


def refused(name, words, status, *says, prepare="", files=None, timeout=60.0):
    """A case: `polyvisor run WORDS` says one sentence, which contains the texts, and starts nothing."""
    command = script(f"{prepare}{prepare and chr(10)}sh in/refuse polyvisor {quoted(words)}")
    return Case(f"badinput/{name}", command, status, says=says, never=["hello from", "LEFT BEHIND"],
                check=one_sentence, files=files or {}, timeout=timeout)


def one_sentence(result):
    """One line of error, at most one hint, which may go on indented, nothing else."""
    lines = result.text.rstrip("\n").split("\n")
    errors = [line for line in lines if line.startswith("polyvisor: error: ")]
    hints = [line for line in lines if line.startswith("  hint: ")]
    assert len(errors) == 1, f"{len(errors)} errors are reported instead of one"
    more = [line for line in lines if line.startswith("        ")] if hints else []
    assert len(hints) <= 1 and len(lines) == 1 + len(hints) + len(more), "more is said than one error and a hint"
    assert errors[0].endswith("."), "the error is no sentence"


def cases(target):
    """Once for each architecture."""
    if not target.full:
        return []
    found = _images(target) + _sizes() + _disks() + _command_line(target) + _trees(target)
    return found + ([] if target.native else _kvm())


def elf_header(machine, bits=64, mark="<", filesz=84):
    """A small ELF file of this machine: its one segment is the file itself."""
    ident = b"\x7fELF" + bytes([bits // 32, 1 if mark == "<" else 2, 1]) + bytes(9)
    if bits == 64:
        header = struct.pack(f"{mark}HHI3QI6H", 2, machine, 1, 0x80200000, 64, 0, 0, 64, 56, 1, 0, 0, 0)
        return ident + header + struct.pack(f"{mark}II6Q", 1, 5, 0, 0x80200000, 0x80200000, filesz, filesz, 4096)
    header = struct.pack(f"{mark}HHI3II6H", 2, machine, 1, 0x100000, 52, 0, 0, 52, 32, 1, 0, 0, 0)
    return ident + header + struct.pack(f"{mark}8I", 1, 0, 0x100000, 0x100000, filesz, filesz, 5, 4096)


def _wrong_elf(target, machine):
    """ELF files of this machine that are not what it boots: powerpc's are big-endian, of 32 or 64 bits."""
    own, other = (">", "<") if target.powerpc else ("<", ">")
    found = [
        refused("kernel-nonsense-segment", ["run", "in/nonsense-segment"], IMAGE,
                files={"in/nonsense-segment": elf_header(machine, mark=own, filesz=1 << 62)}),
        refused("kernel-other-endian", ["run", "in/elf-be"], IMAGE, "endian",
                files={"in/elf-be": elf_header(machine, mark=other)}),
    ]
    if not target.powerpc:
        found.append(refused("kernel-32-bit", ["run", "in/elf32"], IMAGE, "32-bit",
                             files={"in/elf32": elf_header(machine, 32)}))
    return found


def _images(target):
    machine = find_arch(target.arch).elf_machine
    other = next(arch for arch in ARCHES.values() if arch.name != target.arch)
    guests = find_guests(other)
    kernel = ["run", "tmp/kernel"]
    found = [
        refused("kernel-missing", ["run", "tmp/nowhere"], IMAGE, "tmp/nowhere", "No such file"),
        refused("kernel-directory", ["run", "tmp"], IMAGE, "directory"),
        refused("kernel-empty", kernel, IMAGE, "empty", prepare=": >tmp/kernel"),
        refused("kernel-text", kernel, IMAGE, "text file",
                prepare="echo 'this is my shopping list: a kernel, some bread' >tmp/kernel"),
        refused("kernel-truncated", kernel, IMAGE, "truncated", prepare="head -c 5000 guest/hello >tmp/kernel"),
        refused("kernel-truncated-header", kernel, IMAGE, prepare="head -c 40 guest/hello >tmp/kernel"),
        *_wrong_elf(target, machine),
        refused("kernel-other-arch", ["run", "in/other"], IMAGE, "is an ELF file for", target.guest_arch,
                files={"in/other": guests["hello"]} if guests else {}),
        refused("kernel-xz", kernel, IMAGE, *(["made without xz", "decompress"] if target.powerpc else ["xz stream is broken"]),
                prepare="printf '\\375\\067zXZ\\000\\000\\004\\346\\326\\264\\106\\002\\000\\041\\001' >tmp/kernel"),
        refused("kernel-bzip2", kernel, IMAGE, "bzip2", "decompress", prepare="printf 'BZh91AY&SY' >tmp/kernel"),
        refused("kernel-gzip-cut", kernel, IMAGE, "gzip",
                prepare="gzip -c guest/hello >tmp/whole.gz; head -c 1500 tmp/whole.gz >tmp/kernel"),
        refused("kernel-fifo", ["run", "tmp/kernel.fifo"], IMAGE, prepare="mkfifo tmp/kernel.fifo", timeout=20),
        refused("kernel-endless", ["run", "/dev/zero"], IMAGE, timeout=20),
        refused("kernel-absent", ["run"], USAGE, "kernel"),
        refused("initrd-missing", ["run", "guest/hello", "-i", "tmp/nowhere"], IMAGE, "initrd", "No such file"),
        refused("initrd-directory", ["run", "guest/hello", "-i", "tmp"], IMAGE, "initrd", "directory"),
        refused("initrd-too-large", ["run", "guest/hello", "-m", "16", "-i", "tmp/initrd"], IMAGE, "initrd", "--mem",
                prepare="head -c 20000000 /dev/zero >tmp/initrd"),
        refused("kernel-too-high", ["run", "guest/hello", "-m", "1"], IMAGE, "kernel", "--mem") if target.device_tree
        else refused("kernel-too-large", ["run", "guest/hello", "-m", "1"], IMAGE, "kernel", "--mem"),
    ]
    if not guests:
        found = [case for case in found if case.name != "badinput/kernel-other-arch"]
    return found


def _sizes():
    found = []
    for name, value in (("zero", "0"), ("one-byte", "1B"), ("exbibyte", "1024P"), ("exbibyte-suffix", "1E"),
                        ("bytes-overflow", "99999999999999999999"), ("negative", "-1"), ("words", "much"),
                        ("empty", ""), ("odd", "1048577B")):
        found.append(refused(f"memory-{name}", ["run", "guest/hello", f"--mem={value}"], USAGE, "mem"))
    for name, value in (("zero", "0"), ("10000", "10000"), ("negative", "-1"), ("words", "two"), ("empty", ""),
                        ("overflow", "4294967297")):
        found.append(refused(f"cpus-{name}", ["run", "guest/hello", f"--cpus={value}"], USAGE, "cpus"))
    return found


def _disks():
    def disk(name):
        return ["run", "guest/hello", "-d", name]
    return [
        refused("disk-missing", disk("tmp/nowhere"), IMAGE, "disk 0", "No such file"),
        refused("disk-directory", disk("tmp"), IMAGE, "disk 0", "directory"),
        refused("disk-directory-ro", disk("tmp,ro"), IMAGE, "disk 0", "directory"),
        refused("disk-empty", disk("tmp/disk"), IMAGE, "disk 0", "empty", prepare=": >tmp/disk"),
        refused("disk-small", disk("tmp/disk"), IMAGE, "disk 0", "sector", prepare="echo small >tmp/disk"),
        refused("disk-fifo", disk("tmp/disk.fifo"), (IMAGE, HOST), "disk 0", prepare="mkfifo tmp/disk.fifo", timeout=20),
        refused("disk-option", disk("in/refuse,rw"), USAGE, "rw"),
        refused("disk-33", ["run", "guest/hello"] + ["-d", "in/refuse,ro"] * 33, USAGE, "32"),
    ]


def _command_line(target):
    run = ["run", "guest/hello"]
    return [
        refused("params-too-long", [*run, "-p", "x" * 2048], USAGE, "params", "2047"),
        refused("params-too-long-joined", [*run, *["-p", "y" * 1000] * 3], USAGE, "params", "2047"),
        refused("option-unknown", [*run, "--frobnicate"], USAGE, "--frobnicate"),
        refused("option-foreign", [*run, "--network", "user"], USAGE, "--network", "kvmtool"),
        refused("option-without-value", [*run, "--cpus"], USAGE, "--cpus"),
        refused("command-unknown", ["frob"], USAGE, "frob"),
        refused("two-kernels", [*run, "guest/smp"], USAGE),
        refused("irqchip-unknown", [*run, "--irqchip", "pic"], USAGE, "--irqchip", "pic"),
        refused("irqchip-foreign", [*run, "--irqchip", target.foreign], USAGE, "--irqchip", target.foreign),
        refused("transport-unknown", [*run, "--transport", "carrier-pigeon"], USAGE, "--transport"),
        refused("console-unknown", [*run, "--console", "vga"], USAGE, "--console"),
        refused("name-bad", [*run, "--name", "../escape"], USAGE, "name"),
        refused("name-long", [*run, "--name", "n" * 65], USAGE, "name"),
        refused("config-missing", ["run", "--config", "tmp/none.json"], USAGE, "tmp/none.json", "No such file"),
        refused("config-directory", ["run", "--config", "tmp"], USAGE, "tmp"),
        refused("config-garbage", ["run", "--config", "tmp/c.json"], USAGE, "tmp/c.json", prepare="echo ahoy >tmp/c.json"),
        refused("config-field", ["run", "--config", "tmp/c.json"], USAGE, "kernal",
                prepare="echo '{\"kernal\": \"guest/hello\"}' >tmp/c.json"),
        refused("config-twice", ["run", "--config", "tmp/c.json"], USAGE, "cpus",
                prepare="echo '{\"kernel\": \"guest/hello\", \"cpus\": 1, \"cpus\": 2}' >tmp/c.json"),
        refused("config-type", ["run", "--config", "tmp/c.json"], USAGE, "tmp/c.json", "disks[0].path",
                prepare="echo '{\"kernel\": \"guest/hello\", \"disks\": [{\"path\": 5}]}' >tmp/c.json"),
        refused("config-deep", ["run", "--config", "tmp/c.json"], USAGE,
                prepare="head -c 100000 /dev/zero | tr '\\0' '[' >tmp/c.json"),
    ]


def _trees(target):
    def tree(name, status, *says, prepare=""):
        return refused(name, ["run", "guest/hello", "--dtb", "tmp/tree"], status, *says, prepare=prepare)
    if not target.device_tree:
        return [tree("dtb-without-trees", USAGE, "--dtb", prepare="echo x >tmp/tree"),
                refused("dump-dtb-without-trees", ["run", "guest/hello", "--dump-dtb", "tmp/t"], USAGE, "--dump-dtb")]
    dump = "polyvisor run guest/hello --dump-dtb tmp/good.dtb >tmp/dump.out\n"
    return [
        tree("dtb-missing", IMAGE, "No such file", prepare="rm -f tmp/tree"),
        tree("dtb-garbage", IMAGE, prepare="head -c 4096 /dev/urandom >tmp/tree"),
        tree("dtb-empty", IMAGE, prepare=": >tmp/tree"),
        tree("dtb-truncated", IMAGE, prepare=dump + "head -c 300 tmp/good.dtb >tmp/tree"),
        refused("dump-dtb-nowhere", ["run", "guest/hello", "--dump-dtb", "tmp/no/such/folder"], (HOST, USAGE, IMAGE),
                "tmp/no/such/folder"),
    ]


def _kvm():
    def without(name, change, *says):
        return Case(f"badinput/{name}", script(
            f"mv /dev/kvm /dev/kvm.away; {change}\nsh in/refuse polyvisor run guest/hello; s=$?\n"
            "rm -f /dev/kvm; mv /dev/kvm.away /dev/kvm; exit $s"), HOST, says=["/dev/kvm", *says],
            never=["LEFT BEHIND"], check=one_sentence)
    return [
        without("kvm-missing", ":"),
        without("kvm-is-null", "mknod /dev/kvm c 1 3"),
        without("kvm-is-a-file", "echo no device >/dev/kvm"),
        # After those: KVM works again.
        Case("badinput/kvm-is-back", ["polyvisor", "run", "guest/hello"], says=["hello from"]),
        Case("badinput/kvm-forbidden", script(
            "mkdir -p /etc; echo 'root:x:0:0::/:/bin/sh' >/etc/passwd; echo 'eve:x:1234:1234::/:/bin/sh' >>/etc/passwd\n"
            "mkdir -p /run/user/1234; chown 1234 /run/user/1234; chmod 600 /dev/kvm; ls -l /dev/kvm\n"
            "su -s /bin/sh eve -c 'unset XDG_RUNTIME_DIR; id -u; polyvisor run guest/hello'"), HOST,
            says=["1234\n", "polyvisor: error: ", "permission", "/dev/kvm", "hint: "], never=["hello from"]),
    ]
