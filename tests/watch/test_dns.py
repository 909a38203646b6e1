# SPDX-License-Identifier: MIT
"""`kymo watch dns`: questions to a name server whose answers are known, field by field."""
import json
import subprocess
import sys

import pytest

from watching import PATIENCE_SECONDS, PROGRAMS, Watching, is_like, needs

PATIENT = ("--set", "dns.patience=1s")
LOCAL = {"127.0.0.1": 4, "::1": 6}


def ask(*words):
    """What ask.py knows to be true."""
    needs("ip")
    done = subprocess.run([sys.executable, PROGRAMS / "ask.py", *map(str, words)],
                          capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def of(truth, **fields):
    return {"pid": truth["pid"], **fields}


@pytest.mark.parametrize("address, port", [("127.0.0.1", 53), ("::1", 53), ("127.0.0.1", 5300)])
def test_a_question_and_its_answer(address, port):
    with Watching("dns", "--set", "dns.queries=1", "--set", f"dns.port={port}") as watch:
        truth = ask("answered", address, port)
        answer = watch.until(event="answer", **of(truth))
    query = watch.one(event="query", **of(truth))
    asked = {"collector": "dns", "pid": truth["pid"], "tid": truth["pid"], "uid": 0,
             "comm": "asker", "local_addr": address, "local_port": truth["local_port"],
             "server_addr": address, "server_port": port, "id": 4711, "name": "www.Example.com",
             "type": "a", "type_number": 1, "malformed": False}
    assert is_like(query, asked)
    assert is_like(answer, asked | {"rcode": "noerror", "truncated": False, "answers": 3,
                                    "sent": 1, "address": "192.0.2.7"})
    assert 20e6 < answer["latency_ns"] < truth["took_ns"]  # the server sleeps for 20 ms
    assert not watch.all(event="unanswered", **of(truth)) and not watch.lost


def test_an_address_of_ipv6():
    with Watching("dns") as watch:
        truth = ask("v6_address")
        answer = watch.until(event="answer", **of(truth))
    assert is_like(answer, {"address": "2001:db8::1", "type": "aaaa", "answers": 1})
    assert not watch.all(event="query")  # unless asked for


def test_answers_without_addresses():
    with Watching("dns") as watch:
        truth = ask("failures")
        watch.wait(lambda: len(watch.all(event="answer", **of(truth))) == 3)
    for name, wanted in (
            ("nobody.example", {"type": "aaaa", "rcode": "nxdomain", "truncated": False}),
            ("long.example", {"type": "txt", "rcode": "noerror", "truncated": True}),
            (".", {"type": "ns", "rcode": "noerror", "answers": 1})):
        assert is_like(watch.one(event="answer", name=name, **of(truth)),
                       wanted | {"address": None})


def test_hostile_packets():
    long = ".".join("xyz"[i] * 63 for i in range(3)) + "." + "w" * 61
    with Watching("dns", *PATIENT) as watch:
        truth = ask("hostile")
        nothing = watch.until(event="unanswered", **of(truth))
    answers = {record["name"]: record for record in watch.all(event="answer", **of(truth))}
    assert set(answers) == {"a\\.b.\\010\\027[31m\\000.\\255<;\\\\", long, "lie.example",
                            "round.example", "cut", "loop"}
    assert is_like(answers[long], {"type": "other", "type_number": 65280, "malformed": False})
    for name in ("lie.example", "round.example"):
        assert is_like(answers[name], {"malformed": False, "address": None})
    for name in ("cut", "loop"):
        assert is_like(answers[name], {"malformed": True, "type_number": 0})
    assert is_like(nothing, {"name": None, "malformed": True, "id": 3})


def test_no_answer():
    with Watching("dns", *PATIENT) as watch:
        truth = ask("unanswered")
        unanswered = watch.until(event="unanswered", **of(truth))
    assert is_like(unanswered, {"name": "void.example", "type": "a", "id": 99, "sent": 3,
                                "local_port": truth["local_port"], "comm": "asker"})
    assert 1e9 <= unanswered["waited_ns"] < 3e9
    assert not watch.all(event="answer", **of(truth))


def test_what_is_not_answered_by_the_end():
    with Watching("dns", "--set", "dns.patience=3600s") as watch:
        truth = ask("unanswered")
    assert is_like(watch.one(event="unanswered", **of(truth)), {"name": "void.example"})


def test_answers_that_nobody_asked_for():
    with Watching("dns", "-i", "100ms") as watch:
        truth = ask("strays")
        watch.wait(lambda: sum(record["answers"] for record in watch.all(
            event="strays", server_addr="127.0.0.1")) >= 3)
    assert sum(record["answers"] for record in watch.all(event="strays")) == 3
    assert watch.one(event="answer", **of(truth))["name"] == "twice.example"


def test_a_packet_that_comes_by_at_several_devices():
    needs("nsenter")
    with Watching("dns", *PATIENT) as watch:
        truth = ask("far")
        watch.until(event="answer", **of(truth, name="far.example"))
    answer = watch.one(event="answer", **of(truth, name="far.example"))
    assert is_like(answer, {"local_addr": "10.8.0.1", "server_addr": "10.8.0.2", "sent": 1})
    assert not [record for record in watch.records if record["event"] == "unanswered" and
                record["name"] == "far.example"]
    assert not watch.all(event="strays", server_addr="10.8.0.2")


def test_filters():
    with Watching("dns", "--comm", "nobody") as none, Watching("dns", "-p", "1") as of_init, \
            Watching("dns", "--comm", "asker", "--min-duration", "3600s") as slow, \
            Watching("dns", "--address", "::1") as of_v6:
        truth = ask("answered", "::1")
        of_v6.until(event="answer", **of(truth))
    for watch in (none, of_init, slow):
        assert not watch.records


def test_none_is_missed():
    with Watching("dns") as watch:
        truth = ask("many", 3000)
        watch.wait(lambda: len(watch.all(event="answer", **of(truth))) + sum(
            record["count"] for record in watch.lost) >= 3000)
    seen = watch.all(event="answer", **of(truth))
    assert len({record["id"] for record in seen}) == len(seen) <= 3000
