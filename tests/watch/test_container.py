# SPDX-License-Identifier: MIT
"""kymo watch container: groups that come and go in every hierarchy, and who is in them."""
import os
import pathlib
import subprocess
import threading
import time
import uuid

import pytest

import cgroups
from watching import Watching, run

ME = {"pid": os.getpid(), "tid": os.getpid(), "uid": os.geteuid()}


def my_comm():
    return pathlib.Path("/proc/self/comm").read_text().strip()


def make_and_remove(hierarchy, path):
    """(number, instants before, between and after) of a group that comes and goes."""
    folder = pathlib.Path(hierarchy.mount + path)
    at = [time.clock_gettime_ns(time.CLOCK_REALTIME)]
    folder.mkdir()
    at.append(time.clock_gettime_ns(time.CLOCK_REALTIME))
    number = folder.stat().st_ino
    folder.rmdir()
    at.append(time.clock_gettime_ns(time.CLOCK_REALTIME))
    return number, at


def test_a_group_in_each_hierarchy():
    usual = cgroups.usual()
    truth = []
    with Watching("container") as watch:
        for hierarchy in cgroups.hierarchies():
            path = f"/kymo-{uuid.uuid4().hex}"
            number, at = make_and_remove(hierarchy, path)
            watch.until(event="release", group=path)
            at.append(time.clock_gettime_ns(time.CLOCK_REALTIME))
            truth.append((hierarchy, path, number, at))
    for hierarchy, path, number, at in truth:
        create, remove, release = (watch.one(event=event, group=path)
                                   for event in ("create", "remove", "release"))
        for record in (create, remove, release):
            assert record["collector"] == "container"
            assert record["group_id"] == number
            assert record["hierarchy"] == hierarchy.name
            assert record["hierarchy_id"] == hierarchy.number
            assert record["is_usual"] == (hierarchy.number == usual.number)
            assert record["group_container"] is None
        for record in (create, remove):
            assert {key: record[key] for key in ME} == ME
            assert record["comm"] == my_comm()
            assert record["cgroup_id"] == usual.own_id()
            assert record["cgroup"] == usual.own
            assert record["container"] is None
        for key in ("pid", "tid", "uid", "comm", "cgroup_id", "cgroup", "container"):
            assert release[key] is None
        slack = 1_000_000  # of the two clocks
        before, made, removed, seen = at
        assert before - slack <= create["at_unix_ns"] <= made + slack
        assert made - slack <= remove["at_unix_ns"] <= removed + slack
        assert 0 < remove["duration_ns"] <= removed - before + slack
        assert 0 < release["lingering_ns"] <= seen - made + slack
        assert remove["at_unix_ns"] < release["at_unix_ns"]
    assert not watch.lost


def test_a_process_and_a_thread_that_are_moved():
    usual = cgroups.usual()
    with cgroups.group(usual) as (path, folder), Watching("container") as watch:
        sleeper = subprocess.Popen(["sleep", "60"])
        comm = pathlib.Path(f"/proc/{sleeper.pid}/comm")
        while comm.read_text() != "sleep\n":  # it goes on before the kernel is done with execve()
            time.sleep(0.001)
        (folder / "cgroup.procs").write_text(str(sleeper.pid))
        record = watch.until(event="attach", pid=sleeper.pid)
        assert record["tid"] == sleeper.pid
        assert record["by"] == os.getpid()
        assert record["comm"] == "sleep"
        assert record["is_process"] and record["is_usual"]
        assert record["group"] == record["cgroup"] == path
        assert record["group_id"] == record["cgroup_id"] == folder.stat().st_ino
        assert record["hierarchy_id"] == usual.number
        sleeper.kill()
        sleeper.wait()
        if not usual.controllers:
            return  # in v2 only threaded groups take threads
        over = threading.Event()
        thread = threading.Thread(target=over.wait)
        thread.start()
        (folder / "tasks").write_text(str(thread.native_id))
        record = watch.until(event="attach", tid=thread.native_id)
        assert record["pid"] == os.getpid()
        assert not record["is_process"]
        assert record["group"] == path
        over.set()
        thread.join()


def test_a_group_that_is_renamed():
    usual = cgroups.usual()
    if not usual.controllers:
        pytest.skip("groups of v2 cannot be renamed")
    with Watching("container", "process") as watch:
        path = f"/kymo-{uuid.uuid4().hex}"
        folder = pathlib.Path(usual.mount + path)
        folder.mkdir()
        number = folder.stat().st_ino
        folder = folder.rename(f"{folder}-new")
        first, _ = run("true", preexec_fn=cgroups.join(folder))
        folder.rmdir()
        record = watch.until(event="rename", group=path + "-new")
        assert record["group_id"] == number
        assert {key: record[key] for key in ME} == ME
        record = watch.until(event="exit", pid=first)
        assert record["cgroup"] == path + "-new"
        assert watch.until(event="remove", group=path + "-new")["group_id"] == number


def test_a_container_is_told_from_its_path():
    usual = cgroups.usual()
    container = uuid.uuid4().hex + uuid.uuid4().hex
    outer = pathlib.Path(usual.mount + "/docker")
    was_there = outer.exists()
    with Watching("container", "process") as watch:
        with cgroups.group(usual, f"/docker/{container}") as (path, folder):
            pid, _ = run("true", preexec_fn=cgroups.join(folder))
        if not was_there:
            outer.rmdir()
        assert watch.until(event="create", group=path)["group_container"] == container
        assert watch.until(event="remove", group=path)["group_container"] == container
        record = watch.until(event="attach", pid=pid)
        assert record["container"] == record["group_container"] == container
        record = watch.until(event="exit", pid=pid)
        assert record["container"] == container
        assert record["cgroup"] == path


def test_groups_that_are_gone_before_anybody_looks_have_their_name():
    """Made, used and removed between two looks at the rings; in all more than are looked at at once."""
    usual = cgroups.usual()
    truth = {}
    with Watching("process", "container") as watch:
        for _ in range(40):
            with cgroups.group(usual) as (path, folder):
                pid, _ = run("true", preexec_fn=cgroups.join(folder))
                truth[pid] = path
        watch.until(event="exit", pid=pid)
    assert {record["pid"]: record["cgroup"] for record in watch.all(event="exit")
            if record["pid"] in truth} == truth
    assert not watch.lost


def test_a_group_that_is_still_there_has_its_name_without_the_collector():
    usual = cgroups.usual()
    with Watching("process") as watch, cgroups.group(usual) as (path, folder):
        pid, _ = run("true", preexec_fn=cgroups.join(folder))
        assert watch.until(event="exit", pid=pid)["cgroup"] == path


THREADS = """
import threading, time
for _ in range(3):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
print("all there", flush=True)
time.sleep(60)
"""


def test_what_a_group_holds_when_watching_begins():
    usual = cgroups.usual()
    with cgroups.group(usual) as (path, folder):
        before = time.monotonic_ns()
        sleeper = subprocess.Popen(["/usr/bin/python3", "-c", THREADS], text=True,
                                   stdout=subprocess.PIPE, preexec_fn=cgroups.join(folder))
        forked = time.monotonic_ns()
        try:
            sleeper.stdout.readline()
            begun = time.monotonic_ns()
            with Watching("container", "--standing") as watch:
                record = watch.until(event="process", pid=sleeper.pid)
                ended = time.monotonic_ns()
        finally:
            sleeper.kill()
            sleeper.communicate()
        assert record["comm"] == "python3"
        assert record["tid"] == sleeper.pid
        assert record["uid"] == os.geteuid()
        assert record["ppid"] == os.getpid()
        assert record["threads"] == 4
        assert record["cgroup"] == path
        assert record["cgroup_id"] == folder.stat().st_ino
        assert begun - forked <= record["duration_ns"] <= ended - before
        assert watch.one(event="process", pid=os.getpid())["cgroup"] == usual.own


def test_a_filter_by_group_is_about_the_groups_too():
    usual = cgroups.usual()
    with cgroups.group(usual) as (outer, above), cgroups.group(usual) as (_, beside):
        with Watching("container", "--cgroup", above) as watch:
            (beside / "not").mkdir()
            (beside / "not").rmdir()
            (above / "wanted").mkdir()
            (above / "wanted").rmdir()
            watch.until(event="release", group=f"{outer}/wanted")
        assert {(record["event"], record["group"]) for record in watch.records} == {
            (event, f"{outer}/wanted") for event in ("create", "remove", "release")}
        with Watching("container", "--pid", 1) as watch:
            (beside / "not").mkdir()
            (beside / "not").rmdir()
        assert not watch.records
