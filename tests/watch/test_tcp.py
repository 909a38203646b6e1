# SPDX-License-Identifier: MIT
"""`kymo watch tcp`: connections whose fate is known, at both ends, field by field."""
import errno
import json
import os
import subprocess
import sys

import pytest

from watching import PATIENCE_SECONDS, PROGRAMS, Watching, is_like, needs

TALK = [sys.executable, PROGRAMS / "talk.py"]
SERVER_UID = 12345  # of talk.py
ENDED = {"errno": 0, "end": "closed"}
TOLERANCE_NS = 1e6  # of Unix times: the offset between the clocks is read again and again


def talk(*words):
    """What talk.py knows to be true; `at` is when it ran."""
    needs("ip")
    done = subprocess.run([*TALK, *map(str, words)], capture_output=True, text=True,
                          timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def counts(info):
    """Fields that say the same as TCP_INFO."""
    return {"rtt_ns": info["rtt_us"] * 1000, "min_rtt_ns": info["min_rtt_us"] * 1000,
            "retransmits": info["retransmits"], "segments_out": info["segments_out"],
            "segments_in": info["segments_in"]}


def client_end(truth):
    return {"local_port": truth["client_port"], "remote_port": truth["server_port"],
            "netns": truth["netns"]}


def server_end(truth):
    return {"local_port": truth["server_port"], "remote_port": truth["client_port"],
            "netns": truth["netns"]}


def closes(watch, truth):
    """The two records of the end; waits for them."""
    return (watch.until(event="close", **client_end(truth)),
            watch.until(event="close", **server_end(truth)))


@pytest.mark.parametrize("address, plain, version, mapped", [
    ("127.0.0.1", "127.0.0.1", 4, False), ("::1", "::1", 6, False),
    ("::ffff:127.0.0.1", "127.0.0.1", 4, True)])
def test_both_ends_from_connect_to_close(address, plain, version, mapped):
    with Watching("tcp") as watch:
        truth = talk("exchange", address, 100_000, 777)
        client, server = closes(watch, truth)
    connect = watch.one(event="connect", **client_end(truth))
    accept = watch.one(event="accept", **server_end(truth))
    for record in (connect, accept, client, server):
        assert is_like(record, {"collector": "tcp", "local_addr": plain, "remote_addr": plain,
                                "ip_version": version, "v4_mapped": mapped})
    caller = {"pid": truth["pid"], "tid": truth["tid"], "uid": 0, "comm": "talk-client"}
    callee = {"pid": truth["server"], "tid": truth["server"], "uid": SERVER_UID,
              "comm": "talk-server"}
    assert is_like(connect, caller | {"outcome": "established", "errno": 0})
    assert is_like(accept, callee)
    assert is_like(client, caller | ENDED | {"role": "client", "tx_bytes": 100_000,
                                             "rx_bytes": 777})
    assert is_like(server, callee | ENDED | {"role": "server", "tx_bytes": 777,
                                             "rx_bytes": 100_000})
    assert 0 < connect["latency_ns"] < truth["connected_ns"]
    assert connect["latency_ns"] < client["duration_ns"] < truth["lasted_ns"]
    lasted = client["at_unix_ns"] - connect["at_unix_ns"] + connect["latency_ns"]
    assert abs(client["duration_ns"] - lasted) < TOLERANCE_NS
    assert 0 < accept["waited_ns"] < server["duration_ns"]
    waited = accept["at_unix_ns"] - connect["at_unix_ns"] + connect["latency_ns"]
    assert accept["waited_ns"] < waited + TOLERANCE_NS
    assert is_like(client, counts(truth["client_info"]))
    assert is_like(server, counts(truth["server_info"]))
    assert not watch.lost


def test_segments_that_get_lost():
    needs("tc")
    with Watching("tcp") as watch:
        truth = talk("lossy")
        client, server = closes(watch, truth)
    assert truth["retransmits"] > 0  # else nothing was tried
    assert client["retransmits"] == truth["retransmits"]
    assert client["tx_bytes"] == server["rx_bytes"] == 400_000
    assert is_like(client, {"end": "closed", "errno": 0, "rx_bytes": 0})
    times = [record["at_unix_ns"] for record in resent(watch, truth)]
    assert all(after - before > 0.1e9 - TOLERANCE_NS for before, after in zip(times, times[1:]))


def resent(watch, truth):
    """What tells of segments that the client sent again.  The last ones may have come too soon after
    others to be told, or in a thread that the host does not show."""
    again = watch.all(event="retransmit", **client_end(truth))
    total = 0
    for record in again:  # each tells what came since the one before
        assert is_like(record, {"pid": truth["pid"], "local_addr": "127.0.0.1", "ip_version": 4,
                                "remote_addr": "127.0.0.1", "v4_mapped": False})
        assert record["phase"] in ("established", "fin wait1")
        total += record["segments"]
        assert record["segments"] > 0 and record["retransmits"] == total
    assert 0 < total <= truth["retransmits"]
    return again


def test_each_segment_that_is_sent_again():
    needs("tc")
    with Watching("tcp", "--set", "tcp.resend_gap=0") as watch:
        truth = talk("lossy")
        closes(watch, truth)
    again = resent(watch, truth)
    assert again[-1]["retransmits"] > truth["retransmits"] / 2


def test_the_client_resets():
    with Watching("tcp") as watch:
        truth = talk("unread")
        client, server = closes(watch, truth)
    assert is_like(client, {"pid": truth["pid"], "end": "reset sent", "errno": 0, "tx_bytes": 0,
                            "rx_bytes": 6})
    assert is_like(server, {"pid": truth["server"], "end": "reset received",
                            "errno": errno.ECONNRESET, "tx_bytes": 6, "rx_bytes": 0})
    sent = watch.one(event="reset", **client_end(truth))
    received = watch.one(event="reset", **server_end(truth))
    assert is_like(sent, {"pid": truth["pid"], "way": "sent", "phase": "close",
                          "local_addr": "127.0.0.1", "ip_version": 4})
    assert is_like(received, {"pid": truth["server"], "uid": SERVER_UID, "comm": "talk-server",
                              "way": "received", "phase": "established"})


def test_no_record_of_what_is_not_wanted():
    with Watching("tcp", "--set", "tcp.resets=0", "--set", "tcp.accepts=0") as watch:
        truth = talk("unread")
        closes(watch, truth)
    assert {record["event"] for record in watch.all(pid=truth["pid"])} - {"retransmit"} == \
        {"connect", "close"}


@pytest.mark.parametrize("scenario, ours, theirs, error", [
    ("linger", "reset sent", "reset received", errno.ECONNRESET),
    ("silent", "closed", "closed", 0)])
def test_taken_but_never_used(scenario, ours, theirs, error):
    """Who closes it has it."""
    with Watching("tcp") as watch:
        truth = talk(scenario)
        client, server = closes(watch, truth)
    accept = watch.one(event="accept", **server_end(truth))
    assert accept["pid"] == server["pid"] == truth["server"]
    assert is_like(server, {"end": ours, "errno": 0, "tx_bytes": 0, "rx_bytes": 0})
    assert is_like(client, {"end": theirs, "errno": error, "tx_bytes": 0, "rx_bytes": 0})


def test_nobody_took_it():
    with Watching("tcp") as watch:
        truth = talk("unaccepted")
        client, server = closes(watch, truth)
    assert not watch.all(event="accept", **server_end(truth))
    nobody = {"pid": None, "tid": None, "uid": None, "comm": None}
    assert is_like(server, nobody | {"role": "server", "end": "reset sent"})
    assert is_like(watch.one(event="reset", **server_end(truth)), nobody | {"way": "sent"})
    assert is_like(client, {"pid": truth["pid"], "end": "reset received"})


def test_refused():
    with Watching("tcp") as watch:
        truth = talk("refused")
        for address, version in (("127.0.0.1", 4), ("::1", 6)):
            assert truth[address] == errno.ECONNREFUSED
            connect = watch.until(event="connect", pid=truth["pid"], remote_addr=address)
            assert is_like(connect, {"outcome": "failed", "errno": errno.ECONNREFUSED,
                                     "ip_version": version, "local_addr": address})
    assert connect["remote_port"] == truth["port"]
    assert not watch.all(event="close", pid=truth["pid"])
    assert not watch.all(event="reset", pid=truth["pid"])  # the connect() tells it


@pytest.mark.parametrize("scenario, error", [
    ("timed_out", errno.ETIMEDOUT), ("unreachable", errno.EHOSTUNREACH)])
def test_no_answer(scenario, error):
    with Watching("tcp") as watch:
        truth = talk(scenario)
        connect = watch.until(event="connect", pid=truth["pid"], outcome="failed")
    assert truth["errno"] == connect["errno"] == error
    assert connect["latency_ns"] > 1e9  # the first time-out
    if scenario == "timed_out":
        again = watch.all(event="retransmit", pid=truth["pid"])
        assert len(again) <= truth["retransmits"]
        assert {record["phase"] for record in again} <= {"syn sent"}
        assert truth["retransmits"] == connect["retransmits"] > 0
        assert connect["remote_port"] == truth["server_port"]
    else:
        assert is_like(connect, {"remote_port": 80, "remote_addr": "10.9.0.2",
                                 "local_addr": "10.9.0.1"})


def test_given_up():
    with Watching("tcp") as watch:
        truth = talk("given_up")
        connect = watch.until(event="connect", **client_end(truth))
    assert truth["errno"] == errno.EINPROGRESS
    assert is_like(connect, {"pid": truth["pid"], "outcome": "given up", "errno": None})


def test_no_port_left():
    with Watching("tcp") as watch:
        truth = talk("no_port")
        connect = watch.until(event="connect", pid=truth["pid"], outcome="not sent")
    assert truth["errno"] == errno.EADDRNOTAVAIL
    assert is_like(connect, {"errno": None, "remote_port": 50001, "remote_addr": "127.0.0.1"})
    assert watch.one(event="connect", pid=truth["pid"],
                     outcome="established")["local_port"] == truth["first"]


@pytest.mark.parametrize("words, error", [((), None), (("--syscalls",), errno.EADDRNOTAVAIL)])
def test_no_port_is_told_once(words, error):
    with Watching("tcp", *words) as watch:
        truth = talk("no_port")
        watch.until(event="connect", pid=truth["pid"], outcome="not sent")
    assert watch.one(event="connect", pid=truth["pid"], outcome="not sent")["errno"] == error


def test_connects_that_send_nothing():
    with Watching("tcp", "--syscalls") as watch:
        truth = talk("unsent")
        refused = talk("refused")
        later = talk("refused_later")
        watch.until(event="connect", pid=later["pid"])
    for address, plain, port in (("203.0.113.9", "203.0.113.9", 81), ("2001:db8::9", "2001:db8::9", 82),
                                 ("::ffff:203.0.113.9", "203.0.113.9", 83)):
        assert truth[address] == errno.ENETUNREACH
        connect = watch.one(event="connect", remote_port=port)
        assert is_like(connect, {
            "pid": truth["pid"], "tid": truth["pid"], "uid": 0, "comm": truth["comm"],
            "netns": truth["netns"], "remote_addr": plain, "errno": errno.ENETUNREACH,
            "outcome": "not sent", "latency_ns": None, "retransmits": 0, "local_port": None,
            "local_addr": None, "ip_version": 4 if "." in plain else 6,
            "v4_mapped": address != plain})
    # What was sent is told by its states, once, also where connect() tells the error later.
    assert len(watch.all(event="connect", pid=refused["pid"])) == 2
    assert later["errors"] == [errno.EINPROGRESS, errno.ECONNREFUSED]
    assert is_like(watch.one(event="connect", pid=later["pid"]),
                   {"outcome": "failed", "errno": errno.ECONNREFUSED})


def test_what_is_not_seen_without_syscalls_is_named():
    with Watching("tcp") as watch:
        truth = talk("unsent")
        talk("exchange", "127.0.0.1")
    assert not watch.all(pid=truth["pid"])
    assert "connects that send nothing" in " ".join(watch.summary["coverage"]["not_measured"])
    with Watching("tcp", "--syscalls") as watch:
        pass
    assert "connects that send nothing" not in watch.said


def test_open_before_kymo_looks():
    needs("ip")
    with subprocess.Popen([*TALK, "standing"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as talker:
        truth = json.loads(talker.stdout.readline())
        with Watching("tcp", "--standing", "-p", truth["pid"]) as watch:
            opens = [watch.until(event="open", remote_port=truth[port])
                     for port in ("server_port", "client_port")]
            talker.communicate("\n")
            ends = [watch.until(event="close", remote_port=truth[port])
                    for port in ("server_port", "client_port")]
    sent = 399 * 400 // 2
    for record, info, bytes_ in zip(opens, (truth["client"], truth["peer"]),
                                    ((sent, 399), (399, sent))):
        assert is_like(record, counts(info) | {
            "pid": truth["pid"], "comm": "python3", "local_addr": "127.0.0.1", "ip_version": 4,
            "tx_bytes": bytes_[0], "rx_bytes": bytes_[1]})
    for record, bytes_ in zip(ends, ((sent + 2, 399), (399, sent + 2))):
        assert is_like(record, {"pid": truth["pid"], "role": "unknown", "duration_ns": None,
                                "tx_bytes": bytes_[0], "rx_bytes": bytes_[1], "end": "closed"})


def test_filters():
    with Watching("tcp", "--errno", "ECONNREFUSED") as refusals, \
            Watching("tcp", "--address", "::1") as of_v6, \
            Watching("tcp", "--uid", SERVER_UID) as of_server, \
            Watching("tcp", "--comm", "talk-client") as of_client, \
            Watching("tcp", "--min-duration", "3600s") as endless:
        refused = talk("refused")
        truth = talk("exchange", "::1")
        with Watching("tcp", "--port", "7") as of_port:
            talk("exchange", "127.0.0.1")
        of_v6.until(event="close", pid=truth["server"])
        of_server.until(event="close", pid=truth["server"])
        of_client.until(event="close", pid=truth["pid"])
        refusals.until(event="connect", pid=refused["pid"], remote_addr="::1")
    assert {record["errno"] for record in refusals.records} == {errno.ECONNREFUSED}
    assert {record["local_addr"] for record in of_v6.records} == {"::1"}
    assert {record["event"] for record in of_v6.all(pid=truth["pid"])} - {"retransmit"} == \
        {"connect", "close"}
    assert {record["comm"] for record in of_server.records} == {"talk-server"}
    assert {record["event"] for record in of_server.records} - {"retransmit"} == {"accept", "close"}
    assert {record["comm"] for record in of_client.records} == {"talk-client"}
    assert not of_port.records and not endless.records


def test_none_is_missed_in_a_storm():
    """Every connection is told with both of its ends, or the loss is counted."""
    with Watching("tcp", "--set", "tcp.accepts=0") as watch:
        truth = talk("many", 3000)
        watch.wait(lambda: watch.all(pid=os.getpid()) or len(
            watch.all(event="close", pid=truth["server"])) + losses(watch, "close") >= 3000)
    for event, pid in (("connect", truth["pid"]), ("close", truth["pid"]),
                       ("close", truth["server"])):
        seen = watch.all(event=event, pid=pid)
        ports = {record["local_port" if pid == truth["pid"] else "remote_port"]
                 for record in seen}
        assert len(ports) == len(seen) <= 3000  # none twice
        assert len(seen) + losses(watch, event) >= 3000
    if not watch.lost:
        assert watch.summary["lost"] == 0
    for record in watch.all(event="close", pid=truth["server"]):
        assert is_like(record, {"rx_bytes": 1, "tx_bytes": 0})


def losses(watch, event):
    return sum(record["count"] for record in watch.lost if record["of"] == event)
