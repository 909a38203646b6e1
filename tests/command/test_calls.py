# SPDX-License-Identifier: MIT
"""Which system calls the time went to, unasked: from measured waits and from ticks, without a hook."""
import pytest

from account import STEAL_TICK_NS, program, run, stolen, stolen_since

OTHERWISE = "(user code and page faults)"


def calls_of(account):
    return {row["name"]: row for row in account.json["calls"]}


def test_waits_in_a_call_are_all_that_was_blocked(tmp_path):
    account = run(tmp_path, "/bin/sh", "-c", "sleep 0.3; cat /proc/self/exe | sleep 0.1")
    calls = calls_of(account)
    assert calls["clock_nanosleep"]["blocked_ns"] >= 0.39e9
    assert calls["clock_nanosleep"]["waits"] >= 2
    assert {row["number"] for name, row in calls.items() if name != OTHERWISE} >= {230}
    blocked = sum(account.balance["blocked_ns"].values())
    # A wait that ended without a word is in no call.
    unseen = account.balance["blocked_ns"].get("unknown", 0)
    assert 0.95 * (blocked - unseen) <= sum(row["blocked_ns"] for row in calls.values()) <= blocked
    assert "clock_nanosleep" in account.said.split("SYSTEM CALLS THE TIME WENT TO")[1]


@pytest.mark.parametrize("which, command", [
    ("read", ["dd", "if=/dev/zero", "of=/dev/null", "bs=4M", "count=3000", "status=none"]),
    (OTHERWISE, ["/bin/sh", "-c", "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done"]),
])
def test_running_in_a_call_is_told_by_ticks(tmp_path, which, command):
    """Half of them at least; nearly all are."""
    before = stolen()
    account = run(tmp_path, *command)
    taken_ns = stolen_since(before) * 1e9 + STEAL_TICK_NS
    calls = calls_of(account)
    ticks = sum(row["ticks"] for row in calls.values())
    if ticks < 40:
        pytest.skip(f"only {ticks} ticks")
    assert calls[which]["ticks"] > ticks / 2, calls
    # There is no tick while a host has taken the CPU away.
    running = account.balance["running_ns"]
    assert 0.5 * running - taken_ns < ticks * account.json["tick_ns"] < 2 * running


def test_no_system_call_is_hooked_for_it(tmp_path):
    """The command looks at the links of its observer."""
    look = "grep -h tp_name /proc/$PPID/fdinfo/*"
    unasked = run(tmp_path, "/bin/sh", "-c", look).printed
    assert "sched_switch" in unasked and "sys_e" not in unasked
    assert "sys_enter" in run(tmp_path, "/bin/sh", "-c", look, options=["--syscalls"]).printed


def test_a_thread_that_waits_for_another_waits_in_futex(tmp_path):
    account = run(tmp_path, program("truth"), "lock", 300)
    assert calls_of(account)["futex"]["blocked_ns"] >= 0.25e9
