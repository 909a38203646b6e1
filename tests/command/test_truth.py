# SPDX-License-Identifier: MIT
"""Where the time of programs goes whose waits have known causes and lengths.

Most of them run at once, under one kymo: each is told from its arguments.
"""
import collections
import os
import pathlib
import re
import signal
import subprocess

import pytest

from account import KYMO, Account, program, run

MS = 200
SECOND = 1e9
REASONS = {
    "sleep": "sleep", "poll": "poll", "epoll": "poll", "eventfd": "event", "pipe": "pipe",
    "socket": "socket", "tcp": "socket", "lock": "lock", "flock": "lock", "semaphore": "ipc",
    "child": "child", "spawn": "child", "vfork": "child", "stop": "stopped", "uring": "io_uring",
    "iowq": "io_uring",
}


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """One account of all kinds at once, and what each of them printed."""
    folder = tmp_path_factory.mktemp("together")
    truth = program("truth")
    kinds = [*REASONS, "stopsleep", "threadexec"]
    script = " ".join(f"{truth} {kind} {MS} > {folder}/{kind} &" for kind in kinds) + " wait"
    account = run(folder, "/bin/sh", "-c", script)
    assert account.status == 0, account.said
    return account, {kind: (folder / kind).read_text() for kind in kinds}


@pytest.mark.parametrize("kind", REASONS)
def test_each_wait_has_its_reason_and_its_length(together, kind):
    account, printed = together
    tid, reason, seconds = printed[kind].split()
    balance = account.thread(int(tid))["balance"]
    measured = balance["blocked_ns"][reason] / SECOND
    # What the program saw is longer by what it ran and waited for a CPU.
    late = (balance["runq_ns"] + balance["running_ns"]) / SECOND
    assert reason == REASONS[kind]
    assert float(seconds) - late - 0.002 <= measured <= float(seconds) + 0.002
    others = {key: ns for key, ns in balance["blocked_ns"].items()
              if key not in (reason, "sleep", "child", "lock", "disk", "fault_disk", "exit",
                             "other")}
    assert sum(others.values()) < 0.02 * SECOND, others


def test_a_sleep_with_a_stop_in_its_midst(together):
    """What follows the stop is the call that it interrupted."""
    account, printed = together
    tid, _, seconds = printed["stopsleep"].split()
    balance = account.thread(int(tid))["balance"]
    late = balance["runq_ns"] + balance["running_ns"]
    stopped, slept = (balance["blocked_ns"][key] for key in ("stopped", "sleep"))
    assert stopped >= 0.5 * MS * 1e6
    assert float(seconds) * SECOND - late - 2e6 <= stopped + slept <= float(seconds) * SECOND + 2e6


def test_a_program_that_another_thread_executes(together):
    """One process with two programs; the thread that executes gets the number of the first."""
    account, _ = together
    process, = [p for p in account.processes
                if any("threadexec" in e["argv"] for e in p.get("exec", []))]
    assert [os.path.basename(e["argv"][0]) for e in process["exec"]] == ["truth-c", "sleep"]
    assert len(process["threads"]) == 2
    assert {t["tid"] for t in process["threads"]} >= {process["pid"]}
    assert process["exit_status"] == 0


def test_threads_of_io_uring_are_in_the_tree(together):
    account, _ = together
    process, = account.named("iowq")
    workers = [t for t in process["threads"] if t["kind"] == "io_worker"]
    assert workers
    assert sum(t["balance"]["blocked_ns"].get("io_uring", 0) for t in workers) > 0.5 * MS * 1e6


def test_the_main_thread_lives_as_long_as_the_command(together):
    account, _ = together
    main = account.json["main_thread"]
    assert main["lifetime_ns"] == account.json["wall_ns"]
    # Some shells wait for a signal of their children, in sigsuspend().
    waits = main["blocked_ns"]
    assert waits.get("child", 0) + waits.get("sleep", 0) + main["runq_ns"] + \
        main["running_ns"] > 0.9 * main["lifetime_ns"]


def test_two_that_share_a_cpu_wait_half_of_the_time(tmp_path):
    account = run(tmp_path, program("truth"), "runq", 300)
    process, = account.processes
    threads = [t for t in process["threads"] if t["tid"] != process["pid"]]
    assert len(threads) == 2
    for thread in threads:
        balance = thread["balance"]
        assert balance["running_ns"] + balance["runq_ns"] >= 0.95 * balance["lifetime_ns"]
    assert sum(t["balance"]["running_ns"] for t in threads) <= 1.1 * max(
        t["end_ns"] for t in threads)
    # One of them may begin late, on a machine with much else to do.
    assert sum(t["balance"]["runq_ns"] for t in threads) >= 0.25 * sum(
        t["balance"]["lifetime_ns"] for t in threads)


@pytest.mark.parametrize("kind", ["fsync", "fault"])
def test_waits_for_a_disk(tmp_path, kind):
    file = pathlib.Path("/var/tmp") / f"kymo-{kind}-{os.getpid()}"
    account = run(tmp_path, program("truth"), kind, 0, file)
    tid, reason, seconds = account.printed.split()
    balance = account.thread(int(tid))["balance"]
    waits = balance["waits"].get(reason, 0)
    if waits < 10:
        pytest.skip(f"{kind} of a file in /var/tmp does not wait for a disk here ({waits} waits)")
    assert balance["blocked_ns"][reason] / SECOND <= float(seconds) or kind == "fsync"
    if kind == "fault":
        # 256 pages, each far from the last; some are there before their reader can wait.
        assert balance["major_faults"] >= 200 and waits <= 300
        devices = account.json["block"]["devices"]
        assert sum(d["reads"] for d in devices) >= 200
        assert sum(d["read_bytes"] for d in devices) >= 200 * 4096


def test_bytes_of_a_device_are_those_that_were_written(tmp_path):
    """Past the cache; the second time the file is there already, and what it was is discarded."""
    file = pathlib.Path("/var/tmp") / f"kymo-direct-{os.getpid()}"
    words = ["dd", "if=/dev/zero", f"of={file}", "bs=64k", "count=64", "oflag=direct"]
    try:
        if subprocess.run(words, capture_output=True).returncode != 0:
            pytest.skip("files in /var/tmp cannot be written past the cache here")
        account = run(tmp_path, *words)
    finally:
        file.unlink(missing_ok=True)
    devices = account.json["block"]["devices"]
    if not devices:
        pytest.skip("/var/tmp is on no block device here")
    written, size = sum(d["written_bytes"] for d in devices), 64 << 16
    # A journal may be written, too; some hosts do not tell BPF of each interrupt.
    assert 0.8 * size <= written < 1.5 * size, devices
    assert sum(d["writes"] for d in devices) >= 0.8 * 64
    assert all(sum(d["latency_log2_ns"]) == d["reads"] + d["writes"] for d in devices)


def test_a_storm_of_processes_is_complete(tmp_path):
    account = run(tmp_path, "/bin/sh", "-c", "i=0; while [ $i -lt 600 ]; do /bin/true; "
                                             "i=$((i+1)); done; exit 5")
    assert account.status == 5
    assert account.json["coverage"]["lost"] == 0, account.json["coverage"]
    assert account.json["processes_count"] == 601 == len(account.processes)
    shell, = [p for p in account.processes if p["argv"][0] == "/bin/sh"]
    children = [p for p in account.processes if p is not shell]
    assert all(p["argv"] == ["/bin/true"] and p["exit_status"] == 0 and not p["alive"]
               and p["ppid"] == shell["pid"] and p["parent_id"] == shell["id"] for p in children)
    assert all(shell["start_ns"] <= p["start_ns"] < p["end_ns"] for p in children)
    assert shell["exit_status"] == 5
    longest = max(shell["balance"]["blocked_ns"], key=shell["balance"]["blocked_ns"].get)
    assert longest == "child"
    assert re.search(r"^    true +600 ", account.said, re.MULTILINE), account.said


def test_what_leaves_its_parents_stays_in_the_tree(tmp_path):
    """A daemon: its own session, its parent gone."""
    script = "(setsid sh -c 'sleep 0.3; exit 4' </dev/null >/dev/null 2>&1 &) ; exit 0"
    account = run(tmp_path, "/bin/sh", "-c", script, options=["--wait-all"])
    sleeper, = account.named("sleep")
    assert sleeper["exit_status"] == 0 and not sleeper["alive"]
    assert sleeper["balance"]["blocked_ns"]["sleep"] >= 0.3 * SECOND
    assert [p["exit_status"] for p in account.named("sleep 0.3; exit 4")] == [4]
    account = run(tmp_path, "/bin/sh", "-c", script.replace("0.3", "5"))
    alive = [p for p in account.processes if p["alive"]]
    assert alive and all(p["exit_status"] is None for p in alive)
    assert "still alive" in account.said


def test_memory_that_was_there_for_a_moment(tmp_path):
    account = run(tmp_path, program("truth"), "spike", 200)
    bound = account.json["memory"]["error_bound_bytes"]
    peak = account.json["peak_rss_bytes"]
    assert (200 << 20) <= peak <= (200 << 20) + (8 << 20) + bound
    process, = account.processes
    assert abs(process["rss_at_tree_peak_bytes"] - peak) <= bound


def test_two_that_hold_memory_at_once(tmp_path):
    account = run(tmp_path, program("truth"), "pair", 150)
    bound = account.json["memory"]["error_bound_bytes"]
    assert len(account.processes) == 2
    holders = account.json["memory"]["holders"]
    assert {h["pid"] for h in holders} == {p["pid"] for p in account.processes}
    assert 2 * (150 << 20) - bound <= account.json["peak_rss_bytes"] <= 2 * (160 << 20)
    assert all(h["rss_bytes"] >= (150 << 20) - bound for h in holders)
    assert sum(h["rss_bytes"] for h in holders) == pytest.approx(
        account.json["peak_rss_bytes"], abs=bound)


def test_peak_of_a_small_child_is_not_that_of_its_parent(tmp_path):
    """As wait4() would have it."""
    account = run(tmp_path, "/usr/bin/python3", "-c",
                  "import subprocess; x = bytearray(150 << 20); subprocess.run(['/bin/true'])")
    child, = account.named("/bin/true")
    assert child["rss_peak_bytes"] < 160 << 20  # what it shared with its parent before it executed
    true = [p for p in account.processes if p["argv"][:1] == ["/bin/true"]]
    assert true == [child]


@pytest.mark.parametrize("how", ["plain", "peek", "splice", "sendfile", "many"])
def test_bytes_by_peer_are_the_payload(tmp_path, how):
    size = 60000
    account = run(tmp_path, program("net"), how, size)
    port = int(account.printed)
    peers = [p for p in account.json["network"]["peers"] if p["family"] == "inet"]
    sent, = [p for p in peers if p["port"] == port]
    received, = [p for p in peers if p["local_port"] == port]
    assert sent["sent_bytes"] == size and received["received_bytes"] == size
    assert sent["received_bytes"] == 0 and received["sent_bytes"] == 0
    assert received["received_by_splice_bytes"] == (size if how == "splice" else 0)
    assert sent["connects"] == 1 and 0 < sent["connect_ns"] < SECOND


def test_a_process_that_was_stuck_before(tmp_path):
    """Not a single switch of it is seen."""
    stuck = subprocess.Popen([program("truth"), "stuck"], stdout=subprocess.PIPE)
    try:
        stuck.stdout.read(1)
        until_asleep(stuck.pid)
        out = tmp_path / "account.json"
        done = subprocess.run([KYMO, "run", "-p", str(stuck.pid), "-d", "0.3", f"--json={out}"],
                              capture_output=True, text=True)
        account = Account(out.read_text(), done)
    finally:
        stuck.kill()
        stuck.wait()
    assert done.returncode == 0
    process, = account.processes
    assert process["alive"] and process["argv"][1] == "stuck"
    assert 0.3 * SECOND <= account.balance["blocked_ns"]["lock"] == account.balance["lifetime_ns"]
    assert account.json["pids"] == [stuck.pid]


def until_asleep(pid):
    while True:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            if stat.read().rpartition(")")[2].split()[0] == "S":
                return


def child_of(pid):
    """One that is called sleep."""
    while True:
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                text = stat.read_text()
            except OSError:
                continue
            if "(sleep) " in text and text.rpartition(")")[2].split()[1] == str(pid):
                return int(stat.parent.name)


def test_a_tree_that_runs_already(tmp_path):
    """With all that it has made before, and makes then."""
    script = "sleep 60 & while :; do /bin/true; done"
    shell = subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True)
    try:
        until_asleep(child_of(shell.pid))
        out = tmp_path / "account.json"
        done = subprocess.run([KYMO, "run", "-p", str(shell.pid), "-d", "0.4", f"--json={out}"],
                              capture_output=True, text=True)
        account = Account(out.read_text(), done)
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
    sleeper, = account.named("sleep", "60")
    assert sleeper["balance"]["blocked_ns"]["sleep"] >= 0.4 * SECOND
    names = collections.Counter(p["argv"][0] for p in account.processes if p["argv"])
    assert names["/bin/true"] >= 1
    assert {p["ppid"] for p in account.named("/bin/true")} == {shell.pid}


def test_losses_do_not_change_the_sums(tmp_path):
    """Thousands of threads end while nobody reads their records."""
    out, count = tmp_path / "account.json", 12000
    kymo = subprocess.Popen([KYMO, "run", f"--json={out}", "--", "/bin/sh", "-c",
                             f"kill -STOP $PPID; {program('truth')} threads {count}; "
                             "echo done; exec sleep 0.2"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert kymo.stdout.readline() == "done\n"
    finally:
        kymo.send_signal(signal.SIGCONT)
    _, said = kymo.communicate(timeout=60)
    account = Account(out.read_text(), subprocess.CompletedProcess([], kymo.returncode, "", said))
    lost = account.json["coverage"]["lost_by_kind"]
    listed = sum(len(p["threads"]) for p in account.processes)
    assert lost and account.json["coverage"]["lost"] == sum(lost.values())
    assert account.json["threads_count"] == count + 2
    assert listed < count
    assert account.balance["lifetime_ns"] > sum(
        p["balance"]["lifetime_ns"] for p in account.processes)
    assert "lost: " in said
