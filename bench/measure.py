# SPDX-License-Identifier: MIT
"""What the comparisons share: loads, peers, medians, and one line per result."""
import contextlib
import ctypes
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
SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
BPF_ENABLE_STATS = 32


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
    """The kernel counts how long programs run, for as long as the descriptor is open: another bench that
    ends and turns kernel.bpf_stats_enabled off does not matter.
    """
    nothing = (ctypes.c_uint32 * 32)()
    descriptor = ctypes.CDLL(None).syscall(SYS_BPF, BPF_ENABLE_STATS, nothing, 4)
    if descriptor < 0:
        sys.exit("not permitted to have BPF programs timed: run as root")
    try:
        yield
    finally:
        os.close(descriptor)


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
    """{name: (nanoseconds, runs)} of the programs that a process holds, each once."""
    shown = json.loads(subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, text=True,
                                      check=True).stdout)
    names, held, found = {one["id"]: one.get("name", "") for one in shown}, {}, {}
    for path in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(OSError):
            fields = dict(line.split(":\t", 1) for line in path.read_text().splitlines() if ":\t" in line)
            if "prog_type" in fields:  # a link tells of its program, too
                held[int(fields["prog_id"])] = (int(fields["run_time_ns"]), int(fields["run_cnt"]))
    for number, (ns, runs) in held.items():
        name = names.get(number, "")
        found[name] = tuple(map(sum, zip(found.get(name, (0, 0)), (ns, runs))))
    return found
