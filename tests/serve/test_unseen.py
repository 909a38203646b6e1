# SPDX-License-Identifier: MIT
"""Processes whose end nobody saw: they do not live on in the store, and no end is made up for them."""
import subprocess
import time

import pytest

from serving import Serving, until


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    with Serving(tmp_path_factory.mktemp("serve"), **{"server.enabled": "false"}) as serving:
        yield serving


def life(serve, pid):
    return until(lambda: serve.rows("SELECT * FROM process_life WHERE pid = ? ORDER BY seq DESC", pid),
                 "its life")[0]


def test_an_end_that_was_not_seen(serve):
    with subprocess.Popen(["sleep", "1000"]) as gone, subprocess.Popen(["sleep", "1000"]) as stays:
        try:
            before = time.time_ns()
            assert not life(serve, gone.pid)["is_over"] and not life(serve, stays.pid)["is_over"]
            assert serve.switch("process", False) == 202
            until(lambda: serve.part("process")["state"] == "off", "off")
            gone.kill()
            gone.wait()
            # Another look, should the one for the switch have come before the kill.
            assert serve.switch("signal", False) == 202
            ended = until(lambda: life(serve, gone.pid)["is_over"] and life(serve, gone.pid), "it is over")
            assert ended["exit_code"] is None
            # When it was known to be there last, and not when somebody looked in vain.
            assert ended["at_unix_ns"] <= ended["ended_unix_ns"] < time.time_ns()
            assert not life(serve, stays.pid)["is_over"]
            until(lambda: serve.get("/api/v1/status")["unseen_ends"] >= 1, "it is counted")
            row = serve.get(f"/api/v1/processes?pid={gone.pid}")["data"][0]
            assert row["is_over"] is True and row.get("exit_code") is None
            # The collector comes back: whoever is there goes on with the life that he had.
            assert serve.switch("process", True) == 202
            until(lambda: serve.part("process")["state"] == "on", "on")
            seq = life(serve, stays.pid)["seq"]
        finally:
            for process in gone, stays:
                process.kill()
                process.wait()
    until(lambda: life(serve, stays.pid)["exit_code"] is not None, "an end that was seen")
    assert life(serve, stays.pid)["seq"] == seq and life(serve, stays.pid)["is_over"]
    assert len(serve.rows("SELECT * FROM process_life WHERE pid = ? AND at_unix_ns > ?", gone.pid,
                          before - 10**9)) == 1
