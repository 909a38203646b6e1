# SPDX-License-Identifier: MIT
"""What the tests of unwinding share: the programs of this folder, and kymo."""
import os
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("KYMO_BUILD", TOP / "build")).absolute()
KYMO = pathlib.Path(os.environ.get("KYMO", BUILD / "kymo")).absolute()
PROGRAMS = TOP / "tests/unwind/programs"


def make(goal):
    done = subprocess.run(["make", "-s", f"B={BUILD}", str(BUILD / goal)], cwd=TOP, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout
    return BUILD / goal


def compile_source(folder, name, text, *words, compiler="gcc"):
    suffix = {"gcc": ".c", "g++": ".cc", "rustc": ".rs"}[compiler]
    source = folder / (name + suffix)
    source.write_text(text)
    subprocess.run([compiler, *words, "-o", str(folder / name), str(source)], check=True,
                   capture_output=True)
    return folder / name
