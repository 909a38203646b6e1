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
PACKAGES = ["python3", "procps", "iproute2", "util-linux", "libc6-dbg", "systemd"]
MACHINES = {  # command, console, the package of the command
    "amd64": (["qemu-system-x86_64", "-cpu", "max"], "ttyS0", "qemu-system-x86"),
    "arm64": (["qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a72"], "ttyAMA0", "qemu-system-arm"),
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


def debootstrap(arch, include, root):
    """Fetches all packages and makes the folders; see unpack_all() for the rest."""
    done = subprocess.run(["debootstrap", "--variant=minbase", f"--arch={arch}", "--foreign",
                           f"--include={','.join(include)}", codename(), str(root), mirrors()[0]],
                          capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stdout.strip().splitlines() or ["?"])[-1]
        raise LabError(f"debootstrap failed: {last}", "check the network and the space in the cache")
    unpack_all(root)
    for folder in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(root / folder)
    shutil.copy(HERE / "ginit", root / "ginit")


def unpack_all(root):
    """All packages, without what their scripts would do, but for the first users: programs need no more.

    dpkg is told that they are installed.  Nothing is executed, so that any processor's root is made here: configuring
    one for arm64 in a machine of that kind took more than half an hour."""
    status = []
    for package in sorted((root / "var/cache/apt/archives").glob("*.deb")):
        content = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
        done = subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", root], stdin=content.stdout,
                              capture_output=True, text=True)
        if content.wait() or done.returncode:
            raise LabError(f"cannot unpack {package.name}: {done.stderr.strip()[-200:]}",
                           f"see whether {CACHE} has space")
        control = subprocess.run(["dpkg-deb", "-f", package], capture_output=True, text=True, check=True).stdout
        status.append(control.strip() + "\nStatus: install ok installed\n")
    (root / "var/lib/dpkg/status").write_text("\n".join(status))
    for name in ("passwd", "group"):
        shutil.copy(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
    proc = root / "proc"
    if proc.is_symlink():  # in a container debootstrap makes a link of it, to itself
        proc.unlink()
        proc.mkdir()


def write_image(root, image):
    with image.open("wb") as file:
        file.truncate(FIRST_SECTOR * 512 + (IMAGE_MIB << 20))
        file.seek(440)
        file.write(struct.pack("<IH", SIGNATURE, 0))
        file.write(struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", FIRST_SECTOR,
                               IMAGE_MIB << 11))
        file.seek(510)
        file.write(b"\x55\xaa")
    done = subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-E", f"offset={FIRST_SECTOR * 512}", "-d",
                           str(root), str(image), f"{IMAGE_MIB}M"], capture_output=True, text=True)
    if done.returncode != 0:
        raise LabError(f"cannot make the image of a disk: {(done.stderr.strip().splitlines() or ['?'])[-1]}",
                       f"see whether {CACHE} has space")


def host_arch():
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()


def root_image(package, kernel, say):
    """An image with what the package depends on, from the cache when nothing of that changed."""
    arch = kernel.arch
    need(("debootstrap", "debootstrap"), ("mke2fs", "e2fsprogs"), qemu_of(arch))
    include = PACKAGES + depends_of(package)
    recipe = [codename(), arch, *include, (HERE / "ginit").read_text()]
    image = CACHE / f"root-{arch}-{hashlib.sha256(repr(recipe).encode()).hexdigest()[:16]}.img"
    if image.exists():
        return image
    for old in CACHE.glob(f"root-{arch}-*.img"):
        old.unlink()
    say(f"making a root image for {arch}, once")
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        root, whole = pathlib.Path(scratch, "root"), pathlib.Path(scratch, "image")
        debootstrap(arch, include, root)
        write_image(root, whole)
        whole.rename(image)
    return image


def qemu_of(arch):
    return MACHINES[arch][0][0], MACHINES[arch][2]


def run_machine(kernel, drives, parameters, seconds):
    """Boots until the machine is off.  drives: (image, whether what is written is forgotten: "on" or "off").

    Returns all of its console, and the seconds that it took; longer than `seconds` it is not let run."""
    command, console, _ = MACHINES[kernel.arch]
    need(qemu_of(kernel.arch))
    # One thread: two processors emulated by two threads crashed guests (QEMU 7.2, 2 of 10 boots).
    words = [*command, "-accel", "tcg,thread=single", "-m", str(MEMORY_MIB), "-smp", "2",
             "-kernel", str(kernel.image), "-no-reboot", "-display", "none", "-serial", "stdio",
             "-monitor", "none", "-nic", "none", "-append",
             f"console={console} quiet loglevel=3 panic=-1 root=PARTUUID={SIGNATURE:08x}-01 rw {parameters}"]
    if kernel.initramfs:
        words += ["-initrd", str(kernel.initramfs)]
    for number, (file, snapshot) in enumerate(drives):
        words += ["-drive", f"file={file},if=none,id=d{number},format=raw,cache=unsafe,snapshot={snapshot}",
                  "-device", f"nvme,drive=d{number},serial=d{number}"]
    began = time.monotonic()
    try:
        text = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds).stdout
    except subprocess.TimeoutExpired as late:
        text = late.stdout or b""
    return text.decode(errors="replace").replace("\r", ""), time.monotonic() - began


def boot(kernel, image, files, arguments, seconds, more=""):
    """Boots, does the job, and returns (its output, the kernel's log, whole console, seconds).

    files: name in the job's folder -> path.  Output and log are None when the machine did not come to
    that point."""
    need(("mke2fs", "e2fsprogs"))
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        job = pathlib.Path(scratch, "job")
        job.mkdir()
        for name, path in files.items():
            (shutil.copytree if pathlib.Path(path).is_dir() else shutil.copy)(path, job / name)
        (job / "arguments").write_text(arguments)
        disk = pathlib.Path(scratch, "job.img")
        done = subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-L", "job", "-d", str(job), str(disk),
                               f"{JOB_MIB}M"], capture_output=True, text=True)
        if done.returncode != 0:
            raise LabError(f"cannot make a disk for the job: {(done.stderr.strip().splitlines() or ['?'])[-1]}",
                           f"see whether {CACHE} has space")
        text, took = run_machine(kernel, [(image, "on"), (disk, "on")], f"init=/ginit {more}", seconds)
    return between(text, "LAB begin", "LAB log"), between(text, "LAB log", "LAB end"), text, took


def between(text, first, last):
    """What stands between two lines, or after the first when the last never came; None without it."""
    _, found, rest = text.partition(f"{first}\n")
    return rest.partition(f"{last}\n")[0] if found else None
