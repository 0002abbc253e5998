"""Device trees of hosts: what a board's firmware leaves out can be left out here.

Flattened trees as the Devicetree Specification 0.4 has them, section 5.
"""

import pathlib
import struct
import subprocess
import tempfile

from .errors import LabError

BEGIN_NODE, END_NODE, PROPERTY, NOP, END = 1, 2, 3, 4, 9
_WORD = struct.Struct(">I")


def emulated(line, environment):
    """The tree that QEMU makes for this command line (without a kernel)."""
    machine = line.index("-M") + 1
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "dtb")
        line = [*line[:machine], f"{line[machine]},dumpdtb={file}", *line[machine + 1:]]
        done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, env=environment,
                              timeout=60, check=False)
        if done.returncode or not file.is_file():
            raise LabError(f"QEMU made no device tree: {done.stderr.decode(errors='replace').strip()}")
        return packed(file.read_bytes())


def packed(tree):
    """The tree without the room behind it: QEMU leaves a MiB, loads twice that, and Linux takes 2 MiB."""
    structure, strings, strings_size, structure_size = struct.unpack_from(">8x2I16x2I", tree)
    size = max(structure + structure_size, strings + strings_size)
    return tree[:4] + _WORD.pack(size) + tree[8:size]


def without(tree, node, name):
    """The tree without the property `name` of each node `node` (with or without unit address)."""
    tree = bytearray(tree)
    at, strings = struct.unpack_from(">8x2I", tree)
    path, found = [], 0
    while (token := _WORD.unpack_from(tree, at)[0]) != END:
        start, at = at, at + 4
        if token == BEGIN_NODE:
            end = tree.index(0, at)
            path.append(tree[at:end].decode())
            at = _aligned(end + 1)
        elif token == END_NODE:
            path.pop()
        elif token == PROPERTY:
            size, offset = struct.unpack_from(">II", tree, at)
            at = _aligned(at + 8 + size)
            word = tree[strings + offset:tree.index(0, strings + offset)].decode()
            if word == name and node in (path[-1], path[-1].partition("@")[0]):
                tree[start:at] = _WORD.pack(NOP) * ((at - start) // 4)
                found += 1
        elif token != NOP:
            raise LabError(f"this is no device tree: token {token:#x} at {start:#x}")
    if not found:
        raise LabError(f"the device tree has no node {node} with a property {name}")
    return bytes(tree)


def _aligned(at):
    return (at + 3) & ~3
