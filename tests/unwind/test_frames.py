# SPDX-License-Identifier: MIT
"""Frames equal those of libdwfl, walked over the same registers and the same memory.

walk-beside stops a program at chance instants, so every instruction of prologues, stubs and handlers
is stopped at sooner or later.  Where libdwfl itself ends early (code made at run time, which has no
call frame information) its frames must be the first of kymo's; kymo itself may end, and say so, at a
rule that it does not follow, such as a frame address in r10 in the midst of a prologue.
"""
import json
import shutil
import subprocess

import pytest
from conftest import PROGRAMS, make, until_busy

STOPS = 250
PAUSE_US = 1500


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    for command in (
            ["gcc", "-O2", "-fomit-frame-pointer", "-fno-optimize-sibling-calls", "-Wl,-z,lazy",
             PROGRAMS / "shapes.c", "-o", folder / "shapes", "-lpthread", "-ldl"],
            ["gcc", "-O2", "-shared", "-fPIC", PROGRAMS / "library.c", "-o", folder / "library.so"],
            ["g++", "-O2", PROGRAMS / "regex.cc", "-o", folder / "regex"],
            ["g++", "-E", PROGRAMS / "regex.cc", "-o", folder / "regex.ii"]):
        subprocess.run(command, check=True, capture_output=True)
    return folder


def walk(command, stops=STOPS):
    """What walk-beside says of a running program."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as program:
        try:
            until_busy(program)
            done = subprocess.run([make("tests/unwind/walk-beside"), str(program.pid), str(stops),
                                   str(PAUSE_US)], capture_output=True, text=True, check=True)
        finally:
            program.kill()
    return json.loads(done.stdout), done.stderr


def check(command, least=STOPS * 9 // 10, stops=STOPS, whole=0.99, torn=0.01):
    figures, examples = walk(command, stops)
    assert figures["stacks"] >= least, figures
    assert figures["differ"] == 0, examples
    assert figures["kymo_shorter"] == 0, examples
    assert figures["equal"] + figures["libdwfl_shorter"] + figures["hard"] == figures["stacks"]
    assert figures["whole"] + (figures["hard"] if whole < 0.99 else 0) >= (1 - torn) * figures["stacks"]
    assert figures["whole"] >= whole * figures["stacks"], examples
    return figures


@pytest.mark.parametrize("shape", ["signal", "altstack", "plt", "drap", "sort"])
def test_shapes(programs, shape):
    figures = check([programs / "shapes", shape], whole={"plt": 0.95}.get(shape, 0.99))
    assert figures["libdwfl_shorter"] == 0


def test_a_recursion_of_1000_is_whole(programs):
    figures = check([programs / "shapes", "deep", "990"], stops=100, least=90)
    assert figures["equal"] == figures["whole"] == figures["stacks"]
    assert figures["frames"] >= 990 * figures["stacks"]


def test_a_library_that_is_loaded_and_unloaded(programs):
    # Libraries begin and end in .init and .fini, which have no call frame information: libdwfl ends there.
    # Each first call goes through _dl_runtime_resolve, whose frame is told by rbx.
    check([programs / "shapes", "library", programs / "library.so"])


def test_threads(programs):
    figures = check([programs / "shapes", "threads", "6"])
    assert figures["stacks"] > 5 * STOPS


def test_python():
    check(["/usr/bin/python3", PROGRAMS / "work.py"])


def test_a_cxx_program_that_throws(programs):
    check([programs / "regex"])


def test_a_compiler(programs):
    compiler = subprocess.run(["g++", "-print-prog-name=cc1plus"], capture_output=True, text=True,
                              check=True).stdout.strip()
    check([compiler, "-fpreprocessed", "-quiet", "-O3", programs / "regex.ii", "-o", "/dev/null"],
          least=STOPS // 2)


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
@pytest.mark.parametrize("cipher", ["chacha20-poly1305", "aes-128-gcm"])
def test_assembler_code(cipher):
    """Ciphers keep the stack pointer in r9, r11 or rax while they run and call each other."""
    check(["openssl", "speed", "-seconds", "100", "-evp", cipher])


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_node():
    check(["node", PROGRAMS / "work.js"])
