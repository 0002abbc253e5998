"""The boards beside the default one, as src/machine/ has them: a table is a header, its device trees are goldens."""

import pathlib

MACHINE = pathlib.Path(__file__).resolve().parents[3] / "src" / "machine"


def other_boards(arch):
    """Names for --board whose memory map is not the default one."""
    return sorted(table.stem for table in (MACHINE / arch / "boards").glob("*.h") if table.stem != "virt")


def boards_with_pci(arch):
    """{name: whether its bridge has ports} of those of them that have a PCI bus: only these have such a tree."""
    found = {}
    for board in other_boards(arch):
        tree = MACHINE / arch / "golden" / f"board_{board}_pci.dts"
        if tree.exists():
            found[board] = "ranges = <0x1000000 " in tree.read_text()
    return found
