"""Packages of any Debian architecture and suite, through apt with its own private state.

The mirror is the one that the machine's own apt configuration names (`apt-get indextargets`);
proxies and the like come from there too. Lists are signed and checked with the system's
archive keyring, packages against the lists, all by apt itself. Nothing of the system's state
is written, no root is needed, and a warm cache needs no network at all.
"""

import os
import pathlib
import re
import subprocess

from .cache import key_of
from .errors import LabError
from .progress import step

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
TARGETS = ["apt-get", "indextargets", "--format",
           "$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(CODENAME)|$(REPO_URI)"]


def mirror_from_targets(text):
    """The Debian mirror in the output of TARGETS, or None. Security archives do not count."""
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) == 5 and fields[0] == fields[1] == "Debian" and fields[2] == "main":
            if not fields[4].startswith("cdrom:"):
                return fields[4]
    return None


def mirror_from_uris(text):
    """The Debian mirror in the output of `apt-get update --print-uris`, or None."""
    for line in text.splitlines():
        match = re.match(r"'(\S+/)dists/(?:bookworm|trixie|stable|oldstable)/InRelease'", line)
        if match and not match[1].startswith("cdrom:"):
            return match[1]
    return None


def mirror():
    """The address of the Debian mirror that this machine's apt is configured with."""
    output = {}
    for name, command in {"targets": TARGETS,
                          "uris": ["apt-get", "update", "--print-uris"]}.items():
        try:
            output[name] = subprocess.run(command, capture_output=True, text=True,
                                          check=False).stdout
        except FileNotFoundError:
            raise LabError("the lab takes kernels and QEMU from Debian packages, and this machine "
                           "has no apt-get") from None
        found = (mirror_from_targets(output["targets"]) if name == "targets"
                 else mirror_from_uris(output["uris"]))
        if found:
            return found
    raise LabError("apt on this machine has no Debian mirror configured: "
                   "`apt-get indextargets` names none")


class Archive:
    """One architecture's packages in some suites, e.g. Archive(cache, "riscv64", ["trixie"])."""

    def __init__(self, cache, architecture, suites, source=False):
        self.cache = cache
        self.architecture = architecture
        self.suites = suites
        self.source = source
        self.name = f"{architecture}-{'+'.join(suites)}{'-source' if source else ''}"
        self.state = cache.folder / "apt" / self.name

    def _options(self):
        sources = self.state / "sources.list"
        pairs = {
            "Dir::Etc::sourcelist": sources,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State": self.state / "state",
            "Dir::State::Lists": self.state / "state" / "lists",
            "Dir::State::status": self.state / "status",
            "Dir::Cache": self.state / "cache",
            "APT::Architecture": self.architecture,
            "APT::Architectures::": self.architecture,
            "APT::Sandbox::User": "root",
            "APT::Get::List-Cleanup": "false",
            "APT::Install-Recommends": "false",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            "Acquire::PDiffs": "false",
            "Dpkg::Use-Pty": "false",
        }
        options = []
        for name, value in pairs.items():
            options += ["-o", f"{name}={value}"]
        return options

    def _apt(self, tool, *arguments, folder=None):
        command = [tool, *self._options(), *arguments]
        environment = dict(os.environ, LC_ALL="C", DEBIAN_FRONTEND="noninteractive")
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-8:])
            raise LabError(f"{tool} {' '.join(arguments)} ({self.name}) failed:\n{tail}")
        return done.stdout

    def update(self):
        """Fetch the package lists, once in the life of this state folder. Call it locked."""
        stamp = self.state / "updated"
        if stamp.exists():
            return
        for folder in ("state/lists/partial", "cache/archives/partial"):
            (self.state / folder).mkdir(parents=True, exist_ok=True)
        (self.state / "status").write_text("")
        address = mirror()
        signed = f"signed-by={KEYRING} " if os.path.exists(KEYRING) else ""
        kind = "deb-src" if self.source else "deb"
        lines = [f"{kind} [{signed}arch={self.architecture}] {address} {suite} main\n"
                 for suite in self.suites]
        (self.state / "sources.list").write_text("".join(lines))
        with step(f"reading Debian's package lists ({self.name})"):
            self._apt("apt-get", "update", "--error-on=any")
        stamp.write_text("")

    def dependency(self, package, pattern):
        """The package matching `pattern` that (meta) `package` depends on."""
        text = self._apt("apt-cache", "depends", "--no-recommends", "--no-suggests", package)
        found = re.findall(rf"Depends: ({pattern})\s*$", text, re.MULTILINE)
        if not found:
            raise LabError(f"{package} ({self.name}) depends on nothing like {pattern}")
        return found[0]

    def closure(self, packages, everywhere=None):
        """`packages` and all they need on an empty system, less what every Debian has."""
        leave_out = EVERYWHERE if everywhere is None else everywhere
        prefer = ["-t", self.suites[-1]] if len(self.suites) > 1 else []
        text = self._apt("apt-get", "-s", *prefer, "install", *packages)
        chosen = re.findall(r"^Inst (\S+) \((\S+) ", text, re.MULTILINE)
        return [f"{name}={version}" for name, version in chosen if name not in leave_out]

    def download(self, packages, folder):
        """Put the .deb files of `packages` (name, name=version or name/suite) into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._apt("apt-get", "download", *packages, folder=folder)
        return sorted(folder.glob("*.deb"))

    def download_source(self, package, folder):
        """Put the upstream archive of the source package into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._apt("apt-get", "source", "--download-only", "--tar-only", package, folder=folder)

    def download_source_package(self, package, folder):
        """Put the whole source package (.dsc, upstream archive, Debian's changes) into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._apt("apt-get", "source", "--download-only", package, folder=folder)

    def _with_fresh_lists(self, action):
        """Run `action` locked; when a package has left the mirror since, read the lists again."""
        with self.cache.lock(f"apt.{self.name}"):
            had_lists = (self.state / "updated").exists()
            self.update()
            try:
                return action()
            except LabError:
                if not had_lists:
                    raise
            (self.state / "updated").unlink(missing_ok=True)
            self.update()
            return action()

    def unpacked(self, packages, what, resolve=lambda archive, names: names, trim=None):
        """A cached folder with the contents of `packages`.

        `resolve` may rewrite the names, `trim` may remove what is not needed.
        """
        key = key_of("unpacked-3", self.architecture, self.suites, packages)

        def make(product):
            def fetch():
                with step(f"downloading {what}"):
                    return self.download(resolve(self, packages), product.parent / "debs")
            debs = self._with_fresh_lists(fetch)
            product.mkdir()
            with step(f"unpacking {what}"):
                for deb in debs:
                    unpack(deb, product)
                if trim:
                    trim(product)
        return self.cache.get("packages", f"{packages[0]}-{self.architecture}-{key}", make)

    def source_files(self, package, what):
        """A cached folder with the upstream archive of a source package."""
        key = key_of("source-1", self.suites, package)

        def make(product):
            def fetch():
                with step(f"downloading {what}"):
                    self.download_source(package, product)
            self._with_fresh_lists(fetch)
        return self.cache.get("packages", f"{package.partition('/')[0]}-source-{key}", make)

    def source_package(self, package, what):
        """A cached folder with a whole source package: .dsc and archives."""
        key = key_of("source-package-1", self.suites, package)

        def make(product):
            def fetch():
                with step(f"downloading {what}"):
                    self.download_source_package(package, product)
            self._with_fresh_lists(fetch)
        return self.cache.get("packages", f"{package.partition('/')[0]}-dsc-{key}", make)


# What every Debian 12 has (the base system and what apt needs): never unpacked beside it.
EVERYWHERE = {
    "gcc-12-base", "libc6", "libgcc-s1", "libcrypt1", "debconf", "adduser", "passwd", "base-files",
    "perl-base", "dpkg", "tar", "libc-bin", "libpam0g", "libpam-modules", "libpam-modules-bin",
    "libpam-runtime", "login", "init-system-helpers",
}


def unpack(deb, folder):
    """Unpack one .deb into `folder`, without installing it."""
    done = subprocess.run(["dpkg-deb", "-x", pathlib.Path(deb), folder], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"cannot unpack {deb}: {done.stderr.strip()}")
