# SPDX-License-Identifier: MIT
"""The machines of the lab: a Debian root image, and QEMU that boots a kernel on it.

The image is made once.  It has a partition table only because drives are found in any order: the
kernel finds the root by the number that is written there, and everything else by its label.
"""
import hashlib
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import time

from kernels import CACHE, LabError, codename, mirrors

HERE = pathlib.Path(__file__).parent
SIGNATURE = 0x6B796D6F  # "kymo": PARTUUID=6b796d6f-01
FIRST_SECTOR = 2048
IMAGE_MIB = 1500
JOB_MIB = 192
MEMORY_MIB = 1024
PACKAGES = ["python3", "procps", "iproute2", "util-linux", "libc6-dbg"]
MACHINES = {
    "amd64": (["qemu-system-x86_64", "-cpu", "max"], "ttyS0"),
    "arm64": (["qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a72"], "ttyAMA0"),
}


def need(*tools):
    for tool, package in tools:
        if not shutil.which(tool):
            raise LabError(f"'{tool}' is missing", f"apt-get install {package}")


def depends_of(package):
    """The Debian packages that kymo's own needs, without versions."""
    text = subprocess.run(["dpkg-deb", "-f", str(package), "Depends"], capture_output=True, text=True,
                          check=True).stdout
    return sorted(re.sub(r"\s*[(|].*", "", word.strip()) for word in text.split(",") if word.strip())


def root_image(package, say):
    """An image with what the package depends on, from the cache when nothing of that changed."""
    need(("debootstrap", "debootstrap"), ("mke2fs", "e2fsprogs"))
    include = PACKAGES + depends_of(package)
    recipe = [codename(), *include, (HERE / "ginit").read_text()]
    image = CACHE / f"root-{hashlib.sha256(repr(recipe).encode()).hexdigest()[:16]}.img"
    if image.exists():
        return image
    for old in CACHE.glob("root-*.img"):
        old.unlink()
    say("making a root image, once")
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        root = pathlib.Path(scratch, "root")
        done = subprocess.run(["debootstrap", "--variant=minbase", f"--include={','.join(include)}",
                               codename(), str(root), mirrors()[0]], capture_output=True, text=True)
        if done.returncode != 0:
            last = (done.stdout.strip().splitlines() or ["?"])[-1]
            raise LabError(f"debootstrap failed: {last}", "check the network and the space in the cache")
        shutil.rmtree(root / "var/cache/apt")
        shutil.rmtree(root / "var/lib/apt/lists")
        shutil.copy(HERE / "ginit", root / "ginit")
        half = pathlib.Path(scratch, "image")
        with half.open("wb") as file:
            file.truncate(FIRST_SECTOR * 512 + (IMAGE_MIB << 20))
            file.seek(440)
            file.write(struct.pack("<IH", SIGNATURE, 0))
            file.write(struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", FIRST_SECTOR,
                                   IMAGE_MIB << 11))
            file.seek(510)
            file.write(b"\x55\xaa")
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-E", f"offset={FIRST_SECTOR * 512}", "-d",
                        str(root), str(half), f"{IMAGE_MIB}M"], check=True)
        half.rename(image)
    return image


def boot(kernel, image, files, arguments, seconds, more=""):
    """Boots, does the job, and returns (its output, the kernel's log, whole console, seconds).

    files: name in the job's folder -> path.  Output and log are None when the machine did not come to
    that point."""
    command, console = MACHINES[kernel.arch]
    need((command[0], "qemu-system-x86 qemu-system-arm"), ("mke2fs", "e2fsprogs"))
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        job = pathlib.Path(scratch, "job")
        job.mkdir()
        for name, path in files.items():
            (shutil.copytree if pathlib.Path(path).is_dir() else shutil.copy)(path, job / name)
        (job / "arguments").write_text(arguments)
        disk = pathlib.Path(scratch, "job.img")
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-L", "job", "-d", str(job), str(disk),
                        f"{JOB_MIB}M"], check=True)
        # One thread: two processors emulated by two threads crashed guests (QEMU 7.2, 2 of 10 boots).
        words = [*command, "-accel", "tcg,thread=single", "-m", str(MEMORY_MIB), "-smp", "2",
                 "-kernel", str(kernel.image), "-no-reboot", "-display", "none", "-serial", "stdio",
                 "-monitor", "none", "-nic", "none", "-append",
                 f"console={console} quiet loglevel=3 panic=-1 root=PARTUUID={SIGNATURE:08x}-01 rw "
                 f"init=/ginit {more}"]
        for name, file in (("root", image), ("job", disk)):
            words += ["-drive", f"file={file},if=none,id={name},format=raw,snapshot=on",
                      "-device", f"nvme,drive={name},serial={name}"]
        began = time.monotonic()
        try:
            text = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=seconds).stdout
        except subprocess.TimeoutExpired as late:
            text = late.stdout or b""
    text = text.decode(errors="replace").replace("\r", "")
    return between(text, "LAB begin", "LAB log"), between(text, "LAB log", "LAB end"), text, \
        time.monotonic() - began


def between(text, first, last):
    """What stands between two lines, or after the first when the last never came; None without it."""
    _, found, rest = text.partition(f"{first}\n")
    return rest.partition(f"{last}\n")[0] if found else None
