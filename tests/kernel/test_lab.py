# SPDX-License-Identifier: MIT
"""The lab itself: which kernels it picks, what it writes, and one older kernel where it is at hand."""
import json
import pathlib
import shutil
import subprocess

import pytest

import kernels
import machine
import table

HERE = pathlib.Path(__file__).parent

LISTS = """Package: linux-image-6.12.9-cloud-amd64
Architecture: amd64
Version: 6.12.9-1

Package: linux-image-6.12.10-cloud-amd64
Architecture: amd64
Version: 6.12.10-1

Package: linux-image-6.12.11-cloud-amd64-unsigned
Architecture: amd64
Version: 6.12.11-1

Package: linux-image-7.2.1-cloud-amd64
Architecture: amd64
Version: 7.2.1-1

Package: linux-binary-7.2.1-cloud-amd64
Architecture: amd64
Version: 7.2.1-1
"""


@pytest.fixture
def lists(tmp_path, monkeypatch):
    monkeypatch.setattr(kernels, "CACHE", tmp_path)
    (tmp_path / "apt").mkdir()
    (tmp_path / "apt/kernels").write_text(LISTS)
    return tmp_path


def test_the_newest_package_of_a_series_first(lists):
    assert kernels.candidates("6.12", "cloud", "amd64") == [
        ("linux-image-6.12.10-cloud-amd64", "6.12.10-1"), ("linux-image-6.12.9-cloud-amd64", "6.12.9-1")]
    assert kernels.candidates("newest", "cloud", "amd64") == [("linux-binary-7.2.1-cloud-amd64", "7.2.1-1")]
    assert kernels.candidates("6.12", "rt", "amd64") == []


def test_a_kernel_that_no_suite_has(lists, monkeypatch):
    with pytest.raises(kernels.LabError, match="no suite of the mirror has a cloud kernel 5.10") as error:
        kernels.fetch("5.10", print)
    assert "--update" in error.value.hint


def test_packages_that_the_mirror_dropped(lists, monkeypatch):
    asked = []

    def apt(*words, **_):
        asked.append(words[-1])
        return subprocess.CompletedProcess(words, 100, "", "E: 404 Not Found\n")

    (lists / "debs").mkdir()
    monkeypatch.setattr(kernels, "apt", apt)
    with pytest.raises(kernels.LabError, match="none of the 2 packages it lists for 6.12: E: 404"):
        kernels.fetch("6.12", lambda text: None)
    assert [word.partition(":")[0] for word in asked] == [
        "linux-image-6.12.10-cloud-amd64", "linux-image-6.12.9-cloud-amd64"]


def test_the_table_holds_the_worst_of_each_ability(tmp_path, monkeypatch):
    for name, file in (("DATA", "data.json"), ("PAGE", "page.md"), ("README", "readme.md")):
        monkeypatch.setattr(table, name, tmp_path / file)
    table.README.write_text(f"before\n{table.BEGIN}old\n{table.END}after\n")
    rows = [{"ability": "watch tcp connect", "state": "works", "detail": "300"},
            {"ability": "watch tcp close", "state": "broken", "detail": "1 of 300"},
            {"ability": "run", "state": "part", "detail": "no peers"}]
    doctor = [{"name": "arena", "state": "absent", "reason": "none here"},
              {"name": "btf", "state": "works", "reason": ""}]
    table.keep("6.1", "6.1.2-3", rows, doctor, [], ["5.10", "6.1"])
    table.keep("5.10", "5.10.1-1", rows[2:], [], ["BUG: so it is"], ["5.10", "6.1"])
    table.write()
    assert list(json.loads(table.DATA.read_text())) == ["5.10", "6.1"]
    expected = "| | Linux 5.10 | Linux 6.1 |\n|---|---|---|\n| run | in part | in part |\n" \
        "| watch tcp |  | broken |\n"
    assert table.README.read_text() == f"before\n{table.BEGIN}{expected}{table.END}after\n"
    page = table.PAGE.read_text()
    assert expected in page and "- **watch tcp**: broken: 1 of 300" in page
    assert "arena: absent: none here" in page and "btf" not in page and "log: BUG: so it is" in page


def test_the_readme_shows_what_the_lab_wrote():
    """Neither page was edited by hand, or forgotten."""
    expected = table.compact(table.load())
    assert table.BEGIN + expected + table.END in table.README.read_text()
    assert expected in table.PAGE.read_text()


@pytest.mark.limit(300)
def test_an_older_kernel():
    """A smoke run: the package installs there, and a profile tells the truth."""
    if not kernels.cached("6.1"):
        pytest.skip("Linux 6.1 was not fetched here ('./dev lab 6.1' does)")
    for tool in (machine.MACHINES["amd64"][0][0], "debootstrap", "mke2fs", "dpkg-shlibdeps"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed ('./dev packages lab')")
    done = subprocess.run([HERE / "lab", "--only", "CPU clock", "6.1"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    line = next(line for line in done.stdout.splitlines() if "profile by the CPU clock" in line)
    assert line.split()[5:9] == ["works", "BPF", "on", "the"], done.stdout
