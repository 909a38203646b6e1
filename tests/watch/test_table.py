# SPDX-License-Identifier: MIT
"""The live table of `kymo watch`, as a terminal shows it."""
import fcntl
import os
import pty
import re
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

    def __init__(self, columns, *words, rows=50):
        if os.geteuid() != 0:
            pytest.skip("only root may load BPF programs")
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
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
            self.read()

    def read(self):
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


class Screen:
    """What a terminal of so many rows holds after it was sent some text, what has scrolled away included."""

    def __init__(self, rows):
        self.rows, self.lines, self.row = rows, [""], 0

    def take(self, text):
        for sequence, up, newline, word in re.findall(
                r"(\x1b\[(\d*)[A-Za-z]|\x1b\[\?7[hl])|(\r\n)|([^\x1b\r\n]+)", text):
            if newline:
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append("")
            elif word:
                self.lines[self.row] += word
            elif sequence.endswith("F"):
                top = max(0, len(self.lines) - self.rows)  # what is above has scrolled away
                self.row = max(top, self.row - int(up))
            elif sequence == "\x1b[J":
                del self.lines[self.row + 1:]
                self.lines[self.row] = ""
            else:
                assert sequence in ("\x1b[?7l", "\x1b[?7h"), repr(sequence)


def drawn(terminal, mark, times, *command):
    """Waits until something was drawn so often; meanwhile a program is run again and again."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while terminal.bytes.count(mark) < times:
        assert time.monotonic() < deadline and terminal.process.poll() is None, terminal.bytes[-500:]
        run(*command)
        terminal.read()


@pytest.mark.parametrize("rows", [50, 12])
def test_a_histogram_is_drawn_in_place(rows):
    """The last drawing is the only one that is there; on a low terminal, as much of it as it is high."""
    with Terminal(100, "runq", "-i", "0.2", "--set", "runq.slow=1h", rows=rows) as terminal:
        drawn(terminal, b"runq wait", 4, "/bin/true")
        whole = terminal.bytes[:terminal.bytes.rindex(b"\x1b[?7h")].decode()
    screen = Screen(rows)
    screen.take(whole)
    assert sum("runq wait" in line for line in screen.lines) == 1, screen.lines
    assert any("█" in line for line in screen.lines)
    assert len(screen.lines) <= rows


def test_events_stand_above_what_is_drawn_in_place():
    with Terminal(150, "runq", "-i", "0.2", "--set", "runq.slow=1us", "--comm", "true") as terminal:
        terminal.until(lambda line: " wait " in line, "/bin/true")
        drawn(terminal, b"runq wait", 4, "/bin/true")
        whole = terminal.bytes[:terminal.bytes.rindex(b"\x1b[?7h")].decode()
    screen = Screen(50)
    screen.take(whole)
    picture = next(i for i, line in enumerate(screen.lines) if line.startswith("runq wait"))
    events = [i for i, line in enumerate(screen.lines) if re.match(r"\d\d:\d\d:\d\d\.\d+  wait ", line)]
    assert events and max(events) < picture, screen.lines
    assert sum("runq wait" in line for line in screen.lines) == 1
