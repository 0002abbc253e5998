"""The small parts: apt's output, initramfs archives, plans, modules, kernels, names, escapes."""

import pathlib
import subprocess
import shutil
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from polylab import cli, cpio, debian, device_tree, images, minimal, modules, plan, plugin, terminal  # noqa: E402
from polylab.arch import ARCHES, find_arch  # noqa: E402
from polylab.build import find_monitor, is_for  # noqa: E402
from polylab.errors import LabError  # noqa: E402


class MirrorTest(unittest.TestCase):
    def test_first_debian_archive_and_never_the_security_one(self):
        text = ("Debian|Debian-Security|main|bookworm-security|http://mirror.invalid/security/\n"
                "Other|Other|main|x|http://other.invalid/\n"
                "Debian|Debian|contrib|bookworm|http://mirror.invalid/contrib/\n"
                "Debian|Debian|main|bookworm|http://mirror.invalid/debian/\n")
        self.assertEqual(debian.mirror_from_targets(text), "http://mirror.invalid/debian/")

    def test_none(self):
        self.assertIsNone(debian.mirror_from_targets("\nbroken line\n"))
        self.assertIsNone(debian.mirror_from_targets("Debian|Debian|main|bookworm|cdrom:[x]/\n"))

    def test_from_uris_when_no_lists_were_read_yet(self):
        text = ("'http://m.invalid/debian-security/dists/bookworm-security/InRelease' x 0 \n"
                "'http://m.invalid/debian/dists/bookworm/InRelease' x 0 \n")
        self.assertEqual(debian.mirror_from_uris(text), "http://m.invalid/debian/")


class CpioTest(unittest.TestCase):
    def build(self):
        archive = cpio.Archive()
        archive.file("/a/b/file", b"content", 0o755)
        archive.link("a/link", "b/file")
        return archive.data()

    def test_same_content_same_bytes(self):
        self.assertEqual(self.build(), self.build())

    @unittest.skipUnless(shutil.which("cpio"), "no cpio here to check against")
    def test_cpio_reads_it(self):
        done = subprocess.run(["cpio", "-t", "--quiet"], input=self.build(), capture_output=True,
                              check=True)
        self.assertEqual(done.stdout.split(), [b"a", b"a/b", b"a/b/file", b"a/link"])

    def test_first_header(self):
        header = self.build()[:110]
        self.assertEqual(header[:6], b"070701")
        self.assertEqual(int(header[14:22], 16), 0o40755)
        self.assertEqual(int(header[94:102], 16), len("a\0"))


class DeviceTreeTest(unittest.TestCase):
    STRINGS = b"reg\0interrupts\0"

    def tree(self, with_interrupts, room=0):
        """Two nodes with a property each, the second's name and interrupts as asked."""
        def cell(name, value):
            return struct.pack(">4I", 3, 4, self.STRINGS.index(name + b"\0"), value)
        interrupts = cell(b"interrupts", 9)
        body = (struct.pack(">2I", 1, 0) + struct.pack(">I8s", 1, b"uart@9") + interrupts + struct.pack(">I", 2)
                + struct.pack(">I8s", 1, b"intc@80") + cell(b"reg", 0x80)
                + (interrupts if with_interrupts else struct.pack(">4I", 4, 4, 4, 4)) + struct.pack(">3I", 2, 2, 9))
        size = 40 + len(body) + len(self.STRINGS)
        header = struct.pack(">10I", 0xd00dfeed, size + room, 40, 40 + len(body), 40, 17, 16, 0,
                             len(self.STRINGS), len(body))
        return header + body + self.STRINGS + bytes(room)

    def test_property_of_the_node_alone_is_left_out(self):
        for node in ("intc", "intc@80"):
            self.assertEqual(device_tree.without(self.tree(True), node, "interrupts"), self.tree(False))

    def test_unknown_names(self):
        for node, name in (("intc@81", "interrupts"), ("intc", "ranges")):
            with self.assertRaisesRegex(LabError, f"no node {node} with a property {name}"):
                device_tree.without(self.tree(True), node, name)

    def test_packed(self):
        self.assertEqual(device_tree.packed(self.tree(True, room=4096)), self.tree(True))


class PlanTest(unittest.TestCase):
    def test_strings(self):
        one = plan.request(["echo", "a b"], "s", 1.5, "/x", "/", (24, 80))
        self.assertEqual(one, b"s\x001500\0/x\0/\x0024\x0080\x002\0echo\0a b\0")
        text = plan.plan("/dev/ttyS0", "t", [one], ["/m.ko"], {"A": "b=c"}, serve=True)
        self.assertIn(b"env\0A=b=c\0", text)
        self.assertIn(b"command\0" + one, text)
        self.assertTrue(text.endswith(b"serve\0"))

    def test_a_nul_is_refused(self):
        with self.assertRaises(ValueError):
            plan.request(["a\0b"])


class ModulesTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        for name, needs in {"kvm": "irqbypass", "irqbypass": "", "kvm-amd": "kvm,ccp"}.items():
            (self.folder / f"{name}.ko").write_bytes(b"\0name=x\0depends=" + needs.encode() + b"\0")
        (self.folder / "modules.builtin").write_text("kernel/drivers/crypto/ccp/ccp.ko\n")

    def test_needed_ones_first_and_built_in_ones_left_out(self):
        names = [name for name, _ in modules.Modules(self.folder).closure(["kvm-amd", "kvm"])]
        self.assertEqual(names, ["irqbypass.ko", "kvm.ko", "kvm_amd.ko"])

    def test_missing(self):
        with self.assertRaisesRegex(LabError, "tun"):
            modules.Modules(self.folder).closure(["tun"])
        self.assertEqual(modules.Modules(self.folder).closure(["tun"], optional=True), [])
        self.assertEqual(modules.Modules(None).closure(["kvm"]), [])

    def test_names(self):
        self.assertEqual(modules.module_name("a/kvm-amd.ko.xz"), "kvm_amd")


class MinimalTest(unittest.TestCase):
    def test_fragments_exist_and_hosts_have_kvm(self):
        for arch in ARCHES.values():
            self.assertNotIn("CONFIG_KVM=y", minimal.options(arch, "guest"), arch.name)
            kvm = {"CONFIG_KVM=y", "CONFIG_KVM_E500V2=y", "CONFIG_KVM_E500MC=y"}
            self.assertTrue(kvm & set(minimal.options(arch, "host")), arch.name)

    @unittest.skipUnless(shutil.which("git"), "no git here to read mails with")
    def test_patches_of_the_kernel_are_mails(self):
        patches = sorted((minimal.PROJECT / "lab/patches/linux-6.1").glob("*.patch"))
        self.assertEqual(len(patches), 2)
        for path in patches:
            with tempfile.TemporaryDirectory() as folder:
                done = subprocess.run(["git", "mailinfo", f"{folder}/message", f"{folder}/change"], check=True,
                                      input=path.read_bytes(), capture_output=True)
                fields = dict(line.split(": ", 1) for line in done.stdout.decode().splitlines() if line)
                message = pathlib.Path(folder, "message").read_text()
            self.assertRegex(fields["Subject"], "^(KVM: PPC: booke|powerpc/booke): ")
            self.assertIn("@", fields["Email"])
            self.assertIn("Date", fields)
            self.assertIn(f"Signed-off-by: {fields['Author']} <{fields['Email']}>", message)
            self.assertNotIn("Fixes: line is due", message)

    def test_what_a_configuration_lost(self):
        config = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_D=y\n"
        wanted = ["CONFIG_A=y", "CONFIG_B=y", "CONFIG_C=n", "CONFIG_D=n"]
        self.assertEqual(minimal.missing_options(wanted, config), ["CONFIG_B=y", "CONFIG_D=n"])


class NamesTest(unittest.TestCase):
    def test_architectures(self):
        self.assertEqual(find_arch("arm64").name, "aarch64")
        with self.assertRaisesRegex(LabError, "riscv64"):
            find_arch("vax")

    def test_applets(self):
        self.assertEqual(images.applets(b"junk[\0[[\0ash\0cat\0\0junk"), ["[", "[[", "ash", "cat"])
        with self.assertRaises(LabError):
            images.applets(b"junk")

    def test_a_program_of_another_architecture_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "polyvisor"
            path.write_bytes(b"\x7fELF\x02\x01" + bytes(12) + (243).to_bytes(2, "little"))
            self.assertTrue(is_for(path, find_arch("riscv64")))
            self.assertFalse(is_for(path, find_arch("aarch64")))
            with self.assertRaises(LabError):
                find_monitor(find_arch("aarch64"), path)


class CarryTest(unittest.TestCase):
    class FakeHost:
        """Knows a few names and what was carried."""

        def __init__(self):
            self.carried = []

        def inside_names(self):
            return {"guest/hello", "bin/sh"}

        def carry(self, outside):
            self.carried.append(outside)
            return f"/in/{pathlib.Path(outside).name}"

    def test_words(self):
        with tempfile.NamedTemporaryFile() as file:
            name, base = file.name, pathlib.Path(file.name).name
            words = ["polyvisor", "run", name, f"--disk={name},ro", f"{name},ro", "guest/hello",
                     "/bin/sh", "/proc/cpuinfo", "no/such/file", "-k", ""]
            host = self.FakeHost()
            self.assertEqual(cli.carry_in(host, words),
                             ["polyvisor", "run", f"/in/{base}", f"--disk=/in/{base},ro",
                              f"/in/{base},ro", "guest/hello", "/bin/sh", "/proc/cpuinfo",
                              "no/such/file", "-k", ""])
            self.assertEqual(host.carried, [name] * 3)


class OptionsTest(unittest.TestCase):
    def test_options_before_and_after_the_architecture(self):
        for words in (["--cpu", "x", "aarch64"], ["aarch64", "--cpu", "x"]):
            options = cli.parse(["run", *words, "--", "ls", "-l", "--", "--cpu"])
            self.assertEqual((options.arch, options.cpu), ("aarch64", "x"))
            self.assertEqual(options.words, ["ls", "-l", "--", "--cpu"])


class EscapeTest(unittest.TestCase):
    def test_passes_everything_but_the_sequence(self):
        escape = terminal.Escape()
        self.assertEqual(escape.filter(b"ab\x1d\x1dc\x1d"), b"ab\x1dc")
        self.assertEqual(escape.filter(b"y"), b"y")

    def test_leaves(self):
        escape = terminal.Escape()
        self.assertEqual(escape.filter(b"\x1d"), b"")
        with self.assertRaises(terminal.Left):
            escape.filter(b"x")


class CountsTest(unittest.TestCase):
    def test_marks(self):
        text = "noise\nelcount mark=1 monitor=2 host=3 guest=4 other=0\n"
        self.assertEqual(plugin.counts(text),
                         [("1", {"monitor": 2, "host": 3, "guest": 4, "other": 0})])


if __name__ == "__main__":
    unittest.main()
