# SPDX-License-Identifier: MIT
"""Programs that no walk may trip over: kymo ends in time, loses nothing, and says truly what it has."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest
from conftest import KYMO, PROGRAMS, is_nearly_all, until_busy

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="unwinding in the kernel takes root")


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    for command in (
            ["gcc", "-O2", "-fomit-frame-pointer", "-fno-optimize-sibling-calls",
             PROGRAMS / "shapes.c", "-o", folder / "shapes", "-lpthread", "-ldl"],
            ["gcc", "-O2", "-shared", "-fPIC", PROGRAMS / "library.c", "-o", folder / "library.so"],
            ["gcc", "-O2", PROGRAMS / "hostile.c", "-o", folder / "hostile"]):
        subprocess.run(command, check=True, capture_output=True)
    return folder


def check_loss(summary):
    """Of samples; other programs of the host begin and end as many processes as they like."""
    assert not [loss for loss in summary["coverage"]["lost"] if "samples" in loss["kind"]]


def kymo(*words, seconds=60):
    """The summary line of a profile as JSON, and what was said on standard error."""
    done = subprocess.run([KYMO, "profile", "--format", "json", *map(str, words)], text=True,
                          capture_output=True, check=False, timeout=seconds)
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    summary = json.loads(lines[-1])
    quality = summary["stack_quality"]
    assert quality["complete"] + sum(quality["reasons"].values()) == quality["user_stacks"]
    check_loss(summary)
    return quality, done.stderr


def beside(command, *words, seconds="2"):
    """Samples a program that runs already."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as program:
        try:
            until_busy(program)
            return kymo("-p", program.pid, "-d", seconds, "-F", "249", *words)
        finally:
            program.kill()


@pytest.mark.parametrize("what, reason", [
    ("garbage", "no code at the return address"),
    ("loop", "no call frame information"),
    ("unmapped", "stack not readable"),
])
def test_a_stack_that_is_none(programs, what, reason):
    quality, _ = beside([programs / "hostile", what])
    assert quality["user_stacks"] > 20
    assert quality["complete"] == 0
    assert quality["reasons"] == {reason: quality["user_stacks"]}


def test_32000_executable_mappings(programs):
    limit = int(pathlib.Path("/proc/sys/vm/max_map_count").read_text(encoding="ascii"))
    quality, _ = beside([programs / "hostile", "mappings", str(limit // 2 - 300)])
    assert quality["user_stacks"] > 20
    assert is_nearly_all(quality["complete"], quality["user_stacks"], 0.95), quality


def test_65000_mappings_of_a_file(programs):
    """As many as the kernel allows, all of them code: libc lies above them, so they are gone through."""
    limit = int(pathlib.Path("/proc/sys/vm/max_map_count").read_text(encoding="ascii"))
    wanted = min(limit, 65530) - 100
    with subprocess.Popen([programs / "hostile", "files", str(wanted), programs / "library.so"],
                          stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout.readline() == f"{wanted} mappings\n"
            quality, _ = kymo("-p", program.pid, "-d", "3", "-F", "249")
        finally:
            program.kill()
    assert quality["user_stacks"] > 20
    assert is_nearly_all(quality["complete"], quality["user_stacks"], 0.95), quality


def test_a_recursion_of_1000_is_whole(programs):
    quality, _ = beside([programs / "shapes", "deep", "990"])
    assert quality["user_stacks"] > 30
    # Those taken before the kernel side had the tables come with a piece of the stack only; and now and
    # then the memory manager holds a page of it.
    assert quality["complete"] >= 0.9 * quality["user_stacks"]
    assert set(quality["reasons"]) <= {"mappings not known in time", "stack not readable"}
    assert quality["reasons"].get("stack not readable", 0) <= 0.03 * quality["user_stacks"]


def test_deeper_than_the_limit_says_so(programs):
    quality, _ = beside([programs / "shapes", "deep", "3000"])
    assert quality["reasons"].get("too deep", 0) >= 0.9 * quality["user_stacks"]


def test_dlopen_and_dlclose_in_a_loop(programs):
    quality, _ = beside([programs / "shapes", "library", programs / "library.so"])
    assert quality["user_stacks"] > 30
    assert quality["complete"] >= 0.9 * quality["user_stacks"]


def test_a_signal_handler_and_the_code_it_interrupts(programs):
    for shape in ("signal", "altstack"):
        quality, _ = beside([programs / "shapes", shape])
        assert quality["user_stacks"] > 20
        assert is_nearly_all(quality["complete"], quality["user_stacks"]), quality


def test_thousands_of_threads(programs):
    with subprocess.Popen([programs / "shapes", "sleepers", "10000"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        try:
            assert program.stdout.readline() == "started\n"
            threads = len(os.listdir(f"/proc/{program.pid}/task"))
            if threads < 1000:
                pytest.skip(f"only {threads} threads are allowed here")
            quality, _ = kymo("-p", program.pid, "-d", "2")
        finally:
            program.kill()
    assert quality["user_stacks"] > 20
    assert is_nearly_all(quality["complete"], quality["user_stacks"]), quality


def test_a_storm_of_forks_and_execs(programs):
    script = "for i in $(seq 150); do /bin/true; (:); /bin/ls / >/dev/null; done"
    quality, _ = kymo("-F", "999", "--", "/bin/sh", "-c", script)
    assert quality["user_stacks"] > 50
    assert quality["complete"] >= 0.9 * quality["user_stacks"]


def test_a_process_of_50_ms_has_whole_stacks(programs):
    stacks = whole = 0
    for _ in range(5):
        quality, _ = kymo("-F", "999", "--", programs / "shapes", "for", "50")
        stacks += quality["user_stacks"]
        whole += quality["complete"]
    assert stacks >= 20
    assert is_nearly_all(whole, stacks, 0.95)


BROKEN = """
import sys
data = bytearray(open(sys.argv[1], "rb").read())
at, size = int(sys.argv[3]), int(sys.argv[4])
for i in range(at, at + size):
    data[i] = (i * 7 + 3) & 255
open(sys.argv[2], "wb").write(data)
"""


def section(path, name):
    text = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True,
                          check=True).stdout
    match = re.search(rf" {re.escape(name)}\s+\S+\s+[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+)", text)
    return str(int(match[1], 16)), str(int(match[2], 16))


@pytest.mark.parametrize("name", [".eh_frame", ".eh_frame_hdr"])
def test_broken_call_frame_information(programs, tmp_path, name):
    broken = tmp_path / "broken"
    subprocess.run(["/usr/bin/python3", "-c", BROKEN, programs / "shapes", broken,
                    *section(programs / "shapes", name)], check=True)
    broken.chmod(0o755)
    quality, _ = beside([broken, "sort"])
    assert quality["user_stacks"] > 20
    if name == ".eh_frame":
        assert quality["complete"] < 0.5 * quality["user_stacks"]
    else:  # it is found by one pass over .eh_frame
        assert is_nearly_all(quality["complete"], quality["user_stacks"], 0.95), quality


def test_no_call_frame_information_is_named(programs, tmp_path):
    bare = tmp_path / "bare"
    subprocess.run(["gcc", "-O2", "-fomit-frame-pointer", "-fno-asynchronous-unwind-tables",
                    "-fno-unwind-tables", PROGRAMS / "shapes.c", "-o", bare, "-lpthread", "-ldl"],
                   check=True, capture_output=True)
    quality, said = beside([bare, "deep", "20"])
    assert quality["complete"] < 0.5 * quality["user_stacks"]
    assert "-fasynchronous-unwind-tables" in said and str(bare) in said


def memlock(pid):
    """Bytes of kernel memory of the two maps of unwind tables, by their sizes of value, and of all maps."""
    tables = every = 0
    for info in pathlib.Path(f"/proc/{pid}/fdinfo").glob("*"):
        try:
            text = info.read_text(encoding="ascii")
        except OSError:
            continue
        fields = dict(re.findall(r"^(\w+):\t(\S+)", text, re.M))
        every += int(fields.get("memlock", 0)) if "map_type" in fields else 0
        if fields.get("map_type") == "1" and int(fields["value_size"]) > 1000:
            tables += int(fields["memlock"])
    return tables, every


def in_a_budget(folder, budget, *command):
    """The most kernel memory that a profile has had at once, of its tables and of all maps; its quality."""
    with subprocess.Popen([KYMO, "profile", "--format", "json", "-F", "999", "--unwind-memory", budget,
                           "-o", folder / "out", "--", *command],
                          stderr=subprocess.PIPE, text=True) as profile:
        most = (0, 0)
        while profile.poll() is None:
            most = tuple(map(max, most, memlock(profile.pid)))
            time.sleep(0.05)
        said = profile.stderr.read()
    with open(folder / "out", encoding="utf-8") as file:
        summary = json.loads(file.readlines()[-1])
    assert profile.returncode == 0, said
    check_loss(summary)
    quality = summary["stack_quality"]
    assert quality["complete"] + sum(quality["reasons"].values()) == quality["user_stacks"]
    return most, quality


@pytest.mark.limit(200)
def test_a_small_budget_holds(programs, tmp_path):
    """200 binaries, and compilers with many pages, in 1 MB: blocks are evicted, stacks stay whole."""
    for i in range(200):
        shutil.copy(programs / "shapes", tmp_path / f"program{i}")
    script = (f"for i in $(seq 0 199); do {tmp_path}/program$i for 10; done; "
              f"g++ -O2 -c {PROGRAMS}/regex.cc -o /dev/null")
    (tables, _), quality = in_a_budget(tmp_path, "1M", "/bin/sh", "-c", script)
    assert 100_000 < tables <= 1 << 20, tables
    assert quality["user_stacks"] > 500
    assert quality["complete"] >= 0.9 * quality["user_stacks"], quality


@pytest.mark.limit(200)
def test_a_thousand_binaries_in_the_budget(programs, tmp_path):
    """Each has a table and a mapping of its own, and stacks that go through it."""
    for i in range(1000):
        shutil.copy(programs / "library.so", tmp_path / f"library{i}")
    (tables, every), quality = in_a_budget(tmp_path, "2M", programs / "shapes", "libraries", "1000",
                                           tmp_path / "library")
    assert 1 << 20 < tables <= 2 << 20, tables
    assert every <= 24 << 20, every
    assert quality["user_stacks"] > 500
    assert quality["complete"] >= 0.9 * quality["user_stacks"], quality
