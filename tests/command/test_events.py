# SPDX-License-Identifier: MIT
"""What happens in the tree of a command, one by one, and nothing of what others do meanwhile."""
import collections
import errno
import json
import os
import resource
import signal
import socket
import subprocess
import threading

import pytest

from account import KYMO, program, run

NETWORK = """
import os, signal, socket, sys
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
except ConnectionRefusedError:
    pass
os.kill(int(sys.argv[2]), signal.SIGCONT)
"""


def records_of(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def streamed(tmp_path_factory):
    """Events and account of one run, while others begin and end processes as well."""
    folder = tmp_path_factory.mktemp("events")
    (folder / "network.py").write_text(NETWORK)
    with socket.socket() as closed, subprocess.Popen(["sleep", "60"]) as outsider:
        closed.bind(("127.0.0.1", 0))
        port, over = closed.getsockname()[1], threading.Event()

        def others():
            while not over.is_set():
                subprocess.run(["/bin/true"], check=False)

        noise = threading.Thread(target=others)
        noise.start()
        script = (f"/usr/bin/python3 {folder}/network.py {port} {outsider.pid}; "
                  "(setsid sleep 0.2 &); exec sleep 0.6")
        try:
            account = run(folder, "/bin/sh", "-c", script,
                          options=[f"--events={folder}/events"])
        finally:
            over.set()
            noise.join()
            outsider.kill()
    records = records_of((folder / "events").read_text())
    return account, records, port, outsider.pid


def lost(records):
    return [r for r in records if r["event"] == "lost"]


def test_every_program_of_the_tree_is_told(streamed):
    account, records, _, _ = streamed
    seen = {(r["pid"], os.path.basename(r["argv"][0])) for r in records
            if (r["collector"], r["event"]) == ("process", "exec")}
    truth = {(p["pid"], os.path.basename(e["argv"][0])) for p in account.processes
             for e in p.get("exec", [])}
    assert seen <= truth
    assert seen == truth or lost(records), (truth - seen)
    ends = {r["pid"]: r["exit_code"] for r in records
            if (r["collector"], r["event"]) == ("process", "exit")}
    assert set(ends) <= {p["pid"] for p in account.processes}
    for process in account.processes:
        if process["exit_status"] is not None and not lost(records):
            assert ends[process["pid"]] == process["exit_status"], process["argv"]


def test_what_others_do_is_not(streamed):
    account, records, _, outsider = streamed
    tree = {p["pid"] for p in account.processes}
    strangers = [r for r in records if "pid" in r and r["pid"] not in tree]
    assert not [r for r in strangers if r.get("sender_pid") not in tree], strangers
    assert not [r for r in records if r.get("argv") == ["/bin/true"]]
    assert {r["pid"] for r in strangers} <= {outsider, os.getpid()} | \
        {r["pid"] for r in strangers if r["collector"] == "signal"}


def test_connections_and_signals_are_among_them(streamed):
    _, records, port, outsider = streamed
    connect = [r for r in records if (r["collector"], r["event"]) == ("tcp", "connect")]
    assert [r for r in connect if r["remote_port"] == port and r["errno"] == errno.ECONNREFUSED], connect
    sent = [r for r in records if (r["collector"], r["event"]) == ("signal", "sent")]
    assert [r for r in sent if r["pid"] == outsider and r["signal"] == signal.SIGCONT] or \
        lost(records), sent


def test_they_begin_and_end_with_a_word_on_how_they_were_had(streamed):
    _, records, _, _ = streamed
    assert records[0]["event"] == "begin" and "process" in records[0]["collectors"]
    assert records[-1]["event"] == "summary" and records[-1]["coverage"]["mode"]
    times = [r["at_unix_ns"] for r in records if "pid" in r]
    assert times == sorted(times)


def test_without_a_file_they_take_the_place_of_the_report():
    done = subprocess.run([KYMO, "run", "--events", "--", "/bin/true"], capture_output=True,
                          text=True)
    assert done.returncode == 0 and not done.stdout and "WHERE THE TIME" not in done.stderr
    assert records_of(done.stderr)[-1]["event"] == "summary"
    done = subprocess.run([KYMO, "run", "--events", "--json", "--", "/bin/true"],
                          capture_output=True, text=True)
    assert done.returncode == 2 and "FILE" in done.stderr


def test_of_a_tree_that_runs_already_as_it_happens():
    """Each line is there when it has happened, not at the end."""
    with subprocess.Popen(["/bin/sh", "-c", "read line; exec sleep 60"], stdin=subprocess.PIPE,
                          text=True) as shell:
        with subprocess.Popen([KYMO, "run", "-p", str(shell.pid), "-q", "--events=-"],
                              stdout=subprocess.PIPE, text=True) as observer:
            try:
                assert json.loads(observer.stdout.readline())["event"] == "begin"
                shell.stdin.write("go\n")
                shell.stdin.flush()
                record = {}
                while record.get("event") not in ("exec", "lost"):
                    record = json.loads(observer.stdout.readline())
                assert record["event"] == "lost" or (record["pid"], record["argv"]) == \
                    (shell.pid, ["sleep", "60"])
            finally:
                shell.kill()
            rest = records_of(observer.stdout.read())
    assert observer.returncode == 0 and rest[-1]["event"] == "summary"


def test_a_flood_is_counted(tmp_path):
    """Thousands of processes begin and end while nobody takes their events."""
    out, count = tmp_path / "events", 6000
    kymo = subprocess.Popen([KYMO, "run", "-q", f"--events={out}", "--", "/bin/sh", "-c",
                             f"kill -STOP $PPID; {program('truth')} processes {count}; "
                             "echo done; exec sleep 0.2"], stdout=subprocess.PIPE, text=True)
    try:
        assert kymo.stdout.readline() == "done\n"
    finally:
        kymo.send_signal(signal.SIGCONT)
    assert kymo.wait(60) == 0
    records = records_of(out.read_text())
    losses = collections.Counter()
    for record in lost(records):
        losses[record["collector"], record["of"]] += record["count"]
    seen = collections.Counter((r["collector"], r["event"]) for r in records)
    assert losses and sum(losses.values()) == records[-1]["lost"]
    # Some hosts hide a few switches from BPF; what others do meanwhile is lost, too.
    assert 0 < seen["process", "exit"] < count
    assert seen["process", "exit"] + losses["process", "exit"] >= 0.95 * count, (seen, losses)


def test_a_stream_that_finds_no_room_leaves_the_report(tmp_path):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    out = tmp_path / "events"
    done = subprocess.run([KYMO, "run", "-q", f"--events={out}", "--", "/bin/sh", "-c",
                           "sleep 0.3; /bin/true; exit 4"], capture_output=True, text=True,
                          preexec_fn=limit)
    assert done.returncode == 125 and not out.exists()
    assert "kymo: cannot write" in done.stderr and "WHERE THE TIME WENT" in done.stderr


def test_one_that_cannot_be_written_at_all_is_said_before(tmp_path):
    done = subprocess.run([KYMO, "run", "-q", "--events=/dev/full", "--", "touch", tmp_path / "ran"],
                          capture_output=True, text=True)
    assert done.returncode == 125 and "kymo: cannot write" in done.stderr
    assert not (tmp_path / "ran").exists()
