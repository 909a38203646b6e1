# SPDX-License-Identifier: MIT
"""The paths, shapes and tables of the older dashboard: each as its front end knows it."""
import datetime
import os
import re
import socket
import sqlite3
import subprocess

import pytest

from serving import KYMO, Serving, curl, until

WHOLE, REAL, TEXT = int, (int, float), str
SHAPES = {  # the elements of `data`
    "processes": {"id": WHOLE, "timestamp": TEXT, "time": TEXT, "pid": TEXT, "comm": TEXT,
                  "args": TEXT},
    "network": {"id": WHOLE, "timestamp": TEXT, "pid": TEXT, "comm": TEXT, "ip_version": TEXT,
                "source_addr": TEXT, "source_port": TEXT, "dest_addr": TEXT, "dest_port": TEXT},
    "disk": {"id": WHOLE, "timestamp": TEXT, "range_min": WHOLE, "range_max": WHOLE,
             "count": WHOLE},
    "cpuprofile": {"id": WHOLE, "timestamp": TEXT, "process_name": TEXT, "stack_trace": TEXT,
                   "sample_count": WHOLE},
    "tcplife": {"id": WHOLE, "timestamp": TEXT, "pid": WHOLE, "comm": TEXT, "local_addr": TEXT,
                "local_port": WHOLE, "remote_addr": TEXT, "remote_port": WHOLE, "tx_kb": REAL,
                "rx_kb": REAL, "duration_ms": REAL},
    "syscalls": {"id": WHOLE, "timestamp": TEXT, "syscall_name": TEXT, "count": WHOLE},
}
VIEWS = {  # columns in their old order
    "processes": "id timestamp time pid comm args",
    "network_connections": "id timestamp pid comm ip_version source_addr source_port dest_addr "
                           "dest_port",
    "disk_latency": "id timestamp range_min range_max count",
    "cpu_profiles": "id timestamp process_name stack_trace sample_count",
    "tcp_lifecycle": "id timestamp pid comm local_addr local_port remote_addr remote_port tx_kb "
                     "rx_kb duration_ms",
    "syscall_stats": "id timestamp syscall_name count",
}


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    settings = folder / "kymo.toml"
    settings.write_text("[collectors]\nsyscall = true\n")
    with Serving(folder, "-c", settings, **{"profile.rate_hz": 199}) as serving:
        subprocess.run(["/bin/echo", "two words", "x"], check=True, stdout=subprocess.DEVNULL)
        listener = socket.create_server(("127.0.0.1", 0))
        serving.far = listener.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", serving.far))
        other, _ = listener.accept()
        client.sendall(b"x" * 2048)
        while other.recv(65536) and client:
            client.close()
            client = None
        other.close()
        listener.close()
        yield serving


def rows(serve, name, most=100):
    def ask():
        answer = serve.get(f"/api/metrics/{name}?limit={most}")
        assert "data" in answer, answer
        return answer["data"]
    return until(ask, name)


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "disk"])
def test_rows_have_their_shape(serve, name):
    now = datetime.datetime.now(datetime.timezone.utc)
    for row in rows(serve, name):
        for key, kind in SHAPES[name].items():
            assert isinstance(row[key], kind), (key, row)
        stamp = datetime.datetime.fromisoformat(row["timestamp"].replace("Z", "+00:00"))
        assert abs((stamp - now).total_seconds()) < 3600
    answer = serve.get(f"/api/metrics/{name}?limit=1")
    assert answer["count"] == len(answer["data"]) == 1 and answer["truncated"] is True
    assert answer["limit"] == 1 and answer["lost"] >= 0


def test_disk_rows_are_by_powers_of_two(serve):
    with open(serve.folder / "written", "wb") as file:
        file.write(os.urandom(1 << 20))
        os.fsync(file.fileno())
    answer = serve.get("/api/metrics/disk")  # a host without a disk that is watched has none
    for row in answer["data"]:
        for key, kind in SHAPES["disk"].items():
            assert isinstance(row[key], kind)
        assert row["range_max"] == max(1, 2 * row["range_min"] - 1) and row["count"] > 0


def test_known_events_are_there(serve):
    echo = until(lambda: [row for row in rows(serve, "processes", 1000)
                          if row["args"] == "/bin/echo two words x"], "echo")[0]
    assert echo["comm"] == "echo" and re.fullmatch(r"\d\d:\d\d:\d\d", echo["time"])
    life = until(lambda: [row for row in rows(serve, "tcplife", 1000)
                          if row["remote_port"] == serve.far], "connection")[0]
    assert life["tx_kb"] == 2 and life["pid"] == os.getpid()
    made = until(lambda: [row for row in rows(serve, "network", 1000)
                          if row["dest_port"] == str(serve.far)], "connect")[0]
    assert made["ip_version"] == "IPv4" and made["pid"] == str(os.getpid())
    newest = [row["id"] for row in rows(serve, "processes")]
    assert newest == sorted(newest, reverse=True)


@pytest.mark.parametrize("limit, taken", [("", 100), ("?limit=0", 100), ("?limit=-1", 100),
                                          ("?limit=abc", 100), ("?limit=7", 7),
                                          ("?limit=1000000000000000000", 1000)])
def test_a_limit_of_no_sense_is_the_usual_one(serve, limit, taken):
    assert serve.get("/api/metrics/processes" + limit)["limit"] == taken


def test_an_empty_table_is_an_empty_list(tmp_path):
    settings = tmp_path / "kymo.toml"
    settings.write_text("[collectors]\nsyscall = false\n")
    with Serving(tmp_path, "-c", settings) as serve:
        answer = serve.get("/api/metrics/syscalls")
        assert answer["data"] == [] and answer["count"] == 0 and answer["truncated"] is False
        assert serve.get("/health") == {"status": "healthy", "service": "ebpf-dashboard"}


@pytest.mark.parametrize("view", VIEWS)
def test_the_old_tables_are_views(serve, view):
    database = sqlite3.connect(f"file:{serve.store}?mode=ro", uri=True, timeout=10)
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({view})")]
    wanted = VIEWS[view].split()
    assert columns[:len(wanted)] == wanted or set(wanted) <= set(columns)
    for (stamp,) in database.execute(f"SELECT timestamp FROM {view} LIMIT 5"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+", stamp)
    database.close()


def test_the_origin_of_its_front_end_is_taken_where_listed(tmp_path):
    with Serving(tmp_path, **{"http.cors_origins": '["http://localhost:5173"]'}) as serve:
        heads = curl("-D", "-", "-o", "/dev/null", "-H", "Origin: http://localhost:5173",
                     serve.url + "/api/metrics/processes").stdout
        assert "Access-Control-Allow-Origin: http://localhost:5173" in heads
        assert serve.status("/api/metrics/processes", "-H", "Origin: http://localhost:3000") == 403


def test_its_variables_are_read_where_they_are_named(tmp_path):
    env = tmp_path / ".env"
    env.write_text(f"# of the dashboard\nPORT=18080\nexport DB_PATH='{tmp_path}/metrics.db'\nMAX_LIMIT=7\n"
                   "DEFAULT_LIMIT=\"3\"\nCORS_ENABLED=true\nCORS_ORIGINS=http://localhost:3000,http://localhost:5173\n"
                   "LOG_PATH=./logs/app.log\r\n")
    done = subprocess.run([KYMO, "serve", "--env-file", env, "--set", "http.port=0", "--generate-config"],
                          capture_output=True, text=True, check=True)
    for line in (f'path = "{tmp_path}/metrics.db"', "max_limit = 7", "default_limit = 3", "port = 0",
                 'cors_origins = ["http://localhost:3000", "http://localhost:5173"]'):
        assert f"\n{line}\n" in done.stdout, line
    assert "mean nothing here: LOG_PATH" in done.stderr
    # One that lies about is not read.
    done = subprocess.run([KYMO, "serve", "--generate-config"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "max_limit = 1000" in done.stdout
    for text, said in ("PORT=many", "'port' of [http] is a whole number"), ("PORT", "should be NAME=VALUE"):
        (tmp_path / "env").write_text(text)
        done = subprocess.run([KYMO, "serve", "--env-file", tmp_path / "env", "--generate-config"], capture_output=True,
                              text=True, check=False)
        assert done.returncode == 1 and said in done.stderr, done.stderr
    with Serving(tmp_path, "--env-file", env) as serve:
        assert serve.get("/api/metrics/processes")["limit"] == 3
        assert serve.get("/api/metrics/processes?limit=1000")["limit"] == 7
