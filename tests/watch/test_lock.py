# SPDX-License-Identifier: MIT
"""kymo watch lock: who waited for which lock, how long, and who held it."""
import subprocess

import pytest

from watching import Watching, made, run

MS = 1_000_000
KINDS = {"mutex": "mutex", "pi": "pi", "robust": "owned"}


def locks(way, *before):
    _, printed = run(*before, made("locks.c"), way)
    names = ("pid", "keeper", "asker", "address", "waited")
    return dict(zip(names, map(int, printed.split())))


@pytest.mark.parametrize("way", KINDS)
def test_a_lock_that_is_held(way):
    with Watching("lock") as watch:
        truth = locks(way)
    waits = watch.all(event="wait", pid=truth["pid"], tid=truth["asker"])
    assert len(waits) == 3
    for wait in waits:
        assert wait["collector"] == "lock"
        assert wait["comm"] == "asker"
        assert wait["kind"] == KINDS[way]
        assert wait["address"] == truth["address"]
        assert wait["holder"] == truth["keeper"]
        assert wait["holder_comm"] == "keeper"
        assert wait["duration_ns"] >= 60 * MS
    assert sum(wait["duration_ns"] for wait in waits) <= truth["waited"]
    rows = watch.all(event="futexes", pid=truth["pid"], address=truth["address"])
    assert sum(row["count"] for row in rows) == 3
    assert {row["kind"] for row in rows} == {KINDS[way]}
    assert {row["comm"] for row in rows} == {"asker"}
    assert sum(row["latency"]["sum_ns"] for row in rows) == sum(w["duration_ns"] for w in waits)
    # Semaphores and joins are waits, too, but not for a lock.
    assert not watch.all(event="wait", pid=truth["pid"], kind="wait")


def test_the_holder_is_found_in_another_pid_namespace():
    fork = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*fork, "true"]).returncode:
        pytest.skip("no PID namespace can be made")
    with Watching("lock", "--comm", "asker") as watch:
        locks("mutex", *fork)
    waits = watch.all(event="wait")
    assert len(waits) == 3
    for wait in waits:
        assert wait["holder_comm"] == "keeper"
        assert wait["holder"] != wait["tid"]
        assert wait["kind"] == "mutex"


def test_other_waits_on_request():
    with Watching("lock") as watch:
        truth = locks("condition")
    assert not watch.all(event="wait", pid=truth["pid"])
    with Watching("lock", "--set", "lock.waits=1") as watch:
        truth = locks("condition")
    wait = watch.one(event="wait", tid=truth["asker"])
    assert wait["kind"] == "wait"
    assert 50 * MS <= wait["duration_ns"] <= truth["waited"]
    assert wait["holder"] is None and wait["holder_comm"] is None


def test_only_long_waits():
    with Watching("lock", "--set", "lock.slow=10s") as watch:
        truth = locks("mutex")
    assert not watch.all(event="wait", pid=truth["pid"])
    rows = watch.all(event="futexes", pid=truth["pid"], address=truth["address"])
    assert sum(row["count"] for row in rows) == 3


def test_a_mutex_of_the_kernel(tmp_path):
    """Two processes that rename within one folder wait for its lock."""
    code = ("import os, sys\nname = sys.argv[1]\nopen(name, 'w').close()\n"
            "for i in range(20000):\n    os.rename(name, name + 'x'); os.rename(name + 'x', name)\n")
    with Watching("lock") as watch:
        writers = [subprocess.Popen(["/usr/bin/python3", "-c", code, str(tmp_path / name)])
                   for name in ("first", "second", "third")]
        for writer in writers:
            assert writer.wait() == 0
    pids = {writer.pid for writer in writers}
    if any("no tracepoint" in what for what in watch.summary["coverage"]["not_measured"]):
        pytest.skip("this kernel does not tell of its locks")
    rows = [row for row in watch.all(event="kernel") if row["pid"] in pids]
    assert rows and {row["comm"] for row in rows} == {"python3"}
    assert {row["kind"] for row in rows} <= {"mutex", "reader", "writer", "percpu", "rt mutex"}
    for row in rows:
        assert row["count"] == row["latency"]["count"] > 0
