# SPDX-License-Identifier: MIT
"""Latencies on demand over REST, against a program that knows how long its calls took, and a server that does."""
import gzip
import subprocess
import sys

import pytest

from serving import KYMO, TOP, Serving, until

sys.path.insert(0, str(TOP / "tests/latency"))
from timing import PROGRAMS, Target, free_port, listening  # pylint: disable=wrong-import-position

# Behind a line it calls work() CALLS times for 1 ms, SLOW times for 40 ms, and tells how long that took as seen
# from outside: the sum and the longest; with 0 CALLS it goes on until it is killed.
CALLS, SLOW = 1100, 6
SOURCE = """
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
static long sum, longest;
static long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000l + t.tv_nsec;
}
__attribute__((noinline)) long work(long ms, const char *why)
{
	usleep(ms * 1000);
	return ms + (why == NULL);
}
__attribute__((noinline)) long idle(void) { return 0; }
static void timed(long ms, const char *why)
{
	long began = now(), took;
	work(ms, why);
	took = now() - began;
	sum += took;
	longest = took > longest ? took : longest;
}
int main(int argc, char **argv)
{
	long calls = atol(argv[1]), slow = atol(argv[2]);
	char line[9];
	if (argc > 9)
		return (int)idle();
	if (!fgets(line, sizeof(line), stdin))
		return 2;
	for (long i = 0; i < calls || !calls; i++)
		timed(1, "short");
	for (long i = 0; i < slow; i++)
		timed(40, "<long>");
	printf("%ld %ld\\n", sum, longest);
	return 0;
}
"""


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    with Serving(tmp_path_factory.mktemp("latency"),
                 **{"profiler.max_concurrent_sessions": 2,
                    "profiler.max_session_duration_seconds": 100,
                    "http.tell_arguments": "true"}) as serving:
        yield serving


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    (folder / "work.c").write_text(SOURCE)
    subprocess.run(["gcc", "-O1", "-g", "-o", folder / "work", folder / "work.c"], check=True)
    return folder / "work"


def started(serve, **body):
    """A measurement that counts."""
    status, one = serve.post("/api/v1/latency", **body)
    assert status == 202, one
    def ask():
        now = serve.get(one["href"])
        assert now["state"] != "failed", now
        return now["state"] == "running"
    until(ask, "running")
    return one["href"]


def over(serve, href):
    def ask():
        one = serve.get(href)
        return one if one["state"] not in ("starting", "running", "naming") else None
    return until(ask, href)


@pytest.fixture(scope="module")
def timed(serve, program):
    """The truth, and the measurement that is over."""
    with Target(program, CALLS, SLOW) as target:
        href = started(serve, functions=["work", "idle"], pid=target.pid, slower_ms=20,
                       args=["1:int", "2:str"], duration_s=100, max_cost_pct=0)
        target.process.stdin.write("go\n")
        target.process.stdin.flush()
        truth = [int(word) for word in target.process.stdout.readline().split()]
        target.process.wait()
        return truth, over(serve, href)


def test_arguments_are_told_where_that_is_wanted(tmp_path):
    with Serving(tmp_path) as serving:
        status, said = serving.post("/api/v1/latency", functions=["libc.so.6:getaddrinfo"], slower_ms=1,
                                    args=["1:str"])
        assert status == 403 and "tell_arguments" in said["hint"], said


def row_of(one, name):
    return next(row for row in one["rows"] if row.get("function", row.get("route")) == name)


def test_figures_are_those_of_the_program(timed):
    (total, longest), one = timed
    assert one["state"] == "done" and one["ended_by"] == "process ended", one
    work, idle = row_of(one, "work"), row_of(one, "idle")
    assert work["count"] == CALLS + SLOW and work["errors"] == 0 and idle["count"] == 0
    assert idle["p50_ns"] is None and idle["max_ns"] is None
    # What it measures lies inside of what the program measured.
    assert work["mean_ns"] * work["count"] <= total and 40e6 <= work["max_ns"] <= longest
    for least, key in (1e6, "p50_ns"), (1e6, "p90_ns"), (1e6, "p99_ns"):
        assert least * (1 - work["error_pct"] / 100) <= work[key] <= longest, work
    assert work["p999_ns"] is None, "too few calls exceed it"
    assert work["probe_ns"] > 0 and one["cost_pct"] > 0 and "lost" in one and "not_measured" in one


def test_histogram_and_heat_map_have_every_call(serve, timed):
    _, one = timed
    assert one["rows"][one["row"]]["function"] == "work"
    assert sum(n for _, _, n in one["histogram"]) == CALLS + SLOW
    assert sum(n for low, _, n in one["histogram"] if int(low) >= 38e6) >= SLOW
    heat = one["heat"]
    assert heat["total"] == sum(n for _, _, n in heat["cells"]) == CALLS + SLOW
    assert max(step for step, _, _ in heat["cells"]) < heat["steps"]
    low, high = map(int, heat["buckets_ns"][heat["cells"][0][1]])
    assert low < high
    other = serve.get(one["href"] + "?row=1")
    assert other["row"] == 1 and other["histogram"] == []


def test_figures_are_there_while_it_runs(serve, program):
    with Target(program, 0, 0) as target:
        href = started(serve, functions=[f"{program}:work"], slower_ms=0.5, duration_s=100,
                       max_cost_pct=0)
        target.process.stdin.write("go\n")
        target.process.stdin.flush()
        live = until(lambda: (one := serve.get(href))["rows"][0]["count"] >= 30 and one, "calls")
        assert live["state"] == "running" and live["rows"][0]["p50_ns"] >= 0.9e6
        assert live["heat"]["total"] == live["rows"][0]["count"]
        slow = until(lambda: (told := serve.get(href + "/slow?limit=3"))["total"] >= 30 and told, "slow ones")
        assert not slow["explained"] and len(slow["data"]) == 3
        divided = until(lambda: [one for one in serve.get(href + "/slow?limit=50")["data"] if "divided_ns" in one],
                        "slow ones that are divided")
        assert all(one["running_ns"] + one["runq_ns"] + sum(one["blocked_ns"].values()) == one["divided_ns"] == one["took_ns"]
                   and "stacks" not in one for one in divided)
        assert all(one["took_ns"] >= 1e6 and one["pid"] == target.pid for one in slow["data"])
        assert serve.status(href + "/profile") == 409
        assert [one["href"] for one in serve.get("/api/v1/latency")["data"]][0] == href
        assert serve.status(href + "/stop", "-X", "POST", "-H", "Content-Type: application/json") == 202
        one = over(serve, href)
    assert one["state"] == "done" and one["ended_by"] == "stopped"
    assert one["rows"][0]["count"] >= live["rows"][0]["count"] and serve.status(href + "/profile") == 200
    assert serve.status(href, "-X", "DELETE") == 202 and serve.status(href) == 404


def test_slow_calls_are_explained_with_their_arguments(serve, timed):
    _, one = timed
    slow = serve.get(one["href"] + "/slow?limit=1000")
    assert slow["explained"] and slow["total"] == slow["kept"] == len(slow["data"]) >= SLOW
    took = [call["took_ns"] for call in slow["data"]]
    assert took == sorted(took, reverse=True)
    long = [call for call in slow["data"] if call["args"][0]["value"] == 40]
    assert len(long) == SLOW
    for call in long:
        assert call["slow"] == "work" and call["args"][1]["value"] == "<long>"
        parts = call["running_ns"] + call["runq_ns"] + sum(call["blocked_ns"].values())
        assert parts == call["divided_ns"] == call["took_ns"] >= 40e6
    assert any(any("work" in frame for frame in stack["frames"])
               for call in long for stack in call["stacks"])
    assert serve.get(one["href"] + "/slow?row=1")["data"] == []


def test_a_flame_graph_of_the_slow_ones(serve, timed):
    _, one = timed
    tree = serve.get(one["profile"])
    assert any(function["name"] == "work" for function in tree["functions"])
    assert 0 < int(tree["total_ns"]) <= sum(
        call["took_ns"] for call in serve.get(one["href"] + "/slow?limit=1000")["data"])
    assert "work" in serve.text(one["profile"] + "?format=folded")
    pprof = subprocess.run(["curl", "-sS", serve.url + one["profile"] + "?format=pprof"],
                           capture_output=True, check=True)
    assert b"work" in gzip.decompress(pprof.stdout)
    assert serve.status(one["profile"] + "?format=speedscope") == 400


def test_requests_of_a_server(serve):
    port = free_port()
    with listening(Target("/usr/bin/python3", PROGRAMS / "server.py", port), port):
        href = started(serve, http=True, port=port, duration_s=100)
        for i in range(20):
            assert subprocess.run(["curl", "-sS", f"http://127.0.0.1:{port}/wait/10/{i}"], check=True,
                                  capture_output=True).stdout == b"hello"
        until(lambda: sum(row["count"] for row in serve.get(href)["rows"]) == 20, "requests")
        serve.status(href + "/stop", "-X", "POST", "-H", "Content-Type: application/json")
    one = over(serve, href)
    row = row_of(one, "GET /wait/{number}/{number}")
    assert row["port"] == port and row["statuses"]["2xx"] == 20 and row["errors"] == 0
    assert row["p50_ns"] >= 9.5e6 and row["service"]["count"] == 20 and one["heat"]["total"] == 20


def test_above_its_cost_it_ends(serve, program):
    with Target(program, 0, 0) as target:
        href = started(serve, functions=["work"], pid=target.pid, duration_s=100, max_cost_pct=0.00001)
        target.process.stdin.write("go\n")
        target.process.stdin.flush()
        one = over(serve, href)
    assert one["state"] == "done" and one["ended_by"] == "the probes cost too much", one
    assert one["dearest"] == "work" and one["cost_pct"] > 0.00001


def test_only_so_many_at_once(serve, program):
    with Target(program, 0, 0) as target:
        running = [started(serve, functions=["work"], pid=target.pid) for _ in range(2)]
        status, problem = serve.post("/api/v1/latency", functions=["work"], pid=target.pid)
        assert status == 429 and "max_concurrent_sessions" in problem["hint"]
        for href in running:
            assert serve.status(href, "-X", "DELETE") == 202
            assert over(serve, href)["state"] == "cancelled"
            assert serve.status(href, "-X", "DELETE") == 202 and serve.status(href) == 404


def test_functions_are_found_by_name(serve, program):
    found = serve.get(f"/api/v1/latency/functions?name={program}:*or*")
    assert [one["function"] for one in found["data"]] == ["work"]
    assert found["data"][0]["timed"] and found["data"][0]["how"] and found["count"] == 1
    problem = serve.get(f"/api/v1/latency/functions?name={program}:worg")
    assert problem["status"] == 404 and "work" in problem["hint"]
    assert serve.get("/api/v1/latency/functions?name=libc.so.6:*")["count"] > 200


@pytest.mark.parametrize("body, said", [
    ({}, "no function"), ({"functions": []}, "no function"), ({"functions": "x"}, "list"),
    ({"functions": [1]}, "list"), ({"functions": ["x"]}, "names no function"),
    ({"functions": ["libc.so.6:malloc"] * 65}, "at most 64"),
    ({"functions": ["libc.so.6:*"]}, "are the most"), ({"http": 1}, "'http'"),
    ({"http": True, "functions": ["a:b"]}, "takes no"), ({"port": 80, "functions": ["a:b"]}, "requests"),
    ({"http": True, "port": 0}, "'port'"), ({"functions": ["a:b"], "duration_s": 101}, "to 100"),
    ({"functions": ["a:b"], "slower_ms": 0}, "'slower_ms'"), ({"functions": ["a:b"], "args": ["1"]}, "slow"),
    ({"functions": ["libc.so.6:malloc"], "slower_ms": 1, "args": ["0"]}, ""), ({"pidd": 1}, "'pidd'"),
    ({"http": True, "tls": "x" * 300}, "'tls'")])
def test_what_makes_no_sense(serve, body, said):
    status, problem = serve.post("/api/v1/latency", **body)
    assert status == 400 and said in problem["detail"], problem


def test_the_state_counts_them(serve, timed):
    said = serve.get("/api/v1/status")["latency"]
    assert said["started"] >= said["kept"] >= 1 and timed


def test_unknown_ones(serve, timed):
    unknown = "/api/v1/latency/00000000-0000-4000-8000-000000000000"
    for path in "", "/slow", "/profile":
        assert serve.status(unknown + path) == 404
    words = ["-H", "Content-Type: application/json"]
    assert serve.status(unknown + "/stop", "-X", "POST", *words) == 404
    assert serve.status(unknown, "-X", "DELETE") == 404
    status, problem = serve.post("/api/v1/latency", functions=["/no/such/file:f"])
    assert status == 404 and "/no/such/file" in problem["detail"]
    status, _ = serve.post("/api/v1/latency", functions=["f"], pid=(1 << 22) - 1)
    assert status == 404
    href = timed[1]["href"]
    assert serve.status(href + "?row=512") == serve.status(href + "/slow?limit=0") == 400
    assert serve.status("/api/v1/latency", "-X", "POST", *words, "-H", "Sec-Fetch-Site: cross-site",
                        "-d", "{}") == 403


def test_a_file_has_none(serve, timed):
    said = subprocess.run([KYMO, "query", "--store", serve.store, "/api/v1/latency/functions", "name=libc.so.6:*"],
                          capture_output=True, text=True, check=False)
    assert said.returncode != 0 and "by a daemon that runs" in said.stderr and timed, said
