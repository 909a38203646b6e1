# SPDX-License-Identifier: MIT
"""Debian's kernels: found in the package lists of the configured mirror, fetched, unpacked, kept.

apt runs on lists, a cache and sources of its own, so that the state of this machine's packages is not
touched; it checks every package against the signed lists.
"""
import dataclasses
import functools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import initramfs

CACHE = pathlib.Path(os.environ.get("KYMO_LAB_CACHE") or pathlib.Path.home() / ".cache/kymo/lab")
SUITES = ["bullseye", "bookworm", "bookworm-backports", "trixie", "trixie-backports", "sid"]
SECURITY = ["bullseye-security", "bookworm-security", "trixie-security"]
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
APT_SECONDS = 600
LEAST_FREE = 3 << 30  # bytes: lists, a root image and some kernels

# What a word on the command line stands for: series ("newest": the last there is), flavour, architecture.
KERNELS = {
    "5.10": ("5.10", "cloud", "amd64"),
    "6.1": ("6.1", "cloud", "amd64"),
    "6.12": ("6.12", "cloud", "amd64"),
    "6.12-rt": ("6.12", "rt", "amd64"),
    "newest": ("newest", "cloud", "amd64"),
    "6.1-arm64": ("6.1", "cloud", "arm64"),
    "6.12-arm64": ("6.12", "cloud", "arm64"),
}

# What is put behind a kernel, as in 6.12+lockdown: parameters of its command line, and the heading of the table.
CONDITIONS = {
    "": ("", ""),
    "lockdown": ("lockdown=confidentiality", "lockdown=confidentiality"),
    "nobtf": ("", "no /sys/kernel/btf"),
}


def split_word(word):
    """6.12+lockdown: the kernel, and the condition that it is under."""
    kernel, _, condition = word.partition("+")
    return kernel, condition


def words():
    """All that can be asked for, in the order of the table."""
    return [name + ("+" if condition else "") + condition for name in KERNELS for condition in CONDITIONS]


class LabError(Exception):
    """One sentence, and a hint."""

    def __init__(self, what, hint=""):
        super().__init__(what)
        self.hint = hint


@dataclasses.dataclass
class Kernel:
    word: str
    version: str
    arch: str
    image: pathlib.Path
    initramfs: pathlib.Path | None = None  # where the drivers of the disks are modules


def codename():
    text = pathlib.Path("/etc/os-release").read_text()
    return re.search(r'^VERSION_CODENAME="?(\w+)', text, re.MULTILINE)[1]


@functools.lru_cache
def mirrors():
    """The addresses of the main and of the security archive, as this machine's apt has them."""
    lines = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"],
        capture_output=True, text=True, check=True).stdout.splitlines()
    found = {}
    for line in lines:
        address, _, release = line.partition(" ")
        found.setdefault(release, address)
    try:
        return found[codename()], found[f"{codename()}-security"]
    except KeyError as missing:
        raise LabError(f"apt has no source for the suite {missing}",
                       "add it to /etc/apt/sources.list") from None


def apt(*words, arches=("amd64", "arm64"), cwd=None):
    options = {
        "Dir::Etc::SourceList": CACHE / "apt/sources.list", "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": CACHE / "apt/lists", "Dir::Cache": CACHE / "apt/cache",
        "Acquire::Languages": "none", "APT::Sandbox::User": "root", "Acquire::Retries": 2,
    }
    settings = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    settings += [word for arch in arches for word in ("-o", f"APT::Architectures::={arch}")]
    return subprocess.run([words[0], *settings, *words[1:]], capture_output=True, text=True,
                          timeout=APT_SECONDS, cwd=cwd, stdin=subprocess.DEVNULL)


def write_sources(suites, security):
    for folder in ("apt/lists/partial", "apt/cache/archives/partial", "debs"):
        (CACHE / folder).mkdir(parents=True, exist_ok=True)
    main, safe = mirrors()
    lines = [f"deb [signed-by={KEYRING}] {address} {suite} main\n"
             for address, names in ((main, suites), (safe, security)) for suite in names]
    (CACHE / "apt/sources.list").write_text("".join(lines))


def suites_that_answer():
    """A mirror may lack suites: those whose lists cannot be had are left out, and told."""
    main, safe = mirrors()
    there, absent = ([], []), []
    for place, (address, names) in enumerate(((main, SUITES), (safe, SECURITY))):
        for suite in names:
            write_sources([suite] if place == 0 else [], [suite] if place == 1 else [])
            done = apt("apt-get", "update", "--print-uris")
            uris = re.findall(r"'(\S+InRelease)'", done.stdout)
            ok = uris and subprocess.run(["/usr/lib/apt/apt-helper", "download-file", uris[0],
                                          str(CACHE / "apt/try")], capture_output=True).returncode == 0
            (there[place] if ok else absent).append(suite)
    return *there, absent


def update(say):
    """Fetches the package lists, and keeps what they say of kernels."""
    CACHE.mkdir(parents=True, exist_ok=True)
    free = os.statvfs(CACHE)
    if free.f_bavail * free.f_frsize < LEAST_FREE:
        raise LabError(f"{CACHE} has less than {LEAST_FREE >> 30} GiB of space",
                       "set KYMO_LAB_CACHE to a folder on another disk")
    write_sources(SUITES, SECURITY)
    say("fetching the lists of packages")
    done = apt("apt-get", "update", "-o", "APT::Update::Error-Mode=any")
    if done.returncode != 0:
        suites, security, absent = suites_that_answer()
        if not suites:
            raise LabError("the mirror gives no list of packages", "check the network")
        say(f"the mirror lacks {', '.join(absent)}: kernels of those are not to be had")
        write_sources(suites, security)
        apt("apt-get", "update")
    listed = apt("apt-cache", "dumpavail").stdout
    stanzas = [s for s in listed.split("\n\n") if re.match(r"Package: linux-(image|binary)-\d", s)]
    (CACHE / "apt/kernels").write_text("\n\n".join(stanzas))


def version_key(text):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", text)]


def candidates(series, flavour, arch):
    """(package, version) of a series, best first.  From 6.19 on linux-binary-* holds the image, and
    linux-image-* of the same series is an empty package that depends on it."""
    found = {}
    pattern = re.compile(rf"linux-(image|binary)-((\d+\.\d+)\S*)-{flavour}-{arch}$")
    for stanza in (CACHE / "apt/kernels").read_text().split("\n\n"):
        entry = dict(re.findall(r"^(Package|Architecture|Version): (.*)$", stanza, re.MULTILINE))
        match = pattern.match(entry.get("Package", ""))
        if match and entry.get("Architecture") == arch and "-unsigned" not in match[2]:
            found.setdefault(match[3], []).append((match[1], entry["Package"], entry["Version"]))
    if series == "newest":
        series = max(found, key=version_key, default=None)
    rows = found.get(series, [])
    if any(kind == "binary" for kind, _, _ in rows):
        rows = [row for row in rows if row[0] == "binary"]
    return sorted(((package, version) for _, package, version in rows),
                  key=lambda row: version_key(row[1]), reverse=True)


def unpack(package, folder):
    """The image, and where it cannot read the disks by itself what can.  None: the package has no image."""
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        try:
            subprocess.run(["dpkg-deb", "-x", str(package), scratch], check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            raise LabError(f"cannot unpack {package.name}: {(error.stderr.strip().splitlines() or ['?'])[-1]}",
                           f"see whether {CACHE} has space") from None
        images = sorted(pathlib.Path(scratch).rglob("vmlinuz*"))
        if not images:
            return None
        folder.mkdir(parents=True)
        modules = initramfs.needed(scratch)
        if modules:
            (folder / "initramfs").write_bytes(initramfs.archive(modules))
        return shutil.move(images[0], folder / images[0].name)


def cached(word):
    """The kernel of a word, when it was fetched before; else None."""
    folder = CACHE / "kernels" / word
    try:
        version = (folder / "version").read_text()
        image = next(folder.glob("vmlinuz*"))
    except (OSError, StopIteration):
        return None
    more = folder / "initramfs"
    return Kernel(word, version, KERNELS[word][2], image, more if more.exists() else None)


def fetch(word, say):
    """Fetches a kernel.  A mirror may have dropped what its lists still name: older ones are tried."""
    kernel = cached(word)
    if kernel:
        return kernel
    if not (CACHE / "apt/kernels").exists():
        update(say)
    series, flavour, arch = KERNELS[word]
    rows = candidates(series, flavour, arch)
    if not rows:
        raise LabError(f"no suite of the mirror has a {flavour} kernel {series} for {arch}",
                       "'tests/kernel/lab --update' fetches the lists again")
    error = ""
    for package, version in rows:
        say(f"fetching {package} {version}")
        done = apt("apt-get", "-q", "download", f"{package}:{arch}={version}", cwd=CACHE / "debs")
        # apt spells a colon of an epoch so in a file's name.
        file = CACHE / "debs" / f"{package}_{version.replace(':', '%3a')}_{arch}.deb"
        if done.returncode != 0 or not file.exists():
            error = (done.stderr.strip().splitlines() or ["?"])[-1]
            continue
        folder = CACHE / "kernels" / word
        image = unpack(file, folder)
        file.unlink()
        if image:
            (folder / "version").write_text(version)
            return cached(word)
    raise LabError(f"the mirror has none of the {len(rows)} packages it lists for {word}: {error}",
                   "'tests/kernel/lab --update' fetches the lists again")
