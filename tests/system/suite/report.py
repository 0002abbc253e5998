"""How outcomes are told."""

import dataclasses
import shlex

from . import shell

SHOWN = 3000    # characters of a failure's output


@dataclasses.dataclass
class Outcome:
    """One test's verdict: `ok`, `FAIL` or `skip`; why; the run it was judged from; its failed first attempt."""

    name: str
    verdict: str
    why: str = ""
    result: object = None
    first: object = None


def after_second(first, second):
    """What counts when a failed test had a second attempt: that one, with the first kept beside it."""
    if first.verdict != "FAIL" or second is None:
        return first
    return dataclasses.replace(second, first=first) if second.verdict == "ok" else first


def _command(argv):
    argv = argv[len(shell.alone([])):] if argv[:2] == shell.alone([]) else argv
    if argv[:2] == ["/bin/sh", "-c"]:
        argv = argv[2]
    text = argv if isinstance(argv, str) else shlex.join(argv)
    return text if len(text) < 1500 else f"{text[:1000]} ... {text[-300:]}"


def _indented(data):
    text = data.decode(errors="backslashreplace").replace("\r\n", "\n")
    if len(text) > SHOWN:
        text = f"{text[:SHOWN // 3]}\n[... {len(text) - SHOWN} characters ...]\n{text[-2 * SHOWN // 3:]}"
    return "".join(f"    | {line}\n" for line in text.split("\n"))


def details(outcome):
    """What a person needs to see of a failure."""
    result = outcome.result
    lines = "".join(f"    {line}\n" for line in outcome.why.split("\n"))
    if result is None:
        return lines
    lines += f"    command: {_command(result.command.argv)}\n"
    lines += f"    status {result.status} ({result.kind}) after {result.seconds:.1f} s; output:\n"
    lines += _indented(result.output)
    if result.errors:
        lines += "    standard error:\n" + _indented(result.errors)
    return lines


def print_outcomes(outcomes, title):
    """One line for each test, more for a failure."""
    for outcome in outcomes:
        if outcome.verdict == "ok":
            seconds = f" ({outcome.result.seconds:.1f} s)" if outcome.result else ""
            print(f"ok {outcome.name}{seconds}")
            if outcome.first:
                print(f"AGAIN {outcome.name} (passed at the second attempt; the first:)")
                print(details(outcome.first), end="")
        elif outcome.verdict == "skip":
            print(f"skip {outcome.name} ({outcome.why})")
        else:
            print(f"FAIL {outcome.name}")
            print(details(outcome), end="")
    print(f"== {title}: {summary(outcomes)}", flush=True)


def summary(outcomes):
    """The last line."""
    count = {verdict: sum(outcome.verdict == verdict for outcome in outcomes)
             for verdict in ("ok", "FAIL", "skip")}
    line = f"{count['ok']} passed, {count['FAIL']} failed"
    line += f", {count['skip']} skipped" if count["skip"] else ""
    again = sum(outcome.first is not None for outcome in outcomes)
    return line + (f", {again} at the second attempt" if again else "")
