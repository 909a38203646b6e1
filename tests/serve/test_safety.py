# SPDX-License-Identifier: MIT
"""Who may ask, how many at once, what is left of a broken question; streams that go on where they were cut."""
import http.client
import json
import os
import shutil
import socket
import stat
import subprocess
import tempfile

import pytest

from serving import KYMO, PATIENCE_SECONDS, Serving, curl, links_of, until


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    with Serving(folder, **{"http.unix_socket": folder / "kymo.sock",
                            "http.allowed_hosts": '["kymo.example"]',
                            "http.cors_origins": '["http://localhost:3000"]'}) as serving:
        serving.port = int(serving.url.rsplit(":", 1)[1])
        yield serving


def test_files_are_for_their_owner(serve):
    for path in serve.store.parent.glob(serve.store.name + "*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE((serve.folder / "kymo.sock").stat().st_mode) == 0o660


def test_it_listens_on_loopback_alone(serve):
    numbers = set()
    for table in "/proc/net/tcp", "/proc/net/tcp6":
        with open(table, encoding="ascii") as lines:
            for line in list(lines)[1:]:
                local, state = line.split()[1], line.split()[3]
                if state == "0A" and int(local.rsplit(":", 1)[1], 16) == serve.port:
                    numbers.add(local.rsplit(":", 1)[0])
    assert numbers == {"0100007F"}


def test_the_unix_socket_answers(serve):
    answer = curl("--unix-socket", serve.folder / "kymo.sock", "http://localhost/healthz")
    assert json.loads(answer.stdout) == {"status": "ok"}


@pytest.mark.parametrize("head, status", [
    ("Host: evil.example", 421),
    ("Host: 127.0.0.1.evil.example", 421),
    ("Host: localhost", 200),
    ("Host: kymo.example:8080", 200),
    ("Origin: http://evil.example", 403),
    ("Origin: null", 403),
    ("Origin: http://localhost:3000", 200),
    ("Origin: http://localhost:1", 403),
])
def test_names_and_origins(serve, head, status):
    for path in "/api/v1/status", "/api/v1/process", "/api/v1/profiles":
        assert serve.status(path, "-H", head) == status, path


def test_only_listed_origins_may_read(serve):
    def heads(origin):
        return curl("-D", "-", "-o", "/dev/null", "-H", f"Origin: {origin}",
                    serve.url + "/api/v1/status").stdout
    assert "Access-Control-Allow-Origin: http://localhost:3000" in heads("http://localhost:3000")
    assert "Access-Control-Allow-Origin" not in heads(serve.url)


def test_a_page_of_another_site_changes_nothing(serve):
    words = ["-X", "PUT", "-H", "Content-Type: application/json", "-d", '{"on":false}']
    path = "/api/v1/collectors/signal"
    assert serve.status(path, *words, "-H", "Sec-Fetch-Site: cross-site") == 403
    assert serve.status(path, *words, "-H", "Origin: http://evil.example") == 403
    assert serve.status(path, "-X", "PUT", "-d", '{"on":false}') == 415  # what a form can send
    assert serve.part("signal")["wanted"] is True


@pytest.mark.parametrize("site, status", [("cross-site", 403), ("same-site", 403), ("same-origin", 200),
                                          ("none", 200)])
def test_a_page_of_another_site_keeps_nobody_busy(serve, site, status):
    words = ["-H", f"Sec-Fetch-Site: {site}", "-H", "Sec-Fetch-Mode: no-cors"]
    for path in "/api/v1/profiles?start=-24h", "/api/v1/records", "/openapi.json":
        assert serve.status(path, *words) == status, path
    assert serve.status("/", *words) == 200  # a link leads here
    assert serve.status("/api/v1/records", *words, "-H", "Origin: http://localhost:3000") == 200


def ask(serve, data, port=None):
    """What comes back for these bytes, until the other end closes or is silent."""
    with socket.create_connection(("127.0.0.1", port or serve.port), timeout=5) as client:
        answer = b""
        try:  # the other end may have enough of it before we have said all
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            while part := client.recv(65536):
                answer += part
        except OSError:
            pass
        return answer


@pytest.mark.parametrize("data", [
    b"\0" * 1000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\xff\xfe\xfd\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20000 + b"\r\n\r\n",
    b"POST /api/v1/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"GET /%zz%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
], ids=lambda data: repr(data[:24]))
def test_broken_requests_break_nothing(serve, data):
    answer = ask(serve, data)
    assert not answer or not answer.split(b"\r\n")[0].split()[1].startswith(b"2"), answer[:200]
    assert serve.status("/healthz") == 200


def test_more_clients_than_places_wait(tmp_path):
    with Serving(tmp_path, **{"http.max_connections": 20}) as serve:
        port = int(serve.url.rsplit(":", 1)[1])
        idle = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
                for _ in range(60)]
        try:
            def ours():
                links = links_of(serve.process.pid)
                with open("/proc/net/tcp", encoding="ascii") as lines:
                    nodes = {f"socket:[{line.split()[9]}]" for line in list(lines)[1:]
                             if line.split()[3] != "0A"}
                return sum(link in nodes for link in links)

            until(lambda: ours() >= 20, "places are taken")
            assert ours() <= 20
        finally:
            for client in idle:
                client.close()
        until(lambda: serve.status("/healthz") == 200, "places are free again")


class Events:
    """What a browser's EventSource does."""

    def __init__(self, serve, query="", last=None):
        self.client = http.client.HTTPConnection("127.0.0.1", serve.port,
                                                 timeout=PATIENCE_SECONDS)
        self.client.request("GET", "/api/v1/events" + query,
                            headers={"Last-Event-ID": str(last)} if last is not None else {})
        self.answer = self.client.getresponse()
        assert self.answer.status == 200
        assert self.answer.getheader("Content-Type") == "text/event-stream"

    def until(self, wanted):
        """Everything up to an event that is wanted."""
        seen = []
        while not seen or not wanted(seen[-1][1], seen[-1][2]):
            event = self.next()
            seen += [event] if event else []
        return seen

    def next(self):
        event = {}
        while line := self.answer.readline().decode():
            if line == "\n":
                break
            key, _, value = line.rstrip("\n").partition(": ")
            event[key] = value
        assert event or line, "the stream has ended"
        return (int(event["id"]), event["event"], json.loads(event["data"])) \
            if "data" in event else None

    def close(self):
        self.client.close()


def start():
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    return process.pid


def ended(pid):
    return lambda kind, data: kind == "process.exit" and data["pid"] == pid


def test_a_stream_goes_on_where_it_was_cut(serve):
    stream = Events(serve, "?type=process")
    first = start()
    seen = stream.until(ended(first))
    stream.close()
    missed = [start() for _ in range(20)]
    stream = Events(serve, "?type=process", last=seen[-1][0])
    last = start()
    more = stream.until(ended(last))
    stream.close()
    numbers = [number for number, _, _ in seen + more]
    assert numbers == sorted(set(numbers))  # none twice
    stored = [row["seq"] for row in serve.rows(
        "SELECT seq FROM process_exit WHERE seq > ? AND seq <= ? ORDER BY seq", seen[-1][0],
        more[-1][0])]
    assert [number for number, kind, _ in more if kind == "process.exit"] == stored
    ends = [data["pid"] for _, kind, data in more if kind == "process.exit"]
    assert [pid for pid in ends if pid in missed] == missed or any(kind == "lost" for _, kind, _ in more)
    assert all(data["seq"] == str(number) for number, kind, data in more if kind != "lost")


def test_an_id_that_is_none_is_refused(serve):
    assert serve.status("/api/v1/events", "-H", "Last-Event-ID: x") == 400
    assert serve.status("/api/v1/events?type=proces") == 400


def test_steps_of_records_are_as_short_as_a_second(tmp_path):
    """Those of samples are slices; the page asks for events of five minutes by 5 s."""
    path = "/api/v1/timeseries?start=-5m&step=5s&metric"
    with Serving(tmp_path, **{"profile.slice_s": 10}) as serve:
        assert serve.status(f"{path}=events&type=process") == 200
        assert serve.status(f"{path}=cpu") == 400


def test_numbers_for_prometheus(serve):
    start()
    text = serve.text("/metrics")
    types, values = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            types[line.split()[2]] = line.split()[3]
        elif not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            values[name] = float(value)
            family = name.split("{")[0]
            parts = [family.removesuffix(end) for end in ("_bucket", "_sum", "_count")]
            assert family in types or "histogram" in (types.get(part) for part in parts), line
    assert values['kymo_collector_up{collector="process"}'] == 1
    assert values['kymo_records_total{collector="process"}'] > 0
    assert values["kymo_store_writable"] == 1 and values["process_cpu_seconds_total"] > 0
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in types.items())
    assert "pid=" not in text and "port=" not in text


def test_clients_that_leave_early_leave_nothing_behind(serve):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", serve.port)) as client:
            client.sendall(b"GET /api/v1/profiles?min_share=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        stream = Events(serve)
        stream.close()
    assert serve.status("/healthz") == 200  # under AddressSanitizer the end tells what was leaked


def test_what_the_unit_gives_beyond_need_is_given_up():
    """CAP_SYS_ADMIN, where kernel.perf_event_paranoid lets CAP_PERFMON do; before anything listens."""
    given = "+sys_admin,+bpf,+perfmon,+sys_ptrace,+dac_read_search,+checkpoint_restore,+syslog"
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        os.chown(folder, 65534, 65534)
        shutil.copy(KYMO, f"{folder}/kymo")
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
                 f"--inh-caps=-all,{given}", f"--ambient-caps=-all,{given}", f"--bounding-set=-all,{given}",
                 f"{folder}/kymo", "serve", "--set", f"store.path={folder}/kymo.db", "--set", "http.port=0",
                 "--set", "server.port=0"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout.readline().startswith("http://")
            with open(f"/proc/{process.pid}/status", encoding="ascii") as lines:
                held = {line.split()[0]: int(line.split()[1], 16) for line in lines if line.startswith("Cap")}
            process.terminate()
        assert process.returncode == 0
    with open("/proc/sys/kernel/perf_event_paranoid", encoding="ascii") as level:
        kept = int(level.read()) > 2
    for name in "CapPrm:", "CapEff:", "CapInh:", "CapAmb:":
        assert held[name].bit_count() == 6 + kept and bool(held[name] & 1 << 21) == kept, name
