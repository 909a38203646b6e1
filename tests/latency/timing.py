# SPDX-License-Identifier: MIT
"""Runs `kymo latency` beside programs that call functions a known number of times."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("KYMO_BUILD", TOP / "build")).resolve()
KYMO = pathlib.Path(os.environ.get("KYMO", BUILD / "kymo")).absolute()
PROGRAMS = pathlib.Path(__file__).parent / "programs"
MADE = BUILD / "latency"
COMPILERS = {".c": ["gcc", "-O2", "-g", "-Wall", "-pthread"], ".cc": ["g++", "-O2", "-g", "-Wall"],
             ".rs": ["rustc", "-O", "-g"], ".go": ["go", "build"]}


def made(source, *more, name=None):
    """The program of a source file in programs/, compiled unless it is newer."""
    source = PROGRAMS / source
    compiler = COMPILERS[source.suffix]
    program = MADE / (name or source.name.replace(".", "-"))
    if not shutil.which(compiler[0]):
        pytest.skip(f"no {compiler[0]}")
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        MADE.mkdir(parents=True, exist_ok=True)
        environment = dict(os.environ, GOCACHE=str(MADE / "go-cache"), GO111MODULE="off",
                           GOPATH=str(MADE / "go-path"))
        subprocess.run([*compiler, *more, "-o", program, source], check=True, env=environment)
    return program


def stripped(program):
    """A copy without symbols."""
    copy = program.with_name(program.name + "-stripped")
    subprocess.run(["strip", "-o", copy, program], check=True)
    return copy


def kymo(*words, **more):
    return subprocess.run([KYMO, "latency", *map(str, words)], text=True, capture_output=True,
                          check=False, stdin=subprocess.DEVNULL, **more)


class Target:
    """A program that waits for a line."""

    def __init__(self, *words):
        self.process = subprocess.Popen([str(word) for word in words], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def lines(self):
        """Lets it run to its end; the lines that it printed."""
        out, _ = self.process.communicate("go\n")
        assert self.process.returncode == 0, f"it ended with status {self.process.returncode}"
        return out.splitlines()

    def go(self):
        """Likewise, the words."""
        return " ".join(self.lines()).split()


class Timing:
    """`with Timing(...) as timing:` counts from the first line of its block on.

    After end(), `finals` holds the last object of each function or route by name, `calls` those of single calls,
    `intervals` the others, and `said` what stood on standard error.
    """

    def __init__(self, *words, options=("--json", "--max-cost", "0"), who=()):
        if os.geteuid() != 0:
            pytest.skip("only root may load BPF programs")
        self.said, self.status = "", None
        self.finals, self.calls, self.intervals = {}, [], []
        self.process = subprocess.Popen([*who, KYMO, "latency", *options, *map(str, words)], text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)

    def __enter__(self):
        for line in self.process.stderr:
            self.said += line
            if line.startswith("kymo: timing "):
                return self
        self.process.wait()
        raise AssertionError(f"kymo ended with {self.process.returncode}: {self.said}")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.stdout.close()
        self.process.stderr.close()
        self.process.wait()

    def end(self, stop=True):
        """Until kymo has ended, by itself unless it is stopped."""
        if stop:
            self.process.terminate()
        out, said = self.process.communicate()
        self.said += said
        self.status = self.process.returncode
        for line in out.splitlines():
            one = json.loads(line)
            if "call" in one:
                self.calls.append(one)
            elif one["final"]:
                self.finals[one["route"] if "route" in one else one["function"]] = one
            else:
                self.intervals.append(one)
        return self


def timed(target, *functions, options=("--json", "--max-cost", "0")):
    """Lets a target run to its end under kymo: its answer, and the timing."""
    with target, Timing("-p", target.pid, *functions, options=options) as timing:
        answer = target.go()
        return answer, timing.end(stop=False)


def numbers(line):
    return [int(one) for one in line.split()]


def expect_times(timing, name, inside, around):
    """Of each call the probes lie around the clock that is read inside of the function, and within the one
    that is read around the call; so of the n-th shortest, and of each percentile, beyond the histogram's bound.

    Whoever takes the CPU away between two readings makes the two clocks differ by that, and no more can be
    said of the truth than that it lies between them.
    """
    final = timing.finals[name]
    took = sorted(one["took_ns"] for one in timing.calls if one["call"] == name)
    assert len(inside) == len(around) == len(took) == final["count"]
    for least, seen, most in zip(inside, took, around):
        assert least <= seen <= most, name
    bound = final["error_pct"] / 100
    for key, share in (("p50_ns", 0.5), ("p99_ns", 0.99)):
        at = -int(-len(took) * share // 1) - 1
        assert inside[at] * (1 - bound) <= final[key] <= around[at] * (1 + bound), (name, key)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def listening(target, port):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return target
        time.sleep(0.01)
    target.__exit__()
    raise AssertionError("the server does not listen")
