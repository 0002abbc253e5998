"""PCI: BARs that move while other CPUs read them, and Linux with all its devices behind a host bridge."""

from linux import DISK, linux
from suite.boards import boards_with_pci
from suite.case import Case, contains
from suite.shell import quoted, script


def cases(target):
    """The bare-metal guest everywhere, Linux where Linux runs; on powerpc the refusal."""
    if target.powerpc:
        return [Case("pci/refused", "polyvisor run guest/hello --transport pci", 104,
                     says=["--transport pci: this board has no PCI on powerpc", "--transport mmio"])]
    found = [Case("pci/moves", "polyvisor run guest/pci --transport pci --rng -c 2 -p moves=200", timeout=200, separate=True,
                  says=["1af4:1044 class 00ff00", "moved 200 times", "wrong 0", "32 random bytes:"])]
    if target.full:
        found += _boards(target)
        found += [Case("pci/none", "polyvisor run guest/pci --transport pci", 9, says=["pci: no entropy device"]),
                  Case("pci/kvmtool-words", "polyvisor run guest/pci --virtio-transport pci --rng -p moves=2", separate=True,
                       says=["wrong 0"])]
    return found if target.native else found + _linux(target)


def _boards(target):
    """The bridges of the other boards: a guest on bare metal, and Linux with a disk behind each."""
    found = []
    for board, ports in boards_with_pci(target.arch).items():
        found += [Case(f"pci/board-{board}", f"polyvisor run guest/pci.img --board {board} --transport pci --rng -c 2 -p moves=50",
                       timeout=200, separate=True, says=["1af4:1044 class 00ff00", "moved 50 times", "wrong 0", "32 random bytes:"]),
                  _board_linux(board, ports)]
        if not ports:
            found.append(Case(f"pci/board-{board}-without-ports",
                              f"polyvisor run guest/hello.img --board {board} --transport pci-transitional", 104,
                              says=[f'the board "{board}" has no PCI ports', "--transport pci"]))
    return found


def _board_linux(board, ports):
    """Legacy drivers where there are ports, else modern ones. The console is the tree's: boards have different UARTs."""
    kind, extra = ("pci-transitional", "virtio_pci.force_legacy=1 ") if ports else ("pci", "")
    commands = ("cat /sys/bus/pci/devices/0000:00:01.0/device", "head -n1 /dev/vda", "grep virtio /proc/interrupts",
                "echo features=$(cut -c33 /sys/bus/virtio/devices/virtio0/features)")
    params = f"quiet {extra}lab.run=\"{'; '.join(commands)}\""
    words = linux(params, "-d", "tmp/pci-board,ro", "--board", board, "--transport", kind)
    return Case(f"pci/board-{board}-linux", script(f"cp in/linux-disk tmp/pci-board\n{quoted(words)}"), timeout=400,
                files={"in/linux-disk": DISK}, never=["Kernel panic"],
                says=["0x1001" if ports else "0x1042", "polyvisor-system-test-disk", "virtio0",
                      f"features={0 if ports else 1}", "lab-guest: exit status 0"])


def _config_ports(target):
    """x86_64: Linux told to leave the memory window alone reaches configuration registers by 0xcf8 and 0xcfc."""
    params = (f"console={target.console} pci=nommconf lab.run=\"cat /sys/bus/pci/devices/0000:00:01.0/device; head -n1 /dev/vda; "
              "cat /proc/ioports\"")
    words = linux(params, "-d", "tmp/pci-ports,ro", "--transport", "pci")
    return Case("pci/linux-config-ports", script(f"cp in/linux-disk tmp/pci-ports\n{quoted(words)}"), timeout=400,
                files={"in/linux-disk": DISK}, never=["Kernel panic", "MMCONFIG for domain", "ECAM [mem"],
                says=["Using configuration type 1", "0x1042", "polyvisor-system-test-disk", "PCI conf1", "lab-guest: exit status 0"])


def _linux(target):
    """One boot that looks at everything, one with a driver's way of before virtio 1.0."""
    found = [_devices(target)]
    if target.full:
        found.append(_legacy(target))
    if target.arch == "x86_64":
        found.append(_config_ports(target))
    return found


def _devices(target):
    commands = ("cd /sys/bus/pci/devices", "for d in *; do echo pci $d $(cat $d/vendor) $(cat $d/device) $(ls $d | grep ^virtio); done", "grep -i mmconfig /proc/iomem",
                "head -n1 /dev/vda", "echo written by the guest >/dev/vdb", "sync", "echo rng=$(cat /sys/class/misc/hw_random/rng_current)",
                "echo random=$(dd if=/dev/hwrng bs=16 count=1 2>/dev/null | wc -c)", "grep -i virtio /proc/interrupts",
                # Out and in again: the BARs are given addresses anew, the driver starts anew.
                "echo 1 >0000:00:03.0/remove", "echo there=$(ls | grep -c 03.0)", "echo 1 >/sys/bus/pci/rescan",
                "sleep 1", "echo again=$(ls | grep -c 03.0)",
                "echo random=$(dd if=/dev/hwrng bs=8 count=1 2>/dev/null | wc -c)")
    params = f"console={target.console} quiet lab.run=\"{'; '.join(commands)}\""
    words = linux(params, "-c", "2", "-d", "tmp/pci-a,ro", "-d", "tmp/pci-b", "--rng", "--transport", "pci")
    return Case("pci/linux", script(f"cp in/linux-disk tmp/pci-a; cp in/linux-disk tmp/pci-b\n{quoted(words)}\ns=$?; "
                                    "echo after=$(head -n1 tmp/pci-b); exit $s"),
                timeout=600, files={"in/linux-disk": DISK},
                says=["pci 0000:00:01.0 0x1af4 0x1042 virtio0", "pci 0000:00:03.0 0x1af4 0x1044 virtio2",
                      "polyvisor-system-test-disk", "after=written by the guest"], never=["Kernel panic"],
                parts={**_bridge(target), "hwrng": contains("rng=virtio_rng", "random=16"), "interrupts": _interrupts(target),
                       "remove-rescan": contains("there=0", "again=1", "random=8")})


def _bridge(target):
    """q35's, at q35's address."""
    return {"bridge": contains("pci 0000:00:00.0 0x8086 0x29c0", "b0000000-b00fffff : PCI MMCONFIG 0000 [bus 00-00]")} \
        if target.arch == "x86_64" else {}


def _interrupts(target):
    """Messages where the interrupt controller takes them, a shared level line where not; counted either way."""
    messages = target.irqchips[:1] != ("plic",)

    def check(result):
        lines = [line for line in result.text.splitlines() if "virtio" in line and ":" in line and "pci 0000" not in line]
        counted = [line for line in lines if any(word.isdigit() and int(word) for word in line.split(":")[1].split()[:2])]
        assert counted, f"no interrupt of a virtio device was counted: {lines}"
        is_message = [("MSI" in line or "ITS" in line) for line in counted]
        assert all(is_message) if messages else not any(is_message), counted
    return check


def _legacy(target):
    """Linux's own driver for transitional devices, told to use the legacy interface where it can be."""
    params = (f"console={target.console} quiet virtio_pci.force_legacy=1 lab.run=\"cat /sys/bus/pci/devices/0000:00:01.0/device; "
              "head -n1 /dev/vda; grep -i -A2 1af4 /proc/ioports; echo features=$(cut -c33 /sys/bus/virtio/devices/virtio0/features)\"")
    words = linux(params, "-d", "tmp/pci-old,ro", "--transport", "pci-transitional")
    return Case("pci/linux-transitional", script(f"cp in/linux-disk tmp/pci-old\n{quoted(words)}"), timeout=400,
                files={"in/linux-disk": DISK},
                says=["0x1001", "polyvisor-system-test-disk", "features=0", "lab-guest: exit status 0"],
                never=["Kernel panic"])
