# SPDX-License-Identifier: MIT
"""Servers answer the same while probes come and go at random, in the middle of their calls."""
import http.client
import random
import threading

import pytest

from timing import Target, free_port, kymo, listening, made

CLIENTS, ROUNDS = 6, 6
SERVERS = {
    "goroutines": ("server.go", (), ["main.total", "main.add", "main.handle"]),
    "threads": ("server.cc", ("threads",), ["shop::total", "shop::add"]),
    "coroutines": ("server.cc", ("coroutines",), ["shop::total", "shop::add"]),
}


def ask(port, numbers, until, wrong, counts):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        while not until.is_set():
            n = numbers.randrange(200)
            connection.request("GET", f"/{n}")
            answer = connection.getresponse()
            got = (answer.status, answer.read())
            counts.append(n)
            if got != ((200, str(n * (n + 1) // 2).encode()) if n % 3 else (500, b"no")):
                wrong.append((n, got))
    except (OSError, http.client.HTTPException) as error:
        wrong.append(repr(error))
    connection.close()


@pytest.mark.limit(300)  # builds the library of Go
@pytest.mark.parametrize("kind", SERVERS)
def test_every_answer_is_right(kind):
    source, words, functions = SERVERS[kind]
    program = made(source, *(["-pthread"] if source.endswith(".cc") else []))
    port, until, wrong, counts, numbers = free_port(), threading.Event(), [], [], random.Random()
    with listening(Target(program, *words, port), port) as target:
        clients = [threading.Thread(target=ask, args=(port, random.Random(), until, wrong, counts))
                   for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        runs = []
        for _ in range(ROUNDS):
            some = numbers.sample(functions, numbers.randrange(1, len(functions) + 1))
            runs.append(kymo("-q", "-p", target.pid, *some, "-d", str(numbers.uniform(0.02, 0.2)),
                             "--max-cost", "0", "--json", timeout=100))
        until.set()
        for client in clients:
            client.join()
        assert wrong == [] and counts
        assert [one.stderr for one in runs if one.returncode] == []
        target.go()  # it is still there, and ends well
