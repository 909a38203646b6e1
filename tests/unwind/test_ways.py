# SPDX-License-Identifier: MIT
"""Each way to walk a user stack, forced in turn on the same programs."""
import json
import os
import re
import signal
import subprocess
import time

import pytest
from conftest import KYMO, PROGRAMS, is_nearly_all

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="unwinding in the kernel takes root")
WAYS = ["interrupt", "deferred"]
TIMERS = ["tick", "clock"]


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    for name, frames in (("shapes", "omit"), ("shapes-fp", "no-omit")):
        subprocess.run(["gcc", "-O2", "-g", f"-f{frames}-frame-pointer",
                        "-fno-optimize-sibling-calls", PROGRAMS / "shapes.c", "-o", folder / name,
                        "-lpthread", "-ldl"], check=True, capture_output=True)
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", PROGRAMS / "library.c", "-o",
                    folder / "library.so"], check=True, capture_output=True)
    return folder


class Profile:
    def __init__(self, *words):
        done = subprocess.run([KYMO, "profile", "--format", "json", *map(str, words)], text=True,
                              capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        *samples, self.summary = map(json.loads, done.stdout.splitlines())
        self.stacks = [[frame["function"] for frame in sample["user"]] for sample in samples]
        self.reasons = [(sample["kernel"] or sample["user"])[-1]["function"] for sample in samples]
        self.mode = self.summary["coverage"]["mode"]
        self.quality = self.summary.get("stack_quality")
        self.said = done.stderr
        if self.quality:
            assert self.quality["complete"] + sum(self.quality["reasons"].values()) == \
                self.quality["user_stacks"]
        assert not [loss for loss in self.summary["coverage"]["lost"]
                    if "did not tell of their end" not in loss["kind"]]

    def share_whole(self, least):
        """Of those whose thread came to user mode before the profile ended."""
        stacks = self.quality["user_stacks"] - self.quality["reasons"].get(
            "the thread did not return to user mode", 0)
        assert stacks >= least, self.said
        assert stacks >= 0.9 * self.quality["user_stacks"], self.said
        return self.quality["complete"] / stacks

    def is_whole(self, least):
        return is_nearly_all(self.share_whole(least) * self.quality["user_stacks"],
                             self.quality["user_stacks"])


def beside(command, *words):
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as program:
        try:
            time.sleep(0.3)  # to get past its start; what comes before is profiled as well as after
            return Profile("-p", program.pid, *words)
        finally:
            program.kill()


@pytest.mark.parametrize("timer", TIMERS)
@pytest.mark.parametrize("way", WAYS)
def test_stacks_are_whole_and_right(programs, way, timer):
    profile = beside([programs / "shapes", "sort"], "--unwind", way, "--timer", timer, "-F", 250,
                     "-d", 2)
    assert profile.is_whole(10), profile.said
    assert ("before the return to user mode" in profile.mode) == (way == "deferred")
    for stack in profile.stacks:
        if stack[0] == "_start" and "by_library" in stack:
            main = stack.index("main")
            assert stack[main + 1] == "sort"
            assert "qsort" in stack[main + 2]
            assert stack[stack.index("by_library"):] in (
                ["by_library"], ["by_library", "spin"]) or "memcmp" in stack[-1], stack


@pytest.mark.parametrize("way", WAYS)
def test_a_deep_recursion(programs, way):
    profile = beside([programs / "shapes", "deep", "500"], "--unwind", way, "-d", 2)
    deep = [stack.count("deep") for stack in profile.stacks if stack[0] == "_start"]
    assert len(deep) >= 0.9 * len(profile.stacks) > 20
    assert set(deep) == {501}


@pytest.mark.parametrize("way", WAYS)
def test_signals(programs, way):
    profile = beside([programs / "shapes", "signal"], "--unwind", way, "-d", 2)
    assert profile.is_whole(20), profile.said


@pytest.mark.parametrize("way", WAYS)
def test_short_processes(way):
    """Most of such a life goes by in the dynamic loader, in vfork() and where no entry describes the code."""
    profile = Profile("--unwind", way, "-F", 2000, "--", "sh", "-c",
                      "for i in $(seq 15); do ls -l / >/dev/null; gcc --version >/dev/null; done")
    assert profile.quality["complete"] >= 50, profile.said  # some end before what they map is known
    for reason in ("call frame information too complex", "no call frame information"):
        assert reason not in profile.quality["reasons"], profile.said


@pytest.mark.parametrize("way", WAYS)
def test_python(way):
    profile = beside(["/usr/bin/python3", PROGRAMS / "work.py"], "--unwind", way, "-F", 499, "-d", 2)
    assert profile.is_whole(20), profile.said


def test_frame_pointers(programs):
    """Nothing says what a stack by frame pointers lacks, so nothing is claimed."""
    profile = beside([programs / "shapes-fp", "deep", "300"], "--unwind", "fp", "-d", 2)
    assert profile.quality is None
    deep = [stack.count("deep") for stack in profile.stacks]
    # A leaf without a frame of its own hides its caller.
    assert len(deep) > 20 and set(deep) <= {300, 301}


def dropped(programs, what, *words):
    """A thread whose stack is not in memory but for its last pages."""
    return beside([programs / "shapes", "dropped", what], *words)


@pytest.mark.parametrize("timer", TIMERS)
def test_memory_that_is_not_there(programs, timer):
    words = ("--timer", timer, "-F", 250, "-d", 2)
    at_once = dropped(programs, "spin", "--unwind", "interrupt", *words)
    assert at_once.share_whole(10) < 0.1
    assert at_once.quality["reasons"]["stack not readable"] >= 0.9 * at_once.quality["user_stacks"]
    assert "--unwind deferred" in at_once.said
    later = dropped(programs, "spin", "--unwind", "deferred", *words)
    assert later.share_whole(10) >= 0.9, later.said
    whole = [stack for stack in later.stacks if stack[0].startswith(("clone", "__clone"))]
    assert {stack.count("dropped") for stack in whole} == {13}


def test_memory_of_waits_that_is_not_there(programs):
    words = ("--off-cpu", "-d", 1)
    begun = dropped(programs, "nap", "--unwind", "interrupt", *words)
    assert begun.share_whole(20) < 0.1
    assert "at each" in begun.mode
    for way in (["--unwind", "deferred"], []):  # which is the default where it works
        over = dropped(programs, "nap", *way, *words)
        assert over.share_whole(20) >= 0.9, over.said
        assert "at each" not in over.mode


@pytest.mark.parametrize("way", [["--unwind", "interrupt"], ["--unwind", "deferred"],
                                 ["--unwind", "fp"]], ids=lambda way: way[-1])
def test_waits_deeper_than_what_is_kept(programs, way):
    """What is walked when a wait begins is kept in the kernel up to 255 frames."""
    program = "shapes-fp" if way[-1] == "fp" else "shapes"
    with subprocess.Popen([programs / program, "dip", "300"], stdin=subprocess.PIPE) as process:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with open(f"/proc/{process.pid}/wchan", encoding="ascii") as at:
                if "pipe" in at.read():
                    break
        feeder = subprocess.Popen(["/bin/sh", "-c", "while sleep 0.02; do echo -n .; done"],
                                  stdout=process.stdin)
        profile = Profile("-p", process.pid, "--off-cpu", "-d", 1, *way)
        feeder.kill()
        feeder.wait()
        process.kill()
    stacks = [stack for stack in profile.stacks if "dip" in stack]
    assert len(stacks) >= 4
    # The last wait is still going on, and walked from outside.
    depths = {stack.count("dip") for stack in stacks[:-1]}
    if way[-1] == "interrupt":
        assert depths <= {254, 301} and 254 in depths
        assert all(stack[0] == "[truncated: deeper than 255 frames]"
                   for stack in stacks if stack.count("dip") == 254)
    else:
        assert depths <= ({300, 301} if way[-1] == "fp" else {301}) and depths


@pytest.mark.parametrize("way", WAYS)
def test_code_that_moves_without_an_event(programs, way):
    """mremap() moves code, and no event tells of it: V8 does that with its builtin functions."""
    profile = beside([programs / "shapes", "moving", programs / "library.so"], "--unwind", way, "-F",
                     250, "-d", 3)
    assert profile.share_whole(20) >= 0.75, profile.said
    moved = [stack for stack in profile.stacks if stack[0] == "_start" and stack[-1] == "spin"]
    assert all(stack[-3:] == ["run", "inner", "spin"] for stack in moved if "run" in stack)
    assert sum("run" in stack for stack in moved) >= 0.9 * len(moved) > 20


def test_deferred_walks_of_many_threads_and_processes(programs):
    with subprocess.Popen([programs / "shapes", "sleepers", "2000"], text=True,
                          stdout=subprocess.PIPE) as program:
        try:
            assert program.stdout.readline() == "started\n"
            profile = Profile("-p", program.pid, "--unwind", "deferred", "-F", 999, "-d", 2)
        finally:
            program.kill()
    assert profile.is_whole(20), profile.said
    script = "for i in $(seq 100); do /bin/true; (:); /bin/ls / >/dev/null; done"
    profile = Profile("--unwind", "deferred", "-F", 999, "--", "/bin/sh", "-c", script)
    # execve() and exit() do not return to the program that called them.
    unwalked = profile.quality["reasons"].get("the thread did not return to user mode", 0)
    assert profile.quality["complete"] >= 0.9 * (profile.quality["user_stacks"] - unwalked)
    assert unwalked <= 0.3 * profile.quality["user_stacks"]


def until(is_so):
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_kymo_is_kept_from_reading(programs):
    """While a program begins, each stack brings a piece of memory along: room for more than 100 of them."""
    kymo = subprocess.Popen(
        [KYMO, "profile", "-f", "json", "--unwind", "deferred", "-F", "499", "--", "/bin/sh", "-c",
         'read go; exec "$0" deep 100', programs / "shapes"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: read(f"/proc/{kymo.pid}/task/{kymo.pid}/children"))
    child = int(read(f"/proc/{kymo.pid}/task/{kymo.pid}/children"))
    until(lambda: read(f"/proc/{child}/comm") == "sh\n")
    os.kill(kymo.pid, signal.SIGSTOP)
    print("go", file=kymo.stdin, flush=True)
    ran = f"/proc/{child}/schedstat"
    until(lambda: read(f"/proc/{child}/comm") == "shapes\n" and int(read(ran).split()[0]) > 250e6)
    os.kill(kymo.pid, signal.SIGCONT)
    os.kill(child, signal.SIGKILL)
    quality = json.loads(kymo.communicate(timeout=60)[0].splitlines()[-1])["stack_quality"]
    assert quality["user_stacks"] >= 80, quality
    # A busy machine lets the program run on before it is killed: more stacks than there was room for.
    beyond = max(0, quality["user_stacks"] - 100)
    assert quality["reasons"].get("mappings not known in time", 0) <= beyond, quality
    assert is_nearly_all(quality["complete"] + beyond, quality["user_stacks"], 0.95), quality


def ran_ns(pid):
    return int(read(f"/proc/{pid}/schedstat").split()[0])


@pytest.mark.parametrize("way", WAYS)
def test_code_that_is_made_while_kymo_does_not_read(programs, way):
    """The kernel side is told nothing of it: the amount of code is not that of code that may be written."""
    program = subprocess.Popen([programs / "shapes", "made"])
    kymo = subprocess.Popen([KYMO, "profile", "-f", "json", "--unwind", way, "-F", "499", "-p",
                             str(program.pid)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        first = kymo.stdout.readline() # it samples
        before = ran_ns(program.pid)
        until(lambda: ran_ns(program.pid) > before + 200e6)
        os.kill(kymo.pid, signal.SIGSTOP)
        os.kill(program.pid, signal.SIGUSR1)
        before = ran_ns(program.pid)
        until(lambda: ran_ns(program.pid) > before + 250e6)
        os.kill(kymo.pid, signal.SIGCONT)
        os.kill(kymo.pid, signal.SIGINT)
        said = first + kymo.stdout.read()
        kymo.wait(60)
    finally:
        program.kill()
        program.wait()
    *samples, summary = map(json.loads, said.splitlines())
    stacks = [[frame["function"] for frame in sample["user"]] for sample in samples]
    made = [stack for stack in stacks if "from_made" in stack]
    assert len(made) >= 80
    assert "no code at the return address" not in summary["stack_quality"]["reasons"], summary
    whole = sum(stack[0] == "_start" and stack.index("from_made") > stack.index("make_code") + 1
                for stack in made)
    assert is_nearly_all(whole, len(made), 0.95), summary


def test_a_way_that_cannot_be_combined(tmp_path):
    done = subprocess.run([KYMO, "profile", "--unwind", "deferred", "--hw", "-d", "0.1"], text=True,
                          capture_output=True, check=False)
    assert done.returncode == 1 or done.returncode == 2
    assert re.search(r"^kymo: .*deferred.*\nhint: ", done.stderr), done.stderr


def test_a_way_that_is_not_permitted(tmp_path):
    """What was forced is not silently replaced."""
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    copy = tmp_path / "kymo"
    copy.write_bytes(KYMO.read_bytes())
    copy.chmod(0o755)
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.stat().st_uid == 0 and folder.is_relative_to("/tmp") and str(folder) != "/tmp":
            folder.chmod(0o755)
    for way in WAYS:
        done = subprocess.run([*nobody, copy, "profile", "--unwind", way, "--", "/bin/true"],
                              text=True, capture_output=True, check=False, cwd="/")
        assert done.returncode == 125, done
        assert "not permitted to load BPF" in done.stderr
