# SPDX-License-Identifier: MIT
"""Profiles of programs that know where their CPU time went."""
import collections
import json
import math
import subprocess
import time

import pytest

from truth import (KYMO, Recording, Z, check_inside, check_time, is_polling, judge, lost_samples, made, profile,
                   profile_enough, stolen, stolen_since)


def check_split(recording, names, slack=0):
    truth = recording.truth()
    units = truth["seventy"] + truth["twenty"] + truth["ten"]
    hits = {part: sum(name in s.user for s in recording.samples) for part, name in names.items()}
    total = sum(hits.values())

    check_inside(recording, total, truth["inside_seconds"])
    for part in names:
        judge(hits[part], total, truth[part] / units)
    assert not lost_samples(recording)
    check_time(recording, truth["cpu_seconds"], slack)


LANGUAGES = {
    "c": ("split.c", {"seventy": "seventy", "twenty": "twenty", "ten": "ten"}),
    "c++": ("split.cc", {"seventy": "load::seventy<unsigned long>",
                         "twenty": "load::Worker::twenty", "ten": "load::Worker::ten"}),
    "rust": ("split.rs", {part: f"split::{part}" for part in ("seventy", "twenty", "ten")}),
    "go": ("split.go", {part: f"main.{part}" for part in ("seventy", "twenty", "ten")}),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_split_of_three_functions(language, tmp_path):
    source, names = LANGUAGES[language]
    recording = profile(tmp_path, "-F", 3999, "--timer", "clock", "--", made(source), 0.6)
    check_split(recording, names)
    assert "cpu-clock" in recording.summary["coverage"]["mode"]


def tick_seconds():
    done = subprocess.run([KYMO, "doctor", "--json"], capture_output=True, text=True)
    return json.loads(done.stdout)["tick_ns"] / 1e9


@pytest.mark.parametrize("rate", [250, 150])
def test_split_in_the_timer_tick(rate, tmp_path):
    """A rate below the tick's is met on average; the weights say what each sample stands for."""
    threads = 2
    seconds = 1300 / rate / threads  # a busy machine loses ticks; their time is in the weights
    recording = profile_enough(tmp_path, "-F", rate, "--timer", "tick", "--", made("split.c"),
                               seconds, threads, samples=1100)
    assert "timer tick" in recording.summary["coverage"]["mode"]
    # The scheduler, too, works at the tick: who loses the CPU there had one more or one less of them.
    slack = recording.truth()["switches"] * tick_seconds()
    check_split(recording, LANGUAGES["c"][1], slack)
    due = rate * (recording.truth()["cpu_seconds"] + slack)
    assert len(recording.samples) <= due + Z * math.sqrt(due)


def test_two_threads(tmp_path):
    recording = profile(tmp_path, "-F", 3999, "--", made("threads.c"), 0.3, 0.1)
    truth = recording.truth()
    long = sum(s.comm == "long" for s in recording.samples)
    short = sum(s.comm == "short" for s in recording.samples)

    check_inside(recording, long + short, truth["long"] + truth["short"])
    judge(long, long + short, truth["long"] / (truth["long"] + truth["short"]))
    assert len({s.tid for s in recording.samples if s.comm == "long"}) == 1
    for s in recording.samples:
        assert s.comm not in ("long", "short") or s.tid != s.pid


def test_mostly_in_the_kernel(tmp_path):
    recording = profile(tmp_path, "-F", 3999, "--", made("system.c"), 0.5)
    truth = recording.truth()
    inside = sum("read" in s.user and bool(s.kernel) for s in recording.samples)
    spinning = sum("spin" in s.user and not s.kernel for s in recording.samples)
    share = truth["system_seconds"] / (truth["system_seconds"] + truth["user_seconds"])

    assert share > 0.4
    # The clock is read by a system call, whose two halves count as one and as the other.
    judge(inside, inside + spinning, share, slack=0.02)
    # A sample between user mode and the kernel has part of a stack.
    kernel = [s.kernel[0] for s in recording.samples if "read" in s.user and s.kernel]
    whole = sum(name.startswith(("entry_SYSCALL", "asm_")) for name in kernel)
    assert whole >= 0.98 * len(kernel), collections.Counter(kernel)


def test_process_of_fifty_milliseconds(tmp_path):
    """Two threads of 50 ms at 10,000 Hz are a thousand samples, where no timer comes late."""
    recording = profile_enough(tmp_path, "-F", 10000, "--", made("split.c"), 0.055, 2)
    check_split(recording, LANGUAGES["c"][1])


def test_from_the_first_instruction(tmp_path):
    """What the loader does before main() is seen; the launch itself belongs to kymo and is not."""
    recording = profile(tmp_path, "-F", 10000, "--", made("split.c"), 0.05)
    early = [s for s in recording.samples if "main" not in s.user]
    assert early
    assert {s.comm for s in recording.samples} == {"split-c"}
    assert any("bprm_execve" in s.kernel or "_dl_start" in s.user or "_start" in s.user
               or "load_elf_binary" in s.kernel or "dl_main" in s.user for s in early)


def test_user_or_kernel_only(tmp_path):
    words = ("-F", 3999, "--", made("system.c"), 0.3)
    user = profile(tmp_path, "-U", *words)
    kernel = profile(tmp_path, "-K", *words)

    assert not any(s.kernel for s in user.samples)
    assert not any(f != "[user]" for s in kernel.samples for f in s.user)
    for recording in (user, kernel):
        check_time(recording, recording.truth()["cpu_seconds"])


def test_running_process_and_what_it_starts(tmp_path):
    """Threads and children that begin after kymo did are followed."""
    script = f"read go; {made('split.c')} 0.5 2; {made('split.c')} 0.2; exit 0"
    before = stolen()
    shell = subprocess.Popen(["/bin/sh", "-c", script], stdin=subprocess.PIPE, text=True,
                             stdout=subprocess.PIPE)
    out = tmp_path / "profile.jsonl"
    kymo = subprocess.Popen([KYMO, "profile", "-F", "3999", "-p", str(shell.pid), "-f", "json",
                             "-o", out], stderr=subprocess.PIPE, text=True)
    wait_until_sampling(kymo.pid)
    printed, _ = shell.communicate("go\n")
    _, said = kymo.communicate()  # it ends with the last of those that it follows
    assert kymo.returncode == 0, said
    recording = Recording(out.read_text(), "", said, stolen_since(before))
    # What belongs to the shell alone has no figure of its own.
    recording.samples = [s for s in recording.samples if s.comm == "split-c"]
    recording.summary["weight_ns"] = sum(s.weight_ns for s in recording.samples)
    truths = [json.loads(line) for line in printed.splitlines()]
    assert len(truths) == 2
    recording.printed = json.dumps({name: sum(truth[name] for truth in truths) for name in truths[0]})
    assert len({s.pid for s in recording.samples}) == 2
    assert len({s.tid for s in recording.samples if "seventy" in s.user}) == 3
    check_split(recording, LANGUAGES["c"][1])


def wait_until_sampling(pid):
    end = time.monotonic() + 60
    while not is_polling(pid):
        assert time.monotonic() < end, "kymo does not sample after a minute"
        time.sleep(0.005)
