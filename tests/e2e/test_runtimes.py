# SPDX-License-Identifier: MIT
"""Programs of language runtimes: what can be named is named, what cannot is counted."""
import re
import shutil
import subprocess

import pytest

from truth import KYMO, judge, profile

FIB = ("function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }"
       "function busy() { const end = process.cpuUsage().user + 1e6;"
       " while (process.cpuUsage().user < end) fib(22); }"
       "const before = process.cpuUsage(); busy(); const used = process.cpuUsage(before);"
       "console.log(JSON.stringify({busy_seconds: (used.user + used.system) / 1e6}));")
COUNT = ("import time\n"
         "while time.process_time() < 1: sorted(range(20000), key=lambda x: -x)\n")


def unnamed(recording):
    return sum(f.startswith("[") for s in recording.samples for f in s.user[-1:])


def told(recording, of):
    """How many addresses the profile says it could not name, in sentences that hold a word."""
    return sum(int(re.search(r"names of (\d+) address", sentence)[1])
               for sentence in recording.summary["coverage"]["not_measured"]
               if sentence.startswith("names of") and of in sentence)


@pytest.mark.skipif(not shutil.which("node"), reason="node is not here")
def test_node_with_its_perf_map(tmp_path):
    recording = profile(tmp_path, "-F", 1999, "--", "node", "--perf-basic-prof",
                        "--interpreted-frames-native-stack", "-e", FIB)
    fib = sum(s.weight_ns for s in recording.samples if any(re.search(r"\bfib\b", f) for f in s.user))
    # Compilers and the collector of garbage have some of that time, on threads of their own.
    assert fib / 1e9 > 0.8 * recording.truth()["busy_seconds"]
    judge(unnamed(recording), len(recording.samples), 0.0, slack=0.05)


@pytest.mark.skipif(not shutil.which("node"), reason="node is not here")
def test_node_without_says_what_is_missing(tmp_path):
    recording = profile(tmp_path, "-F", 1999, "--", "node", "-e", FIB)
    assert not any(re.search(r"\bfib\b", f) for s in recording.samples for f in s.user)
    jit = {f for s in recording.samples for f in s.user if f.startswith("[jit+0x")}
    assert jit and told(recording, "made at run time by node") >= len(jit)
    assert "--perf-basic-prof" in " ".join(recording.summary["coverage"]["not_measured"])


def test_python_without_frame_pointers(tmp_path):
    """Leaves are named by symbols; addresses that are no code are counted and called unknown."""
    recording = profile(tmp_path, "-F", 1999, "--", "/usr/bin/python3", "-c", COUNT)
    leaves = [s.user[-1] for s in recording.samples if s.user]
    named = sum(not leaf.startswith("[") for leaf in leaves)
    unknown = {f for s in recording.samples for f in s.user if f == "[unknown]"}

    assert named + unnamed(recording) == len(leaves)
    assert bool(unknown) == bool(told(recording, "no code is known to be mapped"))


def test_what_is_not_named_is_said_on_stderr(tmp_path):
    done = subprocess.run([KYMO, "profile", "-F", "1999", "-o", tmp_path / "x.folded", "--",
                           "/usr/bin/python3", "-c", COUNT], capture_output=True, text=True)
    assert done.returncode == 0
    assert re.search(r"^kymo: \d+ samples in ", done.stderr, re.M)
