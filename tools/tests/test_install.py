"""What `make install` and `make deb` produce, from the release build."""

import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = ROOT / "build/release/polyvisor"
FILES = {"bin/polyvisor", "share/man/man1/polyvisor.1.gz", "share/doc/polyvisor/copyright",
         "share/bash-completion/completions/polyvisor"}


def run(*command, **options):
    """Standard output of a command that must succeed."""
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True,
                          **options).stdout


def files_below(folder):
    """Relative names of the files below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@unittest.skipUnless(BINARY.exists(), "build/release/polyvisor has not been built")
class Install(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.prefix = pathlib.Path(scratch.name) / "with space"

    def test_install_and_remove(self):
        run("tools/install", self.prefix)
        self.assertLessEqual(FILES, files_below(self.prefix))
        self.assertIn("polyvisor", run(self.prefix / "bin/polyvisor", "--version"))
        run("tools/install", "--remove", self.prefix)
        self.assertEqual(files_below(self.prefix), set())

    def test_the_manual_page_is_one(self):
        page = run(BINARY, "--man")
        for word in (".TH", ".SH NAME", "--kernel", "--initrd", "--disable-sandbox"):
            self.assertIn(word, page.replace("\\-", "-"))

    def test_the_completion_completes(self):
        script = run(BINARY, "--completion", "bash")
        ask = script + '\nCOMP_WORDS=(polyvisor run --ini); COMP_CWORD=2; COMP_LINE="polyvisor run ' \
            '--ini"; COMP_POINT=${#COMP_LINE}\n' \
            '$(complete -p polyvisor | sed "s/.*-F \\([^ ]*\\).*/\\1/") polyvisor --ini run\n' \
            'printf "%s\\n" "${COMPREPLY[@]}"\n'
        self.assertIn("--initrd", run("bash", "-c", ask))

    def test_the_package_holds_the_same_files_and_repeats_to_the_byte(self):
        run("tools/package", "release")
        architecture = run("dpkg", "--print-architecture").strip()
        version = (ROOT / "VERSION").read_text().strip()
        package = ROOT / f"build/polyvisor_{version}_{architecture}.deb"
        run("dpkg-deb", "-x", package, self.prefix)
        self.assertLessEqual({f"usr/{name}" for name in FILES}, files_below(self.prefix))
        self.assertIn(f"Version: {version}", run("dpkg-deb", "-I", package))
        listing = run("dpkg-deb", "-c", package)
        self.assertNotIn(os.environ.get("USER") or "nobody/", listing.replace("root/root", ""))
        first = package.read_bytes()
        run("tools/package", "release")
        self.assertEqual(first, package.read_bytes())


if __name__ == "__main__":
    unittest.main()
