# SPDX-License-Identifier: MIT
"""The tree: its numbers add up, and it fits terminals that are narrow, plain or know no UTF-8."""
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import unicodedata

import pytest

from conftest import BUILD

ALL = ["small", "hostile", "deep", "long", "server", "lossy", "large=3000"]
ROW = re.compile(r" *(?P<total>< 0\.1|[\d.]+) % {2,}(?P<time>[\d.]+ \S+) {1,}(?P<self>(?:< 0\.1|[\d.]+) %)? +(?P<name>\S.*)")


def tree(sample, *words):
    return sample("tree", *words).decode()


def columns(line):
    """Of a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in re.sub(r"\x1b\[[\d;]*m", "", line))


def rows(text, heading):
    part = text.split(heading)[1].split("\n\n")[0].splitlines()[2:]
    found = []
    for line in part:
        match = ROW.fullmatch(line)
        assert match, line
        found.append(match)
    return found


def number(text):
    """Percent, and how far the printed one may be from the true one."""
    if text is None:
        return 0, 0
    text = text.removesuffix(" %")
    return (0.025, 0.025) if text.startswith("<") else (float(text), 0.05)


@pytest.mark.parametrize("which", ALL)
def test_hottest_functions_add_up(sample, which):
    shares = [number(row["total"]) for row in rows(tree(sample, which), "HOTTEST FUNCTIONS")]
    assert abs(sum(share for share, _ in shares) - 100) <= sum(error for _, error in shares)


def depth(line):
    """Of a row of the call tree; its guides are three columns each."""
    guides = re.match(r"[│├└─ ]*", line[30:])[0]
    return len(guides) // 3


@pytest.mark.parametrize("share", ["0", "0.5", "5"])
@pytest.mark.parametrize("which", ["small", "server", "lossy", "hostile", "large=3000"])
def test_call_tree_adds_up(sample, which, share):
    """Each line's total is its own time, its other, and the totals below it."""
    text = tree(sample, which, f"share={share}").split("CALL TREE\n")[1].splitlines()[1:]
    found = [(depth(line), ROW.fullmatch(line)) for line in text]
    assert all(match for _, match in found)
    tops = [number(match["total"])[0] for level, match in found if level == 0]
    assert abs(sum(tops) - 100) <= 0.05 * len(tops)
    for at, (level, match) in enumerate(found):
        if re.search(r"(^|─ )… [\d,]+ more$", match["name"]):
            continue  # stands for what is not shown
        below = []
        for other, child in found[at + 1:]:
            if other <= level:
                break
            if other == level + 1:
                below.append(number(child["total"]))
        total, error = number(match["total"])
        other = re.search(r"\(([\d.]+|< 0\.1) % other\)$", match["name"])
        parts = [number(match["self"]), number(other[1]) if other else (0, 0.05), *below]
        assert abs(sum(part for part, _ in parts) - total) <= error + sum(e for _, e in parts), match[0]


def test_small_is_exact(sample):
    text = tree(sample, "small", "width=80", "title=process 7")
    assert text.startswith("process 7\n10.0 s at 100 Hz on 2 CPUs, 100 samples, 1.00 s of CPU time\n"
                           "bpf, timer tick; nothing lost\n\nHOTTEST FUNCTIONS\n")
    assert "\n  55.0 %    550 ms   30.0 %      ├─ parse\n" in text
    assert "\n   8.0 %   80.0 ms    8.0 %      └─ hash ×3\n" in text
    assert "\n  30.0 %    300 ms   55.0 %   ██▍      parse  app\n" in text


@pytest.mark.parametrize("width", [60, 80, 100, 132, 200])
@pytest.mark.parametrize("which", ALL)
def test_keeps_to_the_width(sample, which, width):
    """The call tree, and what was not measured; a table row's module may stand out."""
    text = tree(sample, which, f"width={width}", "share=0.5")
    part = text.split("CALL TREE\n")[1].splitlines()
    # A name has 14 columns, however deep it stands.
    assert max(columns(line) for line in part) <= max(width, 72)
    head = text.split("\n\n")[0].splitlines()[1:]
    assert all(columns(line) <= width for line in head)


def test_long_chains_keep_both_ends(sample):
    text = tree(sample, "deep", "width=100")
    assert "├─ descend ×500 → level_0\n" in text
    assert "└─ level_51 → level_52 → level_53 → … 46 more → level_100\n" in text
    narrow = tree(sample, "deep", "width=60")
    assert "└─ … → level_100\n" in narrow or "… 49 more → level_100\n" in narrow


def test_each_thing_not_measured_has_its_line(sample):
    head = tree(sample, "lossy", "width=60").split("\n\n")[0].splitlines()
    assert head[1:] == ["bpf, timer tick",
                        "lost 1,240 (samples: ring buffer full 1,234, samples: too",
                        "many stacks 6)",
                        "not measured:",
                        "  - hardware counters: none on this host",
                        "  - kernel stacks: not permitted"]


@pytest.mark.parametrize("which", ALL)
def test_ascii(sample, which):
    """Where the locale knows no UTF-8 the same lines come, in characters that it knows."""
    plain, ascii_only = tree(sample, which), sample("tree", which, "ascii=1")
    assert all(byte < 128 for byte in ascii_only)
    assert len(plain.splitlines()) == len(ascii_only.splitlines())
    if which == "small":
        assert b"\n   8.0 %   80.0 ms    8.0 %      `- hash x3\n" in ascii_only
        assert b"\n  30.0 %    300 ms   55.0 %   ##.      parse  app\n" in ascii_only
        assert b"|- read (libc.so.6) > do_syscall_64 [kernel] > ksys_read > vfs_read\n" in ascii_only


def test_hostile_names_stay_on_their_line(sample):
    text = tree(sample, "hostile", "width=120")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def on_terminal(width, **variables):
    """What kymo writes on a terminal of its own."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    env = {"PATH": os.environ["PATH"], "TERM": "xterm", **variables}
    words = [BUILD / "kymo", "profile", "-F", "999", "-q", "--",
             "/usr/bin/python3", "-c", "sum(i * i for i in range(5000000))"]
    child = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=env,
                             start_new_session=True)
    os.close(theirs)
    data = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # its last holder is gone
            break
        if not part:
            break
        data += part
    os.close(ours)
    assert child.wait() == 0, data
    assert b"CALL TREE" in data
    return data.replace(b"\r\n", b"\n")


def test_terminal_with_everything():
    data = on_terminal(80, LANG="C.UTF-8")
    assert b"\x1b[1m" in data and "→".encode() in data or "└─".encode() in data
    text = data.decode().split("CALL TREE")[1]
    assert max(columns(line) for line in text.splitlines()) <= 80


def test_terminal_without_colours():
    assert b"\x1b" not in on_terminal(80, LANG="C.UTF-8", NO_COLOR="1")
    assert b"\x1b" not in on_terminal(80, LANG="C.UTF-8", TERM="dumb")


@pytest.mark.parametrize("variables", [{}, {"LANG": "C"}, {"LANG": "C.UTF-8", "LC_ALL": "POSIX"}])
def test_terminal_without_utf8(variables):
    assert all(byte < 128 for byte in on_terminal(80, **variables))
