# SPDX-License-Identifier: MIT
"""The daemon: what it records, how it begins and ends, and what it refuses."""
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from serving import KYMO, PATIENCE_SECONDS, Serving, curl, until


def test_records_go_to_a_file_that_sqlite3_reads(tmp_path):
    with Serving(tmp_path) as serve:
        word = f"recorded-{os.getpid()}"
        process = subprocess.Popen(["/bin/sh", "-c", "exit 7", word])
        process.wait()
        row = serve.row("SELECT * FROM process_exec WHERE argv LIKE ? AND pid = ?", f"%{word}%",
                        process.pid)
        assert row["file"] == "/bin/sh" and row["argv"] == f'["/bin/sh","-c","exit 7","{word}"]'
        assert row["ppid"] == os.getpid() and row["uid"] == os.getuid()
        assert abs(row["at_unix_ns"] / 1e9 - time.time()) < 3600
        end = serve.row("SELECT * FROM process_exit WHERE pid = ?", process.pid)
        assert end["exit_code"] == 7 and end["seq"] > row["seq"]
        assert oct(os.stat(serve.store).st_mode)[-3:] == "600"
    if shutil.which("sqlite3"):
        answer = subprocess.run(["sqlite3", serve.store, "PRAGMA integrity_check"],
                                capture_output=True, text=True, check=True)
        assert answer.stdout == "ok\n"


def test_a_stream_tells_what_its_collectors_lost(tmp_path):
    """And nothing of what others did: whoever asks for ends of processes lacks none of these."""
    with Serving(tmp_path) as serve:
        serve.row("SELECT * FROM process_exit")
        serve.end()
        database = sqlite3.connect(serve.store)
        (mark,) = database.execute("SELECT value FROM meta WHERE key = 'seq'").fetchone()
        with database:
            for name in "process", "runq", "profile":
                database.execute("UPDATE meta SET value = value + 1 WHERE key = 'seq'")
                database.execute("INSERT INTO loss SELECT value, ?, 'any', 'of a test', 7, 1, 2 FROM meta WHERE "
                                 "key = 'seq'", (name,))
        database.close()
    with Serving(tmp_path) as serve:
        def told(kinds):
            text = curl("-N", "--max-time", "3", f"{serve.url}/api/v1/events?after={mark}{kinds}").stdout
            lost = [json.loads(part.split("data: ")[1]) for part in text.split("\n\n")[:-1]
                    if "event: lost\n" in part]
            return {one["collector"] for one in lost if one["reason"] == "of a test" and one["count"] == 7}

        for kinds, whose in (("&type=process.exit", {"process"}), ("&type=runq,process.exec", {"process", "runq"}),
                             ("", {"process", "runq", "profile"})):
            until(lambda k=kinds, w=whose: told(k) == w, f"what {whose} lost and nobody else, of '{kinds}'")


def test_nothing_that_was_seen_is_lost_at_the_end(tmp_path):
    with Serving(tmp_path) as serve:
        process = subprocess.Popen(["/bin/true"])
        process.wait()
        assert serve.end() == 0
        assert serve.rows("SELECT * FROM process_exit WHERE pid = ?", process.pid)
        assert serve.rows("SELECT value FROM meta WHERE key = 'is_open'")[0]["value"] == 0
        assert not serve.rows("SELECT * FROM loss WHERE collector = 'kymo'")


def test_the_whole_host_is_sampled(tmp_path):
    with Serving(tmp_path, **{"profile.rate_hz": 199}) as serve:
        burner = subprocess.Popen(["/usr/bin/python3", "-c", "while True: pass"])
        try:
            row = serve.row("SELECT * FROM sample WHERE pid = ? AND stack LIKE '%;%'", burner.pid)
            assert row["comm"] == "python3" and row["samples"] > 0 and row["weight_ns"] > 0
        finally:
            burner.kill()
            burner.wait()
        slices = serve.rows("SELECT * FROM profile")
        assert all(one["from_unix_ns"] < one["to_unix_ns"] for one in slices)


def test_the_state_of_each_collector_is_told(tmp_path):
    with Serving(tmp_path) as serve:
        assert serve.get("/healthz") == {"status": "ok"}
        assert serve.get("/readyz") == {"status": "ready"}
        status = serve.get("/api/v1/status")
        states = {part["name"]: part["state"] for part in status["collectors"]}
        assert states["process"] == states["profile"] == "on" and states["syscall"] == "off"
        assert status["store"]["writable"] is True and status["reasons"] == []
        listed = subprocess.run([KYMO, "watch"], capture_output=True, text=True, check=True).stdout
        names = {line.split()[0] for line in listed.splitlines() if line and line[0] != " "}
        assert set(states) == names | {"waits", "profile"}


def test_collectors_are_switched_while_it_runs(tmp_path):
    with Serving(tmp_path) as serve:
        assert serve.switch("process", False) == 202
        until(lambda: serve.part("process")["state"] == "off", "off")
        assert serve.status("/readyz") == 200  # nobody wants it
        assert serve.switch("process", True) == 202
        until(lambda: serve.part("process")["state"] == "on", "on")
        process = subprocess.Popen(["/bin/true"])
        process.wait()
        serve.row("SELECT * FROM process_exit WHERE pid = ?", process.pid)
        assert serve.switch("nothing", True) == 404
        assert serve.status("/api/v1/collectors/process", "-X", "PUT") == 415
        assert serve.status("/api/v1/collectors/process", "-X", "PUT", "-H",
                            "Content-Type: application/json", "-d", "x") == 400


def test_settings_are_read_again(tmp_path):
    settings = tmp_path / "kymo.toml"
    settings.write_text("[collectors]\nsignal = true\n")
    with Serving(tmp_path, "-c", settings, **{"waits.enabled": "false"}) as serve:
        assert serve.part("signal")["state"] == "on"
        settings.write_text("[collectors]\nsignal = false\n[waits]\nenabled = true\n")
        serve.process.send_signal(signal.SIGHUP)
        until(lambda: serve.part("signal")["state"] == "off", serve.log)
        # What the command line says stands over the file, now as at the start.
        until(lambda: "settings were read again" in serve.log(), serve.log)
        assert "next start" not in serve.log() and not serve.part("waits")["wanted"]
        settings.write_text("[profile]\nrate_hz = 7\n[tables]\ninterval_s = 3\n[budget]\nmemory_mb = 80\n")
        serve.process.send_signal(signal.SIGHUP)
        until(lambda: "next start on: profile.rate_hz, budget.memory_mb" in serve.log(), serve.log)
        settings.write_text("[collectors]\nsignal = 3\n")
        serve.process.send_signal(signal.SIGHUP)
        until(lambda: "settings stay as they were" in serve.log(), serve.log)
        assert serve.status("/readyz") == 200


def test_systemd_is_told(tmp_path):
    path = str(tmp_path / "notify")
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.bind(path)
    heard.settimeout(PATIENCE_SECONDS)
    os.environ.update(NOTIFY_SOCKET=path, WATCHDOG_USEC="2000000")
    try:
        with Serving(tmp_path) as serve:
            said = set()
            while said != {b"READY=1", b"WATCHDOG=1"}:
                said.add(heard.recv(100))
            serve.end()
            while b"STOPPING=1" not in said:
                said.add(heard.recv(100))
    finally:
        del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]
        heard.close()


def test_a_second_daemon_is_refused(tmp_path):
    with Serving(tmp_path) as serve:
        second = subprocess.run(serve.words, capture_output=True, text=True,
                                timeout=PATIENCE_SECONDS, check=False)
        assert second.returncode == 1 and "another kymo writes the store" in second.stderr
        assert serve.status("/readyz") == 200


def test_an_address_that_is_in_use_is_told(tmp_path):
    with Serving(tmp_path) as serve:
        port = serve.url.rsplit(":", 1)[1]
        other = tmp_path / "other"
        other.mkdir()
        second = subprocess.run([*serve.words, "--set", f"http.port={port}", "--set",
                                 f"store.path={other}/kymo.db"], capture_output=True, text=True,
                                timeout=PATIENCE_SECONDS, check=False)
        assert second.returncode == 1
        assert f"cannot listen at 127.0.0.1:{port}: Address already in use" in second.stderr


def refused(*words, settings=None, path=None):
    command = [KYMO, "serve"]
    if settings is not None:
        path.write_bytes(settings)
        command += ["-c", path]
    return subprocess.run([*command, *words], capture_output=True, text=True,
                          timeout=PATIENCE_SECONDS, check=False)


@pytest.mark.parametrize("settings, words", [
    (b"[http]\nport = 70000\n", ":2:8: 'port' of [http] is 0 to 65535"),
    (b"[http]\nport = \"x\"\n", ":2:8: 'port' of [http] is a whole number"),
    (b"[http]\nprot = 1\n", ":2:1: there is no key 'prot' in [http]\nhint: did you mean 'port'?"),
    (b"[htp]\nport = 1\n", ":2:1: there is no key 'port' in [htp]\nhint: did you mean [http]?"),
    (b"[http]\nport = 1\nport = 2\n", ":3:6: this key was there before"),
    (b"[collectors]\nproces = true\n", ":2:1: there is no key 'proces' in [collectors]\nhint: did you mean 'process'?"),
    (b"[http]\nbind_address = \"0.0.0.0\"\n", "in the clear\nhint: set cert_file and key_file in [http_tls]"),
    (b"[http]\nbind_address = \"::\"\n", "in the clear\nhint: set cert_file and key_file in [http_tls]"),
    (b"[http]\nbind_address = \"localhost\"\n", "is no address in digits"),
    (b"[profile]\nrate_hz = nan\n", ":2:11: 'rate_hz' of [profile] is a whole number"),
    (b"[budget]\ncpu_percent = nan\n", "is 0.1 to 100"),
    (b"[http]\nport = 1979-05-27T07:32:00Z\n", "dates are not used here"),
    (b"[http]\nport", "a '=' should stand here"),
    (b"\xff\xfe", ":1:1: a key should stand here"),
    (b"x" * 70000, "cannot read"),
])
def test_bad_settings_are_refused(tmp_path, settings, words):
    answer = refused(settings=settings, path=tmp_path / "bad.toml")
    assert answer.returncode == 1 and words in answer.stderr, answer.stderr


def test_the_example_is_read_as_it_is(tmp_path):
    example = subprocess.run([KYMO, "serve", "--generate-config"], capture_output=True, text=True,
                             check=True).stdout
    (tmp_path / "kymo.toml").write_text(example)
    again = subprocess.run([KYMO, "serve", "--generate-config", "-c", tmp_path / "kymo.toml"],
                           capture_output=True, text=True, check=True).stdout
    assert again == example and "[http]" in example and "bind_address" in example


@pytest.mark.parametrize("break_it, words", [
    (lambda path: path.write_bytes(b"no database at all\n" * 500), "not a database"),
    (lambda path: truncate(path), "kymo.db"),
    (lambda path: newer(path), "written by a newer kymo"),
])
def test_a_file_that_cannot_be_used_is_refused(tmp_path, break_it, words):
    with Serving(tmp_path) as serve:
        serve.row("SELECT * FROM process_exec")
    break_it(serve.store)
    answer = subprocess.run(serve.words, capture_output=True, text=True, timeout=PATIENCE_SECONDS,
                            check=False)
    assert answer.returncode == 1 and words in answer.stderr and "hint:" in answer.stderr


def truncate(path):
    os.truncate(path, os.stat(path).st_size // 4096 // 2 * 4096)


def newer(path):
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 1000")
    database.close()


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "kymo-test", folder],
                             capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_keeps_what_is_there(tmp_path, small_disk):
    with Serving(tmp_path, **{"store.path": small_disk / "kymo.db"}) as serve:
        serve.store = small_disk / "kymo.db"
        serve.row("SELECT * FROM process_exec")
        try:
            with open(small_disk / "filler", "wb") as filler:
                while True:
                    filler.write(bytes(4096))
                    filler.flush()
        except OSError:
            pass
        churn = subprocess.Popen(["sh", "-c", "while :; do /bin/true; done"])
        try:
            until(lambda: serve.status("/readyz") == 503, "503")
            assert "full" in serve.text("/readyz")
            assert serve.status("/healthz") == 200
            (small_disk / "filler").unlink()
            until(lambda: serve.status("/readyz") == 200, lambda: serve.text("/readyz"))
        finally:
            churn.kill()
            churn.wait()
        lost = until(lambda: serve.rows("SELECT sum(count) AS n FROM loss WHERE why LIKE "
                                        "'not written%'")[0]["n"], "loss")
        assert lost > 0
    assert serve.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]


@pytest.mark.limit(300)
def test_killed_under_load_the_file_is_sound(tmp_path):
    churn = subprocess.Popen(["sh", "-c", "while :; do /bin/true; done"])
    before = 0
    try:
        for _ in range(4):
            with Serving(tmp_path) as serve:
                until(lambda: serve.rows("SELECT value FROM meta WHERE key = 'seq'")[0]["value"] >
                      before + 50, "rows")
                time.sleep(random.random())
                seen = serve.rows("SELECT value FROM meta WHERE key = 'seq'")[0]["value"]
                serve.end(signal.SIGKILL)
            database = sqlite3.connect(serve.store)
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            before = database.execute("SELECT value FROM meta WHERE key = 'seq'").fetchone()[0]
            assert before >= seen
            database.close()
        with Serving(tmp_path) as serve:
            written = "SELECT * FROM loss WHERE why LIKE 'kymo ended without%'"
            gaps = until(lambda: (rows := serve.rows(written)) and len(rows) >= 4 and rows, "four gaps")
            assert len(gaps) == 4 and all(gap["count"] is None for gap in gaps)
            told = serve.get("/api/v1/losses?start=-1h&limit=4")
            assert told["truncated"] and sum(one["count"] is None for one in told["data"]) >= 1
            assert [one["to_unix_ns"] for one in told["data"]] == sorted(
                (one["to_unix_ns"] for one in told["data"]), reverse=True)
            # Of a span with a gap nobody knows what was lost; behind it, everybody does.
            first, last = gaps[0]["from_unix_ns"], max(gap["to_unix_ns"] for gap in gaps)
            for path in ("process?", "profiles?", "functions?", "timeseries?",
                         "timeseries?metric=events&", "timeseries?metric=runq&"):
                assert serve.get(f"/api/v1/{path}start={first}&end={last}")["lost"] is None
                answer = serve.get(f"/api/v1/{path}start={last + 1}")
                assert isinstance(answer["lost"], int), path
            pair = serve.get(f"/api/v1/profiles/diff?start={last + 1}&base_start={first}"
                             f"&base_end={last}")
            assert pair["before"]["lost"] is None and isinstance(pair["after"]["lost"], int)
            told = subprocess.run([KYMO, "query", "process", "-n", "1", "--store", serve.store],
                                  capture_output=True, text=True, check=True)
            assert "nobody knows how many" in told.stderr
    finally:
        churn.kill()
        churn.wait()
