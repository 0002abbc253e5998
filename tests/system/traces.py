"""Traces and timelines: what was written down is what happened, and can be compared and drawn."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile

from linux import linux
from polylab.arch import find_arch
from polylab.cache import Cache
from polylab.cpio import Archive
from polylab.toolchain import compiled
from suite.boards import other_boards
from suite.case import Case, contains
from suite.shell import quoted, script

# Where a guest writes a mark from Linux (docs/boot-contract.md, "Marks").
MARK = {"aarch64": 0x090f0008, "riscv64": 0x00100008}
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
# "    0.003641  0 0x40080a24         mmio-write     0x9000030 2 0x301  (uart)"
LINE = re.compile(r"^ *(\d+\.\d{6}) +(\d+) (0x\w+|-) +([a-z-]+) *(.*)$", re.MULTILINE)


def cases(target):
    """On each architecture once."""
    if not target.full:
        return []
    return _exits(target) + _diff() + _steps(target) + _files() + _timeline() + ([] if target.native else _linux(target))


def _exits(target):
    return [
        Case("traces/exits", script(
            "polyvisor run guest/marks --trace exits=tmp/exits.trace --exit-stats || exit 90\n"
            "polyvisor trace print tmp/exits.trace || exit 91\npolyvisor trace count tmp/exits.trace"),
             says=["marks: done", "by cause", "by place", "uart", "by program counter"], check=_complete),
        # More than one vCPU, each with its own records, in the order of time.
        Case("traces/two-cpus", script(
            "polyvisor run guest/smp -c 2 --trace exits=tmp/smp.trace || exit 90\n"
            "polyvisor trace print tmp/smp.trace"), says=["smp: 2 of 2 CPUs up", "vCPU pc"], check=_ordered, timeout=120),
        *(Case(f"traces/board-{board}", script(
            f"polyvisor run guest/marks.img --board {board} --trace exits=tmp/{board}.trace --exit-stats || exit 90\n"
            f"polyvisor trace print tmp/{board}.trace || exit 91\npolyvisor trace count tmp/{board}.trace"),
            says=["marks: done", "by place", "uart"], never=["nothing there"], check=_complete)
          for board in other_boards(target.arch)),
        Case("traces/limit", script(
            "polyvisor run guest/marks --trace exits=tmp/limit.trace --trace-limit 3 >/dev/null || exit 90\n"
            "polyvisor trace print tmp/limit.trace"), check=_lines(3)),
    ]


def _events(result):
    return [(float(t), int(cpu), pc, cause, rest) for t, cpu, pc, cause, rest in LINE.findall(result.text)]


def _ordered(result):
    events = _events(result)
    assert events, "there is no event"
    assert events == sorted(events, key=lambda event: event[0]), "events are not in the order of time"
    assert {event[1] for event in events} == {0, 1}, "the events are not of both CPUs"


def _lines(count):
    def check(result):
        found = len(_events(result))
        assert found == count, f"{found} events instead of {count}"
    return check


def _complete(result):
    """Every exit that the monitor counted is in the trace, but what came after the end."""
    events = _events(result)
    assert events == sorted(events, key=lambda event: event[0]), "events are not in the order of time"
    assert all(pc != "-" for _, _, pc, _, _ in events), "an event has no program counter"
    marks = [rest.strip() for _, _, _, cause, rest in events if cause == "mark"]
    assert marks == ["1", "2", "7"], f"the marks are {marks}"
    counted = int(re.search(r"polyvisor: exits (\d+) ", result.text)[1])
    assert counted - 3 <= len(events) <= counted, f"{len(events)} events of {counted} exits"


def _diff():
    run = "polyvisor run guest/exitcode -p code=%d --trace exits=tmp/%s.trace >/dev/null; "
    return [
        Case("traces/alike", script(run % (5, "a") + run % (5, "b") + "polyvisor trace diff tmp/a.trace tmp/b.trace"),
             says=["alike: ", " events, time aside"]),
        Case("traces/differ", script(run % (5, "a") + run % (6, "c") + "polyvisor trace diff tmp/a.trace tmp/c.trace"), 1,
             says=["A = tmp/a.trace", "the first difference: vCPU 0", "\n-", "\n+", "1 place differs"]),
        Case("traces/no-trace", ["polyvisor", "trace", "print", "guest/hello"], 105,
             says=["polyvisor: error: guest/hello: is no trace."]),
        Case("traces/one-file", ["polyvisor", "trace", "diff", "guest/hello"], 104, says=["two traces"]),
    ]


def _steps(target):
    if target.guest_arch not in ("aarch64", "x86_64"):
        if target.powerpc:
            return []  # KVM takes the request; the emulated processor has no working debug registers
        return [Case("traces/steps-refused", ["polyvisor", "run", "guest/exitcode", "--trace", "steps=tmp/s.trace"], 103,
                     says=["polyvisor: error: --trace steps: this host's KVM cannot single-step a guest"], never=["exitcode: "])]
    # A step costs milliseconds on an emulated aarch64 host: there only the first ones, which differ in the tree's place.
    limit, file, one, other = ((200, "exitcode.img", "-m 64", "-m 128") if target.guest_arch == "aarch64" else
                               (6000, "exitcode", "-p code=5", "-p code=6"))
    run = (f"polyvisor run guest/{file} %s --trace steps=tmp/%s.trace --trace-limit {limit} --log-level info 2>&1 "
           "| grep entry; ")
    return [
        Case("traces/steps", script(run % (one, "s1") + "polyvisor trace print tmp/s1.trace"), check=_stepped, timeout=180),
        Case("traces/steps-differ", script(run % (one, "s1") + run % (other, "s2") + "polyvisor trace diff tmp/s1.trace tmp/s2.trace"), 1,
             says=["the first difference: vCPU 0", "registers that differ there:", *(
                 ("x0", "0x43e00000", "0x47e00000") if target.guest_arch == "aarch64" else ("0x35", "0x36"))], timeout=240),
        Case("traces/steps-limit", script(
            "polyvisor run guest/exitcode -p code=5 --trace steps=tmp/few.trace --trace-limit 100; s=$?\n"
            "polyvisor trace count tmp/few.trace; exit $s"), 5, says=["exitcode: 5", "100 records of 1 vCPU", "step"]),
    ]


def _stepped(result):
    events = _events(result)
    entry = re.search(r"entry (0x\w+)", result.text)[1]
    steps = [event for event in events if event[3] == "step"]
    assert len(steps) >= 200, f"{len(steps)} steps"
    assert steps[0][2] == entry, f"the first step is at {steps[0][2]}, the entry point is {entry}"


def _files():
    return [
        Case("traces/full-disk", ["polyvisor", "run", "guest/hello", "--trace", "exits=/dev/full"], 103,
             says=["polyvisor: error: --trace", "No space left"], never=["hello from"]),
        Case("traces/full-disk-for-the-page", ["polyvisor", "run", "guest/hello", "--timeline", "/dev/full"], 103,
             says=["hello from", "polyvisor: error: --timeline", "No space left"]),
        Case("traces/limit-of-nothing", ["polyvisor", "run", "guest/hello", "--trace-limit", "5"], 104, says=["nothing is traced"]),
    ]


def page_data(page):
    """The JSON that a timeline carries."""
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def _page(result):
    return result.text[result.text.index("<!doctype html>"):result.text.index("</html>") + 8]


def _timeline():
    show = Case("traces/timeline", script(
        "polyvisor run guest/marks --timeline tmp/page.html || exit 90; cat tmp/page.html"), check=_timeline_is_true)
    if BROWSER:
        show.parts["drawn-in-a-browser"] = _drawn
        return [show]
    return [show, Case("traces/timeline-drawn-in-a-browser", "", skip="chromium is not installed")]


def _timeline_is_true(result):
    data = page_data(_page(result))
    labels = [moment["label"] for moment in data["moments"]]
    times = [moment["ns"] for moment in data["moments"]]
    assert times == sorted(times), "the moments are not in order"
    wanted = ["files opened", "kernel loaded", "VM assembled", "sealed", "first instruction", "init", "ready", "mark 7"]
    assert [label for label in labels if label in wanted] == wanted, f"the moments are {labels}"
    ends = ("the guest ended with status 0", "the guest powered off")
    assert "first output" in labels and labels[-1] in ends, f"the moments are {labels}"
    sums = [sum(column) for column in zip(*data["bins"])]
    assert sums == [cause["count"] for cause in data["causes"]], "the bars do not add up"
    assert {"mark": 3}.items() <= {cause["name"]: cause["count"] for cause in data["causes"]}.items(), "3 marks are not counted"
    assert any(place["name"] == "uart" for place in data["places"]), "the UART is not among the places"
    assert data["lost"] == 0 and times[-1] <= data["end_ns"], "something is lost"


def _drawn(result):
    """A real browser draws it: without an error, without asking for anything, with every moment named."""
    page = _page(result)
    data = page_data(page)
    with tempfile.TemporaryDirectory(prefix="polyvisor-page-") as folder:
        path = f"{folder}/page.html"
        # What goes wrong inside becomes part of the page.
        trap = "<script>onerror = m => document.documentElement.setAttribute('data-error', m);</script>"
        with open(path, "w", encoding="utf-8") as file:
            file.write(page.replace("<head>", "<head>" + trap, 1))
        done = subprocess.run(
            [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile",
             "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=3000", "--dump-dom", f"file://{path}"],
            capture_output=True, timeout=120, check=False)
    drawn = done.stdout.decode(errors="replace")
    assert "data-error" not in drawn.split(">", 2)[1], "a script failed: " + drawn[:300]
    assert drawn.count("<svg") == 2, f"{drawn.count('<svg')} drawings instead of 2"
    assert drawn.count("<path") >= len(data["causes"]), "there are fewer areas than causes"
    for moment in data["moments"]:
        assert f"</span>{moment['label']}</td>" in drawn, f"{moment['label']!r} is not in the table"
    for text in ("init ", "ready ", "first output "):
        assert re.search(rf"<text[^>]*>{text}", drawn), f"{text.strip()!r} is not drawn"


def _linux(target):
    """Debian's kernel: a mark from its user space, and the same boot twice."""
    if target.guest_arch == "powerpc":
        return [Case("traces/linux", "", skip="the lab's guest kernel has no /dev/mem, by which user space would write the mark")]
    address = MARK.get(target.guest_arch)
    command = f"devmem {address:#x} 32 1" if address else "mark"
    words = linux(f"console={target.console} lab.run=\"{command}; echo marked\"", "-i", "tmp/initrd",
                  "--timeline", "tmp/linux.html", "--trace", "exits=tmp/linux.trace")
    return [Case("traces/linux", script(
        f"cat guest/initrd in/mark.cpio >tmp/initrd; {quoted(words)} || exit 90\n"
        "polyvisor trace count tmp/linux.trace; cat tmp/linux.html"), timeout=400,
        files={"in/mark.cpio": _program() if not address else b""},
        says=["marked", "by cause"], never=["records were lost"], check=_linux_page, parts={"places": contains("uart")})]


def _program():
    """An archive with the program bin/mark, to be unpacked over the guest's initramfs."""
    archive = Archive()
    archive.file("bin/mark", compiled(Cache(), find_arch("x86_64"), "mark", [pathlib.Path(__file__).parent / "mark.cpp"]), 0o755)
    return archive.data()


def _linux_page(result):
    data = page_data(_page(result))
    labels = [moment["label"] for moment in data["moments"]]
    assert "init" in labels, f"the mark of user space is missing: {labels}"
    assert labels.index("first output") < labels.index("init"), f"the moments are {labels}"
    assert sum(cause["count"] for cause in data["causes"]) > 100, "a Linux makes more exits"
