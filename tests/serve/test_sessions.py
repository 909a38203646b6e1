# SPDX-License-Identifier: MIT
"""Profiles on demand over REST: what they sample, their limits, and how long their results are there."""
import gzip
import re
import subprocess

import pytest

from serving import Serving, until

CHAIN = """
#include <stdint.h>
volatile uint64_t sink;
__attribute__((noinline)) void innermost(void) { for (unsigned i = 0; i < 1u << 20; i++) sink += i; }
__attribute__((noinline)) void middle(void) { innermost(); sink++; }
__attribute__((noinline)) void outermost(void) { middle(); sink++; }
int main(void) { for (;;) outermost(); }
"""
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions")
    with Serving(folder, **{"profiler.max_concurrent_sessions": 3, "profiler.max_frequency_hz": 500,
                            "profiler.max_session_duration_seconds": 100}) as serving:
        yield serving


@pytest.fixture(scope="module")
def burner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("burner")
    (folder / "chain.c").write_text(CHAIN)
    subprocess.run(["gcc", "-O1", "-g", "-fno-optimize-sibling-calls", "-o", folder / "chain",
                    folder / "chain.c"], check=True)
    with subprocess.Popen([folder / "chain"]) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def done(serve, burner):
    """A session of the burner that is over, with samples."""
    session = serve.session(pid=burner.pid, duration_s=100, rate_hz=199)
    until(lambda: serve.get(session["href"])["samples"] > 20, "samples")
    other = serve.session(pid=burner.pid, duration_s=2, rate_hz=199)
    assert serve.status(session["href"], "-X", "DELETE") == 202
    assert serve.session_over(session["id"])["state"] == "cancelled"
    other = serve.session_over(other["id"])
    assert other["state"] == "done" and other["ended_by"] == "duration", other
    return other


def test_it_samples_the_process_alone(serve, burner, done):
    assert done["pid"] == burner.pid and done["samples"] > 0
    assert int(done["first_sample_ns"]) > 0 and int(done["setup_ns"]) > 0
    folded = serve.text(done["profile"] + "?format=folded").splitlines()
    assert sum(int(line.rsplit(" ", 1)[1]) for line in folded) == done["samples"]
    assert all(line.startswith("chain;") for line in folded)
    stacks = [line for line in folded if "innermost" in line]
    assert any("main;outermost;middle;innermost" in line for line in stacks), folded


def test_programs_are_loaded_before_anyone_asks(serve, burner, done):
    """Whatever suits the timer tick begins with them; then the next lie ready."""
    def ready():
        return serve.get("/api/v1/status")["sessions"]["loaded_ahead"]

    for body in ({"pid": burner.pid}, {}):
        until(ready, "programs that lie ready")
        over = serve.session_over(serve.session(duration_s=1, **body)["id"])
        assert over["state"] == "done" and over["loaded_ahead"] and over["samples"] > 0, over
        folded = serve.text(over["profile"] + "?format=folded")
        assert "main;outermost;middle;innermost" in folded
        assert ("pid" in body) == all(line.startswith("chain;") for line in folded.splitlines()), folded
    # More often than the tick comes, and waits: of these none lie ready, and they leave what does.
    for body in ({"rate_hz": 500}, {"kind": "off-cpu"}):
        until(ready, "programs that lie ready")
        over = serve.session_over(serve.session(pid=burner.pid, duration_s=0.1, **body)["id"])
        assert over["state"] == "done" and not over["loaded_ahead"] and ready(), over


@pytest.mark.parametrize("form, head", [
    ("json", '{"kind":"cpu"'), ("profile-json", "{"), ("folded", "chain;"), ("tree", "a session of kymo"),
    ("extended-folded", r"\d{19} chain \d+ \d+ \d+ "), ("table", "TIME"), ("svg", r"<\?xml"),
    ("speedscope", "{"), ("firefox", "{")])
def test_every_format(serve, done, form, head):
    path = f"{done['profile']}?format={form}"
    text = serve.text(path)
    assert re.match(head, text), text[:200]
    assert "innermost" in text or form == "table"
    assert text == serve.text(path), "read twice, it is the same"
    if form in ("table", "extended-folded"):
        assert len(text.splitlines()) - (form == "table") == done["samples"]


def test_pprof(serve, done):
    answer = subprocess.run(["curl", "-sS", serve.url + done["profile"] + "?format=pprof"],
                            capture_output=True, check=True)
    assert b"innermost" in gzip.decompress(answer.stdout)


def test_waits_and_the_whole_host(serve):
    with subprocess.Popen(["sh", "-c", "while :; do sleep 0.05; done"]) as sleeper:
        try:
            waits = serve.session(pid=sleeper.pid, duration_s=1, kind="off-cpu")
            whole = serve.session(duration_s=0.5, kind="wall", samples=False)
            assert serve.session_over(waits["id"])["samples"] > 0
            assert serve.session_over(whole["id"])["samples"] > 0
        finally:
            sleeper.kill()
    assert serve.get(f"/api/v1/sessions/{waits['id']}/profile")["kind"] == "off-cpu"
    status, problem = 400, serve.get(f"/api/v1/sessions/{whole['id']}/profile?format=table")
    assert problem["status"] == status and '"samples": true' in problem["hint"]


def test_one_too_many_is_refused_and_disturbs_nobody(serve, burner):
    running = [serve.session(pid=burner.pid, duration_s=100)["id"] for _ in range(3)]
    refused = serve.get("/api/v1/status")["sessions"]["refused"]
    status, problem = serve.post("/api/v1/sessions", pid=burner.pid)
    assert status == 429 and "max_concurrent_sessions" in problem["hint"], problem
    assert serve.get("/api/v1/status")["sessions"]["refused"] == refused + 1
    for number in running:
        until(lambda n=number: serve.get(f"/api/v1/sessions/{n}")["state"] == "running", "running")
        assert serve.status(f"/api/v1/sessions/{number}/profile") == 409
    listed = serve.get("/api/v1/sessions")
    assert listed["max_concurrent"] == 3
    assert [one["id"] for one in listed["data"] if one["state"] == "running"] == running[::-1]
    for number in running:
        assert serve.status(f"/api/v1/sessions/{number}", "-X", "DELETE") == 202
        assert serve.session_over(number)["state"] == "cancelled"
        assert serve.status(f"/api/v1/sessions/{number}", "-X", "DELETE") == 202  # now it is forgotten
        assert serve.status(f"/api/v1/sessions/{number}") == 404
    assert serve.get("/api/v1/status")["sessions"]["running"] == 0


def test_a_process_that_ends_ends_its_session(serve):
    with subprocess.Popen(["sleep", "1000"]) as sleeper:
        session = serve.session(pid=sleeper.pid, duration_s=100)
        until(lambda: serve.get(session["href"])["state"] == "running", "running")
        sleeper.kill()
    over = serve.session_over(session["id"])
    assert over["state"] == "done" and over["ended_by"] == "process ended"


@pytest.mark.parametrize("body, said", [
    ({"pid": 0}, "'pid'"), ({"pid": -1}, "'pid'"), ({"pid": 1.5}, "'pid'"), ({"pid": 1e18}, "'pid'"),
    ({"pid": "1"}, "'pid'"), ({"duration_s": 0}, "'duration_s'"), ({"duration_s": 101}, "to 100"),
    ({"duration_s": 1e18}, "'duration_s'"), ({"rate_hz": 501}, "to 500"), ({"rate_hz": -1}, "'rate_hz'"),
    ({"rate_hz": 1.5}, "whole"), ({"kind": "heap"}, "off-cpu"), ({"samples": 1}, "'samples'"),
    ({"pidd": 1}, "'pidd'")])
def test_what_makes_no_sense(serve, body, said):
    status, problem = serve.post("/api/v1/sessions", **body)
    assert status == 400 and said in problem["detail"], problem


@pytest.mark.parametrize("body", ["", "[]", "{", '{"pid":', '{"pid":1}x', "null", "{" * 100, '{"pid"'])
def test_broken_bodies(serve, body):
    assert serve.status("/api/v1/sessions", "-X", "POST", "-H", "Content-Type: application/json",
                        "--data-binary", body) == 400


def test_unknown_ones(serve):
    with subprocess.Popen(["true"]) as gone:
        pass
    status, problem = serve.post("/api/v1/sessions", pid=gone.pid)
    assert status == 404 and str(gone.pid) in problem["detail"]
    for number in UNKNOWN, "x", "%27", "..%2f..":
        for path in "", "/profile":
            assert serve.status(f"/api/v1/sessions/{number}{path}", "--path-as-is") in (404, 400)
    assert serve.status(f"/api/v1/sessions/{UNKNOWN}", "-X", "DELETE") == 404


def test_other_sites_start_and_end_nothing(serve, done):
    words = ["-H", "Content-Type: application/json", "-H", "Sec-Fetch-Site: cross-site"]
    assert serve.status("/api/v1/sessions", "-d", "{}", *words) == 403
    assert serve.status(done["href"], "-X", "DELETE", *words) == 403
    assert serve.status("/api/v1/sessions", "-d", "{}") == 415  # what a form can send


def test_results_expire(tmp_path):
    with Serving(tmp_path, **{"profiler.result_max_age_s": 1}) as serving:
        session = serving.session(duration_s=0.05)
        until(lambda: serving.status(session["href"]) == 404, "gone")
        said = serving.get("/api/v1/status")["sessions"]
        assert said["expired"] == 1 and said["kept"] == 0 and said["kept_bytes"] == "0"
        assert "kymo_sessions_expired_total 1" in serving.text("/metrics")
        # One that runs at the end is no reason to wait.
        serving.session(duration_s=100)
        assert serving.end() == 0


def test_a_target_that_goes_in_between(serve):
    """It ends at once, or the session says why it failed."""
    with subprocess.Popen(["sleep", "1000"]) as sleeper:
        session = serve.session(pid=sleeper.pid, duration_s=100)
        sleeper.kill()
    over = serve.session_over(session["id"])
    assert over["state"] == "done" or over["why"], over


def test_no_result_expires_for_its_size_before_it_was_read(tmp_path):
    """Four results of a host together are larger than a megabyte may hold, or none is: both is told."""
    with Serving(tmp_path, **{"profiler.result_max_bytes": 1 << 20}) as serving:
        over = []
        for _ in range(40):
            status, session = serving.post("/api/v1/sessions", duration_s=0.3, rate_hz=999, samples=True)
            if status == 429:
                break
            over.append(serving.session_over(session["id"]))
        assert status == 429 and "nobody has read" in session["detail"], session
        assert int(serving.get("/api/v1/status")["sessions"]["kept_bytes"]) > 1 << 20
        for one in over:
            assert serving.status(one["profile"]) == 200
        # Once they were read the oldest go.
        serving.session_over(serving.session(duration_s=0.1)["id"])
        assert serving.status(over[0]["href"]) == 404
