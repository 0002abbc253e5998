"""Failed system tests, if they are few, run once more, and that shows (tests/system/suite/runner.py)."""

import pathlib
import sys
import types
import unittest

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(PROJECT / "tests/system"), str(PROJECT / "lab")]

from suite import report, runner  # noqa: E402  (they need the paths above)


class SecondAttempts(unittest.TestCase):
    """_twice() over tests of which the named ones fail, so many times."""

    def run_with(self, failures, names="abcdef"):
        """The outcomes, and what was attempted."""
        attempts = []

        def attempt(cases):
            attempts.append([case.name for case in cases])
            verdict = {}
            for case in cases:
                failures[case.name] = failures.get(case.name, 0) - 1
                verdict[case.name] = "FAIL" if failures[case.name] >= 0 else "ok"
            return [[report.Outcome(f"host/{case.name}", verdict[case.name], why=f"{len(attempts)}")] for case in cases]

        return runner._twice([types.SimpleNamespace(name=name) for name in names], attempt), attempts

    def test_all_good(self):
        outcomes, attempts = self.run_with({})
        self.assertEqual(attempts, [list("abcdef")])
        self.assertEqual(report.summary(outcomes), "6 passed, 0 failed")

    def test_one_that_passes_then_is_counted_and_keeps_its_failure(self):
        outcomes, attempts = self.run_with({"b": 1})
        self.assertEqual(attempts, [list("abcdef"), ["b"]])
        self.assertEqual(report.summary(outcomes), "6 passed, 0 failed, 1 at the second attempt")
        self.assertEqual((outcomes[1].verdict, outcomes[1].first.verdict, outcomes[1].first.why), ("ok", "FAIL", "1"))

    def test_one_that_fails_twice_has_failed(self):
        outcomes, _ = self.run_with({"b": 2, "c": 1})
        self.assertEqual(report.summary(outcomes), "5 passed, 1 failed, 1 at the second attempt")

    def test_many_failures_are_no_accident(self):
        outcomes, attempts = self.run_with(dict.fromkeys("abcd", 1))
        self.assertEqual(len(attempts), 1)
        self.assertEqual(report.summary(outcomes), "2 passed, 4 failed")


if __name__ == "__main__":
    unittest.main()
