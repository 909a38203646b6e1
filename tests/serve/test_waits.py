# SPDX-License-Identifier: MIT
"""Waits in the store: with stack, reason and length, in the time in which they were."""
import subprocess
import sys
import time

import pytest

from serving import KYMO, Serving, until

SLEEPER = """
import time
for _ in range(8):
    time.sleep(0.25)
for _ in range(300):
    time.sleep(0.001)
"""
LONG_SLEEPER = """
import time
for _ in range(3):
    time.sleep(2.2)
"""
SLEEPS = 8
SLEEP_NS = 250_000_000
LONG_NS = 2_200_000_000


@pytest.fixture(scope="module")
def slept(tmp_path_factory):
    """A daemon, and two processes that slept in a known way and have ended."""
    settings = {"waits.min_ms": 100}
    with Serving(tmp_path_factory.mktemp("serve"), **settings) as serving:
        began = time.time_ns()
        with subprocess.Popen([sys.executable, "-c", SLEEPER]) as process, \
                subprocess.Popen([sys.executable, "-c", LONG_SLEEPER]) as other:
            process.wait()
        serving.pid, serving.lived_ns = process.pid, time.time_ns() - began
        # Some hosts do not show every switch, so one of them is enough.
        serving.long = serving.row("SELECT * FROM wait WHERE pid = ? AND stack LIKE '%: sleep]' AND "
                                   "to_unix_ns - from_unix_ns >= ?", other.pid, LONG_NS * 0.99)
        # What ended with it is written with the slice that follows.
        slices = "SELECT max(to_unix_ns) AS at FROM wait_profile"
        ended = time.time_ns()
        until(lambda: (serving.rows(slices)[0]["at"] or 0) > ended, "a slice behind its end")
        yield serving


def leaves(tree):
    """Time by the function at the end of each stack."""
    sums = {}
    for node in tree["nodes"] if tree["functions"] else []:
        name = tree["functions"][node[1]]["name"]
        sums[name] = sums.get(name, 0) + node[5]
    return sums


def test_waits_are_as_long_as_they_were(slept):
    tree = slept.get(f"/api/v1/profiles?kind=offcpu&pid={slept.pid}&min_share=0")
    assert tree["kind"] == "off-cpu" and tree["samples"] >= 1
    sleeping = leaves(tree)["[waiting: sleep]"]
    # The kernel shows nearly all switches of this thread, and no wait twice.
    assert SLEEP_NS * 0.99 <= sleeping <= slept.lived_ns
    assert int(tree["total_ns"]) <= slept.lived_ns * 1.01
    assert any("shorter than 100 ms" in what for what in tree["not_measured"])


def test_short_waits_are_left_out(slept):
    tree = slept.get(f"/api/v1/profiles?kind=offcpu&pid={slept.pid}&min_share=0")
    assert tree["samples"] <= SLEEPS + 20


def test_a_long_wait_lies_in_every_step_of_it(slept):
    start = slept.long["from_unix_ns"]
    answer = slept.get(f"/api/v1/timeseries?kind=offcpu&by=kind&pid={slept.long['pid']}&step=1s"
                       f"&start={start}&end={start + 2_000_000_000}")
    line = next(line for line in answer["series"] if line["name"] == "waiting: sleep")
    assert line["values"] == [1_000_000_000] * 2
    # A part of its time is asked for, so a part of it counts.
    tree = slept.get(f"/api/v1/profiles?kind=offcpu&pid={slept.long['pid']}"
                     f"&start={start + 500_000_000}&end={start + 1_500_000_000}")
    assert leaves(tree)["[waiting: sleep]"] == 1_000_000_000


def test_wall_is_both(slept):
    sums = [int(slept.get(f"/api/v1/profiles?kind={kind}&pid={slept.pid}&end={time.time_ns()}")
                ["total_ns"]) for kind in ("cpu", "offcpu", "wall")]
    assert sums[0] + sums[1] == sums[2]
    names = {line["name"] for line in slept.get("/api/v1/timeseries?kind=wall&by=kind&top=50")["series"]}
    assert "waiting: sleep" in names and names & {"user", "kernel"}
    assert not [name for name in names if name.startswith("[")]


def test_the_reason_is_told(slept):
    pids = []

    def is_told():
        """Of one of all that waited: a busy machine may let one wait less, and some hosts hide a switch."""
        with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as reader:
            time.sleep(0.5)
        pids.append(str(reader.pid))
        return "[waiting: pipe]" in leaves(
            slept.get(f"/api/v1/profiles?kind=offcpu&pid={','.join(pids[-20:])}&min_share=0"))

    until(is_told, "the wait of cat")


def test_waits_for_a_cpu_by_process(slept):
    answer = until(lambda: (lambda a: a["series"] and a)(
        slept.get("/api/v1/timeseries?metric=runq&by=comm&start=-1m")), "waits for a CPU")
    assert answer["unit"] == "ns" and int(answer["series"][0]["total"]) > 0
    assert slept.status("/api/v1/timeseries?metric=runq&by=kind") == 400


def test_every_format_and_the_command_line(slept):
    done = subprocess.run([KYMO, "query", "profiles", "kind=offcpu", "-f", "folded", "--pid",
                           str(slept.pid), "--store", slept.store], capture_output=True, text=True,
                          check=True)
    assert "[waiting: sleep]" in done.stdout
    for kind in "waiting", "off", "":
        assert slept.status(f"/api/v1/profiles?kind={kind}") == 400


def test_it_is_switched_while_it_runs(slept):
    def samples():
        return slept.rows("SELECT max(seq) AS seq FROM profile")[0]["seq"]

    assert slept.switch("waits", False) == 202
    until(lambda: slept.part("waits")["state"] == "off", "off")
    before = samples()
    until(lambda: (samples() or 0) > (before or 0), "the profile goes on")
    assert slept.part("profile")["state"] == "on"
    assert slept.switch("waits", True) == 202
    until(lambda: slept.part("waits")["state"] == "on", "on again")
    last = slept.rows("SELECT max(seq) AS seq FROM wait_profile")[0]["seq"]
    until(lambda: slept.rows("SELECT max(seq) AS seq FROM wait_profile")[0]["seq"] > last, "waits")


def test_what_still_waits_is_told_when_the_recording_ends(slept):
    def is_told():
        """Of one that had not ended when the recording was switched off; some hosts hide a switch."""
        with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as reader:
            exec_ = slept.row("SELECT * FROM process_exec WHERE pid = ?", reader.pid)
            until(lambda: slept.rows("SELECT 1 FROM wait_profile WHERE from_unix_ns > ?",
                                     exec_["at_unix_ns"]), "a slice in which it waits")
            assert slept.switch("waits", False) == 202
            until(lambda: slept.part("waits")["state"] == "off", "off")
            assert slept.switch("waits", True) == 202
            until(lambda: slept.part("waits")["state"] == "on", "on again")
            tree = slept.get(f"/api/v1/profiles?kind=offcpu&pid={reader.pid}&min_share=0")
            return "[waiting: pipe]" in leaves(tree)

    until(is_told, "the wait of cat")
