# SPDX-License-Identifier: MIT
"""What runs in the kernel is valid C for arm64; that it loads there is tried by ./dev lab 6.12-arm64.  The rest of
the program's code for arm64 is part of every build."""
import pathlib
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
HEADERS = pathlib.Path("/usr/aarch64-linux-gnu/include")


def test_programs_compile_for_arm64():
    clang = shutil.which("clang-14") or shutil.which("clang")
    if not clang:
        pytest.skip("clang is not installed")
    if not (HEADERS / "asm/ptrace.h").exists():
        pytest.skip("the kernel's headers for arm64 are not installed ('./dev packages test')")
    sources = sorted(TOP.glob("src/*/*.bpf.c")) + sorted(TOP.glob("src/*/*/*.bpf.c"))
    assert sources
    done = subprocess.run([clang, "-fsyntax-only", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter",
                           "-Wno-missing-field-initializers", "-mcpu=v3", "-target", "bpf",
                           "-D__TARGET_ARCH_arm64", f"-I{HEADERS}", "-Isrc", "-Werror", *sources], cwd=TOP, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
