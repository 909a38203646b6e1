# SPDX-License-Identifier: MIT
"""doc/run.md and what `kymo run --json` writes name the same keys, of the same types."""
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from account import KYMO, program

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "doc/run.md"
# What not every machine has: controllers for new control groups, the right to see the timer.
NOT_EVERYWHERE = {"cgroup." + key for key in ("throttled_ns", "peak_bytes", "read_bytes", "written_bytes",
                                              "tasks_peak")} | {"call.ticks", "report.tick_ns"}


def tables(text):
    """{section: {key: type}} of the tables of keys, and {section: [first cells]} of others."""
    keys, others = {}, {}
    for name, body in re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", text, re.M | re.S):
        for head, rows in re.findall(r"^\| (\w+) \|.*\n\|[-|]+\n((?:\|.*\n)+)", body, re.M):
            cells = [[c.strip() for c in row.strip("|").split("|")] for row in rows.splitlines()]
            if head == "key":
                keys[name] = {c[0].strip("`"): c[1] for c in cells}
            else:
                others[head] = [c[0].strip("`") for c in cells]
    return keys, others


SECTIONS, OTHERS = tables(DOCUMENT.read_text())
REASONS = set(OTHERS["reason"])


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


PLAIN = {
    "text": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "whole": is_whole,
    "number": lambda v: is_whole(v) or isinstance(v, float),
    **dict.fromkeys(("ns", "bytes", "count"), lambda v: is_whole(v) and v >= 0),
}


def compare(value, kind, where, seen):
    """Raises where a value is not as documented; adds the keys that were met to @seen."""
    if kind.endswith(" or null"):
        if value is not None:
            compare(value, kind[:-len(" or null")], where, seen)
    elif " by " in kind:
        each, _, name = kind.rpartition(" by ")
        assert isinstance(value, dict), where
        if name == "REASON":
            assert set(value) <= REASONS, where
        for key, one in value.items():
            compare(one, each, f"{where}.{key}", seen)
    elif kind.startswith("list of "):
        assert isinstance(value, list), where
        for one in value:
            compare(one, kind[len("list of "):], f"{where}[]", seen)
    elif kind in PLAIN:
        assert PLAIN[kind](value), (where, kind, value)
    else:
        assert set(value) <= set(SECTIONS[kind]), (where, set(value) - set(SECTIONS[kind]))
        for key, one in value.items():
            seen.add(f"{kind}.{key}")
            compare(one, SECTIONS[kind][key], f"{where}.{key}", seen)


EVERYTHING = """
set -e
"$2" > "$1/listing" &
cat /nowhere/at-all 2>/dev/null || true
dd if=/dev/zero of="$1/file" bs=64k count=4 conv=fsync 2>/dev/null
dd if="$1/file" of=/dev/null bs=64k iflag=nocache 2>/dev/null
sh -c 'kill -9 $$' || true
"$3" plain 1000 > /dev/null
sleep 0.1
wait
"""


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    """Of runs that have something in every section, together."""
    folder = tmp_path_factory.mktemp("schema")
    out = folder / "report"
    command = ["/bin/sh", "-c", EVERYTHING, "sh", folder, "/bin/true", program("net")]

    def report(*options, words=command):
        done = subprocess.run([KYMO, "run", "-q", f"--json={out}", *options, *words],
                              capture_output=True, text=True, timeout=100)
        assert out.exists(), done.stderr
        found = json.loads(out.read_text())
        out.unlink()
        return found

    found = [
        report("--syscalls", "--files", "--timeline", "20ms", "--cgroup", "-r", "2", "--"),
        report("--syscalls=count", "--"),
        report("--rung", "ptrace", "--"),
        report("--rung", "proc", "--"),
        report("--", words=["/bin/sh", "-c", "kill -9 $$"]),
    ]
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        found.append(report("-d", "0.1", "-p", str(sleeper.pid), words=[]))
        sleeper.kill()
    return found


def test_every_key_is_documented(documents):
    assert SECTIONS["report"]["processes"] == "list of process" and REASONS >= {"lock", "unknown"}
    for found in documents:
        compare(found, "report", "report", set())


def test_every_documented_key_is_written(documents):
    seen = set()
    for found in documents:
        compare(found, "report", "report", seen)
    wanted = {f"{name}.{key}" for name, keys in SECTIONS.items() for key in keys}
    assert seen <= wanted
    missing = wanted - seen - NOT_EVERYWHERE
    if os.geteuid() == 0 and not any(d.get("block", {}).get("devices") for d in documents):
        missing = {key for key in missing if not key.startswith("device.")}  # /tmp is memory
    assert missing == set()


def test_the_version_is_that_of_the_document(documents):
    text = DOCUMENT.read_text()
    for found in documents:
        assert f"| `schema_version` | count | {found['schema_version']} |" in text
        assert f"| `schema` | text | `{found['schema']}` |" in text


def test_statuses_are_those_of_the_document():
    table = re.search(r"## Exit status\n\n\| status.*\n\|[-|]+\n((?:\|.*\n)+)", DOCUMENT.read_text())[1]
    said = {number for row in table.splitlines() for number in re.findall(r"\d+", row.split("|")[1])}
    tried = {}
    for status, words in {
            "2": ["run"], "127": ["run", "-q", "--", "/nowhere/at-all"],
            "126": ["run", "-q", "--", "/etc/passwd"], "125": ["run", "-o", "/no/where", "--", "true"],
            "3": ["run", "-q", "--max-processes", "1", "--", "sh", "-c", "/bin/true; exit 0"],
            "1": ["run", "-p", str(2 ** 22 - 1), "-d", "0.1"],
            "128": ["run", "-q", "--", "sh", "-c", "kill -TERM $$"],
    }.items():
        tried[status] = subprocess.run([KYMO, *words], capture_output=True, timeout=60).returncode
    tried["128"] -= signal.SIGTERM
    assert tried == {status: int(status) for status in tried}
    assert set(tried) <= said
