"""Writes initramfs archives ("newc" format, Linux Documentation/driver-api/early-userspace/
buffer-format.rst): files, folders, symbolic links and device nodes, nothing else.

The same content gives the same bytes: no times, owners or inode numbers of this machine.
"""

import os
import pathlib
import stat


class Archive:
    """Collects entries in memory; `data()` is a complete archive, and archives concatenate."""

    def __init__(self):
        self._parts = []
        self._folders = {""}
        self.names = set()
        self._inode = 1

    def _entry(self, name, mode, data=b"", device=(0, 0)):
        fields = [self._inode, mode, 0, 0, 2 if stat.S_ISDIR(mode) else 1, 0, len(data), 0, 0,
                  *device, len(name.encode()) + 1, 0]
        self._inode += 1
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        head = header + name.encode() + b"\0"
        self._parts += [head, b"\0" * (-len(head) % 4), data, b"\0" * (-len(data) % 4)]
        self.names.add(name)

    def folder(self, name, mode=0o755):
        """A folder and the folders above it."""
        name = name.strip("/")
        if name in self._folders:
            return
        self.folder(os.path.dirname(name))
        self._folders.add(name)
        self._entry(name, stat.S_IFDIR | mode)

    def file(self, name, content, mode=0o644):
        """A file; `content` is bytes, or the path of a file outside."""
        name = name.strip("/")
        self.folder(os.path.dirname(name))
        if not isinstance(content, bytes):
            content = pathlib.Path(content).read_bytes()
        self._entry(name, stat.S_IFREG | mode, content)

    def link(self, name, target):
        """A symbolic link."""
        name = name.strip("/")
        self.folder(os.path.dirname(name))
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def node(self, name, major, minor, mode=0o600):
        """A character device."""
        name = name.strip("/")
        self.folder(os.path.dirname(name))
        self._entry(name, stat.S_IFCHR | mode, device=(major, minor))

    def data(self):
        """The archive's bytes."""
        end = Archive.__new__(Archive)
        end._parts, end.names, end._inode = [], set(), 0
        end._entry("TRAILER!!!", 0)
        body = b"".join(self._parts + end._parts)
        return body + b"\0" * (-len(body) % 512)
