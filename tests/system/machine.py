"""What the machine is made of: the interrupt controller that was asked for, the device tree."""

import base64
import re
import shutil
import struct
import subprocess

from suite.case import Case
from suite.shell import script

COMPATIBLE = {"gicv2": "arm,cortex-a15-gic", "gicv3": "arm,gic-v3", "plic": "sifive,plic-1.0.0",
              "aia": "riscv,aplic", "mpic": "fsl,mpic", "user": "arm,cortex-a15-gic"}


def cases(target):
    """Every target: this is what they differ in."""
    found = _irqchips(target)
    return found + (_trees(target) if target.device_tree else [])


def _irqchips(target):
    found = [Case("machine/irqchip-auto", script(
        "printf 'quit\\n' | polyvisor run guest/echo --dump-dtb tmp/auto.dtb || exit 1; base64 tmp/auto.dtb | sed 's/^/DTB /'"),
        says=["echo: 5 bytes"], check=_names(target.irqchips[0]))] if target.irqchips else []
    for name in target.irqchips:
        found.append(Case(f"machine/irqchip-{name}", script(
            f"polyvisor run guest/timer --irqchip {name} || exit 1; polyvisor run guest/smp -c 2 --irqchip {name} || exit 2\n"
            f"printf 'one line\\nquit\\n' | polyvisor run guest/echo --irqchip {name} --dump-dtb tmp/irq.dtb || exit 3\n"
            "base64 tmp/irq.dtb | sed 's/^/DTB /'"), timeout=120,
            says=["timer: 5 ticks, 0 too early", "smp: 2 of 2 CPUs up", "echo: 14 bytes"], check=_names(name)))
    return found


def tree_of(result):
    """The device tree that the output carries as base64."""
    return base64.b64decode("".join(re.findall(r"^DTB (.*)$", result.text, re.MULTILINE)))


def _names(irqchip):
    def check(result):
        tree = tree_of(result)
        assert COMPATIBLE[irqchip].encode() + b"\0" in tree, f"the tree has no {COMPATIBLE[irqchip]}"
    return check


def _trees(target):
    cpus = 1 if target.powerpc else 2
    dump = f"polyvisor run guest/%s -c {cpus} -m 80M -p 'the words' --rng --dump-dtb tmp/%s.dtb"
    return [
        Case("machine/dump-dtb", script(dump % ("hello", "dump") + " || exit 1; base64 tmp/dump.dtb | sed 's/^/DTB /'"),
             says=["hello from", "arguments: the words"], check=_well_formed(target)),
        # A spin table is where it fits: a tree made elsewhere cannot name it, so one CPU on powerpc.
        Case("machine/dtb-again", script(dump % ("smp", "again") + " >/dev/null || exit 1\n"
             f"polyvisor run guest/smp -c {cpus} -m 80M --rng --dtb tmp/again.dtb"),
             says=[f"smp: {cpus} of {cpus} CPUs up"]),
        # The user's tree is what the guest sees: without the finisher's name the check for it fails.
        Case("machine/dtb-own", script(
            "polyvisor run guest/contract --dump-dtb tmp/own.dtb >/dev/null || exit 90\n"
            "xxd -p tmp/own.dtb | tr -d '\\n' | sed 's/7369666976652c74657374/7869666976652c74657374/g' | xxd -r -p >tmp/changed.dtb\n"
            "cmp -s tmp/own.dtb tmp/changed.dtb && exit 91\n"
            "polyvisor run guest/contract --dtb tmp/changed.dtb"), (0, 1),
             says=["FAIL test finisher" if target.powerpc else "FAIL sifive,test0", " checks, 1 failed"]),
    ]


def _well_formed(target):
    return lambda result: _judge_tree(result, "PowerPC,e5" if target.powerpc else "cpu@1")


def _judge_tree(result, second_cpu):
    """A flattened tree by its header, and by dtc's judgement where that is installed."""
    tree = tree_of(result)
    magic, size, structure, strings = struct.unpack(">4I", tree[:16])
    assert (magic, size) == (0xd00dfeed, len(tree)), f"magic {magic:#x}, size {size} of {len(tree)} bytes"
    assert structure < size and strings < size, "its blocks lie outside of it"
    assert b"the words\0" in tree, "the command line is not in it"
    if not shutil.which("dtc"):
        return
    done = subprocess.run(["dtc", "-I", "dtb", "-O", "dts", "-q"], input=tree, capture_output=True, timeout=30)
    source = done.stdout.decode(errors="replace")
    assert done.returncode == 0, f"dtc refuses it: {done.stderr.decode(errors='replace')}"
    for text in ('bootargs = "the words"', second_cpu, "virtio_mmio@", "stdout-path"):
        assert text in source, f"dtc shows no {text!r} in it"
    memory = re.search(r"memory@\w+ {[^}]*reg = <(0x\w+) (0x\w+) (0x\w+) (0x\w+)>", source)
    assert memory and int(memory[4], 16) == 80 << 20, "dtc shows no memory of 80 MiB"
