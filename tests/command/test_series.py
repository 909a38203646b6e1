# SPDX-License-Identifier: MIT
"""Several runs, comparing two series of them, and limits."""
import json
import subprocess

import pytest

from account import KYMO, program


def kymo(*words):
    return subprocess.run([KYMO, *map(str, words)], capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Eight runs that sleep 10 ms, and eight that sleep 60 ms."""
    folder = tmp_path_factory.mktemp("series")
    for name, seconds in [("short", "0.01"), ("long", "0.06")]:
        done = kymo("run", "-q", "-r", 8, "--warmup", 1, f"--json={folder}/{name}.json", "--",
                    "/bin/sleep", seconds)
        assert done.returncode == 0, done.stderr
    return folder


def test_each_run_is_a_value(series):
    found = json.loads((series / "long.json").read_text())
    assert found["repeat"]["runs_count"] == 8 and found["repeat"]["warmup_count"] == 1
    slept = found["metrics"]["blocked_sleep_ns"]
    assert len(slept) == 8 == len(found["metrics"]["wall_ns"])
    assert all(ns >= 60e6 for ns in slept)
    summary = found["repeat"]["metrics"]["blocked_sleep_ns"]
    assert summary["min"] == min(slept) and summary["max"] == max(slept)
    assert summary["median"] == pytest.approx((sorted(slept)[3] + sorted(slept)[4]) / 2)
    assert found["metrics"]["wall_ns"][-1] == found["wall_ns"]


def test_the_cause_of_a_difference_is_told(series):
    done = kymo("diff", series / "short.json", series / "long.json")
    assert done.returncode == 0
    rows = {line[2:24].strip(): line for line in done.stdout.splitlines() if line[:2] == "  "}
    assert rows["sleep"].endswith("  more"), done.stdout
    change = float(rows["sleep"].split("+")[1].split()[0])
    assert 30 < change < 100
    back = kymo("diff", series / "long.json", series / "short.json").stdout
    assert [line for line in back.splitlines() if line.startswith("  sleep")][0].endswith("  less")


def test_a_series_does_not_differ_from_itself(series):
    out = kymo("diff", series / "long.json", series / "long.json").stdout
    assert "no difference shown" in out
    assert not any(line.endswith(("  more", "  less", "slower", "faster"))
                   for line in out.splitlines())


def test_too_few_runs_are_said_to_be(tmp_path, series):
    one = tmp_path / "one.json"
    kymo("run", "-q", f"--json={one}", "--", "/bin/sleep", "0.3")
    done = kymo("diff", series / "short.json", one)
    assert "too few runs to tell" in done.stdout
    assert not any(line.endswith("  more") for line in done.stdout.splitlines())


def test_a_baseline_is_compared_at_once(series):
    done = kymo("run", "-q", "-r", 8, "--baseline", series / "short.json", "--", "/bin/sleep", "0.06")
    assert done.returncode == 0 and done.stdout == ""
    assert "AGAINST" in done.stderr and "  more" in done.stderr


def test_a_failure_ends_a_series(tmp_path):
    mark = tmp_path / "runs"
    words = ["run", "-q", "-r", 5, "--", "/bin/sh", "-c", f"echo >> {mark}; exit 4"]
    assert kymo(*words).returncode == 4 and len(mark.read_text()) == 1
    words.insert(3, "--ignore-failure")
    words[2], words[3], words[4] = "-r", 5, "--ignore-failure"
    assert kymo(*words).returncode == 4 and len(mark.read_text()) == 6


@pytest.mark.parametrize("option, value, command, is_kept", [
    ("--max-wall", "50ms", ["/bin/sleep", "0.1"], False), ("--max-wall", "60s", ["true"], True),
    ("--max-processes", 1, ["/bin/sh", "-c", "/bin/true; :"], False),
    ("--max-peak-rss", "20M", None, False), ("--max-peak-rss", "2G", ["true"], True),
    ("--max-cpu", "1m", ["true"], True), ("--max-lock-wait", "1s", ["true"], True),
])
def test_limits(option, value, command, is_kept):
    done = kymo("run", "-q", option, value, "--", *(command or [program("truth"), "spike", 60]))
    assert done.returncode == (0 if is_kept else 3), done.stderr
    assert (option in done.stderr) == (not is_kept)


def test_the_status_of_the_command_stands_before_limits():
    assert kymo("run", "-q", "--max-wall", "1ns", "--", "false").returncode == 1


@pytest.mark.parametrize("text", ["", "{}", "[1]", "no json", '{"schema":"kymo.run/1"}',
                                  '{"schema":"kymo.run/1","metrics":{"wall_ns":["x"]}}',
                                  '{"schema":"other","metrics":{"wall_ns":[1]}}'])
def test_what_is_no_account(tmp_path, text):
    bad = tmp_path / "bad.json"
    bad.write_text(text)
    done = kymo("diff", bad, bad)
    assert done.returncode == 1 and "is no account of a run" in done.stderr
    assert kymo("diff", bad).returncode == 2
    assert kymo("diff", bad, tmp_path / "none").returncode == 1
