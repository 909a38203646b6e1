# SPDX-License-Identifier: MIT
"""Runs kymo on commands whose truth is known, and checks what must hold of every account."""
import atexit
import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from truth import KYMO, made, stolen, stolen_since  # noqa: E402,F401  pylint: disable=wrong-import-position,unused-import

STEAL_TICK_NS = 20e6  # what a host took is told in ticks of 10 ms; two readings
SWITCH_NS = 50000  # between the kernel's reading of its clock and the tracepoint, with other tracers

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"


def program(name, *more):
    """The path of a program of this folder, compiled."""
    return made(PROGRAMS / f"{name}.c", *more)


@functools.lru_cache
def program_for_all(name):
    """The same where every user may run it: the tree may be in a folder that is root's alone."""
    folder = tempfile.mkdtemp(prefix="kymo-all-", dir="/var/tmp")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = shutil.copy(program(name), folder)
    os.chmod(folder, 0o755)
    os.chmod(copy, 0o755)
    return copy


class Account:
    """What `kymo run --json` said, what it said to a person, and what the command printed."""

    def __init__(self, text, done):
        self.json = json.loads(text)
        self.printed, self.said, self.status = done.stdout, done.stderr, done.returncode
        self.processes = self.json["processes"]
        self.balance = self.json["balance"]
        check(self)

    def named(self, *words):
        """Processes whose arguments hold these words."""
        return [p for p in self.processes if all(word in p["argv"] for word in words)]

    def thread(self, tid):
        found = [t for p in self.processes for t in p["threads"] if t["tid"] == tid]
        assert len(found) == 1, (tid, found)
        return found[0]


def run(tmp_path, *command, options=(), before=(), **more):
    """kymo run of a command; `before` stands in front of kymo."""
    out = tmp_path / "account.json"
    done = subprocess.run([*before, KYMO, "run", f"--json={out}", *options, "--",
                           *map(str, command)], capture_output=True, text=True, **more)
    assert out.exists(), done.stderr
    return Account(out.read_text(), done)


def parts(balance):
    return balance["running_ns"] + balance["runq_ns"] + sum(balance["blocked_ns"].values())


def check(account):
    """Invariants: of every account, whatever it is of."""
    found = account.json
    for process in found["processes"]:
        for thread in process["threads"]:
            balance = thread["balance"]
            assert balance["residual_ns"] == 0 == balance["lifetime_ns"] - parts(balance), thread
            assert balance["lifetime_ns"] == thread["end_ns"] - thread["start_ns"] or \
                thread["start_ns"] == 0
            assert balance["wake_latency_ns"] <= balance["runq_ns"]
        for key in ("lifetime_ns", "running_ns", "runq_ns", "cpu_ns", "voluntary_switches"):
            assert process["balance"][key] == \
                sum(t["balance"][key] for t in process["threads"]), key
        assert (process["exit_status"] is None) or (process["exit_signal"] is None)
    assert found["balance"]["residual_ns"] == 0 == \
        found["balance"]["lifetime_ns"] - parts(found["balance"])
    if not found["coverage"]["lost"]:
        assert found["processes_count"] == len(found["processes"])
        assert found["threads_count"] == sum(len(p["threads"]) for p in found["processes"])
        assert found["balance"]["lifetime_ns"] == sum(
            p["balance"]["lifetime_ns"] for p in found["processes"])
        if "peak_rss_bytes" in found:
            bound = found["memory"]["error_bound_bytes"]
            peaks = [p.get("rss_peak_bytes", 0) for p in found["processes"]]
            assert max(peaks, default=0) <= found["peak_rss_bytes"] + bound * len(peaks), peaks
            assert found["peak_rss_bytes"] <= sum(peaks) + bound * len(peaks), peaks
    checks, repaired = found["checks"], found["coverage"]["repaired"]
    assert checks["threads_with_residual"] == 0
    # The kernel's run_delay is now and then far more than a thread can have waited: longer than what
    # is left of its life beside a sleep that the program itself has timed.
    assert checks["threads_with_other_times"] <= 2 + found["threads_count"] // 8, checks
    bound = checks["kernel_bound_ns"] + STEAL_TICK_NS
    if not checks["threads_with_other_times"]:
        assert abs(checks["kernel_difference_ns"]) <= bound, checks
    if not any(t["alive"] for p in found["processes"] for t in p["threads"]):
        balance = found["balance"]
        switches = balance["voluntary_switches"] + balance["involuntary_switches"]
        assert abs(balance["running_ns"] - balance["cpu_ns"]) <= \
            bound + 0.1 * balance["running_ns"] + switches * SWITCH_NS, (balance, checks)
    # Some hosts do not deliver each switch; it is counted then.
    assert checks["threads_with_other_switches"] <= \
        sum(repaired.values()), (checks, repaired)
