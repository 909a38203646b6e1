# SPDX-License-Identifier: MIT
"""kymo watch disk: requests of known size, place, length and outcome, on disks of our own."""
import collections
import errno
import os
import pathlib
import threading
import time

import pytest

from disks import SECTOR, call, disk_of, file_behind, frozen, mounted
from watching import Watching, is_like

KIB = 1024
NS_PER_MS = 1_000_000
ME = {"pid": os.getpid(), "tid": os.getpid(), "uid": os.geteuid(),
      "comm": pathlib.Path("/proc/self/comm").read_text(encoding="utf-8").strip()}
OURS = ["--pid", os.getpid()]
ALL = ["--set", "disk.slow=0"]


@pytest.fixture
def disk():
    with file_behind("disk", 64) as path, disk_of(path) as one:
        yield one


def rows_of(watch, disk, operation):
    return watch.all(event="latency", disk=disk.name, operation=operation)


def times(rows, histogram):
    return sum(row[histogram]["count"] for row in rows if row[histogram])


def is_between(record, truth):
    begun, ended, _ = truth
    assert begun <= record["at_unix_ns"] <= ended
    assert record["latency_ns"] <= ended - begun


def test_requests_of_each_kind(disk):
    wanted = [("write", 0, 4 * KIB), ("write", 1024 * KIB, 64 * KIB), ("read", 4 * KIB, 8 * KIB),
              ("read", 2048 * KIB, 128 * KIB), ("discard", 4096 * KIB, 1024 * KIB),
              ("write zeroes", 8192 * KIB, 512 * KIB)]
    work = {"write": disk.write, "read": disk.read, "discard": disk.discard,
            "write zeroes": disk.zero}
    with Watching("disk", *OURS, *ALL) as watch:
        truths = [work[operation](offset, size) for operation, offset, size in wanted]
        watch.until(event="io", operation="write zeroes")
    for (operation, offset, size), truth in zip(wanted, truths):
        io = watch.one(event="io", disk=disk.name, operation=operation, sector=offset // SECTOR)
        is_between(io, truth)
        assert is_like(io, {**ME, "collector": "disk", "bytes": size, "errno": 0, "requeues": 0,
                            "device": disk.device})
        assert io["latency_ns"] == io["queue_ns"] + io["service_ns"]
    for operation, rows in ((name, rows_of(watch, disk, name)) for name in work):
        events = watch.all(event="io", disk=disk.name, operation=operation)
        assert times(rows, "queue") == times(rows, "service") == len(events)
        assert {row["device"] for row in rows} == {disk.device}
        assert sum(row["bytes"] for row in rows) == sum(io["bytes"] for io in events)
        for name in ("queue", "service"):
            assert sum(row[name]["sum_ns"] for row in rows) == sum(io[f"{name}_ns"] for io in events)
            assert rows[-1][name]["max_ns"] == max(io[f"{name}_ns"] for io in events)
        assert sum(row["errors"] + row["requeues"] for row in rows) == 0
    assert not watch.lost


def test_small_writes_become_large_requests(disk):
    """Bytes are those that the device was given, after all merging."""
    size = 1024 * KIB
    with Watching("disk", *OURS, *ALL) as watch:
        with open(disk.path, "r+b") as file:
            for _ in range(size // 512):
                file.write(bytes(512))
            file.flush()
            os.fsync(file.fileno())
        watch.until(event="io", disk=disk.name, operation="write")
    writes = watch.all(event="io", disk=disk.name, operation="write")
    assert sum(io["bytes"] for io in writes) == size
    assert sum(row["bytes"] for row in rows_of(watch, disk, "write")) == size
    assert len(writes) < size // (4 * KIB)


def test_a_flush_is_made_once_for_those_who_wait(disk):
    with Watching("disk", *ALL) as watch:
        disk.write(0, 4 * KIB)
        truth = disk.flush()
        io = watch.until(event="io", disk=disk.name, operation="flush", **ME)
    is_between(io, truth)
    assert is_like(io, {"bytes": 0, "errno": 0, "queue_ns": None, "service_ns": None})
    rows = rows_of(watch, disk, "flush")
    assert times(rows, "service") >= 1
    assert times(rows, "queue") == 0
    assert max(row["service"]["max_ns"] for row in rows) <= truth[1] - truth[0]


def test_a_device_that_takes_long(tmp_path):
    with file_behind("below", 16) as below:
        call("mkfs.ext4", "-q", below)
        with mounted(tmp_path / "below", "-o", "loop", below) as folder:
            image = folder / "image"
            image.write_bytes(bytes(1 << 20))
            with disk_of(image) as disk, Watching("disk", *OURS, "--set", "disk.slow=50ms") as watch:
                done = []
                writer = threading.Thread(target=lambda: done.append(disk.write(8 * KIB, 4 * KIB)))
                with frozen(folder):
                    writer.start()
                    while not disk.inflight():
                        time.sleep(0.001)
                    seen = time.monotonic_ns()
                    time.sleep(0.1)
                    least = time.monotonic_ns() - seen
                writer.join()
                disk.write(0, 4 * KIB)
                io = watch.until(event="io", disk=disk.name)
    assert is_like(io, {"operation": "write", "sector": 8 * KIB // SECTOR, "bytes": 4 * KIB,
                        "errno": 0, "pid": os.getpid()})
    assert io["tid"] == writer.native_id
    is_between(io, done[0])
    assert io["service_ns"] >= least
    assert io["queue_ns"] < 50 * NS_PER_MS
    assert len(watch.all(event="io", disk=disk.name)) == 1


def test_a_write_that_fails(tmp_path):
    """Also when it is not slow."""
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=1m", "none") as folder:
        image = folder / "image"
        with open(image, "wb") as file:
            file.truncate(8 << 20)
        with disk_of(image) as disk, Watching("disk", *OURS, "--set", "disk.slow=1h") as watch:
            truths = [disk.write(at << 18, 256 * KIB) for at in range(6)]
            watch.until(event="io", disk=disk.name)
    failed = [at for at, truth in enumerate(truths) if truth[2]]
    assert failed
    for at in failed:
        io = watch.one(event="io", disk=disk.name, sector=(at << 18) // SECTOR)
        is_between(io, truths[at])
        assert is_like(io, {**ME, "errno": truths[at][2], "bytes": 256 * KIB, "operation": "write"})
    rows = rows_of(watch, disk, "write")
    assert sum(row["errors"] for row in rows) == len(failed) == len(watch.all(event="io"))
    assert times(rows, "service") == 6


def test_a_request_that_is_done_in_parts():
    """Half of it is read, it is put back, and the rest is not there any more."""
    with file_behind("cut", 4) as path, disk_of(path, "--direct-io=on") as disk:
        os.truncate(path, 512 * KIB)
        with Watching("disk", *OURS, *ALL) as watch:
            truth = disk.read(480 * KIB, 64 * KIB)
            io = watch.until(event="io", disk=disk.name)
    assert truth[2] == errno.EIO
    is_between(io, truth)
    assert is_like(io, {**ME, "operation": "read", "sector": 480 * KIB // SECTOR, "bytes": 64 * KIB,
                        "errno": errno.EIO, "requeues": 1})
    assert io["latency_ns"] == io["queue_ns"] + io["service_ns"]
    assert len(watch.all(event="io", disk=disk.name)) == 1
    rows = rows_of(watch, disk, "read")
    assert (times(rows, "service"), sum(row["requeues"] for row in rows)) == (1, 1)


def range_of(ns):
    """As biolatency has them: 0 to 1, 2 to 3, 4 to 7 ... microseconds."""
    least = 1 << max((ns // 1000).bit_length() - 1, 0)
    return (least if least > 1 else 0, 2 * least - 1)


def test_ranges_of_microseconds(disk):
    with Watching("disk", *OURS, *ALL, "--set", "disk.ranges=1") as watch:
        for at in range(64):
            disk.read(at * 64 * KIB, (1 + at % 16) * 4 * KIB)
        watch.until(event="io", disk=disk.name, sector=63 * 64 * KIB // SECTOR)
    seen = collections.Counter(range_of(io["service_ns"]) for io in watch.all(event="io"))
    counted = collections.Counter()
    for row in watch.all(event="ranges"):
        counted[row["range_min_us"], row["range_max_us"]] += row["count"]
    assert counted == seen
    assert sum(seen.values()) >= 64


def test_only_what_takes_long_enough(disk):
    with Watching("disk", *OURS, *ALL, "--min-duration", "1h") as watch:
        disk.read(0, 4 * KIB)
    assert not watch.all(event="io")
    assert times(rows_of(watch, disk, "read"), "service") == 1


def test_requests_of_others_are_not_ours(disk):
    with Watching("disk", "--comm", "no such name", *ALL) as watch:
        disk.read(0, 4 * KIB)
        disk.write(0, 4 * KIB)
    assert not watch.records
