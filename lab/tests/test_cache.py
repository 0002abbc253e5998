"""The cache: made once, safe against two at once and against being killed half-way."""

import multiprocessing
import os
import pathlib
import signal
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from polylab.cache import Cache, NotCached, WarmCache, cache_folder, key_of  # noqa: E402
from polylab.errors import LabError  # noqa: E402


def _make_slowly(folder, started, count):
    def make(product):
        with open(count, "ab") as log:
            log.write(b"x")
        product.mkdir()
        (product / "half").write_text("half")
        started.set()
        time.sleep(0.3)
        (product / "whole").write_text("whole")
    Cache(folder).get("things", "one", make)


def _hang(folder, started):
    def make(product):
        product.mkdir()
        started.set()
        time.sleep(60)
    Cache(folder).get("things", "one", make)


class CacheTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name) / "cache"

    def test_made_once(self):
        made = []

        def make(product):
            made.append(product)
            product.write_text("content")
        first = Cache(self.folder).get("things", "one", make)
        second = Cache(self.folder).get("things", "one", make)
        self.assertEqual((first, len(made)), (second, 1))
        self.assertEqual(first.read_text(), "content")

    def test_two_processes_at_once_make_it_once(self):
        count = self.folder.parent / "count"
        started = multiprocessing.Event()
        workers = [multiprocessing.Process(target=_make_slowly, args=(self.folder, started, count))
                   for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(20)
            self.assertEqual(worker.exitcode, 0)
        self.assertEqual(count.read_bytes(), b"x")
        self.assertEqual((self.folder / "things/one/whole").read_text(), "whole")

    def test_threads_of_one_process_exclude_each_other_too(self):
        cache, inside, most = Cache(self.folder), [], []

        def work():
            with cache.lock("name"):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.02)
                inside.pop()
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(max(most), 1)

    def test_killed_half_way_leaves_nothing_that_counts(self):
        started = multiprocessing.Event()
        worker = multiprocessing.Process(target=_hang, args=(self.folder, started))
        worker.start()
        self.assertTrue(started.wait(20))
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        self.assertFalse((self.folder / "things/one").exists())
        self.assertEqual(len(list((self.folder / "tmp").iterdir())), 1)
        result = Cache(self.folder).get("things", "one", lambda product: product.write_text("new"))
        self.assertEqual(result.read_text(), "new")
        self.assertEqual(list((self.folder / "tmp").iterdir()), [])

    def test_failure_leaves_nothing(self):
        def make(product):
            product.write_text("half")
            raise LabError("no")
        with self.assertRaises(LabError):
            Cache(self.folder).get("things", "one", make)
        self.assertFalse((self.folder / "things/one").exists())
        self.assertEqual(list((self.folder / "tmp").iterdir()), [])

    def test_keys_depend_on_every_part_and_its_borders(self):
        keys = {key_of("a", "bc"), key_of("ab", "c"), key_of(b"a", "bc"), key_of(["a", "bc"])}
        self.assertEqual(len(keys), 4)

    def test_place(self):
        self.assertEqual(str(cache_folder({"HOME": "/h"})), "/h/.cache/polyvisor")
        self.assertEqual(str(cache_folder({"HOME": "/h", "XDG_CACHE_HOME": "/x"})), "/x/polyvisor")
        self.assertEqual(str(cache_folder({"HOME": "/h", "XDG_CACHE_HOME": "x"})),
                         "/h/.cache/polyvisor")
        self.assertEqual(str(cache_folder({"POLYVISOR_CACHE": "/p"})), "/p")


class WarmCacheTest(unittest.TestCase):
    def test_makes_nothing_and_finds_what_is_there(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaises(NotCached):
                WarmCache(folder).get("things", "one", lambda product: product.write_text("x"))
            made = Cache(folder).get("things", "one", lambda product: product.write_text("x"))
            self.assertEqual(WarmCache(folder).get("things", "one", None), made)


if __name__ == "__main__":
    unittest.main()
