"""`polyvisor doctor` on healthy hosts and on hosts that cannot run guests; the words of a failed run."""

import json

from polylab.arch import ARCHES
from polylab.cache import NotCached, WarmCache
from polylab.kernels import find_kernel
from suite.case import Case
from suite.shell import script

# id: state where it is not "fine" on that host
HEALTHY = {
    "aarch64": {"gicv2": "absent"},
    "aarch64-gicv2": {"gicv3": "absent"},
    "aarch64-no-vgic": {"vgic": "limited", "gicv3": "absent", "gicv2": "absent"},
    "aarch64-protected": {"hyp-mode": "limited", "gicv2": "absent"},
    "riscv64": {"aia": "limited"},
    "riscv64-aia": {},
    "x86_64": {},
    "e500v2": {},
    "e5500": {},
    "e5500-32": {},
    "native": None,    # whatever this machine is
}
WITHOUT_KVM = {
    "aarch64-el1": ("started at EL1", "virtualization=on"),
    "aarch64-none": ("kvm-arm.mode=none", "boot loader"),
    "riscv64-without-h": ("no hypervisor extension", "-cpu rv64,h=true"),
}
WITHOUT_GICV2 = {
    "aarch64": ("no GICv2 compatibility interface", "use --irqchip gicv3, user or auto"),
    "aarch64-protected": ("protected KVM does not support it", "use --irqchip gicv3, user or auto"),
    "aarch64-no-vgic": ("no virtual interrupt controller at all", "use --irqchip user or auto"),
}
# What differs between kernels and is no matter of KVM's.
RESOURCES = {"memory", "huge-pages", "memlock", "open-files", "sandbox", "io-uring", "userfaultfd", "tun",
             "vhost-net", "vhost-vsock", "cgroups", "file-systems", "kernel-log", "nested", "unrestricted",
             "cpu-features", "tsc", "timer", "irqfd", "second-level", "sbi"}


def cases(target):
    """Every target: this is about hosts."""
    if target.name in WITHOUT_KVM:
        return _without_kvm(target)
    found = [
        Case("doctor/text", ["polyvisor", "doctor"], says=["polyvisor ", "ok    kvm-device", "Guests can run here: "],
             never=["BAD"]),
        Case("doctor/json", ["polyvisor", "doctor", "--json"], separate=True, check=_judge(target)),
    ]
    if not target.native:
        found += _small(target) + _user(target)
    if target.native:
        found += kernel_configurations()
    if target.name in WITHOUT_GICV2:
        why, mend = WITHOUT_GICV2[target.name]
        found.append(Case("doctor/run-gicv2", ["polyvisor", "run", "guest/hello", "--irqchip", "gicv2"], 103,
                          says=["polyvisor: error: this host's KVM has no virtual GICv2.\n", why, mend]))
    return found


def report_of(result):
    """The JSON on standard output."""
    report = json.loads(result.text)
    assert report["polyvisor"], "no version"
    return report, {check["id"]: check for check in report["checks"]}


def _judge(target):
    def check(result):
        report, checks = report_of(result)
        assert report["guests_can_run"] is True, "says that no guest can run"
        assert report["host"]["architecture"] == target.guest_arch, f"is {report['host']['architecture']}"
        assert report["host"]["cpus"] >= 1 and report["host"]["memory"] > 0, "no processor or memory"
        assert report["kvm"]["api_version"] == 12 and report["kvm"]["capabilities"], "KVM said nothing"
        assert checks["four-instructions"]["state"] == "fine", checks["four-instructions"]
        odd = HEALTHY[target.name]
        for name, one in checks.items():
            assert one["seen"], f"{name} saw nothing"
            assert one["state"] == "fine" or one["why"] or one["state"] == "absent", f"{name} does not say why"
            if odd is not None and name not in RESOURCES:
                expected = odd.get(name, "fine")
                assert one["state"] == expected, f"{name} is {one['state']}, not {expected}: {one['seen']}"
    return check


def _without_kvm(target):
    why, mend = WITHOUT_KVM[target.name]

    def check(result):
        report, checks = report_of(result)
        assert report["guests_can_run"] is False, "says that guests can run"
        device = checks["kvm-device"]
        assert device["state"] == "broken", f"kvm-device is {device['state']}"
        assert why in device["why"] and mend in device["mend"], device
        assert report["kvm"]["open_error"] != 0, "KVM was opened"
        assert report["kernel_log"], "no line of the kernel's log"
    return [
        Case("doctor/text", ["polyvisor", "doctor"], 1,
             says=["BAD   kvm-device         there is no /dev/kvm", "No guest can run here: "]),
        Case("doctor/json", ["polyvisor", "doctor", "--json"], 1, separate=True, check=check),
        Case("doctor/run", ["polyvisor", "run", "guest/hello"], 103,
             says=["polyvisor: error: there is no /dev/kvm on this host.\n  hint: ", why], never=["errno", "ENOENT"]),
    ]


def _small(target):
    """With nothing in /dev, then without /proc and /sys: as in an initramfs that mounts nothing."""
    empty = "mkdir -p tmp/e; mount -t tmpfs none tmp/e; mkdir tmp/e/dev tmp/e/proc; cp $(which polyvisor) tmp/e/; "
    node = "mknod tmp/e/dev/kvm c 10 $(awk '$2==\"kvm\"{print $1}' /proc/misc); "
    return [
        Case("doctor/empty-dev", script(
            f"{empty}mount -t proc proc tmp/e/proc; chroot tmp/e /polyvisor doctor; echo status $?; umount tmp/e/proc; "
            "umount tmp/e"), says=["BAD   kvm-device", "there is no /dev/kvm", "only its device node", "mknod", "status 1"]),
        Case("doctor/kvm-only", script(f"{empty}{node}chroot tmp/e /polyvisor doctor; echo status $?; umount tmp/e"),
             says=["ok    kvm-device", *(["BAD   timebase", "status 1"] if target.powerpc else
                                         ["ok    four-instructions", "less  file-systems", "status 0"])]),
    ]


def _user(target):
    """Another user than root, who is in no group."""
    drop = ("mkdir -p tmp/u; chmod 755 tmp tmp/u; cp $(which polyvisor) tmp/u/; chmod 755 tmp/u/polyvisor; "
            "grep -q '^nobody:' /etc/passwd 2>/dev/null || echo nobody:x:65534:65534::/:/bin/sh >>/etc/passwd; "
            "mode=$(stat -c %a /dev/kvm); chmod 660 /dev/kvm; ")
    run = "su nobody -s /bin/sh -c '/tmp/u/polyvisor {}'; echo status $?; chmod $mode /dev/kvm"
    return [Case("doctor/no-permission", script(drop + run.format("doctor")),
                 says=["BAD   kvm-device", "no permission to open /dev/kvm", "you (uid 65534) are not in the", "status 1"]),
            Case("doctor/run-no-permission", script(
                drop + "cp guest/hello tmp/u/; chmod 644 tmp/u/hello; " + run.format("run /tmp/u/hello")),
                 says=["polyvisor: error: no permission to open /dev/kvm.\n", "are not in the group", "status 103"])]


def kernel_configurations():
    """The lab's own kernels, whose configurations Debian ships beside them; minimal ones carry it inside."""
    found = []
    for arch in ARCHES.values():
        machine = arch.guests or arch.name
        for which in ("debian", "minimal"):
            try:
                image = find_kernel(WarmCache(), arch, which, "host").image
            except NotCached:
                continue
            beside = [image.parent / image.name.replace("vmlinuz", "config").replace("vmlinux", "config"),
                      image.parent / "config"]
            config = next((path for path in beside if path != image and path.is_file()), None)
            if config is None:
                continue
            name = f"in/config-{arch.name}-{which}"
            found += [Case(f"doctor/kernel-config-{arch.name}-{which}", script(
                f"polyvisor doctor --kernel-config {name}; echo host $?\ngzip -c {name} >tmp/config.gz\n"
                f"polyvisor doctor --kernel-config tmp/config.gz --guest --json; echo guest $?"),
                files={name: str(config)}, says=[f", for {machine}: ", "Good for a host", "host 0",
                                                 '"source":"a compressed .config"', '"role":"guest"', '"complete":true',
                                                 "guest 0"])]
            if which == "minimal" and "CONFIG_IKCONFIG=y" in config.read_text():
                kernel = f"in/kernel-carrying-{arch.name}"
                found.append(Case(f"doctor/kernel-config-inside-{arch.name}", [
                    "polyvisor", "doctor", "--kernel-config", kernel], files={kernel: str(image)},
                    says=["the configuration inside a", f"for {machine}: ", "Good for a host"]))
    return found
