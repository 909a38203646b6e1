# SPDX-License-Identifier: MIT
"""What is true of known programs is told with two capabilities as by root; without any, as much as is promised."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from account import Account, parts, program_for_all
from test_rungs import KYMO, NOBODY, TWO

MS = 150
KINDS = {"sleep": "sleep", "lock": "lock", "tcp": "socket", "socket": "socket", "poll": "poll",
         "stop": "stopped", "pipe": "pipe", "child": "child"}
STORM = ["/bin/sh", "-c", "i=0; while [ $i -lt 600 ]; do /bin/true; i=$((i+1)); done; exit 5"]

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"),
                                reason="needs root and setpriv to give up rights")


def run(who, *command):
    """The JSON of a run by somebody, and what its command printed."""
    done = subprocess.run([*who, KYMO, "run", "-q", "--json=-", "--", *map(str, command)],
                          capture_output=True, text=True, timeout=100)
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    found = json.loads(lines[-1])
    if found["coverage"]["mode"] == "bpf":
        Account(lines[-1], done)  # the invariants of every account
    return found, lines[:-1]


def thread_of(found, tid):
    thread, = [t for p in found["processes"] for t in p["threads"] if t["tid"] == int(tid)]
    return thread["balance"]


@pytest.fixture(scope="module", params=["two", "nobody"])
def waited(request):
    """All kinds at once: (whether reasons are promised, JSON, {kind: (tid, reason, seconds)})."""
    truth = program_for_all("truth")
    script = "".join(f"(echo {kind} $({truth} {kind} {MS})) & " for kind in KINDS) + "wait"
    found, lines = run(TWO if request.param == "two" else NOBODY, "/bin/sh", "-c", script)
    told = {line.split()[0]: line.split()[1:] for line in lines}
    assert set(told) == set(KINDS)
    return request.param == "two", found, told


@pytest.mark.parametrize("kind", KINDS)
def test_waits_of_known_length(waited, kind):
    with_reasons, found, told = waited
    tid, _, seconds = told[kind]
    balance = thread_of(found, tid)
    late = balance["runq_ns"] + balance["running_ns"]
    key = KINDS[kind] if with_reasons else "unknown"
    if not with_reasons:
        assert set(balance["blocked_ns"]) <= {"unknown"}
    assert balance["blocked_ns"][key] >= float(seconds) * 1e9 - late - 2e6, balance
    if with_reasons:
        assert balance["blocked_ns"][key] <= float(seconds) * 1e9 + 2e6, balance
    assert balance["residual_ns"] == 0 == balance["lifetime_ns"] - parts(balance)


@pytest.mark.parametrize("who", [TWO, NOBODY], ids=["two", "nobody"])
def test_all_601_processes_of_a_storm(who):
    found, _ = run(who, *STORM)
    assert found["exit_status"] == 5
    assert who is NOBODY or not found["coverage"]["lost"], found["coverage"]  # there it may lose switches
    assert found["processes_count"] == 601 == len(found["processes"])
    shell, = [p for p in found["processes"] if p["argv"][0] == "/bin/sh"]
    assert all(p["argv"] == ["/bin/true"] and p["exit_status"] == 0 and p["ppid"] == shell["pid"]
               for p in found["processes"] if p is not shell)
    assert shell["exit_status"] == 5


@pytest.mark.parametrize("who", [TWO, NOBODY], ids=["two", "nobody"])
def test_memory_of_two_at_once(who):
    """Each one's own peak on every rung; that of both together by BPF alone."""
    found, _ = run(who, program_for_all("truth"), "pair", 100)
    peaks = sorted(p["rss_peak_bytes"] for p in found["processes"])
    assert len(peaks) == 2 and all(100 << 20 <= peak + (1 << 20) for peak in peaks), peaks
    if who is TWO:
        bound = found["memory"]["error_bound_bytes"]
        assert 2 * (100 << 20) - bound <= found["peak_rss_bytes"] <= 2 * (110 << 20)
        assert {h["pid"] for h in found["memory"]["holders"]} == {p["pid"] for p in found["processes"]}
    else:
        assert "peak_rss_bytes" not in found and "memory" not in found
        assert any("peak memory of the tree" in what for what in found["coverage"]["not_measured"])


@pytest.mark.parametrize("how", ["plain", "peek", "splice", "sendfile", "many"])
def test_bytes_by_peer_with_two_capabilities(how):
    size = 60000
    found, lines = run(TWO, program_for_all("net"), how, size)
    port = int(lines[0])
    peers = [p for p in found["network"]["peers"] if p["family"] == "inet"]
    sent, = [p for p in peers if p["port"] == port]
    received, = [p for p in peers if p["local_port"] == port]
    assert sent["sent_bytes"] == size == received["received_bytes"]
    assert received["received_by_splice_bytes"] == (size if how == "splice" else 0)


@pytest.mark.parametrize("kind", ["fsync", "fault"])
@pytest.mark.parametrize("who", [TWO, NOBODY], ids=["two", "nobody"])
def test_waits_for_a_disk(who, kind):
    folder = pathlib.Path("/var/tmp") / f"kymo-rights-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    try:
        found, lines = run(who, program_for_all("truth"), kind, 0, folder / kind)
    finally:
        shutil.rmtree(folder)
    tid, reason, seconds = lines[0].split()
    balance = thread_of(found, tid)
    if who is NOBODY:
        assert set(balance["blocked_ns"]) <= {"unknown"} and "block" not in found
        assert balance["kernel_voluntary_switches"] > 0
        return
    waits = balance["waits"].get(reason, 0)
    if waits < 10:
        pytest.skip(f"{kind} of a file in /var/tmp does not wait for a disk here ({waits} waits)")
    assert kind == "fsync" or balance["blocked_ns"][reason] <= float(seconds) * 1e9
    if kind == "fault":
        assert balance["major_faults"] >= 200
        assert sum(d["reads"] for d in found["block"]["devices"]) >= 200


def test_what_a_user_is_not_told_is_named():
    found, _ = run(NOBODY, "/bin/true")
    missing = " ".join(found["coverage"]["not_measured"])
    for what in ("why threads were blocked", "peak memory of the tree", "network peers", "block devices",
                 "system calls", "not permitted to load BPF programs"):
        assert what in missing, missing


def test_a_thousand_threads_without_rights():
    found, _ = run(NOBODY, program_for_all("truth"), "threads", 1000)
    assert found["threads_count"] == 1001 == len(found["processes"][0]["threads"])


def test_one_that_closes_all_descriptors_without_rights():
    found, _ = run(NOBODY, "/usr/bin/python3", "-c", "import os; os.closerange(3, 1000); os._exit(6)")
    assert found["exit_status"] == 6
