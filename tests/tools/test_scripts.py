# SPDX-License-Identifier: MIT
"""Shell scripts as shellcheck likes them, and ./dev where it refuses."""
import json
import os
import pathlib
import shutil
import subprocess
import urllib.request

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = [TOP, TOP / ".ci", TOP / "bench", TOP / "tests", TOP / "tools"]


def scripts():
    for folder in FOLDERS:
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.open("rb").readline() == b"#!/bin/sh\n":
                yield path


@pytest.mark.parametrize("path", scripts(), ids=lambda path: str(path.relative_to(TOP)))
def test_shellcheck(path):
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    checked = subprocess.run(["shellcheck", path], capture_output=True, text=True)
    assert checked.stdout == ""


def dev(*words, **env):
    return subprocess.run([TOP / "dev", *words], capture_output=True, text=True,
                          env={**os.environ, **env})


def test_dev_refuses_an_unknown_verb():
    done = dev("no-such-verb")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "dev: unknown verb 'no-such-verb'\nhint: ./dev help\n"


def test_dev_tells_what_each_verb_needs():
    build, test = dev("packages", "build").stdout, dev("packages", "test").stdout
    assert "libbpf-dev " in build and "python3-pytest " not in build
    assert set(build.splitlines()) < set(test.splitlines())


def test_dev_run_leaves_standard_output_to_kymo():
    done = dev("run", "--version", DEV_INSTALL="no")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("kymo ")


def test_dev_run_passes_the_status_on():
    assert dev("run", "no-such-verb", DEV_INSTALL="no").returncode == 2


def test_dev_run_serves_the_host(tmp_path):
    if os.getuid() != 0:
        pytest.skip("only root may watch the whole host")
    daemon = subprocess.Popen([TOP / "dev", "run"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, env={**os.environ, "DEV_INSTALL": "no",
                                              "DEV_STORE": str(tmp_path / "kymo.db")})
    try:
        url = daemon.stdout.readline().strip()
        page = urllib.request.urlopen(url, timeout=60).read().decode()
        assert page.startswith("<!doctype html>")
        status = json.load(urllib.request.urlopen(url + "api/v1/status", timeout=60))
        assert status["store"]["path"] == str(tmp_path / "kymo.db")
    finally:
        daemon.terminate()
        said = daemon.communicate(timeout=60)[1]
    assert daemon.returncode == 0, said
