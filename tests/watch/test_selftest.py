# SPDX-License-Identifier: MIT
"""`kymo selftest`: what it makes is seen, and what is not seen is a failure."""
import json
import os
import subprocess

import pytest

from watching import KYMO

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may load BPF programs")


def test_all_that_happens_is_seen():
    done = subprocess.run([KYMO, "selftest", "--json", "--count", "100"], capture_output=True, text=True,
                          timeout=100)
    trial = json.loads(done.stdout)
    for kind in trial["kinds"]:
        assert kind["happened"] == 100 and kind["wrong"] == 0, kind
        assert kind["seen"] + kind["lost"] >= 100 and kind["passed"], kind
        assert 0 < kind["delay_p50_ns"] <= kind["delay_p99_ns"], kind
    assert trial["passed"] and done.returncode == 0
    assert {kind["collector"] for kind in trial["kinds"]} == {"process", "tcp", "disk", "memory", "signal"}


def test_the_table_says_the_same():
    done = subprocess.run([KYMO, "selftest", "-n", "5"], capture_output=True, text=True, timeout=100)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and lines[0].split()[:3] == ["COLLECTOR", "EVENT", "HAPPENED"]
    for line in lines[1:-1]:
        happened, seen, lost, wrong = map(int, line.split()[2:6])
        assert happened == 5 and seen + lost >= 5 and wrong == 0, line
    assert lines[-1] == "all that happened was seen, or counted as lost"
