# SPDX-License-Identifier: MIT
"""Profiles by a user who may not load BPF, and inside PID namespaces.

An ordinary user, made with setpriv from root, samples their own processes in user mode through
perf_event_open().
"""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest

import truth
from truth import POLLS, Recording, check_inside, is_polling, judge, lost_samples, made

USER = 64999  # nobody else's: the kernel counts memory for sample buffers by user
AS_USER = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
HERE = pathlib.Path(__file__).parent
PARANOID = int(pathlib.Path("/proc/sys/kernel/perf_event_paranoid").read_text())
LIMIT_SECONDS = 60

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user"),
    pytest.mark.skipif(PARANOID > 2, reason=f"kernel.perf_event_paranoid is {PARANOID}"),
]


@pytest.fixture(scope="session")
def folder():
    """Programs that everybody may execute, in a folder where the user may write."""
    with tempfile.TemporaryDirectory(prefix="kymo-user-", dir="/var/tmp") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o1777)
        shutil.copy(truth.KYMO, folder / "kymo")
        for source in ("split.c", "threads.c"):
            shutil.copy(made(source), folder / source[:-2])
        for source in (HERE / "programs").glob("*.c"):
            subprocess.run(["gcc", *truth.FRAMES, "-o", folder / source.stem, source], check=True)
        for program in folder.iterdir():
            program.chmod(0o755)
        yield folder


def kymo(folder, *words, who=AS_USER, **more):
    return subprocess.run([*who, folder / "kymo", "profile", *map(str, words)],
                          capture_output=True, text=True, timeout=LIMIT_SECONDS, cwd=folder, **more)


def record(folder, *words, who=AS_USER):
    with tempfile.TemporaryDirectory(dir=folder) as name:
        os.chown(name, USER, USER)
        out = pathlib.Path(name, "profile.jsonl")
        done = kymo(folder, "-f", "json", "-o", out, *words, who=who)
        assert done.returncode == 0, done.stderr
        return Recording(out.read_text(), done.stdout, done.stderr)


def started(folder, *command, who=AS_USER):
    """A program that prints its PID first; and that PID."""
    program = subprocess.Popen([*who, *map(str, command)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, cwd=folder)
    return program, int(program.stdout.readline())


def ended(*programs):
    for program in programs:
        program.kill()
        program.wait()


def check_mode(recording):
    coverage = recording.summary["coverage"]
    assert "without BPF" in coverage["mode"] and "user mode only" in coverage["mode"]
    assert any("kernel" in what for what in coverage["not_measured"])
    assert "without BPF" in recording.said
    assert not any(s.kernel for s in recording.samples), "nothing of the kernel is invented"


def check_split(recording):
    parts = recording.truth()
    units = parts["seventy"] + parts["twenty"] + parts["ten"]
    hits = {part: sum(part in s.user for s in recording.samples)
            for part in ("seventy", "twenty", "ten")}
    check_inside(recording, sum(hits.values()), parts["inside_seconds"])
    for part, count in hits.items():
        judge(count, sum(hits.values()), parts[part] / units)
    assert not lost_samples(recording)


@pytest.mark.parametrize("threads", [1, 3])
def test_split_of_a_command(folder, threads):
    recording = record(folder, "-F", 1999, "--", "./split", 0.7 / threads, threads)
    check_mode(recording)
    check_split(recording)
    assert len({s.tid for s in recording.samples}) == threads
    assert len({s.pid for s in recording.samples}) == 1


def test_two_threads(folder):
    recording = record(folder, "-F", 1499, "--", "./threads", 0.75, 0.25)
    spent = recording.truth()
    long = sum(s.comm == "long" for s in recording.samples)
    short = sum(s.comm == "short" for s in recording.samples)
    # A timer that comes late stands for one sample here, however late: a loaded machine shifts shares.
    judge(long, long + short, spent["long"] / (spent["long"] + spent["short"]), slack=0.2)


def wait_until_sampling(profiler):
    """True when it samples, false when it has ended instead."""
    end = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < end:
        if is_polling(profiler.pid):
            return True
        if profiler.poll() is not None:
            return False
        time.sleep(0.01)
    pytest.fail("the profiler does not begin to sample")


@pytest.mark.parametrize("who", [AS_USER, []], ids=["perf", "bpf"])
def test_new_threads_and_children(folder, who):
    """With -p: what begins after the profile is followed, and its end is the profile's."""
    program, pid = started(folder, "./later", 0.7)
    profiler = subprocess.Popen([*who, folder / "kymo", "profile", "-F", "999", "-f", "json", "-p",
                                 str(pid)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)
    try:
        assert wait_until_sampling(profiler), profiler.communicate()
        program.stdin.write("go\n")
        program.stdin.flush()
        assert program.wait(LIMIT_SECONDS) == 0
        lines, said = profiler.communicate(timeout=LIMIT_SECONDS)
    finally:
        ended(program, profiler)
    recording = Recording(lines, "", said)
    thread = [s for s in recording.samples if "in_thread" in s.user]
    child = [s for s in recording.samples if "in_child" in s.user]
    assert {s.pid for s in thread} == {pid} and pid not in {s.tid for s in thread}
    assert len({s.pid for s in child}) == 1 and pid not in {s.pid for s in child}
    judge(len(thread), len(thread) + len(child), 0.5, slack=0.1)


def check_refused(done, status, *words):
    """One line that says why, one that says what helps."""
    assert done.returncode == status, (done.stdout, done.stderr)
    lines = done.stderr.splitlines()
    assert len(lines) == 2, done.stderr
    assert lines[0].startswith("kymo: ") and lines[1].startswith("hint: ")
    for word in words:
        assert word in done.stderr, done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("words, status", [
    (["-p", 1], 77), (["-t", 1], 77), (["-p", "1,2"], 77), (["-a"], 77), ([], 77),
    (["-c", "/"], 77), (["-K", "--", "true"], 125), (["--timer", "tick", "-a"], 77),
])
def test_not_permitted(folder, words, status):
    check_refused(kymo(folder, "-d", 0.1, *words), status, "not permitted", "sudo")


def test_denied_perf(folder):
    """Not even perf events: a seccomp filter, or a level of 3 on Debian's kernels."""
    done = kymo(folder, "-d", 0.1, "-p", os.getpid(), who=[*AS_USER, folder / "deny"])
    check_refused(done, 77, "not permitted", "sudo")
    done = kymo(folder, "--", "true", who=[*AS_USER, folder / "deny"])
    check_refused(done, 125, "not permitted", "sudo")


def test_hidden_processes(folder):
    """/proc mounted with hidepid: others' processes are there and may not be seen."""
    mount = 'mount -t proc -o hidepid=2 proc /proc && exec "$@"'
    who = ["unshare", "-m", "sh", "-c", mount, "sh", *AS_USER]
    check_refused(kymo(folder, "-d", 0.1, "-p", 1, who=who), 77, "not permitted")
    recording = record(folder, "-F", 999, "--", "./split", 0.1, who=who)
    assert any("seventy" in s.user for s in recording.samples)


def test_many_threads(folder):
    """200 threads on each processor: one descriptor each."""
    program, pid = started(folder, "./idle", 200)
    try:
        done = kymo(folder, "-d", 0.1, "-f", "folded", "-p", pid)
        assert done.returncode == 0, done.stderr
        few = kymo(folder, "-d", 0.1, "-p", pid, who=["prlimit", "--nofile=64", *AS_USER])
        check_refused(few, 1, "open files", "ulimit -n")
    finally:
        ended(program)


def test_soft_limit_is_raised(folder):
    program, pid = started(folder, "./idle", 100)
    try:
        done = kymo(folder, "-d", 0.1, "-f", "folded", "-p", pid,
                    who=["prlimit", "--nofile=64:4096", *AS_USER])
        assert done.returncode == 0, done.stderr
    finally:
        ended(program)


def test_memory_for_buffers(folder):
    """Many at once share what one user may lock: with smaller buffers, until nothing is left."""
    program, pid = started(folder, "./idle", 1)
    no_lock = ["prlimit", "--memlock=0", *AS_USER]
    running, refused = [], None
    try:
        while refused is None and len(running) < 64:
            profiler = subprocess.Popen([*no_lock, folder / "kymo", "profile", "-f", "folded", "-p",
                                         str(pid)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
            running.append(profiler)
            if not wait_until_sampling(profiler):
                refused = profiler
        if refused is None:
            pytest.skip("64 profilers at once do not use up kernel.perf_event_mlock_kb here")
        assert len(running) > 4, "three whole sets of buffers fit by default, then smaller ones"
        assert refused.wait(LIMIT_SECONDS) == 1
    finally:
        for profiler in running:
            profiler.terminate()
        said = [profiler.communicate(timeout=LIMIT_SECONDS)[1] for profiler in running]
        ended(program)
    assert "share is used up" in said[-1]


def test_unreadable_folder(folder):
    closed = folder / "closed"
    closed.mkdir(0o700)
    done = subprocess.run(["sh", "-c", f'cd {closed} && exec "$@"', "sh", *AS_USER,
                           str(folder / "kymo"), "profile", "-f", "folded", "--", "true"],
                          capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert done.returncode == 0, done.stderr


def test_no_busy_waiting(folder):
    """The first thread of a process has its buffer; when it is gone the profiler still sleeps."""
    program, pid = started(folder, "./later", 2)
    profiler = subprocess.Popen([*AS_USER, folder / "kymo", "profile", "-f", "folded", "-p",
                                 str(pid)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)
    try:
        assert wait_until_sampling(profiler), profiler.communicate()
        program.stdin.write("go\n")
        program.stdin.flush()
        program.wait(LIMIT_SECONDS)
        profiler.stdout.read()
        _, status, usage = os.wait4(profiler.pid, 0)
        profiler.returncode = status
        assert usage.ru_utime + usage.ru_stime < 1.0
    finally:
        ended(program)


# ---- inside a PID namespace ----

INSIDE = ["unshare", "-p", "-f", "--mount-proc"]


@pytest.mark.parametrize("who", [[], AS_USER], ids=["bpf", "perf"])
def test_command_inside_a_namespace(folder, who):
    recording = record(folder, "-F", 1999, "--", "./split", 0.7, who=INSIDE + who)
    check_split(recording)
    assert {s.pid for s in recording.samples} <= set(range(2, 10))


@pytest.mark.parametrize("who", [[], AS_USER], ids=["bpf", "perf"])
def test_process_inside_a_namespace(folder, who):
    """-p takes the number of the namespace, and tells it."""
    script = (
        'mkfifo .go.$$; ./idle 1 >/dev/null & ./later 0.3 <.go.$$ >/dev/null & p=$!; '
        'exec 3>.go.$$; rm .go.$$; ./kymo profile -F 999 -f json -p $p & k=$!; '
        f'until grep -Eqs "^({"|".join(POLLS)}) " /proc/$k/syscall || ! kill -0 $k; '
        'do sleep 0.02; done; echo go >&3; wait $k; kill %1; echo $p')
    done = subprocess.run([*INSIDE, *who, "sh", "-c", script], cwd=folder,
                          capture_output=True, text=True, timeout=LIMIT_SECONDS)
    lines = done.stdout.splitlines(keepends=True)
    recording = Recording("".join(lines[:-1]), "", done.stderr)
    pid = int(lines[-1])
    thread = [s for s in recording.samples if "in_thread" in s.user]
    child = [s for s in recording.samples if "in_child" in s.user]
    assert pid < 100 and {s.pid for s in thread} == {pid}
    assert child and {s.pid for s in child} & {pid} == set()
    assert all(s.pid < 100 for s in recording.samples)


def test_host_from_inside_a_namespace(folder):
    """Processes outside have no number and no names here, and kymo says so."""
    outside = subprocess.Popen([folder / "split", "30"], stdout=subprocess.DEVNULL)
    try:
        done = subprocess.run(
            [*INSIDE, "sh", "-c", "./split 30 >/dev/null & echo $!; "
             "./kymo profile -f json -F 200 -d 2; kill %1"],
            cwd=folder, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    finally:
        ended(outside)
    first, *lines = done.stdout.splitlines(keepends=True)
    recording = Recording("".join(lines), "", done.stderr)
    inner = [s for s in recording.samples if s.comm == "split" and s.pid == int(first)]
    outer = [s for s in recording.samples if s.comm == "split" and s.pid == 0]
    assert any("seventy" in s.user for s in inner)
    assert outer and all(s.user == ["[outside this PID namespace]"] for s in outer if s.user)
    assert {s.pid for s in recording.samples if s.comm == "split"} == {int(first), 0}
    assert "outside this PID namespace" in str(recording.summary["coverage"]["not_measured"])


@pytest.mark.parametrize("prepare, word", [
    (["unshare", "-m", "sh", "-c", 'umount -l /proc && exec "$@"', "sh"], "not mounted"),
    (["unshare", "-p", "-f"], "another PID namespace"),
])
def test_useless_proc(folder, prepare, word):
    check_refused(kymo(folder, "-d", 0.1, who=prepare), 1, word, "mount")
