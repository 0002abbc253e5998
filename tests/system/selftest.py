"""`polyvisor selftest`: the guests inside the binary, and the report that comes out."""

import json

from suite.case import Case
from suite.shell import script

GUESTS = ("registers", "contract", "timer", "echo", "smp", "widths", "virtio", "memtest")


def cases(target):
    """Every host that runs guests."""
    if target.name in ("aarch64-el1", "aarch64-none", "riscv64-without-h"):
        return [Case("selftest/no-kvm", ["polyvisor", "selftest"], 1,
                     says=["BAD   kvm-device", "no guest can run here", "selftest: 0 passed, 0 failed"])]
    return [
        Case("selftest/json", ["polyvisor", "selftest", "--json"], separate=True, timeout=600, check=_judge(target)),
        *([] if target.native or not target.full else [
            Case("selftest/text", script(
                "mkdir -p tmp/s; mount -t tmpfs none tmp/s; mkdir tmp/s/dev tmp/s/proc; cp $(which polyvisor) tmp/s/\n"
                "mknod tmp/s/dev/kvm c 10 $(awk '$2==\"kvm\"{print $1}' /proc/misc); mount -t proc proc tmp/s/proc\n"
                "chroot tmp/s /polyvisor selftest; echo status $?; umount tmp/s/proc; umount tmp/s"), timeout=600,
                says=["ok    kvm-device", "ok    registers", "ok    contract", "ok    timer", "ok    smp",
                      " 0 failed", "status 0"], never=["FAIL", "BAD"])]),
    ]


def _judge(target):
    def check(result):
        report = json.loads(result.text)
        tests = {test["name"]: test for test in report["tests"]}
        for name in GUESTS:
            test = tests[name]
            assert test["verdict"] == "passed", f"{name} {test['verdict']}: {test['says']}\n{test['output']}"
            assert test["says"] and test["covers"] and test["milliseconds"] >= 0, test
        assert report["passed"] is True and report["guests_can_run"] is True
        assert "0 wrong" in tests["registers"]["says"], tests["registers"]["says"]
        assert "checks, 0 failed" in tests["contract"]["output"], "the contract does not say how many checks"
        assert report["host"]["architecture"] == target.guest_arch
        assert report["host"]["kernel"] and report["kvm"]["capabilities"] and report["checks"]
        for name, here in (("hypercall", target.powerpc), ("nisv", target.arch == "aarch64")):
            assert tests[name]["verdict"] == ("passed" if here else "skipped"), tests[name]
    return check
