# SPDX-License-Identifier: MIT
"""kymo watch file: every open with its path, flags, error and time."""
import ctypes
import errno
import os
import pathlib
import signal
import struct
import threading
import time

import pytest

from watching import Watching

LIBC = ctypes.CDLL(None, use_errno=True)
OPENAT2, CREAT = 437, {"x86_64": 85}.get(os.uname().machine)
ME = os.getpid()


def attempt(path, flags, mode=0o777, **more):
    """(descriptor, errno) of an open; the descriptor is closed again."""
    try:
        fd = os.open(path, flags, mode, **more)
    except OSError as error:
        return None, error.errno
    os.close(fd)
    return fd, 0


def told(watch, folder):
    return [record for record in watch.all(event="open", pid=ME)
            if (record["path"] or "").startswith(str(folder))]


def test_ways_to_open(tmp_path):
    plain, folder, link = tmp_path / "plain", tmp_path / "folder", tmp_path / "link"
    plain.write_text("text")
    folder.mkdir()
    link.symlink_to(plain)
    ways = [
        (plain, os.O_RDONLY, 0), (plain, os.O_WRONLY | os.O_APPEND, 0), (plain, os.O_RDWR, 0),
        (plain, os.O_WRONLY | os.O_TRUNC, 0), (plain, os.O_PATH, 0),
        (folder, os.O_RDONLY | os.O_DIRECTORY, 0),
        (tmp_path / "new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0),
        (tmp_path / "new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, errno.EEXIST),
        (tmp_path / "absent", os.O_RDONLY, errno.ENOENT),
        (folder, os.O_WRONLY, errno.EISDIR), (plain / "below", os.O_RDONLY, errno.ENOTDIR),
        (link, os.O_RDONLY | os.O_NOFOLLOW, errno.ELOOP),
        (tmp_path / ("n" * 300), os.O_RDONLY, errno.ENAMETOOLONG),
    ]
    truth = []
    with Watching("file", "--comm", pathlib.Path("/proc/self/comm").read_text().strip()) as watch:
        for path, flags, error in ways:
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            fd, got = attempt(path, flags, 0o640)
            truth.append((fd, time.clock_gettime_ns(time.CLOCK_MONOTONIC) - before))
            assert got == error
        watch.wait(lambda: len(told(watch, tmp_path)) == len(ways))
    for record, (path, flags, error), (fd, took) in zip(told(watch, tmp_path), ways, truth):
        assert record["collector"] == "file"
        assert record["tid"] == ME and record["uid"] == os.geteuid()
        assert record["path"] == str(path)
        assert record["folder"] is None
        assert record["errno"] == error
        assert record["fd"] == fd
        assert record["flags"] == flags | os.O_CLOEXEC
        assert record["mode"] == (0o640 if flags & os.O_CREAT else 0)
        assert record["access"] == ("path" if flags & os.O_PATH else
                                    ["read", "write", "read write"][flags & os.O_ACCMODE])
        assert record["creates"] == bool(flags & os.O_CREAT)
        assert record["truncates"] == bool(flags & os.O_TRUNC)
        assert record["appends"] == bool(flags & os.O_APPEND)
        assert 0 < record["duration_ns"] <= took
        assert record["is_slow"] == (record["duration_ns"] >= 10_000_000)
    assert not watch.lost
    rows = [row for row in watch.all(event="failed", pid=ME)
            if (row["path"] or "").startswith(str(tmp_path)[:111])]
    failed = [(str(path)[:111], error) for path, _, error in ways if error]
    assert sorted((row["path"], row["errno"]) for row in rows) == sorted(failed)
    assert {row["count"] for row in rows} == {1}
    counted = watch.all(event="processes", pid=ME)
    events = watch.all(event="open", pid=ME)
    assert sum(row["count"] for row in counted) == len(events)
    assert sum(row["errors"] for row in counted) == sum(one["errno"] != 0 for one in events)
    assert sum(row["latency"]["count"] for row in counted) == len(events)
    assert sum(row["latency"]["sum_ns"] for row in counted) == sum(
        one["duration_ns"] for one in events)


def test_calls_other_than_openat(tmp_path):
    folder = os.open(tmp_path, os.O_RDONLY)
    (tmp_path / "plain").write_text("text")
    name = f"relative-{tmp_path.name}"
    with Watching("file", "--pid", ME) as watch:
        assert attempt(name, os.O_RDONLY) == (None, errno.ENOENT)
        assert attempt("plain", os.O_RDONLY, dir_fd=folder)[1] == 0
        how = struct.pack("QQQ", os.O_RDWR | os.O_CREAT, 0o600, 0)
        fd = LIBC.syscall(OPENAT2, folder, b"second", how, len(how))
        os.close(fd)
        if CREAT:
            os.close(LIBC.syscall(CREAT, bytes(tmp_path / "third"), 0o751))
        assert LIBC.syscall(OPENAT2, folder, None, how, len(how)) == -1
        watch.until(event="open", errno=errno.EFAULT)
    os.close(folder)
    one = watch.one(path=name, event="open")
    assert (one["folder"], one["errno"]) == (os.getcwd(), errno.ENOENT)
    assert watch.one(path="plain", event="open")["folder"] == str(tmp_path)
    one = watch.one(path="second", event="open")
    assert one["folder"] == str(tmp_path)
    assert (one["flags"], one["mode"], one["fd"]) == (os.O_RDWR | os.O_CREAT, 0o600, fd)
    if CREAT:
        one = watch.one(path=str(tmp_path / "third"), event="open")
        assert one["flags"] == os.O_CREAT | os.O_WRONLY | os.O_TRUNC
        assert one["mode"] == 0o751
    one = watch.one(errno=errno.EFAULT, event="open")
    assert (one["path"], one["fd"]) == (None, None)


def test_a_slow_open_and_one_that_is_interrupted(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with Watching("file", "--pid", ME, "--set", "file.each=0", "--set", "file.slow=50ms") as watch:
        reader = threading.Thread(target=attempt, args=(fifo, os.O_RDONLY))
        before = time.monotonic_ns()
        reader.start()
        time.sleep(0.1)  # that long it waits for a writer
        waited = time.monotonic_ns() - before
        attempt(fifo, os.O_WRONLY)
        reader.join()
        took = time.monotonic_ns() - before
        attempt(tmp_path / "absent", os.O_RDONLY)
        signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(InterruptedError()))
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(InterruptedError):
            os.open(fifo, os.O_RDONLY)
        watch.until(event="open", errno=errno.EINTR)
    assert {one["path"] for one in watch.all(event="open")} == {str(fifo)}
    slow = watch.one(event="open", errno=0)
    assert slow["is_slow"] and slow["access"] == "read"
    assert slow["tid"] != ME
    assert 50_000_000 <= slow["duration_ns"] <= took
    assert slow["duration_ns"] >= waited - 60_000_000
    assert watch.one(event="open", errno=errno.EINTR)["is_slow"]


def test_only_what_failed(tmp_path):
    (tmp_path / "plain").write_text("text")
    with Watching("file", "--pid", ME, "--set", "file.each=1", "--set", "file.slow=60s") as watch:
        attempt(tmp_path / "plain", os.O_RDONLY)
        attempt(tmp_path / "absent", os.O_RDONLY)
        watch.until(event="open", path=str(tmp_path / "absent"))
    assert [one["path"] for one in watch.all(event="open")] == [str(tmp_path / "absent")]
    with Watching("file", "--pid", ME, "--min-duration", "60s") as watch:
        attempt(tmp_path / "absent", os.O_RDONLY)
    assert not watch.all(event="open")
    assert watch.one(event="failed")["count"] == 1


def test_a_storm_for_what_is_not_there(tmp_path):
    path = str(tmp_path / "absent")
    with Watching("file", "--pid", ME, "--set", "file.each=0") as watch:
        for _ in range(20000):
            attempt(path, os.O_RDONLY)
    assert sum(row["count"] for row in watch.all(event="failed", path=path)) == 20000
    assert {row["errno"] for row in watch.all(event="failed", path=path)} == {errno.ENOENT}
    assert not watch.lost


def test_more_paths_than_there_is_room_for(tmp_path):
    with Watching("file", "--pid", ME, "--set", "file.each=0", "--interval", "60s") as watch:
        for number in range(5000):
            attempt(tmp_path / str(number), os.O_RDONLY)
    rows = watch.all(event="failed", errno=errno.ENOENT)
    others = watch.one(event="others", errno=errno.ENOENT)
    assert (others["pid"], others["comm"]) == (ME, rows[0]["comm"])
    assert {row["count"] for row in rows} == {1}
    assert len({row["path"] for row in rows}) == len(rows) == 5000 - others["count"]
    assert not watch.lost


def test_every_open_of_a_burst():
    with Watching("file", "--pid", ME) as watch:
        for _ in range(20000):
            os.close(os.open("/dev/null", os.O_RDONLY))
    events = len(watch.all(event="open", path="/dev/null"))
    lost = sum(one["count"] for one in watch.lost if one["of"] == "open")
    assert events + lost == 20000
    assert sum(row["count"] for row in watch.all(event="processes")) == 20000
