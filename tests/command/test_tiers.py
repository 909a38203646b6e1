# SPDX-License-Identifier: MIT
"""System calls and files: against strace, and against what a program is known to do."""
import collections
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from account import run


def rows_of(account):
    return {row["name"]: row for row in account.json["syscalls"]["rows"]}


@pytest.mark.parametrize("how", ["count", "latency"])
def test_every_call_is_counted(tmp_path, how):
    account = run(tmp_path, "dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=20000",
                  options=[f"--syscalls={how}"])
    rows = rows_of(account)
    assert 20000 <= rows["read"]["count"] <= 20010 and 20000 <= rows["write"]["count"] <= 20010
    found = account.json["syscalls"]
    assert found["method"] == how
    assert sum(row["count"] for row in found["rows"]) == sum(found["by_category"].values()) == \
        sum(row["count"] for row in found["by_process"])
    if how == "latency":
        read = rows["read"]
        assert sum(read["latency_log2_ns"]) == read["count"]
        assert 0 < read["total_ns"] / read["count"] <= read["max_ns"]
        assert read["total_ns"] <= account.json["wall_ns"]


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_counts_and_errors_are_those_of_strace(tmp_path):
    """Of a program that does the same each time."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for i in range(20):
        (folder / str(i)).write_text("x")
    command = ["/bin/cat", *[str(folder / str(i)) for i in range(20)], str(folder / "none")]
    summary = tmp_path / "strace"
    subprocess.run(["strace", "-f", "-c", "-o", summary, *command], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    truth, errors = {}, {}
    for line in summary.read_text().splitlines():
        found = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:(\d+)\s+)?(\w+)$", line)
        if found and found[3] != "total":
            truth[found[3]] = int(found[1])
            errors[found[3]] = int(found[2] or 0)
    account = run(tmp_path, *command, options=["--syscalls"])
    mine = {name: row["count"] for name, row in rows_of(account).items()}
    # The first execve() ends when the account begins, and strace does not count what never returns.
    truth.pop("execve")
    mine.pop("exit_group")
    truth.pop("exit_group", None)
    assert mine == truth
    for name, row in rows_of(account).items():
        if name in errors:
            assert sum(row["errors"].values()) == errors[name], name
    assert rows_of(account)["openat"]["errors"]["ENOENT"] >= 1


def test_what_is_not_asked_for_is_absent(tmp_path):
    account = run(tmp_path, "true")
    assert "syscalls" not in account.json and "files" not in account.json


def on_disk():
    folder = pathlib.Path("/var/tmp") / f"kymo-files-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    return folder


def test_bytes_by_path(tmp_path):
    folder = on_disk()
    try:
        source, target = folder / "source", folder / "target"
        source.write_bytes(os.urandom(3 << 20))
        script = f"dd if={source} of={target} bs=64k 2>/dev/null; cat {folder}/not-there; " \
                 f"cat {folder}/not-there; cat {source} > /dev/null"
        account = run(tmp_path, "/bin/sh", "-c", script, options=["--files"])
        rows = {row["path"]: row for row in account.json["files"]["rows"]}
        assert rows[str(source)]["read_bytes"] == 2 * (3 << 20), rows
        assert rows[str(target)]["written_bytes"] == 3 << 20
        assert rows[str(target)]["writes"] == 48 and rows[str(target)]["read_bytes"] == 0
        assert rows[str(target)]["dirtied_pages"] > 0
        assert rows[str(source)]["filled_pages"] == 0  # it was in memory
        misses = {(m["path"], m["error"]): m["count"] for m in account.json["files"]["misses"]}
        assert misses[(f"{folder}/not-there", "ENOENT")] == 2
    finally:
        shutil.rmtree(folder)


def test_what_comes_from_disk(tmp_path):
    folder = on_disk()
    try:
        file = folder / "cold"
        file.write_bytes(os.urandom(4 << 20))
        descriptor = os.open(file, os.O_RDWR)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
        account = run(tmp_path, "/bin/sh", "-c", f"cat {file} > /dev/null",
                      options=["--files"])
        row, = [r for r in account.json["files"]["rows"] if r["path"] == str(file)]
        if not row["filled_pages"]:
            pytest.skip("files in /var/tmp stay in memory here")
        assert row["filled_pages"] == (4 << 20) // os.sysconf("SC_PAGESIZE")
        assert row["read_bytes"] == 4 << 20
    finally:
        shutil.rmtree(folder)


def test_a_timeline_grows(tmp_path):
    account = run(tmp_path, "/bin/sh", "-c", "sleep 0.35 & i=0; while [ $i -lt 20000 ]; do "
                  "i=$((i+1)); done; wait", options=["--timeline", "50ms"])
    moments = account.json["timeline"]
    assert len(moments) >= 3
    for before, after in zip(moments, moments[1:]):
        assert after["at_ns"] > before["at_ns"]
        assert after["running_ns"] >= before["running_ns"]
        assert sum(after["blocked_ns"].values()) >= sum(before["blocked_ns"].values())
    last = moments[-1]
    assert last["running_ns"] <= account.balance["running_ns"]
    assert max(m["threads"] for m in moments) == 2 and max(m["rss_bytes"] for m in moments) > 0
    counts = collections.Counter(len(str(m["at_ns"])) for m in moments)
    assert counts
