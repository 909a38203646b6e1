# SPDX-License-Identifier: MIT
"""Stacks of functions that somebody probes: return addresses that the kernel has replaced meanwhile are
those of the program again, and frames are the program's alone.
"""
import fcntl
import json
import os
import re
import struct
import subprocess
import termios
import threading
import time

import pytest
from conftest import KYMO, PROGRAMS, is_nearly_all

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/sys/bus/event_source/devices/uprobe"),
    reason="probing takes root and a kernel with uprobes")
DEPTH = 20


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    for name, frames in (("shapes", "omit"), ("shapes-fp", "no-omit")):
        subprocess.run(["gcc", "-O2", f"-f{frames}-frame-pointer", "-fno-optimize-sibling-calls",
                        "-no-pie", PROGRAMS / "shapes.c", "-o", folder / name, "-lpthread", "-ldl"],
                       check=True, capture_output=True)
    subprocess.run(["gcc", "-O2", PROGRAMS / "probe.c", "-o", folder / "probe"], check=True,
                   capture_output=True)
    return folder


def offset_of(program, function):
    """In the file, hexadecimal: its address in the segment that holds it."""
    symbols = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
    address = int(re.search(rf"^([0-9a-f]+) . {function}$", symbols, re.M)[1], 16)
    segments = subprocess.run(["readelf", "-lW", program], capture_output=True, text=True,
                              check=True).stdout
    for offset, start, size in re.findall(r"LOAD +0x(\w+) 0x(\w+) \S+ 0x(\w+)", segments):
        if int(start, 16) <= address < int(start, 16) + int(size, 16):
            return f"{address - int(start, 16) + int(offset, 16):x}"
    raise AssertionError(f"{function} is in no segment")


class Probed:
    """A shape that runs, with a probe on one function of it."""

    def __init__(self, folder, program, function, kind):
        self.process = subprocess.Popen([folder / program, function, str(DEPTH)],
                                        stdin=subprocess.PIPE)
        self.probe = subprocess.Popen(
            [folder / "probe", kind, str(self.process.pid), folder / program,
             offset_of(folder / program, function)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        assert self.probe.stdout.readline() == "probing\n"
        return self.process

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.probe.communicate()


def kymo(pid, *words):
    """Stacks of a process as lists of functions, root first, and the summary."""
    done = subprocess.run([KYMO, "profile", "-f", "json", "-p", str(pid), *words], text=True,
                          capture_output=True, check=True, timeout=60)
    *samples, summary = map(json.loads, done.stdout.splitlines())
    return [[frame["function"] for frame in sample["user"]] for sample in samples], summary


def check_frames(stacks, function):
    """main, then the function 1 to DEPTH + 1 times, then at most a function that it calls."""
    depths = set()
    for stack in stacks:
        own = stack[stack.index("main") + 1:]
        depth = own.count(function)
        if not depth:
            continue  # main() still looks at its arguments
        assert own[:depth] == [function] * depth, stack
        assert len(own) <= depth + 1, stack
        depths.add(depth)
    return depths


@pytest.mark.parametrize("kind", ["return", "entry"])
def test_samples(programs, kind):
    """Also those in the breakpoint's handler, in the copy of the instruction and on the trampoline."""
    with Probed(programs, "shapes", "climb", kind) as process:
        stacks, summary = kymo(process.pid, "-F", "999", "-d", "2")
    quality = summary["stack_quality"]
    assert quality["user_stacks"] >= 100
    assert is_nearly_all(quality["complete"], quality["user_stacks"]), quality
    whole = [stack for stack in stacks if stack and stack[0] == "_start"]
    assert len(whole) == quality["complete"]
    assert check_frames(whole, "climb") >= set(range(2, DEPTH + 1))


def test_samples_by_frame_pointers(programs):
    with Probed(programs, "shapes-fp", "climb", "return") as process:
        stacks, _ = kymo(process.pid, "-F", "999", "-d", "2", "--unwind", "fp")
    assert len(stacks) >= 100
    # A function has no frame of its own before its first instructions, or after its last.
    whole = [stack for stack in stacks if "main" in stack]
    assert len(whole) >= 0.95 * len(stacks)
    assert check_frames(whole, "climb") >= set(range(2, DEPTH + 1))


def until_it_reads(process):
    """Returns when it has taken what was sent, and sleeps again."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        waiting = struct.unpack("i", fcntl.ioctl(process.stdin, termios.FIONREAD, b"\0" * 4))[0]
        with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
            if not waiting and stat.read().rpartition(")")[2].split()[0] == "S":
                return
    raise AssertionError("it never slept")


def send_bytes(process, until):
    while not until.wait(0.02):
        process.stdin.write(b".")
        process.stdin.flush()


@pytest.mark.parametrize("how", ["one that ends", "one that does not"])
def test_waits(programs, how):
    with Probed(programs, "shapes", "dip", "return") as process:
        process.stdin.write(b".")  # down again, probed
        process.stdin.flush()
        until_it_reads(process)
        done = threading.Event()
        writer = threading.Thread(target=send_bytes, args=(process, done))
        if how == "one that ends":
            writer.start()
        stacks, summary = kymo(process.pid, "--off-cpu", "-d", "0.6")
        done.set()
        if how == "one that ends":
            writer.join()
    waits = [stack for stack in stacks if stack and not stack[-1].startswith("[")]
    assert len(waits) >= (10 if how == "one that ends" else 1)
    assert summary["stack_quality"]["complete"] == summary["stack_quality"]["user_stacks"]
    assert check_frames(waits, "dip") == {DEPTH + 1}
