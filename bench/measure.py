# SPDX-License-Identifier: MIT
"""What the comparisons share: loads, peers, medians, and one line per result."""
import contextlib
import json
import os
import pathlib
import resource
import signal
import statistics
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("KYMO_BUILD", TOP / "build"))
KYMO = str(BUILD / "kymo")
LOADS = BUILD / "bench"
STATS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")


# A shell starts background jobs with SIGINT ignored, and bpftrace leaves it so.
signal.signal(signal.SIGINT, signal.default_int_handler)


def mono_ns():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def built(name):
    """A program of bench/NAME.c."""
    build = os.path.relpath(BUILD, TOP)  # as ./dev names it: another name is another build
    subprocess.run(["make", "-s", f"B={build}", f"{build}/bench/{name}"], cwd=TOP, check=True,
                   stdout=subprocess.DEVNULL)
    return str(LOADS / name)


def cpu_seconds():
    """CPU time of all children that have ended: what else runs on the machine hardly matters."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Load:
    """A program that runs while something is measured."""

    def __init__(self, *words):
        self.process = subprocess.Popen([str(w) for w in words], stdout=subprocess.DEVNULL)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def has(program):
    from shutil import which
    if which(program):
        return True
    print(f"  {program} is not here: not compared")
    return False


def middle(values):
    return statistics.median(values)


def spread(values):
    """Median and the range of the middle half; what could not be measured is left out."""
    values = sorted(value for value in values if value == value)
    if not values:
        return "not measured"
    quarter = len(values) // 4
    return f"{middle(values):.4g} ({values[quarter]:.4g}-{values[-1 - quarter]:.4g})"


def begin(title):
    load = os.getloadavg()[0]
    print(f"{title}\n  {os.uname().release}, {os.cpu_count()} processors, load {load:.2f}"
          f"{', so differences of less than a third mean little' if load > 1 else ''}")
    sys.stdout.flush()


def result(what, value, unit, goal=None):
    verdict = "" if goal is None else f"   goal {goal}"
    print(f"  {what:<52} {value} {unit}{verdict}")
    sys.stdout.flush()


@contextlib.contextmanager
def counting_time():
    """The kernel counts how long programs run."""
    before = STATS.read_text()
    STATS.write_text("1")
    try:
        yield
    finally:
        STATS.write_text(before)


@contextlib.contextmanager
def tracefs():
    """bpftrace finds tracepoints where it is mounted."""
    folder = pathlib.Path("/sys/kernel/tracing")
    is_ours = not (folder / "events").exists() and \
        subprocess.run(["mount", "-t", "tracefs", "none", folder], check=False).returncode == 0
    try:
        yield
    finally:
        if is_ours:
            subprocess.run(["umount", folder], check=False)


def programs(pid):
    """{name: (nanoseconds, runs)} of the programs that a process holds."""
    shown = json.loads(subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, text=True,
                                      check=True).stdout)
    return {one.get("name"): (one.get("run_time_ns", 0), one.get("run_cnt", 0)) for one in shown
            if any(holder["pid"] == pid for holder in one.get("pids", [])) or "pids" not in one}
