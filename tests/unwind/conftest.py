# SPDX-License-Identifier: MIT
"""What the tests of unwinding share: the programs of this folder, and kymo."""
import os
import pathlib
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("KYMO_BUILD", TOP / "build")).absolute()
KYMO = pathlib.Path(os.environ.get("KYMO", BUILD / "kymo")).absolute()
PROGRAMS = TOP / "tests/unwind/programs"


def make(goal):
    done = subprocess.run(["make", "-s", f"B={BUILD}", str(BUILD / goal)], cwd=TOP, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout
    return BUILD / goal


def until_busy(program, seconds=0.2):
    """Until a program has spent that much CPU time: it is past its start, however busy the machine."""
    deadline = time.monotonic() + 60
    while True:
        with open(f"/proc/{program.pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rpartition(")")[2].split()
        if (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") >= seconds:
            return
        assert program.poll() is None, f"it has ended with status {program.returncode}"
        assert time.monotonic() < deadline, "it does not get to run"
        time.sleep(0.01)


def is_nearly_all(complete, stacks, share=0.99):
    """At least that share, and two of any number of stacks may be torn: where memory is short, the memory
    manager holds a page of a stack now and then while it is walked.
    """
    return complete >= share * stacks - 2


def compile_source(folder, name, text, *words, compiler="gcc"):
    suffix = {"gcc": ".c", "g++": ".cc", "rustc": ".rs"}[compiler]
    source = folder / (name + suffix)
    source.write_text(text)
    subprocess.run([compiler, *words, "-o", str(folder / name), str(source)], check=True,
                   capture_output=True)
    return folder / name
