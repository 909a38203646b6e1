# SPDX-License-Identifier: MIT
"""kymo watch process --syscalls: execs that fail, each with its error, its file and its arguments."""
import ctypes
import errno
import os
import pathlib
import struct
import subprocess
import threading

import pytest

from watching import Watching, made, run

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_EMPTY_PATH = -100, 0x1000
EXECVEAT = {"x86_64": 322, "aarch64": 281}[os.uname().machine]
ME = {"pid": os.getpid(), "uid": os.geteuid(), "ppid": os.getppid()}


def fail(file, *argv):
    """The errno of an exec that fails."""
    with pytest.raises(OSError) as failed:
        os.execve(file, list(argv), {})
    return failed.value.errno


def fail_at(folder, file, *argv, flags=0):
    words = (ctypes.c_char_p * (len(argv) + 1))(*argv, None)
    assert LIBC.syscall(EXECVEAT, folder, file, words, None, flags) == -1
    return ctypes.get_errno()


def test_every_way_to_fail(tmp_path):
    plain, loop = tmp_path / "plain", tmp_path / "loop"
    plain.write_text("text")
    loop.symlink_to(loop)
    noise = tmp_path / "noise"
    noise.write_bytes(b"\0\1\2\3" * 8)
    noise.chmod(0o755)
    script = tmp_path / "script"
    script.write_text("#!/nonexistent/interpreter\n")
    script.chmod(0o755)
    ways = [("/nonexistent", errno.ENOENT), (plain, errno.EACCES), (tmp_path, errno.EACCES),
            (noise, errno.ENOEXEC), (script, errno.ENOENT), (plain / "below", errno.ENOTDIR),
            (loop, errno.ELOOP), ("relative/to/here", errno.ENOENT)]
    with Watching("process", "--syscalls") as watch:
        for number, (file, error) in enumerate(ways):
            assert fail(str(file), f"way-{number}", "two words", "") == error
        watch.until(event="exec-failed", file="relative/to/here")
    records = watch.all(event="exec-failed", **ME)
    assert [(record["file"], record["errno"]) for record in records] == \
        [(str(file), error) for file, error in ways]
    for number, record in enumerate(records):
        assert record["collector"] == "process"
        assert record["tid"] == ME["pid"]
        assert record["comm"] == pathlib.Path("/proc/self/comm").read_text().strip()
        assert record["argv"] == [f"way-{number}", "two words", ""]
        assert record["argv_cut"] is False
        assert record["folder"] is None
        assert record["cwd"] == os.getcwd()
    assert not watch.lost


def test_long_arguments_are_cut_and_said():
    with Watching("process", "--syscalls") as watch:
        assert fail("/nonexistent", "a" * 5000) == errno.ENOENT
        assert fail("/nonexistent", *["b" * 99] * 100) == errno.ENOENT
        assert fail("/" + "n" * 5000, "c") == errno.ENAMETOOLONG
        watch.wait(lambda: len(watch.all(event="exec-failed", **ME)) == 3)
    one, many, name = watch.all(event="exec-failed", **ME)
    assert one["argv_cut"] and one["argv"] == ["a" * 4095]
    assert many["argv_cut"] and many["argv"] == ["b" * 99] * 40 + ["b" * 95]
    assert not name["argv_cut"] and name["file"] == "/" + "n" * 1022


def test_execveat(tmp_path):
    (tmp_path / "plain").write_text("text")
    folder = os.open(tmp_path, os.O_RDONLY)
    file = os.open(tmp_path / "plain", os.O_RDONLY)
    with Watching("process", "--syscalls") as watch:
        assert fail_at(folder, b"plain", b"first") == errno.EACCES
        assert fail_at(file, b"", b"second", flags=AT_EMPTY_PATH) == errno.EACCES
        assert fail_at(AT_FDCWD, b"nowhere", b"third") == errno.ENOENT
        assert fail_at(9999, b"nowhere", b"fourth") == errno.EBADF
        assert LIBC.syscall(EXECVEAT, AT_FDCWD, None, None, None, 0) == -1  # EFAULT
        watch.wait(lambda: len(watch.all(event="exec-failed", **ME)) == 5)
    os.close(folder)
    os.close(file)
    records = watch.all(event="exec-failed", **ME)
    assert [(r["argv"], r["errno"], r["file"], r["folder"]) for r in records] == [
        (["first"], errno.EACCES, "plain", str(tmp_path)),
        (["second"], errno.EACCES, None, str(tmp_path / "plain")),
        (["third"], errno.ENOENT, "nowhere", None),
        (["fourth"], errno.EBADF, "nowhere", None),
        ([], errno.EFAULT, None, None)]


def test_from_a_thread():
    seen = []

    def try_it():
        seen.append(threading.get_native_id())
        fail("/nonexistent/of/a/thread", "x")

    with Watching("process", "--syscalls") as watch:
        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()
        record = watch.until(event="exec-failed", file="/nonexistent/of/a/thread")
    assert (record["pid"], record["tid"]) == (ME["pid"], seen[0])


def test_too_late_to_go_back(tmp_path):
    """A file whose segment lies outside of memory: when that is found the old program is gone."""
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, 0x400000, 64, 0, 0, 64,
                         56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x7FFF_FFFF_F000_0000, 0, 120, 120, 4096)
    file = tmp_path / "late"
    file.write_bytes(header + segment)
    file.chmod(0o755)
    if os.uname().machine != "x86_64":
        pytest.skip("the file is made for x86-64")
    with Watching("process", "--syscalls") as watch:
        pid = os.posix_spawn("/bin/sh", ["sh", "-c", f"exec {file} some words"], os.environ)
        os.waitpid(pid, 0)
        record = watch.until(event="exec-failed", pid=pid)
    assert record["errno"] in (errno.EINVAL, errno.ENOMEM)
    assert record["file"] is None and record["argv"] == [] and record["argv_cut"]


def test_calls_of_the_32_bit_abi_are_no_execs():
    process = subprocess.run([made("compat.c")], capture_output=True, text=True)
    if process.returncode or not process.stdout.startswith(str(errno.EFAULT)):
        pytest.skip("this kernel has no 32-bit system calls")
    with Watching("process", "--syscalls") as watch:
        pid, _ = run(made("compat.c"))
        watch.until(event="exit", pid=pid)
    assert not watch.all(event="exec-failed", pid=pid)


def test_only_on_request():
    with Watching("process") as watch:
        fail("/nonexistent", "x")
        pid, _ = run("true")
        watch.until(event="exit", pid=pid)
    assert not watch.all(event="exec-failed")


def test_by_errno(tmp_path):
    with Watching("process", "--syscalls", "--errno", "EACCES") as watch:
        fail("/nonexistent", "x")
        fail(str(tmp_path), "x")
        watch.until(event="exec-failed")
    assert {record["errno"] for record in watch.records} == {errno.EACCES}
