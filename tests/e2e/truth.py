# SPDX-License-Identifier: MIT
"""Runs kymo on programs whose truth is known, and judges shares by binomial intervals."""
import collections
import json
import math
import os
import pathlib
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("KYMO_BUILD", TOP / "build")).resolve()
KYMO = BUILD / "kymo"
PROGRAMS = pathlib.Path(__file__).parent / "programs"
MADE = BUILD / "e2e"
Z = 3.891  # of the normal distribution: 99.99 % lie within
LEAST_SAMPLES = 1000

FRAMES = ["-O2", "-g", "-pthread", "-fno-omit-frame-pointer"]
COMPILERS = {
    ".c": ("gcc", FRAMES),
    ".cc": ("g++", FRAMES),
    ".rs": ("rustc", ["-O", "-g", "-C", "force-frame-pointers=yes"]),
    ".go": ("go", ["build"]),
}


def made(source, *more):
    """The program of a source file in programs/, compiled unless it is newer."""
    source = PROGRAMS / source
    compiler, flags = COMPILERS[source.suffix]
    program = MADE / ("-".join([source.name.replace(".", "-"), *more]).replace("=", ""))
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not here")
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        MADE.mkdir(parents=True, exist_ok=True)
        subprocess.run([compiler, *flags, *more, "-o", program, source], check=True,
                       env={"GOFLAGS": "-mod=mod", "GO111MODULE": "off", "HOME": "/root",
                            **os.environ})
    return str(program)


Sample = collections.namedtuple("Sample", "pid tid comm cpu weight_ns user kernel")


class Recording:
    """What `kymo profile -f json` said, and what the command printed."""

    def __init__(self, lines, printed, said):
        records = [json.loads(line) for line in lines.splitlines()]
        self.summary = records[-1]
        assert self.summary["kind"] == "summary"
        self.samples = [
            Sample(r["pid"], r["tid"], r["comm"], r["cpu"], r["weight_ns"],
                   [f["function"] for f in r["user"]], [f["function"] for f in r["kernel"]])
            for r in records[:-1]]
        self.printed = printed
        self.said = said
        assert self.summary["samples"] == len(self.samples)
        assert self.summary["weight_ns"] == sum(s.weight_ns for s in self.samples)

    def truth(self):
        return json.loads(self.printed)


def profile(tmp_path, *words, env=None):
    """kymo profile with every sample as JSON; the words end in -- COMMAND.  Runs in tmp_path, where
    node leaves its log.
    """
    out = tmp_path / "profile.jsonl"
    done = subprocess.run([KYMO, "profile", "-f", "json", "-o", out, *map(str, words)],
                          capture_output=True, text=True, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return Recording(out.read_text(), done.stdout, done.stderr)


def judge(hits, total, share, slack=0.0):
    """Whether `hits` of `total` agree with a true share, within its 99.99 % interval."""
    assert total >= LEAST_SAMPLES, f"{total} samples are too few to judge"
    margin = Z * math.sqrt(share * (1 - share) / total) + 0.5 / total + slack
    assert abs(hits / total - share) <= margin, \
        f"{hits} of {total} = {hits / total:.4f}, true {share:.4f} +- {margin:.4f}"
