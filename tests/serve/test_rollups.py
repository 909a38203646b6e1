# SPDX-License-Identifier: MIT
"""What is counted by steps of time is what the records add up to, whatever happened in between."""
import re
import signal
import sqlite3
import subprocess

import pytest

from serving import TOP, Serving, until

STEPS = 10, 60, 3600


def busy(serving):
    """Something of each kind: processes that end, and a disk that writes."""
    for _ in range(20):
        subprocess.run(["/bin/true"], check=True)
    subprocess.run(["dd", "if=/dev/zero", f"of={serving.folder}/file", "bs=64k", "count=16", "conv=fsync"],
                   check=True, stderr=subprocess.DEVNULL)
    serving.row("SELECT * FROM rollup WHERE metric = 'kymo_runq_wait_seconds' AND count > 0")
    serving.row("SELECT * FROM rollup WHERE labels = 'collector=\"process\",event=\"exit\"' AND sum >= 20")


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    """A file that was written by two daemons, of which one was killed."""
    folder = tmp_path_factory.mktemp("serve")
    settings = {"profile.rate_hz": 199}
    with Serving(folder, **settings) as serving:
        busy(serving)
        serving.end(signal.SIGKILL)
    with Serving(folder, **settings) as serving:
        busy(serving)
        serving.metrics = until(lambda: (lambda text: text if "kymo_runq_wait_seconds_count" in text else "")(
            serving.text("/metrics")), "histograms")
        span = serving.rows("SELECT min(at_unix_s) AS a, max(at_unix_s) AS b FROM rollup")[0]
        start = span["a"] // 3600 * 3600
        serving.events = serving.get(f"/api/v1/timeseries?metric=events&step=1m&start={start}&"
                                     f"end={start + 7200}")
        serving.runq = serving.get(f"/api/v1/timeseries?metric=runq&by=all&step=10m&start={start - 3600}&"
                                   f"end={start + 7200}")
        serving.end()
        yield serving


def counted(serve, step, metric):
    """Count and sum by labels."""
    return {row["labels"]: (row["n"], row["s"]) for row in serve.rows(
        "SELECT labels, sum(count) AS n, sum(sum) AS s FROM rollup WHERE step_s = ? AND metric = ? "
        "GROUP BY labels", step, metric)}


@pytest.mark.parametrize("step", STEPS)
def test_events_are_as_many_as_their_rows(serve, step):
    found = counted(serve, step, "kymo_events_total")
    tables = serve.rows("SELECT substr(name, 1, length(name) - 4) AS name FROM sqlite_master WHERE type = "
                        "'table' AND name LIKE '%_row'")
    checked = 0
    for labels, (_, count) in found.items():
        collector, event = re.fullmatch(r'collector="([^"]+)",event="([^"]+)"', labels).groups()
        table = re.sub("[- ]", "_", f"{collector}_{event}")
        assert {"name": table} in tables
        assert count == serve.rows(f"SELECT count(*) AS n FROM {table}_row")[0]["n"], table
        checked += 1
    assert checked >= 3 and found['collector="process",event="exit"'][1] >= 40


@pytest.mark.parametrize("step", STEPS)
def test_histograms_and_sums_are_those_of_the_rows(serve, step):
    host = serve.rows("SELECT sum(wait_count) AS n, sum(wait_sum_ns) AS s FROM runq_host")[0]
    assert counted(serve, step, "kymo_runq_wait_seconds") == {"": (host["n"], host["s"])}
    disk = {f'device="{row["disk"]}",operation="{row["operation"]}"': (row["n"], row["s"])
            for row in serve.rows("SELECT disk, operation, sum(service_count) AS n, sum(service_sum_ns) "
                                  "AS s FROM disk_latency_by_key GROUP BY 1, 2 HAVING n > 0")}
    assert counted(serve, step, "kymo_disk_service_seconds") == disk
    cpu = serve.rows("SELECT sum(samples) AS n, sum(weight_ns) AS s FROM profile")[0]
    found = counted(serve, step, "kymo_cpu_seconds_total").values()
    assert (sum(n for n, _ in found), sum(s for _, s in found)) == (cpu["n"], cpu["s"])


def test_steps_are_steps(serve):
    assert not serve.rows("SELECT * FROM rollup WHERE at_unix_s % step_s <> 0")
    # A collector that is on covers no more than the time there is, and most of it.
    rows = serve.rows("SELECT step_s, sum FROM rollup WHERE labels = 'collector=\"runq\"'")
    assert rows and all(0 < row["sum"] <= row["step_s"] * 10**9 for row in rows)


def test_long_steps_are_made_of_them(serve):
    assert serve.events["rolled_up_ns"] == str(60 * 10**9)
    exits = serve.rows("SELECT count(*) AS n FROM process_exit")[0]["n"]
    line = next(line for line in serve.events["series"] if line["name"] == "process.exit")
    assert sum(value or 0 for value in line["values"]) == int(line["total"]) and 40 <= int(line["total"]) <= exits
    # Before the file was made it could only have had records.
    assert serve.runq["series"] == [] or "rolled_up_ns" not in serve.runq


def test_prometheus_finds_histograms(serve):
    """By name and le: counts that never fall, and end in all there are; no label names a process."""
    assert not re.search(r'[{,](pid|port|tid|args)="', serve.metrics)
    buckets = re.findall(r'^(kymo_\w+)_bucket\{(.*?),?le="([^"]+)"\} (\d+)$', serve.metrics, re.M)
    names = {name for name, *_ in buckets}
    assert "kymo_runq_wait_seconds" in names  # a disk only where the files do not lie in memory
    for name, labels in {(name, labels) for name, labels, *_ in buckets}:
        mine = [(float(le), int(count)) for one, some, le, count in buckets if (one, some) == (name, labels)]
        assert mine == sorted(mine) and mine[-1][0] == float("inf")
        assert all(a[1] <= b[1] for a, b in zip(mine, mine[1:]))
        assert f"{name}_count{{{labels}}} {mine[-1][1]}\n" in serve.metrics


def test_an_older_file_gets_them(serve, tmp_path):
    """The version before had none: its records stay, and counting begins now."""
    before = serve.rows("SELECT count(*) AS n FROM process_exit")[0]["n"]
    path = tmp_path / "kymo.db"
    source = sqlite3.connect(serve.store)
    target = sqlite3.connect(path)
    source.backup(target)
    source.close()
    # Whatever that version and those behind it made.
    steps = (TOP / "src/store/layout.c").read_text().split("steps[] = {")[1].split("\n};")[0]
    steps = steps[steps.index("CREATE TABLE series"):]
    for kind, name in reversed(re.findall(r"CREATE (TABLE|VIEW|INDEX) (\w+)", steps)):
        target.execute(f"DROP {kind} IF EXISTS {name}")
    target.executescript("DELETE FROM meta WHERE key = 'rolled_up_from_s'; PRAGMA user_version = 3;")
    assert target.execute("SELECT count(*) FROM sqlite_master WHERE name = 'series'").fetchone() == (0,)
    target.close()
    with Serving(tmp_path) as serving:
        serving.row("SELECT * FROM rollup WHERE sum > 0")
        span = serving.rows("SELECT min(at_unix_ns) AS a FROM process_exit")[0]["a"] // 10**9
        # What came before is counted from the records themselves.
        answer = serving.get(f"/api/v1/timeseries?metric=events&type=process.exit&step=1h&"
                             f"start={span // 3600 * 3600}&end={span // 3600 * 3600 + 4 * 3600}")
        assert sum(value or 0 for value in answer["series"][0]["values"]) >= before
        assert serving.rows("PRAGMA user_version")[0]["user_version"] > 3
