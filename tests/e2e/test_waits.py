# SPDX-License-Identifier: MIT
"""Where threads wait: programs whose waits have known kinds and lengths."""
import collections
import json
import math
import os
import re
import signal
import subprocess
import time

import pytest

from truth import KYMO, Z, is_polling, made, profile, stolen, stolen_since

KINDS = {"sleep": "sleep", "pipe": "pipe", "socket": "socket", "network": "socket", "wheel": "socket",
         "poll": "poll", "child": "child", "lock": "lock"}
NAP = 0.06
ON_ONE_CPU = ["taskset", "-c", str(min(os.sched_getaffinity(0)))]


def folded(tmp_path, *words, parse=True):
    """Stacks and seconds, what the command printed, and what kymo said.

    Some hosts do not deliver each context switch to BPF (about one in a thousand on the reference
    host); kymo then says which stacks it has not seen, and another run is to show them.
    """
    out = tmp_path / "out.folded"
    for _ in range(5):
        done = subprocess.run([KYMO, "profile", "-o", out, *map(str, words)],
                              capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        if "the kernel did not tell of their end" not in done.stderr:
            break
    stacks = {}
    for line in out.read_text().splitlines():
        stack, _, weight = line.rpartition(" ")
        stacks[tuple(stack.split(";"))] = int(weight) / 1e6
    return stacks, json.loads(done.stdout) if parse else None, done.stderr


def total(stacks, *words):
    return sum(seconds for stack, seconds in stacks.items()
               if all(any(word in frame for frame in stack) for word in words))


def test_each_wait_has_its_stack_its_length_and_its_reason(tmp_path):
    before = stolen()
    stacks, truth, _ = folded(tmp_path, "--off-cpu", "--", made("wait.c"), int(NAP * 1000))
    late = total(stacks, "[waiting for a CPU]") + stolen_since(before)
    for name, reason in KINDS.items():
        of_function = {stack: seconds for stack, seconds in stacks.items()
                       if f"wait_in_{name}" in stack
                       and f"[waiting: {reason}]" in stack}
        waited = sum(of_function.values())
        # What the program saw is longer by its wait for a CPU afterwards and by the fork.
        assert 0.99 * truth[f"least_{name}"] - late <= waited <= truth[name] * 1.01, name
        assert all(stack[1] in ("_start",) for stack in of_function), of_function


def wakers(stacks, name):
    """What is below the waits of a kind, of the thread whose waits they are."""
    mark = f"[waiting: {KINDS[name]}]"
    waits = [stack for stack, seconds in stacks.items()
             if f"wait_in_{name}" in stack and mark in stack and seconds >= 0.01
             and "helper" not in stack[:stack.index(f"wait_in_{name}") + 2]]
    return [stack[stack.index(mark) + 1:] for stack in waits]


def check_waker(name, end):
    if name in ("pipe", "socket"):
        assert end[:2] == ("[woken by: wait-c]", "_start"), end
        assert f"wait_in_{name}" in end and "write" in "".join(end)
    elif name == "child":
        assert end[0] == "[woken by: wait-c]", end
        assert any("do_exit" in frame for frame in end)
    elif name in IN_A_SOFT_INTERRUPT:
        assert end == ("[woken in an interrupt]",) or \
            end[0].startswith("[woken in an interrupt, under: ") and "[k]" in end[-1], end
    else:
        assert end == ("[woken in an interrupt]",), end


@pytest.mark.parametrize("way", ["deferred", "interrupt"])
def test_who_ends_a_wait(tmp_path, way):
    """A child that writes to the pipe or the socket, or ends; timers end the rest."""
    seen = set()
    for _ in range(10):  # a busy machine may keep the main thread from waiting
        stacks, _, _ = folded(tmp_path, "--off-cpu", "--waker", "--unwind", way, "--", made("wait.c"), 100)
        for name in KINDS:
            for end in wakers(stacks, name):
                check_waker(name, end)
                seen.add(name)
        if seen == set(KINDS):
            return
    raise AssertionError((set(KINDS) - seen, stacks))


# A soft interrupt that is due runs in whichever thread lets it: the sender, a thread of the kernel, another.
IN_A_SOFT_INTERRUPT = {"network", "wheel"}


def test_who_sends_over_a_network(tmp_path):
    """What a thread sends to this machine arrives in a soft interrupt of its own, most times."""
    for _ in range(10):
        stacks, _, _ = folded(tmp_path, "--off-cpu", "--waker", "--", made("wait.c"), 40)
        for end in wakers(stacks, "network"):
            if end[0] == "[woken in an interrupt, under: wait-c]":
                assert end[1] == "_start" and {"main", "wait_in_network"} <= set(end), end
                assert any("tcp" in frame for frame in end), end
                return
    raise AssertionError(stacks)


def test_wakers_are_of_waits(tmp_path):
    done = subprocess.run([KYMO, "profile", "--waker", "--", "/bin/true"], capture_output=True,
                          text=True)
    assert done.returncode == 125 and done.stderr.startswith("kymo: '--waker' tells"), done


def test_short_waits_are_added_up(tmp_path):
    stacks, truth, _ = folded(tmp_path, "--off-cpu", "--", made("wait.c"), int(NAP * 1000))
    assert not total(stacks, "wait_briefly") > 0.5 * truth["brief"]
    short = total(stacks, "[short waits, added up]") + total(stacks, "wait_briefly")
    assert short >= 100 * 100e-6


def test_every_wait_is_kept_with_no_threshold(tmp_path):
    stacks, _, said = folded(tmp_path, "--off-cpu", "--min-block", "0", "--", made("wait.c"),
                             int(NAP * 1000))
    assert total(stacks, "wait_briefly", "[waiting: sleep]") >= 100 * 100e-6
    assert not total(stacks, "[short waits, added up]")
    assert "ring buffer full" not in said and "no memory" not in said


def test_wall_time_of_a_thread_is_its_life(tmp_path):
    """Running, by samples, and waiting, measured, add up."""
    recording = profile(tmp_path, "--wall", "-F", 1999, "--", made("wait.c"), int(NAP * 1000))
    truth, taken = recording.truth(), recording.stolen_seconds
    own = [s for s in recording.samples if s.tid == truth["pid"]]
    waited = sum(s.weight_ns for s in own if is_wait(s)) / 1e9
    spun = sum(s.weight_ns for s in own if "spin" in s.user) / 1e9
    assert waited + sum(s.weight_ns for s in own if not is_wait(s)) / 1e9 == pytest.approx(
        truth["lived"], abs=0.02 * truth["lived"] + Z * math.sqrt(truth["ran"] / 1999) + 0.01 + taken)
    assert waited > 0.8 * (truth["lived"] - truth["ran"]) - taken
    assert spun == pytest.approx(NAP, abs=Z * math.sqrt(NAP / 1999) + 0.01 + taken)


def is_wait(sample):
    return (sample.kernel or sample.user)[-1].startswith(("[waiting", "[short"))


@pytest.fixture
def stuck():
    """A process that waited before kymo came, and still does when it goes."""
    process = subprocess.Popen([made("reasons.c", "-lutil"), "hang"], stdout=subprocess.PIPE, text=True)
    process.tid = int(process.stdout.readline())  # of its second thread, which is there now
    until_blocked(process.pid, process.tid)
    yield process
    process.kill()
    process.wait()


def until_blocked(pid, tid):
    """Returns when a thread sleeps in the kernel."""
    while True:
        with open(f"/proc/{pid}/task/{tid}/stat", encoding="ascii") as stat:
            if stat.read().rpartition(")")[2].split()[0] in "SDTt":
                return


@pytest.mark.parametrize("way", ["pid", "tid", "all"])
def test_a_process_that_hangs_shows_where(tmp_path, stuck, way):
    """No thread of it makes a single switch while kymo looks."""
    words = {"pid": ["-p", stuck.pid], "tid": ["-t", stuck.tid], "all": ["-a"]}[way]
    began = time.monotonic()
    stacks, _, _ = folded(tmp_path, "--off-cpu", "-d", "0.4", *words, parse=False)
    took = time.monotonic() - began
    for function, reason, is_there in [("hang_in_read", "pipe", True),
                                       ("hang_in_join", "lock", way != "tid")]:
        waits = {stack: seconds for stack, seconds in stacks.items() if function in stack}
        assert bool(waits) == is_there, function
        for stack in waits:
            assert stack[1] == ("_start" if function == "hang_in_join" else "clone3")
            assert stack[-1] == f"[waiting: {reason}]"
        assert not is_there or 0.9 * 0.4 <= sum(waits.values()) < took


REASONS = {
    "pipe": "pipe", "terminal": "terminal", "eventfd": "event", "epoll": "poll", "select": "poll",
    "accept": "socket", "mutex": "lock", "flock": "lock", "fcntl": "lock", "vfork": "child",
    "waitid": "child", "sigwait": "sleep", "stop": "stopped", "fault": "page fault",
    "restart": "sleep",
}


@pytest.mark.parametrize("kind", REASONS)
def test_the_reason_of_a_wait(tmp_path, kind):
    """The wait of the main thread has its reason, its whole stack and its length."""
    before = stolen()
    for _ in range(5):
        stacks, truth, said = folded(tmp_path, "--off-cpu", "--", made("reasons.c", "-lutil"), kind,
                                     int(NAP * 1000))
        if truth["least"] > 0.8 * NAP:  # else a busy machine kept the main thread from waiting
            break
    waits = {stack: seconds for stack, seconds in stacks.items()
             if "rest" not in stack and seconds > NAP / 2
             and f"wait_in_{kind}" in stack}
    if kind == "restart":  # the stop that interrupts it may take long where others want the CPUs
        waits = {stack: seconds for stack, seconds in waits.items() if stack[-1] != "[waiting: stopped]"}
    assert {stack[-1] for stack in waits} == {f"[waiting: {REASONS[kind]}]"}, stacks
    assert {stack[1] for stack in waits} == {"_start"}
    late = total(stacks, "[waiting for a CPU]") + stolen_since(before)
    assert 0.99 * truth["least"] - late <= sum(waits.values()) <= truth["took"]


def test_a_wait_for_a_disk(tmp_path):
    """Blocks written and read past the page cache; whoever has them cached all the same is no disk."""
    file = tmp_path / "blocks"
    try:
        os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_DIRECT))
    except OSError as error:
        pytest.skip(f"no direct access to files in {tmp_path}: {error}")
    stacks, truth, _ = folded(tmp_path, "--off-cpu", "--min-block", 0, "--",
                              made("reasons.c", "-lutil"), "disk", file)
    of_function = {stack: seconds for stack, seconds in stacks.items() if "wait_in_disk" in stack}
    disk = sum(seconds for stack, seconds in of_function.items()
               if stack[-1] == "[waiting: disk]")
    if disk < 0.001:
        pytest.skip("writing 4 MB does not wait here")
    assert disk <= truth["took"]
    assert disk >= 0.95 * sum(of_function.values()), of_function


def waits_of_threads(tmp_path, *command):
    """Seconds of waits for a CPU and of all waits, by thread; what the program said of each; and what the
    host took meanwhile, which the kernel books where it finds out.
    """
    before = stolen()
    out = tmp_path / "out.jsonl"
    done = subprocess.run([KYMO, "profile", "--off-cpu", "-f", "json", "-o", out, "--",
                           *map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    queued, waited = collections.Counter(), collections.Counter()
    for line in out.read_text().splitlines():
        record = json.loads(line)
        if record["kind"] == "sample":
            waited[record["tid"]] += record["weight_ns"] / 1e9
            if record["user"][-1:] == [{"function": "[waiting for a CPU]"}]:
                queued[record["tid"]] += record["weight_ns"] / 1e9
    return queued, waited, json.loads(done.stdout)["threads"], stolen_since(before)


def test_waits_for_a_cpu_are_what_the_kernel_counts(tmp_path):
    """Two threads that spin on one CPU each wait half of their life for it."""
    queued, _, threads, taken = waits_of_threads(tmp_path, *ON_ONE_CPU, made("share.c"), 600)
    assert len(threads) == 2
    for thread in threads:
        margin = 0.01 * thread["run_delay"] + 0.002 + taken
        assert thread["run_delay"] - margin <= queued[thread["tid"]] <= \
            thread["run_delay"] + margin + thread["after"], thread
        assert queued[thread["tid"]] >= 0.45 * thread["lived"] - taken


def test_waits_and_running_are_the_life_of_each_thread(tmp_path):
    """To a hundredth: what the kernel says a thread ran, and what kymo says it waited."""
    _, waited, threads, taken = waits_of_threads(tmp_path, made("share.c"), 800, 4)
    assert len(threads) == 4
    for thread in threads:
        missing = thread["lived"] - waited[thread["tid"]] - thread["ran"]
        slack = 0.01 * thread["lived"] + 0.002 + taken
        assert -slack - thread["after"] <= missing <= slack, thread


def test_a_thread_that_takes_over_its_process(tmp_path):
    """execve() by another thread than the first: it gets the first one's number, and goes on waiting."""
    began = time.monotonic()
    stacks, _, _ = folded(tmp_path, "--off-cpu", "--", made("reasons.c", "-lutil"), "exec",
                          int(NAP * 1000), parse=False)
    waits = {stack: seconds for stack, seconds in stacks.items()
             if stack[0] == "sleep" and stack[-1] == "[waiting: sleep]"}
    assert 0.8 * NAP <= sum(waits.values()) <= time.monotonic() - began, stacks
    assert "__libc_start_main" in next(iter(waits))  # below it, sleep has no names


def test_a_process_that_is_killed_while_it_waits(tmp_path):
    """It never goes back to user mode, so its last wait has the kernel's frames alone."""
    began = time.monotonic()
    stacks, _, _ = folded(tmp_path, "--off-cpu", "--", "/bin/sh", "-c", "sleep 100 & "
                          "until grep -q '(sleep) S' /proc/$!/stat; do :; done; "
                          f"sleep {NAP}; kill -9 $!", parse=False)
    most = 2 * (time.monotonic() - began)
    waits = {stack: seconds for stack, seconds in stacks.items()
             if stack[0] == "sleep" and stack[-1] == "[waiting: sleep]"}
    assert 0.8 * 2 * NAP <= sum(waits.values()) <= most, stacks
    bare = sum(seconds for stack, seconds in waits.items() if "_start" not in stack)
    assert bare >= 0.8 * NAP, stacks


def test_a_storm_of_processes_loses_nothing(tmp_path):
    stacks, _, said = folded(tmp_path, "--off-cpu", "--min-block", 0, "--", "/bin/sh", "-c",
                             "for i in $(seq 300); do /bin/true; done", parse=False)
    assert total(stacks, "sh", "[waiting: child]") > 0
    assert "ring buffer full" not in said and "no memory" not in said


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return [int(child) for child in children.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def until(is_so, seconds=60):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds} s"


def test_losses_do_not_change_totals(tmp_path):
    """Every switch of a pair of processes is sent, and nobody reads while they run.

    Both are on one processor, so that each switch is from one to the other: what the kernel books as
    running between its own look at the clock and its word to us (10 us where a processor wakes from
    idling) is then one's loss and the other's gain.
    """
    out = tmp_path / "out.folded"
    kymo = subprocess.Popen(
        [KYMO, "profile", "-o", out, "--off-cpu", "--min-block", "0", "--",
         *ON_ONE_CPU, made("reasons.c", "-lutil"), "pair", "60000"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: any(children_of(child) for child in children_of(kymo.pid)))
    kymo.send_signal(signal.SIGSTOP)
    truth = json.loads(kymo.stdout.readline())
    kymo.send_signal(signal.SIGCONT)
    _, said = kymo.communicate(timeout=60)
    assert kymo.returncode == 0, said
    assert "ring buffer full" in said
    waited = sum(int(line.rpartition(" ")[2]) for line in out.read_text().splitlines()) / 1e6
    assert waited == pytest.approx(2 * truth["lived"] - truth["ran"], rel=0.1, abs=0.02)


def kernel_objects(pid):
    """Numbers of the programs, maps and links that a process holds, as pairs (kind, number)."""
    found = set()
    for name in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{name}", encoding="ascii") as info:
                found |= set(re.findall(r"^(prog|map|link)_id:\t(\d+)", info.read(), re.M))
        except FileNotFoundError:
            pass
    return found


def is_in_the_kernel(kind, number):
    done = subprocess.run(["/usr/sbin/bpftool", kind, "show", "id", number], capture_output=True,
                          text=True)
    assert done.returncode == 0 or "No such file" in done.stdout + done.stderr, done
    return done.returncode == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_in_the_kernel(tmp_path, how):
    """Of kymo that ends itself, and of one that is killed."""
    kymo = subprocess.Popen([KYMO, "profile", "--off-cpu", "-a", "-o", tmp_path / "out"],
                            stderr=subprocess.PIPE, text=True)
    until(lambda: "prog" in dict(kernel_objects(kymo.pid)) or kymo.poll() is not None)
    until(lambda: is_polling(kymo.pid) or kymo.poll() is not None)
    assert kymo.poll() is None, kymo.communicate()
    left = kernel_objects(kymo.pid)
    assert {"prog", "map"} <= set(dict(left)) and all(is_in_the_kernel(*one) for one in left)
    kymo.send_signal(how)
    kymo.communicate(timeout=60)
    until(lambda: not any(is_in_the_kernel(*one) for one in left))  # it frees them later
