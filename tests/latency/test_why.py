# SPDX-License-Identifier: MIT
"""Why calls were slow, against a program whose reasons are known."""
import json
import os
import socket
import subprocess
import threading
import time
import xml.etree.ElementTree as xml

import pytest

from test_http import END, OK, answer, send, wired
from timing import MADE, Target, Timing, kymo, made

SVG = "{http://www.w3.org/2000/svg}"
FUNCTIONS = ["by_lock", "by_disk", "by_child", "by_cpu"]


def disk_folder():
    """Where files lie on a disk, and writing them waits for it."""
    kind = subprocess.run(["stat", "-f", "-c", "%T", MADE], text=True, capture_output=True,
                          check=True).stdout.strip()
    if kind in ("tmpfs", "ramfs"):
        pytest.skip("the folder of the build is in memory")
    return MADE


def slow_of(out):
    return [one for one in map(json.loads, out.splitlines()) if "slow" in one]


def explained(*options):
    target = Target(made("slow.c"), disk_folder())
    with target, Timing("-p", target.pid, *FUNCTIONS,
                        options=("--json", "--max-cost", "0", "--slower", "20", *options)) as timing:
        done = target.go()
        out, said = timing.process.communicate()
    assert timing.process.returncode == 0, said
    slow = {one["slow"]: one for one in slow_of(out)}
    return done, slow, out


def test_each_reason_is_told(tmp_path):
    done, slow, out = explained("--flame", tmp_path / "slow.svg")
    assert done[0] == "4"
    assert sorted(slow) == sorted(FUNCTIONS)
    for one in slow.values():
        parts = one["running_ns"] + one["runq_ns"] + sum(one["blocked_ns"].values())
        assert parts == one["divided_ns"] == one["took_ns"]
    for name, reason in (("by_lock", "lock"), ("by_disk", "disk"), ("by_child", "child")):
        blocked = slow[name]["blocked_ns"]
        assert max(blocked, key=blocked.get) == reason, (name, slow[name])
        stacks = [one for one in slow[name]["stacks"] if one["reason"] == reason]
        assert stacks and any(name in frame for frame in stacks[0]["frames"]), (name, slow[name])
    assert slow["by_cpu"]["runq_ns"] >= int(done[1]) > 0
    assert sum(slow["by_cpu"]["blocked_ns"].values()) < slow["by_cpu"]["runq_ns"]
    picture = (tmp_path / "slow.svg").read_text()
    assert "by_lock" in picture and "by_child" in picture
    assert json.loads(out.splitlines()[-1])  # nothing half written


def times_in(picture):
    """Nanoseconds by stack, from the data of a flame graph."""
    texts = {e.get("id"): e.text for e in xml.parse(picture).iter(f"{SVG}script") if e.get("id")}
    names = [line.split("\t")[1] for line in texts["functions"].split("\n") if line]
    stacks, path, left = {}, [], []
    for record in texts["nodes"].split(";"):
        numbers = [int(number) for number in record.split(",")]
        while left and not left[-1]:
            left.pop()
            path.pop()
        if left:
            left[-1] -= 1
        path.append(names[numbers[0] // 2])
        left.append(numbers[1])
        if len(numbers) > 3:
            stacks[tuple(path)] = numbers[3]
    return stacks


def time_of(stacks, name):
    return sum(ns for path, ns in stacks.items() if name in path)


def test_what_slow_calls_do_more_than_fast_ones(tmp_path):
    slow, more = tmp_path / "slow.svg", tmp_path / "more.svg"
    with Target(made("mixed.c"), 60) as target, \
            Timing("-p", target.pid, "work",
                   options=("--json", "--max-cost", "0", "--slower", "35", "--flame", slow,
                            "--flame-more", more)) as timing:
        target.go()
        out, _ = timing.process.communicate()
    calls = slow_of(out)
    assert len(calls) >= 12
    assert "what slow calls do more than fast ones" in more.read_text()
    slow, more = times_in(slow), times_in(more)
    # Some hosts do not tell BPF of each switch, so a wait may be missing.
    assert time_of(slow, "rare") == time_of(more, "rare") >= 9 * 40e6
    # Each call waits there, so it is no reason; and what is no part of a slow call is in neither.
    assert time_of(more, "usual") < time_of(slow, "usual")
    assert sum(more.values()) <= sum(slow.values())
    assert time_of(slow, "[waiting: end not seen]") <= sum(one["took_ns"] for one in calls)


def test_calls_inside_of_others_are_a_part_of_them(tmp_path):
    """Each outer() waits as long in inner() as the others do, so that is no difference, and inner() no other call."""
    slow, more = tmp_path / "slow.svg", tmp_path / "more.svg"
    with Target(made("nested.c"), 20, 0, 0) as target, \
            Timing("-p", target.pid, "outer", "inner",
                   options=("--json", "--max-cost", "0", "--slower", "150", "--flame", slow,
                            "--flame-more", more)) as timing:
        target.go()
        out, _ = timing.process.communicate()
    assert {one["slow"] for one in slow_of(out)} >= {"outer"}
    slow, more = times_in(slow), times_in(more)
    assert time_of(slow, "rare") == time_of(more, "rare") >= 3 * 200e6
    assert time_of(more, "inner") < time_of(slow, "inner") / 2


def test_fast_calls_beyond_what_is_kept_are_counted(tmp_path):
    with Target(made("nested.c"), 1, 70000, 0) as target, \
            Timing("-p", target.pid, "quick", "outer",
                   options=("--json", "--max-cost", "0", "--slower", "55", "--flame-more", tmp_path / "more.svg")) \
            as timing:
        target.go()
        out, _ = timing.process.communicate()
    final = [one for one in map(json.loads, out.splitlines()) if one.get("function") == "quick" and one["final"]][0]
    lost = {one["kind"]: one["count"] for one in final["lost"]}
    told = final["count"] - lost.get("calls: the ring was full", 0)
    assert final["count"] == 70000
    assert lost["calls: no room to keep them for --flame-more"] == (32768 if told >= 65536 else 0)


def test_a_person_reads_it():
    target = Target(made("slow.c"), disk_folder())
    with target, Timing("-p", target.pid, "by_lock", options=("--max-cost", "0", "--slower", "20")) \
            as timing:
        target.go()
        out, _ = timing.process.communicate()
    assert "1 above 20.0 ms: " in out
    assert " in by_lock (PID: " in out and "lock " in out
    assert " < by_lock < main < " in out


def test_a_goroutine_is_not_divided():
    target = Target(made("work.go"), 2, 3)
    with target, Timing("-p", target.pid, "main.sleeps",
                        options=("--json", "--max-cost", "0", "--slower", "0.5")) as timing:
        target.go()
        out, _ = timing.process.communicate()
    slow = slow_of(out)
    assert len(slow) == 6
    assert all("goroutine" in one["not_divided"] and "running_ns" not in one for one in slow)


def test_a_slow_request(tmp_path):
    with wired(options=("--json", "--slower", "0.001")) as (wire, timing):
        client, server = wire.connect()
        send(client, server, b"GET /slow/1" + END)
        with os.popen("sleep 0.05") as child:  # what the server waits for meanwhile
            child.read()
        answer(client, server, OK)
        timing.process.terminate()
        out, _ = timing.process.communicate()
    slow, = slow_of(out)
    assert (slow["slow"], slow["request"]) == ("GET /slow/{number}", "GET /slow/1")
    blocked = slow["blocked_ns"]
    assert max(blocked, key=blocked.get) in ("pipe", "child")
    assert slow["divided_ns"] >= 50e6


def test_a_flame_graph_wants_a_threshold():
    done = kymo("--flame", "x.svg", "a:b")
    assert done.returncode == 2 and "--slower" in done.stderr
    assert kymo("--flame-more", "x.svg", "a:b").returncode == 2
    assert kymo("--slower", "0", "a:b").returncode == 2


def test_the_slowest_of_each_function_and_interval():
    """Of rare() there is one call each time, of inner() there are more than are asked for."""
    with Target(made("nested.c"), 10, 0, 0) as target, \
            Timing("-p", target.pid, "outer", "inner", "rare",
                   options=("--calls", "--json", "--max-cost", "0", "--slowest", "2", "-i", "60")) as timing:
        target.go()
        out, _ = timing.process.communicate()
    told = [json.loads(line) for line in out.splitlines()]
    slow = [one for one in told if "slow" in one]
    for name in ("outer", "inner", "rare"):
        took = sorted(one["took_ns"] for one in told if one.get("call") == name)
        # The interval may end in between; the clock says where.
        mine = sorted(one["took_ns"] for one in slow if one["slow"] == name)
        assert len(mine) in (2, 3, 4) and set(mine) <= set(took)
        assert took[-1] in mine
    assert all(one["running_ns"] + one["runq_ns"] + sum(one["blocked_ns"].values()) == one["divided_ns"]
               for one in slow)
    for words in (("--slowest", "2", "--slower", "3"), ("--slowest", "2", "--flame-more", "x")):
        assert kymo(*words, "a:b").returncode == 2
    assert kymo("--slowest", "0", "a:b").returncode == 2


def test_the_slowest_of_the_intervals_that_are_shown():
    """Whatever is the greatest in an interval as it was shown is the slowest of it."""
    lines = []
    with wired(options=("--json", "--slowest", "1", "-i", "0.3")) as (wire, timing):
        reader = threading.Thread(target=lambda: [lines.append(line) for line in timing.process.stdout])
        reader.start()
        client, server = wire.connect()
        end = time.monotonic() + 60
        while sum('"route"' in line for line in lines) < 4 and time.monotonic() < end:
            send(client, server, b"GET /slow" + END)
            answer(client, server, OK)
        timing.process.terminate()
        reader.join()
    told = [json.loads(line) for line in lines]
    shown = [one["max_ns"] for one in told if "route" in one and not one["final"]]
    final, = (one for one in told if "route" in one and one["final"])
    slow = [one["took_ns"] for one in told if "slow" in one]
    assert len(shown) >= 3
    assert sorted(slow)[-1] == final["max_ns"]
    for one in shown:
        slow.remove(one)
    assert len(slow) <= 1  # of the last interval, which had not ended


CHILD = r"""
import os, socket, time
listener = socket.create_server(("127.0.0.1", 0))
if os.fork():
    time.sleep(60)
print(listener.getsockname()[1], flush=True)
client = listener.accept()[0]
client.recv(1000)
time.sleep(0.1)
client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
client.recv(1000)
"""


def test_a_slow_request_of_a_child_that_ran_already():
    """--http -p names who began the servers, as nginx's master does."""
    with Target("/usr/bin/python3", "-c", CHILD) as target:
        port = int(target.process.stdout.readline())
        with Timing("--http", "-p", target.pid, options=("--json", "--slower", "20")) as timing:
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"GET /slow" + END)
                assert client.recv(1000).startswith(b"HTTP/1.1 200")
            timing.process.terminate()
            out, _ = timing.process.communicate()
        slow, = slow_of(out)
        assert slow["blocked_ns"]["sleep"] >= 90e6, slow
