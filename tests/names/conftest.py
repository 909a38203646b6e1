# SPDX-License-Identifier: MIT
"""What the tests of names share: a compiler, and kymo's names for addresses of a file."""
import os
import pathlib
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("KYMO_BUILD", TOP / "build")).absolute()
KYMO = pathlib.Path(os.environ.get("KYMO", BUILD / "kymo")).absolute()


def make(goal):
    done = subprocess.run(["make", "-s", f"B={BUILD}", str(BUILD / goal)], cwd=TOP, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout
    return BUILD / goal


@pytest.fixture(scope="session")
def name_addresses():
    """name_addresses(FILE, ADDRESSES, WORD...): for each address its names, outermost first, as
    pairs of function and source:line; then the sentences of what was not measured."""
    program = make("tests/names/name-addresses")

    def run(path, addresses, *words):
        text = "".join(f"{address:x}\n" for address in addresses)
        done = subprocess.run([program, path, *words], input=text, capture_output=True, text=True,
                              errors="surrogateescape", check=False)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.split("\n")[:-1]
        names = [[tuple(name.rsplit(" ", 1)) for name in line.split("\t")]
                 for line in lines[:len(addresses)]]
        return names, [line.removeprefix("# ") for line in lines[len(addresses):]]

    return run


def compile_source(folder, name, source, *words, compiler="cc"):
    """Compiles one source file, told by its suffix; returns the program's path."""
    suffix = {"cc": ".c", "g++": ".cc", "clang-14": ".c", "clang++-14": ".cc"}[compiler]
    path = folder / (name + suffix)
    path.write_text(source)
    subprocess.run([compiler, *words, "-o", str(folder / name), str(path)], check=True,
                   capture_output=True)
    return folder / name
