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
POLLS = {"x86_64": {"7", "271"}, "aarch64": {"73"}}[os.uname().machine]  # poll, ppoll

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
        half = program.with_name(program.name + ".half")  # whoever is interrupted leaves no program
        subprocess.run([compiler, *flags, *more, "-o", half, source], check=True,
                       env={"GOFLAGS": "-mod=mod", "GO111MODULE": "off", "HOME": "/root",
                            **os.environ})
        half.rename(program)
    return str(program)


Sample = collections.namedtuple("Sample", "pid tid comm cpu weight_ns user kernel")


class Recording:
    """What `kymo profile -f json` said, and what the command printed."""

    def __init__(self, lines, printed, said, stolen_seconds=0):
        records = [json.loads(line) for line in lines.splitlines()]
        self.summary = records[-1]
        assert self.summary["kind"] == "summary"
        self.samples = [
            Sample(r["pid"], r["tid"], r["comm"], r["cpu"], r["weight_ns"],
                   [f["function"] for f in r["user"]], [f["function"] for f in r["kernel"]])
            for r in records[:-1]]
        self.printed = printed
        self.said = said
        self.stolen_seconds = stolen_seconds
        assert self.summary["samples"] == len(self.samples)
        assert self.summary["weight_ns"] == sum(s.weight_ns for s in self.samples)

    def truth(self):
        return json.loads(self.printed)

    def add(self, other):
        """Another run of the same command: samples and figures of both."""
        theirs = other.truth()
        self.printed = json.dumps({name: value + theirs[name] for name, value in self.truth().items()})
        self.samples += other.samples
        self.stolen_seconds += other.stolen_seconds
        for name in ("samples", "weight_ns", "lost"):
            self.summary[name] += other.summary[name]


def profile(tmp_path, *words, env=None):
    """kymo profile with every sample as JSON; the words end in -- COMMAND.  Runs in tmp_path, where
    node leaves its log.
    """
    out = tmp_path / "profile.jsonl"
    before = stolen()
    done = subprocess.run([KYMO, "profile", "-f", "json", "-o", out, *map(str, words)],
                          capture_output=True, text=True, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return Recording(out.read_text(), done.stdout, done.stderr, stolen_since(before))


def is_polling(pid):
    """Whether a profiler waits for samples: nothing else in it waits by poll()."""
    try:
        with open(f"/proc/{pid}/syscall", encoding="ascii") as at:
            return at.read().split()[0] in POLLS
    except (FileNotFoundError, ProcessLookupError):
        return False


def profile_enough(tmp_path, *words, samples=LEAST_SAMPLES * 5 // 4):
    """As many runs as give enough samples to judge: a busy host loses timers."""
    recording = profile(tmp_path, *words)
    for _ in range(4):
        if len(recording.samples) >= samples:
            break
        recording.add(profile(tmp_path, *words))
    return recording


def stolen():
    """Seconds that the host of this machine took from all its CPUs so far: no process ran or waited
    meanwhile, and a timer that came late for it stands for them, too."""
    with open("/proc/stat", encoding="ascii") as stat:
        return int(stat.readline().split()[8]) / os.sysconf("SC_CLK_TCK")


def stolen_since(before):
    """At most; the kernel tells whole hundredths."""
    return stolen() - before + 1 / os.sysconf("SC_CLK_TCK")


def lost_samples(recording):
    """Process events, too, may be lost: other programs of the host begin and end as many as they like."""
    return [loss for loss in recording.summary["coverage"]["lost"] if "samples" in loss["kind"]]


def check_time(recording, cpu_seconds, slack=0):
    """The weights add up to the CPU time that the process itself read, within what sampling allows."""
    weight = recording.summary["weight_ns"] / 1e9
    each = weight / len(recording.samples)
    margin = Z * math.sqrt(len(recording.samples)) * each + 2 * each + recording.stolen_seconds + slack
    assert abs(weight - cpu_seconds) <= margin, \
        f"{weight} s of samples, {cpu_seconds} s of CPU time, +- {margin}"


def check_inside(recording, hits, inside_seconds):
    """Of all samples, no more are without one of the names to be found than were taken elsewhere: in the
    loader, before main() and after the program has printed what it did."""
    total = len(recording.samples)
    share = max(1 - inside_seconds / recording.truth()["cpu_seconds"], 0)
    margin = Z * math.sqrt(share * (1 - share) / total) + 0.5 / total + 0.02
    assert (total - hits) / total <= share + margin, \
        f"{total - hits} of {total} samples are elsewhere, true {share:.4f} + {margin:.4f}"


def judge(hits, total, share, slack=0.0):
    """Whether `hits` of `total` agree with a true share, within its 99.99 % interval."""
    assert total >= LEAST_SAMPLES, f"{total} samples are too few to judge"
    margin = Z * math.sqrt(share * (1 - share) / total) + 0.5 / total + slack
    assert abs(hits / total - share) <= margin, \
        f"{hits} of {total} = {hits / total:.4f}, true {share:.4f} +- {margin:.4f}"
