# SPDX-License-Identifier: MIT
"""Requests of Go's net/http, plain, behind TLS and by HTTP/2, against what clients and servers counted."""
import http.client
import re
import subprocess
import threading

import pytest

from test_http import losses
from test_tls import certificate, client  # noqa: F401
from timing import Target, Timing, free_port, kymo, listening, made, stripped

CLIENTS, REQUESTS = 4, 60
pytestmark = pytest.mark.limit(300)  # builds the library of Go


def serving(port, *more, program=None):
    return listening(Target(program or made("requests.go"), f"127.0.0.1:{port}", *more), port)


def ask(port, number, answers, tls):
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=tls) if tls \
        else http.client.HTTPConnection("127.0.0.1", port)
    for i in range(REQUESTS):
        connection.request("GET", f"/wait/2/{number * REQUESTS + i}?page={i}")
        answer = connection.getresponse()
        answers.append((answer.status, answer.read()))
    connection.close()


def load(port, tls=None):
    answers = []
    clients = [threading.Thread(target=ask, args=(port, i, answers, tls)) for i in range(CLIENTS)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    assert answers == [(200, b"hello")] * CLIENTS * REQUESTS


def curl(*words):
    return subprocess.run(["curl", "-sk", *words], text=True, capture_output=True, check=False).stdout


def expect_go(final, count):
    assert final["count"] == count
    assert final["port"] is final["request_bytes"] is final["response_bytes"] is None
    assert final["queue"]["count"] == 0 and final["service"]["count"] == count
    assert "net/http" in final["how"]
    assert any("queue times" in one for one in final["not_measured"])


@pytest.mark.parametrize("build", ["plain", "stripped"])
def test_behind_tls(certificate, build):  # noqa: F811
    port, program = free_port(), made("requests.go")
    with serving(port, certificate, program=stripped(program) if build == "stripped" else program) as server, \
            Timing("--http", "--tls", "-p", server.pid) as timing:
        load(port, client())
        timing.end()
        own = [int(one) for one in server.go()]
    assert timing.status == 0
    assert "where it begins alone, by goroutine; adds about" in timing.said
    assert list(timing.finals) == ["GET /wait/{number}/{number}"]
    final, = timing.finals.values()
    expect_go(final, CLIENTS * REQUESTS)
    assert final["statuses"]["2xx"] == CLIENTS * REQUESTS and losses(final) == {}
    # The handler's own clock is read inside of what is seen.
    bound = final["error_pct"] / 100
    assert final["p50_ns"] >= own[len(own) // 2 - 1] * (1 - bound)
    assert final["max_ns"] >= own[-1]


def test_http2(certificate):  # noqa: F811
    port = free_port()
    with serving(port, certificate) as server, Timing("--http", "--tls", "-p", server.pid) as timing:
        out = curl("--http2", "-Z", "-w", "%{http_version} %{http_code}\\n", "-o", "/dev/null",
                   f"https://127.0.0.1:{port}/wait/3/[1-120]?a=b")
        assert out.split("\n")[:-1] == ["2 200"] * 120
        for status in (204, 404, 503):
            curl("--http2", f"https://127.0.0.1:{port}/status/{status}", f"https://127.0.0.1:{port}/status/{status}")
        curl("--http2", f"https://127.0.0.1:{port}/panic")
        curl("--http1.1", f"https://127.0.0.1:{port}/panic")
        timing.end()
        server.go()
    final = timing.finals["GET /wait/{number}/{number}"]
    expect_go(final, 120)
    status = timing.finals["GET /status/{number}"]
    assert [status["statuses"][one] for one in ("unknown", "2xx", "4xx", "5xx")] == [0, 2, 2, 2]
    assert (status["count"], status["errors"]) == (6, 2)
    assert losses(final) == {"requests: not answered when their handler, connection or this run ended": 2}


def test_plain_requests_are_left_to_the_sockets():
    port = free_port()
    with serving(port) as server, Timing("--http", "--tls", "-p", server.pid) as timing:
        load(port)
        timing.end()
        server.go()
    final, = timing.finals.values()
    assert (final["count"], final["port"]) == (CLIENTS * REQUESTS, port)
    assert final["queue"]["count"] == CLIENTS * REQUESTS
    assert "sockets" in final["how"]


def test_every_process_of_a_file_and_one_line_a_request(certificate):  # noqa: F811
    port = free_port()
    line = re.compile(rf"^GET /wait/1/{port}: 200, \d+\.\d{{3}} ms \(service \d+\.\d{{3}} ms, PID: (\d+), "
                      r"TID: \d+\) goroutine \d+$")
    with Timing("--http", f"--tls={made('requests.go')}", options=("--calls",)) as timing, \
            serving(port, certificate) as server:  # that starts later
        for version in ("--http1.1", "--http2", "--http2"):
            curl(version, f"https://127.0.0.1:{port}/wait/1/{port}")
        timing.process.terminate()
        out, _ = timing.process.communicate()
        server.go()
    seen = [line.match(one) for one in out.splitlines() if f"/{port}:" in one]  # of other servers nothing is said
    assert [int(one[1]) for one in seen] == [server.pid] * 3


def test_without_the_option_they_are_counted_and_not_seen(certificate):  # noqa: F811
    port = free_port()
    with serving(port, certificate) as server, Timing("--http", "-p", server.pid) as timing:
        curl("--http2", f"https://127.0.0.1:{port}/wait/1")
        timing.end()
        server.go()
    assert timing.finals == {}
    assert "lost: 1 connections: TLS, without --tls" in timing.said


def test_what_cannot_be_asked():
    done = kymo("--http", f"--tls={made('requests.go')}", "--port", "80")
    assert done.returncode == 2 and "the port of a request is not known where Go is probed" in done.stderr
    done = kymo("--http", f"--tls={made('work.go')}")
    assert done.returncode == 1 and "hint: requests are seen in Go programs" in done.stderr


def of_version(program, version, name, *changes):
    """A copy of a Go program that says of itself that another Go has built it."""
    copy = program.with_name(name)
    data = program.read_bytes()
    at = data.index(b"go", data.index(b"\xff Go buildinf:"))
    size = data[at - 1]
    data = data[:at] + (version + b".").ljust(size, b"9") + data[at + size:]
    for before, after in changes:
        assert before in data and len(before) == len(after)
        data = data.replace(before, after)
    copy.write_bytes(data)
    copy.chmod(0o755)
    return copy


def ask_statuses(port):
    for version in ("--http1.1", "--http2"):
        curl(version, *(f"https://127.0.0.1:{port}/status/{status}" for status in (204, 404, 503)))


def test_the_layout_of_a_version_that_is_not_known_comes_from_dwarf(certificate):  # noqa: F811
    port = free_port()
    program = of_version(made("requests.go"), b"go1.99", "requests-199")
    with serving(port, certificate, program=program) as server, \
            Timing("--http", "--tls", "-p", server.pid) as timing:
        ask_statuses(port)
        timing.end()
        server.go()
    final = timing.finals["GET /status/{number}"]
    expect_go(final, 6)
    assert [final["statuses"][one] for one in ("unknown", "2xx", "4xx", "5xx")] == [0, 2, 2, 2]
    assert not any("layout" in one for one in final["not_measured"])


def test_what_neither_version_nor_dwarf_tells_is_not_read(certificate):  # noqa: F811
    port = free_port()
    plain = made("requests.go", "-ldflags=-compressdwarf=false", name="requests-plain")
    program = of_version(plain, b"go1.99", "requests-no-two",
                         (b"net/http.http2responseWriterState\0", b"net/http.http2responseWriterHidden"[:33] + b"\0"))
    with serving(port, certificate, program=program) as server, \
            Timing("--http", "--tls", "-p", server.pid) as timing:
        ask_statuses(port)
        timing.end()
        server.go()
    final = timing.finals["GET /status/{number}"]
    assert [final["statuses"][one] for one in ("unknown", "2xx", "4xx", "5xx")] == [3, 1, 1, 1]
    assert any(one.startswith("status of HTTP/2 requests that are seen in Go's net/http: not known for Go 1.99")
               for one in final["not_measured"])
    assert losses(final) == {"answers: the status could not be read": 3}
    done = kymo("--http", f"--tls={stripped(program)}")
    assert done.returncode == 69
    assert "are not known for Go 1.99 in" in done.stderr and "hint: build with DWARF" in done.stderr


MANY = 20000


def test_handlers_for_which_there_is_no_room_are_counted():
    program = made("many.go", "-gcflags=-complete=false")
    with Target(program, MANY) as target, Timing("--http", "--tls", "-p", target.pid) as timing:
        target.process.stdin.write("go\n")
        target.process.stdin.flush()
        assert target.process.stdout.readline() == f"{MANY}\n"
        timing.process.terminate()
        _, said = timing.process.communicate()
    lost = {kind: int(count.replace(",", "")) for count, kind in re.findall(r"lost: ([\d,]+) (.*)", said)}
    forgotten = lost.pop("requests: forgotten, more handlers of Go ran at once than there is room for")
    assert forgotten >= MANY - 16384
    others = sum(count for kind, count in lost.items()
                 if kind.startswith(("requests: not answered", "connections: arrivals")))
    assert forgotten + others == MANY, said
