"""The cache: finished things under a key, made once, safe against anything dying half-way.

    <cache>/<kind>/<key>       a finished file or folder; it never changes
    <cache>/locks/<kind>.<key> held (flock) while somebody makes it
    <cache>/tmp/<kind>.<key>.* being made; renamed into place when it is complete

The key is a hash of everything that goes in (recipe, inputs, options). A process that is
killed loses its flock with its life; what it left under tmp/ is removed by the next one that
takes the same lock. A rename is atomic, so a reader sees the whole thing or nothing.
The place is $POLYVISOR_CACHE, else $XDG_CACHE_HOME/polyvisor, else ~/.cache/polyvisor.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import tempfile

from .errors import LabError
from .progress import step


def cache_folder(environment=os.environ):
    """The folder for the cache that this environment asks for."""
    if environment.get("POLYVISOR_CACHE"):
        return pathlib.Path(environment["POLYVISOR_CACHE"])
    if environment.get("XDG_CACHE_HOME", "").startswith("/"):
        return pathlib.Path(environment["XDG_CACHE_HOME"]) / "polyvisor"
    return pathlib.Path(environment.get("HOME") or "/root") / ".cache" / "polyvisor"


def key_of(*parts):
    """A short stable name for any JSON-like value or bytes."""
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:20]


def file_hash(path):
    """SHA-256 of a file's content, as bytes."""
    digest = hashlib.sha256()
    with open(path, "rb") as source:
        while block := source.read(1 << 20):
            digest.update(block)
    return digest.digest()


def remove(path):
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


class Cache:
    """Finished things by kind and key; see the module's description."""

    def __init__(self, folder=None):
        self.folder = pathlib.Path(folder) if folder else cache_folder()
        try:
            for name in ("locks", "tmp"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LabError(f"cannot use the cache {self.folder}: {error.strerror}; "
                           "set XDG_CACHE_HOME to a writable folder") from error

    @contextlib.contextmanager
    def lock(self, name):
        """Hold the lock `name` against every other process (and thread) of this cache."""
        with open(self.folder / "locks" / name, "w", encoding="ascii") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                with step(f"waiting for another run that is making {name}"):
                    fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def path(self, kind, key):
        """Where the finished thing is or will be."""
        return self.folder / kind / key

    def get(self, kind, key, make):
        """The finished thing; `make(path)` creates it at a temporary path when it is missing."""
        final = self.path(kind, key)
        if final.exists():
            return final
        name = f"{kind}.{key}"
        with self.lock(name):
            if final.exists():
                return final
            temporary = self.folder / "tmp"
            for stale in temporary.glob(f"{name}.*"):
                remove(stale)
            work = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}.", dir=temporary))
            try:
                product = work / "product"
                make(product)
                final.parent.mkdir(parents=True, exist_ok=True)
                os.rename(product, final)
            finally:
                remove(work)
        return final


class NotCached(LabError):
    """What was asked for would have to be made first."""


class WarmCache(Cache):
    """A cache that makes nothing: asks what is there already."""

    def get(self, kind, key, make):
        """The finished thing, or NotCached."""
        final = self.path(kind, key)
        if not final.exists():
            raise NotCached(f"{kind}/{key} is not in the cache")
        return final
