"""The lint must see what it is there to see."""

import importlib.machinery
import importlib.util
import pathlib
import unittest

TOOLS = pathlib.Path(__file__).resolve().parent.parent


def load(name):
    """A tool without .py as a module."""
    loader = importlib.machinery.SourceFileLoader(name, str(TOOLS / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


lint = load("lint")
RULES = lint.read_layers(["base:", "hv: base  # a remark", "device: base hv",
                          "kvm: base hv machine/*boot_state*.h", "machine: base", "cli: *"])


def complaints(path, *lines):
    """What the layers check says about one file."""
    return [text for _, text in lint.misplaced(RULES, pathlib.PurePosixPath(path), lines)]


class Layers(unittest.TestCase):
    def test_allowed_includes_are_silent(self):
        self.assertEqual(complaints("src/device/a.cpp", '#include "hv/vm.h"', "#include <vector>",
                                    '#include "device/b.h"', '#include "base/x.h"'), [])

    def test_an_include_against_the_order_is_named(self):
        self.assertEqual(complaints("src/device/a.h", '#include "kvm/vm.h"'),
                         ["device must not include kvm/vm.h"])
        self.assertEqual(complaints("src/base/a.h", '  #  include "hv/vm.h"'),
                         ["base must not include hv/vm.h"])

    def test_a_pattern_allows_only_what_it_matches(self):
        self.assertEqual(complaints("src/kvm/a.cpp", '#include "machine/x86_64/boot_state.h"'), [])
        self.assertEqual(complaints("src/kvm/a.cpp", '#include "machine/x86_64/board.h"'),
                         ["kvm must not include machine/x86_64/board.h"])

    def test_a_star_allows_everything(self):
        self.assertEqual(complaints("src/cli/a.cpp", '#include "kvm/vm.h"'), [])

    def test_kvm_h_belongs_to_kvm(self):
        self.assertEqual(len(complaints("src/cli/a.cpp", "#include <linux/kvm.h>")), 1)
        self.assertEqual(complaints("src/kvm/a.cpp", "#include <linux/kvm.h>"), [])

    def test_architecture_conditionals_belong_to_base(self):
        for line in ("#ifdef __x86_64__", "#if defined(__riscv) && 1", "# elif defined(__aarch64__)",
                     "#ifndef __powerpc64__"):
            self.assertEqual(len(complaints("src/hv/a.h", line)), 1, line)
            self.assertEqual(complaints("src/base/a.h", line), [], line)
        self.assertEqual(complaints("src/hv/a.h", "#if __has_include(<x.h>)"), [])

    def test_an_unknown_folder_is_named(self):
        self.assertEqual(complaints("src/new/a.h"), ["folder new is not in tools/layers.txt"])


class Pages(unittest.TestCase):
    def test_paths_and_links_are_found_outside_code_blocks(self):
        page = ["See `src/base/fd.h` and [that](docs/x.md#part).", "```", "`src/none.h`", "```",
                "Not a path: `TRY(x)`, `a | b`, [out](https://example.org/x)."]
        self.assertEqual(list(lint.named_paths(page)),
                         [(1, "src/base/fd.h", False), (1, "docs/x.md", True)])

    def test_a_missing_path_is_told_from_what_is_no_path(self):
        names, tops = {"src/base/fd.h", "lab/lab"}, {"src", "lab", "base", "guest"}
        page = pathlib.PurePosixPath("README.md")
        for name, missing in (("src/base/none.h", True), ("base/fd.h", False), ("lab/lab", False),
                              ("base/gone.h", True), ("guest/linux", False), ("read/write", False),
                              ("guest/runtime/x.c", True), ("build/release/polyvisor", False)):
            self.assertEqual(lint.is_missing(page, name, names, tops), missing, name)


class Words(unittest.TestCase):
    def test_each_pattern_hits(self):
        patterns = [pattern for pattern, _ in lint.forbidden_words()]
        for line in ("deb http://" + "mirror.debian.org/debian/ x", "cd " + "/home" + "/me", "x = 1; ",
                     "FIX" + "ME later", "<<<<" + "<<< HEAD"):
            self.assertTrue(any(pattern.search(line) for pattern in patterns), line)

    def test_ordinary_lines_pass(self):
        patterns = [pattern for pattern, _ in lint.forbidden_words()]
        for line in ("https://www.debian.org/doc/", "a /homes b", "int x;", "case 0xXX1:"):
            self.assertFalse(any(pattern.search(line) for pattern in patterns), line)


if __name__ == "__main__":
    unittest.main()
