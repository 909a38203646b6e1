# SPDX-License-Identifier: MIT
"""Requests of servers in any language, by their sockets, against what clients and servers counted."""
import contextlib
import http.client
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest

from timing import PROGRAMS, Target, Timing, free_port, kymo, listening

CLIENTS, REQUESTS, WAIT_MS = 8, 130, 10
ROUTE = "GET /wait/{number}/{number}"
# At sockets, and in packets, as is done where the kernel lacks the hooks there.
no_groups = pytest.mark.skipif(" cgroup2 " not in pathlib.Path("/proc/mounts").read_text(),
                               reason="no control groups of version 2 are mounted")
ways = pytest.mark.parametrize("way", [pytest.param((), id="sockets"),
                                       pytest.param(("--packets",), id="packets", marks=no_groups)])


def python_server(port, *more):
    return listening(Target("/usr/bin/python3", PROGRAMS / "server.py", port, *more), port)


def node_server(port, *more):
    return listening(Target("node", PROGRAMS / "server.js", port, *more), port)


@contextlib.contextmanager
def nginx(port, behind, folder, certificate=None):
    """One that passes everything on to another server."""
    tls = f"ssl_certificate {certificate}; ssl_certificate_key {certificate};" if certificate else ""
    (folder / "nginx.conf").write_text(f"""
        daemon off; pid {folder}/pid; error_log {folder}/error; worker_processes 2;
        events {{ worker_connections 256; }}
        http {{ access_log off; keepalive_requests 100000;
                client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
                fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
                scgi_temp_path {folder}/scgi;
                server {{ listen 127.0.0.1:{port} {"ssl" if tls else ""}; {tls}
                         location / {{ proxy_pass http://127.0.0.1:{behind}; }} }} }}""")
    with listening(Target(shutil.which("nginx", path="/usr/sbin:/usr/bin"), "-c",
                          folder / "nginx.conf", "-e", folder / "error"), port) as target:
        yield target
        target.process.terminate()  # its workers go with it
        target.process.wait()


def ask(port, number, took, tls=None):
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=tls) if tls \
        else http.client.HTTPConnection("127.0.0.1", port)
    for i in range(REQUESTS):
        began = time.perf_counter()
        connection.request("GET", f"/wait/{WAIT_MS}/{number * REQUESTS + i}?page={i}")
        assert connection.getresponse().read() == b"hello"
        took.append((time.perf_counter() - began) * 1e9)
    connection.close()


def load(port, tls=None):
    """How long each request took, as its client saw it, in order."""
    took = []
    clients = [threading.Thread(target=ask, args=(port, i, took, tls)) for i in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return sorted(took)


def expect_between(final, own, seen):
    """What the server measures of itself lies within what kymo sees, and that within what the client sees:
    of each request, and so of each share of them.  Beyond that there is the bound of the histogram.

    On a quiet machine the two ends are less than 2 % apart; bench/latency has those figures.
    """
    bound = final["error_pct"] / 100
    for key, share in (("p50_ns", 0.5), ("p99_ns", 0.99)):
        at = int(len(seen) * share + 0.9999) - 1
        assert own[at] * (1 - bound) <= final[key] <= seen[at] * (1 + bound), key
    assert own[-1] <= final["max_ns"] <= seen[-1]


def measured(port, behind, *words, tls=None):
    with Timing("--http", *words) as timing:
        seen = load(port, tls)
        timing.end()
    own = [float(one) * 1e3 for one in behind.go()]
    assert timing.status == 0
    final = timing.finals[ROUTE]
    assert final["count"] == len(seen) == len(own) == CLIENTS * REQUESTS
    assert final["statuses"]["2xx"] == CLIENTS * REQUESTS and final["errors"] == 0
    assert final["port"] == port
    assert final["queue"]["count"] == final["service"]["count"] == CLIENTS * REQUESTS
    assert final["service"]["p50_ns"] >= WAIT_MS * 1e6 * 0.96
    assert [one for one in final["lost"] if "status" not in one["kind"]] == []
    expect_between(final, own, seen)
    return timing


@ways
def test_python(way):
    port = free_port()
    with python_server(port) as server:
        timing = measured(port, server, "-p", server.pid, *way)
    final = timing.finals[ROUTE]
    assert final["cpu_requests"] == (0 if way else CLIENTS * REQUESTS)
    assert (final.get("mode") == "in the packets of connections") == bool(way)


@pytest.mark.skipif(not shutil.which("node"), reason="no node")
def test_node():
    port = free_port()
    with node_server(port) as server:
        measured(port, server, "-p", server.pid)


@pytest.mark.skipif(not shutil.which("nginx", path="/usr/sbin:/usr/bin"), reason="no nginx")
def test_nginx_and_its_workers(tmp_path):
    port, behind = free_port(), free_port()
    with python_server(behind) as server, nginx(port, behind, tmp_path) as front:
        measured(port, server, "-p", front.pid)


def test_every_server_of_the_host():
    port = free_port()
    with Timing("--http") as timing, python_server(port) as server:  # that listens later
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for i in range(20):
            connection.request("GET", f"/later/{i}")
            connection.getresponse().read()
        timing.end()
        server.go()
    assert timing.finals["GET /later/{number}"]["count"] == 20


@ways
def test_another_process_is_not_counted(way):
    port, other = free_port(), free_port()
    with python_server(port) as server, python_server(other), \
            Timing("--http", "-p", server.pid, *way) as timing:
        for one in (port, other):
            http.client.HTTPConnection("127.0.0.1", one).request("GET", f"/at/{one}x")
            connection = http.client.HTTPConnection("127.0.0.1", one)
            connection.request("GET", "/at")
            connection.getresponse().read()
        timing.end()
    assert timing.finals["GET /at"]["count"] == 1
    assert timing.finals["GET /at"]["port"] == port


class Wire:
    """A server that reads as it is told and writes what it is told, and its client."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = port

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client, self.listener.accept()[0]


def send(client, server, *parts, at_once=4096):
    """Each part has been read before the next one is sent."""
    for part in parts:
        client.sendall(part)
        left = len(part)
        while left:
            left -= len(server.recv(min(at_once, left)))


def answer(client, server, *parts):
    for part in parts:
        server.sendall(part)
    left = sum(map(len, parts))
    while left:
        left -= len(client.recv(left))


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
END = b" HTTP/1.1\r\nHost: here\r\n\r\n"


@contextlib.contextmanager
def wired(way=(), **more):
    port = free_port()
    wire = Wire(port)
    with Timing("--http", "--port", port, *way, **more) as timing:
        yield wire, timing
    wire.listener.close()


def losses(final):
    return {one["kind"]: one["count"] for one in final["lost"]}


@ways
def test_reads_and_packets_of_every_size(way):
    with wired(way) as (wire, timing):
        client, server = wire.connect()
        whole = b"GET /whole" + END
        for _ in range(3):
            send(client, server, whole)
            answer(client, server, OK)
        send(client, server, whole, at_once=1)  # byte by byte, as Go begins
        answer(client, server, OK)
        for cut in (1, 3, 4, 5, 9):  # in two packets
            send(client, server, whole[:cut], whole[cut:])
            answer(client, server, OK)
        client.sendall(whole)  # looked at before it is read
        assert server.recv(4, socket.MSG_PEEK) == b"GET "
        assert server.recv(4096) == whole
        answer(client, server, OK)
        timing.end()
    final = timing.finals["GET /whole"]
    assert final["count"] == 10
    assert final["request_bytes"] == 10 * len(whole)
    assert final["response_bytes"] == 10 * len(OK)
    assert list(timing.finals) == ["GET /whole"] and losses(final) == {}


@ways
def test_bodies_and_answers_in_parts(way):
    with wired(way) as (wire, timing):
        client, server = wire.connect()
        post = b"POST /form HTTP/1.1\r\nContent-Length: 8\r\nExpect: 100-continue\r\n\r\n"
        send(client, server, post)
        answer(client, server, b"HTTP/1.1 100 Continue\r\n\r\n")
        send(client, server, b"GET /not")  # the body, in the guise of a request
        answer(client, server, OK)
        send(client, server, b"HEAD /page" + END)
        answer(client, server, b"HTTP/1.1 204 No Content\r\n\r\n")
        send(client, server, b"GET /page/1.html" + END)
        answer(client, server, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
               b"5\r\nhello\r\n", b"0\r\n\r\n")
        send(client, server, b"GET /page/2.html" + END)
        answer(client, server, b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        timing.end()
    finals = timing.finals
    assert finals["POST /form"]["count"] == finals["HEAD /page"]["count"] == 1
    assert finals["POST /form"]["statuses"]["2xx"] == 1
    assert finals["POST /form"]["request_bytes"] == len(post) + 8
    assert finals["POST /form"]["response_bytes"] == len(OK)
    page = finals["GET /page/{number}.html"]
    assert (page["count"], page["errors"], page["statuses"]["2xx"]) == (2, 1, 1)


@ways
def test_what_cannot_be_told_is_counted(way):
    with wired(way) as (wire, timing):
        client, server = wire.connect()
        send(client, server, b"GET /one" + END + b"GET /two" + END)  # both in one packet
        answer(client, server, OK, OK)
        began = time.monotonic_ns()
        send(client, server, b"GET /three" + END, b"GET /four" + END)  # in two
        answer(client, server, OK)
        ended = time.monotonic_ns()
        answer(client, server, OK + b"!" * 100)
        client.close()
        server.close()
        client, server = wire.connect()
        send(client, server, b"SSH-2.0-client\r\n", b"GET / in the middle of it")
        answer(client, server, b"SSH-2.0-server\r\n")
        switch, server2 = wire.connect()
        send(switch, server2, b"GET /chat" + END)
        answer(switch, server2, b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        send(switch, server2, b"GET /chat" + END)  # not HTTP any more
        answer(switch, server2, OK)
        gone, server3 = wire.connect()
        send(gone, server3, b"GET /gone" + END)
        server3.close()
        timing.end()
    finals = timing.finals
    assert sorted(finals) == ["GET /chat", "GET /one", "GET /three"]
    assert all(one["count"] == 1 for one in finals.values())
    three = finals["GET /three"]  # its neighbour changes nothing
    assert three["max_ns"] <= ended - began
    assert three["request_bytes"] == len(b"GET /three" + END)
    assert three["response_bytes"] == len(OK)
    assert losses(finals["GET /one"]) == {
        "requests: pipelined, not told apart": 2, "connections: not HTTP/1": 1,
        "requests: not answered when their handler, connection or this run ended": 1}


@ways
def test_queue_is_what_a_request_waits_to_be_read(way):
    with wired(way) as (wire, timing):
        client, server = wire.connect()
        for number in range(2):
            client.sendall(b"GET /queue" + END)
            time.sleep(0.07)  # it comes a little later than it was sent
            server.recv(4096)
            time.sleep(0.1)
            answer(client, server, OK)
        timing.end()
    final = timing.finals["GET /queue"]
    assert final["count"] == final["queue"]["count"] == 2
    assert final["queue"]["mean_ns"] >= 50e6 and final["service"]["mean_ns"] >= 100e6
    assert final["mean_ns"] >= final["queue"]["mean_ns"] + final["service"]["mean_ns"]
    assert final["queue"]["max_ns"] < final["max_ns"]


def test_one_line_a_request():
    line = re.compile(r"^GET /a/\d\?b=c: 200, \d+\.\d{3} ms \(queue \d+\.\d{3} ms, service \d+\.\d{3} ms, "
                      r"\d+ B in, 40 B out, port (\d+), PID: \d+, TID: \d+\)$")
    with wired(options=("--calls", "-n", "3")) as (wire, timing):
        client, server = wire.connect()
        for number in range(4):
            send(client, server, b"GET /a/%d?b=c" % number + END)
            answer(client, server, OK)
        out, _ = timing.process.communicate()
    assert len(out.splitlines()) == 3
    for one in out.splitlines():
        assert line.match(one), one
        assert int(line.match(one)[1]) == wire.port


def test_csv():
    import csv
    with wired(options=("--csv",)) as (wire, timing):
        client, server = wire.connect()
        send(client, server, b"GET /csv" + END)
        answer(client, server, OK)
        timing.process.terminate()
        out, _ = timing.process.communicate()
    row = list(csv.DictReader(out.splitlines()))[-1]
    assert (row["route"], row["count"], row["errors"], row["final"]) == ("GET /csv", "1", "0", "true")
    assert int(row["response_bytes"]) == len(OK) and int(row["max_ns"]) > 0


def test_words_that_do_not_go_together():
    for words in (("--http", "main.f"), ("--port", "80", "f"), ("--http", "-p", "1", "-c", "/"),
                  ("-c", "/", "a:f"), ("--packets", "a:f"), ("--http", "--packets", "--tls")):
        done = kymo(*words)
        assert done.returncode == 2 and "hint:" in done.stderr, words
    assert "there is no process" in kymo("--http", "-p", "4194304").stderr
    assert kymo("--http", "-c", "/no/such/group").returncode == 1


def test_above_the_cost_the_hooks_are_taken_off():
    with wired(options=("--json", "--max-cost", "0.0001")) as (wire, timing):
        client, server = wire.connect()
        while timing.process.poll() is None:
            send(client, server, b"GET /cost" + END)
            answer(client, server, OK)
        timing.end(stop=False)
    assert timing.status == 3
    assert "the hooks were taken off: they cost" in timing.said
    assert timing.finals["GET /cost"]["count"] > 0
