# SPDX-License-Identifier: MIT
"""The CPU time of routes, by samples, against threads and goroutines that use a known one."""
import os
import threading
import time

import pytest

from test_http import END, OK, Wire, answer, losses, send
from test_http_go import curl, serving
from test_tls import certificate  # noqa: F401
from timing import Target, Timing, free_port, listening, made

BURN_MS, BURNS = 50, 12
LEAST = 0.1  # of the true time: a host may take processors away, and then there are no samples


def expect_cpu(finals, burnt_ns, requests):
    burn, wait = finals["burn"], finals["wait"]
    assert burn["cpu_requests"] == wait["cpu_requests"] == requests
    assert burn["cpu_not_known"] == wait["cpu_not_known"] == {}
    assert burnt_ns * LEAST <= burn["cpu_ns"] <= burn["service"]["mean_ns"] * requests * 1.5
    assert burn["cpu_samples"] * 5003000 == burn["cpu_ns"]
    assert wait["cpu_ns"] < burn["cpu_ns"] / 2


def by_word(timing):
    return {name.split("/")[1]: final for name, final in timing.finals.items()}


@pytest.mark.limit(300)  # builds the library of Go
@pytest.mark.parametrize("way", ["--http1.1", "--http2", "plain"])
def test_goroutines(certificate, way):  # noqa: F811
    port = free_port()
    words, scheme = ([], "http") if way == "plain" else ([certificate], "https")
    with serving(port, *words) as server, \
            Timing("--http", *([] if way == "plain" else ["--tls"]), "-p", server.pid) as timing:
        curl(*([] if way == "plain" else [way]), "-Z", f"{scheme}://127.0.0.1:{port}/wait/{BURN_MS}/[1-{BURNS}]",
             f"{scheme}://127.0.0.1:{port}/burn/{BURN_MS}/[1-{BURNS}]")
        timing.end()
        server.go()
    expect_cpu(by_word(timing), BURN_MS * 1e6 * BURNS, BURNS)


def burn(least_ns):
    until = time.thread_time_ns() + least_ns
    while time.thread_time_ns() < until:
        pass


def test_threads():
    wire = Wire(free_port())
    with Timing("--http", "--port", wire.port, "-p", os.getpid()) as timing:
        client, server = wire.connect()
        for word in (b"wait", b"burn") * 4:
            send(client, server, b"GET /" + word + END)
            burn(100000000) if word == b"burn" else time.sleep(0.1)
            answer(client, server, OK)
            burn(20000000)  # for nobody
        timing.end()
    expect_cpu(by_word(timing), 4 * 100e6, 4)


def test_nobody_knows_for_whom_a_thread_works_that_has_two():
    wire = Wire(free_port())
    with Timing("--http", "--port", wire.port, "-p", os.getpid()) as timing:
        one, two = wire.connect(), wire.connect()
        send(*one, b"GET /one" + END)
        send(*two, b"GET /two" + END)
        answer(*two, OK)
        answer(*one, OK)
        send(*one, b"GET /alone" + END)
        answer(*one, OK)
        send(*one, b"GET /given" + END)
        thread = threading.Thread(target=answer, args=(*one, OK))
        thread.start()
        thread.join()
        send(*two, b"GET /closed" + END)
        two[1].close()
        send(*one, b"GET /after" + END)
        answer(*one, OK)
        timing.end()
    told = {name: final["cpu_not_known"] for name, final in by_word(timing).items()}
    assert told == {"one": {"shared": 1}, "two": {"shared": 1}, "alone": {}, "given": {"moved": 1}, "after": {}}
    assert timing.finals["GET /one"]["cpu_ns"] is None and timing.finals["GET /alone"]["cpu_ns"] is not None


def test_a_server_that_was_not_looked_at_yet():
    wire = Wire(free_port())
    with Timing("--http", "--port", wire.port, options=("--json", "-i", "0.05")) as timing:
        first = wire.connect()
        send(*first, b"GET /first" + END)
        answer(*first, OK)
        first[1].close()
        for line in timing.process.stdout:  # until it is met
            if '"GET /first"' in line:
                break
        second = wire.connect()
        send(*second, b"GET /second" + END)
        answer(*second, OK)
        timing.end()
    assert timing.finals["GET /first"]["cpu_not_known"] == {"new_process": 1}
    assert timing.finals["GET /second"]["cpu_not_known"] == {}


def test_a_person_reads_it():
    wire = Wire(free_port())
    with Timing("--http", "--port", wire.port, "-p", os.getpid(), options=()) as timing:
        one, two = wire.connect(), wire.connect()
        for client, server in (one, two):
            send(client, server, b"GET /two" + END)
        for client, server in (one, two):
            answer(client, server, OK)
        send(*one, b"GET /alone" + END)
        answer(*one, OK)
        timing.process.terminate()
        out, _ = timing.process.communicate()
    assert " CPU\n" in out
    assert "CPU time of 2 requests is not known: who served it had others at the same time" in out
    assert "CPU time, until it begins to answer: " in out and " samples in 1 requests" in out


@pytest.mark.parametrize("options", [("--json",), ()])
def test_refused_clocks_take_only_the_column_away(options):
    wire = Wire(free_port())
    with Timing("--http", "--port", wire.port, "-p", os.getpid(), options=options,
                who=[made("../../unprivileged/programs/deny.c", name="deny")]) as timing:
        pair = wire.connect()
        for _ in range(3):
            send(*pair, b"GET /refused" + END)
            answer(*pair, OK)
        timing.process.terminate()
        if options:
            timing.end(stop=False)
        else:
            out, said = timing.process.communicate()
    reason = "CPU time of requests: perf_event_open() of the CPU clock is refused (Permission denied)"
    if not options:
        assert "GET /refused" in out and "CPU" not in out and reason in said
        return
    final = timing.finals["GET /refused"]
    assert final["count"] == final["statuses"]["2xx"] == 3 and losses(final) == {}
    assert final["cpu_ns"] is None and final["cpu_not_known"] == {"no_samples": 3}
    assert any(one.startswith(reason) for one in final["not_measured"])


BEFORE = """
import os, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
for _ in range(2):
    connection = listener.accept()[0]
    if connection.recv(4096):
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok")
    connection.close()
os.execv(sys.argv[2], [sys.argv[2], "127.0.0.1:" + sys.argv[3]])
"""


@pytest.mark.limit(300)  # builds the library of Go
def test_a_process_that_runs_another_program_is_looked_at_again():
    before, after = free_port(), free_port()
    program = made("requests.go")
    with listening(Target("/usr/bin/python3", "-c", BEFORE, before, program, after), before) as server, \
            Timing("--http", "-p", server.pid, options=("--json", "-i", "0.05")) as timing:
        curl(f"http://127.0.0.1:{before}/before/x")
        listening(server, after)
        curl(f"http://127.0.0.1:{after}/wait/1")
        for line in timing.process.stdout:  # until it is met
            if '"GET /wait/{number}"' in line:
                break
        curl("-Z", f"http://127.0.0.1:{after}/wait/{BURN_MS}/[1-{BURNS}]",
             f"http://127.0.0.1:{after}/burn/{BURN_MS}/[1-{BURNS}]")
        timing.end()
        server.go()
    finals = timing.finals
    assert finals["GET /before/x"]["cpu_not_known"] == {}
    assert finals["GET /wait/{number}"]["cpu_not_known"] == {"new_process": 1}
    several = {name.split("/")[1]: final for name, final in finals.items() if name.count("{") == 2}
    expect_cpu(several, BURN_MS * 1e6 * BURNS, BURNS)
