# SPDX-License-Identifier: MIT
"""The server of examples/http-server under load, and what lives in another root."""
import http.client
import os
import re
import shutil
import subprocess
import threading
import time

import pytest

from timing import (TOP, Target, Timing, expect_times, free_port, listening, made, numbers,
                    stripped)

CLIENTS, REQUESTS = 8, 130
LINE = re.compile(r"^Handler latency: (\d+\.\d{3}) ms \(PID: (\d+), TID: \d+\)( goroutine \d+)?$")


def ask(port, answers):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for _ in range(REQUESTS):
        connection.request("GET", "/")
        answers.append(connection.getresponse().read())
    connection.close()


def load(port):
    """Every answer that the clients got."""
    answers = []
    clients = [threading.Thread(target=ask, args=(port, answers)) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return answers


def serving(program, port):
    return listening(Target(program, f"127.0.0.1:{port}", 20), port)


def server(*more, name="http-server"):
    return made(TOP / "examples/http-server/server.go", *more, name=name)


@pytest.mark.limit(300)  # builds the library of Go anew
@pytest.mark.parametrize("build", ["plain", "stripped", "pie"])
def test_the_handler_takes_what_it_says(build):
    program = server("-buildmode=pie", name="http-server-pie") if build == "pie" else server()
    port = free_port()
    with serving(stripped(program) if build == "stripped" else program, port) as target, \
            Timing("-p", target.pid, "main.handleRequest",
                   options=("--calls", "--json", "--max-cost", "0")) as timing:
        answers = load(port)
        timing.end()
        inside, around = map(numbers, target.lines())
    assert answers == [b"Hello, World!\n"] * CLIENTS * REQUESTS
    final = timing.finals["main.handleRequest"]
    assert final["count"] == CLIENTS * REQUESTS
    assert (final["unseen"], final["cut"], final["lost"]) == (0, 0, [])
    expect_times(timing, "main.handleRequest", inside, around)


def test_one_line_a_call():
    port = free_port()
    with serving(server(), port) as target, \
            Timing("-p", target.pid, "main.handleRequest",
                   options=("--calls", "--max-cost", "0", "-n", "30")) as timing:
        load(port)
        out, _ = timing.process.communicate()
    lines = out.splitlines()
    assert len(lines) == 30
    for line in lines:
        found = LINE.match(line)
        assert found, line
        assert int(found[2]) == target.pid


def test_a_process_in_another_root(tmp_path):
    program = made("work.go")
    if "INTERP" in subprocess.run(["readelf", "-lW", program], text=True, capture_output=True,
                                  check=True).stdout:
        pytest.skip("Go links it dynamically here")
    (tmp_path / "srv").mkdir()
    shutil.copy(program, tmp_path / "srv/work")
    with Target("chroot", tmp_path, "/srv/work", 2, 10) as target:
        while os.readlink(f"/proc/{target.pid}/exe") != str(tmp_path / "srv/work"):
            time.sleep(0.01)
        with Timing("-p", target.pid, "/srv/work:main.sleeps", "main.recovers") as timing:
            target.go()
            timing.end(stop=False)
    assert timing.finals["main.sleeps"]["count"] == 20
    assert timing.finals["main.recovers"]["count"] == 20


def test_csv_is_what_it_says():
    import csv
    with Target(made("shapes.c"), "jumps", 5000) as target, \
            Timing("-p", target.pid, "jumps", options=("--csv", "--max-cost", "0")) as timing:
        target.go()
        out, _ = timing.process.communicate()
    rows = list(csv.DictReader(out.splitlines()))
    assert rows[-1]["final"] == "true" and rows[-1]["function"] == "jumps"
    assert int(rows[-1]["count"]) == 5000
    assert int(rows[-1]["p50_ns"]) > 0 and rows[-1]["p999_ns"] == ""
    assert sum(int(row["count"]) for row in rows[:-1]) <= 5000
