# SPDX-License-Identifier: MIT
"""Probe points by name: counted, and timed from one to another; with semaphores."""
from timing import Target, kymo, made, timed

PROGRAM = "points.c"


def test_points_are_listed():
    done = kymo("--list", f"{made(PROGRAM)}:usdt:*:*")
    assert done.returncode == 0, done.stderr
    for name in ("order__begin", "paid", "order__end"):
        assert f"usdt:shop:{name} in " in done.stdout


def test_hits_are_counted_and_a_semaphore_raised():
    answer, timing = timed(Target(made(PROGRAM), 100), "usdt:shop:paid", "usdt:shop:order__*")
    assert answer == ["100"]
    for name in ("paid", "order__begin", "order__end"):
        final = timing.finals[f"usdt:shop:{name}"]
        assert final["count"] == 100
        assert final["p50_ns"] is final["max_ns"] is None


def test_the_time_from_one_to_the_other():
    answer, timing = timed(Target(made(PROGRAM), 50), "usdt:shop:order__begin..order__end")
    assert answer == ["0"]  # nobody asked for that one
    final = timing.finals["usdt:shop:order__begin..order__end"]
    assert (final["count"], final["unseen"], final["cut"]) == (50, 0, 0)
    assert final["p50_ns"] >= 2000000 * (1 - 0.03125)


def test_no_such_point():
    done = kymo("--list", f"{made(PROGRAM)}:usdt:shop:no_such")
    assert done.returncode == 1
    assert "there is no probe point 'shop:no_such'" in done.stderr
    done = kymo("--list", f"{made(PROGRAM)}:usdt:shop:order__begin..no_such")
    assert "there is no probe point 'shop:no_such'" in done.stderr
    done = kymo("--list", f"{made(PROGRAM)}:usdt:shop")
    assert done.returncode == 2
    assert "hint: write usdt:PROVIDER:NAME" in done.stderr

