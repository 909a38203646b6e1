# SPDX-License-Identifier: MIT
"""A command under kymo has the terminal to itself, and Ctrl-C does what it does without kymo."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

import pytest

from account import KYMO, program

LIMIT_SECONDS = 60
CTRL_C = b"\x03"


class Terminal:
    """kymo run, as the foreground of a terminal of its own; what appears there."""

    def __init__(self, *words):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execv(KYMO, [KYMO, "run", *map(str, words)])
        self.shown = ""
        self.status = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.status is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.end()
        os.close(self.master)

    def read(self):
        """False: nobody has the terminal any more."""
        ready, _, _ = select.select([self.master], [], [], LIMIT_SECONDS)
        assert ready, self.shown
        try:
            text = os.read(self.master, 65536)
        except OSError:
            return False
        self.shown += text.decode(errors="replace")
        return bool(text)

    def until(self, text):
        while text not in self.shown:
            assert self.read(), self.shown
        return self

    def type(self, keys):
        os.write(self.master, keys)

    def interrupt(self):
        """Ctrl-C, taken: a second signal of the same number would be one with the first.  The terminal sends
        it some time after the key, and then shows it."""
        times = self.shown.count("^C")
        self.type(CTRL_C)
        while self.shown.count("^C") == times:
            assert self.read(), self.shown
        until_taken(self.pid, signal.SIGINT)

    def end(self):
        """The exit status; what was shown until then is in `shown`."""
        while self.read():
            pass
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status


def state_of(master):
    return termios.tcgetattr(master)


def until_taken(pid, number):
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            pending = [int(line.split()[1], 16) for line in status if line.startswith("ShdPnd")][0]
        if not pending & 1 << number - 1:
            return
        time.sleep(0.01)
    pytest.fail("the signal is not taken")


def test_it_is_a_terminal_and_stays_as_it_was():
    with Terminal("--", "/bin/sh", "-c", "tty; test -t 0 && test -t 1 && test -t 2 && "
                  "echo all three; ps -o pgid=,tpgid= -p $$ | tr -s ' ' '-'") as terminal:
        before = state_of(terminal.master)
        assert terminal.end() == 0
        assert "/dev/pts/" in terminal.shown and "all three" in terminal.shown
        assert f"{terminal.pid}-{terminal.pid}" in terminal.shown  # in the foreground
        assert state_of(terminal.master) == before
        assert "WHERE THE TIME WENT" in terminal.shown


def test_what_a_command_sets_is_what_it_leaves():
    """A state that the command changes is not changed back."""
    with Terminal("-q", "--", "/bin/sh", "-c", "stty -echo -icanon; echo done; read x") as terminal:
        terminal.until("done")
        modes = state_of(terminal.master)[3]
        assert not modes & (termios.ECHO | termios.ICANON)
        terminal.type(b"x\n")
        assert terminal.end() == 0
        assert state_of(terminal.master)[3] == modes


def test_what_is_typed_is_read_by_the_command():
    with Terminal("-q", "--", "/bin/sh", "-c", "echo ready; read a; echo got $a; exit 7") as terminal:
        terminal.until("ready").type(b"abc\n")
        assert terminal.end() == 7
        assert "got abc" in terminal.shown


@pytest.mark.parametrize("rung", ["bpf", "ptrace", "proc"])
def test_ctrl_c_reaches_the_command(rung):
    """Once; the report follows when it has ended, and its status is that of the command."""
    script = "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done"
    with Terminal("--rung", rung, "--", "/bin/sh", "-c", script) as terminal:
        terminal.until("ready").type(CTRL_C)
        assert terminal.end() == 9
        assert len(re.findall(r"caught\r", terminal.shown)) == 1 and "HOW IT WAS MEASURED" in terminal.shown
    with Terminal("-q", "--rung", rung, "--", "/bin/sh", "-c", "echo ready; exec sleep 60") as terminal:
        terminal.until("ready").type(CTRL_C)
        assert terminal.end() == 128 + signal.SIGINT


@pytest.mark.parametrize("rung", ["bpf", "ptrace", "proc"])
def test_the_second_one_stops_kymo_with_what_it_has(tmp_path, rung):
    out = tmp_path / "account.json"
    with Terminal(f"--json={out}", "--rung", rung, "--", "/bin/sh", "-c",
                  "trap '' INT HUP; echo ready $$; exec sleep 60") as terminal:
        terminal.until("\n")
        terminal.until("ready ")
        pid = int(terminal.shown.split("ready ")[1].split()[0])
        for _ in range(2):
            terminal.interrupt()
        terminal.until("kymo itself")
        try:
            status = os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1])
            os.kill(pid, 0)  # it goes on
        finally:
            os.kill(pid, signal.SIGKILL)
        terminal.status = status
        assert status == 130
    found = json.loads(out.read_text())
    assert found["exit_status"] is None and found["exit_signal"] is None
    assert found["wall_ns"] > 0


@pytest.mark.parametrize("options", [[], ["-d", "60"]])
def test_one_is_enough_where_kymo_only_looks(tmp_path, options):
    """The process that it looks at is in another terminal."""
    out = tmp_path / "account.json"
    with subprocess.Popen([program("truth"), "stuck"], stdout=subprocess.PIPE,
                          start_new_session=True) as stuck:
        stuck.stdout.read(1)
        try:
            with Terminal("-p", stuck.pid, *options, f"--json={out}") as terminal:
                until_observing(terminal.pid)
                terminal.type(CTRL_C)
                assert terminal.end() == 0
                assert "WHERE THE TIME WENT" in terminal.shown
            assert stuck.poll() is None
        finally:
            stuck.kill()
    found = json.loads(out.read_text())
    assert found["pids"] == [stuck.pid] and found["processes"][0]["alive"]
    assert found["balance"]["residual_ns"] == 0


def until_observing(pid):
    """It has begun to wait for what comes; before, Ctrl-C would end it as it does any program."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            blocked = [int(line.split()[1], 16) for line in status if line.startswith("SigBlk")]
        if blocked and blocked[0] & 1 << signal.SIGINT - 1:
            return
        time.sleep(0.01)
    pytest.fail("it does not begin")


def test_ctrl_c_of_a_command_with_a_duration(tmp_path):
    """The first reaches the command, which ignores it; the second ends the observation before its time."""
    out = tmp_path / "account.json"
    with Terminal("-d", "60", f"--json={out}", "--", "/bin/sh", "-c",
                  "trap '' INT HUP; echo ready $$; exec sleep 61") as terminal:
        terminal.until("ready ").until("\n")
        pid = int(terminal.shown.split("ready ")[1].split()[0])
        try:
            for _ in range(2):
                terminal.interrupt()
            terminal.status = os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1])
        finally:
            os.kill(pid, signal.SIGKILL)
        assert terminal.status == 130
    assert json.loads(out.read_text())["wall_ns"] < 60e9
