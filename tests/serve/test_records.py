# SPDX-License-Identifier: MIT
"""Records over REST: what is there is found, by page, by time, by field; what makes no sense is told."""
import gzip
import json
import os
import socket
import subprocess
import threading
import time

import pytest

from serving import Serving, curl, until


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    with Serving(tmp_path_factory.mktemp("serve")) as serving:
        yield serving


def run(count, word="/bin/true"):
    """Runs a program so often; returns its PIDs once all its ends are in the store."""
    pids = []
    for _ in range(count):
        process = subprocess.Popen([word])
        process.wait()
        pids.append(process.pid)
    return pids


def ends(serve, pids):
    marks = ",".join("?" * len(pids))
    return until(lambda: len(serve.rows(f"SELECT * FROM process_exit WHERE pid IN ({marks})",
                                        *pids)) == len(pids), "ends")


def pages(serve, path):
    """All pages of a question."""
    cursor, rows = "", []
    while True:
        page = serve.get(path + (f"&cursor={cursor}" if cursor else ""))
        rows += page["data"]
        assert page["count"] == len(page["data"])
        cursor = page["next_cursor"]
        if cursor is None:
            return rows


def test_a_process_is_found_by_its_number(serve):
    pid = run(1)[0]
    ends(serve, [pid])
    page = serve.get(f"/api/v1/process?pid={pid}&order=asc&start=-5m")
    kinds = [row["event"] for row in page["data"]]
    assert kinds[-1] == "exit" and "exec" in kinds
    row = next(row for row in page["data"] if row["event"] == "exec")
    assert row["argv"] == ["/bin/true"] and row["ppid"] == os.getpid() and row["comm"] == "true"
    assert isinstance(row["at_unix_ns"], str) and row["time"].endswith("Z")
    assert isinstance(row["pid"], int) and isinstance(row["seq"], str)
    stored = serve.rows("SELECT * FROM process_exec WHERE pid = ?", pid)[0]
    assert int(row["at_unix_ns"]) == stored["at_unix_ns"] and int(row["seq"]) == stored["seq"]


def test_pages_hold_each_record_once(serve):
    pids = run(40)
    ends(serve, pids)
    for order in "asc", "desc":
        rows = pages(serve, f"/api/v1/process?event=exit&start=-5m&limit=7&order={order}")
        mine = [row["pid"] for row in rows if row["pid"] in pids]
        assert mine == (pids if order == "asc" else pids[::-1])
        seen = [row["seq"] for row in rows]
        assert len(set(seen)) == len(seen)


def test_a_span_of_time_is_half_open(serve):
    pid = run(1)[0]
    ends(serve, [pid])
    at = int(serve.rows("SELECT at_unix_ns FROM process_exit WHERE pid = ?", pid)[0]["at_unix_ns"])

    def found(start, end):
        return serve.get(f"/api/v1/process?event=exit&pid={pid}&start={start}&end={end}")["count"]

    assert found(at, at + 1) == 1 and found(at - 1, at) == 0 and found(at + 1, at + 2) == 0
    page = serve.get(f"/api/v1/process?event=exit&pid={pid}&start={at}&end={at + 1}")
    assert page["start_unix_ns"] == str(at) and page["end_unix_ns"] == str(at + 1)


def test_fields_are_conditions(serve):
    process = subprocess.Popen(["/bin/sh", "-c", "exit 23"])
    process.wait()
    ends(serve, [process.pid])
    rows = serve.get("/api/v1/process?event=exit&exit_code=23&start=-5m")["data"]
    assert process.pid in [row["pid"] for row in rows]
    assert all(row["exit_code"] == 23 for row in rows)
    rows = serve.get("/api/v1/process?event=exit&exit_code!=0&comm=sh&start=-5m")["data"]
    assert process.pid in [row["pid"] for row in rows]
    assert all(row["exit_code"] != 0 and row["comm"] == "sh" for row in rows)
    assert serve.get("/api/v1/process?event=exit&min_duration_ns=10m&comm=sh")["data"] == []


def test_a_connection_is_found_by_its_ports(serve):
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def answer():
        other, _ = listener.accept()
        other.recv(100)
        other.sendall(b"x" * 1000)
        other.close()

    thread = threading.Thread(target=answer)
    thread.start()
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(b"y" * 10)
    while client.recv(4096):
        pass
    client.close()
    thread.join()
    listener.close()
    row = until(lambda: serve.get(f"/api/v1/connections?event=close&remote_port={port}")["data"],
                "connection")[0]
    assert row["remote_addr"] == "127.0.0.1" and row["pid"] == os.getpid()
    assert row["tx_bytes"] == "10" and row["rx_bytes"] == "1000"


def test_each_record_comes_once(serve):
    ends(serve, run(5))
    for path in "connections", "process", "records":
        seen = [row["seq"] for row in serve.get(f"/api/v1/{path}?limit=1000")["data"]]
        assert len(seen) == len(set(seen)), path


def test_a_process_is_one_row(serve):
    start = time.time_ns()
    shell = subprocess.Popen(["/bin/sh", "-c", "/bin/true; exec /bin/sleep 1000"])
    try:
        find = f"/api/v1/processes?pid={shell.pid}&start={start}"
        row = until(lambda: next((row for row in serve.get(find)["data"] if row["comm"] == "sleep"),
                                 None), "row")
        assert row["is_over"] is False and row["ended_unix_ns"] is None
        assert row["argv"] == ["/bin/sleep", "1000"] and row["file"] == "/bin/sleep"
        assert row["ppid"] == os.getpid() and row["cwd"] == os.getcwd()
        assert row["exit_code"] is None and abs(int(row["at_unix_ns"]) - start) < 60e9
        child = serve.get(f"/api/v1/processes?ppid={shell.pid}&start={start}")["data"]
        assert [(one["comm"], one["is_over"], one["exit_code"]) for one in child] == \
            [("true", True, 0)]
    finally:
        shell.kill()
        shell.wait()
    row = until(lambda: next((row for row in serve.get(find)["data"] if row["is_over"]), None),
                "end")
    assert row["exit_signal"] == 9 and row["argv"] == ["/bin/sleep", "1000"]
    assert int(row["ended_unix_ns"]) > int(row["at_unix_ns"])
    assert row["duration_ns"] is not None and row["cpu_ns"] is not None
    assert len(serve.get(find)["data"]) == 1
    ended = int(row["ended_unix_ns"])
    assert serve.get(f"/api/v1/processes?pid={shell.pid}&start={ended + 1}")["data"] == []
    assert serve.get(f"/api/v1/processes?pid={shell.pid}&end={row['at_unix_ns']}")["data"] == []


def test_who_was_there_before_is_there(serve):
    row = until(lambda: serve.get(f"/api/v1/processes?pid={os.getpid()}&is_over=false")["data"],
                "ourselves")[0]
    with open("/proc/self/stat", encoding="utf-8") as stat, \
            open("/proc/uptime", encoding="utf-8") as uptime:
        ticks = int(stat.read().rsplit(")", 1)[1].split()[19])
        began = time.time() - float(uptime.read().split()[0]) + ticks / os.sysconf("SC_CLK_TCK")
    assert abs(int(row["at_unix_ns"]) / 1e9 - began) < 60 and row["ppid"] == os.getppid()


def test_secrets_are_not_kept(serve):
    words = ["/bin/true", "--password=hunter2", "--token", "s3cret", "plain", ""]
    process = subprocess.Popen(words)
    process.wait()
    ends(serve, [process.pid])
    wanted = ["/bin/true", "--password=***", "--token", "***", "plain", ""]
    for row in serve.get(f"/api/v1/process?pid={process.pid}")["data"]:
        assert row.get("argv", wanted) in (wanted, None, *([[]] if row["event"] == "fork" else []))
    with open(serve.store, "rb") as store, open(f"{serve.store}-wal", "rb") as log:
        assert b"hunter2" not in store.read() + log.read()


def test_kinds_are_mixed_in_the_order_of_time(serve):
    ends(serve, run(3))
    rows = serve.get("/api/v1/records?type=process,runq&limit=500&order=asc&start=-1m")["data"]
    times = [int(row["at_unix_ns"]) for row in rows]
    assert times == sorted(times) and {"process", "runq"} >= {row["collector"] for row in rows}


def test_lines_and_gzip(serve):
    ends(serve, run(20))
    text = serve.text("/api/v1/process?format=ndjson&limit=20")
    rows = [json.loads(line) for line in text.splitlines()]
    assert len(rows) == 20 and all(row["collector"] == "process" for row in rows)
    packed = subprocess.run(["curl", "-sS", "-H", "Accept-Encoding: gzip", "-D", "-",
                             serve.url + "/api/v1/process?event=exit&limit=20"],
                            capture_output=True, check=True).stdout
    head, body = packed.split(b"\r\n\r\n", 1)
    assert b"Content-Encoding: gzip" in head
    assert json.loads(gzip.decompress(body))["count"] == 20


def problem(serve, path, status, words, *more):
    answer = curl("-w", "\n%{http_code} %{content_type}", *more, serve.url + path).stdout
    body, last = answer.rstrip("\n").rsplit("\n", 1)
    assert last == f"{status} application/problem+json", answer
    said = json.loads(body)
    assert said["status"] == status and words in said["detail"] + " " + said.get("hint", ""), said


@pytest.mark.parametrize("path, status, words", [
    ("/api/v1/proces", 404, "did you mean 'process'?"),
    ("/api/v1/conections", 404, "did you mean 'connections'?"),
    ("/api/v1/xyzzy", 404, "there is no '/api/v1/xyzzy'"),
    ("/api/v2/process", 404, "there is no '/api/v2/process'"),
    ("/api/v1/process?event=exti", 400, "there are no records 'process.exti'"),
    ("/api/v1/process?pdi=1", 400, "did you mean 'pid'?"),
    ("/api/v1/process?pid=x", 400, "'x' is no value for 'pid'"),
    ("/api/v1/process?pid=-1", 400, "'-1' is no value for 'pid'"),
    ("/api/v1/process?limit=0", 400, "'limit' is 1 to 10000"),
    ("/api/v1/process?limit=-1", 400, "'limit' is 1 to 10000"),
    ("/api/v1/process?limit=1000000000000000000", 400, "'limit' is 1 to 10000"),
    ("/api/v1/process?start=yesterday", 400, "'yesterday' is no time"),
    ("/api/v1/process?start=-1m&end=-2m", 400, "'end' does not lie behind 'start'"),
    ("/api/v1/process?order=up", 400, "'order' is asc or desc"),
    ("/api/v1/process?format=xml", 400, "'format' is json or ndjson"),
    ("/api/v1/process?cursor=1", 400, "'1' is no cursor"),
    ("/api/v1/process?cursor=1-2-3", 400, "belongs to another question"),
    ("/api/v1/process?type=tcp", 400, "here it is event="),
    ("/api/v1/records?type=tpc", 400, "did you mean 'tcp'?"),
    ("/api/v1/process?comm=%00", 400, "NUL"),
    ("/api/v1/process?comm=%27%20OR%201=1;--", 200, ""),
    ("/api/v1/process?" + "&".join(f"pid={n}" for n in range(17)), 400, "at most 16 conditions"),
    ("/api/v1/process?" + "&".join(f"a{n}=1" for n in range(70)), 400, "at most 64 parameters"),
    ("/api/v1/%2e%2e/%2e%2e/etc/passwd", 404, "there is no"),
])
def test_what_makes_no_sense_is_told(serve, path, status, words):
    if status == 200:
        assert serve.get(path)["data"] == []
    else:
        problem(serve, path, status, words)


def test_other_methods_and_large_bodies(serve):
    problem(serve, "/api/v1/process", 405, "not answered with this method", "-X", "POST", "-H",
            "Content-Type: application/json", "-d", "{}")
    assert serve.status("/api/v1/process", "-X", "POST", "-H", "Content-Type: application/json",
                        "-d", "x" * 70000) == 413
    assert serve.status("/api/v1/process", "-H", "X-Long: " + "x" * 9000) in (400, 431)
    assert serve.status("/healthz") == 200


def test_an_empty_span_is_an_empty_list(serve):
    page = serve.get("/api/v1/process?start=1&end=2")
    assert page["data"] == [] and page["count"] == 0 and page["next_cursor"] is None
    assert page["lost"] == 0
