# SPDX-License-Identifier: MIT
"""A collector that tools/new-collector writes works, and needs no edit elsewhere."""
import os
import shutil
import subprocess

import pytest

from watching import BUILD, TOP, Watching, made, run
import watching


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the sources, with what is built of them already, and a new collector in it."""
    copy = tmp_path_factory.mktemp("tree")
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "src", "mk", "tools", "Makefile", "VERSION", "CHANGELOG.md"],
                           cwd=TOP, capture_output=True, text=True)
    if files.returncode:
        pytest.skip("no git checkout")
    for name in files.stdout.split():
        if (TOP / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, copy / name)
    (copy / "build").mkdir()
    for name in ("src", "gen", "bpf", "flags", "flags.bpf", "objects", "verbs", "collectors"):
        subprocess.run(["cp", "-a", BUILD / name, copy / "build"], check=True)
    before = {path for path in copy.rglob("*") if "build" not in path.parts}
    subprocess.run([copy / "tools/new-collector", "demo"], check=True, capture_output=True)
    new = {path for path in copy.rglob("*") if "build" not in path.parts} - before
    assert {path.parent.name for path in new if path.is_file()} == {"demo"}
    built = subprocess.run(["make", "-s", f"-j{os.cpu_count()}", "WERROR=1", "build/kymo"], cwd=copy,
                           capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return copy


def test_it_is_listed_and_it_counts(tree, monkeypatch):
    monkeypatch.setattr(watching, "KYMO", tree / "build/kymo")
    shown = subprocess.run([tree / "build/kymo", "watch"], capture_output=True, text=True)
    assert "demo seen" in shown.stdout and "--set demo.user=" in shown.stdout
    family = made("family.c")
    with Watching("demo", "--set", f"demo.user={os.getuid()}") as watch:
        pids = [run(family, "storm", "0", "")[0] for _ in range(3)]
        watch.until(event="seen", pid=pids[2])
    seen = watch.all(event="seen", comm="family-c")
    assert [record["pid"] for record in seen] == pids
    assert all(record["file"] == family and record["ppid"] == os.getpid() for record in seen)
    assert sum(row["seen"] for row in watch.all(event="programs", comm="family-c")) == 3
    assert watch.process.returncode == 0


@pytest.mark.parametrize("name", ["Demo", "a-b", "", "process"])
def test_names_that_cannot_be(tree, name):
    done = subprocess.run([tree / "tools/new-collector", name], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("new-collector: ")
