"""Runs one target's tests in one boot of its host (more only when the host dies) and judges them."""

import importlib

from polylab import Host, HostDied, LabError
from polylab.arch import find_arch
from polylab.build import find_monitor

from . import native, shell, unproven
from .case import failure
from .report import Outcome, after_second

THEMES = ("doctor", "selftest", "guests", "devices", "linux", "images", "traces", "options", "instances", "console",
          "badinput", "diagnose", "guest_linux", "machine", "pci", "powerpc", "serials", "personalities", "gdb")
DEATHS = 2      # boots after which the rest counts as failed
AGAIN = 3       # so many failed tests of a target run once more; more are no accident


def cases_of(target, pattern=""):
    """The target's tests with `pattern` in their names. A test with parts stays whole."""
    found = []
    for theme in target.themes or THEMES:
        for case in importlib.import_module(theme).cases(target):
            case.skip = case.skip or unproven.reason(target.name, case.name)
            names = [case.name, *(f"{case.name}/{part}" for part in case.parts)]
            if any(pattern in name for name in names):
                found.append(case)
    doubled = {case.name for case in found if [one.name for one in found].count(case.name) > 1}
    assert not doubled, f"two tests of {target.name} are called {', '.join(sorted(doubled))}"
    return found


def run(target, pattern=""):
    """All outcomes of one target."""
    cases = cases_of(target, pattern)
    reason = native.missing() if target.native else ""
    if reason:
        return [Outcome(target.name, "skip", reason)]
    try:
        if cases and not find_monitor(find_arch(target.arch)):
            raise LabError(f"the monitor for {target.arch} has not been built")
        return _twice(cases, lambda some: _attempt(target, some))
    except LabError as error:
        return [Outcome(f"{target.name}/host", "FAIL", str(error))]


def _twice(cases, attempt):
    """The outcomes of all cases; the failed ones, if they are few, are attempted once more."""
    first = attempt(cases)
    failed = [case for case, outcomes in zip(cases, first) if any(one.verdict == "FAIL" for one in outcomes)]
    if not 0 < len(failed) <= AGAIN:
        return sum(first, [])
    second = {one.name: one for outcomes in attempt(failed) for one in outcomes}
    return [after_second(one, second.get(one.name)) for outcomes in first for one in outcomes]


def _attempt(target, cases):
    """A list of outcomes for each case."""
    wanted = [case for case in cases if not case.skip]
    results = {}
    if wanted:
        results = native.run_all(wanted) if target.native else _run_in_lab(target, wanted)
    return [_outcomes(target, case, results.get(case.name)) for case in cases]


def _run_in_lab(target, cases):
    """{name: result}. A command that kills the host fails, the others run in another boot; so they do after a timeout.

    What hangs a guest on an emulated processor may leave the host too busy for all that follows.
    """
    results, left = {}, list(cases)
    for _ in range(DEATHS + 1):
        host = _host(target, left)
        try:
            done = host.run_all([case.lab_command() for case in left])
        except HostDied as error:
            done = error.results
            if not done or done[0].kind == "lost" and not results and not _began(done):
                raise
            if not error.given_up:
                _blame(done, str(error))
        results |= {case.name: result for case, result in zip(left, done)
                    if result.kind != "lost" or hasattr(result, "blame")}
        left = [case for case in left if case.name not in results]
        if not left:
            break
    return results


def _began(results):
    return any(result.kind != "lost" or result.output for result in results)


def _blame(results, why):
    """The first command without an end is the one that ran when the host died."""
    for result in results:
        if result.kind == "lost":
            result.blame = why
            return


def _host(target, cases):
    return Host(target.arch, files=shell.files_of(cases), one_timeout=True, **target.host_options())


def _outcomes(target, case, result):
    """The case's own verdict, then those of its parts."""
    name = f"{target.name}/{case.name}"
    if case.skip:
        return [Outcome(name, "skip", case.skip)]
    if result is None:
        return [Outcome(name, "FAIL", "never ran: its host died before")]
    wrong = case.judge(result)
    if hasattr(result, "blame"):
        wrong.append(result.blame)
    verdicts = [(name, wrong)]
    verdicts += [(f"{name}/{part}", failure(check, result)) for part, check in case.parts.items()]
    return [Outcome(title, "FAIL" if bad else "ok", "\n".join(bad), result)
            for title, bad in verdicts]
