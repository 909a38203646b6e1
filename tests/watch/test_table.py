# SPDX-License-Identifier: MIT
"""The live table of `kymo watch`, as a terminal shows it."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from watching import KYMO, PATIENCE_SECONDS, run


class Terminal:
    """kymo on a terminal of so many columns; `lines` is what it shows, complete lines only."""

    def __init__(self, columns, *words):
        if os.geteuid() != 0:
            pytest.skip("only root may load BPF programs")
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.process = subprocess.Popen([KYMO, "watch", *words], stdout=theirs,
                                        stderr=subprocess.DEVNULL,
                                        env={**os.environ, "NO_COLOR": "1", "LC_ALL": "C.UTF-8"})
        os.close(theirs)
        self.bytes = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        os.close(self.ours)

    @property
    def lines(self):
        return self.bytes.decode(errors="replace").split("\r\n")[:-1]

    def until(self, is_wanted, *command):
        """The first line that is wanted, while a program is run again and again."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            found = [line for line in self.lines if is_wanted(line)]
            if found:
                return found[0]
            assert time.monotonic() < deadline and self.process.poll() is None, self.lines[-5:]
            run(*command)
            while select.select([self.ours], [], [], 0.1)[0]:
                self.bytes += os.read(self.ours, 65536)


def test_a_line_ends_with_the_terminal():
    with Terminal(190, "process", "--comm", "true") as terminal:
        line = terminal.until(lambda line: " exit " in line, "/bin/true", "x" * 500)
        assert len(line) == 190 and "/bin/true xxx" in line and line.endswith("…"), line
        assert max(map(len, terminal.lines)) <= 190


def test_a_failed_exec_tells_its_error_and_file():
    with Terminal(400, "process", "--syscalls", "--comm", "sh") as terminal:
        line = terminal.until(lambda line: "exec-failed" in line,
                              "sh", "-c", "(exec /nonexistent/program word); exit 0")
    words = line.split()
    assert words[-4:] == ["ENOENT", "/nonexistent/program", "/nonexistent/program", "word"], line
    assert terminal.lines[0].split()[-3:] == ["errno", "file", "argv"]


def test_a_column_that_nothing_has_is_not_there():
    with Terminal(400, "process", "--comm", "true") as terminal:
        terminal.until(lambda line: " exit " in line, "/bin/true")
    assert "errno" not in terminal.lines[0].split() and terminal.lines[0].split()[-1] == "argv"
