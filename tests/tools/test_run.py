# SPDX-License-Identifier: MIT
"""tests/run counts what happened, also when a test program dies on it."""
import importlib.machinery
import pathlib
import sys
import types

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]

REPORT = """<?xml version="1.0" encoding="UTF-8" ?>
<testsuites>
  <testsuite name="x" time="0.000" tests="4" failures="1" errors="0" skipped="1" >
    <testcase name="good" time="0.000" ></testcase>
    <testcase name="fine" time="0.000" ></testcase>
    <testcase name="bad" time="0.000" ><failure><![CDATA[1 != 2]]></failure></testcase>
    <testcase name="left" time="0.000" ><skipped/></testcase>
  </testsuite>
</testsuites>
"""
ALL_GOOD = REPORT.replace("<failure><![CDATA[1 != 2]]></failure>", "").replace("<skipped/>", "")


@pytest.fixture(scope="module")
def run():
    loader = importlib.machinery.SourceFileLoader("kymo_tests_run", str(TOP / "tests/run"))
    module = types.ModuleType(loader.name)
    module.__file__ = loader.path
    sys.modules[loader.name] = module
    loader.exec_module(module)
    return module


def tally_of(run, folder, script):
    program = folder / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return run.run_program(program, folder, [])


def says(report):
    return f"cat >&2 <<'END'\n{report}\nEND"


def test_counts_each_case(run, tmp_path):
    tally = tally_of(run, tmp_path, f"echo 'skip: no counters'\n{says(REPORT)}\nexit 1")
    assert tally.passed == 2
    assert [name for name, _ in tally.failed] == ["program: bad"]
    assert "1 != 2" in tally.failed[0][1]
    assert tally.skipped == [("program: left", "no counters")]


def test_two_groups_in_one_program(run, tmp_path):
    tally = tally_of(run, tmp_path, f"{says(ALL_GOOD)}\n{says(ALL_GOOD)}")
    assert tally.line() == "8 passed, 0 failed, 0 skipped"


@pytest.mark.parametrize("script, word", [
    ("kill -SEGV $$", "SIGSEGV"),
    (f"{says(ALL_GOOD)}\nkill -ABRT $$", "SIGABRT"),
    (f"{says(ALL_GOOD)}\nexit 23", "status 23"),  # a sanitizer speaks up at exit
    ("exit 0", "status 0"),  # no test at all
    (f"{says(REPORT[:300])}\nexit 1", "status 1"),  # died while it reported
])
def test_dying_is_failing(run, tmp_path, script, word):
    tally = tally_of(run, tmp_path, script)
    assert len(tally.failed) == 1
    assert word in tally.failed[0][1]


def test_hanging_is_failing_and_leaves_nothing_behind(run, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "PROGRAM_SECONDS", 1)
    tally = tally_of(run, tmp_path, f"sleep 60 & echo $! > {tmp_path}/pid; wait")
    assert "did not end within 1 s" in tally.failed[0][1]
    status = pathlib.Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/status")
    assert not status.exists() or "State:\tZ" in status.read_text()


def test_a_corpus_counts_by_file_and_names_the_one_that_breaks(run, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "TOP", tmp_path)
    (tmp_path / "src/elf").mkdir(parents=True)
    (tmp_path / "src/elf/cfi.fuzz.c").touch()
    corpus = tmp_path / "tests/fuzz/elf-cfi"
    corpus.mkdir(parents=True)
    for name in "abc":
        (corpus / name).write_text(name)
    program = tmp_path / "build/fuzz/elf/cfi"
    program.parent.mkdir(parents=True)

    def replay(script):
        program.write_text(f'#!/bin/sh\nfor f; do echo "$f"; {script}; done\n')
        program.chmod(0o755)
        return run.replay_corpora(tmp_path / "build/fuzz", [], None)

    assert replay("true").line() == "3 passed, 0 failed, 0 skipped"
    tally = replay('[ "${f##*/}" != b ] || kill -SEGV $$')
    assert tally.line() == "1 passed, 1 failed, 0 skipped"
    assert tally.failed[0][0].endswith("elf-cfi/b")
    for file in corpus.iterdir():
        file.unlink()
    assert "no corpus" in replay("true").failed[0][1]


def closing(run, capsys, folder, tallies):
    options = types.SimpleNamespace(build=folder)
    (folder / "log").mkdir(exist_ok=True)
    status = run.run_stages(options, {f"s{i}": lambda _, t=t: t for i, t in enumerate(tallies)})
    return status, capsys.readouterr().out.rstrip().splitlines()[-1]


def test_closing_line_and_status(run, capsys, tmp_path):
    good = run.Tally(passed=3)
    assert closing(run, capsys, tmp_path, [good, good]) == (0, "6 passed, 0 failed, 0 skipped")
    bad = run.Tally(passed=1, failed=[("x", "log")], skipped=[("y", "why")])
    assert closing(run, capsys, tmp_path, [good, bad]) == (1, "4 passed, 1 failed, 1 skipped")
    assert closing(run, capsys, tmp_path, [run.Tally()]) == (1, "0 passed, 0 failed, 0 skipped")


@pytest.mark.parametrize("second, status, line", [
    ({"passed": 1}, 0, "2 passed, 0 failed, 0 skipped"),
    ({"failed": [("x", "log")]}, 1, "1 passed, 1 failed, 0 skipped"),
    ({}, 1, "1 passed, 1 failed, 0 skipped"),  # it was not found again
])
def test_a_failed_test_is_tried_once_more(run, capsys, tmp_path, second, status, line):
    tried = []
    again = lambda: tried.append(1) or run.Tally(**second)
    bad = run.Tally(passed=1, failed=[("x", "log")], again={"x": again})
    options = types.SimpleNamespace(build=tmp_path)
    (tmp_path / "log").mkdir()
    assert run.run_stages(options, {"s": lambda _: bad}) == status
    printed = capsys.readouterr().out
    assert printed.rstrip().splitlines()[-1] == line and len(tried) == 1
    assert ("unsteady s: x" in printed) == (status == 0) and "FAILED s: x\nlog" in printed


def test_many_failed_tests_are_no_disturbance(run, capsys, tmp_path):
    names = [f"x{i}" for i in range(run.MOST_AGAIN + 1)]
    bad = run.Tally(failed=[(n, "") for n in names],
                    again={n: lambda: run.Tally(passed=1) for n in names})
    assert closing(run, capsys, tmp_path, [bad])[0] == 1


def test_a_crash_is_final(run, tmp_path):
    assert not tally_of(run, tmp_path, "kill -SEGV $$").again
    assert list(tally_of(run, tmp_path, f"{says(REPORT)}\nexit 1").again) == ["program: bad"]
    assert list(tally_of(run, tmp_path, f"{says(REPORT)}\nkill -ABRT $$").again) == ["program: bad"]


def test_a_failed_test_of_pytest_is_found_again(run, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "TOP", tmp_path)
    (tmp_path / "tests/sub").mkdir(parents=True)
    (tmp_path / "log").mkdir()
    (tmp_path / "tests/sub/test_x.py").write_text(f"""
import pathlib, pytest
@pytest.mark.parametrize("word", ["a b", "c/d[e]"])
def test_second_time(word):
    seen = pathlib.Path({str(tmp_path)!r}, word.replace("/", "-"))
    first = not seen.exists()
    seen.touch()
    assert not first
class TestOne:
    def test_never(self):
        assert False
""")
    options = types.SimpleNamespace(build=tmp_path)
    tally = run.run_pytest(options, "sub", ["tests/sub"])
    assert len(tally.failed) == 3
    ended = [tally.again[case]().line() for case, _ in tally.failed]
    assert ended == ["1 passed, 0 failed, 0 skipped"] * 2 + ["0 passed, 1 failed, 0 skipped"]
