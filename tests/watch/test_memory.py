# SPDX-License-Identifier: MIT
"""kymo watch memory: processes that take a known amount, read known pages, or are killed for it."""
import os
import pathlib
import re
import signal
import subprocess
import uuid

import pytest

from watching import MADE, Watching, is_like, made, run

MIB = 1 << 20
# What each CPU may not have added yet, of three kinds of pages.
UNSURE = 3 * os.cpu_count() * max(32, 2 * os.cpu_count()) * 4096
V1 = pathlib.Path("/sys/fs/cgroup/memory")


@pytest.fixture(scope="module")
def program():
    return made("memory.c")


def test_a_process_that_grows(program):
    with Watching("memory", "--set", "memory.step=32M", "--comm", "memory-c") as watch:
        pid, printed = run(program, "take", 200)
        watch.until(event="growth", pid=pid)
    peak = int(printed) * 1024
    growths = watch.all(event="growth", pid=pid)
    assert len(growths) == 200 // 32
    for growth in growths:
        assert is_like(growth, {"collector": "memory", "tid": pid, "comm": "memory-c",
                                "uid": os.geteuid()})
        assert 32 * MIB <= growth["growth_bytes"] <= 34 * MIB
    sizes = [growth["rss_bytes"] for growth in growths]
    assert sizes == sorted(sizes) and 192 * MIB <= sizes[-1] <= peak + UNSURE
    rows = watch.all(event="processes", pid=pid, comm="memory-c")
    grown = sum(row["grown_bytes"] for row in rows)
    assert 200 * MIB - UNSURE - MIB <= grown <= peak + UNSURE
    assert abs(max(row["max_rss_bytes"] for row in rows) - peak) <= UNSURE + MIB
    assert not watch.lost


def test_pages_that_are_read_from_a_disk(program):
    path = MADE / f"pages-{os.getpid()}"
    path.write_bytes(os.urandom(MIB) * 64)
    try:
        with Watching("memory", "--comm", "memory-c") as watch:
            pid, printed = run(program, "read", path)
    finally:
        path.unlink()
    faults = int(printed)
    if faults < 32:
        pytest.skip("this file system keeps what it is told to forget")
    counted = sum(row["major_faults"] for row in watch.all(event="processes", pid=pid))
    assert faults - 2 <= counted <= faults + 2  # before it had its name, and after it has printed


def test_a_process_that_is_killed_for_want_of_memory(program):
    if not (V1 / "cgroup.procs").exists():
        pytest.skip("no memory controller of cgroup v1 here")
    group = V1 / f"kymo-{uuid.uuid4().hex}"
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text("20M")

        def enter():
            (group / "cgroup.procs").write_text(str(os.getpid()))
            pathlib.Path("/proc/self/oom_score_adj").write_text("321")

        with Watching("memory", "--cgroup", group) as watch:
            process = subprocess.Popen([program, "take", "100"], preexec_fn=enter)
            assert process.wait() == -signal.SIGKILL
            oom = watch.until(event="oom", pid=process.pid)
    finally:
        group.rmdir()
    assert is_like(oom, {"comm": "memory-c", "tid": process.pid, "uid": os.geteuid(),
                         "trigger_pid": process.pid, "trigger_comm": "memory-c", "score_adj": 321})
    assert 10 * MIB <= oom["anonymous_bytes"] <= 20 * MIB + UNSURE
    said = subprocess.run(["dmesg"], capture_output=True, text=True, check=False).stdout
    found = re.findall(rf"Killed process {process.pid} .*?anon-rss:(\d+)kB, file-rss:(\d+)kB", said)
    if found:
        assert abs(int(found[-1][0]) * 1024 - oom["anonymous_bytes"]) <= UNSURE
        assert abs(int(found[-1][1]) * 1024 - oom["file_bytes"]) <= UNSURE
