# SPDX-License-Identifier: MIT
"""The formats of one line per stack or sample: folded, extended-folded, table."""
import collections
import re
import subprocess
import sys

import pytest

from conftest import BUILD
from truth import STARTED_UNIX_NS

ALL = ["small", "hostile", "deep", "long", "server", "lossy", "large=3000"]

SMALL = b"""\
app;_start;main;log 1
app;_start;main;parse 30
app;_start;main;parse;next_char;peek 25
app;_start;main;read;do_syscall_64_[k];ksys_read_[k];vfs_read_[k] 15
app-worker;clone3;run;Array.map;[app+0x1234] 12
app-worker;clone3;run;hash;hash;hash 8
cat;[truncated];read 6
cat;[unknown] 3
"""


def flamegraph_pl(data):
    """Stacks and counts as flamegraph.pl 1.0 reads them (Debian has no package of it).

    It drops the line's end, skips blank lines, and takes `(.*)\\s+?(\\d+(?:\\.\\d*)?)$`; a
    trailing second number would make the picture a differential one.
    """
    counts = collections.Counter()
    for line in data.decode().split("\n"):
        line = line.rstrip("\n")
        if not line:
            continue
        found = re.fullmatch(r"(.*)\s+?(\d+(?:\.\d*)?)", line, re.ASCII)
        assert found, line
        stack, count = found.groups()
        assert not re.fullmatch(r"(.*)\s+?(\d+(?:\.\d*)?)", stack, re.ASCII), line
        counts[tuple(stack.split(";"))] += float(count)
    return counts


def unescape(word):
    """What an escaped name was, as bytes."""
    return re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), word)


def test_folded_is_exact(sample):
    data = sample("folded")
    assert data == SMALL


@pytest.mark.parametrize("which", ALL)
def test_folded_is_read_by_flamegraph_pl(sample, which):
    data = sample("folded", which)
    if which == "hostile":
        # "ends in a number 42;..." is a frame in the middle; no line may end in two numbers.
        assert b"ends in a number 42" in data
    counts = flamegraph_pl(data)
    assert sum(counts.values()) == len(sample("extended-folded", which).splitlines())
    assert all(words and all(words) for words in counts)
    lines = data.splitlines()
    assert len(set(lines)) == len(lines) == len(counts)
    assert not any(line.startswith(b"#") for line in lines) or which == "hostile"


def test_folded_of_nothing_is_empty(sample):
    assert sample("folded", "empty") == sample("extended-folded", "empty") == b""


def test_folded_escapes_names(sample):
    data = sample("folded", "hostile")
    text = data.decode()  # all is UTF-8
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    frames = {word for line in text.splitlines() for word in line.rsplit(" ", 1)[0].split(";")[1:]}
    frames = {word.removesuffix("_[k]") for word in frames}
    for name in [b"a;b;c", b"line\nbreak", b"tab\there 12", b"nul \x01\x1b[31m control",
                 b"\"quoted\" & 'single' \\ back", b"\xff\xfe broken \xc3( utf-8",
                 "世界::関数".encode(), b"ends in a number 42", b"# looks like a comment",
                 b"]]><svg onload='alert(1)'>"]:
        assert name in {unescape(word.encode()) for word in frames}, name
    assert "\\u202ereversed" in frames
    comms = {line.split(";", 1)[0] for line in text.splitlines()}
    assert not any(" " in comm for comm in comms)
    assert "\\x00" in comms  # an empty comm
    assert len(comms) == 16


EXTENDED = re.compile(
    rb"(?P<at>\d+) (?P<comm>[^ ;]+) (?P<pid>\d+) (?P<tid>\d+) (?P<cpu>\d+) (?P<stack>.+)")


@pytest.mark.parametrize("which", ALL)
def test_extended_folded_has_its_fields(sample, which):
    samples = collections.Counter()
    before = {}
    for line in sample("extended-folded", which).split(b"\n")[:-1]:
        found = EXTENDED.fullmatch(line)
        assert found, line
        assert len(line.split()) >= 6  # as awk counts
        at, cpu = int(found["at"]), found["cpu"]
        assert before.get(cpu, STARTED_UNIX_NS) <= at <= STARTED_UNIX_NS + 15 * 10**9
        before[cpu] = at
        samples[found["comm"] + b";" + found["stack"]] += 1
    folded = {}
    for line in sample("folded", which).splitlines():
        stack, count = line.rsplit(b" ", 1)
        folded[stack] = int(count)
    assert samples == folded


def test_extended_folded_is_exact(sample):
    lines = sample("extended-folded").splitlines()
    first = STARTED_UNIX_NS + 10_000_000
    assert lines[0] == b"%d app 100 100 0 _start;main;parse" % first
    assert lines[1] == b"%d app 100 100 1 _start;main;parse" % first
    assert lines[55] == (b"%d app 100 100 1 _start;main;read;do_syscall_64_[k];ksys_read_[k];"
                         b"vfs_read_[k]" % (first + 27 * 10_000_000))
    assert lines[-1] == b"%d cat 200 200 1 [unknown]" % (first + 49 * 10_000_000)
    assert len(lines) == 100


HEADING = b"TIME                 COMM                     PID     CPUID   KStackSz UStackSz\n"


def test_table_is_exact(sample):
    data = sample("table")
    assert data.startswith(HEADING)
    rows = data.splitlines()[1:]
    assert len(rows) == 100
    assert rows[0] == (b"1753000000010000000  app                      100     0       0       24     ")
    assert rows[55] == (b"1753000000280000000  app                      100     1       24      24     ")
    assert rows[-1] == (b"1753000000500000000  cat                      200     1       0       0      ")


def test_table_with_stacks_is_exact(sample):
    lines = sample("table", "small", "stacks=1").splitlines()[1:]
    assert len(lines) == 300
    assert lines[1:3] == [b"KStack: []", b"UStack: [_start;main;parse]"]
    assert lines[3 * 55 + 1:3 * 55 + 3] == [b"KStack: [do_syscall_64;ksys_read;vfs_read]",
                                            b"UStack: [_start;main;read]"]
    assert lines[-2:] == [b"KStack: []", b"UStack: []"]


@pytest.mark.parametrize("which", ALL)
def test_table_has_its_columns(sample, which):
    rows = sample("table", which).decode().split("\n")[1:-1]
    for row, line in zip(rows, sample("extended-folded", which).split(b"\n")):
        fields = row.split()
        found = EXTENDED.fullmatch(line)
        assert int(fields[0]) == int(found["at"])
        assert int(fields[-4]) == int(found["pid"]) and int(fields[-3]) == int(found["cpu"])
        assert int(fields[-2]) % 8 == int(fields[-1]) % 8 == 0
        assert (int(fields[-1]) + int(fields[-2]) == 0) == (found["stack"] == b"[unknown]")
    assert len(rows) == len(sample("extended-folded", which).splitlines())


def test_recording_folded(recording):
    counts = flamegraph_pl(recording("folded"))
    assert sum(counts.values()) > 50
    assert {words[0] for words in counts} == {"python3"}
    assert any("_PyEval_EvalFrameDefault" in words for words in counts)
    assert any(word.endswith("_[k]") for words in counts for word in words)


def test_recording_extended_folded(recording):
    lines = recording("extended-folded").split(b"\n")
    assert lines.pop() == b""
    assert len(lines) > 50
    pids, ats = set(), {}
    for line in lines:
        found = EXTENDED.fullmatch(line)
        assert found, line
        pids.add((found["comm"], found["pid"], found["tid"]))
        assert ats.get(found["cpu"], 0) <= int(found["at"])
        ats[found["cpu"]] = int(found["at"])
    assert len(pids) == 1


def test_table_has_the_size_of_each_stack(tmp_path):
    """Eight bytes a frame, also of a stack that was walked in user space: the first ones are."""
    out = tmp_path / "out.table"
    words = [BUILD / "kymo", "profile", "-q", "-F", "1999", "--no-inline", "-f", "table", "--stacks",
             "-o", out, "--", sys.executable, "-c", "sum(i * i for i in range(2000000))"]
    subprocess.run(words, check=True)
    lines = out.read_text().splitlines()[1:]
    assert len(lines) > 3 * 50
    for row, kernel, user in zip(lines[::3], lines[1::3], lines[2::3]):
        for size, stack in zip(row.split()[-2:], (kernel, user)):
            frames = [frame for frame in stack.split("[", 1)[1][:-1].split(";") if frame]
            marks = [frame for frame in frames if frame.startswith(("[truncated", "[kernel]", "[user]"))]
            assert int(size) == 8 * (len(frames) - len(marks)), (row, stack)


@pytest.mark.parametrize("name, begin", [
    ("a.svg", b"<?xml"), ("a.pb.gz", b"\x1f\x8b"), ("a.speedscope.json", b'{"$schema"'),
    ("a.firefox.json", b'{"meta"'), ("a.json", b'{"kind"'), ("a.jsonl", b'{"kind"'),
    ("a.table", b"TIME "), ("a.folded", b"python3;"), ("a.stacks", b"1"), ("a.txt", b"/usr/bin/python3"),
    ("a", b"/usr/bin/python3"), ("json", b"/usr/bin/python3"), ("a.b.svg", b"<?xml"),
])
def test_the_name_of_the_file_says_the_format(tmp_path, name, begin):
    words = [BUILD / "kymo", "profile", "-q", "-F", "1999", "-o", tmp_path / name, "--",
             "/usr/bin/python3", "-c", "sum(range(1000000))"]
    subprocess.run(words, check=True)
    assert (tmp_path / name).read_bytes().startswith(begin)


def test_recording_table(recording):
    data = recording("table")
    assert data.startswith(HEADING)
    rows = [line.split() for line in data.splitlines()[1:]]
    assert len(rows) > 50 and all(len(row) == 6 and row[1] == b"python3" for row in rows)
    assert any(int(row[4]) for row in rows) and any(int(row[5]) for row in rows)
