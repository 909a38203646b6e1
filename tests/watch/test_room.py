# SPDX-License-Identifier: MIT
"""Tables of `kymo watch` that are full: what finds no room is counted as lost, nothing vanishes."""
import os
import signal
import sys
import threading

import pytest

from disks import disk_of, file_behind
from test_tcp import talk
from watching import Watching, made, run

MIB = 1 << 20
ROOM = ["--room", 1, "-i", "60s"]  # tables are read at the end alone
PROCESSES = 12


def lost(watch, event):
    return sum(record["count"] for record in watch.lost if record["of"] == event)


def test_signals_of_more_kinds_than_there_is_room_for():
    numbers = [signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGRTMIN]
    script = ("import os, signal\n"
              f"for number in {[int(n) for n in numbers]}:\n"
              "    signal.signal(number, signal.SIG_IGN)\n"
              "    for _ in range(50): os.kill(os.getpid(), number)\n"
              "os.kill(os.getpid(), signal.SIGURG)\n")
    with Watching("signal", "--comm", "python3", "--set", "signal.every=1", *ROOM) as watch:
        pid, _ = run(sys.executable, "-c", script)
        watch.until(event="sent", pid=pid, signal=signal.SIGURG)
    assert len(watch.all(event="sent", pid=pid)) == 4 * 50 + 1  # events need no row
    counted = sum(row["count"] for row in watch.all(event="totals"))
    assert len({(row["signal"], row["result"]) for row in watch.all(event="totals")}) == 1
    assert counted and lost(watch, "totals") and counted + lost(watch, "totals") >= 4 * 50 + 1


def test_more_cpus():
    """Those of processes have a room of their own, which is not set."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip("needs two CPUs")
    with Watching("runq", "--set", "runq.per_cpu=1", *ROOM) as watch:
        for cpu in cpus[:2]:
            for _ in range(PROCESSES):
                run("taskset", "-c", str(cpu), "/bin/true")
    assert len({row["cpu"] for row in watch.all(event="cpus")}) == 1
    assert lost(watch, "cpus") >= PROCESSES  # each was switched to


def test_more_processes_grow():
    program = made("memory.c")
    with Watching("memory", "--set", "memory.step=32M", "--comm", "memory-c", *ROOM) as watch:
        pids = {run(program, "take", 100)[0] for _ in range(3)}
        watch.wait(lambda: pids <= {record["pid"] for record in watch.all(event="growth")})
    rows = watch.all(event="processes")
    assert len({row["pid"] for row in rows}) == 1
    assert lost(watch, "processes") >= 2 * 50  # in steps of a megabyte


def test_more_disks_and_operations():
    with file_behind("room", 16) as path, disk_of(path) as disk, \
            Watching("disk", "--set", "disk.slow=0", *ROOM) as watch:
        for i in range(20):
            disk.write(i * 4096, 4096)
            disk.read(i * 4096, 4096)
        watch.until(event="io", disk=disk.name)
    rows = watch.all(event="latency")
    assert len({(row["disk"], row["operation"]) for row in rows}) == 1
    counted = sum(row["service"]["count"] for row in rows)
    # Of this disk alone; the file behind it makes others.  What is under way has one place, too.
    assert lost(watch, "latency") and counted + lost(watch, "latency") + lost(watch, "io") >= 40


def test_more_connections():
    with Watching("tcp", *ROOM) as watch:
        truth = talk("many", 200)
        watch.wait(lambda: len(watch.all(event="connect", pid=truth["pid"])) +
                   lost(watch, "connect") >= 200)
    told = watch.all(event="connect", pid=truth["pid"])
    assert len({record["local_port"] for record in told}) == len(told)
    # What is open when kymo begins has the places first; the client is then known to nobody.
    nobody = [r for r in watch.all(event="connect", pid=None) if r["remote_port"] == truth["server_port"]]
    assert len(told) + len(nobody) + lost(watch, "connect") >= 200


def test_more_files_in_vain(tmp_path):
    with Watching("file", "--pid", os.getpid(), *ROOM) as watch:
        for i in range(50):
            assert not (tmp_path / str(i)).is_file()
            try:
                open(tmp_path / str(i), encoding="utf-8").close()
            except FileNotFoundError:
                pass
        watch.until(event="open", pid=os.getpid())
    counted = sum(row["count"] for event in ("failed", "others") for row in watch.all(event=event))
    assert len({row["path"] for row in watch.all(event="failed")}) == 1
    assert counted + lost(watch, "failed") >= 50


def test_more_system_calls_fail():
    ours = threading.get_native_id()
    with Watching("syscall", "--pid", os.getpid(), *ROOM) as watch:
        for _ in range(50):
            for call in (lambda: os.close(-1), lambda: os.stat("/nonexistent"), lambda: os.rmdir("/")):
                try:
                    call()
                except OSError:
                    pass
        watch.wait(lambda: lost(watch, "failed"))
    rows = watch.all(event="failed")
    assert len({(row["syscall"], row["errno"]) for row in rows}) == 1, ours
    assert sum(row["count"] for row in rows) + lost(watch, "failed") >= 150
