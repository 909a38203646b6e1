# SPDX-License-Identifier: MIT
"""What the tests of the formats share: known profiles, a real recording, and readers."""
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

import busy
from browser import Browser

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("KYMO_BUILD", TOP / "build")).absolute()
NO_NETWORK = re.compile(r"npm (?:ERR!|error) (?:code|errno) "
                        r"(ENOTFOUND|EAI_AGAIN|ECONN\w+|ETIMEDOUT|ENETUNREACH|\w*CERT\w*)")


def make(goal, *words):
    done = subprocess.run(["make", "-s", f"B={BUILD}", *words, goal], cwd=TOP, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="session")
def sample():
    """sample(FORMAT, PROFILE, "key=value"...): the bytes of a profile that sample-profile.c makes."""
    make("sample-profile")
    program = BUILD / "tests/formats/sample-profile"

    def run(format_name, profile="small", *options):
        done = subprocess.run([program, format_name, profile, *options], capture_output=True,
                              check=False)
        assert done.returncode == 0 and not done.stderr, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def recording(tmp_path_factory):
    """recording(FORMAT): the bytes of a real profile of busy.py, recorded once for each format."""
    folder = tmp_path_factory.mktemp("recording")

    def run(format_name):
        path = folder / format_name
        if not path.exists():
            busy.record(BUILD / "kymo", format_name, path)
        return path.read_bytes()

    return run


@pytest.fixture(scope="session")
def npm():
    """Where the packages of package.json are."""
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("npm is not installed")
    before = signal.alarm(600)  # a registry may be slow; the test's own limit goes on afterwards
    try:
        make("npm")
    except AssertionError as error:
        if found := NO_NETWORK.search(str(error)):
            pytest.skip(f"npm cannot reach its registry: {found[1]}")
        raise
    finally:
        signal.alarm(before)
    return BUILD / "npm/node_modules"


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    program = shutil.which("chromium")
    if not program:
        pytest.skip("chromium is not installed")
    with Browser(program, tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture
def page(browser):
    """A new tab; a script error in it fails the test."""
    opened = browser.open_page()
    yield opened
    opened.close()
    assert not opened.errors
