# SPDX-License-Identifier: MIT
"""Stacks of the tree, running and waiting together: beside the balance, and over the same time."""
import json
import os
import re
import signal
import subprocess
import xml.etree.ElementTree as xml

import pytest

from account import KYMO, program, run

SVG = "{http://www.w3.org/2000/svg}"
SECOND = 1_000_000_000


class Flame:
    """The tree of a flame graph, read from the data in its file."""

    def __init__(self, text):
        root = xml.fromstring(text)
        self.has_all = "nothing lost" in "".join(root.itertext())
        found = {e.get("id"): e.text for e in root.iter(f"{SVG}script") if e.get("id")}
        functions = [line.split("\t") for line in found["functions"].split("\n") if line]
        self.stacks, left, path = [], [], []  # (names from the root, ns)
        for record in found["nodes"].split(";"):
            numbers = [int(number) for number in record.split(",")]
            while left and left[-1] == 0:
                left.pop()
                path.pop()
            if left:
                left[-1] -= 1
            path.append(functions[numbers[0] // 2][1])
            left.append(numbers[1])
            own = numbers[3] if len(numbers) > 3 else 0
            cut = numbers[6] if len(numbers) > 6 else 0
            if own + cut:
                self.stacks.append((tuple(path), own + cut))
        self.total = sum(ns for _, ns in self.stacks)

    def time_of(self, *names):
        """Of the stacks that hold all of these."""
        return sum(ns for path, ns in self.stacks if all(name in path for name in names))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Some hosts do not tell BPF of each switch; a wait whose end is missed is counted as lost."""
    folder = tmp_path_factory.mktemp("stacks")
    for _ in range(5):
        account = run(folder, program("stacks"), 400, options=["--svg", folder / "out.svg"])
        flame = Flame((folder / "out.svg").read_text())
        if flame.has_all and not sum(account.json["coverage"]["repaired"].values()):
            break
    else:
        pytest.skip("this host did not tell of every switch in five runs")
    return account, flame


def test_it_is_of_the_same_lives_as_the_balance(recorded):
    """Waits are measured, running is sampled: 400 ms at 99 Hz."""
    account, flame = recorded
    balance = account.balance
    waits = balance["lifetime_ns"] - balance["running_ns"]
    on_cpu = sum(ns for path, ns in flame.stacks
                 if not path[-1].startswith(("[waiting", "[short waits")))
    assert abs(flame.total - on_cpu - waits) < 0.05 * balance["lifetime_ns"], (waits, flame.total)
    assert 0.4 * balance["running_ns"] < on_cpu < 2 * balance["running_ns"]


def test_who_runs_and_who_waits_is_named(recorded):
    """In a process that the command's child has made, from its first instruction."""
    _, flame = recorded
    assert flame.time_of("main", "grandchild_works", "burn_for") > 0.15 * SECOND
    asleep = flame.time_of("main", "grandchild_works", "nap_for", "[waiting: sleep]")
    assert 0.35 * SECOND < asleep < 2 * SECOND
    assert not flame.time_of("burn_for", "[waiting: sleep]")
    assert flame.time_of("main", "[waiting: child]") > 1.2 * SECOND  # two processes wait for it


def test_the_report_has_them_when_they_were_taken(recorded):
    account, _ = recorded
    assert "STACKS, RUNNING AND WAITING" in account.said
    after = account.said.split("STACKS, RUNNING AND WAITING")[1]
    assert re.search(r"HOTTEST FUNCTIONS\n.*\n(.*\n)*.*\[waiting: child\]", after)
    assert "CALL TREE" in after


def test_they_are_not_taken_unasked(tmp_path):
    assert "STACKS" not in run(tmp_path, "true").said
    done = subprocess.run([KYMO, "run", "--stacks", "--", "true"], capture_output=True, text=True)
    assert done.returncode == 0 and "STACKS, RUNNING AND WAITING" in done.stderr


def test_what_only_bpf_can_tell_is_not_left_out_in_silence(tmp_path):
    mark, picture = tmp_path / "ran", tmp_path / "out.svg"
    done = subprocess.run([KYMO, "run", "--rung", "proc", "--svg", picture, "--", "touch", mark],
                          capture_output=True, text=True)
    assert done.returncode == 125 and "stacks of waits" in done.stderr and "hint: " in done.stderr
    assert not mark.exists() and not picture.exists()


def test_of_a_tree_that_runs_already(tmp_path):
    """With the processes that it has made before."""
    out, picture = tmp_path / "account.json", tmp_path / "out.svg"
    script = "sleep 60 & echo ready; wait"
    with subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE,
                          start_new_session=True) as shell:
        assert shell.stdout.readline() == b"ready\n"
        try:
            done = subprocess.run([KYMO, "run", "-p", str(shell.pid), "-d", "0.5", "-q",
                                   f"--json={out}", "--svg", picture], capture_output=True)
            assert done.returncode == 0, done.stderr
        finally:
            os.killpg(shell.pid, signal.SIGKILL)
    flame = Flame(picture.read_text())
    life = json.loads(out.read_text())["wall_ns"]
    assert flame.time_of("sleep", "[waiting: sleep]") > 0.4 * SECOND, flame.stacks
    assert flame.total < 3 * life


@pytest.mark.parametrize("option", ["--svg", "--html"])
def test_a_picture_that_finds_no_room_leaves_the_report(option):
    done = subprocess.run([KYMO, "run", "-q", option, "/dev/full", "--", "true"],
                          capture_output=True, text=True)
    assert done.returncode == 125
    assert "kymo: cannot write" in done.stderr and "WHERE THE TIME WENT" in done.stderr
