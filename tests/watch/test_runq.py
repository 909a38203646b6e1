# SPDX-License-Identifier: MIT
"""kymo watch runq: waits of a known length, and sums beside the kernel's own."""
import os
import subprocess
import time

import pytest

from watching import KYMO, Watching, is_like, made, run

CPU = max(os.sched_getaffinity(0))
NS_PER_MS = 1_000_000


@pytest.fixture(scope="module")
def program():
    return made("runq.c")


def offset():
    """What to add to an instant of the monotonic clock."""
    return time.time_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def waits_between(watch, tid, begun, ended):
    return [record for record in watch.all(event="wait", tid=tid)
            if begun + offset() < record["at_unix_ns"] <= ended + offset()]


def watch_waits(program, mode, is_preempted):
    """What a thread saw of its wait may be several waits, or longer than its wait, on a busy machine;
    of several runs, one is as it should be."""
    runs, good = [], 0
    with Watching("runq", "--comm", "runq-c", "--set", "runq.slow=1us") as watch:
        for _ in range(12):
            pid, printed = run(program, mode, CPU, 30)
            runs.append((pid, *map(int, printed.split())))
    assert not watch.lost
    for pid, tid, begun, ended in runs:
        waits = waits_between(watch, tid, begun, ended)
        for record in waits:
            assert is_like(record, {"pid": pid, "uid": os.geteuid(), "comm": "runq-c", "cpu": CPU})
        assert sum(record["wait_ns"] for record in waits) <= ended - begun
        good += len(waits) == 1 and waits[0]["wait_ns"] >= ended - begun - NS_PER_MS and \
            waits[0]["wait_ns"] >= 29.9 * NS_PER_MS and waits[0]["is_preempted"] == is_preempted
    assert good >= 1


def test_a_thread_that_is_woken_but_does_not_run(program):
    watch_waits(program, "woken", False)


def test_a_thread_that_has_to_leave_its_cpu(program):
    watch_waits(program, "preempted", True)


def added_up(rows, field):
    return sum(row[field] for row in rows)


def crowd(program, *words):
    """(rows of the process, rows of the histogram, what is known of them)"""
    with Watching("runq", "--comm", "runq-c", *words) as watch:
        pid, printed = run(program, "crowd", CPU, 3, 400)
    processes = watch.all(event="processes", pid=pid)
    assert {row["comm"] for row in processes} == {"runq-c"}
    assert not watch.lost
    return watch, processes, map(int, printed.split())


def test_sums_of_a_process(program):
    watch, processes, (runs, delay, away) = crowd(program)
    host = watch.all(event="host")
    waits, total = added_up(processes, "waits"), added_up(processes, "total_ns")
    # Until its name was the program's, and behind the program's own last look.
    assert runs - 8 <= waits <= runs + 8
    assert total == pytest.approx(delay, rel=0.15, abs=60 * NS_PER_MS)
    assert total >= away * 0.95
    seen = sum(row["wait"]["count"] for row in host)
    assert waits == seen + added_up(host, "unseen")
    assert total == sum(row["wait"]["sum_ns"] for row in host) + added_up(host, "unseen_total_ns")
    longest = max(row["max_wait_ns"] for row in processes)
    assert longest == max(row["wait"]["max_ns"] for row in host)
    assert longest >= total / waits
    assert not watch.all(event="cpus")


def test_a_histogram_of_each_cpu(program):
    watch, processes, _ = crowd(program, "--set", "runq.per_cpu=1", "--set", "runq.slow=2ms")
    rows = watch.all(event="cpus")
    waits = added_up(processes, "waits")
    assert waits == sum(row["wait"]["count"] for row in rows) + added_up(rows, "unseen")
    here = [row for row in rows if row["cpu"] == CPU]
    assert sum(row["wait"]["count"] for row in here) >= waits - 8  # it began elsewhere
    assert not watch.all(event="host")
    before = [(record["before_pid"], record["before_comm"]) for record in watch.all(event="wait")]
    assert (processes[0]["pid"], "runq-c") in before  # its threads take turns
    # Events and histogram are of the same waits.
    slow = [record["wait_ns"] for record in watch.all(event="wait")]
    counted = 0
    for row in rows:
        for bucket in row["wait"]["buckets"]:
            counted += bucket["count"] * (bucket["le_ns"] >= 2 * NS_PER_MS)
    assert slow and min(slow) >= 2 * NS_PER_MS
    assert len(slow) <= counted
    in_bucket = [wait for row in rows for wait in row["wait"]["buckets"]
                 if wait["ge_ns"] <= max(slow) <= wait["le_ns"]]
    assert in_bucket


def test_the_table_names_processes():
    watch = subprocess.Popen([KYMO, "watch", "runq", "--pid", str(os.getpid()), "-d", "1"],
                             text=True, stdout=subprocess.PIPE)
    while watch.poll() is None:
        time.sleep(0.001)
    printed = watch.communicate()[0]
    with open("/proc/self/comm", encoding="ascii") as file:
        comm = file.read().rstrip("\n")
    rows = [line.split() for line in printed.partition("runq processes")[2].splitlines()]
    assert "comm" in rows[1] and rows[2][:2] == [str(os.getpid()), comm]


def test_nothing_is_missing_on_the_whole_host():
    """How often this thread came to run: what was not shown is counted, too."""
    def runs():
        with open("/proc/thread-self/schedstat", encoding="ascii") as file:
            return int(file.read().split()[2])

    with Watching("runq", "--pid", os.getpid(), "--interval", "10ms") as watch:
        first = runs()
        for _ in range(300):
            time.sleep(0.0005)
        last = runs()
        watch.until(event="processes", pid=os.getpid())
    # The threads that read what kymo writes are threads of this process, too.
    assert added_up(watch.all(event="processes"), "waits") >= last - first >= 300
