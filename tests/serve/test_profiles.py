# SPDX-License-Identifier: MIT
"""Samples of the store over REST: a known program is found in every format, and sums hold."""
import gzip
import json
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "watch"))
import cgroups  # noqa: E402
from serving import Serving, curl, sampled, until

SOURCE = """
static volatile unsigned long sink;
__attribute__((noinline)) void known_leaf(void) { for (int i = 0; i < 100000; i++) sink += i; }
__attribute__((noinline)) void known_caller(void) { for (;;) known_leaf(); }
int main(void) { known_caller(); return 0; }
"""


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    (folder / "known.c").write_text(SOURCE)
    program = folder / "known-program"
    subprocess.run(["gcc", "-O1", "-o", program, folder / "known.c"], check=True)
    with Serving(folder, **{"profile.rate_hz": 199}) as serving:
        serving.program = program
        serving.burner = sampled(serving, program)
        stored = serving.rows("SELECT sum(samples) AS n, sum(weight_ns) AS ns FROM sample "
                              "WHERE pid = ?", serving.burner)[0]
        serving.samples, serving.ns = stored["n"], stored["ns"]
        yield serving


def ask(serve, words="", path="profiles"):
    return serve.get(f"/api/v1/{path}?pid={serve.burner}{words}")


def check_sums(tree):
    below = [[0, 0, 0] for _ in tree["nodes"]]
    for number, node in reversed(list(enumerate(tree["nodes"]))):
        parent, function, samples, ns, self_samples, self_ns, _, rest_ns, _ = node
        assert ns == self_ns + rest_ns + below[number][1], (number, node)
        assert samples >= self_samples + below[number][0]
        assert function < max(1, len(tree["functions"]))
        if number:
            assert parent < number
            below[parent][0] += samples
            below[parent][1] += ns
    assert tree["nodes"][0][2] == tree["samples"] and tree["nodes"][0][3] == int(tree["total_ns"])


def test_the_tree_of_a_process(serve):
    tree = ask(serve)
    assert tree["samples"] == serve.samples and int(tree["total_ns"]) == serve.ns
    check_sums(tree)
    names = [function["name"] for function in tree["functions"]]
    assert {"known_leaf", "known_caller", "main"} <= set(names)
    # From the root down: the name of the thread, ..., main, known_caller, known_leaf.
    path, at = [], max(range(1, len(tree["nodes"])), key=lambda n: tree["nodes"][n][4])
    while at:
        path.append(names[tree["nodes"][at][1]])
        at = tree["nodes"][at][0]
    path.reverse()
    assert path[0] == "known-program" and path[-3:] == ["main", "known_caller", "known_leaf"]
    leaf = next(f for f in tree["functions"] if f["name"] == "known_leaf")
    assert leaf["module"] == "known-program" and leaf["kind"] == "user"


def test_the_whole_host_and_what_is_left_out(serve):
    whole = serve.get("/api/v1/profiles?min_share=0")
    check_sums(whole)
    assert all(node[6] == 0 and node[7] == 0 for node in whole["nodes"])
    trimmed = serve.get("/api/v1/profiles?min_share=5&group=none&end=" + whole["end_unix_ns"])
    check_sums(trimmed)
    assert len(trimmed["nodes"]) < len(whole["nodes"]) and trimmed["nodes"][0][6] > 0
    assert whole["rate_hz"] == 199 and whole["not_measured"] and whole["lost"] >= 0


def test_functions_by_self_time(serve):
    answer = ask(serve, "&limit=10000", path="functions")
    top = answer["data"][0]
    assert top["function"] == "known_leaf" and top["module"] == "known-program"
    assert top["self_samples"] > serve.samples * 0.5
    assert sum(row["self_samples"] for row in answer["data"]) == serve.samples
    answer = ask(serve, "&sort=total&limit=3", path="functions")
    times = [int(row["total_ns"]) for row in answer["data"]]
    assert len(times) == 3 and times == sorted(times, reverse=True)


def test_every_format_has_the_same_samples(serve):
    folded = serve.text(f"/api/v1/profiles?pid={serve.burner}&format=folded")
    counts = [int(line.rsplit(" ", 1)[1]) for line in folded.splitlines()]
    assert sum(counts) == serve.samples and "main;known_caller;known_leaf" in folded
    scope = ask(serve, "&format=speedscope")
    assert sum(weight for one in scope["profiles"] for stack, weight in
               zip(one["samples"], one["weights"]) if stack) == serve.ns
    assert "known_leaf" in [frame["name"] for frame in scope["shared"]["frames"]]
    firefox = ask(serve, "&format=firefox")
    weights = [sum(t["samples"]["weight"]) for t in firefox["threads"]]
    assert "known_leaf" in firefox["shared"]["stringArray"] and \
        abs(sum(weights) - serve.ns / 1e6) < 1
    packed = subprocess.run(["curl", "-sS", f"{serve.url}/api/v1/profiles?pid={serve.burner}"
                             "&format=pprof"], capture_output=True, check=True).stdout
    assert b"known_leaf" in gzip.decompress(packed)
    assert "<svg" in serve.text(f"/api/v1/profiles?pid={serve.burner}&format=svg")
    assert "known_leaf" in serve.text(f"/api/v1/profiles?pid={serve.burner}&format=tree")


def test_a_picture_is_no_page_of_ours(serve):
    heads = curl("-D", "-", "-o", "/dev/null",
                 f"{serve.url}/api/v1/profiles?format=svg&pid={serve.burner}").stdout
    assert "attachment" in heads and "default-src 'none'" in heads


def test_by_name_and_by_time(serve):
    named = serve.get("/api/v1/profiles?comm=known-program")
    assert named["samples"] == serve.samples
    before = ask(serve, "&start=-2h&end=-1h")
    assert before["samples"] == 0 and before["nodes"] == [[0] * 9]
    nobody = serve.get("/api/v1/profiles?comm=nobody-is-called-so")
    assert nobody["samples"] == 0 and nobody["functions"] == []


@pytest.mark.parametrize("path, words", [
    ("profiles?fromat=json", "did you mean 'format'?"),
    ("profiles?format=perf", "is no format of stored samples"),
    ("profiles?format=extended-folded", "is no format of stored samples"),
    ("profiles?kind=gpu", "'kind' is cpu, off-cpu or wall"),
    ("profiles?pid=x", "'x' is no process"),
    ("profiles?pid=" + ",".join(["1"] * 65), "at most 64 processes"),
    ("profiles?container=x", "'container' is the id of one"),
    ("profiles?min_share=101", "'min_share' is 0 to 100"),
    ("profiles?group=file", "'group' is comm, thread, process, container or none"),
    ("profiles?start=-1m&end=-2m", "'end' does not lie behind 'start'"),
    ("functions?limit=0", "'limit' is 1 to 10000"),
    ("functions?sort=name", "'sort' is self or total"),
    ("functions?min_share=1", "there is no parameter 'min_share' here"),
])
def test_what_makes_no_sense_is_told(serve, path, words):
    answer = json.loads(curl(f"{serve.url}/api/v1/{path}").stdout)
    assert answer["status"] == 400 and words in answer["detail"] + answer.get("hint", "")


def roots(tree):
    return {tree["functions"][node[1]]["name"]: node[2] for node in tree["nodes"][1:] if node[0] == 0}


def test_what_stands_at_the_root(serve):
    name = f"known-program ({serve.burner})"
    assert roots(ask(serve, "&group=process")) == {name: serve.samples}
    assert roots(ask(serve, "&group=thread")) == {name: serve.samples}
    assert roots(ask(serve, "&group=container")) == {"no container": serve.samples}
    assert "known-program" not in roots(ask(serve, "&group=none"))
    for group in "process", "container":
        check_sums(serve.get(f"/api/v1/profiles?min_share=0&group={group}"))
    tree = serve.get(f"/api/v1/profiles/diff?base_pid={serve.burner}&group=process")
    assert name in roots(tree) and len(roots(tree)) > 1


def test_two_spans_are_compared(serve):
    end = serve.rows("SELECT max(to_unix_ns) AS at FROM profile")[0]["at"]
    start = serve.rows("SELECT min(from_unix_ns) AS at FROM profile")[0]["at"]
    path = f"/api/v1/profiles/diff?pid={serve.burner}&min_share=0"
    tree = serve.get(f"{path}&start={start}&end={end}&base_start=1&base_end=2")
    assert tree["before"]["samples"] == 0 and tree["after"]["samples"] == serve.samples
    assert tree["nodes"][0][2] == 0 and tree["nodes"][0][3] == serve.ns
    # The other way round, and with itself.
    tree = serve.get(f"{path}&start=1&end=2&base_start={start}&base_end={end}")
    assert tree["nodes"][0][2:4] == [serve.ns, 0] and len(tree["nodes"]) > 3
    same = serve.get(f"{path}&start={start}&end={end}&base_start={start}&base_end={end}")
    assert all(node[2] == node[3] and node[4] == node[5] for node in same["nodes"])
    assert "known_leaf" in [function["name"] for function in same["functions"]]
    below = {}
    for number, node in reversed(list(enumerate(same["nodes"]))):
        assert node[3] == node[5] + node[8] + below.get(number, 0)
        below[node[0]] = below.get(node[0], 0) + node[3]
    other = serve.get(f"/api/v1/profiles/diff?start={start}&end={end}&base_pid={serve.burner}"
                      "&min_share=1")
    assert other["before"]["samples"] == serve.samples < other["after"]["samples"]


def test_the_processes_of_a_container(serve):
    usual, container = cgroups.usual(), "5e" * 32
    outer = pathlib.Path(usual.mount + "/docker")
    was_there = outer.exists()
    outer.mkdir(exist_ok=True)
    try:
        with cgroups.group(usual, f"/docker/{container}") as (_, folder):
            burner = subprocess.Popen([serve.program], preexec_fn=cgroups.join(folder))
            try:
                until(lambda: "known_leaf" in [row["function"] for row in serve.get(
                    f"/api/v1/functions?container={container[:12]}")["data"]], "samples")
                lines = serve.get(f"/api/v1/timeseries?by=pid&container={container}")["series"]
                assert [line["pid"] for line in lines] == [burner.pid]
                names = roots(serve.get("/api/v1/profiles?group=container"))
                assert {container, "no container"} <= set(names)
            finally:
                burner.kill()
                burner.wait()
    finally:
        if not was_there:
            outer.rmdir()
    assert serve.get("/api/v1/profiles?container=" + "0" * 64)["samples"] == 0
