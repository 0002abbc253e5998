"""KVM hosts of every architecture under QEMU: the library behind `lab/lab`.

Public names: `Host`, `Command`, `Result` (run commands on a host), `guest_initrd` (pack a
guest's initramfs), `LabError` (every failure that a user can do something about).
Python standard library only.
"""

from .errors import LabError
from .host import Command, Host, HostDied, Result
from .images import guest_initrd

__all__ = ["Command", "Host", "HostDied", "LabError", "Result", "guest_initrd"]
