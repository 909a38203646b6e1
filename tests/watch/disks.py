# SPDX-License-Identifier: MIT
"""Disks of our own: files behind loop devices."""
import contextlib
import fcntl
import mmap
import os
import pathlib
import struct
import subprocess
import time

import pytest

from watching import MADE, needs

BLKDISCARD, BLKZEROOUT = 0x1277, 0x127f
FIFREEZE, FITHAW = 0xc0045877, 0xc0045878
SECTOR = 512


def call(*words):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True,
                          text=True).stdout.strip()


@contextlib.contextmanager
def file_behind(name, mib):
    """A file of holes in a file system that reads and writes without its cache."""
    MADE.mkdir(parents=True, exist_ok=True)
    path = MADE / f"{name}-{os.getpid()}.img"
    with open(path, "wb") as file:
        file.truncate(mib << 20)
    yield path
    path.unlink()


class Disk:
    """A loop device, opened without a cache."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.name = self.path.name
        number = os.stat(path).st_rdev
        self.device = os.major(number) << 20 | os.minor(number)
        self.fd = os.open(path, os.O_RDWR | os.O_DIRECT)

    def timed(self, work):
        """(when it began, when it ended, errno)"""
        begun = time.time_ns()
        try:
            work()
            failed = 0
        except OSError as error:
            failed = error.errno
        return begun, time.time_ns(), failed

    def write(self, offset, size):
        with mmap.mmap(-1, size) as memory:
            return self.timed(lambda: os.pwritev(self.fd, [memory], offset))

    def read(self, offset, size):
        with mmap.mmap(-1, size) as memory:
            return self.timed(lambda: os.preadv(self.fd, [memory], offset))

    def control(self, request, offset, size):
        span = struct.pack("QQ", offset, size)
        return self.timed(lambda: fcntl.ioctl(self.fd, request, span))

    def discard(self, offset, size):
        return self.control(BLKDISCARD, offset, size)

    def zero(self, offset, size):
        return self.control(BLKZEROOUT, offset, size)

    def flush(self):
        return self.timed(lambda: os.fsync(self.fd))

    def inflight(self):
        return sum(map(int, (pathlib.Path("/sys/block") / self.name / "inflight")
                       .read_text(encoding="ascii").split()))


@contextlib.contextmanager
def disk_of(path, *words):
    needs("losetup")
    try:
        name = call("losetup", "--find", "--show", *words, path)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no loop device: {error.stderr.strip()}")
    disk = Disk(name)
    yield disk
    os.close(disk.fd)
    call("losetup", "--detach", name)


@contextlib.contextmanager
def mounted(folder, *words):
    folder.mkdir()
    try:
        call("mount", *words, folder)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"not mounted: {error.stderr.strip()}")
    yield folder
    call("umount", folder)


@contextlib.contextmanager
def frozen(folder):
    """A file system in which every write waits."""
    fd = os.open(folder, os.O_RDONLY)
    fcntl.ioctl(fd, FIFREEZE, 0)
    try:
        yield
    finally:
        fcntl.ioctl(fd, FITHAW, 0)
        os.close(fd)
