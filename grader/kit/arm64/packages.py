"""Debian's packages for arm64, fetched by the apt of this machine and unpacked here: nothing of them is ever run, and
nothing of the host's own apt is changed. Apt gets folders of its own, which know no package as installed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from kit.systems import NOT_TRIED, NotHere

ARCHITECTURE, SUITE, MIRROR = "arm64", "bookworm", "http://deb.debian.org/debian"
KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SETTINGS = """\
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Dir::Etc "{folder}/etc";
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
"""


def apt(settings: Path, *words: str) -> None:
    """Apt's progress goes where ours does; what it only downloads, into the folder of its settings."""
    done = subprocess.run(["env", f"APT_CONFIG={settings}", "apt-get", "-q", *words], cwd=settings.parent, check=False)
    if done.returncode != 0:
        raise NotHere(f"{NOT_TRIED}apt-get {words[0]} fails (the network, or {MIRROR})")


def settings_of(folder: Path, suite: str) -> Path:
    """Apt's settings for this suite; it knows the packages' names then."""
    if not KEYS.is_file():
        raise NotHere(f"{NOT_TRIED}there is no {KEYS} (package debian-archive-keyring)")
    for part in ("etc/apt.conf.d", "etc/preferences.d", "state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    (folder / "etc/sources.list").write_text(f"deb [signed-by={KEYS}] {MIRROR} {suite} main\n")
    settings = folder / "apt.conf"
    settings.write_text(SETTINGS.format(architecture=ARCHITECTURE, folder=folder))
    apt(settings, "update")
    return settings


def fetch(folder: Path, names: list[str]) -> list[Path]:
    """The packages with these names and all that they depend on, in files below the folder."""
    apt(settings_of(folder, SUITE), "install", "--yes", "--download-only", *names)
    return sorted((folder / "cache/archives").glob("*.deb"))


def fetch_kernel(folder: Path, suite: str, name: str) -> Path:
    """The package of the newest kernel of a suite, which `name` depends on: linux-image-arm64 and the like; it alone."""
    settings = settings_of(folder, suite)
    words = ["env", f"APT_CONFIG={settings}", "apt-cache", "depends", name]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    depends = re.search(r"Depends: (linux-image-\d\S+)", said)
    if depends is None:
        raise NotHere(f"{NOT_TRIED}{suite} has no {name}")
    apt(settings, "download", depends[1])
    return next(folder.glob(f"{depends[1]}_*.deb"))


def unpack(packages: list[Path], root: Path) -> None:
    """All their files, below a root whose /bin, /lib and /sbin are links into /usr, as in every Debian since 12."""
    for name in ("bin", "lib", "sbin"):
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(f"usr/{name}")
    for package in packages:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as tar:
            options = ["--no-same-owner", "--keep-directory-symlink", "--exclude=./usr/share/doc/*",
                       "--exclude=./usr/share/man/*", "--exclude=./usr/share/locale/*"]  # fmt: skip
            subprocess.run(["tar", "-x", "-C", root, *options], stdin=tar.stdout, check=True)
        if tar.returncode != 0:
            raise RuntimeError(f"{package.name} cannot be unpacked")


def needed(*commands: str) -> None:
    for name in commands:
        if shutil.which(name) is None:
            raise NotHere(f"{NOT_TRIED}there is no {name}")
