# SPDX-License-Identifier: MIT
"""The lab itself: which kernels it picks, what it writes, and one older kernel where it is at hand."""
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess

import pytest

import initramfs
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


def silent(_):
    pass


def test_a_download_that_is_broken(lists, monkeypatch):
    """apt refuses what does not match the signed list; what it took all the same must still unpack."""
    def refuses(*words, **_):
        return subprocess.CompletedProcess(words, 100, "", "E: Failed to fetch it  Hash Sum mismatch\n")

    def leaves_half(*words, cwd, **_):
        name, _, version = words[-1].replace(":amd64", "").partition("=")
        (cwd / f"{name}_{version}_amd64.deb").write_bytes(b"!<arch>\nhalf")
        return subprocess.CompletedProcess(words, 0, "", "")

    (lists / "debs").mkdir()
    monkeypatch.setattr(kernels, "apt", refuses)
    with pytest.raises(kernels.LabError, match="Hash Sum mismatch"):
        kernels.fetch("6.12", silent)
    monkeypatch.setattr(kernels, "apt", leaves_half)
    with pytest.raises(kernels.LabError, match="cannot unpack linux-image-6.12.10") as error:
        kernels.fetch("6.12", silent)
    assert "space" in error.value.hint
    assert kernels.cached("6.12") is None


def test_a_mirror_without_some_suites_and_without_any(tmp_path, monkeypatch):
    """A folder without anything is a mirror that lacks every suite."""
    said = []
    monkeypatch.setattr(kernels, "CACHE", tmp_path)
    monkeypatch.setattr(kernels, "mirrors", lambda: (f"file:{tmp_path}/none", f"file:{tmp_path}/none"))
    with pytest.raises(kernels.LabError, match="gives no list of packages"):
        kernels.update(silent)
    monkeypatch.setattr(kernels, "suites_that_answer", lambda: (["sid"], [], ["bullseye", "bookworm"]))
    kernels.update(said.append)
    assert "the mirror lacks bullseye, bookworm: kernels of those are not to be had" in said
    assert "sid" in (tmp_path / "apt/sources.list").read_text()
    with pytest.raises(kernels.LabError, match="no suite of the mirror has"):
        kernels.fetch("5.10", silent)


def test_no_space(tmp_path, monkeypatch):
    monkeypatch.setattr(kernels, "CACHE", tmp_path)
    monkeypatch.setattr(kernels, "LEAST_FREE", 1 << 62)
    with pytest.raises(kernels.LabError, match="of space") as error:
        kernels.update(silent)
    assert "KYMO_LAB_CACHE" in error.value.hint
    if not shutil.which("mke2fs"):
        pytest.skip("mke2fs is not installed ('./dev packages lab')")
    monkeypatch.setattr(machine, "IMAGE_MIB", 1)
    (tmp_path / "root").mkdir()
    (tmp_path / "root/large").write_bytes(os.urandom(2 << 20))
    with pytest.raises(kernels.LabError, match="cannot make the image of a disk"):
        machine.write_image(tmp_path / "root", tmp_path / "image")


def a_kernel(tmp_path):
    return kernels.Kernel("6.1", "6.1.2-3", "amd64", tmp_path / "vmlinuz")


def test_without_qemu(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "MACHINES", {"amd64": (["qemu-of-nobody"], "ttyS0", "qemu-system-x86")})
    with pytest.raises(kernels.LabError, match="'qemu-of-nobody' is missing") as error:
        machine.run_machine(a_kernel(tmp_path), [], "", 10)
    assert error.value.hint == "apt-get install qemu-system-x86"


def lab_module():
    loader = importlib.machinery.SourceFileLoader("lab_script", str(HERE / "lab"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("lab_script", loader))
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("what", ["hangs", "panics"])
def test_a_machine_that_does_not_come_to_its_end(what, tmp_path, monkeypatch, capsys):
    """Its log is shown, it is stopped, and the next kernel has its turn."""
    if not shutil.which("mke2fs"):
        pytest.skip("mke2fs is not installed ('./dev packages lab')")
    lab = lab_module()
    console = "echo 'LAB begin'; echo 'Kernel panic - not syncing: so it is'"
    program = f"{console}; {'exec sleep 1000' if what == 'hangs' else 'exit 0'}"
    asked = []
    for name, value in (("MACHINES", {"amd64": (["sh", "-c", program], "ttyS0", "none")}), ("CACHE", tmp_path),
                        ("root_image", lambda *_: tmp_path / "image"), ("JOB_MIB", 8)):
        monkeypatch.setattr(machine, name, value)
    monkeypatch.setattr(kernels, "fetch", lambda word, say: asked.append(word) or a_kernel(tmp_path))
    monkeypatch.setattr(lab, "SECONDS", 2)
    monkeypatch.setattr(table, "keep", lambda *_: pytest.fail("nothing is known of it"))
    (tmp_path / "kymo.deb").touch()
    (tmp_path / "programs").mkdir()
    for word in ("5.10", "6.1"):
        needs = lab.prepared(word, lambda arch: (tmp_path / "kymo.deb",) * 2 + (tmp_path / "programs",))
        assert not lab.goes_on(lab.tried, word, *needs, "")
    assert asked == ["5.10", "6.1"]
    shown = capsys.readouterr().out
    assert shown.count("did not come to its end") == 2 and "Kernel panic - not syncing: so it is" in shown


def test_a_program_that_became_dearer_to_verify(tmp_path, monkeypatch):
    """The first time it is written down; what grows by half is broken, and stays as it was until it is blessed."""
    lab = lab_module()
    monkeypatch.setattr(lab, "VERIFIER", tmp_path / "verifier.json")
    lab.VERIFIER.write_text("{}")

    def said(count):
        return [{"ability": "run", "state": "works", "detail": ""}, {"verifier": {"watch": {"one": count, "two": 5}}}]

    def known():
        return json.loads(lab.VERIFIER.read_text())["6.1"]["watch"]["one"]

    assert lab.budget("6.1", said(100), False) == [] and known() == 100
    assert lab.budget("6.1", said(140), False) == [] and known() == 100
    row, = lab.budget("6.1", said(200), False)
    assert row["state"] == "broken" and "{'one': (100, 200)}" in row["detail"] and known() == 100
    assert lab.budget("6.1", said(200), True) == [] and known() == 200
    assert lab.budget("6.1", [], False) == []


def test_modules_stand_behind_what_they_depend_on(tmp_path):
    for name, depends in (("nvme", "nvme-core"), ("nvme-core", ""), ("ext4", "jbd2,mbcache"), ("jbd2", "crc32c"),
                          ("mbcache", ""), ("crc32c", ""), ("dm-flakey", "ext4")):
        (tmp_path / f"{name}.ko").write_bytes(b"\0depends=" + depends.encode() + b"\0")
    names = [name for name, _ in initramfs.needed(tmp_path)]
    assert sorted(names) == ["crc32c", "ext4", "jbd2", "mbcache", "nvme", "nvme_core"]
    assert names.index("nvme_core") < names.index("nvme")
    assert names.index("crc32c") < names.index("jbd2") < names.index("ext4")
    assert initramfs.needed(tmp_path / "empty") == []


def test_a_module_that_is_wanted_by_another_name(tmp_path):
    """ext4 of a real-time kernel wants whatever reckons crc32c; without it the root is not mounted."""
    for name, said in (("nvme", b"depends="), ("ext4", b"softdep=pre: crypto-crc32c\0depends="),
                       ("crc32c-intel", b"alias=crypto-crc32c\0depends=helper"), ("helper", b"depends="),
                       ("crc32c-of-another", b"alias=crypto-other\0depends=")):
        (tmp_path / f"{name}.ko").write_bytes(b"\0" + said + b"\0")
    names = [name for name, _ in initramfs.needed(tmp_path)]
    assert names == ["nvme", "helper", "crc32c_intel", "ext4"]


def test_the_archive_is_one_that_cpio_reads():
    """By a reader that is not ours: busybox, or cpio."""
    tool = next(([name, *more] for name, *more in (("cpio",), ("busybox", "cpio")) if shutil.which(name)), None)
    if not tool:
        pytest.skip("neither cpio nor busybox is installed ('./dev packages test')")
    done = subprocess.run([*tool, "-t"], input=initramfs.archive([("nvme", b"one"), ("ext4", b"two")]),
                          capture_output=True, check=True)
    assert done.stdout.decode().split() == ["dev", "modules", "root", "modules/00-nvme.ko", "modules/01-ext4.ko",
                                            "init"]


def test_the_table_holds_the_worst_of_each_ability(tmp_path, monkeypatch):
    for name, file in (("DATA", "data.json"), ("PAGE", "page.md"), ("README", "readme.md")):
        monkeypatch.setattr(table, name, tmp_path / file)
    table.README.write_text(f"before\n{table.BEGIN}old\n{table.END}after\n")
    rows = [{"ability": "watch tcp connect", "state": "works", "detail": "300"},
            {"ability": "watch tcp close", "state": "broken", "detail": "1 of 300"},
            {"ability": "run", "state": "part", "detail": "no peers"}]
    doctor = [{"name": "arena", "state": "absent", "reason": "none here"},
              {"name": "btf", "state": "works", "reason": ""}]
    table.keep("6.1", "6.1.2-3", rows, doctor, [])
    table.keep("6.1", "6.1.2-3", rows[:2], doctor, [], True)  # some of them once more: the others stay
    table.keep("5.10+lockdown", "5.10.1-1", rows[2:], [], ["BUG: so it is"])
    table.write()
    assert list(json.loads(table.DATA.read_text())) == ["5.10+lockdown", "6.1"]
    expected = "| | Linux 5.10, lockdown=confidentiality | Linux 6.1 |\n|---|---|---|\n| run | in part | in part |\n" \
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
    assert line.split()[5] == "works" and line.split()[8:11] == ["BPF", "on", "the"], done.stdout
