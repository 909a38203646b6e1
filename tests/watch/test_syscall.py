# SPDX-License-Identifier: MIT
"""kymo watch syscall: every call counted once, with its errors and its time."""
import collections
import re
import subprocess

import pytest

from watching import Watching, made, needs, run

MS = 1_000_000


def sums(watch, event, *keys, **fields):
    """Counts of a table over all intervals, by some of its keys."""
    found = collections.Counter()
    for record in watch.all(event=event, **fields):
        found[tuple(record[key] for key in keys)] += record["count"]
    return found


def lost(watch, what):
    return sum(record["count"] for record in watch.lost if record["of"] == what)


@pytest.mark.parametrize("more", [[], ["--set", "syscall.latency=0"]], ids=["latency", "count"])
def test_known_calls(more):
    with Watching("syscall", *more) as watch:
        pid, _ = run(made("calls.c"), "some")
    count = sums(watch, "calls", "syscall", pid=pid)
    assert count["getppid",] == 3 * 1000
    assert count["clock_nanosleep",] == 5
    assert count["rt_sigreturn",] == 20
    assert count["execve",] == 1
    assert count["exit_group",] == 0  # it does not return
    assert count["exit",] == 0
    assert count["wait4",] == 3
    assert count["clone",] + count["clone3",] + count["fork",] == 3 + 3
    failed = sums(watch, "failed", "syscall", "errno", pid=pid)
    assert failed["close", 9] == 70
    assert failed["openat", 2] >= 30
    assert {error for name, error in failed if name == "close"} == {9}
    rows = watch.all(event="calls", pid=pid)
    errors = collections.Counter()
    for row in rows:
        assert row["collector"] == "syscall"
        assert row["is_compat"] is False
        errors[row["syscall"]] += row["errors"]
    assert errors["getppid"] == 0
    assert errors == collections.Counter(
        {name: sum(n for (call, _), n in failed.items() if call == name) for name in errors})
    assert {row["comm"] for row in rows if row["syscall"] == "getppid"} == {"calls-c"}
    if more:
        assert {row["latency"] for row in watch.all(event="calls")} == {None}
        return
    sleeps = [row["latency"] for row in rows if row["syscall"] == "clock_nanosleep"]
    assert sum(sleep["count"] for sleep in sleeps) == 5
    for sleep in sleeps:
        assert sleep["sum_ns"] >= sleep["count"] * 10 * MS
        assert sleep["max_ns"] >= 10 * MS
        assert all(bucket["le_ns"] >= 10 * MS for bucket in sleep["buckets"])
        assert sleep["count"] == sum(bucket["count"] for bucket in sleep["buckets"])
    quick = [row["latency"] for row in rows if row["syscall"] == "getppid"]
    assert sum(one["count"] for one in quick) == 3 * 1000
    assert 0 < min(bucket["ge_ns"] for one in quick for bucket in one["buckets"]) < MS
    assert lost(watch, "calls") == 0


def test_the_same_as_strace():
    needs("strace")
    done = subprocess.run(["strace", "-c", "-f", "-U", "name,calls,errors", made("calls.c"), "some"],
                          stderr=subprocess.PIPE, text=True, check=True)
    truth = {}
    for line in done.stderr.splitlines():
        found = re.fullmatch(r"(\w+) +(\d+) *(\d*)", line.strip())
        if found and found[1] != "total":
            truth[found[1]] = (int(found[2]), int(found[3] or 0))
    with Watching("syscall", "--comm", "calls-c") as watch:
        run(made("calls.c"), "some")
    count, errors = collections.Counter(), collections.Counter()
    for row in watch.all(event="calls"):
        count[row["syscall"]] += row["count"]
        errors[row["syscall"]] += row["errors"]
    # Not what never returns, what was called under another name, and what is a matter of who comes first.
    for name in set(truth) - {"exit_group", "exit", "execve", "restart_syscall", "futex"}:
        assert (count[name], errors[name]) == truth[name], name
    assert {row["comm"] for row in watch.records} == {"calls-c"}


def test_more_rows_than_there_is_room_for():
    """Every call is in a row of its process, in one of all others, or counted as lost."""
    with Watching("syscall", "--comm", "calls-c", "--interval", "60s") as watch:
        run(made("calls.c"), "crowd")
    own, others = sums(watch, "calls", "syscall"), sums(watch, "others", "syscall")
    assert others["getuid",] > 0
    assert own["getuid",] + others["getuid",] == 10 * 800
    for name in ("geteuid", "getgid", "getegid", "getppid", "gettid", "uname", "getrusage",
                 "getpriority"):
        assert own[name,] + others[name,] == 800, name
    assert not watch.lost


def test_numbers_that_no_call_has():
    with Watching("syscall", "--comm", "calls-c", "--interval", "60s") as watch:
        pid, _ = run(made("calls.c"), "odd")
    own = {number: count for (number,), count in sums(watch, "calls", "syscall_number").items()
           if number >= 1000}
    others = {number: count for (number,), count in sums(watch, "others", "syscall_number").items()
              if number >= 1000}
    assert set(own.values()) == {1}
    assert sum(own.values()) + sum(others.values()) + lost(watch, "calls") == 20000
    assert set(own) | set(others) <= set(range(1000, 21000))
    assert not set(own) & set(others)
    for record in watch.all(event="calls", syscall_number=next(iter(own))):
        assert record["syscall"] is None
    failed = sums(watch, "failed", "errno", pid=pid)
    assert failed[38,] + lost(watch, "failed") == 20000  # ENOSYS


def test_by_errno():
    with Watching("syscall", "--errno", "EBADF", "--comm", "calls-c") as watch:
        run(made("calls.c"), "some")
    assert {(record["event"], record["syscall"], record["errno"]) for record in watch.records} == {
        ("failed", "close", 9)}
    assert sum(record["count"] for record in watch.records) == 70
