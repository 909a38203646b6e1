# SPDX-License-Identifier: MIT
"""Clients of HTTP that take their time: each is ended within its limit, and counted; others are served meanwhile."""
import socket
import time

import pytest

from serving import PATIENCE_SECONDS, Serving, until

ASK = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    with Serving(tmp_path_factory.mktemp("serve"), **{"http.request_s": 2, "http.answer_s": 2,
                                                      "server.enabled": "false"}) as serving:
        yield serving


def connect(serve, **options):
    client = socket.socket()
    if "room" in options:  # what the kernel takes of an answer that nobody reads
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options["room"])
    client.settimeout(PATIENCE_SECONDS)
    client.connect(("127.0.0.1", int(serve.url.rsplit(":", 1)[1])))
    return client


def begin(serve, said):
    client = connect(serve)
    client.sendall(said)
    return client


def count(serve, key, table="http"):
    return serve.get("/api/v1/status")[table][key]


def is_ended(client):
    """The other end has had enough; what it said before does not matter."""
    client.settimeout(0.05)
    try:
        return client.recv(65536) == b""
    except (BlockingIOError, socket.timeout):
        return False
    except OSError:
        return True


# What is said at first, and what then, for ever.
SLOW = [
    (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ", b"x"),
    (b"G", b"E"),
    (b"PUT /api/v1/collectors/signal HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
     b"Content-Length: 60000\r\n\r\n", b" "),
    (b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n", b" "),
]


def test_requests_that_do_not_come(serve):
    """By the byte, and where nothing more comes at all."""
    before = count(serve, "slow_requests")
    clients = [(begin(serve, said), more) for said, byte in SLOW for more in (byte, b"")]
    left = list(clients)

    def all_have_ended():
        assert serve.status("/healthz") == 200
        for one in list(left):
            client, more = one
            try:
                client.sendall(more)
            except OSError:
                left.remove(one)
                continue
            if is_ended(client):
                left.remove(one)
        return not left
    until(all_have_ended, lambda: left)
    for client, _ in clients:
        client.close()
    until(lambda: count(serve, "slow_requests") == before + len(clients), "they are counted")


def test_who_has_nothing_to_ask_is_no_slow_one(serve):
    before = count(serve, "slow_requests")
    with connect(serve) as silent, connect(serve) as answered:
        answered.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(lambda: is_ended(silent), "the end")
        until(lambda: is_ended(answered), "the end")
    assert count(serve, "slow_requests") == before


def stuck(serve):
    """A client with more answers than the kernel has room for."""
    client = connect(serve, room=4096)
    client.sendall(ASK * 400)
    return client


def test_answers_that_are_not_taken(serve):
    """Not at all, and by the byte."""
    before = count(serve, "slow_answers")
    with stuck(serve), stuck(serve) as client:
        def both_are_cut():
            try:
                client.recv(1)
            except OSError:
                pass
            return count(serve, "slow_answers") >= before + 2
        until(both_are_cut, "cut")
        assert serve.status("/healthz") == 200
    until(lambda: count(serve, "answers", "waiting") == 0, "nothing waits")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """With little room, and the usual patience."""
    with Serving(tmp_path_factory.mktemp("small"), **{"http.max_waiting_bytes": 1 << 20, "http.max_connections": 64,
                                                      "server.enabled": "false"}) as serving:
        yield serving


def test_what_is_taken_steadily_comes_whole(small):
    size = int(next(line for line in small.text("/openapi.json", "-D", "-", "-o", "/dev/null").splitlines()
                    if line.lower().startswith("content-length")).split()[1])
    with connect(small, room=4096) as client:
        client.sendall(ASK * 60)
        seen, end = 0, time.monotonic() + 3  # longer than a tick
        while seen < 60 * size:
            part = client.recv(65536)
            assert part
            seen += len(part)
            if time.monotonic() < end:
                time.sleep(0.001)
    assert count(small, "slow_answers") + count(small, "slow_requests") == 0


def test_answers_that_wait_have_one_ceiling(small):
    clients = []
    try:
        # The page of ours, of the same daemon, is among them: it is the newest, and stays.
        while not count(small, "dropped", "waiting"):
            assert len(clients) < 50
            clients.append(stuck(small))
            until(lambda: count(small, "answers", "waiting") == len(clients) or count(small, "dropped", "waiting"),
                  "stuck")
        assert int(count(small, "bytes", "waiting")) <= 1 << 20
        assert "kymo_answers_dropped_total 1" in small.text("/metrics")
        until(lambda: any(is_gone(client) for client in clients), "the one that was dropped")
    finally:
        for client in clients:
            client.close()


def is_gone(client):
    """Its connection is closed from the other end, whatever of it was not read."""
    try:
        client.sendall(b"x")
    except OSError:
        return True
    return False


def test_who_is_silent_makes_room_for_others(small):
    idle = [connect(small) for _ in range(100)]
    try:
        for client in idle:
            client.sendall(b"G")
        until(lambda: small.status("/healthz") == 200, "a place")
        assert count(small, "displaced") > 0
    finally:
        for client in idle:
            client.close()
