# SPDX-License-Identifier: MIT
"""The page of kymo serve in Chromium: a busy function is found by clicking, keys and addresses work, and
nothing of it is closed to who cannot see it.  The walks are in drive.mjs."""
import re
import signal
import time

import pytest

from conftest import HOSTILE_SYMBOL, HOT, NAME
from serving import Serving, until

pytestmark = pytest.mark.limit(400)
# Few rows each: axe looks at all of them.
VIEWS = ["/?start=-1h", "/?view=profiles&start=-1h&pid=PID",
         "/?view=profiles&shape=table&start=-1h&pid=PID", "/?view=processes&start=-1h&find=PID",
         "/?view=events&type=process&find=PID",
         "/?view=profiles&shape=tree&start=-1h&pid=PID",
         "/?view=processes&start=-1h&find=PID&who=PID", "/?view=sessions"]
SHOWN = NAME.replace("\u202e", "\\u202e")  # as the page writes a change of direction


def test_a_busy_function_is_found_by_clicking(serve, busy, walk):
    saw = walk(serve.url, "find", busy, HOT)
    assert saw["path"][:2] == ["all", SHOWN] and saw["path"][-1] == HOT
    assert "kymo_calls" in saw["path"] and HOT in saw["clicked"] and "samples" in saw["clicked"]
    assert HOT in saw["table"] and HOT in saw["again"] and f"pid={busy}" in saw["query"]
    assert "samples" in saw["label"] and saw["elements"] == 0
    for link in saw["exports"]:
        assert serve.status(link) == 200, link
    assert len(saw["exports"]) == 7


def test_keys_and_the_way_back(serve, busy, walk):
    saw = walk(serve.url, "keys", busy, HOT)
    assert saw["selected"] == HOT and saw["zoomed"] == 1 and saw["back"] == 0
    assert int(saw["framed"]) > 0 and saw["mapped"] > 8 and saw["chosen"] == SHOWN
    assert "shape=flame" in saw["query"] and "shape" not in saw["before"]


def test_every_shape_of_a_profile(serve, busy, walk):
    saw = walk(serve.url, "shapes", busy, HOT)
    assert saw["sandwich"] == [f"callers of {HOT}", f"callees of {HOT}"]
    assert saw["opened"] > 4 and SHOWN in saw["files"] and "libc.so.6" in saw["files"]
    assert HOT in saw["inverted"] and "from=" in saw["moment"] and "to=" in saw["moment"]
    assert "less" in saw["changed"] or "chance" in saw["changed"]
    assert "what changed" in saw["diff"]


def test_a_session_from_the_page(serve, busy, walk):
    saw = walk(serve.url, "session", busy, HOT)
    assert "parent" in saw["record"] and "runs" in saw["record"] and saw["elements"] == 0
    assert f"pid={busy}" in saw["flame"] and "start=" in saw["flame"]
    assert "session=" in saw["link"] and HOT in saw["label"]
    few, many = (int(re.search(r"(\d+) samples", saw[key])[1]) for key in ("moment", "label"))
    assert 0 < few < many


def test_a_moment_that_nobody_knows_is_not_drawn(serve, busy, walk):
    one = serve.session(pid=busy, duration_s=0.5, samples=False)
    assert serve.session_over(one["id"])["samples"] > 0
    whole = serve.get(f"/api/v1/sessions/{one['id']}/profile")
    at = int(whole["start_unix_ns"])
    assert walk(serve.url, "added", one["id"], at, at + 10**8)["drawn"] == 0
    assert serve.status(one["href"], "-X", "DELETE") == 202


def test_a_function_is_timed_from_the_page(serve, waiter, walk):
    pid, function = waiter
    saw = walk(serve.url, "latency", pid, function, function[:6] + "*")
    assert saw["names"] == function and f"who={pid}" in saw["link"] and "timing=" in saw["link"]
    assert "sleep" in saw["live"] and "running" in saw["live"] and str(pid) in saw["live"]
    assert re.search(r"\d+ calls, from", saw["histogram"]) and "calls, the longest" in saw["heat"]
    assert saw["table"] > 0 and "ms" in saw["row"]
    # 30 ms of sleep for the first argument, and the second says why, in letters that would be an element.
    assert "sleep" in saw["call"] and "30" in saw["call"] and "<u>why" in saw["call"] and "\\u202e" in saw["call"]
    assert function in saw["stack"] and "samples and waits" in saw["flame"] and function in saw["functions"]
    assert not saw["violations"], "\n".join(saw["violations"])
    assert saw["elements"] == 0 and saw["passes"] > 20 and saw["wider"] == []


def test_a_daemon_with_tokens_asks_for_one(walk, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.touch(0o600)
    tokens.write_text("a-token-for-the-page-alone\n")
    with Serving(tmp_path, wait=False, **{"auth.token_file": tokens}) as other:
        assert other.status("/") == other.status("/page.js") == 200
        assert other.status("/api/v1/status") == other.status("/plain") == 401
        saw = walk(other.url, "token", "a-token-for-the-page-alone")
    assert saw["saved"] == "kymo-events.ndjson" and "a-token" not in saw["address"]
    assert not saw["violations"] and saw["wider"] == []


def test_nothing_is_there(serve, walk):
    then = "start=1000000000000000000&end=1000000600000000000"
    saw = walk(serve.url, "empty", *(f"/?view={view}&{then}" for view in (
        "overview", "profiles", "processes", "events", "incidents", "sessions", "latency")))
    assert saw["problems"] == 0
    assert "No samples in this span." in saw["told"][0] and "None ended in this span." in saw["told"][2]


def test_another_clock(serve, busy, walk):
    saw = walk(serve.url, "odd")
    assert abs(int(saw["end"]) / 1e9 - time.time()) < 3600


def test_hostile_names_are_text(serve, hostile, walk):
    saw = walk(serve.url, "hostile", hostile[0], HOSTILE_SYMBOL[:12], hostile[1])
    assert not saw["harm"], "\n".join(saw["harm"])
    symbol = "<img src=x onerror=alert(1)>\\u001b[31m\\u202e\\u2066\\u000d\\u009b\\ufeff"
    assert saw["path"][-1] == symbol and symbol in saw["label"]
    for view in "icicle", "table", "call tree", "callers and callees":
        assert symbol in saw["told"][view], view
    for view in "processes", "events":
        assert "<script>alert(1)</script>\\u0007\\u001b]0;x" in saw["told"][view], view
        assert "kB" in saw["told"][view], view
    assert "<i>\\u001b[2J\\u202eh" in saw["told"]["processes"]


def test_a_stream_that_is_cut_goes_on(serve, walk):
    saw = walk(serve.url, "cut", "word-of-the-cut")
    assert saw["cuts"] == 1 and len(saw["asked"]) == 2 and "after=" in saw["asked"][1]
    lost = any("missing here" in row for row in saw["rows"])
    for i in range(9):
        rows = [row for row in saw["rows"] if f"word-of-the-cut{i}." in row]
        assert len(rows) == 1 or (lost and not rows), (i, saw["rows"])


def test_half_an_answer_is_told(serve, busy, walk):
    saw = walk(serve.url, "partly")
    assert saw["cuts"] > 0 and saw["rows"] > 0


def test_events_come_and_wait(serve, walk):
    saw = walk(serve.url, "live", "word-of-the-page")
    assert saw["before"] > 0 and saw["paused"] == saw["before"] and saw["after"] > saw["paused"]


@pytest.mark.parametrize("view", VIEWS)
def test_it_is_open_to_all_and_fits_a_phone(serve, busy, walk, view):
    saw = walk(serve.url, "looks", view.replace("PID", str(busy)))
    assert not saw["violations"], "\n".join(saw["violations"])
    assert saw["passes"] > 20 and saw["wider"] == []


def test_a_daemon_that_goes_is_told(serve, busy, walk, tmp_path):
    with Serving(tmp_path) as other:
        other.end(signal.SIGKILL)
    with Serving(tmp_path) as other:
        # Behind a kill nobody knows what is missing; that stands on the axes of time.
        until(lambda: other.get("/api/v1/losses?start=-1h")["data"], "a loss")
        chart, hatched, events, more = walk(other.url, "lost")["told"]
        assert "an unknown number of records" in chart and "an unknown number of" in events
        assert hatched > 0 and more > 0
        again = [*other.words, "--set", "http.port=" + other.url.rsplit(":", 1)[1]]
        assert walk(other.url, "gone", other.process.pid, *again)["kept"] == 1
