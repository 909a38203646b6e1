# SPDX-License-Identifier: MIT
"""`kymo query` and `kymo export`: a file and a daemon give the same; what was recorded comes out whole."""
import csv
import gzip
import io
import json
import re
import subprocess

import pytest

from serving import KYMO, Serving, until

BURN = ("/bin/sh", "-c", "while :; do :; done")


def kymo(*words):
    return subprocess.run([KYMO, *map(str, words)], capture_output=True, timeout=120, check=False)


def lines(*words):
    done = kymo(*words)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A daemon, and what ran under it: a burner, and a few ends of /bin/true."""
    with Serving(tmp_path_factory.mktemp("serve")) as serving:
        with subprocess.Popen(BURN) as burner:
            try:
                until(lambda: (serving.rows("SELECT sum(samples) AS n FROM sample WHERE pid = ?",
                                            burner.pid)[0]["n"] or 0) > 20, "samples")
            finally:
                burner.kill()
        serving.burner = burner.pid
        serving.ended = []
        for _ in range(5):
            with subprocess.Popen(["/bin/true"]) as process:
                serving.ended.append(process.pid)
        marks = ",".join(map(str, serving.ended))
        until(lambda: len(serving.rows(f"SELECT * FROM process_exit WHERE pid IN ({marks})")) == 5,
              "ends")
        serving.until = f"end={serving.rows('SELECT max(at_unix_ns) AS at FROM process_exit')[0]['at']}"
        yield serving


@pytest.fixture(params=["file", "daemon", "url"])
def source(recorded, request):
    if request.param == "file":
        return "--store", recorded.store
    return "--connect", recorded.url + ("/" if request.param == "url" else "")


def test_records_are_found_by_condition(recorded, source):
    pid = recorded.ended[0]
    rows = lines("query", "process.exec", f"pid={pid}", "--json", *source)
    assert [row["argv"] for row in rows] == [["/bin/true"]]
    rows = lines("query", "process", "--pid", pid, "--json", "order=asc", *source)
    assert [row["event"] for row in rows][-2:] == ["exec", "exit"]
    rows = lines("query", "process.exit,process.exec", f"pid={pid}", "exit_code!=0", "--json", *source)
    assert not [row for row in rows if row["event"] == "exit"]
    rows = lines("query", "processes", f"pid={pid}", "--json", *source)
    assert len(rows) == 1 and rows[0]["exit_code"] == 0


def test_an_export_is_whole_and_in_order(recorded, source, tmp_path):
    path = tmp_path / "out.jsonl"
    done = kymo("export", "process", recorded.until, "-o", path, *source)
    assert done.returncode == 0 and not done.stdout, done.stderr
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(int(row["at_unix_ns"]), int(row["seq"])) for row in rows] == \
        sorted((int(row["at_unix_ns"]), int(row["seq"])) for row in rows)
    ends = {row["pid"] for row in rows if row["event"] == "exit"}
    assert set(recorded.ended[:4]) <= ends
    assert path.stat().st_mode & 0o777 == 0o600
    assert f"{len(rows)} rows".encode() in done.stderr


def test_pages_are_asked_for_until_all_is_there(recorded, source):
    """More rows than come at once: the pages of the collectors that write the most."""
    limited = lines("query", "records", "--json", "-n", 7, *source)
    assert len(limited) == 7
    assert [int(row["at_unix_ns"]) for row in limited] == \
        sorted((int(row["at_unix_ns"]) for row in limited), reverse=True)
    told = kymo("query", "records", "--json", "-n", 7, *source).stderr
    assert b"there are more" in told


def test_csv_has_every_key_once(recorded, source):
    done = kymo("export", "process.exit,process.exec", "--csv", recorded.until, *source)
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    assert len(rows[0]) == len(set(rows[0])) and {"argv", "exit_code", "cwd"} <= set(rows[0])
    mine = [row for row in rows if row["pid"] == str(recorded.ended[0])]
    assert [row["event"] for row in mine] == ["exec", "exit"]
    assert mine[0]["argv"] == "/bin/true" and mine[0]["exit_code"] == ""
    assert mine[1]["exit_code"] == "0"


def test_a_table_is_for_people(recorded, source):
    done = kymo("query", "process.exit", f"pid={recorded.ended[0]}", *source)
    head, line = done.stdout.decode().splitlines()
    assert head.split() == ["TIME", "EVENT", "PID", "COMM"]
    assert re.match(rf"\S+Z +process\.exit +{recorded.ended[0]} +true ", line)
    done = kymo("query", "functions", "--pid", recorded.burner, *source)
    head, line = done.stdout.decode().splitlines()[:2]
    assert "self_ns" in head and re.match(r" +\d+ +\d+ +\d+ +\d+  ", line)


def test_every_format_of_a_profile(recorded, source, tmp_path):
    whose = ("--pid", recorded.burner, *source)
    tree = json.loads(kymo("query", "profiles", "--json", *whose).stdout)
    assert tree["samples"] > 20
    folded = kymo("query", "profiles", "-f", "folded", *whose).stdout.decode()
    weights = [int(line.rsplit(" ", 1)[1]) for line in folded.splitlines()]
    assert sum(weights) == tree["samples"]
    assert b"<svg" in kymo("query", "profiles", "-f", "svg", *whose).stdout
    assert gzip.decompress(kymo("export", "profiles", *whose).stdout)
    for name in "speedscope", "firefox":
        json.loads(kymo("query", "profiles", "-f", name, *whose).stdout)
    assert b"HOTTEST FUNCTIONS" in kymo("query", "profiles", *whose).stdout
    path = tmp_path / "x.svg"
    assert kymo("query", "profiles", "-o", path, *whose).returncode == 0
    assert "<svg" in path.read_text()


def test_two_spans_are_compared(recorded, source):
    whose = ("--pid", recorded.burner, *source)
    done = kymo("diff", "--before=-3h..-2h", "--after=-1h..now", *whose)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    assert lines[0].split() == "before 0.0 s with samples, 0 samples, 0.00 s in all".split()
    assert lines[1].startswith("after") and lines[3].split()[-1] == "FUNCTION"
    before, after, change = map(float, lines[4].split()[:3])
    assert before == 0 and after > 0 and change == after
    tree = json.loads(kymo("diff", "--before=-3h..-2h", "--after=-1h..", "--json", *whose).stdout)
    assert tree["before"]["samples"] == 0 and tree["after"]["samples"] > 20
    waits = kymo("diff", "--before=-3h..-2h", "--after=-1h..", "--kind", "wall", *source)
    assert waits.returncode == 0 and b"[waiting: " in waits.stdout


@pytest.mark.parametrize("words,said", [
    (("diff", "--before=-1h..now"), "two spans of time are compared"),
    (("diff", "--before=-1h", "--after=-1h.."), "'-1h' is no span of time"),
    (("diff", "--before=-1h..soon", "--after=-1h.."), "'soon' is no time"),
    (("diff", "--before=now..-1h", "--after=-1h.."), "does not lie behind"),
    (("query",), "what is asked for?"),
    (("query", "nonsense"), "there is no '/api/v1/nonsense'"),
    (("query", "proces"), "did you mean 'process'?"),
    (("query", "process", "pidd=1"), "did you mean 'pid'?"),
    (("query", "process", "pid"), "'pid' is no condition"),
    (("query", "process", "--start", "soon"), "'soon' is no time"),
    (("query", "process", "-f", "svg"), "'--format' is of profiles"),
    (("query", "profiles", "--csv"), "a profile has no rows"),
    (("query", "process", "cursor=1-1-1"), "the cursor belongs to another question"),
])
def test_what_makes_no_sense_is_told(recorded, source, words, said):
    done = kymo(*words, *source)
    assert done.returncode in (1, 2) and said in done.stderr.decode() and not done.stdout


def test_nobody_answers(tmp_path):
    done = kymo("query", "process", "--connect", "127.0.0.1:1")
    assert done.returncode == 1 and b"no kymo answers at '127.0.0.1:1'" in done.stderr
    done = kymo("query", "process", "--connect", tmp_path / "none.sock")
    assert done.returncode == 1 and b"no kymo answers" in done.stderr
    done = kymo("query", "process", "--store", tmp_path / "none.db")
    assert done.returncode == 1 and b"there is no store" in done.stderr
    (tmp_path / "text.db").write_text("no database, but a text that is long enough to be one\n" * 20)
    done = kymo("query", "process", "--store", tmp_path / "text.db")
    assert done.returncode == 1 and b"not a database" in done.stderr
    done = kymo("query", "process", "--connect", "ftp://x")
    assert done.returncode == 1 and b"is no address that can be asked" in done.stderr
