"""Who executed the instructions: blocks of elcount added up by function."""

import bisect
import collections
import pathlib
import subprocess

USER_LIMIT = 1 << 55


class Symbols:
    """Names of addresses, from lines of `nm` or a System.map."""

    def __init__(self, lines):
        pairs = []
        for line in lines:
            fields = line.split(maxsplit=2)
            if len(fields) == 3 and fields[1] in "tTwWiuV" and not fields[2].startswith("$"):
                pairs.append((int(fields[0], 16), fields[2]))
        pairs.sort()
        self._addresses = [address for address, _ in pairs]
        self._names = [name for _, name in pairs]

    def name(self, address):
        """The function that `address` lies in."""
        index = bisect.bisect_right(self._addresses, address) - 1
        return self._names[index] if index >= 0 else f"{address:#x}"


def of_program(path):
    """Symbols of a program, of FILE.debug where that stands beside it."""
    debug = pathlib.Path(f"{path}.debug")
    source = debug if debug.exists() else path
    done = subprocess.run(["nm", "-C", source], capture_output=True, text=True, check=False)
    return Symbols(done.stdout.splitlines())


def of_kernel(image):
    """Symbols of a kernel that the lab built."""
    path = pathlib.Path(image).parent / "System.map"
    return Symbols(path.read_text().splitlines() if path.exists() else [])


def by_function(blocks, wanted, kernel, program):
    """[(instructions, function)], most first, of one class."""
    total = collections.Counter()
    for name, address, instructions in blocks:
        if name == wanted:
            symbols = program if address < USER_LIMIT else kernel
            total[symbols.name(address) if symbols else f"{address & ~0xfff:#x}"] += instructions
    return [(count, name) for name, count in total.most_common()]
