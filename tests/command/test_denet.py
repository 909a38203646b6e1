# SPDX-License-Identifier: MIT
"""A run in denet's JSON lines: its kinds, keys and types, and figures that are known."""
import json
import os
import signal
import subprocess

import pytest

from account import KYMO, program

NUMBER, FLOAT = int, (int, float)
FIGURES = {
    "ts_ms": NUMBER, "cpu_usage": FLOAT, "mem_rss_kb": NUMBER, "mem_vms_kb": NUMBER,
    "disk_read_bytes": NUMBER, "disk_write_bytes": NUMBER, "syscall_read_bytes": NUMBER,
    "syscall_write_bytes": NUMBER, "page_faults_cached": NUMBER, "page_faults_disk": NUMBER,
    "sys_net_rx_bytes": NUMBER, "sys_net_tx_bytes": NUMBER, "thread_count": NUMBER,
    "uptime_secs": NUMBER,
}
SAMPLE = {**FIGURES, "cpu_core": (int, type(None))}
SUMS = {**FIGURES, "process_count": NUMBER}
KINDS = {
    "metadata": {"pid": NUMBER, "cmd": list, "executable": str, "t0_ms": NUMBER},
    "tree": {"ts_ms": NUMBER, "parent": (dict, type(None)), "children": list, "aggregated": dict},
    "exit": {"ts_ms": NUMBER, "pid": NUMBER, "ppid": NUMBER, "command": str, "cmd": list,
             "exit_status": (int, type(None)), "exit_signal": (int, type(None)),
             "duration_ms": FLOAT, "cpu_ms": FLOAT},
    "coverage": {"mode": str, "lost": NUMBER, "not_measured": list},
}
CATEGORIES = {"file_io", "memory", "process", "network", "time", "ipc", "security", "signal",
              "system", "other"}


def check_figures(found, wanted, more=()):
    assert set(wanted) <= set(found) <= set(wanted) | set(more), set(found) ^ set(wanted)
    for key, kind in wanted.items():
        assert isinstance(found[key], kind) and not isinstance(found[key], bool), (key, found[key])
        assert found[key] is None or isinstance(found[key], str) or \
            isinstance(found[key], (list, dict)) or found[key] >= 0, (key, found[key])


def check(records):
    """What denet's reader requires of every line."""
    assert records[0]["kind"] == "metadata" and records[-1]["kind"] == "coverage"
    last = ("processes_total", "peak_mem_rss_kb", "sock_rx_bytes", "sock_tx_bytes", "ebpf")
    for record in records:
        kind = record.pop("kind")
        check_figures(record, KINDS[kind])
        if kind == "tree":
            check_figures(record["aggregated"], SUMS, last)
            if record["parent"]:
                check_figures(record["parent"], SAMPLE)
            for child in record["children"]:
                assert set(child) == {"pid", "command", "metrics"}
                check_figures(child["metrics"], SAMPLE)
        record["kind"] = kind
    # An unknown kind must not look like a sample.
    assert not [r for r in records if r["kind"] not in ("sample", "tree") and set(FIGURES) <= set(r)]
    return {kind: [r for r in records if r["kind"] == kind] for kind in KINDS}


def denet(*command, options=(), **more):
    done = subprocess.run([KYMO, "run", "--format", "denet", *options, "--", *map(str, command)],
                          capture_output=True, text=True, **more)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def test_the_command_keeps_its_status_and_its_output_is_not_lost():
    done, records = denet("/bin/sh", "-c", "echo x; echo y >&2; exit 7")
    assert done.returncode == 7 and sorted(done.stderr.split()) == ["x", "y"]
    found = check(records)
    meta, = found["metadata"]
    assert meta["cmd"] == ["/bin/sh", "-c", "echo x; echo y >&2; exit 7"]
    assert meta["executable"] == "/bin/sh"
    assert [r["exit_status"] for r in found["exit"] if r["pid"] == meta["pid"]] == [7]
    assert denet("/bin/sh", "-c", "kill -9 $$")[0].returncode == 137
    assert denet("/nowhere")[0].returncode == 127


def test_with_a_file_nothing_is_turned_aside(tmp_path):
    out = tmp_path / "run.jsonl"
    done = subprocess.run([KYMO, "run", "--format", "denet", "-o", out, "--", "/bin/echo", "x"],
                          capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("x\n", "")
    check([json.loads(line) for line in out.read_text().splitlines()])


def test_figures_through_time(tmp_path):
    """16 MiB written by one process while another sleeps."""
    script = f"{program('stacks')} 300 & dd if=/dev/zero of={tmp_path}/x bs=1M count=16 2>/dev/null; wait"
    _, records = denet("/bin/sh", "-c", script, options=["--timeline", "50ms"])
    found = check(records)
    trees = found["tree"]
    assert len(trees) >= 3
    for before, after in zip(trees, trees[1:]):
        for key in ("disk_read_bytes", "syscall_write_bytes", "page_faults_cached"):
            assert after["aggregated"][key] >= before["aggregated"][key], key
        assert after["ts_ms"] >= before["ts_ms"]
    last = trees[-1]["aggregated"]
    assert last["syscall_write_bytes"] >= 16 << 20
    assert last["processes_total"] == len(found["exit"]) == 5
    assert last["process_count"] == 0 and trees[-1]["parent"] is None
    assert max(tree["aggregated"]["process_count"] for tree in trees) >= 2
    cpu = sum(r["cpu_ms"] for r in found["exit"])
    assert cpu >= 250  # of the program that runs 300 ms
    times = [found["metadata"][0]["t0_ms"]] + [tree["ts_ms"] for tree in trees]
    shown = sum(tree["aggregated"]["cpu_usage"] / 100 * (at - before)
                for before, at, tree in zip(times, times[1:], trees))
    assert 0.5 * cpu < shown < 2 * cpu
    parents = [tree["parent"] for tree in trees[:-1] if tree["parent"]]
    assert parents and all(parent["mem_rss_kb"] > 100 and parent["mem_vms_kb"] > 1000
                           for parent in parents)
    assert any(child["command"].endswith("stacks-c") for tree in trees for child in tree["children"])


def test_600_processes_and_the_shell():
    _, records = denet("/bin/sh", "-c", "i=0; while [ $i -lt 600 ]; do /bin/true; i=$((i+1)); done; "
                       "exit 0")
    found = check(records)
    lost = found["coverage"][0]["lost"]
    assert found["tree"][-1]["aggregated"]["processes_total"] == 601
    assert len(found["exit"]) == 601 or lost
    assert len({r["pid"] for r in found["exit"]}) == len(found["exit"])


def test_system_calls_add_up_and_waits_are_real():
    _, records = denet("/bin/sh", "-c", "sleep 0.3", options=["--syscalls"])
    ebpf = check(records)["tree"][-1]["aggregated"]["ebpf"]
    calls = ebpf["syscalls"]
    assert set(calls["by_category"]) == CATEGORIES
    assert sum(calls["by_category"].values()) == calls["total"] > 20
    counts = [row["count"] for row in calls["top_syscalls"]]
    assert counts == sorted(counts, reverse=True) and len(counts) <= 10
    waits = ebpf["offcpu"]
    assert waits["total_time_ns"] >= 0.3e9 and waits["total_events"] >= 1
    assert waits["total_time_ns"] == sum(row["total_time_ns"]
                                         for row in waits["thread_stats"].values())
    for key, row in waits["thread_stats"].items():
        assert key.split(":")[1] == str(row["tid"])
    assert len(waits["top_blocking_threads"]) <= 10
    top = waits["top_blocking_threads"][0]
    assert top["time_ms"] >= 300 and 0 < top["percentage"] <= 100
    assert round(top["time_ms"], 2) == top["time_ms"]


def test_what_is_required_and_not_measured_is_named():
    _, records = denet("/bin/true", options=["--rung", "ptrace"])
    found = check(records)
    coverage, = found["coverage"]
    assert coverage["mode"] == "ptrace"
    assert [words for words in coverage["not_measured"] if "mem_vms_kb" in words]
    assert subprocess.run([KYMO, "run", "--format", "denet", "-r", "2", "--", "true"],
                          capture_output=True, check=False).returncode == 2


def test_of_a_process_that_runs_already():
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        try:
            done = subprocess.run([KYMO, "run", "--format", "denet", "-p", str(sleeper.pid), "-d",
                                   "0.5"], capture_output=True, text=True, check=True)
        finally:
            sleeper.kill()
    found = check([json.loads(line) for line in done.stdout.splitlines()])
    meta, = found["metadata"]
    assert (meta["pid"], meta["cmd"]) == (sleeper.pid, ["sleep", "60"])
    assert os.path.basename(os.path.realpath(meta["executable"])) in ("sleep", "coreutils")
    assert found["tree"][0]["parent"]["mem_rss_kb"] > 100
    assert found["tree"][-1]["aggregated"]["process_count"] == 1 and not found["exit"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_lines_come_as_it_happens(number):
    with subprocess.Popen([KYMO, "run", "--format", "denet", "--timeline", "20ms", "--", "sleep",
                           "60"], stdout=subprocess.PIPE, text=True) as run:
        first = json.loads(run.stdout.readline()), json.loads(run.stdout.readline())
        assert [record["kind"] for record in first] == ["metadata", "tree"]
        run.send_signal(number)
        rest = [json.loads(line) for line in run.stdout]
    assert run.returncode == 128 + number
    assert [r for r in rest if r["kind"] == "exit"][0]["exit_signal"] == number
