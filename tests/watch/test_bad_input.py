# SPDX-License-Identifier: MIT
"""What is hostile, huge or in a hurry: `kymo watch` tells it as it is, or counts what it could not tell."""
import csv
import io
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import time

import pytest

from watching import KYMO, PATIENCE_SECONDS, Watching, is_like, made, run

NAME = b"\x1b[1m\n\xff<;\",\t"  # of a thread; at most 15 bytes
LAST_PID = pathlib.Path("/proc/sys/kernel/ns_last_pid")
STORM, WORD = 800, "x" * 4000


@pytest.fixture
def family():
    return made("family.c")


def rename_and_end():
    """A process with that name; its pid."""
    script = f"import os; open('/proc/self/comm', 'wb').write(bytes.fromhex('{NAME.hex()}'))"
    return run(sys.executable, "-c", script, b"\xff\xfe".decode(errors="surrogateescape"))[0]


def written(*words):
    """What kymo writes while such a process comes and goes, as bytes."""
    with subprocess.Popen([KYMO, "watch", "process", *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        os.set_blocking(process.stdout.fileno(), False)
        text, deadline = b"", time.monotonic() + PATIENCE_SECONDS
        while b"[1m" not in text:
            assert time.monotonic() < deadline and process.poll() is None
            pid = rename_and_end()
            text += process.stdout.read() or b""
        process.send_signal(signal.SIGINT)
        os.set_blocking(process.stdout.fileno(), True)
        text += process.communicate(timeout=PATIENCE_SECONDS)[0]
    return text, pid


def test_a_name_of_control_characters_as_json():
    with Watching("process") as watch:
        pid = rename_and_end()
        exit_ = watch.until(event="exit", pid=pid)
    assert exit_["comm"] == NAME.decode(errors="replace")
    assert exit_["argv"][-1] == "\ufffd\ufffd"
    assert exit_["argv_length_bytes"] == sum(len(word.encode()) + 1 for word in exit_["argv"][:-1]) + 3


def test_a_name_of_control_characters_in_a_table():
    text, pid = written()
    assert not set(range(32)) - {ord("\n")} & set(text) and b"\xff" not in text
    assert all(line.split()[1:3] for line in text.decode().splitlines())
    assert any(f" {pid} " in line and "\\x1b[1m\\x0a" in line for line in text.decode().splitlines())


def test_a_name_of_control_characters_in_csv():
    text, pid = written("--csv")
    rows = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
    exits = [row for row in rows if row["event"] == "exit" and row["pid"] == str(pid)]
    assert exits and exits[0]["comm"] == NAME.decode(errors="replace")
    assert all(None not in row and None not in row.values() for row in rows)


def test_two_megabytes_of_arguments():
    words = ["/bin/true", *(chr(97 + i % 26) * 100_000 for i in range(21))]
    with Watching("process") as watch:
        pid, _ = run(*words, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_STACK, (64 << 20, 64 << 20)))
        exit_ = watch.until(event="exit", pid=pid)
    exec_ = watch.one(event="exec", pid=pid)
    for record in (exec_, exit_):
        assert record["argv_cut"] and record["argv_length_bytes"] == 10 + 21 * 100_001 > 2 << 20
        assert record["argv"][0] == "/bin/true" and set(record["argv"][1]) == {"a"}
    assert not watch.lost


def test_a_pid_that_is_used_again():
    """Each life has its own arguments, duration and status."""
    if os.geteuid() != 0 or not os.access(LAST_PID, os.W_OK):
        pytest.skip("the next PID cannot be chosen here")
    with Watching("process") as watch:
        first = subprocess.Popen(["/bin/sh", "-c", "exit 1; first"])
        first.wait()
        for _ in range(1000):
            LAST_PID.write_text(str(first.pid - 1))
            second = subprocess.Popen(["/bin/sh", "-c", "exit 2; second"])
            second.wait()
            if second.pid == first.pid:
                break
        else:
            pytest.skip("others take the PID again and again")
        watch.wait(lambda: len(watch.all(event="exit", pid=first.pid)) == 2)
    assert [record["exit_code"] for record in watch.all(event="exit", pid=first.pid)] == [1, 2]
    for record in watch.all(event="exec", pid=first.pid) + watch.all(event="exit", pid=first.pid):
        assert record["argv"][2].split("; ")[1] in ("first", "second")
    begun = [record["at_unix_ns"] for record in watch.all(event="fork", pid=first.pid)]
    ended = watch.all(event="exit", pid=first.pid)
    assert len(begun) == 2 and begun[0] < ended[0]["at_unix_ns"] < begun[1]
    assert ended[1]["duration_ns"] < ended[1]["at_unix_ns"] - begun[0]


def test_a_flood_by_one_user_leaves_room_for_others(family):
    """While nobody reads, one user makes more than the ring can hold, then another one comes."""
    with Watching("process") as watch:
        watch.process.send_signal(signal.SIGSTOP)
        run(family, "storm", STORM, WORD)
        others = [run("/bin/true", str(i), user=12345)[0] for i in range(5)]
        watch.process.send_signal(signal.SIGCONT)
        watch.wait(lambda: watch.lost)
    assert sum(record["count"] for record in watch.lost) > 0
    for number, pid in enumerate(others):
        assert watch.one(event="exec", pid=pid)["argv"] == ["/bin/true", str(number)]
        assert is_like(watch.one(event="exit", pid=pid), {"uid": 12345, "exit_code": 0})


def test_a_reader_that_does_not_read(family):
    """kymo waits for it, and counts what it cannot keep meanwhile."""
    process = subprocess.Popen([KYMO, "watch", "process", "--json", "--comm", "family-c"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert "begin" in process.stdout.readline()
    storms = [run(family, "storm", STORM, WORD)[0] for _ in range(3)]
    process.send_signal(signal.SIGINT)
    records = [json.loads(line) for line in process.stdout]
    assert process.wait() == 0
    exits = [r for r in records if r["event"] == "exit" and r.get("ppid") in storms]
    lost = sum(r["count"] for r in records if r["event"] == "lost" and r["of"] == "exit")
    assert lost and 3 * STORM <= len(exits) + lost <= 3 * STORM + 3
    assert records[-1]["event"] == "summary" and records[-1]["lost"] >= lost


def test_a_reader_that_is_gone():
    process = subprocess.Popen([KYMO, "watch", "process", "--json"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None:
        assert time.monotonic() < deadline
        run("/bin/true")
    process.stderr.close()
    assert process.returncode == -signal.SIGPIPE


def test_no_room_on_the_disk():
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([KYMO, "watch", "process", "--json"], stdout=full, stderr=subprocess.PIPE,
                              text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 1 and "cannot write the records: No space left" in done.stderr


@pytest.mark.parametrize("words, text", [
    (["proces"], "did you mean 'process'?"),
    (["process", "--set", "proces.x=1"], "did you mean 'process'?"),
    (["disk", "--set", "disk.slwo=1ms"], "did you mean 'disk.slow'?"),
    (["tcp", "--errno", "ECONREFUSED"], "did you mean 'ECONNREFUSED'?"),
    (["tcp", "--adress", "::1"], "did you mean '--address'?"),
    (["tcp", "--room", "0"], "--room")])
def test_the_nearest_name(words, text):
    done = subprocess.run([KYMO, "watch", *words], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and text in done.stderr and not done.stdout
