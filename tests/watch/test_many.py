# SPDX-License-Identifier: MIT
"""100,000 short processes: each is told, or counted as lost, and kymo grows with none of them."""
import collections
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from watching import KYMO, PATIENCE_SECONDS, made

COUNT = 100_000  # three times around the PIDs of most machines
STATUSES = 251   # they end with, in turn
MOST_MB = 24
BUSY_SECONDS = 500  # on a machine that does much else


def watched(path):
    """What `kymo watch process` writes while so many come and go: (their parent, its peak in MB)."""
    words = [KYMO, "watch", "process", "--json", "--comm", "short-c"]
    with open(path, "wb") as out, \
            subprocess.Popen(words, stdout=out, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not path.stat().st_size:
                assert process.poll() is None and time.monotonic() < deadline
            parent = int(subprocess.run([made("short.c"), str(COUNT)], stdout=subprocess.PIPE, check=True,
                                        timeout=BUSY_SECONDS).stdout)
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_SECONDS)
    return parent, int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def test_100_000_processes(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root may load BPF programs")
    parent, peak_mb = watched(tmp_path / "records")
    told, lost, ends, lives = collections.Counter(), collections.Counter(), collections.Counter(), set()
    with open(tmp_path / "records", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            if record["event"] == "lost":
                lost[record["of"]] += record["count"]
            elif record.get("ppid") == parent:
                told[record["event"]] += 1
                if record["event"] == "exit":
                    ends[record["exit_code"]] += 1
                    lives.add((record["pid"], record["at_unix_ns"]))
    # The parent's own records, and one skipped for the want of its beginning, may be among the lost.
    for event in ("fork", "exit"):
        assert told[event] <= COUNT <= told[event] + lost[event] + lost["any"], (told, lost)
    assert len(lives) == told["exit"]
    if not lost:
        assert all(ends[i] == len(range(i, COUNT, STATUSES)) for i in range(STATUSES)), ends
    assert peak_mb < MOST_MB
