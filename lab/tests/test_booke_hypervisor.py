"""Book3E's hypervisor category as the lab's QEMU emulates it: booke/hv_test, a hypervisor of its own, runs on it."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from polylab.booke_qemu import BookeQemu  # noqa: E402
from polylab.cache import NotCached, WarmCache  # noqa: E402

COMPILER = "powerpc-linux-gnu-gcc"
FLAGS = ["-mcpu=e500mc", "-msoft-float", "-O1", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fno-pic",
         "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none,--no-warn-rwx-segments"]
MACHINE = ["-M", "ppce500", "-m", "128", "-nographic", "-nodefaults", "-serial", "stdio", "-no-reboot"]


@unittest.skipUnless(shutil.which(COMPILER), f"no {COMPILER}")
class BookeHypervisorTest(unittest.TestCase):
    def setUp(self):
        try:
            self.qemu = BookeQemu(WarmCache())
        except NotCached:
            self.skipTest("the QEMU for e5500 has not been built")
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.program = pathlib.Path(temporary.name) / "hv_test"
        source = FOLDER / "booke"
        subprocess.run([COMPILER, *FLAGS, "-T", source / "link.ld", source / "start.S", source / "hv_test.c",
                        "-o", self.program], check=True)

    def run_on(self, cpu):
        done = subprocess.run([*self.qemu.command("qemu-system-ppc64"), *MACHINE, "-cpu", cpu, "-kernel", self.program],
                              env=self.qemu.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=60, check=False)
        lines = done.stdout.splitlines()
        self.assertEqual([line for line in lines if not line.startswith(("ok ", "hv_test: "))], [])
        good = sum(line.startswith("ok ") for line in lines)
        self.assertGreater(good, 120)
        self.assertEqual(lines[-1], f"hv_test: {good} checks, 0 failed")
        self.assertEqual(done.returncode, 0)

    def test_e5500(self):
        self.run_on("e5500")

    def test_e500mc(self):
        self.run_on("e500mc")


if __name__ == "__main__":
    unittest.main()
