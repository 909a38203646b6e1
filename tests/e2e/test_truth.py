# SPDX-License-Identifier: MIT
"""Profiles of programs that know where their CPU time went."""
import collections
import math
import subprocess
import time

import pytest

from truth import KYMO, Z, judge, made, profile


def check_split(recording, names, least_share=0.97):
    truth = recording.truth()
    units = truth["seventy"] + truth["twenty"] + truth["ten"]
    hits = {part: sum(name in s.user for s in recording.samples) for part, name in names.items()}
    total = sum(hits.values())

    assert total >= least_share * len(recording.samples)
    for part in names:
        judge(hits[part], total, truth[part] / units)
    assert recording.summary["lost"] == 0


def check_time(recording, cpu_seconds):
    """The weights add up to the CPU time that the process itself read, within what sampling allows."""
    weight = recording.summary["weight_ns"] / 1e9
    each = weight / len(recording.samples)
    assert abs(weight - cpu_seconds) <= Z * math.sqrt(len(recording.samples)) * each + 2 * each


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
    if "cpu_seconds" in recording.truth():
        check_time(recording, recording.truth()["cpu_seconds"])


@pytest.mark.parametrize("rate", [250, 150])
def test_split_in_the_timer_tick(rate, tmp_path):
    """A rate below the tick's is met on average; the weights say what each sample stands for."""
    threads = 2
    seconds = 1400 / rate / threads  # a busy machine loses ticks; their time is in the weights
    recording = profile(tmp_path, "-F", rate, "--timer", "tick", "--", made("split.c"), seconds,
                        threads)
    check_split(recording, LANGUAGES["c"][1])
    assert "timer tick" in recording.summary["coverage"]["mode"]
    check_time(recording, recording.truth()["cpu_seconds"])
    due = rate * recording.truth()["cpu_seconds"]
    assert len(recording.samples) <= due + Z * math.sqrt(due)


def test_two_threads(tmp_path):
    recording = profile(tmp_path, "-F", 3999, "--", made("threads.c"), 0.3, 0.1)
    truth = recording.truth()
    long = sum(s.comm == "long" for s in recording.samples)
    short = sum(s.comm == "short" for s in recording.samples)

    assert long + short >= 0.95 * len(recording.samples)
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
    """Two threads of 50 ms at 10,000 Hz are a thousand samples."""
    recording = profile(tmp_path, "-F", 10000, "--", made("split.c"), 0.055, 2)
    check_split(recording, LANGUAGES["c"][1], least_share=0.9)
    check_time(recording, recording.truth()["cpu_seconds"])


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
        truth = recording.truth()
        check_time(recording, truth["system_seconds"] + truth["user_seconds"])


def test_running_process_and_what_it_starts(tmp_path):
    """Threads and children that begin after kymo did are followed."""
    script = f"read go; {made('split.c')} 0.5 2 >&2; {made('split.c')} 0.2 >&2; exit 0"
    shell = subprocess.Popen(["/bin/sh", "-c", script], stdin=subprocess.PIPE, text=True,
                             stderr=subprocess.PIPE)
    out = tmp_path / "profile.jsonl"
    kymo = subprocess.Popen([KYMO, "profile", "-F", "3999", "-p", str(shell.pid), "-f", "folded",
                             "-o", out], stderr=subprocess.PIPE, text=True)
    wait_until_sampling(kymo.pid)
    _, printed = shell.communicate("go\n")
    _, said = kymo.communicate()  # it ends with the last of those that it follows
    assert kymo.returncode == 0, said
    counts = {}
    for line in out.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        for part in ("seventy", "twenty", "ten"):
            if part in stack.split(";"):
                counts[part] = counts.get(part, 0) + int(count)
    total = sum(counts.values())
    judge(counts["seventy"], total, 0.7, slack=0.01)
    assert total >= 3999 * 1.2 * 0.95


def wait_until_sampling(pid):
    """Until kymo has opened what it samples with: its ring buffer or its perf events are mapped."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with open(f"/proc/{pid}/syscall", encoding="ascii") as at:
            if at.read().split()[0] in ("7", "271"):  # poll, ppoll
                return
        time.sleep(0.005)
    raise AssertionError("kymo does not sample after ten seconds")
