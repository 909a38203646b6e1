# SPDX-License-Identifier: MIT
"""Numbers by steps of time over REST: they add up to what the store has."""
import json
import subprocess

import pytest

from serving import Serving, curl, sampled, until


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    with Serving(tmp_path_factory.mktemp("serve"), **{"profile.rate_hz": 199}) as serving:
        serving.burner = sampled(serving, "/usr/bin/python3", "-c", "while True: pass")
        # A span that is over: nothing more comes to it.
        serving.end_ns = serving.rows("SELECT max(to_unix_ns) AS at FROM profile")[0]["at"]
        serving.start_ns = serving.end_ns - 600 * 10**9
        serving.span = f"start={serving.start_ns}&end={serving.end_ns}"
        yield serving


def check(answer):
    for line in answer["series"] + [answer["others"]]:
        assert len(line["values"]) == answer["steps"]
        assert sum(value or 0 for value in line["values"]) == int(line["total"])
        # null: nothing was measured, or it is no longer known.
        assert all(value is not None or covered == 0 for value, covered in zip(line["values"], answer["covered_ns"]))


def test_cpu_time_by_everything_adds_up(serve):
    inside = serve.rows("SELECT sum(weight_ns) AS ns FROM profile WHERE from_unix_ns + "
                        "(to_unix_ns - from_unix_ns) / 2 BETWEEN ? AND ?", serve.start_ns,
                        serve.end_ns - 1)[0]["ns"]
    for by in "all", "comm", "thread", "pid", "kind":
        answer = serve.get(f"/api/v1/timeseries?metric=cpu&by={by}&step=5s&top=3&{serve.span}")
        check(answer)
        assert answer["unit"] == "ns" and answer["steps"] == 120 and len(answer["series"]) <= 3
        whole = sum(int(line["total"]) for line in answer["series"] + [answer["others"]])
        assert whole == inside, by
        totals = [int(line["total"]) for line in answer["series"]]
        assert totals == sorted(totals, reverse=True)
        assert len(answer["covered_ns"]) == 120 and max(answer["covered_ns"]) > 0
        assert answer["covered_ns"][0] == 0  # before the daemon began


def test_a_process_is_a_line(serve):
    own = serve.rows("SELECT sum(weight_ns) AS ns FROM sample WHERE pid = ?", serve.burner)[0]["ns"]
    answer = serve.get(f"/api/v1/timeseries?by=pid&pid={serve.burner}&{serve.span}")
    assert [(line["pid"], line["name"], int(line["total"])) for line in answer["series"]] == \
        [(serve.burner, "python3", own)]
    kinds = serve.get(f"/api/v1/timeseries?by=kind&pid={serve.burner}&{serve.span}")
    assert kinds["series"][0]["name"] == "user"
    assert sum(int(line["total"]) for line in kinds["series"]) == own


def test_events_are_counted(serve):
    processes = [subprocess.Popen(["/bin/true"]) for _ in range(30)]
    pids = [process.pid for process in processes]
    for process in processes:
        process.wait()
    marks = ",".join("?" * len(pids))
    rows = until(lambda: (lambda rows: rows if len(rows) == 30 else None)(
        serve.rows(f"SELECT at_unix_ns AS at FROM process_exit WHERE pid IN ({marks})", *pids)),
        "ends")
    start, end = min(row["at"] for row in rows), max(row["at"] for row in rows) + 1
    answer = serve.get("/api/v1/timeseries?metric=events&type=process&step=1s&"
                       f"start={start}&end={start + (end - start + 10**9) // 10**9 * 10**9}")
    check(answer)
    found = {line["name"]: int(line["total"]) for line in answer["series"]}
    stored = serve.rows("SELECT count(*) AS n FROM process_exit WHERE at_unix_ns >= ? AND "
                        "at_unix_ns < ?", start, start + answer["steps"] * 10**9)[0]["n"]
    # Rows of other processes may still have come between the two.
    assert 30 <= found["process.exit"] <= stored


def test_a_heat_map_of_a_histogram_and_of_events(serve):
    until(lambda: serve.rows("SELECT * FROM runq_host WHERE wait_count > 0"), "runq")
    end = serve.rows("SELECT max(at_unix_ns) AS at FROM runq_host")[0]["at"] + 1
    span = f"start={end - 600 * 10**9}&end={end}&step=2s"
    answer = serve.get(f"/api/v1/heatmap?type=runq.host&{span}")
    stored = serve.rows("SELECT sum(wait_count) AS n FROM runq_host WHERE at_unix_ns < ?",
                        end)[0]["n"]
    assert sum(cell[2] for cell in answer["cells"]) == answer["total"] == stored > 0
    assert all(cell[0] < answer["steps"] and cell[1] < len(answer["buckets_ns"])
               for cell in answer["cells"])
    bounds = [(int(low), int(high)) for low, high in answer["buckets_ns"]]
    assert all(high + 1 == low for (_, high), (low, _) in zip(bounds, bounds[1:]))
    ends = serve.rows("SELECT max(at_unix_ns) AS at, count(*) AS n, min(duration_ns) AS least "
                      "FROM process_exit")[0]
    exits = serve.get("/api/v1/heatmap?type=process.exit&column=duration_ns&start="
                      f"{ends['at'] - 600 * 10**9}&end={ends['at'] + 1}")
    later = serve.rows("SELECT count(*) AS n FROM process_exit")[0]["n"]
    assert ends["n"] <= exits["total"] <= later
    low, _ = exits["buckets_ns"][0]
    assert int(low) <= ends["least"]


@pytest.mark.parametrize("path, words", [
    ("timeseries?metric=gpu", "'metric' is cpu, runq or events"),
    ("timeseries?by=colour", "'by' is comm, thread, pid, kind or all"),
    ("timeseries?step=0s", "'step' is at least 1 s here"),
    ("timeseries?step=x", "'step' is a span of time"),
    ("timeseries?step=1s&start=-1d", "'-1d' is no time"),
    ("timeseries?step=1s&start=-24h", "5000 are the most"),
    ("timeseries?top=0", "'top' is 1 to 200"),
    ("timeseries?metric=events&type=proces", "did you mean 'process'?"),
    ("timeseries?metrik=cpu", "did you mean 'metric'?"),
    ("heatmap", "'type' should name one kind"),
    ("heatmap?type=disk.latency&column=bytes", "has no duration 'bytes'"),
    ("heatmap?type=signal", "has no duration"),
    ("heatmap?type=disk.latency&devise=1", "did you mean 'device'?"),
    ("heatmap?type=disk.latency&step=1ms&start=-24h", "'step' is at least 1 s here"),
])
def test_what_makes_no_sense_is_told(serve, path, words):
    answer = json.loads(curl(f"{serve.url}/api/v1/{path}").stdout)
    assert answer.get("status") == 400, answer
    assert words in answer["detail"] + answer.get("hint", "")
