# SPDX-License-Identifier: MIT
"""Every format of every made-up profile, with AddressSanitizer and UBSan watching."""
import itertools
import os
import shutil
import subprocess

import pytest

from conftest import BUILD, make

FORMATS = ["tree", "folded", "extended-folded", "table", "json", "pprof", "speedscope", "firefox", "svg"]
PROFILES = ["small", "hostile", "deep", "long", "server", "lossy", "empty", "large=1000"]


@pytest.fixture(scope="module")
def program():
    """Built as the stage `asan` builds, which comes before and leaves little to do."""
    make("sample-profile", f"B={BUILD}/asan", "SAN=address,undefined", "CFLAGS=-O1 -g")
    # Sanitizers of gcc 12 do not start under high-entropy address randomisation.
    fixed = ["setarch", os.uname().machine, "-R"] if shutil.which("setarch") else []
    return [*fixed, BUILD / "asan/tests/formats/sample-profile"]


def run(program, *words):
    done = subprocess.run([*program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True, check=False)
    assert done.returncode == 0 and not done.stderr, (words, done.stderr)


@pytest.mark.limit(600)
@pytest.mark.parametrize("format_name", FORMATS)
def test_format(program, format_name):
    for which in PROFILES:
        run(program, format_name, which)
        run(program, format_name, which, "title=x", "share=5", "width=80", "stacks=1", "colour=1")


@pytest.mark.limit(600)
def test_tree_of_any_width(program):
    for which, width in itertools.product(PROFILES, [1, 60, 61, 63, 66, 70, 77, 91]):
        run(program, "tree", which, f"width={width}", "ascii=1")
